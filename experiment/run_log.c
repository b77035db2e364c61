/* run_log.c: log.txt of a run. */
#include "experiment/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "experiment/monitor.h"
#include "kernel/text.h"

void kn_run_log_init(kn_run_log *log)
{
    pthread_mutex_init(&log->lock, NULL);
    log->file = -1;
    log->started = kn_seconds();
}

void kn_run_log_close(kn_run_log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->file >= 0)
        close(log->file);
    log->file = -1;
    pthread_mutex_unlock(&log->lock);
}

void kn_run_log_fini(kn_run_log *log)
{
    kn_run_log_close(log);
    pthread_mutex_destroy(&log->lock);
}

kaon_status kn_run_log_open(kn_run_log *log, const char *path, kaon_diag *diag)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return kaon_fail(diag, KAON_IO, "cannot write %s: %s", path, strerror(errno));
    kn_run_log_close(log);
    pthread_mutex_lock(&log->lock);
    log->file = file;
    pthread_mutex_unlock(&log->lock);
    return KAON_OK;
}

void kn_run_log_add(kn_run_log *log, const char *text)
{
    pthread_mutex_lock(&log->lock);
    if (log->file >= 0) {
        kn_text line = {0};
        kn_text_format(&line, "%9.3f  ", kn_seconds() - log->started);
        kn_text_add(&line, text);
        kn_text_add(&line, "\n");
        // A log that cannot be written must not end a run that can.
        if (!line.failed && write(log->file, line.at, line.length) < 0)
            log->file = (close(log->file), -1);
        kn_text_fini(&line);
    }
    pthread_mutex_unlock(&log->lock);
}

void kn_run_log_format(kn_run_log *log, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    kn_run_log_add(log, text);
}
