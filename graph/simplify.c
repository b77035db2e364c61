/* simplify.c: dead code, common subexpressions, and the walk that applies the rules.
 *
 * Each round copies what is live into a new graph, use by use; rules may leave nodes nobody reads
 * and open up others, so there are a few rounds.
 */
#include "graph/simplify.h"

#include <string.h>

#include "kernel/arena.h"
#include "graph/control.h"
#include "kernel/memory.h"
#include "graph/op_attr.h"
#include "graph/simplify_pass.h"

enum { ROUNDS = 8 };

/* --- what is needed --------------------------------------------------------------------------- */

static void read_node(kn_pass *p, const kn_node *node)
{
    p->live[node->id] = 1;
    p->readers[node->id]++;
}

static kaon_status mark(kn_pass *p);

static int32_t is_live(const kn_pass *p, const kn_use *use)
{
    int32_t live = 0;
    for (int32_t i = 0; i < use->output_count; i++)
        live |= p->live[use->outputs[i].id];
    return live;
}

// Which outputs of a scan or cond stay: carries always, others where they are read.
static int32_t is_kept(const kn_pass *p, const kn_use *use, int32_t output)
{
    return (use->kind == KN_USE_SCAN && output < use->carry_count) ||
           p->live[use->outputs[output].id];
}

static kaon_status pass_init(kn_pass *p, const kn_graph *from, int64_t *changes)
{
    *p = (kn_pass){.from = from, .changes = changes};
    p->table_room = 64;
    while (p->table_room < 4 * from->use_count)
        p->table_room *= 2;
    const size_t nodes = (size_t)from->node_count;
    p->live = kn_alloc_zero(nodes);
    p->readers = kn_alloc_array(nodes, sizeof *p->readers);
    p->map = kn_alloc_array(nodes, sizeof *p->map);
    p->table = kn_alloc_array((size_t)p->table_room, sizeof *p->table);
    return p->live && p->readers && p->map && p->table ? KAON_OK : KAON_NO_MEMORY;
}

static void pass_fini(kn_pass *p)
{
    kn_free(p->live);
    kn_free(p->readers);
    kn_free(p->map);
    kn_free(p->table);
}

// Liveness inside one body of a use of `p`, for the outputs that stay.
static kaon_status body_init(kn_pass *body, const kn_pass *p, const kn_use *use, int32_t which)
{
    const kn_graph *from = use->bodies[which];
    KAON_TRY(pass_init(body, from, p->changes));
    for (int32_t i = 0; i < from->result_count; i++) {
        if (is_kept(p, use, i))
            read_node(body, from->results[i]);
    }
    return mark(body);
}

// Inputs a scan or cond needs: predicate and carries always, the others where a body reads them.
static kaon_status mark_control(kn_pass *p, const kn_use *use)
{
    const int32_t first = use->kind == KN_USE_COND;
    for (int32_t b = 0; b < 2 && use->bodies[b]; b++) {
        kn_pass body;
        const kaon_status status = body_init(&body, p, use, b);
        for (int32_t i = 0; !status && i < use->bodies[b]->input_count; i++) {
            if (i < use->carry_count || body.live[use->bodies[b]->inputs[i]->id])
                read_node(p, use->inputs[first + i]);
        }
        pass_fini(&body);
        KAON_TRY(status);
    }
    if (first)
        read_node(p, use->inputs[0]);
    return KAON_OK;
}

// From what is marked so far to everything it needs.
static kaon_status mark(kn_pass *p)
{
    for (int32_t i = p->from->use_count - 1; i >= 0; i--) {
        const kn_use *use = p->from->uses[i];
        if (!is_live(p, use))
            continue;
        if (use->kind == KN_USE_SCAN || use->kind == KN_USE_COND) {
            KAON_TRY(mark_control(p, use));
            continue;
        }
        for (int32_t k = 0; k < use->input_count; k++)
            read_node(p, use->inputs[k]);
    }
    return KAON_OK;
}

/* --- common subexpressions -------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    uint64_t word;
    for (; bytes >= sizeof word; bytes -= sizeof word) {
        memcpy(&word, data, sizeof word);
        hash = mix(hash, word);
        data = (const char *)data + sizeof word;
    }
    word = 0;
    memcpy(&word, data, bytes);
    return mix(hash, word);
}

static size_t constant_bytes(const kn_use *use)
{
    return (size_t)kn_node_count(&use->outputs[0]) * kaon_dtype_bytes(use->outputs[0].dtype);
}

// What a use computes: hashes of names and numbers, never of addresses.
static uint64_t hash_use(const kn_op *op, const kn_use *use, kn_node *const *inputs)
{
    if (use->kind == KN_USE_CONST)
        return hash_bytes((uint64_t)use->outputs[0].dtype, use->data, constant_bytes(use));
    const char *name = op ? op->name : use->name;
    uint64_t hash = hash_bytes(1, name, strlen(name));
    for (int32_t i = 0; i < use->input_count; i++)
        hash = mix(hash, (uint64_t)inputs[i]->id);
    for (int32_t i = 0; op == use->op && i < use->attr_count; i++) {
        hash = mix(hash, (uint64_t)use->attrs[i].integer);
        for (int64_t k = 0; k < use->attrs[i].count; k++)
            hash = mix(hash, (uint64_t)use->attrs[i].at[k]);
    }
    return hash;
}

static int32_t same_use(const kn_use *there, const kn_op *op, const kn_use *use,
                        kn_node *const *inputs)
{
    if (there->kind != use->kind || there->input_count != use->input_count)
        return 0;
    if (use->kind == KN_USE_CONST)
        return kn_same_type(&there->outputs[0], &use->outputs[0]) &&
               !memcmp(there->data, use->data, constant_bytes(use));
    if (there->op != op || there->composite != use->composite)
        return 0;
    for (int32_t i = 0; i < use->input_count; i++) {
        if (there->inputs[i] != inputs[i])
            return 0;
    }
    // The index of a composite tells its random numbers from those of others.
    return op != use->op || (there->index == use->index && kn_attrs_same(there, use));
}

kn_use *kn_pass_find(const kn_pass *p, const kn_op *op, const kn_use *use, kn_node *const *inputs)
{
    const uint64_t room = (uint64_t)p->table_room;
    for (uint64_t at = hash_use(op, use, inputs);; at++) {
        kn_use *there = p->table[at & (room - 1)];
        if (!there || same_use(there, op, use, inputs))
            return there;
    }
}

static void remember(kn_pass *p, kn_use *use)
{
    const uint64_t room = (uint64_t)p->table_room;
    uint64_t at = hash_use(use->op, use, use->inputs);
    while (p->table[at & (room - 1)])
        at++;
    p->table[at & (room - 1)] = use;
}

static int32_t commutes(const kn_use *use)
{
    if (!use->op)
        return 0;
    switch (use->op->elementwise) {
    case KAON_X_ADD:
    case KAON_X_MUL:
    case KAON_X_EQ:
    case KAON_X_NE:
    case KAON_X_AND:
    case KAON_X_OR:
    case KAON_X_XOR:
        return 1;
    default:
        return 0;
    }
}

static kn_use *find_same(const kn_pass *p, const kn_use *use, kn_node *const *inputs)
{
    kn_use *same = kn_pass_find(p, use->op, use, inputs);
    if (same || !commutes(use))
        return same;
    kn_node *const swapped[] = {inputs[1], inputs[0]};
    return kn_pass_find(p, use->op, use, swapped);
}

/* --- the walk --------------------------------------------------------------------------------- */

static kaon_status walk(kn_pass *p);

static void map_outputs(kn_pass *p, const kn_use *use, const kn_use *as)
{
    for (int32_t i = 0; i < use->output_count; i++)
        p->map[use->outputs[i].id] = &as->outputs[i];
}

static kaon_status copy_plain(kn_pass *p, const kn_use *use)
{
    kn_node **inputs =
        kn_arena_array(kn_graph_arena(p->to), (size_t)use->input_count + 1, sizeof *inputs);
    if (!inputs)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < use->input_count; i++)
        inputs[i] = p->map[use->inputs[i]->id];
    kn_node *simpler = use->kind == KN_USE_OP && use->op ? kn_simpler(p, use, inputs) : NULL;
    KAON_TRY(kn_graph_status(p->to));
    if (simpler) {
        ++*p->changes;
        p->map[use->outputs[0].id] = simpler;
        return KAON_OK;
    }
    kn_use *same = find_same(p, use, inputs);
    if (!same) {
        same = kn_use_copy(p->to, use, inputs);
        if (!same)
            return kn_graph_status(p->to);
        remember(p, same);
    }
    map_outputs(p, use, same);
    return KAON_OK;
}

// Walks a body into `to`, whose first inputs stand for those of `from` that are live; captures come
// from the graph outside. `results` get the kept ones; returns how many, or -1.
static int32_t walk_body(kn_pass *outer, const kn_use *use, int32_t which, kn_graph *to,
                         kn_node **results)
{
    const kn_graph *from = use->bodies[which];
    const int32_t first = use->kind == KN_USE_COND;
    const int32_t sliced = use->carry_count + use->x_count; // none in a cond
    kn_pass p;
    int32_t count = -1, given = 0;
    kaon_status status = body_init(&p, outer, use, which);
    p.to = to;
    for (int32_t i = 0; !status && i < from->input_count; i++) {
        const int32_t id = from->inputs[i]->id;
        if (i < sliced && (i < use->carry_count || p.live[id]))
            p.map[id] = to->inputs[given++];
        else if (p.live[id])
            p.map[id] = kn_node_seen(to, outer->map[use->inputs[first + i]->id]);
    }
    if (!status)
        status = kn_graph_status(to);
    if (!status)
        status = walk(&p);
    if (!status) {
        count = 0;
        for (int32_t i = 0; i < from->result_count; i++) {
            if (is_kept(outer, use, i))
                results[count++] = p.map[from->results[i]->id];
        }
    }
    pass_fini(&p);
    if (status == KAON_NO_MEMORY)
        kn_graph_no_memory(to);
    return count;
}

static void map_kept(kn_pass *p, const kn_use *use, const kn_use *as)
{
    for (int32_t i = 0, at = 0; as && i < use->output_count; i++) {
        if (is_kept(p, use, i))
            p->map[use->outputs[i].id] = &as->outputs[at++];
    }
}

static kaon_status copy_scan(kn_pass *p, const kn_use *use)
{
    kn_arena *arena = kn_graph_arena(p->to);
    kn_scan_spec spec = {.outer = p->to, .length = use->length, .carry_count = use->carry_count};
    spec.inputs = kn_arena_array(arena, (size_t)use->input_count + 1, sizeof *spec.inputs);
    kn_node **results = kn_arena_array(arena, (size_t)use->output_count + 1, sizeof *results);
    kn_pass body;
    kaon_status status = body_init(&body, p, use, 0);
    if (!spec.inputs || !results)
        status = KAON_NO_MEMORY;
    for (int32_t i = 0; !status && i < use->carry_count + use->x_count; i++) {
        const int32_t is_x = i >= use->carry_count;
        if (is_x && !body.live[use->bodies[0]->inputs[i]->id])
            continue;
        spec.inputs[spec.carry_count + spec.x_count - (is_x ? 0 : use->carry_count - i)] =
            p->map[use->inputs[i]->id];
        spec.x_count += is_x;
    }
    pass_fini(&body);
    KAON_TRY(status);
    kn_graph *to = kn_scan_begin(&spec);
    const int32_t count = to ? walk_body(p, use, 0, to, results) : -1;
    map_kept(p, use, count < 0 ? NULL : kn_scan_end(to, &spec, count, results));
    return kn_graph_status(p->to);
}

static kaon_status copy_cond(kn_pass *p, const kn_use *use)
{
    kn_graph *branches[2];
    kn_node **results[2];
    int32_t count = -1;
    for (int32_t b = 0; b < 2; b++) {
        branches[b] = kn_branch_begin(p->to, 0, NULL);
        results[b] = kn_arena_array(kn_graph_arena(p->to), (size_t)use->output_count + 1,
                                    sizeof *results[b]);
        if (!branches[b] || !results[b])
            return KAON_NO_MEMORY;
        count = walk_body(p, use, b, branches[b], results[b]);
        KAON_TRY(kn_graph_status(p->to));
    }
    map_kept(p, use,
             kn_cond_end(p->map[use->inputs[0]->id], 0, NULL, branches, count,
                         (kn_node *const *const[]){results[0], results[1]}));
    return kn_graph_status(p->to);
}

static kaon_status walk(kn_pass *p)
{
    for (int32_t i = 0; i < p->from->use_count; i++) {
        const kn_use *use = p->from->uses[i];
        if (!is_live(p, use))
            continue;
        if (use->kind == KN_USE_SCAN)
            KAON_TRY(copy_scan(p, use));
        else if (use->kind == KN_USE_COND)
            KAON_TRY(copy_cond(p, use));
        else if (use->kind == KN_USE_OP || use->kind == KN_USE_CONST)
            KAON_TRY(copy_plain(p, use));
    }
    return kn_graph_status(p->to);
}

/* --- whole graphs ----------------------------------------------------------------------------- */

static void copy_leaves(kn_pass *p)
{
    kaon_graph *to = &p->to->base;
    for (int32_t i = 0; i < p->from->input_count; i++) {
        const kn_node *in = p->from->inputs[i];
        const kaon_node *made = to->api->input(to, in->use->name, in->dtype, in->rank, in->shape);
        p->map[in->id] = made ? kn_node_of(made) : NULL;
    }
    for (int32_t i = 0; i < p->from->variable_count; i++) {
        const kn_graph_variable *v = &p->from->variables[i];
        char path[KAON_TEXT_MAX + 1];
        snprintf(path, sizeof path, "/%s", v->name);
        const kaon_variable same = {sizeof same, v->dtype, path,     v->rank,    v->init,
                                    v->shape,    v->scale, v->flags, v->fan_axis};
        const kaon_node *made = to->api->variable(to, &same);
        p->map[v->node->id] = made ? kn_node_of(made) : NULL;
    }
}

static kaon_status run_pass(kn_pass *p, int32_t count, kn_node *const *outputs,
                            kn_node **new_outputs)
{
    for (int32_t i = 0; i < count; i++)
        read_node(p, outputs[i]);
    for (int32_t i = 0; i < p->from->variable_count; i++) {
        if (p->from->variables[i].value)
            read_node(p, p->from->variables[i].value);
    }
    KAON_TRY(mark(p));
    copy_leaves(p);
    KAON_TRY(kn_graph_status(p->to));
    KAON_TRY(walk(p));
    for (int32_t i = 0; i < count; i++)
        new_outputs[i] = p->map[outputs[i]->id];
    for (int32_t i = 0; i < p->from->variable_count; i++) {
        const kn_node *value = p->from->variables[i].value;
        if (value)
            p->to->variables[i].value = p->map[value->id];
    }
    return KAON_OK;
}

typedef struct round_result {
    kn_graph *graph; // NULL: failed
    int64_t changes; // rules applied
} round_result;

static kaon_status one_round(kn_graph *from, int32_t count, kn_node *const *outputs,
                             kn_node **new_outputs, round_result *out, kaon_diag *diag)
{
    kn_pass p;
    *out = (round_result){0};
    KAON_TRY(kn_graph_new_like(from, &out->graph, diag));
    kaon_status status = pass_init(&p, from, &out->changes);
    p.to = out->graph;
    if (!status)
        status = run_pass(&p, count, outputs, new_outputs);
    pass_fini(&p);
    if (!status)
        return KAON_OK;
    status = kn_graph_status(p.to) ? p.to->base.api->check(&p.to->base, diag)
                                   : kn_no_memory(diag, "a graph");
    kn_graph_free(p.to);
    out->graph = NULL;
    return status;
}

kaon_status kn_simplify(kn_graph *from, int32_t output_count, kn_node *const *outputs,
                        kn_graph **out, kn_node **new_outputs, kaon_diag *diag)
{
    round_result before, after;
    *out = NULL;
    KAON_TRY(from->base.api->check(&from->base, diag));
    KAON_TRY(one_round(from, output_count, outputs, new_outputs, &before, diag));
    // The last round applies no rule: it clears away what the one before has left unread.
    for (int32_t round = 1; round < ROUNDS && before.changes; round++) {
        const kaon_status status =
            one_round(before.graph, output_count, new_outputs, new_outputs, &after, diag);
        kn_graph_free(before.graph);
        KAON_TRY(status);
        before = after;
    }
    *out = before.graph;
    return KAON_OK;
}
