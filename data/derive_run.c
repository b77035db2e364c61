/* derive_run.c: formulas over Arrow arrays: programs for chunks of rows, and the rows that are
 * left.
 */
#include "data/derive_own.h"

#include "kernel/memory.h"

#include <math.h>
#include <string.h>

enum {
    MOST_ROWS = 16384,      // of a chunk: a column of it stays in the cache
    LEAST_ROWS = 64,        // shorter arrays are filled up to this many
    MOST_NUMBERS = 1 << 19, // of a chunk of padded lists
    MOST_ENTRIES = 1 << 24  // of a list
};

/* --- what a scan needs ------------------------------------------------------------------------ */

static int64_t raw_child(kn_derive *d, const char *name, kaon_diag *diag)
{
    for (int64_t i = 0; i < d->raw_count; i++)
        if (!strcmp(d->raw_names[i], name))
            return i;
    const size_t room = (size_t)d->raw->n_children + 1;
    if (!d->raw_names)
        d->raw_names = kn_arena_array(&d->scan, room, sizeof *d->raw_names);
    if (!d->raw_names) {
        kn_no_memory(diag, "columns");
        return -1;
    }
    d->raw_names[d->raw_count] = name;
    return d->raw_count++;
}

static void count_input(void *context, kn_symbol *known)
{
    (void)known;
    ++*(int32_t *)context;
}

static void add_input(void *context, kn_symbol *known)
{
    kn_derive *d = context;
    if (known->input >= 0)
        return;
    known->input = d->input_count;
    d->inputs[d->input_count++].known = known;
}

typedef void each_root(kn_derive *d, kn_term *root, void *context);

static void each_wanted(kn_derive *d, each_root *call, void *context)
{
    d->walks++;
    for (int64_t i = 0; i < d->computed_count; i++)
        if (d->computed[i]->wanted)
            call(d, d->computed[i]->expression.root, context);
    if (d->cut.root)
        call(d, d->cut.root, context);
}

static void count_inputs(kn_derive *d, kn_term *root, void *context)
{
    kn_expression_columns(root, d->walks, count_input, context);
}

static void add_inputs(kn_derive *d, kn_term *root, void *context)
{
    (void)context;
    kn_expression_columns(root, d->walks, add_input, d);
}

static void clear_input(void *context, kn_symbol *known)
{
    (void)context;
    known->input = -1;
}

static void clear_inputs(kn_derive *d, kn_term *root, void *context)
{
    (void)context;
    kn_expression_columns(root, d->walks, clear_input, NULL);
}

static int64_t lane_place(const kn_derive *d, int32_t lane)
{
    lane = kn_scope_lane(&d->scope, lane);
    for (int32_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].lane == lane)
            return i;
    return -1;
}

static kaon_status plan_inputs(kn_derive *d, kaon_diag *diag)
{
    int32_t room = 0;
    each_wanted(d, count_inputs, &room);
    d->inputs = kn_arena_array(&d->scan, (size_t)room + 1, sizeof *d->inputs);
    d->lanes = kn_arena_array(&d->scan, (size_t)room + 1, sizeof *d->lanes);
    if (!d->inputs || !d->lanes)
        return kn_no_memory(diag, "columns");
    each_wanted(d, clear_inputs, NULL);
    each_wanted(d, add_inputs, NULL);
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_program_input *in = &d->inputs[i];
        const int32_t of_file =
            in->known->from == KN_FROM_FILE || in->known->from == KN_FROM_EQUALS;
        in->child = -1;
        if (of_file && (in->child = raw_child(d, in->known->name, diag)) < 0)
            return KAON_NO_MEMORY;
        if (in->known->kind.jagged && lane_place(d, in->known->lane) < 0)
            d->lanes[d->lane_count++].lane = kn_scope_lane(&d->scope, in->known->lane);
    }
    return KAON_OK;
}

static kaon_status plan_column(kn_derive *d, const char *name, kaon_diag *diag)
{
    kn_scanned *s = &d->scanned[d->scanned_count++];
    s->child = -1;
    for (int64_t i = d->raw->n_children; !s->computed && i < d->schema.n_children; i++)
        if (!strcmp(d->schema.children[i]->name, name))
            s->computed = d->computed[i - d->raw->n_children];
    for (int64_t i = 0; i < d->raw->n_children; i++) {
        if (strcmp(d->raw->children[i]->name, name))
            continue;
        s->computed = NULL; // a column of the file goes first
        s->child = raw_child(d, name, diag);
        return s->child < 0 ? KAON_NO_MEMORY : KAON_OK;
    }
    if (!s->computed)
        return kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s'", name);
    s->computed->wanted = 1;
    return KAON_OK;
}

void kn_derive_end(kn_derive *d)
{
    for (int32_t i = 0; i < d->program_count; i++) {
        kn_program_free(d->programs[i].program);
        kn_free(d->programs[i].widths);
    }
    kn_free(d->programs);
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_buffer_fini(&d->inputs[i].block);
        kn_buffer_fini(&d->inputs[i].flat);
        kn_buffer_fini(&d->inputs[i].ends);
    }
    for (int32_t i = 0; i < d->lane_count; i++)
        kn_buffer_fini(&d->lanes[i].lengths);
    for (int64_t i = 0; i < d->scanned_count; i++)
        kn_picked_fini(&d->scanned[i].picked);
    for (int64_t i = 0; i < d->computed_count; i++)
        d->computed[i]->wanted = 0;
    d->programs = NULL;
    d->program_count = d->input_count = d->lane_count = 0;
    d->scanned_count = d->raw_count = 0;
    d->raw_names = NULL;
    kn_arena_free(&d->scan);
}

kaon_status kn_derive_begin(kn_derive *d, const char *const *names, int64_t count,
                            int64_t first_row, kaon_diag *diag)
{
    kn_derive_end(d);
    d->next_row = first_row;
    d->counts = (kn_cut_counts){0};
    d->scanned = kn_arena_array(&d->scan, (size_t)count + 1, sizeof *d->scanned);
    struct ArrowSchema **schemas = kn_arena_array(&d->scan, (size_t)count + 1, sizeof *schemas);
    struct ArrowArray **arrays = kn_arena_array(&d->scan, (size_t)count + 1, sizeof *arrays);
    if (!d->scanned || !schemas || !arrays)
        return kn_no_memory(diag, "columns");
    for (int64_t i = 0; i < count; i++)
        KAON_TRY(plan_column(d, names[i], diag));
    KAON_TRY(plan_inputs(d, diag));
    // Rows must be counted even where no column of the file is needed.
    if (d->raw_count == 0 && raw_child(d, d->raw->children[0]->name, diag) < 0)
        return KAON_NO_MEMORY;
    d->out_schema =
        (struct ArrowSchema){.format = "+s", .name = "", .n_children = count, .children = schemas};
    d->out = (struct ArrowArray){
        .n_buffers = 1, .buffers = &d->out_buffer, .n_children = count, .children = arrays};
    return KAON_OK;
}

void kn_derive_raw(const kn_derive *d, const char *const **names, int64_t *count)
{
    *names = d->raw_names;
    *count = d->raw_count;
}

/* --- programs --------------------------------------------------------------------------------- */

// What a program is made of while it is built.
typedef struct making {
    kn_derive *d;
    kn_arena arena;
    kn_building building;
    kaon_node **outputs;
    int32_t output_count;
    int64_t rows;
} making;

static int64_t input_width(const kn_derive *d, const kn_symbol *known)
{
    if (known->kind.jagged)
        return d->lanes[lane_place(d, known->lane)].width;
    return known->from == KN_FROM_FILE && known->kind.rank ? known->kind.shape[0] : 1;
}

// Numbers that stand for a missing value are one.
static kaon_node *without_sentinels(const kn_derive *d, kaon_graph *g, kaon_node *node)
{
    for (int64_t i = 0; i < d->spec.sentinel_count; i++) {
        kaon_node *sentinel = kaon_scalar_as(g, KAON_F64, d->spec.sentinels[i]);
        node = kaon_select(g, kaon_eq(g, node, sentinel), kaon_scalar_as(g, KAON_F64, NAN), node);
    }
    return node;
}

static int make_inputs(making *m)
{
    kn_derive *d = m->d;
    kaon_graph *g = m->building.graph;
    kaon_node **nodes = kn_arena_array(&m->arena, (size_t)d->input_count + 1, sizeof *nodes);
    const kn_entries **lanes =
        kn_arena_array(&m->arena, (size_t)d->scope.lane_count + 1, sizeof *lanes);
    if (!nodes || !lanes)
        return 0;
    for (int32_t i = 0; i < d->input_count; i++) {
        const kn_symbol *known = d->inputs[i].known;
        const int64_t shape[] = {m->rows, input_width(d, known)};
        nodes[i] = g->api->input(g, known->name, KAON_F64, 2, shape);
        if (known->from == KN_FROM_FILE)
            nodes[i] = without_sentinels(d, g, nodes[i]);
    }
    for (int32_t i = 0; i < d->lane_count; i++) {
        const int64_t shape[] = {m->rows, 1};
        kn_entries *e = kn_arena_take(&m->arena, sizeof *e);
        if (!e)
            return 0;
        kaon_node *lengths = g->api->input(g, "lengths", KAON_F64, 2, shape);
        e->width = d->lanes[i].width;
        e->mask = kaon_lt(g, kn_places(&m->building, e->width), lengths);
        lanes[d->lanes[i].lane] = e;
    }
    m->building.inputs = nodes;
    m->building.lanes = lanes;
    return 1;
}

static void add_output(making *m, kaon_node *node)
{
    m->outputs[m->output_count++] = node;
}

static int make_outputs(making *m)
{
    kn_derive *d = m->d;
    kn_building *b = &m->building;
    m->outputs = kn_arena_array(&m->arena, (size_t)d->computed_count * 2 + 1, sizeof *m->outputs);
    if (!m->outputs)
        return 0;
    for (int64_t i = 0; i < d->computed_count; i++) {
        kn_term *root = d->computed[i]->expression.root;
        if (!d->computed[i]->wanted)
            continue;
        const kn_value *value = kn_expression_build(b, root);
        if (!value)
            return 0;
        const int64_t count = kn_form_count(&root->form);
        const int64_t width = root->form.shape == KN_ONE ? 1 : count ? count : value->of->width;
        if (root->form.shape == KN_ONE)
            add_output(m, kn_spread(b, kn_value_number(b, value), 1));
        else
            add_output(m, kn_value_padded(b, value, count ? d->spec.pad : 0, width));
        if (root->form.shape != KN_ONE && !count)
            add_output(m, kn_entries_count(b, value));
    }
    const kn_value *cut = d->cut.root ? kn_expression_build(b, d->cut.root) : NULL;
    if (cut)
        add_output(m, kn_spread(b, kn_value_number(b, cut), 1));
    return !d->cut.root || cut;
}

static kaon_status make_program(making *m, kaon_program **out, kaon_diag *diag)
{
    kn_derive *d = m->d;
    const kaon_graph_spec spec = {.size = sizeof spec, .float_type = KAON_F64};
    kn_graph *g = NULL;
    KAON_TRY(kn_graph_new(d->spec.kernel, NULL, &spec, &g, diag));
    m->building = (kn_building){.graph = &g->base,
                                .arena = &m->arena,
                                .scope = &d->scope,
                                .rows = m->rows,
                                .number = ++d->graphs};
    const int made = make_inputs(m) && make_outputs(m);
    kaon_status status = kn_graph_status(g);
    if (status)
        status = g->base.api->check(&g->base, diag);
    else if (!made || m->building.failed)
        status = kn_no_memory(diag, "formulas");
    const kaon_compile_job job = {.size = sizeof job,
                                  .output_count = m->output_count,
                                  .graph = &g->base,
                                  .outputs = m->outputs};
    if (!status)
        status = kn_program_compile(d->spec.kernel, &job, out, diag);
    kn_graph_free(g);
    return kaon_context(diag, status, "formulas");
}

static int is_program(const kn_derive *d, const kn_chunk_program *p, int64_t rows)
{
    int same = p->rows == rows;
    for (int32_t i = 0; same && i < d->lane_count; i++)
        same = p->widths[i] == d->lanes[i].width;
    return same;
}

// The program for chunks of this size, compiled when it is first met.
static kaon_status program_for(kn_derive *d, int64_t rows, kaon_program **out, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->program_count; i++) {
        *out = d->programs[i].program;
        if (is_program(d, &d->programs[i], rows))
            return KAON_OK;
    }
    kn_chunk_program *all = kn_resize_array(d->programs, (size_t)d->program_count + 1, sizeof *all);
    int64_t *widths = kn_alloc_array((size_t)d->lane_count + 1, sizeof *widths);
    if (all)
        d->programs = all;
    if (!all || !widths) {
        kn_free(widths);
        return kn_no_memory(diag, "a program");
    }
    for (int32_t i = 0; i < d->lane_count; i++)
        widths[i] = d->lanes[i].width;
    making m = {.d = d, .rows = rows};
    const kaon_status status = make_program(&m, out, diag);
    kn_arena_free(&m.arena);
    if (status) {
        kn_free(widths);
        return status;
    }
    all[d->program_count++] = (kn_chunk_program){rows, widths, *out};
    return KAON_OK;
}

/* --- inputs of a chunk ------------------------------------------------------------------------ */

static kaon_status find_ends(kn_program_input *in, kaon_diag *diag)
{
    char *at = NULL;
    in->ends.bytes = 0;
    KAON_TRY(kn_buffer_extend(&in->ends, in->look.rows + 1, sizeof(int64_t), &at, diag));
    kn_arrow_offsets(&in->look, 0, in->look.rows, (int64_t *)(void *)at);
    return KAON_OK;
}

static const int64_t *ends_of(const kn_program_input *in)
{
    return (const int64_t *)(const void *)in->ends.at;
}

static kaon_status open_inputs(kn_derive *d, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_program_input *in = &d->inputs[i];
        const kn_symbol *known = in->known;
        kn_arrow_kind kind;
        char now[96], before[96];
        if (in->child < 0)
            continue;
        kaon_status status = kn_arrow_kind_of(schema->children[in->child], &kind, diag);
        if (!status && (kind.jagged != known->kind.jagged || kind.width != known->kind.width ||
                        kind.rank != known->kind.rank ||
                        (kind.dtype == KN_TEXT_COLUMN) != (known->kind.dtype == KN_TEXT_COLUMN)))
            status = kaon_fail(diag, KAON_INVALID, "it is %s here and %s in the first file",
                               kn_arrow_kind_text(&kind, now, sizeof now),
                               kn_arrow_kind_text(&known->kind, before, sizeof before));
        if (!status)
            status = kn_arrow_open(&kind, array->children[in->child], &in->look, diag);
        if (!status && in->look.rows != array->length)
            status = kaon_fail(diag, KAON_INTERNAL, "it has %lld rows of %lld",
                               (long long)in->look.rows, (long long)array->length);
        if (!status && kind.jagged)
            status = find_ends(in, diag);
        KAON_TRY(kaon_context(diag, status, "column '%s'", known->name));
    }
    return KAON_OK;
}

static int64_t power_of_two(int64_t least)
{
    int64_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

// Entries of the longest list of each lane among some rows.
static kaon_status measure_lanes(kn_derive *d, int64_t first, int64_t rows, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].width = 1;
    for (int32_t i = 0; i < d->input_count; i++) {
        const kn_program_input *in = &d->inputs[i];
        if (!in->known->kind.jagged)
            continue;
        kn_lane_input *lane = &d->lanes[lane_place(d, in->known->lane)];
        const int64_t *ends = ends_of(in);
        for (int64_t row = first; row < first + rows; row++) {
            const int64_t length = ends[row + 1] - ends[row];
            if (length > MOST_ENTRIES)
                return kaon_fail(diag, KAON_UNSUPPORTED,
                                 "row %lld has %lld entries of '%s'; formulas take %d",
                                 (long long)(d->next_row + row), (long long)length, in->known->name,
                                 MOST_ENTRIES);
            lane->width = length > lane->width ? length : lane->width;
        }
    }
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].width = power_of_two(d->lanes[i].width);
    return KAON_OK;
}

// Rows of the next chunk: a power of two, fewer where lists are long.
static kaon_status choose_chunk(kn_derive *d, int64_t first, int64_t left, int64_t *rows,
                                kaon_diag *diag)
{
    int64_t n = power_of_two(left < MOST_ROWS ? left : MOST_ROWS), widest = 1;
    n = n < LEAST_ROWS ? LEAST_ROWS : n;
    KAON_TRY(measure_lanes(d, first, n < left ? n : left, diag));
    for (int32_t i = 0; i < d->lane_count; i++)
        widest = d->lanes[i].width > widest ? d->lanes[i].width : widest;
    while (n > 1 && n * widest > MOST_NUMBERS)
        n /= 2;
    *rows = n;
    return n < left ? measure_lanes(d, first, n, diag) : KAON_OK;
}

static kaon_status room_for(kn_buffer *b, int64_t count, double **out, kaon_diag *diag)
{
    char *at = NULL;
    b->bytes = 0;
    KAON_TRY(kn_buffer_extend(b, count, sizeof **out, &at, diag));
    *out = (double *)(void *)at;
    return KAON_OK;
}

// Lists of one column side by side, each filled up with zeros to the width of its lane.
static kaon_status load_lists(kn_derive *d, kn_program_input *in, int64_t first, int64_t count,
                              int64_t rows, kaon_diag *diag)
{
    kn_lane_input *lane = &d->lanes[lane_place(d, in->known->lane)];
    const int64_t width = lane->width;
    const int32_t is_first = lane->lengths.bytes == 0;
    double *lengths = (double *)(void *)lane->lengths.at, *to = NULL, *from = NULL;
    const int64_t *ends = ends_of(in) + first;
    KAON_TRY(room_for(&in->flat, ends[count] - ends[0] + 1, &from, diag));
    kn_arrow_numbers(&in->look, ends[0], ends[count] - ends[0], KAON_F64, from);
    if (is_first) {
        KAON_TRY(room_for(&lane->lengths, rows, &lengths, diag));
        memset(lengths, 0, (size_t)rows * sizeof *lengths);
    }
    KAON_TRY(room_for(&in->block, rows * width, &to, diag));
    memset(to + count * width, 0, (size_t)((rows - count) * width) * sizeof *to);
    for (int64_t i = 0; i < count; i++) {
        const int64_t length = ends[i + 1] - ends[i];
        double *row = to + i * width;
        for (int64_t k = 0; k < length; k++)
            row[k] = *from++;
        for (int64_t k = length; k < width; k++)
            row[k] = 0;
        if (is_first)
            lengths[i] = (double)length;
        else if (lengths[i] != (double)length)
            return kaon_fail(
                diag, KAON_INVALID,
                "row %lld has %lld entries of '%s' and %lld of what it is combined with",
                (long long)(d->next_row + first + i), (long long)length, in->known->name,
                (long long)lengths[i]);
    }
    in->at = to;
    return KAON_OK;
}

static void load_equals(const kn_program_input *in, int64_t first, int64_t count, double *to)
{
    const size_t wanted = strlen(in->known->labels);
    for (int64_t i = 0; i < count; i++) {
        size_t bytes = 0;
        const char *text = kn_arrow_text(&in->look, first + i, &bytes);
        to[i] = bytes == wanted && !memcmp(text, in->known->labels, wanted);
        if (kn_arrow_is_null(&in->look, first + i))
            to[i] = NAN;
    }
}

static void load_own(const kn_derive *d, const kn_symbol *known, int64_t file, int64_t first,
                     int64_t count, double *to)
{
    const double weight = d->spec.weight_of ? d->spec.weight_of[file] : 1;
    for (int64_t i = 0; i < count; i++)
        to[i] = known->from == KN_FROM_ROW     ? (double)(d->next_row + first + i)
                : known->from == KN_FROM_CLASS ? (double)d->spec.class_of[file]
                                               : weight;
}

// Where the program can read the file's own memory, it does.
static const void *in_place(const kn_program_input *in, int64_t first, int64_t count, int64_t rows)
{
    const kn_arrow_look *look = &in->look;
    if (in->known->from != KN_FROM_FILE || look->kind.dtype != KAON_F64 || look->kind.jagged ||
        look->row_valid || look->leaf_valid || count < rows)
        return NULL;
    return (const double *)look->data + look->first + first * look->kind.width;
}

static kaon_status load_inputs(kn_derive *d, int64_t file, int64_t first, int64_t count,
                               int64_t rows, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].lengths.bytes = 0;
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_program_input *in = &d->inputs[i];
        const kn_symbol *known = in->known;
        double *to = NULL;
        if (known->kind.jagged) {
            KAON_TRY(load_lists(d, in, first, count, rows, diag));
            continue;
        }
        in->at = in_place(in, first, count, rows);
        if (in->at)
            continue;
        const int64_t width = input_width(d, known);
        KAON_TRY(room_for(&in->block, rows * width, &to, diag));
        memset(to + count * width, 0, (size_t)((rows - count) * width) * sizeof *to);
        if (known->from == KN_FROM_FILE)
            kn_arrow_numbers(&in->look, first, count, KAON_F64, to);
        else if (known->from == KN_FROM_EQUALS)
            load_equals(in, first, count, to);
        else
            load_own(d, known, file, first, count, to);
        in->at = to;
    }
    return KAON_OK;
}

/* --- a chunk ---------------------------------------------------------------------------------- */

static int64_t output_width(const kn_derive *d, const kn_computed *c)
{
    const kn_form *form = &c->expression.root->form;
    const int64_t count = kn_form_count(form);
    if (form->shape == KN_ONE || count)
        return form->shape == KN_ONE ? 1 : count;
    if (form->axis.lane >= 0) {
        const int64_t lane = lane_place(d, form->axis.lane);
        return d->lanes[lane].width;
    }
    return -1 - form->axis.lane; // chosen of a list of so many
}

static kaon_status run_chunk(kn_derive *d, int64_t file, int64_t first, int64_t count, int64_t rows,
                             kaon_diag *diag)
{
    kaon_program *program = NULL;
    const void **in =
        kn_alloc_array((size_t)d->input_count + (size_t)d->lane_count + 1, sizeof *in);
    void **out = kn_alloc_array((size_t)d->computed_count * 2 + 1, sizeof *out);
    int32_t outputs = 0;
    double *at = NULL;
    kaon_status status = in && out ? KAON_OK : kn_no_memory(diag, "a program");
    if (!status)
        status = load_inputs(d, file, first, count, rows, diag);
    if (!status)
        status = program_for(d, rows, &program, diag);
    for (int32_t i = 0; !status && i < d->input_count; i++)
        in[i] = d->inputs[i].at;
    for (int32_t i = 0; !status && i < d->lane_count; i++)
        in[d->input_count + i] = d->lanes[i].lengths.at;
    for (int64_t i = 0; !status && i < d->computed_count; i++) {
        kn_computed *c = d->computed[i];
        if (!c->wanted)
            continue;
        const int32_t is_open = c->schema[0].format[1] == 'L';
        status = room_for(&c->chunk, rows * output_width(d, c), &at, diag);
        out[outputs++] = at;
        if (!status && is_open) {
            status = room_for(&c->counts, rows, &at, diag);
            out[outputs++] = at;
        }
    }
    if (!status && d->cut.root) {
        status = room_for(&d->cut_chunk, rows, &at, diag);
        out[outputs++] = at;
    }
    if (!status)
        status = kn_program_run(program, in, out, 0, diag);
    kn_free(in);
    kn_free(out);
    return status;
}

// Which rows of a chunk stay: the cut is true there.
static void mark_rows(kn_derive *d, int64_t first, int64_t count)
{
    const double *cut = (const double *)(const void *)d->cut_chunk.at;
    char *keep = d->keep.at + first;
    for (int64_t i = 0; i < count; i++) {
        keep[i] = cut[i] == 1;
        d->counts.kept += keep[i];
        d->counts.unknown += isnan(cut[i]) != 0;
    }
}

static kaon_status keep_numbers(kn_derive *d, kn_computed *c, int64_t first, int64_t count,
                                kaon_diag *diag)
{
    const int64_t width = output_width(d, c);
    const size_t bytes = (size_t)width * sizeof(double);
    char *to = NULL;
    const char *keep = d->cut.root ? d->keep.at + first : NULL;
    KAON_TRY(kn_buffer_extend(&c->values, count, bytes, &to, diag));
    if (!keep) {
        memcpy(to, c->chunk.at, (size_t)count * bytes);
        return KAON_OK;
    }
    const double *from = (const double *)(const void *)c->chunk.at;
    for (int64_t i = 0; width == 1 && i < count; i++) { // written always, passed over if it goes
        memcpy(to, &from[i], sizeof *from);
        to += keep[i] ? sizeof *from : 0;
    }
    for (int64_t i = 0; width > 1 && i < count; i++) {
        if (!keep[i])
            continue;
        memcpy(to, c->chunk.at + (size_t)i * bytes, bytes);
        to += bytes;
    }
    c->values.bytes = (size_t)(to - c->values.at);
    return KAON_OK;
}

static kaon_status keep_lists(kn_derive *d, kn_computed *c, int64_t first, int64_t count,
                              kaon_diag *diag)
{
    const int64_t width = output_width(d, c);
    const double *counts = (const double *)(const void *)c->counts.at;
    char *to = NULL, *offset = NULL;
    for (int64_t i = 0; i < count; i++) {
        const int64_t length = (int64_t)counts[i];
        if (d->cut.root && !d->keep.at[first + i])
            continue;
        KAON_TRY(kn_buffer_extend(&c->values, length, sizeof(double), &to, diag));
        memcpy(to, c->chunk.at + (size_t)(i * width) * sizeof(double),
               (size_t)length * sizeof(double));
        KAON_TRY(kn_buffer_extend(&c->offsets, 1, sizeof(int64_t), &offset, diag));
        *(int64_t *)(void *)offset = (int64_t)(c->values.bytes / sizeof(double));
    }
    return KAON_OK;
}

static kaon_status run_rows(kn_derive *d, int64_t file, int64_t rows, kaon_diag *diag)
{
    for (int64_t first = 0, chunk = 0; first < rows; first += chunk) {
        KAON_TRY(choose_chunk(d, first, rows - first, &chunk, diag));
        const int64_t count = rows - first < chunk ? rows - first : chunk;
        KAON_TRY(run_chunk(d, file, first, count, chunk, diag));
        if (d->cut.root)
            mark_rows(d, first, count);
        for (int64_t i = 0; i < d->computed_count; i++) {
            kn_computed *c = d->computed[i];
            if (c->wanted)
                KAON_TRY(c->schema[0].format[1] == 'L' ? keep_lists(d, c, first, count, diag)
                                                       : keep_numbers(d, c, first, count, diag));
        }
    }
    return KAON_OK;
}

/* --- the arrays that come out ----------------------------------------------------------------- */

static kaon_status begin_columns(kn_derive *d, int64_t rows, kaon_diag *diag)
{
    char *at = NULL;
    d->keep.bytes = 0;
    KAON_TRY(kn_buffer_extend(&d->keep, rows + 1, 1, &at, diag));
    for (int64_t i = 0; i < d->computed_count; i++) {
        kn_computed *c = d->computed[i];
        c->values.bytes = c->offsets.bytes = 0;
        if (!c->wanted)
            continue;
        KAON_TRY(kn_buffer_reserve(&c->values, sizeof(double), diag)); // never NULL
        KAON_TRY(kn_buffer_extend(&c->offsets, 1, sizeof(int64_t), &at, diag));
        memset(at, 0, sizeof(int64_t));
    }
    return KAON_OK;
}

// Numbers become what the schema says: whole ones i64, conditions bits; NaN is no value there.
static kaon_status narrow(kn_computed *c, int64_t rows, kaon_diag *diag)
{
    int64_t missing = 0;
    uint8_t *bits = (uint8_t *)c->values.at;
    const int32_t is_whole = c->schema[0].format[0] == 'l';
    char *at = NULL;
    if (!is_whole && c->schema[0].format[0] != 'b')
        return KAON_OK;
    c->valid.bytes = 0;
    KAON_TRY(kn_buffer_extend(&c->valid, rows / 8 + 1, 1, &at, diag));
    memset(at, 0, (size_t)rows / 8 + 1);
    for (int64_t i = 0; i < rows; i++) {
        double value; // read before its place is written
        memcpy(&value, c->values.at + (size_t)i * sizeof value, sizeof value);
        const int32_t there = !isnan(value);
        missing += !there;
        at[i >> 3] = (char)(at[i >> 3] | there << (i & 7));
        const int64_t whole = !there || fabs(value) >= 9.2e18 ? 0 : (int64_t)value;
        if (is_whole)
            memcpy(c->values.at + (size_t)i * sizeof whole, &whole, sizeof whole);
        else
            bits[i >> 3] = (uint8_t)((i & 7 ? bits[i >> 3] : 0) | (value == 1) << (i & 7));
    }
    c->array[0].null_count = missing;
    return KAON_OK;
}

static kaon_status give_computed(kn_computed *c, int64_t rows, kaon_diag *diag)
{
    const int32_t is_open = c->schema[0].format[1] == 'L';
    const int32_t is_list = c->schema[0].n_children > 0;
    memset(c->array, 0, sizeof c->array);
    memset(c->buffers, 0, sizeof c->buffers);
    KAON_TRY(narrow(c, rows, diag));
    struct ArrowArray *top = &c->array[0], *item = &c->array[1];
    top->length = rows;
    top->n_buffers = is_list && !is_open ? 1 : 2;
    top->buffers = c->buffers[0];
    top->buffers[0] = top->null_count ? c->valid.at : NULL;
    top->buffers[1] = is_open ? c->offsets.at : c->values.at;
    if (!is_list)
        return KAON_OK;
    c->array_child = item;
    top->n_children = 1;
    top->children = &c->array_child;
    item->length = (int64_t)(c->values.bytes / sizeof(double));
    item->n_buffers = 2;
    item->buffers = c->buffers[1];
    item->buffers[1] = c->values.at;
    return KAON_OK;
}

static kaon_status give_column(kn_derive *d, kn_scanned *s, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t kept,
                               struct ArrowSchema **out_schema, struct ArrowArray **out,
                               kaon_diag *diag)
{
    kn_arrow_kind kind;
    kn_arrow_look look;
    if (s->computed) {
        *out_schema = &s->computed->schema[0];
        *out = &s->computed->array[0];
        return give_computed(s->computed, kept, diag);
    }
    *out_schema = schema->children[s->child];
    *out = array->children[s->child];
    if (kept == array->length)
        return KAON_OK;
    KAON_TRY(kn_arrow_kind_of(*out_schema, &kind, diag));
    KAON_TRY(kn_arrow_open(&kind, *out, &look, diag));
    if (look.rows != array->length)
        return kaon_fail(diag, KAON_INTERNAL, "it has %lld rows of %lld", (long long)look.rows,
                         (long long)array->length);
    KAON_TRY(kn_rows_pick(&look, d->keep.at, kept, &s->picked, diag));
    *out = &s->picked.array[0];
    return KAON_OK;
}

kaon_status kn_derive_array(kn_derive *d, int64_t file, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, const struct ArrowSchema **out_schema,
                            const struct ArrowArray **out, kaon_diag *diag)
{
    const int64_t before = d->counts.kept;
    if (array->n_children != d->raw_count || schema->n_children != d->raw_count)
        return kaon_fail(diag, KAON_INTERNAL, "the reader gave %lld columns, asked for were %lld",
                         (long long)array->n_children, (long long)d->raw_count);
    if (array->offset || array->length < 0)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the reader gave a part of an array");
    KAON_TRY(open_inputs(d, schema, array, diag));
    KAON_TRY(begin_columns(d, array->length, diag));
    int32_t has_formulas = d->cut.root != NULL;
    for (int64_t i = 0; i < d->computed_count; i++)
        has_formulas |= d->computed[i]->wanted;
    if (has_formulas)
        KAON_TRY(run_rows(d, file, array->length, diag));
    d->counts.kept += d->cut.root ? 0 : array->length;
    d->counts.rows += array->length;
    d->next_row += array->length;
    const int64_t kept = d->counts.kept - before;
    for (int64_t i = 0; i < d->scanned_count; i++) {
        kn_scanned *c = &d->scanned[i];
        const char *name = c->computed ? c->computed->name : d->raw_names[c->child];
        const kaon_status status = give_column(
            d, c, schema, array, kept, &d->out_schema.children[i], &d->out.children[i], diag);
        KAON_TRY(kaon_context(diag, status, "column '%s'", name));
    }
    d->out.length = kept;
    *out_schema = &d->out_schema;
    *out = &d->out;
    return KAON_OK;
}

kn_cut_counts kn_derive_counts(const kn_derive *d)
{
    return d->counts;
}

int32_t kn_derive_has_cut(const kn_derive *d)
{
    return d->cut.root != NULL;
}
