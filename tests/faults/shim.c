/* shim.c: system calls as the library under test sees them. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

shim_plan shim;

enum { MOST_FILES = 1024 };
static unsigned char ours[MOST_FILES]; // descriptors of files below the folder

static int is_ours(const char *path)
{
    return shim.folder && strncmp(path, shim.folder, strlen(shim.folder)) == 0;
}

static int is_our_file(int file)
{
    return file >= 0 && file < MOST_FILES && ours[file];
}

// 1: this is the call that must fail.
static int strikes(int side)
{
    if (!(shim.sides & side))
        return 0;
    const int64_t number = __atomic_add_fetch(&shim.calls, 1, __ATOMIC_SEQ_CST);
    if (shim.action == SHIM_COUNT || number != shim.nth)
        return 0;
    if (shim.action == SHIM_KILL_BEFORE)
        kill(getpid(), SIGKILL);
    errno = shim.error;
    return 1;
}

static void after(int struck)
{
    if (struck && shim.action == SHIM_KILL_AFTER)
        kill(getpid(), SIGKILL);
}

static int fails(int struck)
{
    return struck && shim.action == SHIM_FAIL;
}

static size_t bytes_of(int struck, size_t bytes)
{
    return struck && shim.action == SHIM_SHORT && bytes ? 1 : bytes;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    const int mine = is_ours(path);
    const int side = flags & (O_WRONLY | O_RDWR | O_DIRECTORY) ? SHIM_WRITES : SHIM_READS;
    const int struck = mine && strikes(side);
    if (fails(struck))
        return -1;
    const int file = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (file >= 0 && file < MOST_FILES)
        ours[file] = (unsigned char)(mine ? side : 0);
    after(struck);
    return file;
}

SEEN int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_at(AT_FDCWD, path, flags, mode);
}

SEEN int close(int file)
{
    const int struck = is_our_file(file) && ours[file] == SHIM_WRITES && strikes(SHIM_WRITES);
    if (file >= 0 && file < MOST_FILES)
        ours[file] = 0;
    const int result = (int)syscall(SYS_close, file);
    after(struck);
    if (!fails(struck))
        return result;
    errno = shim.error;
    return -1;
}

/* --- moving bytes ----------------------------------------------------------------------------- */

SEEN ssize_t read(int file, void *data, size_t bytes)
{
    const int struck = is_our_file(file) && strikes(SHIM_READS);
    if (fails(struck))
        return -1;
    const ssize_t got = syscall(SYS_read, file, data, bytes_of(struck, bytes));
    after(struck);
    return got;
}

SEEN ssize_t write(int file, const void *data, size_t bytes)
{
    const int struck = is_our_file(file) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const ssize_t put = syscall(SYS_write, file, data, bytes_of(struck, bytes));
    after(struck);
    return put;
}

SEEN ssize_t pwrite(int file, const void *data, size_t bytes, off_t at)
{
    const int struck = is_our_file(file) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const ssize_t put = syscall(SYS_pwrite64, file, data, bytes_of(struck, bytes), at);
    after(struck);
    return put;
}

SEEN int fsync(int file)
{
    const int struck = is_our_file(file) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_fsync, file);
    after(struck);
    return result;
}

SEEN int ftruncate(int file, off_t bytes)
{
    const int struck = is_our_file(file) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_ftruncate, file, bytes);
    after(struck);
    return result;
}

/* --- names ------------------------------------------------------------------------------------ */

static void note_checkpoint(const char *path)
{
    const char *name = strstr(path, "/checkpoints/");
    const long number = name ? strtol(name + 13, NULL, 10) : 0;
    if (number > 0 && number < 64)
        shim.checkpoint_at[number] = shim.calls;
}

SEEN int rename(const char *from, const char *to)
{
    const int struck = is_ours(to) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_rename, from, to);
    if (result == 0)
        note_checkpoint(to);
    after(struck);
    return result;
}

SEEN int unlink(const char *path)
{
    const int struck = is_ours(path) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_unlink, path);
    after(struck);
    return result;
}

SEEN int rmdir(const char *path)
{
    const int struck = is_ours(path) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_rmdir, path);
    after(struck);
    return result;
}

SEEN int mkdir(const char *path, mode_t mode)
{
    const int struck = is_ours(path) && strikes(SHIM_WRITES);
    if (fails(struck))
        return -1;
    const int result = (int)syscall(SYS_mkdir, path, mode);
    after(struck);
    return result;
}
