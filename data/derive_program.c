/* derive_program.c: what a scan needs of formulas: columns of the file, and programs per size of
 * chunk. */
#include "data/derive_own.h"

#include "kernel/memory.h"

#include <math.h>
#include <string.h>

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

int64_t kn_derive_lane(const kn_derive *d, int32_t lane)
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
        if (in->known->kind.jagged && kn_derive_lane(d, in->known->lane) < 0)
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

int64_t kn_derive_width(const kn_derive *d, const kn_symbol *known)
{
    if (known->kind.jagged)
        return d->lanes[kn_derive_lane(d, known->lane)].width;
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
        const int64_t shape[] = {m->rows, kn_derive_width(d, known)};
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
kaon_status kn_derive_program(kn_derive *d, int64_t rows, kaon_program **out, kaon_diag *diag)
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
