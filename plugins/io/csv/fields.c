/* fields.c: records into fields, pieces of a block at a time.
 *
 * A number that stands alone between separators is read where it stands; quotes, missing values and
 * faults take the slow way round.
 */
#include "fields.h"

#include "number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- one field -------------------------------------------------------------------------------- */

static const char *skip_spaces(const csv_format *f, const char *p)
{
    while (*p == ' ' || (*p == '\t' && f->separator != '\t') || (*p == '\r' && f->line_end == '\n'))
        p++;
    return p;
}

// Behind a field: 1 if another follows, 0 at the line end, -1 if something else stands there.
static int step(const csv_format *f, const char **p)
{
    const char *at = *p;
    if (*at != f->separator || f->separator == ' ')
        at = skip_spaces(f, at);
    if (*at == f->line_end) {
        *p = at + 1;
        return 0;
    }
    if (f->separator == ' ') {
        const int separated = at > *p;
        *p = at;
        return separated ? 1 : -1;
    }
    if (*at != f->separator)
        return -1;
    *p = at + 1;
    return 1;
}

static int read_quoted(const csv_format *f, const char **p, const char *end, csv_field *out)
{
    const char *at = out->begin = *p + 1;
    out->quoted = 1;
    for (;; at += 2) {
        at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
        if (!at)
            return FIELD_BAD;
        if (at[1] != '"')
            break;
        out->doubled = 1;
    }
    out->end = at;
    *p = at + 1;
    const int more = step(f, p);
    return more < 0 ? FIELD_BAD : more ? FIELD_MORE : FIELD_LAST;
}

int field_read(const csv_format *f, const char **p, const char *end, csv_field *out)
{
    const char *at = skip_spaces(f, *p);
    *out = (csv_field){.begin = at};
    if (*at == '"') {
        *p = at;
        return read_quoted(f, p, end, out);
    }
    const char space = f->separator == ' ' ? '\t' : f->separator;
    while (*at != f->separator && *at != f->line_end && *at != space)
        at++;
    const int last = *at == f->line_end;
    const char *stop = at;
    while (stop > out->begin && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
        stop--;
    out->end = stop;
    if (last) {
        *p = at + 1;
        return FIELD_LAST;
    }
    *p = at;
    return step(f, p) ? FIELD_MORE : FIELD_LAST;
}

int field_is_missing(const csv_config *config, const csv_field *field)
{
    const size_t bytes = (size_t)(field->end - field->begin);
    if (bytes == 0)
        return 1;
    for (int64_t i = 0; i < config->missing.count; i++)
        if (strlen(config->missing.at[i]) == bytes &&
            !strncasecmp(config->missing.at[i], field->begin, bytes))
            return 1;
    return 0;
}

/* --- faults ----------------------------------------------------------------------------------- */

static void blame(csv_piece *piece, const char *at, const char *words)
{
    if (piece->fault)
        return;
    piece->fault = at;
    snprintf(piece->words, sizeof piece->words, "%s", words);
}

static void blame_value(const csv_layout *l, csv_piece *piece, int32_t column,
                        const csv_field *field, const char *expected)
{
    char words[sizeof piece->words];
    const int bytes = (int)(field->end - field->begin < 40 ? field->end - field->begin : 40);
    snprintf(words, sizeof words, "column '%.60s' has '%.*s', expected %s", l->columns[column].name,
             bytes, field->begin, expected);
    blame(piece, field->begin, words);
}

static void blame_count(const csv_layout *l, csv_piece *piece, const char *record, int32_t fields)
{
    char words[sizeof piece->words];
    snprintf(words, sizeof words, "there are %s%d fields, expected %d",
             fields > l->count ? "more than " : "", fields > l->count ? l->count : fields,
             l->count);
    blame(piece, record, words);
}

static void blame_quote(csv_piece *piece, const char *at, const char *end)
{
    blame(piece, at < end ? at : end - 1,
          *at == '"' ? "a quote is not closed" : "text follows a closing quote");
}

kaon_status pieces_status(const csv_layout *l, const csv_piece *pieces, int32_t count,
                          const char *block, int64_t line, kaon_diag *diag)
{
    for (int32_t i = 0; i < count; i++)
        if (pieces[i].fault)
            return kaon_fail(
                diag, KAON_CORRUPT, "line %lld: %s",
                (long long)(line + 1 + text_lines(block, pieces[i].fault, l->format.line_end)),
                pieces[i].words);
    return KAON_OK;
}

/* --- pieces ----------------------------------------------------------------------------------- */

int32_t pieces_make(const csv_format *f, const char *begin, const char *end,
                    csv_piece pieces[PIECES])
{
    const size_t even = (size_t)(end - begin) / PIECES + 1;
    const size_t bytes = even < PIECE_BYTES ? PIECE_BYTES : even;
    int32_t count = 0;
    while (begin < end) {
        const char *stop = end;
        if (count + 1 < PIECES && (size_t)(end - begin) > bytes) {
            const char *last = text_last_record(begin, begin + bytes, f);
            stop = last ? last : text_record_end(begin, end, f);
        }
        pieces[count++] = (csv_piece){.begin = begin, .end = stop};
        begin = stop;
    }
    return count;
}

typedef struct job {
    const csv_layout *layout;
    csv_piece *pieces;
    const csv_values *values;
    uint8_t *seen;        // per piece and column
    const uint8_t *known; // of each column from before, or NULL
} job;

static const char *next_record(const csv_format *f, const char *at, const char *end, int quotes)
{
    if (quotes)
        return text_record_end(at, end, f);
    const char *line = memchr(at, f->line_end, (size_t)(end - at));
    return line ? line + 1 : end;
}

static int has_quotes(const csv_piece *p)
{
    return memchr(p->begin, '"', (size_t)(p->end - p->begin)) != NULL;
}

static void count_piece(void *context, int64_t index, int32_t lane)
{
    (void)lane;
    const job *j = context;
    const csv_format *f = &j->layout->format;
    csv_piece *p = &j->pieces[index];
    const int quotes = has_quotes(p);
    int64_t rows = 0;
    for (const char *at = text_skip_blank(p->begin, p->end, f); at < p->end; rows++)
        at = text_skip_blank(next_record(f, at, p->end, quotes), p->end, f);
    p->rows = rows;
}

void pieces_count(const csv_layout *layout, csv_piece *pieces, int32_t count)
{
    job j = {.layout = layout, .pieces = pieces};
    layout->parallel->run(layout->host, count, count_piece, &j);
}

// Behind the first `rows` records of a piece.
static const char *after_rows(const csv_format *f, const csv_piece *p, int64_t rows)
{
    const int quotes = has_quotes(p);
    const char *at = p->begin;
    for (; rows > 0; rows--)
        at = next_record(f, text_skip_blank(at, p->end, f), p->end, quotes);
    return at;
}

int64_t pieces_trim(const csv_layout *l, csv_piece *pieces, int32_t count, int64_t skip,
                    int64_t most, const char **rest)
{
    int64_t rows = 0;
    *rest = NULL;
    for (int32_t i = 0; i < count; i++) {
        csv_piece *p = &pieces[i];
        const int64_t drop = skip < p->rows ? skip : p->rows;
        if (drop)
            p->begin = drop == p->rows ? p->end : after_rows(&l->format, p, drop);
        skip -= drop;
        p->rows -= drop;
        if (rows + p->rows > most) {
            const char *end = after_rows(&l->format, p, most - rows);
            *rest = *rest ? *rest : end;
            p->end = end;
            p->rows = most - rows;
        }
        p->first_row = rows;
        rows += p->rows;
    }
    return rows;
}

/* --- looking ---------------------------------------------------------------------------------- */

// A number up to the next separator; NULL: look closer.
static const char *bare_number(const csv_format *f, const char *p, int32_t *whole, int *more)
{
    p = number_skip(skip_spaces(f, p), whole);
    if (!p)
        return NULL;
    *more = step(f, &p);
    return *more < 0 ? NULL : p;
}

static uint8_t kind_of(const csv_layout *l, const csv_field *field)
{
    int32_t whole = 0;
    if (field_is_missing(l->config, field))
        return SEEN_MISSING;
    if (number_skip(field->begin, &whole) == field->end)
        return whole ? SEEN_INT : SEEN_FLOAT;
    return SEEN_TEXT;
}

// One record; NULL after a fault.
static const char *look_at_record(const csv_layout *l, csv_piece *piece, const char *record,
                                  uint8_t *seen)
{
    const char *p = record;
    for (int32_t i = 0;; i++) {
        int more = 0;
        int32_t whole = 0;
        csv_field field;
        if (i == l->count) {
            blame_count(l, piece, record, i + 1);
            return NULL;
        }
        const char *after = bare_number(&l->format, p, &whole, &more);
        if (after) {
            seen[i] |= whole ? SEEN_INT : SEEN_FLOAT;
            p = after;
        } else {
            const int found = field_read(&l->format, &p, piece->end, &field);
            if (found == FIELD_BAD) {
                blame_quote(piece, p, piece->end);
                return NULL;
            }
            seen[i] |= kind_of(l, &field);
            more = found == FIELD_MORE;
        }
        if (more)
            continue;
        if (i + 1 == l->count)
            return p;
        blame_count(l, piece, record, i + 1);
        return NULL;
    }
}

// Where types are known as far as they can be: columns of whole numbers may still turn out to hold
// others; fields of other columns are only counted. NULL: look closer.
static const char *pass_record(const csv_layout *l, const uint8_t *known, const char *p)
{
    const char separator = l->format.separator, line_end = l->format.line_end;
    for (int32_t i = 0; i < l->count; i++) {
        int64_t value;
        if (known[i] == SEEN_INT) {
            p = number_int(p, &value);
            if (!p || (*p != separator && *p != line_end && *p != '\r'))
                return NULL;
        }
        while (*p != separator && *p != line_end)
            p++;
        if (*p++ == line_end)
            return i + 1 == l->count ? p : NULL;
    }
    return NULL;
}

static void look_at_piece(void *context, int64_t index, int32_t lane)
{
    (void)lane;
    const job *j = context;
    const csv_layout *l = j->layout;
    csv_piece *p = &j->pieces[index];
    uint8_t *seen = j->seen + (size_t)index * (size_t)l->count;
    const int can_pass = j->known && l->format.separator != ' ' && !has_quotes(p);
    memset(seen, 0, (size_t)l->count);
    p->rows = 0;
    const char *at = text_skip_blank(p->begin, p->end, &l->format);
    for (; at && at < p->end; p->rows++) {
        const char *passed = can_pass ? pass_record(l, j->known, at) : NULL;
        at = passed ? passed : look_at_record(l, p, at, seen);
        at = at ? text_skip_blank(at, p->end, &l->format) : NULL;
    }
}

void pieces_look(const csv_layout *layout, csv_piece *pieces, int32_t count, int32_t quick,
                 uint8_t *seen)
{
    // Behind the bytes that are added to, one stretch per piece.
    job j = {.layout = layout, .pieces = pieces, .seen = seen + layout->count};
    j.known = quick ? seen : NULL;
    layout->parallel->run(layout->host, count, look_at_piece, &j);
    for (int32_t i = 0; i < count; i++)
        for (int32_t column = 0; column < layout->count; column++)
            seen[column] |= j.seen[(size_t)i * (size_t)layout->count + (size_t)column];
}

/* --- parsing ---------------------------------------------------------------------------------- */

// The number in a field that was read the slow way. 0 after a fault.
static int slow_number(const csv_layout *l, csv_piece *piece, int32_t column,
                       const csv_field *field, double *value, int64_t *whole)
{
    const int is_int = l->columns[column].type == TYPE_INT;
    *value = NAN;
    if (is_int && number_int(field->begin, whole) == field->end)
        return 1;
    if (!is_int && field_is_missing(l->config, field))
        return 1;
    if (!is_int && number_double(field->begin, l->c, value) == field->end)
        return 1;
    blame_value(l, piece, column, field,
                is_int ? "a whole number, as in the rows before (list the column under `text` if "
                         "this is right)"
                       : "a number, as in the rows before (list the column under `text` if this "
                         "is right)");
    return 0;
}

static void store(const csv_layout *l, const csv_values *to, int32_t type, int64_t row,
                  double value, int64_t whole)
{
    if (type == TYPE_INT)
        ((int64_t *)to->numbers)[row] = whole;
    else if (l->config->float_type == FLOAT_F32)
        ((float *)to->numbers)[row] = (float)value;
    else
        ((double *)to->numbers)[row] = value;
}

// One field of numbers, where it stands if it stands alone. Gives as field_read does.
static int parse_number(const csv_layout *l, csv_piece *piece, int32_t column, const csv_values *to,
                        int64_t row, const char **p)
{
    const int32_t type = l->columns[column].type;
    double value = 0;
    int64_t whole = 0;
    csv_field field;
    const char *start = **p == ' ' ? skip_spaces(&l->format, *p) : *p;
    const char *end =
        type == TYPE_INT ? number_int(start, &whole) : number_double(start, l->c, &value);
    if (end) {
        const int more = step(&l->format, &end);
        if (more >= 0) {
            store(l, to, type, row, value, whole);
            *p = end;
            return more ? FIELD_MORE : FIELD_LAST;
        }
    }
    const int found = field_read(&l->format, p, piece->end, &field);
    if (found == FIELD_BAD || !slow_number(l, piece, column, &field, &value, &whole))
        return FIELD_BAD;
    store(l, to, type, row, value, whole);
    return found;
}

// 0 after a fault.
static int parse_record(const csv_layout *l, csv_piece *piece, const csv_values *values,
                        int64_t row, const char **record)
{
    const char *p = *record;
    for (int32_t i = 0;; i++) {
        csv_field field;
        int found;
        if (i == l->count) {
            blame_count(l, piece, *record, i + 1);
            return 0;
        }
        if (values[i].numbers) {
            found = parse_number(l, piece, i, &values[i], row, &p);
        } else {
            found = field_read(&l->format, &p, piece->end, &field);
            if (values[i].texts)
                values[i].texts[row] = field;
        }
        if (found == FIELD_BAD) {
            blame_quote(piece, p, piece->end);
            return 0;
        }
        if (found == FIELD_MORE)
            continue;
        if (i + 1 < l->count) {
            blame_count(l, piece, *record, i + 1);
            return 0;
        }
        *record = p;
        return 1;
    }
}

static void parse_piece(void *context, int64_t index, int32_t lane)
{
    (void)lane;
    const job *j = context;
    const csv_layout *l = j->layout;
    csv_piece *p = &j->pieces[index];
    const char *at = p->begin;
    if (p->rows == 0)
        return;
    for (int64_t row = 0; row < p->rows; row++) {
        at = text_skip_blank(at, p->end, &l->format);
        if (at >= p->end) {
            blame(p, p->begin, "quotes and line ends contradict each other");
            return;
        }
        if (!parse_record(l, p, j->values, p->first_row + row, &at))
            return;
    }
    // Counting and parsing see the same records, or the text is not what it seems.
    if (text_skip_blank(at, p->end, &l->format) != p->end)
        blame(p, at, "quotes and line ends contradict each other");
}

void pieces_parse(const csv_layout *layout, csv_piece *pieces, int32_t count,
                  const csv_values *values)
{
    job j = {.layout = layout, .pieces = pieces, .values = values};
    layout->parallel->run(layout->host, count, parse_piece, &j);
}
