/* writer.c: tables as text that reads back as the same numbers.
 *
 * Numbers have as many digits as they need, in every locale; NaN is nan, what is missing is empty.
 * Columns of fixed-size arrays become several, name_0, name_1 ...; jagged ones have no place here.
 */
#define _GNU_SOURCE // strtod_l
#include "writer.h"

#include <kaon/arrow_read.h>
#include <kaon/files.h>
#include <kaon/plugin.h>

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <string.h>

enum { ROOM = 1 << 16, LONGEST_NUMBER = 40 };

// ORDER written_separator
static const char *const separator_names[] = {"comma", "semicolon", "tab", "space", NULL};
static const char separators[] = {',', ';', '\t', ' '};

typedef struct {
    int32_t separator;
    int32_t header;
} config;

static const kaon_option options[] = {
    KAON_CHOICE(config, separator, 0, separator_names, .help = "what stands between fields"),
    KAON_BOOL(config, header, 1, .help = "write the names of the columns in the first line"),
    {0},
};

typedef struct {
    const kaon_host *host;
    const kaon_files_api *files;
    kaon_file *file;
    char separator;
    int64_t count; // of columns
    kaon_arrow_kind *kinds;
    locale_t c;
    char *text; // ROOM bytes that wait to be written
    size_t bytes;
    kaon_status status; // of the first failed write
    kaon_diag *diag;
} writer;

/* --- text ------------------------------------------------------------------------------------- */

static void flush(writer *w)
{
    if (!w->status && w->bytes)
        w->status = w->files->add(w->file, w->text, w->bytes, w->diag);
    w->bytes = 0;
}

static void put(writer *w, const char *text, size_t bytes)
{
    while (bytes) {
        const size_t part = bytes < ROOM - w->bytes ? bytes : ROOM - w->bytes;
        memcpy(w->text + w->bytes, text, part);
        w->bytes += part;
        text += part;
        bytes -= part;
        if (w->bytes == ROOM)
            flush(w);
    }
}

static void put_char(writer *w, char c)
{
    put(w, &c, 1);
}

// Quoted only where it would be read as something else.
static void put_text(writer *w, const char *text, size_t bytes)
{
    int quote = bytes == 0 || text[0] == ' ' || text[0] == '#' || text[bytes - 1] == ' ';
    for (size_t i = 0; i < bytes && !quote; i++)
        quote = text[i] == w->separator || text[i] == '"' || text[i] == '\n' || text[i] == '\r' ||
                text[i] == '\t';
    if (!quote) {
        put(w, text, bytes);
        return;
    }
    put_char(w, '"');
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '"')
            put_char(w, '"');
        put_char(w, text[i]);
    }
    put_char(w, '"');
}

/* --- numbers ---------------------------------------------------------------------------------- */

// The fewest digits that read back as the same number.
static void put_float(writer *w, double value, int is_single)
{
    char text[LONGEST_NUMBER];
    if (isnan(value)) {
        put(w, "nan", 3);
        return;
    }
    for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        const double back = strtod_l(text, NULL, w->c);
        if (is_single ? (float)back == (float)value : back == value)
            break;
    }
    put(w, text, strlen(text));
}

static double half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const double size = exponent == 31  ? (mantissa ? NAN : HUGE_VAL)
                        : exponent == 0 ? ldexp(mantissa, -24)
                                        : ldexp(mantissa + 1024, exponent - 25);
    return bits >> 15 ? -size : size;
}

static void put_whole(writer *w, const void *at, char format)
{
    char text[LONGEST_NUMBER];
    int bytes = 0;
#define PUT_AS(letter, type, out)                                                                  \
    case letter: {                                                                                 \
        type value;                                                                                \
        memcpy(&value, at, sizeof value);                                                          \
        bytes = snprintf(text, sizeof text, "%" out, value);                                       \
        break;                                                                                     \
    }
    switch (format) {
        PUT_AS('c', int8_t, PRId8)
        PUT_AS('C', uint8_t, PRIu8)
        PUT_AS('s', int16_t, PRId16)
        PUT_AS('S', uint16_t, PRIu16)
        PUT_AS('i', int32_t, PRId32)
        PUT_AS('I', uint32_t, PRIu32)
        PUT_AS('l', int64_t, PRId64)
        PUT_AS('L', uint64_t, PRIu64)
    default:
        break;
    }
#undef PUT_AS
    put(w, text, (size_t)bytes);
}

static void put_number(writer *w, const kaon_arrow_leaf *leaf, int64_t value)
{
    const char format = leaf->kind.format;
    if (format == 'b') {
        put_char(w, kaon_arrow_bit(leaf, value) ? '1' : '0');
        return;
    }
    const void *at = kaon_arrow_value(leaf, value);
    uint16_t bits;
    float single;
    double twice;
    switch (format) {
    case 'e':
        memcpy(&bits, at, sizeof bits);
        put_float(w, half(bits), 1);
        return;
    case 'f':
        memcpy(&single, at, sizeof single);
        put_float(w, single, 1);
        return;
    case 'g':
        memcpy(&twice, at, sizeof twice);
        put_float(w, twice, 0);
        return;
    default:
        put_whole(w, at, format);
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_column(writer *w, const kaon_arrow_leaf *leaf, int64_t row)
{
    const int64_t width = leaf->kind.width;
    for (int64_t i = 0; i < width; i++) {
        if (i)
            put_char(w, w->separator);
        if (kaon_arrow_is_null(leaf, row * width + i))
            continue;
        if (leaf->kind.dtype != KAON_ARROW_TEXT) {
            put_number(w, leaf, row * width + i);
            continue;
        }
        int32_t bytes = 0;
        const char *text = kaon_arrow_text(leaf, row, &bytes);
        put_text(w, text, (size_t)bytes);
    }
}

static void put_header(writer *w, const struct ArrowSchema *schema)
{
    char name[300];
    for (int64_t i = 0; i < w->count; i++) {
        for (int64_t j = 0; j < w->kinds[i].width; j++) {
            if (i + j)
                put_char(w, w->separator);
            if (w->kinds[i].rank)
                snprintf(name, sizeof name, "%.256s_%lld", schema->children[i]->name, (long long)j);
            else
                snprintf(name, sizeof name, "%.256s", schema->children[i]->name);
            put_text(w, name, strlen(name));
        }
    }
    put_char(w, '\n');
}

/* --- the writer ------------------------------------------------------------------------------- */

static void close(void *self)
{
    writer *w = self;
    w->files->close(w->file);
    if (w->c)
        freelocale(w->c);
    kaon_free(w->host, w->kinds);
    kaon_free(w->host, w->text);
    kaon_free(w->host, w);
}

static kaon_status set_columns(writer *w, const struct ArrowSchema *schema, kaon_diag *diag)
{
    w->count = schema->n_children;
    w->kinds = kaon_alloc(w->host, (uint64_t)w->count * sizeof *w->kinds);
    w->text = kaon_alloc(w->host, ROOM);
    w->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!w->kinds || !w->text || !w->c)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a text");
    for (int64_t i = 0; i < w->count; i++) {
        w->kinds[i] = kaon_arrow_kind_of(schema->children[i]);
        if (w->kinds[i].dtype == KAON_ARROW_OTHER)
            return kaon_fail(diag, KAON_UNSUPPORTED,
                             "column '%s' (Arrow type '%s') cannot be written as text; columns of "
                             "numbers, texts and arrays of one length can",
                             schema->children[i]->name, schema->children[i]->format);
    }
    return KAON_OK;
}

// Runs in the C locale of this thread, whatever the program has set.
static kaon_status in_c_locale(writer *w, void (*work)(writer *, const void *), const void *what,
                               kaon_diag *diag)
{
    const locale_t before = uselocale(w->c);
    w->diag = diag;
    work(w, what);
    w->diag = NULL;
    uselocale(before);
    return w->status;
}

static void put_first(writer *w, const void *schema)
{
    put_header(w, schema);
}

static kaon_status open(const kaon_host *host, const void *settings, const char *path,
                        const struct ArrowSchema *schema, void **self, kaon_diag *diag)
{
    const config *c = settings;
    const kaon_files_api *files = host->service(host, KAON_FILES_SERVICE);
    if (!files)
        return kaon_fail(diag, KAON_UNSUPPORTED, "csv needs the service %s", KAON_FILES_SERVICE);
    writer *w = kaon_alloc(host, sizeof *w);
    if (!w)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a text");
    memset(w, 0, sizeof *w);
    w->host = host;
    w->files = files;
    w->separator = separators[c->separator];
    kaon_status status = set_columns(w, schema, diag);
    if (!status)
        status = files->create(host, path, &w->file, diag);
    if (!status && c->header)
        status = in_c_locale(w, put_first, schema, diag);
    if (status) {
        close(w);
        return status;
    }
    *self = w;
    return KAON_OK;
}

typedef struct {
    const struct ArrowArray *batch;
    kaon_arrow_leaf *leaves;
} rows;

static void put_rows(writer *w, const void *what)
{
    const rows *r = what;
    for (int64_t row = 0; row < r->batch->length && !w->status; row++) {
        for (int64_t i = 0; i < w->count; i++) {
            if (i)
                put_char(w, w->separator);
            put_column(w, &r->leaves[i], r->batch->offset + row);
        }
        put_char(w, '\n');
    }
}

static kaon_status write(void *self, const struct ArrowArray *batch, kaon_diag *diag)
{
    writer *w = self;
    if (batch->n_children != w->count)
        return kaon_fail(diag, KAON_INVALID, "%lld columns to write, announced were %lld",
                         (long long)batch->n_children, (long long)w->count);
    rows r = {.batch = batch};
    r.leaves = kaon_alloc(w->host, (uint64_t)w->count * sizeof *r.leaves);
    if (!r.leaves)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a text");
    for (int64_t i = 0; i < w->count; i++)
        r.leaves[i] = kaon_arrow_leaf_of(&w->kinds[i], batch->children[i]);
    const kaon_status status = in_c_locale(w, put_rows, &r, diag);
    kaon_free(w->host, r.leaves);
    return status;
}

static void flush_all(writer *w, const void *unused)
{
    (void)unused;
    flush(w);
}

static kaon_status finish(void *self, kaon_diag *diag)
{
    writer *w = self;
    KAON_TRY(in_c_locale(w, flush_all, NULL, diag));
    return w->files->commit(w->file, diag);
}

static const char *const extensions[] = {".csv", ".tsv", ".txt", NULL};

const kaon_writer csv_writer = {
    .size = sizeof csv_writer,
    .settings_size = sizeof(config),
    .options = options,
    .help = "text tables whose numbers read back unchanged",
    .extensions = extensions,
    .open = open,
    .write = write,
    .finish = finish,
    .close = close,
};
