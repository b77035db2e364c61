/* composite.c: operations that plugins add: uses of "kaon.op/1" items in a graph.
 *
 * A composite stays one use until a backend turns out to have no kernel for it; then, and where its
 * derivative is asked for and the plugin gives none, its decomposition takes its place. Random
 * operations in it draw the same numbers each time it is built: the use reserves their streams.
 */
#include "graph/composite.h"

#include <string.h>

#include "kernel/arena.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "graph/op_attr.h"
#include "kernel/registry.h"
#include "kernel/settings.h"
#include "graph/transform.h"

// Settings structs live as long as the graph.
struct kn_composites {
    kn_faults faults;
    kn_config_tree *tree;
    kn_settings settings;
};

void kn_composites_free(struct kn_composites *c)
{
    if (!c)
        return;
    kn_settings_fini(&c->settings);
    kn_config_tree_free(c->tree);
    kn_faults_fini(&c->faults);
    kn_free(c);
}

static struct kn_composites *composites_of(kn_graph *g)
{
    struct kn_composites **at = kn_graph_composites(g);
    if (*at)
        return *at;
    struct kn_composites *c = kn_alloc_zero(sizeof *c);
    kn_config_tree *tree = kn_config_tree_new();
    if (!c || !tree) {
        kn_config_tree_free(tree);
        kn_free(c);
        return kn_graph_no_memory(g);
    }
    c->tree = tree;
    kn_settings_init(&c->settings, g->kernel, tree, &c->faults);
    return *at = c;
}

/* --- attributes ------------------------------------------------------------------------------- */

static const kaon_option *find_option(const kaon_op *op, const char *name)
{
    for (const kaon_option *o = op->options; o && o->name; o = kn_option_next(o)) {
        if (name && !strcmp(o->name, name))
            return o;
    }
    return NULL;
}

// An attribute as the configuration would spell it; a choice may be given by its number.
static kn_config *spelled(kn_config_tree *tree, const kaon_option *option, const kaon_attr *attr)
{
    const int64_t n = attr->integer;
    int64_t choices = 0;
    while (option && option->kind == KAON_OPTION_CHOICE && option->choices[choices])
        choices++;
    switch (attr->kind) {
    case KAON_ATTR_INT:
        if (option && option->kind == KAON_OPTION_BOOL && (n == 0 || n == 1))
            return kn_config_scalar_new(tree, n ? "true" : "false", 0);
        if (n >= 0 && n < choices)
            return kn_config_scalar_new(tree, option->choices[n], 1);
        return kn_config_scalar_format(tree, 0, "%lld", (long long)n);
    case KAON_ATTR_FLOAT:
        return kn_config_number_new(tree, attr->number);
    case KAON_ATTR_TEXT:
        return kn_config_scalar_new(tree, attr->text ? attr->text : "", 1);
    default:
        break;
    }
    kn_config *list = kn_config_list_new(tree);
    for (int64_t i = 0; i < attr->count; i++)
        kn_config_append(list, kn_config_scalar_format(tree, 0, "%lld", (long long)attr->at[i]));
    return list;
}

static const void *fill_settings(kn_graph *g, const kn_composite_spec *spec)
{
    struct kn_composites *c = composites_of(g);
    kn_config *map = c ? kn_config_map_new(c->tree) : NULL;
    if (!map)
        return kn_graph_no_memory(g);
    for (int32_t i = 0; i < spec->attr_count; i++) {
        const kaon_attr *attr = &spec->attrs[i];
        const char *name = attr->name ? attr->name : "";
        kn_config_put(c->tree, map, name, spelled(c->tree, find_option(spec->op, name), attr));
    }
    const kn_schema schema = {
        .what = spec->name, .options = spec->op->options, .size = spec->op->settings_size};
    const void *filled = kn_settings_fill(&c->settings, &schema, map, NULL);
    if (kn_faults_status(&c->faults, kn_graph_diag(g)))
        return NULL;
    return filled ? filled : kn_graph_no_memory(g);
}

static kaon_status copy_attrs(kn_graph *g, kn_use *use, const kn_composite_spec *spec)
{
    kn_arena *arena = kn_graph_arena(g);
    int32_t whole = 1;
    use->attrs = kn_arena_array(arena, (size_t)spec->attr_count + 1, sizeof *use->attrs);
    for (int32_t i = 0; use->attrs && i < spec->attr_count; i++) {
        kaon_attr *copy = &use->attrs[i];
        *copy = spec->attrs[i];
        copy->name = kn_arena_text(arena, copy->name);
        copy->text = copy->text ? kn_arena_text(arena, copy->text) : NULL;
        copy->at = copy->count
                       ? kn_arena_copy(arena, copy->at, (size_t)copy->count * sizeof *copy->at)
                       : NULL;
        whole = whole && copy->name && (!copy->count || copy->at);
    }
    if (!use->attrs || !whole) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    use->attr_count = spec->attr_count;
    return KAON_OK;
}

/* --- decomposition ---------------------------------------------------------------------------- */

static kaon_status decompose(kn_graph *to, const kn_use *use, kn_node *const *inputs,
                             kn_node **outputs)
{
    kaon_node *made[KAON_OP_MAX_OUTPUTS] = {NULL};
    kaon_node **in = kn_alloc_array((size_t)use->input_count + 1, sizeof *in);
    if (!in) {
        kn_graph_no_memory(to);
        return KAON_NO_MEMORY;
    }
    for (int32_t i = 0; i < use->input_count; i++)
        in[i] = kn_out(inputs[i]->use, inputs[i]->index);
    const kaon_call call = {sizeof call, use->input_count, in, use->settings};
    use->composite->decompose(&to->base, &call, made);
    kn_free(in);
    for (int32_t i = 0; i < use->output_count && !kn_graph_status(to); i++) {
        outputs[i] = made[i] ? kn_node_seen(to, kn_node_of(made[i])) : NULL;
        if (!made[i])
            kaon_fail(kn_graph_diag(to), KAON_INTERNAL, "its decomposition leaves output %d empty",
                      (int)i);
    }
    return kaon_context(kn_graph_diag(to), kn_graph_status(to), "%s", use->name);
}

kaon_status kn_composite_expand(kn_graph *to, const kn_use *use, kn_node *const *inputs,
                                kn_node **outputs)
{
    KAON_TRY(kn_graph_status(to));
    const int64_t later = kn_graph_streams(to, use->index);
    const kaon_status status = decompose(to, use, inputs, outputs);
    kn_graph_streams(to, later);
    for (int32_t i = 0; i < use->output_count && !status; i++) {
        if (!kn_same_type(outputs[i], &use->outputs[i]))
            return kaon_fail(kn_graph_diag(to), KAON_INTERNAL,
                             "%s: its decomposition gives %s and another time %s", use->name,
                             kn_type_text(&use->outputs[i]), kn_type_text(outputs[i]));
    }
    return status;
}

// The decomposition on inputs of these types alone, to learn the types of the outputs.
static kaon_status try_out(kn_graph *scratch, kn_use *use, kaon_diag *diag)
{
    kn_node *outputs[KAON_OP_MAX_OUTPUTS];
    kn_node **inputs = kn_alloc_array((size_t)use->input_count + 1, sizeof *inputs);
    if (!inputs)
        return kn_no_memory(diag, "an operation");
    for (int32_t i = 0; i < use->input_count; i++) {
        const kn_node *in = use->inputs[i];
        kaon_node *made =
            scratch->base.api->input(&scratch->base, "", in->dtype, in->rank, in->shape);
        inputs[i] = made ? kn_node_of(made) : NULL;
    }
    kaon_status status = kn_graph_status(scratch);
    if (!status)
        status = decompose(scratch, use, inputs, outputs);
    kn_free(inputs);
    if (status)
        return scratch->base.api->check(&scratch->base, diag);
    if (scratch->variable_count)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%s: an operation has no variables", use->name);
    for (int32_t i = 0; i < use->output_count; i++) {
        kn_node *out = &use->outputs[i];
        out->dtype = outputs[i]->dtype;
        out->rank = outputs[i]->rank;
        memcpy(out->shape, outputs[i]->shape, sizeof out->shape);
    }
    return KAON_OK;
}

// Types of the outputs; reserves streams for the random operations inside.
static kaon_status infer(kn_graph *g, kn_use *use, int32_t *is_random)
{
    kn_graph *scratch;
    const kaon_graph_spec spec = {sizeof spec, g->float_type, g->training, 0};
    KAON_TRY(kn_graph_new(g->kernel, g->host, &spec, &scratch, kn_graph_diag(g)));
    const kaon_status status = try_out(scratch, use, kn_graph_diag(g));
    const int64_t streams = kn_graph_streams(scratch, -1);
    kn_graph_free(scratch);
    const int64_t next = kn_graph_streams(g, -1);
    *is_random = streams > 0;
    use->index = (int32_t)next;
    kn_graph_streams(g, next + streams);
    return status;
}

/* --- uses ------------------------------------------------------------------------------------- */

// In a body the numbers are drawn outside, step by step, so that a derivative sees the same ones: a
// composite that draws some is built there at once. Its outputs may come from several uses.
static kn_use *expand_here(kn_graph *g, kn_use *use)
{
    kn_node *outputs[KAON_OP_MAX_OUTPUTS];
    kn_use_drop(g, use);
    if (kn_composite_expand(g, use, use->inputs, outputs))
        return NULL;
    if (use->output_count == 1) {
        kn_node *out = outputs[0];
        if (out->index) // callers take output 0 of a use
            out = kn_node_of(
                kaon_reshape(&g->base, kn_out(out->use, out->index), out->rank, out->shape));
        return out ? out->use : NULL;
    }
    kaon_refuse(&g->base, KAON_UNSUPPORTED,
                "%s: an operation with several outputs that draws random numbers, inside a body",
                use->name);
    return NULL;
}

kn_use *kn_composite_use(kn_graph *g, const kn_composite_spec *spec, int32_t count,
                         kn_node *const *inputs)
{
    const kaon_op *op = spec->op;
    if (count < op->min_inputs || count > op->max_inputs || op->output_count < 1 ||
        op->output_count > KAON_OP_MAX_OUTPUTS) {
        kaon_refuse(&g->base, KAON_INVALID, "%s: %d inputs, it takes %d to %d", spec->name,
                    (int)count, (int)op->min_inputs, (int)op->max_inputs);
        return NULL;
    }
    const void *settings = fill_settings(g, spec);
    if (!settings)
        return NULL;
    kn_use *use = kn_use_new(g, KN_USE_OP, spec->name, count, inputs, op->output_count);
    if (!use || copy_attrs(g, use, spec))
        return NULL;
    use->composite = op;
    use->settings = settings;
    int32_t is_random;
    if (infer(g, use, &is_random))
        return NULL;
    return is_random && g->outer ? expand_here(g, use) : use;
}

kn_use *kn_composite_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs)
{
    int32_t same = 1;
    for (int32_t i = 0; i < use->input_count; i++)
        same = same && kn_same_type(use->inputs[i], inputs[i]);
    const kn_composite_spec spec = {use->name, use->composite, use->attr_count, use->attrs};
    if (!same)
        return kn_composite_use(to, &spec, use->input_count, inputs);
    const void *settings = fill_settings(to, &spec);
    kn_use *copy =
        settings ? kn_use_new(to, KN_USE_OP, use->name, use->input_count, inputs, use->output_count)
                 : NULL;
    if (!copy || copy_attrs(to, copy, &spec))
        return NULL;
    copy->composite = use->composite;
    copy->settings = settings;
    copy->index = use->index;
    for (int32_t i = 0; i < use->output_count; i++) {
        copy->outputs[i].dtype = use->outputs[i].dtype;
        copy->outputs[i].rank = use->outputs[i].rank;
        memcpy(copy->outputs[i].shape, use->outputs[i].shape, sizeof use->outputs[i].shape);
    }
    return copy;
}

// No primitive and no item has the name: says what it may have meant.
static void refuse_unknown(kn_graph *g, const char *name, const kn_diag *fault)
{
    kn_nearest nearest = {.word = name};
    for (int32_t i = 0; i < kn_primitive_count; i++)
        kn_nearest_offer(&nearest, kn_primitives[i].name);
    if (nearest.best)
        kaon_refuse(&g->base, KAON_NOT_FOUND, "no operation '%s', did you mean '%s'?", name,
                    nearest.best);
    else
        kaon_refuse(&g->base, fault->status, "%s", fault->text);
}

kn_use *kn_composite_apply(kn_graph *g, const char *name, int32_t count, kn_node *const *inputs,
                           int32_t attr_count, const kaon_attr *attrs)
{
    kn_diag fault;
    kn_diag_init(&fault);
    const kn_item *item = NULL;
    const kaon_status status =
        g->kernel ? kn_item_find(g->kernel, KAON_OP, name, &item, &fault.diag)
                  : kaon_fail(&fault.diag, KAON_NOT_FOUND, "no operation '%s'", name);
    if (status) {
        refuse_unknown(g, name, &fault);
        return NULL;
    }
    const kn_composite_spec spec = {item->name, item->table, attr_count, attrs};
    return kn_composite_use(g, &spec, count, inputs);
}

/* --- derivatives ------------------------------------------------------------------------------ */

// The decomposition, differentiated by `sweep`.
static void differentiate(const kn_derivation *d, int32_t reverse)
{
    kn_graph *g = kn_graph_of(d->g);
    const kn_use *use = d->use;
    const size_t in = (size_t)use->input_count;
    kn_node *made[KAON_OP_MAX_OUTPUTS];
    kaon_node *outputs[KAON_OP_MAX_OUTPUTS];
    kaon_node **inputs = kn_alloc_array(2 * in + 1, sizeof *inputs);
    if (!inputs) {
        kn_graph_no_memory(g);
        return;
    }
    const int32_t first = g->use_count;
    if (!kn_composite_expand(g, use, use->inputs, made)) {
        for (int32_t i = 0; i < use->output_count; i++)
            outputs[i] = kn_out(made[i]->use, made[i]->index);
        for (size_t i = 0; i < in; i++)
            inputs[i] = kn_in(use, (int32_t)i);
        const kn_function f = {g, first, use->input_count, use->output_count, inputs, outputs};
        if (reverse)
            kn_backward(&f, d->from, d->to);
        else
            kn_forward(&f, d->from, d->to);
    }
    kn_free(inputs);
}

void kn_composite_reverse(const kn_derivation *d)
{
    const kn_use *use = d->use;
    kaon_node *outputs[KAON_OP_MAX_OUTPUTS];
    if (!use->composite->derivative) {
        differentiate(d, 1);
        return;
    }
    kaon_node **inputs = kn_alloc_array((size_t)use->input_count + 1, sizeof *inputs);
    if (!inputs) {
        kn_graph_no_memory(kn_graph_of(d->g));
        return;
    }
    for (int32_t i = 0; i < use->input_count; i++)
        inputs[i] = kn_in(use, i);
    for (int32_t i = 0; i < use->output_count; i++)
        outputs[i] = kn_out(use, i);
    const kaon_call call = {sizeof call, use->input_count, inputs, use->settings};
    use->composite->derivative(d->g, &call, outputs, d->from, d->to);
    kn_free(inputs);
}

void kn_composite_forward(const kn_derivation *d)
{
    differentiate(d, 0);
}
