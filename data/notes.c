/* notes.c: what is odd about the data and worth a line before a training. */
#include "data/notes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"
#include "kernel/text.h"

enum {
    NAMES_SHOWN = 5,
    RARE = 20,    // a class with less than 1 / RARE of the largest one's events
    BLOCK = 1024, // numbers converted at a time
};

// One number of an event over all events.
typedef struct feature {
    double first;
    uint64_t hash;
    int64_t missing;
    int64_t index;
    int32_t varies;
    int64_t twin; // the one before it with the same values, or -1
} feature;

/* --- features --------------------------------------------------------------------------------- */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == 0 ? 0 : bits; // -0 is 0
}

static void look_at(feature *f, double value, int64_t row)
{
    f->hash = (f->hash ^ bits_of(value)) * UINT64_C(0x9E3779B97F4A7C15);
    f->hash ^= f->hash >> 32;
    if (isnan(value)) {
        f->missing++;
        return;
    }
    if (row == f->missing)
        f->first = value;
    f->varies |= value != f->first;
}

// *rows: of each feature; numbers are read in the order they lie.
static void look_at_all(const kaon_column *c, int64_t rows, int64_t width, feature *features)
{
    double values[BLOCK];
    const size_t bytes = kaon_dtype_bytes(c->view.dtype);
    int64_t row = 0, at = 0;
    for (int64_t first = 0; first < rows * width; first += BLOCK) {
        const int64_t left = rows * width - first, count = left < BLOCK ? left : BLOCK;
        kn_convert(c->view.dtype, (const char *)c->view.data + (size_t)first * bytes, KAON_F64,
                   values, count);
        for (int64_t i = 0; i < count; i++) {
            look_at(&features[at], values[i], row);
            if (++at == width) {
                at = 0;
                row++;
            }
        }
    }
}

static int by_hash(const void *a, const void *b)
{
    const feature *p = a, *q = b;
    if (p->hash != q->hash)
        return p->hash < q->hash ? -1 : 1;
    return (p->index > q->index) - (p->index < q->index);
}

static int by_index(const void *a, const void *b)
{
    const feature *p = a, *q = b;
    return (p->index > q->index) - (p->index < q->index);
}

// Equal hashes of 64 bits over all events are equal columns; constants are told apart already.
static void find_repeated(feature *features, int64_t width)
{
    qsort(features, (size_t)width, sizeof *features, by_hash);
    for (int64_t i = 1; i < width; i++)
        if (features[i].varies && features[i].hash == features[i - 1].hash)
            features[i].twin =
                features[i - 1].twin < 0 ? features[i - 1].index : features[i - 1].twin;
    qsort(features, (size_t)width, sizeof *features, by_index);
}

static void add_name(kn_text *text, const kaon_column *c, int64_t index)
{
    if (c->labels && index < c->label_count && c->view.rank == 2)
        kn_text_format(text, "%s", c->labels[index]);
    else
        kn_text_format(text, "%lld", (long long)index);
}

static int32_t is_constant(const feature *f, int64_t rows)
{
    return !f->varies && f->missing < rows;
}

static int32_t is_repeated(const feature *f, int64_t rows)
{
    (void)rows;
    return f->twin >= 0;
}

static int32_t is_empty(const feature *f, int64_t rows)
{
    return f->missing == rows;
}

static int32_t has_gaps(const feature *f, int64_t rows)
{
    return f->missing > 0 && f->missing < rows;
}

// ORDER: as they are told.
static const struct {
    int32_t (*holds)(const feature *f, int64_t rows);
    const char *one, *many;
} oddities[] = {
    {is_empty, "is empty", "are empty"},
    {is_constant, "is constant and tells nothing", "are constant and tell nothing"},
    {is_repeated, "says the same twice", "say the same as others"},
    {has_gaps, "has gaps (NaN), which most learners refuse",
     "have gaps (NaN), which most learners refuse"},
};

static void tell_features(const kaon_column *c, const feature *features, int64_t rows,
                          int64_t width, kn_note *note, void *context)
{
    for (size_t k = 0; k < sizeof oddities / sizeof *oddities; k++) {
        int64_t count = 0;
        kn_text names = {0}, line = {0};
        for (int64_t i = 0; i < width; i++) {
            if (!oddities[k].holds(&features[i], rows) || ++count > NAMES_SHOWN)
                continue;
            kn_text_add(&names, count > 1 ? ", " : "");
            add_name(&names, c, i);
            if (oddities[k].holds == is_repeated) {
                kn_text_add(&names, " = ");
                add_name(&names, c, features[i].twin);
            }
        }
        if (count == 1)
            kn_text_format(&line, "feature '%s' %s", kn_text_get(&names), oddities[k].one);
        else
            kn_text_format(&line, "%lld of %lld features %s: %s%s", (long long)count,
                           (long long)width, oddities[k].many, kn_text_get(&names),
                           count > NAMES_SHOWN ? ", ..." : "");
        if (count && !line.failed)
            note(context, kn_text_get(&line));
        kn_text_fini(&names);
        kn_text_fini(&line);
    }
}

static void note_features(const kaon_table *table, kn_note *note, void *context)
{
    kaon_column c = {.size = sizeof c};
    const int64_t rows = kn_table_rows(table);
    int64_t width = 1;
    if (rows < 2 || kn_table_column_of(table, KAON_ROLE_FEATURES, &c) || c.offsets)
        return;
    for (int32_t i = 1; i < c.view.rank; i++)
        width *= c.view.shape[i];
    feature *features = kn_alloc_array((size_t)width, sizeof *features);
    if (!features)
        return;
    for (int64_t i = 0; i < width; i++)
        features[i] = (feature){.index = i, .twin = -1};
    look_at_all(&c, rows, width, features);
    find_repeated(features, width);
    tell_features(&c, features, rows, width, note, context);
    kn_free(features);
}

/* --- classes ---------------------------------------------------------------------------------- */

static void tell_classes(const kaon_column *c, const int64_t *counts, int64_t rows, kn_note *note,
                         void *context)
{
    kn_text line = {0};
    int64_t least = 0, most = 0;
    for (int64_t i = 1; i < c->label_count; i++) {
        least = counts[i] < counts[least] ? i : least;
        most = counts[i] > counts[most] ? i : most;
    }
    if (counts[least] * RARE >= counts[most])
        return;
    kn_text_format(&line,
                   "class '%s' has %lld of %lld events, '%s' %lld: accuracy will say little; "
                   "weights can balance them",
                   c->labels[least], (long long)counts[least], (long long)rows, c->labels[most],
                   (long long)counts[most]);
    if (!line.failed)
        note(context, kn_text_get(&line));
    kn_text_fini(&line);
}

static void note_classes(const kaon_table *table, kn_note *note, void *context)
{
    kaon_column c = {.size = sizeof c};
    const int64_t rows = kn_table_rows(table);
    if (!rows || kn_table_column_of(table, KAON_ROLE_TARGET, &c) || c.view.dtype != KAON_I64 ||
        c.label_count < 2)
        return;
    int64_t *counts = kn_alloc_array((size_t)c.label_count, sizeof *counts);
    if (!counts)
        return;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t number = ((const int64_t *)c.view.data)[i];
        if (number >= 0 && number < c.label_count)
            counts[number]++;
    }
    tell_classes(&c, counts, rows, note, context);
    kn_free(counts);
}

void kn_data_notes(const kaon_table *table, kn_note *note, void *context)
{
    note_features(table, note, context);
    note_classes(table, note, context);
}
