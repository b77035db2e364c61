/* run_log.h: log.txt of a run: lines from any thread, each with the seconds since the run began. */
#ifndef KN_RUN_LOG_H
#define KN_RUN_LOG_H

#include <kaon/base.h>

#include <pthread.h>

typedef struct kn_run_log {
    pthread_mutex_t lock;
    int file; // -1: closed
    double started;
} kn_run_log;

void kn_run_log_init(kn_run_log *log);
void kn_run_log_fini(kn_run_log *log);

/* Adds to the file what comes; closes the one that was open. [any] */
kaon_status kn_run_log_open(kn_run_log *log, const char *path, kaon_diag *diag);
void kn_run_log_close(kn_run_log *log);

/* Nothing while it is closed. [any] */
void kn_run_log_add(kn_run_log *log, const char *text);
KAON_PRINTF(2, 3) void kn_run_log_format(kn_run_log *log, const char *format, ...);

#endif
