/* layout.c: the fields of a csv file: what separates them, their names and types.
 *
 * The separator is the one that gives the first lines the same number of fields. A first line
 * without any number is a header, unless all columns hold text only and names were given. Types
 * come from all rows of files up to LOOK_BYTES, else from their beginning; a later row that
 * contradicts is an error.
 */
#include "layout.h"

#include "fields.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

enum { SAMPLE = 50, MOST_COLUMNS = 1 << 20 };

static const int64_t look_bytes = 256 << 20;

// ORDER separator
static const char separators[] = {0, ',', ';', '\t', '|', ' '};

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for the columns of a text");
}

static char *copy(const kaon_host *host, const char *text, size_t bytes)
{
    char *to = kaon_alloc(host, bytes + 1);
    if (!to)
        return NULL;
    memcpy(to, text, bytes);
    to[bytes] = 0;
    return to;
}

void layout_fini(csv_layout *l)
{
    for (int32_t i = 0; l->columns && i < l->count; i++)
        kaon_free(l->host, l->columns[i].name);
    kaon_free(l->host, l->columns);
    kaon_free(l->host, l->places);
    if (l->c)
        freelocale(l->c);
    l->columns = NULL;
    l->places = NULL;
    l->c = (locale_t)0;
}

/* --- separator -------------------------------------------------------------------------------- */

// Fields of the record at `at`, or 0 where a quote goes wrong.
static int32_t fields_in(const csv_format *f, const char *at, const char *end, const char **next)
{
    csv_field field;
    for (int32_t count = 1; count <= MOST_COLUMNS; count++) {
        const int found = field_read(f, &at, end, &field);
        *next = at;
        if (found != FIELD_MORE)
            return found == FIELD_LAST ? count : 0;
    }
    return 0;
}

// How many of the first records have as many fields as the first, if that is more than one.
static int32_t agreement(csv_format f, char separator, const char *begin, const char *end)
{
    int32_t fields = 0, agreeing = 0;
    f.separator = separator;
    const char *at = text_skip_blank(begin, end, &f);
    for (int32_t i = 0; i < SAMPLE && at < end; i++) {
        const char *next = end;
        const int32_t count = fields_in(&f, at, end, &next);
        fields = i ? fields : count;
        agreeing += count == fields && count > 1;
        at = text_skip_blank(next, end, &f);
    }
    return agreeing;
}

// The first in the list wins a tie: what is rare in text comes first, spaces last.
static char find_separator(const csv_format *f, const char *begin, const char *end)
{
    static const int8_t order[] = {TAB, SEMICOLON, COMMA, BAR, SPACE};
    int32_t best = 0;
    char separator = ',';
    for (size_t i = 0; i < sizeof order; i++) {
        const int32_t found = agreement(*f, separators[order[i]], begin, end);
        if (found <= best)
            continue;
        best = found;
        separator = separators[order[i]];
    }
    return separator;
}

/* --- names ------------------------------------------------------------------------------------ */

static kaon_status set_count(csv_layout *l, int32_t count, kaon_diag *diag)
{
    if (count < 1)
        return kaon_fail(diag, KAON_CORRUPT,
                         "its first line has a quote that is not closed, or more than %d fields",
                         MOST_COLUMNS);
    const uint64_t bytes = (uint64_t)count * sizeof *l->columns;
    l->columns = kaon_alloc(l->host, bytes);
    if (!l->columns)
        return no_memory(diag);
    memset(l->columns, 0, bytes);
    l->count = count;
    for (l->place_count = 16; l->place_count < 2 * (uint64_t)count;)
        l->place_count *= 2;
    l->places = kaon_alloc(l->host, l->place_count * sizeof *l->places);
    if (!l->places)
        return no_memory(diag);
    memset(l->places, 0, l->place_count * sizeof *l->places);
    return KAON_OK;
}

static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u; // FNV-1a
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h ^ h >> 32;
}

// Where a name is in the table of names, or the free place it would take.
static uint64_t place_of(const csv_layout *l, const char *name)
{
    const uint64_t mask = l->place_count - 1;
    uint64_t at = hash(name) & mask;
    while (l->places[at] && strcmp(l->columns[l->places[at] - 1].name, name))
        at = (at + 1) & mask;
    return at;
}

// A name that is there already gets a number: energy, energy_2.
static kaon_status name_column(csv_layout *l, int32_t index, const char *text, size_t bytes,
                               kaon_diag *diag)
{
    char numbered[300];
    char *name = copy(l->host, text, bytes);
    uint64_t place = name ? place_of(l, name) : 0;
    // Later repetitions begin to count where the last one ended.
    int32_t number = name && l->places[place] ? l->columns[l->places[place] - 1].repeated + 2 : 2;
    csv_column *first = name && l->places[place] ? &l->columns[l->places[place] - 1] : NULL;
    for (; name && l->places[place]; number++) {
        kaon_free(l->host, name);
        const int length = snprintf(numbered, sizeof numbered, "%.*s_%d",
                                    (int)(bytes < 256 ? bytes : 256), text, number);
        name = copy(l->host, numbered, (size_t)length);
        place = name ? place_of(l, name) : 0;
    }
    if (!name)
        return no_memory(diag);
    if (first)
        first->repeated = number - 2;
    l->columns[index].name = name;
    l->places[place] = index + 1;
    return KAON_OK;
}

static kaon_status number_columns(csv_layout *l, kaon_diag *diag)
{
    char name[16];
    for (int32_t i = 0; i < l->count; i++) {
        const int length = snprintf(name, sizeof name, "c%d", i);
        KAON_TRY(name_column(l, i, name, (size_t)length, diag));
    }
    return KAON_OK;
}

// The names in one record; a column without a name gets a number.
static kaon_status name_from(csv_layout *l, const char *at, const char *end, kaon_diag *diag)
{
    for (int32_t i = 0; i < l->count; i++) {
        csv_field field;
        char number[16];
        field_read(&l->format, &at, end, &field);
        const char *text = field.begin;
        size_t bytes = (size_t)(field.end - field.begin);
        if (bytes > 256 || !text_is_utf8(text, bytes))
            return kaon_fail(diag, KAON_CORRUPT, "the name of column %d %s", i + 1,
                             bytes > 256 ? "has more than 256 bytes" : "is not UTF-8");
        if (bytes == 0) {
            bytes = (size_t)snprintf(number, sizeof number, "c%d", i);
            text = number;
            l->columns[i].type = TYPE_HIDDEN; // as long as no value is seen
        }
        KAON_TRY(name_column(l, i, text, bytes, diag));
    }
    return KAON_OK;
}

static kaon_status name_as_told(csv_layout *l, kaon_diag *diag)
{
    const kaon_texts *names = &l->config->names;
    if (names->count != l->count)
        return kaon_fail(diag, KAON_INVALID, "`names` has %lld names, the file has %d columns",
                         (long long)names->count, l->count);
    for (int32_t i = 0; i < l->count; i++)
        KAON_TRY(name_column(l, i, names->at[i], strlen(names->at[i]), diag));
    return KAON_OK;
}

/* --- header ----------------------------------------------------------------------------------- */

// 1: some text and no number.
static int is_words(const csv_layout *l, const char *at, const char *end)
{
    int words = 0;
    for (;;) {
        csv_field field;
        int32_t whole;
        const int found = field_read(&l->format, &at, end, &field);
        if (found == FIELD_BAD)
            return 0;
        if (!field_is_missing(l->config, &field)) {
            if (number_skip(field.begin, &whole) == field.end)
                return 0;
            words = 1;
        }
        if (found == FIELD_LAST)
            return words;
    }
}

// The last comment before the data is a header too if it has as many words as there are columns:
// "# x y z".
static const char *comment_header(const csv_layout *l, const char *begin, const char *first,
                                  const char *end)
{
    const csv_format *f = &l->format;
    const char *line = first;
    if (!f->comment || first == begin)
        return NULL;
    do
        line--;
    while (line > begin && line[-1] != f->line_end);
    while (*line == ' ')
        line++;
    if (*line != f->comment)
        return NULL;
    while (*line == f->comment)
        line++;
    const char *next;
    return fields_in(f, line, end, &next) == l->count && is_words(l, line, end) ? line : NULL;
}

// Names the columns; *first then is where the data begin.
static kaon_status find_names(csv_layout *l, const char *begin, const char **first, const char *end,
                              kaon_diag *diag)
{
    const csv_config *c = l->config;
    const int has_header =
        c->header == HEADER_TRUE || (c->header == HEADER_AUTO && is_words(l, *first, end));
    const char *comment =
        c->header == HEADER_AUTO && !has_header ? comment_header(l, begin, *first, end) : NULL;
    kaon_status status;
    if (c->names.count)
        status = name_as_told(l, diag);
    else if (has_header)
        status = name_from(l, *first, end, diag);
    else if (comment)
        status = name_from(l, comment, end, diag);
    else
        status = number_columns(l, diag);
    if (has_header)
        *first = text_record_end(*first, end, &l->format);
    return status;
}

/* --- types ------------------------------------------------------------------------------------ */

static int32_t wants_text(const csv_layout *l, const char *name)
{
    for (int64_t i = 0; i < l->config->text.count; i++)
        if (!strcmp(l->config->text.at[i], name))
            return 1;
    return 0;
}

// Whole numbers with gaps become floats, whose gaps are NaN.
static void set_types(csv_layout *l, const uint8_t *seen)
{
    for (int32_t i = 0; i < l->count; i++) {
        csv_column *c = &l->columns[i];
        const int32_t hidden = c->type == TYPE_HIDDEN && seen[i] == SEEN_MISSING;
        if (hidden)
            c->type = TYPE_HIDDEN;
        else if (seen[i] & SEEN_TEXT || wants_text(l, c->name))
            c->type = TYPE_TEXT;
        else
            c->type = seen[i] == SEEN_INT ? TYPE_INT : TYPE_FLOAT;
    }
}

static int any_whole(const csv_layout *l, const uint8_t *seen)
{
    for (int32_t i = 0; i < l->count; i++)
        if (seen[i] == SEEN_INT)
            return 1;
    return 0;
}

// All of the first block, then only what could still change: a column of whole numbers.
static kaon_status look_at_blocks(csv_layout *l, csv_text *text, uint8_t *seen, kaon_diag *diag)
{
    csv_piece pieces[PIECES];
    const char *begin, *end;
    int64_t line = 0, bytes = 0;
    l->rows = 0;
    for (;;) {
        const kaon_status status = text_next(text, &begin, &end, &line, diag);
        if (status == KAON_END)
            return KAON_OK;
        KAON_TRY(status);
        if (bytes && (bytes > look_bytes || !any_whole(l, seen))) {
            l->rows = -1;
            return KAON_OK;
        }
        const int32_t count = pieces_make(&l->format, begin, end, pieces);
        pieces_look(l, pieces, count, bytes > 0, seen);
        KAON_TRY(pieces_status(l, pieces, count, begin, line, diag));
        for (int32_t i = 0; i < count; i++)
            l->rows += pieces[i].rows;
        bytes += end - begin;
    }
}

static kaon_status find_types(csv_layout *l, csv_text *text, kaon_diag *diag)
{
    csv_text *again = NULL;
    const uint64_t bytes = (uint64_t)l->count * (PIECES + 1);
    uint8_t *seen = kaon_alloc(l->host, bytes);
    if (!seen)
        return no_memory(diag);
    memset(seen, 0, bytes);
    kaon_status status = text_again(text, &again, diag);
    if (!status)
        status = look_at_blocks(l, again, seen, diag);
    if (!status)
        set_types(l, seen);
    text_close(again);
    kaon_free(l->host, seen);
    return status;
}

/* --- all of it -------------------------------------------------------------------------------- */

static kaon_status check_bytes(const char *at, size_t bytes, kaon_diag *diag)
{
    const char *zero = memchr(at, 0, bytes);
    if (zero)
        return kaon_fail(diag, KAON_CORRUPT,
                         "byte %lld is zero: it is no text, or not in UTF-8 or ASCII",
                         (long long)(zero - at));
    return KAON_OK;
}

static kaon_status find_format(csv_layout *l, csv_text *text, kaon_diag *diag)
{
    size_t bytes = 0;
    int32_t whole = 0;
    const char *at = text_start(text, &bytes, &whole);
    const csv_config *c = l->config;
    KAON_TRY(check_bytes(at, bytes, diag));
    const size_t near = bytes < (64 << 10) ? bytes : 64 << 10;
    l->format.line_end = memchr(at, '\n', near) || !memchr(at, '\r', near) ? '\n' : '\r';
    l->format.comment = c->comment[0];
    l->format.skip = c->skip;
    l->format.separator = separators[c->separator];
    text_set_format(text, &l->format);
    return KAON_OK;
}

static kaon_status find_columns(csv_layout *l, csv_text *text, kaon_diag *diag)
{
    csv_text *again = NULL;
    const char *begin = NULL, *end = NULL, *next = NULL;
    int64_t line = 0;
    KAON_TRY(text_again(text, &again, diag));
    kaon_status status = text_next(again, &begin, &end, &line, diag);
    const char *first = status ? NULL : text_skip_blank(begin, end, &l->format);
    if (status == KAON_END || (!status && first == end))
        status = kaon_fail(diag, KAON_CORRUPT, "it holds no data");
    if (!status && !l->format.separator) {
        l->format.separator = ','; // for blank lines
        l->format.separator = find_separator(&l->format, first, end);
    }
    if (!status)
        status = set_count(l, fields_in(&l->format, first, end, &next), diag);
    if (!status)
        status = find_names(l, begin, &first, end, diag);
    if (!status) // the data begin behind all that
        l->format.skip = line + text_lines(begin, first, l->format.line_end);
    text_close(again);
    text_set_format(text, &l->format);
    return status;
}

kaon_status layout_find(const kaon_host *host, const csv_config *config, csv_text *text,
                        csv_layout *out, kaon_diag *diag)
{
    memset(out, 0, sizeof *out);
    out->host = host;
    out->config = config;
    out->parallel = host->service(host, KAON_PARALLEL_SERVICE);
    if (!out->parallel)
        return kaon_fail(diag, KAON_UNSUPPORTED, "it needs the service %s", KAON_PARALLEL_SERVICE);
    out->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!out->c)
        return no_memory(diag);
    KAON_TRY(find_format(out, text, diag));
    KAON_TRY(find_columns(out, text, diag));
    return find_types(out, text, diag);
}

int32_t layout_column(const csv_layout *layout, const char *name)
{
    return layout->places[place_of(layout, name)] - 1;
}
