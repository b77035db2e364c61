/* shim.h: the system calls of a run, counted, and one of them made to fail.
 *
 * Counted are calls on files below one folder: the write side (open for writing, write, fsync,
 * close, rename, unlink, mkdir, rmdir, ftruncate) and the read side (open for reading, read).
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdint.h>

enum { SHIM_WRITES = 1, SHIM_READS = 2 };

enum {
    SHIM_COUNT,
    SHIM_KILL_BEFORE, // the process ends with SIGKILL
    SHIM_KILL_AFTER,
    SHIM_FAIL, // with `error`, without having done anything
    SHIM_SHORT // reads and writes move one byte only; other calls are done
};

typedef struct {
    const char *folder;
    int sides; // SHIM_WRITES, SHIM_READS
    int action;
    int64_t nth; // from 1 on
    int error;
    int64_t calls; // so far
    // calls after which the rename of checkpoint i was done
    int64_t checkpoint_at[64];
} shim_plan;

extern shim_plan shim;

#endif
