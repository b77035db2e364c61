/* text.c: a text file, plain or gzipped, as blocks of whole records.
 *
 * Whether a file is gzipped its first bytes tell, not its name. Memory: one block, or the whole
 * file where it is small; a record may be as long as TEXT_RECORD.
 */
#define _GNU_SOURCE // memrchr
#include "text.h"

#include "number.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

struct csv_text {
    const kaon_host *host;
    char *path;
    gzFile file;
    char *memory; // NULL: shared
    const char *at;
    size_t bytes; // of text in memory
    size_t room;
    size_t used;    // of it, handed out
    size_t offered; // end of the block handed out last
    int64_t line;   // lines before `used`
    int32_t at_end; // of the file
    int32_t whole;
    csv_format format;
};

/* --- records ---------------------------------------------------------------------------------- */

// A quote opens only where a field begins, spaces aside.
static int opens(const char *begin, const char *quote, const csv_format *format)
{
    const char *at = quote;
    while (at > begin && (at[-1] == ' ' || at[-1] == '\t') && at[-1] != format->separator)
        at--;
    return at == begin || at[-1] == format->line_end || at[-1] == format->separator ||
           (format->separator == ' ' && at[-1] == '\t');
}

const char *text_last_record(const char *begin, const char *end, const csv_format *format)
{
    const char *last = NULL, *outside = begin;
    for (const char *at = begin; at < end;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (quote && !opens(begin, quote, format)) {
            at = quote + 1;
            continue;
        }
        const char *stop = quote ? quote : end;
        const char *line = memrchr(outside, format->line_end, (size_t)(stop - outside));
        last = line ? line + 1 : last;
        if (!quote)
            break;
        const char *closing = memchr(quote + 1, '"', (size_t)(end - quote - 1));
        if (!closing)
            break;
        at = outside = closing + 1; // a doubled quote opens again at once
        while (at < end && *at == '"') {
            closing = memchr(at + 1, '"', (size_t)(end - at - 1));
            if (!closing)
                return last;
            at = outside = closing + 1;
        }
    }
    return last;
}

const char *text_record_end(const char *at, const char *end, const csv_format *format)
{
    const char *begin = at, *line = NULL;
    for (;;) {
        if (!line || line < at) { // not anew for each quoted field: lines may be long
            line = memchr(at, format->line_end, (size_t)(end - at));
            line = line ? line : end;
        }
        const char *quote = memchr(at, '"', (size_t)(line - at));
        while (quote && !opens(begin, quote, format))
            quote = memchr(quote + 1, '"', (size_t)(line - quote - 1));
        if (!quote)
            return line < end ? line + 1 : end;
        do {
            quote = memchr(quote + 1, '"', (size_t)(end - quote - 1));
            if (!quote)
                return end;
            quote++;
        } while (quote < end && *quote == '"');
        at = quote;
    }
}

const char *text_skip_blank(const char *at, const char *end, const csv_format *format)
{
    while (at < end) {
        const char *p = at;
        while (*p == ' ' || *p == '\r' || (*p == '\t' && format->separator != '\t'))
            p++;
        const int is_comment = format->comment && *p == format->comment;
        if (*p != format->line_end && *at != format->line_end && !is_comment)
            return at;
        const char *line = memchr(at, format->line_end, (size_t)(end - at));
        at = line ? line + 1 : end;
    }
    return end;
}

int64_t text_lines(const char *begin, const char *end, char line_end)
{
    int64_t count = 0;
    while (begin < end && (begin = memchr(begin, line_end, (size_t)(end - begin)))) {
        count++;
        begin++;
    }
    return count;
}

int text_is_utf8(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        const int more = *at < 0xC2 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : *at < 0xF5 ? 3 : 0;
        if (more == 0 || end - at <= more)
            return 0;
        const unsigned low = *at == 0xE0 ? 0xA0 : *at == 0xF0 ? 0x90 : 0x80;
        const unsigned high = *at == 0xED ? 0x9F : *at == 0xF4 ? 0x8F : 0xBF;
        if (at[1] < low || at[1] > high)
            return 0;
        for (int i = 2; i <= more; i++)
            if ((at[i] & 0xC0) != 0x80)
                return 0;
        at += more + 1;
    }
    return 1;
}

/* --- the file --------------------------------------------------------------------------------- */

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for text");
}

static kaon_status need(csv_text *t, size_t bytes, kaon_diag *diag)
{
    if (t->room >= bytes)
        return KAON_OK;
    char *memory = t->host->resize(t->host, t->memory, bytes + 1 + NUMBER_MARGIN);
    if (!memory)
        return no_memory(diag);
    t->at = t->memory = memory;
    t->room = bytes;
    return KAON_OK;
}

static kaon_status read_fault(const csv_text *t, kaon_diag *diag)
{
    int error = Z_OK;
    const char *words = gzerror(t->file, &error);
    if (error == Z_ERRNO)
        return kaon_fail(diag, KAON_IO, "it cannot be read: %s", strerror(errno));
    if (error == Z_MEM_ERROR)
        return no_memory(diag);
    if (error == Z_BUF_ERROR)
        return kaon_fail(diag, KAON_CORRUPT,
                         "its compressed data end too early; the file is cut off");
    return kaon_fail(diag, KAON_CORRUPT, "its compressed data are damaged: %s", words);
}

// Reads on until `bytes` are in memory or the file ends.
static kaon_status fill(csv_text *t, size_t bytes, kaon_diag *diag)
{
    KAON_TRY(need(t, bytes, diag));
    while (!t->at_end && t->bytes < bytes) {
        const size_t left = bytes - t->bytes;
        const int got =
            gzread(t->file, t->memory + t->bytes, left < (1 << 30) ? (unsigned)left : 1u << 30);
        if (got < 0)
            return read_fault(t, diag);
        t->bytes += (size_t)got;
        if (got > 0)
            continue;
        int error = Z_OK;
        gzerror(t->file, &error);
        if (error != Z_OK && error != Z_STREAM_END)
            return read_fault(t, diag);
        t->at_end = 1;
    }
    memset(t->memory + t->bytes, t->format.line_end, 1 + NUMBER_MARGIN);
    return KAON_OK;
}

static kaon_status open_file(csv_text *t, kaon_diag *diag)
{
    struct stat facts;
    if (stat(t->path, &facts))
        return kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO,
                         "it cannot be opened: %s", strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return kaon_fail(diag, KAON_INVALID, "it is not a regular file");
    errno = 0;
    t->file = gzopen(t->path, "rb");
    if (!t->file)
        return errno ? kaon_fail(diag, KAON_IO, "it cannot be opened: %s", strerror(errno))
                     : no_memory(diag);
    gzbuffer(t->file, 256 << 10);
    return KAON_OK;
}

static csv_text *text_new(const kaon_host *host, const char *path)
{
    const size_t bytes = strlen(path) + 1;
    csv_text *t = kaon_alloc(host, sizeof *t);
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->host = host;
    t->format.line_end = '\n';
    t->path = kaon_alloc(host, bytes);
    if (!t->path) {
        kaon_free(host, t);
        return NULL;
    }
    memcpy(t->path, path, bytes);
    return t;
}

void text_close(csv_text *t)
{
    if (!t)
        return;
    if (t->file)
        gzclose_r(t->file);
    kaon_free(t->host, t->memory);
    kaon_free(t->host, t->path);
    kaon_free(t->host, t);
}

kaon_status text_open(const kaon_host *host, const char *path, csv_text **out, kaon_diag *diag)
{
    csv_text *t = text_new(host, path);
    if (!t)
        return no_memory(diag);
    kaon_status status = open_file(t, diag);
    // First a little, so that a small file takes little memory.
    if (!status)
        status = fill(t, TEXT_KEEP / 64, diag);
    if (!status)
        status = fill(t, TEXT_KEEP, diag);
    if (status) {
        text_close(t);
        return status;
    }
    t->whole = t->at_end;
    *out = t;
    return KAON_OK;
}

kaon_status text_again(const csv_text *first, csv_text **out, kaon_diag *diag)
{
    csv_text *t = text_new(first->host, first->path);
    if (!t)
        return no_memory(diag);
    t->format = first->format;
    if (first->whole) {
        t->at = first->at;
        t->bytes = first->bytes;
        t->at_end = t->whole = 1;
    }
    const kaon_status status = first->whole ? KAON_OK : open_file(t, diag);
    if (status)
        text_close(t);
    else
        *out = t;
    return status;
}

const char *text_start(const csv_text *t, size_t *bytes, int32_t *whole)
{
    *bytes = t->bytes;
    *whole = t->whole;
    return t->at;
}

void text_set_format(csv_text *t, const csv_format *format)
{
    t->format = *format;
    if (t->memory)
        memset(t->memory + t->bytes, format->line_end, 1 + NUMBER_MARGIN);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void drop_used(csv_text *t)
{
    if (t->whole || t->used == 0)
        return;
    t->used = t->used < t->bytes ? t->used : t->bytes; // the last line may have got an end
    memmove(t->memory, t->memory + t->used, t->bytes - t->used);
    t->bytes -= t->used;
    t->used = 0;
}

// Lines at the beginning, a byte order mark among them.
static void skip_start(csv_text *t)
{
    if (t->used == 0 && t->bytes >= 3 && !memcmp(t->at, "\xEF\xBB\xBF", 3))
        t->used = 3;
    for (int64_t i = 0; i < t->format.skip && t->used < t->bytes; i++) {
        const char *line = memchr(t->at + t->used, t->format.line_end, t->bytes - t->used);
        t->used = line ? (size_t)(line + 1 - t->at) : t->bytes;
        t->line++;
    }
    t->format.skip = 0;
}

// One byte more counts at the end of the file, where the last line may lack its end.
static const char *limit(const csv_text *t, size_t bytes)
{
    const size_t left = t->bytes - t->used;
    if (left > bytes)
        return t->at + t->used + bytes;
    const int lacks_end = t->at_end && left && t->at[t->bytes - 1] != t->format.line_end;
    return t->at + t->bytes + lacks_end;
}

kaon_status text_next(csv_text *t, const char **begin, const char **end, int64_t *line,
                      kaon_diag *diag)
{
    const int32_t first = t->offered == 0 && t->line == 0 && t->used == 0;
    if (!t->whole) {
        drop_used(t);
        KAON_TRY(fill(t, TEXT_BLOCK, diag));
    }
    if (first)
        skip_start(t);
    if (t->used >= t->bytes)
        return KAON_END;
    for (size_t bytes = TEXT_BLOCK;; bytes *= 4) {
        const char *from = t->at + t->used, *stop = limit(t, bytes);
        const char *last = text_last_record(from, stop, &t->format);
        const int32_t all = t->at_end && stop >= t->at + t->bytes;
        if (last || all) {
            *begin = from;
            *end = last ? last : stop; // an unclosed quote: the fields will tell
            *line = t->line;
            t->offered = (size_t)(*end - t->at);
            t->used = t->offered;
            t->line += text_lines(*begin, *end, t->format.line_end);
            return KAON_OK;
        }
        if (bytes >= TEXT_RECORD)
            return kaon_fail(diag, KAON_CORRUPT,
                             "line %lld begins a record of more than %d MB; is a quote not closed?",
                             (long long)t->line + 1, TEXT_RECORD >> 20);
        if (!t->whole)
            KAON_TRY(fill(t, t->used + bytes * 4, diag));
    }
}

void text_return(csv_text *t, const char *at)
{
    t->line -= text_lines(at, t->at + t->used, t->format.line_end);
    t->used = (size_t)(at - t->at);
}
