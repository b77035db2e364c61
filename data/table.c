/* table.c: tables of events in memory. */
#include "data/table.h"

#include "data/batches.h"
#include "kernel/memory.h"
#include "kernel/structs.h"
#include "kernel/tensor.h"
#include "kernel/text.h"

#include <stdatomic.h>
#include <string.h>

// A column; a slice is one too, which holds the column whose memory it shows.
typedef struct column {
    atomic_int_fast32_t holders;
    kaon_column facts; // what column_at hands out; points at what follows
    int64_t shape[KAON_MAX_RANK];
    char *name;
    char **labels;
    kn_block values; // {0} in a slice, as
    kn_block offsets;
    struct column *whole;
} column;

struct kaon_table {
    atomic_int_fast32_t holders;
    int64_t rows;
    column **columns;
    int32_t count;
    int32_t room;
    kn_spill *spill; // where its columns may go; NULL: they lie in memory
};

// ORDER role
static const char *const role_texts[KAON_ROLE_COUNT] = {"", "features", "target", "weight",
                                                        "prediction"};

const char *kn_role_text(int32_t role)
{
    return role >= 0 && role < KAON_ROLE_COUNT ? role_texts[role] : "?";
}

/* --- columns ---------------------------------------------------------------------------------- */

static void column_release(column *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->holders, 1, memory_order_acq_rel) > 1)
        return;
    if (c->whole) {
        column_release(c->whole);
    } else {
        for (int64_t i = 0; c->labels && i < c->facts.label_count; i++)
            kn_free(c->labels[i]);
        kn_free(c->labels);
        kn_free(c->name);
        kn_block_free(&c->values);
        kn_block_free(&c->offsets);
    }
    kn_free(c);
}

static column *column_retain(column *c)
{
    atomic_fetch_add_explicit(&c->holders, 1, memory_order_relaxed);
    return c;
}

static int copy_labels(column *c, int64_t count, const char *const *labels)
{
    if (count == 0)
        return 1;
    c->labels = kn_alloc_array((size_t)count, sizeof *c->labels);
    if (!c->labels)
        return 0;
    c->facts.label_count = count;
    c->facts.labels = (const char *const *)c->labels;
    for (int64_t i = 0; i < count; i++) {
        c->labels[i] = kn_copy_text(labels[i]);
        if (!c->labels[i])
            return 0;
    }
    return 1;
}

// A column with everything but values and offsets; NULL: no memory.
static column *column_new(const kaon_column *facts)
{
    column *c = kn_alloc_zero(sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->holders, 1);
    c->name = kn_copy_text(facts->name ? facts->name : "");
    if (!c->name || !copy_labels(c, facts->label_count, facts->labels)) {
        column_release(c);
        return NULL;
    }
    memcpy(c->shape, facts->view.shape, (size_t)facts->view.rank * sizeof *c->shape);
    c->facts.size = sizeof c->facts;
    c->facts.role = facts->role;
    c->facts.name = c->name;
    c->facts.view = (kaon_view){
        .size = sizeof c->facts.view,
        .dtype = facts->view.dtype,
        .device_type = KAON_DEVICE_CPU,
        .rank = facts->view.rank,
        .shape = c->shape,
    };
    return c;
}

// Takes over both blocks.
static void column_fill(column *c, const kn_block *values, const kn_block *offsets)
{
    c->values = *values;
    c->offsets = *offsets;
    kn_block_settle(&c->values);
    kn_block_settle(&c->offsets);
    c->facts.view.data = c->values.at;
    c->facts.offsets = c->offsets.at;
}

static uint64_t row_bytes(const kaon_column *facts)
{
    uint64_t bytes = kaon_dtype_bytes(facts->view.dtype);
    for (int32_t i = 1; i < facts->view.rank; i++)
        bytes *= (uint64_t)facts->view.shape[i];
    return bytes;
}

static kaon_status check_offsets(const kaon_table *t, const kaon_column *facts, kaon_diag *diag)
{
    const int64_t *offsets = facts->offsets;
    if (offsets[0] < 0 || offsets[t->rows] > facts->view.shape[0])
        return kaon_fail(diag, KAON_INVALID,
                         "the offsets of column '%s' run from %lld to %lld, it has %lld values",
                         facts->name, (long long)offsets[0], (long long)offsets[t->rows],
                         (long long)facts->view.shape[0]);
    for (int64_t i = 0; i < t->rows; i++)
        if (offsets[i] > offsets[i + 1])
            return kaon_fail(diag, KAON_INVALID, "the offsets of column '%s' fall at row %lld",
                             facts->name, (long long)i);
    return KAON_OK;
}

static kaon_status check_column(const kaon_table *t, const kaon_column *facts, size_t *bytes,
                                kaon_diag *diag)
{
    kaon_view view = facts->view;
    int64_t count = 0;
    if (facts->role < 0 || facts->role >= KAON_ROLE_COUNT)
        return kaon_fail(diag, KAON_INVALID, "column '%s' has the role %d; there are 0 to %d",
                         facts->name, facts->role, KAON_ROLE_COUNT - 1);
    kaon_column other = {.size = sizeof other};
    if (facts->role && kn_table_column_of(t, facts->role, &other) == KAON_OK)
        return kaon_fail(diag, KAON_INVALID, "columns '%s' and '%s' cannot both be the %s",
                         other.name, facts->name, kn_role_text(facts->role));
    if (!view.data)
        view.data = &count; // memory is made later: any address passes the check
    view.device_type = view.device_type ? view.device_type : KAON_DEVICE_CPU;
    KAON_TRY(
        kaon_context(diag, kn_view_check(&view, &count, bytes, diag), "column '%s'", facts->name));
    if (view.rank < 1)
        return kaon_fail(diag, KAON_INVALID, "column '%s' has no axis; the first one counts rows",
                         facts->name);
    if (facts->offsets)
        return check_offsets(t, facts, diag);
    if (view.shape[0] != t->rows)
        return kaon_fail(diag, KAON_INVALID, "column '%s' has %lld rows, its table %lld",
                         facts->name, (long long)view.shape[0], (long long)t->rows);
    return KAON_OK;
}

// Takes over `c`, also on failure.
static kaon_status push(kaon_table *t, column *c, kaon_diag *diag)
{
    if (t->count == t->room) {
        const int32_t room = t->room ? 2 * t->room : 8;
        column **columns = kn_resize_array(t->columns, (size_t)room, sizeof(column *));
        if (!columns) {
            column_release(c);
            return kn_no_memory(diag, "a table");
        }
        t->columns = columns;
        t->room = room;
    }
    t->columns[t->count++] = c;
    return KAON_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

kaon_status kn_table_new(int64_t rows, kaon_table **out, kaon_diag *diag)
{
    if (rows < 0)
        return kaon_fail(diag, KAON_INVALID, "a table of %lld rows", (long long)rows);
    kaon_table *t = kn_alloc_zero(sizeof *t);
    if (!t)
        return kn_no_memory(diag, "a table");
    atomic_init(&t->holders, 1);
    t->rows = rows;
    *out = t;
    return KAON_OK;
}

void kn_table_retain(kaon_table *t)
{
    atomic_fetch_add_explicit(&t->holders, 1, memory_order_relaxed);
}

void kn_table_release(kaon_table *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->holders, 1, memory_order_acq_rel) > 1)
        return;
    for (int32_t i = 0; i < t->count; i++)
        column_release(t->columns[i]);
    kn_free(t->columns);
    kn_spill_release(t->spill);
    kn_free(t);
}

void kn_table_spill(kaon_table *t, kn_spill *spill)
{
    kn_spill_release(t->spill);
    t->spill = kn_spill_retain(spill);
}

kn_spill *kn_table_spill_of(const kaon_table *t)
{
    return t->spill;
}

// A table of so many rows whose columns go where those of `like` do.
static kaon_status new_like(const kaon_table *like, int64_t rows, kaon_table **out, kaon_diag *diag)
{
    KAON_TRY(kn_table_new(rows, out, diag));
    kn_table_spill(*out, like->spill);
    return KAON_OK;
}

int64_t kn_table_rows(const kaon_table *t)
{
    return t->rows;
}

int32_t kn_table_column_count(const kaon_table *t)
{
    return t->count;
}

kaon_status kn_table_column_at(const kaon_table *t, int32_t index, kaon_column *out,
                               kaon_diag *diag)
{
    if (index < 0 || index >= t->count)
        return kaon_fail(diag, KAON_INVALID, "column %d of a table of %d", index, t->count);
    kn_struct_give(out, &t->columns[index]->facts, sizeof *out);
    return KAON_OK;
}

kaon_status kn_table_column_of(const kaon_table *t, int32_t role, kaon_column *out)
{
    for (int32_t i = 0; role != KAON_ROLE_NONE && i < t->count; i++) {
        if (t->columns[i]->facts.role != role)
            continue;
        kn_struct_give(out, &t->columns[i]->facts, sizeof *out);
        return KAON_OK;
    }
    return KAON_NOT_FOUND;
}

kaon_status kn_table_column_named(const kaon_table *t, const char *name, kaon_column *out)
{
    for (int32_t i = 0; i < t->count; i++) {
        if (!kn_text_same(t->columns[i]->name, name))
            continue;
        kn_struct_give(out, &t->columns[i]->facts, sizeof *out);
        return KAON_OK;
    }
    return KAON_NOT_FOUND;
}

static kaon_status copy_values(const kaon_table *t, const kaon_column *facts, size_t bytes,
                               kn_block *values, kn_block *offsets, kaon_diag *diag)
{
    const size_t offset_bytes = ((size_t)t->rows + 1) * sizeof(int64_t);
    KAON_TRY(facts->view.data ? kn_block_resize(values, bytes, "a column", diag)
                              : kn_block_clear(values, bytes, "a column", diag));
    if (facts->offsets) {
        KAON_TRY(kn_block_resize(offsets, offset_bytes, "a column", diag));
        memcpy(offsets->at, facts->offsets, offset_bytes);
    }
    if (facts->view.data)
        kn_view_copy(&facts->view, facts->view.dtype, values->at);
    return KAON_OK;
}

kaon_status kn_table_column_add(kaon_table *t, kaon_column *given, kaon_diag *diag)
{
    kaon_column facts;
    size_t bytes = 0;
    kn_block values = {.spill = t->spill}, offsets = {.spill = t->spill};
    KAON_TRY(kn_struct_take(&facts, sizeof facts, given, "kaon_column", diag));
    facts.name = facts.name ? facts.name : "";
    facts.view.size = sizeof facts.view;
    KAON_TRY(check_column(t, &facts, &bytes, diag));

    column *c = column_new(&facts);
    if (!c)
        return kn_no_memory(diag, "a column");
    const kaon_status status = copy_values(t, &facts, bytes, &values, &offsets, diag);
    column_fill(c, &values, &offsets);
    if (status) {
        column_release(c);
        return status;
    }
    KAON_TRY(push(t, c, diag));
    kn_struct_give(given, &c->facts, sizeof c->facts);
    return KAON_OK;
}

kaon_status kn_table_column_give(kaon_table *t, const kaon_column *given, kn_block *values,
                                 kn_block *offsets, kaon_diag *diag)
{
    size_t bytes = 0;
    kn_block none = {0};
    kaon_column facts = *given;
    facts.name = facts.name ? facts.name : "";
    facts.view.size = sizeof facts.view;
    facts.view.data = values->at;
    facts.offsets = offsets ? offsets->at : NULL;
    kaon_status status = check_column(t, &facts, &bytes, diag);
    column *c = status ? NULL : column_new(&facts);
    if (c)
        column_fill(c, values, offsets ? offsets : &none);
    else if (!status)
        status = kn_no_memory(diag, "a column");
    if (!c) {
        kn_block_free(values); // ours from here on, see the header
        if (offsets)
            kn_block_free(offsets);
        return status;
    }
    *values = none;
    if (offsets)
        *offsets = none;
    return push(t, c, diag);
}

kaon_status kn_table_without(const kaon_table *t, int32_t role, kaon_table **out, kaon_diag *diag)
{
    kaon_table *made = NULL;
    KAON_TRY(new_like(t, t->rows, &made, diag));
    for (int32_t i = 0; i < t->count; i++) {
        if (role != KAON_ROLE_NONE && t->columns[i]->facts.role == role)
            continue;
        const kaon_status status = push(made, column_retain(t->columns[i]), diag);
        if (status) {
            kn_table_release(made);
            return status;
        }
    }
    *out = made;
    return KAON_OK;
}

/* --- rows of a table -------------------------------------------------------------------------- */

static column *column_slice(column *of, int64_t first, int64_t count)
{
    column *c = kn_alloc_zero(sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->holders, 1);
    c->whole = column_retain(of);
    c->name = of->name;
    c->facts = of->facts;
    memcpy(c->shape, of->shape, sizeof c->shape);
    c->facts.view.shape = c->shape;
    if (of->facts.offsets) {
        c->facts.offsets = of->facts.offsets + first; // the values stay as they are
        return c;
    }
    c->shape[0] = count;
    c->facts.view.data = (char *)of->facts.view.data + (uint64_t)first * row_bytes(&of->facts);
    return c;
}

kaon_status kn_table_slice(const kaon_table *t, int64_t first, int64_t count, kaon_table **out,
                           kaon_diag *diag)
{
    kaon_table *made = NULL;
    if (first < 0 || count < 0 || first > t->rows - count)
        return kaon_fail(diag, KAON_INVALID, "rows %lld to %lld of a table of %lld",
                         (long long)first, (long long)(first + count - 1), (long long)t->rows);
    KAON_TRY(new_like(t, count, &made, diag));
    for (int32_t i = 0; i < t->count; i++) {
        column *c = column_slice(t->columns[i], first, count);
        const kaon_status status = c ? push(made, c, diag) : kn_no_memory(diag, "a column");
        if (status) {
            kn_table_release(made);
            return status;
        }
    }
    *out = made;
    return KAON_OK;
}

static void pick_rows(const kaon_column *from, const int64_t *rows, int64_t count, char *to)
{
    const size_t bytes = (size_t)row_bytes(from);
    const char *data = from->view.data;
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)i * bytes, data + (size_t)rows[i] * bytes, bytes);
}

static void pick_jagged(const kaon_column *from, const int64_t *rows, int64_t count, char *to)
{
    const size_t bytes = (size_t)row_bytes(from);
    const char *data = from->view.data;
    for (int64_t i = 0; i < count; i++) {
        const size_t first = (size_t)from->offsets[rows[i]];
        const size_t length = (size_t)from->offsets[rows[i] + 1] - first;
        memcpy(to, data + first * bytes, length * bytes);
        to += length * bytes;
    }
}

// Offsets of the rows picked.
static kaon_status pick_offsets(const kaon_column *from, const int64_t *rows, int64_t count,
                                kn_block *out, kaon_diag *diag)
{
    KAON_TRY(kn_block_resize(out, ((size_t)count + 1) * sizeof(int64_t), "a column", diag));
    int64_t *offsets = out->at;
    offsets[0] = 0;
    for (int64_t i = 0; i < count; i++)
        offsets[i + 1] = offsets[i] + from->offsets[rows[i] + 1] - from->offsets[rows[i]];
    return KAON_OK;
}

static kaon_status column_pick(kaon_table *to, const kaon_column *from, const int64_t *rows,
                               kaon_diag *diag)
{
    const int64_t count = to->rows;
    kn_block values = {.spill = to->spill}, offsets = {.spill = to->spill};
    int64_t shape[KAON_MAX_RANK];
    memcpy(shape, from->view.shape, sizeof shape);
    if (from->offsets)
        KAON_TRY(pick_offsets(from, rows, count, &offsets, diag));
    shape[0] = from->offsets ? ((const int64_t *)offsets.at)[count] : count;
    const kaon_status status =
        kn_block_resize(&values, (size_t)shape[0] * (size_t)row_bytes(from), "a column", diag);
    if (status) {
        kn_block_free(&offsets);
        kn_block_free(&values);
        return status;
    }
    if (from->offsets)
        pick_jagged(from, rows, count, values.at);
    else
        pick_rows(from, rows, count, values.at);
    kaon_column made = *from;
    made.view.shape = shape;
    return kn_table_column_give(to, &made, &values, from->offsets ? &offsets : NULL, diag);
}

static int64_t is_run(const int64_t *rows, int64_t count)
{
    for (int64_t i = 1; i < count; i++)
        if (rows[i] != rows[0] + i)
            return 0;
    return 1;
}

kaon_status kn_table_pick(const kaon_table *t, const int64_t *rows, int64_t count, kaon_table **out,
                          kaon_diag *diag)
{
    kaon_table *made = NULL;
    for (int64_t i = 0; i < count; i++)
        if (rows[i] < 0 || rows[i] >= t->rows)
            return kaon_fail(diag, KAON_INVALID, "row %lld of a table of %lld", (long long)rows[i],
                             (long long)t->rows);
    if (is_run(rows, count))
        return kn_table_slice(t, count ? rows[0] : 0, count, out, diag);
    KAON_TRY(new_like(t, count, &made, diag));
    for (int32_t i = 0; i < t->count; i++) {
        const kaon_status status = column_pick(made, &t->columns[i]->facts, rows, diag);
        if (status) {
            kn_table_release(made);
            return status;
        }
    }
    *out = made;
    return KAON_OK;
}

/* --- the service ------------------------------------------------------------------------------ */

static kaon_status api_new(const kaon_host *host, int64_t rows, kaon_table **out, kaon_diag *diag)
{
    (void)host;
    return kn_table_new(rows, out, diag);
}

static kaon_status api_batches_open(const kaon_host *host, kaon_table *t,
                                    const kaon_batch_spec *spec, kaon_batches **out,
                                    kaon_diag *diag)
{
    (void)host;
    return kn_batches_open(t, spec, out, diag);
}

const kaon_table_api kn_table_api = {
    .size = sizeof kn_table_api,
    .table_new = api_new,
    .retain = kn_table_retain,
    .release = kn_table_release,
    .rows = kn_table_rows,
    .column_count = kn_table_column_count,
    .column_at = kn_table_column_at,
    .column_of = kn_table_column_of,
    .column_add = kn_table_column_add,
    .without = kn_table_without,
    .batches_open = api_batches_open,
    .batches_next = kn_batches_next,
    .batches_close = kn_batches_close,
};
