/* toyjets.c: surrogate jets of five classes, as a reader without a file.
 *
 * Gluon, quark, W, Z and top jets of 800 to 1200 GeV: constituents (jagged, sorted by pt) and the
 * 16 substructure variables of the LHC jet set (E. Moreno et al., arXiv:1908.05318). Jet i depends
 * on the seed and i alone, so any range can be made alone and by any number of threads. A test
 * bench, not physics to publish.
 */
#include "jets.h"

#include <kaon/arrow_build.h>
#include <kaon/io.h>
#include <kaon/parallel.h>
#include <kaon/plugin.h>

#include <string.h>

enum { CONSTITUENTS = 4, COLUMNS = 1 + FEATURES + CONSTITUENTS, ITEM_JETS = 64 };

typedef struct {
    int64_t jets;
    int64_t seed;
    int64_t first;
} config;

static const kaon_option options[] = {
    KAON_INT(config, jets, 100000, .min = 0, .max = 1e12, .help = "number of jets"),
    KAON_INT(config, seed, 1, .min = 0, .max = 9e15, .help = "fixes all jets"),
    KAON_INT(config, first, 0, .min = 0, .max = 1e12,
             .help = "number of the first jet; jet i has class i mod 5"),
    {0},
};

// clang-format off
static const kaon_arrow_column columns[COLUMNS] = {
    {.name = "label", .format = "l", .labels = "gluon\nquark\nW\nZ\ntop"}, // ORDER class
    {.name = "zlogz", .format = "f"},
    {.name = "c1_b0", .format = "f"},   {.name = "c1_b1", .format = "f"},
    {.name = "c1_b2", .format = "f"},   {.name = "c2_b1", .format = "f"},
    {.name = "c2_b2", .format = "f"},   {.name = "d2_b1", .format = "f"},
    {.name = "d2_b2", .format = "f"},   {.name = "d2_a1b1", .format = "f"},
    {.name = "d2_a1b2", .format = "f"}, {.name = "m2_b1", .format = "f"},
    {.name = "m2_b2", .format = "f"},   {.name = "n2_b1", .format = "f"},
    {.name = "n2_b2", .format = "f"},   {.name = "mass", .format = "f"},
    {.name = "multiplicity", .format = "f"},
    {.name = "pt", .format = "f", .jagged = 1},  {.name = "eta", .format = "f", .jagged = 1},
    {.name = "phi", .format = "f", .jagged = 1}, {.name = "e", .format = "f", .jagged = 1},
};
// clang-format on

typedef struct {
    const kaon_host *host;
    const kaon_parallel_api *parallel;
    config settings;
} generator;

// The constituents of up to ITEM_JETS jets, one after the other.
typedef struct {
    int32_t count; // of all
    int32_t counts[ITEM_JETS];
    float values[CONSTITUENTS][ITEM_JETS * MOST_PARTICLES];
} piece;

typedef struct {
    const generator *g;
    int32_t column_count;
    int32_t chosen[COLUMNS];
    kaon_arrow_column columns[COLUMNS];
    int32_t wants_constituents;
    int32_t wants_features;
    int64_t next; // jet
    int64_t end;
    int64_t batch_rows;
    // Of the batch being made:
    int64_t rows;
    kaon_arrow_data data[COLUMNS]; // by column of the table, chosen or not
    piece *pieces;
    jet_scratch *scratch; // per lane
} scan;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for jets");
}

/* --- one batch -------------------------------------------------------------------------------- */

static void keep_constituents(const jet *j, piece *p, int64_t at)
{
    const float *const from[CONSTITUENTS] = {j->pt, j->eta, j->phi, j->e};
    for (int i = 0; i < CONSTITUENTS; i++)
        memcpy(p->values[i] + p->count, from[i], (size_t)j->count * sizeof(float));
    p->counts[at] = j->count;
    p->count += j->count;
}

static void keep_features(scan *s, int64_t row, const float *features)
{
    for (int i = 0; i < FEATURES; i++)
        if (s->data[1 + i].values)
            ((float *)s->data[1 + i].values)[row] = features[i];
}

static void make_item(void *context, int64_t index, int32_t lane)
{
    scan *s = context;
    const int64_t first = index * ITEM_JETS;
    const int64_t last = first + ITEM_JETS < s->rows ? first + ITEM_JETS : s->rows;
    jet j;
    float features[FEATURES];

    if (s->wants_constituents)
        s->pieces[index].count = 0;
    for (int64_t row = first; row < last; row++) {
        const int64_t number = s->next + row;
        if (s->data[0].values)
            ((int64_t *)s->data[0].values)[row] = number % CLASSES;
        if (!s->wants_features && !s->wants_constituents)
            continue;
        jet_make((uint64_t)s->g->settings.seed, number, &j);
        if (s->wants_features) {
            jet_features(&j, &s->scratch[lane], features);
            keep_features(s, row, features);
        }
        if (s->wants_constituents)
            keep_constituents(&j, &s->pieces[index], row - first);
    }
}

static kaon_status alloc_batch(scan *s, kaon_diag *diag)
{
    for (int32_t i = 0; i < s->column_count; i++) {
        const int32_t column = s->chosen[i];
        if (columns[column].jagged)
            continue;
        const uint64_t bytes = column == 0 ? sizeof(int64_t) : sizeof(float);
        s->data[column].values = kaon_alloc(s->g->host, (uint64_t)s->rows * bytes);
        if (!s->data[column].values)
            return no_memory(diag);
    }
    return KAON_OK;
}

// One jagged column out of the pieces.
static kaon_status join_pieces(scan *s, int32_t which, kaon_diag *diag)
{
    kaon_arrow_data *data = &s->data[1 + FEATURES + which];
    const int64_t items = (s->rows + ITEM_JETS - 1) / ITEM_JETS;
    int64_t total = 0;
    for (int64_t i = 0; i < items; i++)
        total += s->pieces[i].count;
    data->values = kaon_alloc(s->g->host, (uint64_t)total * sizeof(float));
    data->offsets = kaon_alloc(s->g->host, ((uint64_t)s->rows + 1) * sizeof(int32_t));
    if (!data->values || !data->offsets)
        return no_memory(diag);

    float *to = data->values;
    data->offsets[0] = 0;
    for (int64_t i = 0; i < items; i++) {
        const piece *p = &s->pieces[i];
        memcpy(to, p->values[which], (size_t)p->count * sizeof(float));
        to += p->count;
        for (int64_t row = i * ITEM_JETS; row < s->rows && row < (i + 1) * ITEM_JETS; row++)
            data->offsets[row + 1] = data->offsets[row] + p->counts[row % ITEM_JETS];
    }
    return KAON_OK;
}

static kaon_status next_batch(void *self, struct ArrowArray *out, kaon_diag *diag)
{
    scan *s = self;
    kaon_arrow_data chosen[COLUMNS];
    if (s->next == s->end)
        return KAON_END;
    s->rows = s->end - s->next < s->batch_rows ? s->end - s->next : s->batch_rows;
    kaon_status status = alloc_batch(s, diag);
    if (!status)
        s->g->parallel->run(s->g->host, (s->rows + ITEM_JETS - 1) / ITEM_JETS, make_item, s);
    for (int32_t i = 0; !status && i < s->column_count; i++)
        if (columns[s->chosen[i]].jagged)
            status = join_pieces(s, s->chosen[i] - 1 - FEATURES, diag);
    if (status) {
        kaon_arrow_data_free(s->g->host, s->data, COLUMNS);
        return status;
    }
    for (int32_t i = 0; i < s->column_count; i++)
        chosen[i] = s->data[s->chosen[i]];
    memset(s->data, 0, sizeof s->data);
    s->next += s->rows;
    return kaon_arrow_array_make(s->g->host, s->columns, chosen, s->column_count, s->rows, out,
                                 diag);
}

static kaon_status scan_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const scan *s = self;
    return kaon_arrow_schema_make(s->g->host, s->columns, s->column_count, out, diag);
}

static void scan_close(void *self)
{
    scan *s = self;
    kaon_free(s->g->host, s->pieces);
    kaon_free(s->g->host, s->scratch);
    kaon_free(s->g->host, s);
}

static const kaon_arrow_stream_calls stream_calls = {
    .schema = scan_schema,
    .next = next_batch,
    .close = scan_close,
};

/* --- the reader ------------------------------------------------------------------------------- */

static kaon_status open(const kaon_host *host, const void *settings, const char *path, void **self,
                        kaon_diag *diag)
{
    if (path)
        return kaon_fail(diag, KAON_INVALID, "toyjets makes its jets itself, it reads no file '%s'",
                         path);
    generator *g = kaon_alloc(host, sizeof *g);
    if (!g)
        return no_memory(diag);
    g->host = host;
    g->parallel = host->service(host, KAON_PARALLEL_SERVICE);
    g->settings = *(const config *)settings;
    if (!g->parallel) {
        kaon_free(host, g);
        return kaon_fail(diag, KAON_UNSUPPORTED, "toyjets needs the service %s",
                         KAON_PARALLEL_SERVICE);
    }
    *self = g;
    return KAON_OK;
}

static void close(void *self)
{
    generator *g = self;
    kaon_free(g->host, g);
}

static kaon_status schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const generator *g = self;
    return kaon_arrow_schema_make(g->host, columns, COLUMNS, out, diag);
}

static kaon_status rows(void *self, int64_t *out, kaon_diag *diag)
{
    (void)diag;
    *out = ((const generator *)self)->settings.jets;
    return KAON_OK;
}

static kaon_status choose(scan *s, const kaon_read *what, kaon_diag *diag)
{
    s->column_count = what->column_count ? what->column_count : COLUMNS;
    if (s->column_count < 0 || s->column_count > COLUMNS)
        return kaon_fail(diag, KAON_INVALID, "%d columns of toyjets; there are %d", s->column_count,
                         COLUMNS);
    for (int32_t i = 0; i < s->column_count; i++) {
        int32_t at = what->column_count ? 0 : i;
        while (what->column_count && at < COLUMNS && strcmp(columns[at].name, what->columns[i]))
            at++;
        if (at == COLUMNS)
            return kaon_fail(diag, KAON_NOT_FOUND, "toyjets has no column '%s'", what->columns[i]);
        for (int32_t j = 0; j < i; j++)
            if (s->chosen[j] == at)
                return kaon_fail(diag, KAON_INVALID, "column '%s' of toyjets is asked for twice",
                                 columns[at].name);
        s->chosen[i] = at;
        s->columns[i] = columns[at];
        s->wants_constituents |= columns[at].jagged;
        s->wants_features |= at >= 1 && at <= FEATURES;
    }
    return KAON_OK;
}

static kaon_status prepare(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const generator *g = s->g;
    const config *c = &g->settings;
    KAON_TRY(choose(s, what, diag));
    if (what->first_row < 0 || what->row_count < 0)
        return kaon_fail(diag, KAON_INVALID, "rows from %lld, %lld of them",
                         (long long)what->first_row, (long long)what->row_count);
    const int64_t first = what->first_row < c->jets ? what->first_row : c->jets;
    const int64_t left = c->jets - first;
    const int64_t count = what->row_count && what->row_count < left ? what->row_count : left;
    s->next = c->first + first;
    s->end = s->next + count;
    s->batch_rows = what->batch_rows > 0 && what->batch_rows < 8192 ? what->batch_rows : 8192;
    const uint64_t items = (uint64_t)(s->batch_rows + ITEM_JETS - 1) / ITEM_JETS;
    if (s->wants_constituents && !(s->pieces = kaon_alloc(g->host, items * sizeof(piece))))
        return no_memory(diag);
    const uint64_t lanes = (uint64_t)g->parallel->lanes(g->host);
    if (s->wants_features && !(s->scratch = kaon_alloc(g->host, lanes * sizeof(jet_scratch))))
        return no_memory(diag);
    return KAON_OK;
}

static kaon_status start_scan(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                              kaon_diag *diag)
{
    const generator *g = self;
    scan *s = kaon_alloc(g->host, sizeof *s);
    if (!s)
        return no_memory(diag);
    memset(s, 0, sizeof *s);
    s->g = g;
    kaon_status status = prepare(s, what, diag);
    if (!status)
        status = kaon_arrow_stream_make(g->host, &stream_calls, s, out, diag);
    if (status)
        scan_close(s);
    return status;
}

static const kaon_reader reader = {
    .size = sizeof reader,
    .settings_size = sizeof(config),
    .options = options,
    .help = "surrogate jets: gluon, quark, W, Z, top; constituents and substructure",
    .open = open,
    .close = close,
    .schema = schema,
    .rows = rows,
    .scan = start_scan,
};

#define ITEMS(item) item(KAON_READER, "toyjets", &reader)

KAON_PLUGIN("toyjets", "1.0.0", "Apache-2.0", "a generator of jets of five classes", ITEMS, NULL)
