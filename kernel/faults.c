/* faults.c: faults of a configuration, collected with the lines they stand in. */
#include "kernel/faults.h"

#include <string.h>

#include "kernel/memory.h"

static char *format_text(kn_faults *faults, const char *format, va_list arguments)
{
    char text[KAON_TEXT_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    char *copy = kn_copy_text(text);
    if (!copy)
        faults->failed = 1;
    return copy;
}

static kn_fault *last_kept(kn_faults *faults)
{
    const int32_t count = faults->count;
    return count > 0 && count <= KN_FAULTS_SHOWN ? &faults->at[count - 1] : NULL;
}

// Characters, not bytes.
static int32_t count_characters(const char *line, size_t bytes)
{
    int32_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)line[i] & 0xC0) != 0x80;
    return count;
}

// The bytes of line `line` of a source, without its end.
static const char *find_line(const kn_config_source *source, int32_t line, size_t *bytes)
{
    const char *at = source->text, *end = source->text + source->bytes;
    for (int32_t i = 1; i < line && at < end; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        at = stop ? stop + 1 : end;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *bytes = (size_t)((stop ? stop : end) - at);
    if (*bytes && at[*bytes - 1] == '\r')
        --*bytes;
    return at;
}

/* Where something is missing at the end of a text the parser points behind it: the last line that
 * holds anything is what people want to see. */
static kn_place settle(kn_place place)
{
    size_t bytes = 0;
    const char *at = find_line(place.source, place.line, &bytes);
    if (bytes || at < place.source->text + place.source->bytes)
        return place;
    while (place.line > 1 && !bytes) {
        at = find_line(place.source, --place.line, &bytes);
        place.column = count_characters(at, bytes) + 1;
    }
    place.length = 1;
    return place;
}

static void keep_place(kn_faults *faults, kn_fault *fault, kn_place place)
{
    size_t bytes = 0;
    if (!place.source)
        return;
    fault->file = kn_copy_text(place.source->name);
    if (place.line) {
        place = settle(place);
        const char *line = find_line(place.source, place.line, &bytes);
        fault->excerpt = kn_copy_bytes(line, bytes);
        faults->failed |= !fault->excerpt;
    }
    fault->line = place.line;
    fault->column = place.column;
    fault->length = place.length;
    faults->failed |= !fault->file;
}

void kn_fault_add(kn_faults *faults, int32_t code, kn_place place, const char *format, ...)
{
    faults->count++;
    kn_fault *fault = last_kept(faults);
    if (!fault)
        return;
    va_list arguments;
    va_start(arguments, format);
    *fault = (kn_fault){.code = code, .message = format_text(faults, format, arguments)};
    va_end(arguments);
    keep_place(faults, fault, place);
}

static void keep_words(kn_faults *faults, char **field, const char *format, va_list arguments)
{
    kn_free(*field);
    *field = format_text(faults, format, arguments);
}

void kn_fault_hint(kn_faults *faults, const char *format, ...)
{
    kn_fault *fault = last_kept(faults);
    va_list arguments;
    va_start(arguments, format);
    if (fault)
        keep_words(faults, &fault->hint, format, arguments);
    va_end(arguments);
}

void kn_fault_more(kn_faults *faults, const char *format, ...)
{
    kn_fault *fault = last_kept(faults);
    va_list arguments;
    va_start(arguments, format);
    if (fault)
        keep_words(faults, &fault->more, format, arguments);
    va_end(arguments);
}

void kn_fault_note(kn_faults *faults, const char *format, ...)
{
    kn_fault *fault = last_kept(faults);
    if (!fault)
        return;
    va_list arguments;
    va_start(arguments, format);
    char *more = format_text(faults, format, arguments);
    va_end(arguments);

    kn_text text = {0};
    if (fault->note)
        kn_text_format(&text, "%s\n", fault->note);
    kn_text_add(&text, more ? more : "");
    kn_free(more);
    kn_free(fault->note);
    fault->note = kn_text_take(&text);
    if (!fault->note)
        faults->failed = 1;
}

kaon_status kn_faults_status(const kn_faults *faults, kaon_diag *diag)
{
    if (faults->failed)
        return kn_no_memory(diag, "the configuration");
    if (!faults->count)
        return KAON_OK;
    const kn_fault *first = &faults->at[0];
    const char *message = first->message ? first->message : "";
    if (!first->line)
        return kaon_fail(diag, KAON_INVALID, "%s%s%s", first->file ? first->file : "",
                         first->file ? ": " : "", message);
    return kaon_fail(diag, KAON_INVALID, "%s:%d:%d: %s", first->file ? first->file : "",
                     (int)first->line, (int)first->column, message);
}

void kn_fault_fini(kn_fault *fault)
{
    kn_free(fault->file);
    kn_free(fault->excerpt);
    kn_free(fault->message);
    kn_free(fault->hint);
    kn_free(fault->note);
    kn_free(fault->more);
    *fault = (kn_fault){0};
}

void kn_faults_fini(kn_faults *faults)
{
    for (int32_t i = 0; i < kn_faults_kept(faults); i++)
        kn_fault_fini(&faults->at[i]);
    *faults = (kn_faults){0};
}
