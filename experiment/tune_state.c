/* tune_state.c: what a search has asked and heard. */
#include "experiment/tune_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "kernel/files.h"
#include "kernel/memory.h"

enum { MOST_BYTES = 1 << 30 };

static kaon_status trouble(const kn_tune_state *s, const char *what, kaon_diag *diag)
{
    return kaon_fail(diag, KAON_IO, "cannot %s %s: %s", what, s->path, strerror(errno));
}

// Whole lines; where the last one was cut short, or is no JSON, the file ends before it.
static kaon_status read_lines(kn_tune_state *s, char *text, size_t bytes, json_t *lines,
                              kaon_diag *diag)
{
    size_t whole = 0;
    int64_t number = 1;
    for (char *end; whole < bytes && (end = memchr(text + whole, '\n', bytes - whole)); number++) {
        json_t *line = json_loadb(text + whole, (size_t)(end - text) - whole, 0, NULL);
        const size_t next = (size_t)(end - text) + 1;
        if (!line && next == bytes)
            break;
        if (!line || json_array_append_new(lines, line))
            return kaon_fail(diag, KAON_CORRUPT, "line %lld of %s is no JSON", (long long)number,
                             s->path);
        whole = next;
    }
    if (ftruncate(s->file, (off_t)whole) || lseek(s->file, 0, SEEK_END) < 0)
        return trouble(s, "write", diag);
    return KAON_OK;
}

// 1 if it is ours. Trials of a search that was killed hold it until they are gone: at once, as a
// rule.
static int32_t hold(int file)
{
    const struct timespec pause = {0, 100 * 1000 * 1000};
    for (int tries = 0; tries < 20; tries++) {
        if (!flock(file, LOCK_EX | LOCK_NB))
            return 1;
        if (errno != EWOULDBLOCK)
            return 0;
        nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return 0;
}

kaon_status kn_tune_state_open(kn_tune_state *s, const char *path, json_t **lines, kaon_diag *diag)
{
    void *text = NULL;
    size_t bytes = 0;
    *s = (kn_tune_state){.file = -1, .path = kn_copy_text(path)};
    *lines = json_array();
    if (!s->path || !*lines)
        return kn_no_memory(diag, "the state of a search");
    s->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->file < 0)
        return trouble(s, "open", diag);
    if (!hold(s->file))
        return errno == EWOULDBLOCK
                   ? kaon_fail(diag, KAON_INVALID, "another search is at work on %s", path)
                   : trouble(s, "lock", diag);
    KAON_TRY(kn_file_read(path, MOST_BYTES, &text, &bytes, diag));
    const kaon_status status = read_lines(s, text, bytes, *lines, diag);
    kn_free(text);
    return status;
}

kaon_status kn_tune_state_add(kn_tune_state *s, const char *what, json_t *value, kaon_diag *diag)
{
    json_t *line = json_pack("{s:o}", what, value);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(line);
    if (!text)
        return kn_no_memory(diag, "the state of a search");
    const size_t length = strlen(text);
    text[length] = '\n'; // in place of its end, which is no longer needed
    ssize_t written;
    do
        written = write(s->file, text, length + 1);
    while (written < 0 && errno == EINTR);
    free(text);
    if (written != (ssize_t)length + 1 || fsync(s->file))
        return trouble(s, "write", diag);
    return KAON_OK;
}

void kn_tune_state_fini(kn_tune_state *s)
{
    if (s->file >= 0)
        close(s->file);
    kn_free(s->path);
    *s = (kn_tune_state){.file = -1};
}
