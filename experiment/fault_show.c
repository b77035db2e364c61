/* fault_show.c: faults of a configuration as text for people, with the lines they stand in, and as
 * JSON.
 */
#include "experiment/fault_show.h"

#include <string.h>

enum { LINE_SHOWN = 100 }; // characters of a source line, around the place

static int32_t continues_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static int32_t count_characters(const char *line, size_t bytes)
{
    int32_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += !continues_character(line[i]);
    return count;
}

// Characters `from` .. `from + count - 1` of a line; what would move the cursor becomes a blank.
static void add_characters(kn_text *out, const char *line, size_t bytes, int32_t from,
                           int32_t count)
{
    int32_t index = -1;
    for (size_t i = 0; i < bytes; i++) {
        index += !continues_character(line[i]);
        if (index < from || index >= from + count)
            continue;
        const char c = (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? ' ' : line[i];
        kn_text_add_bytes(out, &c, 1);
    }
}

static void add_repeated(kn_text *out, char c, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        kn_text_add_bytes(out, &c, 1);
}

static int32_t decimal_digits(int32_t number)
{
    int32_t digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

static void write_source(const kn_fault *fault, int32_t margin, kn_text *out)
{
    const char *line = fault->excerpt;
    const size_t bytes = strlen(line);
    const int32_t all = count_characters(line, bytes);
    int32_t at = fault->column - 1;
    at = at < 0 ? 0 : at > all ? all : at;
    int32_t from = at > LINE_SHOWN * 3 / 4 ? at - LINE_SHOWN / 2 : 0;
    int32_t length = fault->length < 1 ? 1 : fault->length;
    if (length > from + LINE_SHOWN - at)
        length = from + LINE_SHOWN - at;
    if (length > all - at && all > at)
        length = all - at;

    kn_text_format(out, "%*s |\n%*d | %s", margin, "", margin, fault->line, from ? "..." : "");
    add_characters(out, line, bytes, from, LINE_SHOWN);
    kn_text_format(out, "%s\n%*s | ", all > from + LINE_SHOWN ? "..." : "", margin, "");
    add_repeated(out, ' ', at - from + (from ? 3 : 0));
    add_repeated(out, '^', length);
    kn_text_format(out, "%s%s\n", fault->hint ? " " : "", fault->hint ? fault->hint : "");
}

static void write_notes(const kn_fault *fault, int32_t margin, kn_text *out)
{
    for (const char *note = fault->note; note && *note;) {
        const size_t length = strcspn(note, "\n");
        kn_text_format(out, "%*s = ", margin, "");
        kn_text_add_bytes(out, note, length);
        kn_text_add(out, "\n");
        note += length + (note[length] == '\n');
    }
    kn_text_format(out, "%*s = more: kaon explain C%04d%s%s\n", margin, "", (int)fault->code,
                   fault->more ? ", " : "", fault->more ? fault->more : "");
}

static void write_fault(const kn_fault *fault, kn_text *out)
{
    const int32_t margin = fault->line ? decimal_digits(fault->line) : 1;
    kn_text_format(out, "error[C%04d]: %s\n", (int)fault->code,
                   fault->message ? fault->message : "out of memory for the message");
    if (fault->excerpt) {
        kn_text_format(out, "%*s--> %s:%d:%d\n", margin, "", fault->file ? fault->file : "",
                       (int)fault->line, (int)fault->column);
        write_source(fault, margin, out);
    } else {
        if (fault->file)
            kn_text_format(out, "%*s--> %s\n", margin, "", fault->file);
        if (fault->hint)
            kn_text_format(out, "%*s = %s\n", margin, "", fault->hint);
    }
    write_notes(fault, margin, out);
}

// Whether `a` stands before `b` in the text people read: edits after files, then by place.
static int32_t stands_before(const kn_fault *a, const kn_fault *b)
{
    const char *file_a = a->file ? a->file : "", *file_b = b->file ? b->file : "";
    const int32_t edit_a = *file_a == '-', edit_b = *file_b == '-';
    if (edit_a != edit_b)
        return edit_b;
    if (strcmp(file_a, file_b))
        return 0;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

// Few as they are: by insertion, which keeps the order of equals.
static void sort_order(const kn_faults *faults, int32_t order[KN_FAULTS_SHOWN])
{
    for (int32_t i = 0; i < kn_faults_kept(faults); i++) {
        int32_t at = i;
        for (; at > 0 && stands_before(&faults->at[i], &faults->at[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

void kn_faults_write(const kn_faults *faults, kn_text *out)
{
    int32_t order[KN_FAULTS_SHOWN];
    sort_order(faults, order);
    for (int32_t i = 0; i < kn_faults_kept(faults); i++) {
        if (i)
            kn_text_add(out, "\n");
        write_fault(&faults->at[order[i]], out);
    }
    if (faults->count > KN_FAULTS_SHOWN)
        kn_text_format(out, "\nand %d more\n", (int)(faults->count - KN_FAULTS_SHOWN));
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static void add_json_text(kn_text *out, const char *text)
{
    kn_text_add(out, "\"");
    for (const char *at = text ? text : ""; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            kn_text_format(out, "\\%c", c);
        else if (c == '\n')
            kn_text_add(out, "\\n");
        else if (c < 0x20)
            kn_text_format(out, "\\u%04x", c);
        else
            kn_text_add_bytes(out, at, 1);
    }
    kn_text_add(out, "\"");
}

void kn_faults_write_json(const kn_faults *faults, kn_text *out)
{
    int32_t order[KN_FAULTS_SHOWN];
    sort_order(faults, order);
    kn_text_add(out, "[");
    for (int32_t i = 0; i < kn_faults_kept(faults); i++) {
        const kn_fault *fault = &faults->at[order[i]];
        kn_text_format(out, "%s{\"code\": \"C%04d\", \"file\": ", i ? ", " : "", (int)fault->code);
        add_json_text(out, fault->file);
        kn_text_format(out, ", \"line\": %d, \"column\": %d, \"length\": %d, \"message\": ",
                       (int)fault->line, (int)fault->column, (int)fault->length);
        add_json_text(out, fault->message);
        kn_text_add(out, ", \"hint\": ");
        add_json_text(out, fault->hint);
        kn_text_add(out, ", \"notes\": ");
        add_json_text(out, fault->note);
        kn_text_add(out, ", \"more\": ");
        add_json_text(out, fault->more);
        kn_text_add(out, "}");
    }
    kn_text_add(out, "]");
}
