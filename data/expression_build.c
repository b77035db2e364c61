/* expression_build.c: terms into graph, and the table of functions and operators. */
#include "data/expression.h"

#include <math.h>
#include <string.h>

/* --- values ----------------------------------------------------------------------------------- */

static kn_value *value_new(kn_building *b, kaon_node *at, kaon_node *no, const kn_entries *of)
{
    kn_value *value = kn_arena_take(b->arena, sizeof *value);
    if (value)
        *value = (kn_value){at, no, of};
    b->failed |= !value;
    return value;
}

static const kn_entries *entries_new(kn_building *b, int64_t width, kaon_node *mask, int32_t holes)
{
    kn_entries *e = kn_arena_take(b->arena, sizeof *e);
    if (e)
        *e = (kn_entries){width, mask, holes};
    b->failed |= !e;
    return e;
}

static kaon_node *number(kn_building *b, double value)
{
    return kaon_scalar_as(b->graph, KAON_F64, value);
}

static kaon_node *false_of(kn_building *b, const kn_value *v)
{
    return v->no ? v->no : kaon_bit_not(b->graph, v->at);
}

kaon_node *kn_value_number(kn_building *b, const kn_value *v)
{
    kaon_graph *g = b->graph;
    if (!v || kaon_dtype(v->at) != KAON_BOOL)
        return v ? v->at : NULL;
    kaon_node *otherwise = number(b, 0);
    if (v->no)
        otherwise = kaon_select(g, v->no, otherwise, number(b, NAN));
    return kaon_select(g, v->at, number(b, 1), otherwise);
}

// The first of the arguments that has entries: the others have the same, or none.
static const kn_entries *entries_of(int32_t count, kn_value *const *args)
{
    for (int32_t i = 0; i < count; i++)
        if (args[i]->of)
            return args[i]->of;
    return NULL;
}

/* --- entries ---------------------------------------------------------------------------------- */

kaon_node *kn_places(kn_building *b, int64_t width)
{
    const int64_t shape[] = {1, width};
    const kaon_attr attrs[] = {kaon_attr_ints("shape", 2, shape), kaon_attr_int("axis", 1),
                               kaon_attr_int("dtype", KAON_I64)};
    return kaon_cast(b->graph, b->graph->api->apply(b->graph, "iota", 0, NULL, 3, attrs), KAON_F64);
}

kaon_node *kn_spread(kn_building *b, kaon_node *node, int64_t width)
{
    const int64_t shape[] = {b->rows, width};
    if (kaon_rank(node) == 2 && kaon_dim(node, 0) == b->rows && kaon_dim(node, 1) == width)
        return node;
    return node ? kaon_broadcast(b->graph, node, 2, shape) : NULL;
}

static kaon_node *total(kn_building *b, kaon_node *node)
{
    if (kaon_dtype(node) == KAON_BOOL)
        node = kaon_cast(b->graph, node, KAON_F64);
    return kaon_reduce(b->graph, "reduce_sum", node, 1, 1);
}

static kaon_node *count_of(kn_building *b, const kn_entries *of)
{
    return of->mask ? total(b, kn_spread(b, of->mask, of->width)) : number(b, (double)of->width);
}

kaon_node *kn_entries_count(kn_building *b, const kn_value *value)
{
    return kn_spread(b, count_of(b, value->of), 1);
}

static kaon_node *along(kn_building *b, kaon_node *node, kaon_node *indices)
{
    kaon_node *in[] = {node, kaon_cast(b->graph, indices, KAON_I64)};
    const kaon_attr axis = kaon_attr_int("axis", 1);
    return node ? b->graph->api->apply(b->graph, "take_along", 2, in, 1, &axis) : NULL;
}

// What is there, and nothing (0, false) where nothing is.
static kaon_node *present(kn_building *b, const kn_entries *of, kaon_node *node, double otherwise)
{
    node = kn_spread(b, node, of->width);
    if (!of->mask)
        return node;
    if (kaon_dtype(node) == KAON_BOOL)
        return kaon_bit_and(b->graph, node, of->mask);
    return kaon_select(b->graph, of->mask, node, number(b, otherwise));
}

// The same entries without holes between them, in their order.
static kn_value *close_up(kn_building *b, kn_value *v)
{
    kaon_graph *g = b->graph;
    if (!v->of->has_holes)
        return v;
    const int64_t width = v->of->width;
    kaon_node *mask = kn_spread(b, v->of->mask, width);
    kaon_node *last = kaon_select(g, mask, number(b, 0), number(b, 1));
    const kaon_attr axis = kaon_attr_int("axis", 1);
    kaon_node *order = g->api->apply(g, "argsort", 1, &last, 1, &axis); // stable
    mask = kaon_lt(g, kn_places(b, width), total(b, mask));
    kaon_node *no = v->no ? along(b, kn_spread(b, v->no, width), order) : NULL;
    return value_new(b, along(b, kn_spread(b, v->at, width), order), no,
                     entries_new(b, width, mask, 0));
}

kaon_node *kn_value_padded(kn_building *b, const kn_value *value, double pad, int64_t width)
{
    kn_value v = {kn_value_number(b, value), NULL, value->of};
    const kn_value *closed = close_up(b, &v);
    if (!closed)
        return NULL;
    kaon_node *node = present(b, closed->of, closed->at, pad);
    if (closed->of->width > width)
        return kaon_slice(b->graph, node, 1, 0, width);
    if (closed->of->width == width)
        return node;
    kaon_node *in[] = {node, number(b, pad)};
    const kaon_attr attrs[] = {kaon_attr_int("axis", 1),
                               kaon_attr_int("high", width - closed->of->width)};
    return b->graph->api->apply(b->graph, "pad", 2, in, 2, attrs);
}

/* --- functions -------------------------------------------------------------------------------- */

static kn_value *build_op(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_node *in[KN_MOST_ARGS];
    for (int32_t i = 0; i < t->arg_count; i++)
        in[i] = kn_value_number(b, args[i]);
    kaon_node *node =
        b->graph->api->apply(b->graph, t->does->op, t->arg_count < 2 ? 1 : 2, in, 0, NULL);
    for (int32_t i = 2; i < t->arg_count; i++) // min(a, b, c)
        node = kaon_op2(b->graph, t->does->op, node, in[i]);
    return value_new(b, node, NULL, entries_of(t->arg_count, args));
}

// Small whole powers as products, which are exact where they can be.
static kn_value *build_power(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    const kn_term *exponent = t->args[1];
    const double n = exponent->number;
    kaon_node *a = kn_value_number(b, args[0]);
    if (exponent->kind != KN_TERM_NUMBER || n < 1 || n > 8 || n != floor(n))
        return build_op(b, t, args);
    kaon_node *node = NULL, *square = a;
    for (int32_t bits = (int32_t)n; bits; bits >>= 1) {
        if (bits & 1)
            node = node ? kaon_mul(g, node, square) : square;
        square = bits > 1 ? kaon_mul(g, square, square) : square;
    }
    return value_new(b, node, NULL, entries_of(2, args));
}

// log10(1000) is 3 and not almost 3: where a power of the base is met, the answer is whole.
static kn_value *build_log(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    const double base = strcmp(t->text, "log2") ? 10 : 2;
    kaon_node *a = kn_value_number(b, args[0]);
    kaon_node *near = kaon_div(g, kaon_log(g, a), number(b, log(base)));
    kaon_node *whole = kaon_round(g, near);
    kaon_node *met = kaon_eq(g, kaon_pow(g, number(b, base), whole), a);
    return value_new(b, kaon_select(g, met, whole, near), NULL, args[0]->of);
}

static kn_value *build_compare(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    const int32_t negated = !strcmp(t->text, "!=");
    kaon_node *yes, *no;
    if (t->args[0]->form.type == KN_IS_TRUTH && t->args[1]->form.type == KN_IS_TRUTH) {
        kaon_node *a = args[0]->at, *c = args[1]->at;
        kaon_node *not_a = false_of(b, args[0]), *not_c = false_of(b, args[1]);
        yes = kaon_bit_or(g, kaon_bit_and(g, a, c), kaon_bit_and(g, not_a, not_c));
        no = kaon_bit_or(g, kaon_bit_and(g, a, not_c), kaon_bit_and(g, not_a, c));
    } else if (t->is && t->is->from == KN_FROM_EQUALS) {
        yes = kaon_eq(g, b->inputs[t->is->input], number(b, 1));
        no = kaon_eq(g, b->inputs[t->is->input], number(b, 0));
    } else if (t->text[1] == '=' && strchr("=!", t->text[0])) {
        kaon_node *a = kn_value_number(b, args[0]), *c = kn_value_number(b, args[1]);
        yes = kaon_eq(g, a, c);
        no = kaon_bit_or(g, kaon_lt(g, a, c), kaon_gt(g, a, c)); // unlike !=, false for NaN
    } else {
        // ORDER opposite
        static const char *const opposites[][2] = {
            {"lt", "ge"}, {"le", "gt"}, {"gt", "le"}, {"ge", "lt"}};
        int i = 0;
        while (strcmp(opposites[i][0], t->does->op))
            i++;
        kaon_node *a = kn_value_number(b, args[0]), *c = kn_value_number(b, args[1]);
        yes = kaon_op2(g, opposites[i][0], a, c);
        no = kaon_op2(g, opposites[i][1], a, c);
    }
    return value_new(b, negated ? no : yes, negated ? yes : no, entries_of(2, args));
}

static kn_value *build_and(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    (void)t;
    return value_new(b, kaon_bit_and(g, args[0]->at, args[1]->at),
                     kaon_bit_or(g, false_of(b, args[0]), false_of(b, args[1])),
                     entries_of(2, args));
}

static kn_value *build_or(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    (void)t;
    return value_new(b, kaon_bit_or(g, args[0]->at, args[1]->at),
                     kaon_bit_and(g, false_of(b, args[0]), false_of(b, args[1])),
                     entries_of(2, args));
}

static kn_value *build_not(kn_building *b, const kn_term *t, kn_value *const *args)
{
    (void)t;
    return value_new(b, false_of(b, args[0]), args[0]->at, args[0]->of);
}

static kn_value *build_where(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    kaon_node *yes = args[0]->at, *no = false_of(b, args[0]);
    if (t->form.type == KN_IS_TRUTH) {
        kaon_node *at =
            kaon_bit_or(g, kaon_bit_and(g, yes, args[1]->at), kaon_bit_and(g, no, args[2]->at));
        kaon_node *not_at = kaon_bit_or(g, kaon_bit_and(g, yes, false_of(b, args[1])),
                                        kaon_bit_and(g, no, false_of(b, args[2])));
        return value_new(b, at, not_at, entries_of(3, args));
    }
    kaon_node *otherwise = kn_value_number(b, args[2]);
    if (args[0]->no) // neither: the value is missing
        otherwise = kaon_select(g, no, otherwise, number(b, NAN));
    return value_new(b, kaon_select(g, yes, kn_value_number(b, args[1]), otherwise), NULL,
                     entries_of(3, args));
}

static kn_value *build_isnan(kn_building *b, const kn_term *t, kn_value *const *args)
{
    (void)t;
    return value_new(b, kaon_ne(b->graph, args[0]->at, args[0]->at), NULL, args[0]->of);
}

static kn_value *build_finite(kn_building *b, const kn_term *t, kn_value *const *args)
{
    (void)t;
    return value_new(b, kaon_finite(b->graph, args[0]->at), NULL, args[0]->of);
}

/* --- over lists ------------------------------------------------------------------------------- */

static kaon_node *if_any(kn_building *b, const kn_entries *of, kaon_node *node)
{
    if (!of->mask)
        return node;
    return kaon_select(b->graph, kaon_gt(b->graph, count_of(b, of), number(b, 0)), node,
                       number(b, NAN));
}

static kn_value *build_reduce(kn_building *b, const kn_term *t, kn_value *const *args)
{
    static const struct {
        const char *name;
        const char *op;
        double nothing; // what changes no result
        int32_t needs_some;
    } rows[] = {{"sum", "reduce_sum", 0, 0},
                {"prod", "reduce_prod", 1, 0},
                {"min", "reduce_min", INFINITY, 1},
                {"max", "reduce_max", -INFINITY, 1}};
    const kn_entries *of = args[0]->of;
    int i = 0;
    while (strcmp(rows[i].name, t->text))
        i++;
    kaon_node *entries = present(b, of, kn_value_number(b, args[0]), rows[i].nothing);
    kaon_node *node = kaon_reduce(b->graph, rows[i].op, entries, 1, 1);
    return value_new(b, rows[i].needs_some ? if_any(b, of, node) : node, NULL, NULL);
}

static kn_value *build_mean(kn_building *b, const kn_term *t, kn_value *const *args)
{
    const kn_entries *of = args[0]->of;
    (void)t;
    kaon_node *sum = total(b, present(b, of, kn_value_number(b, args[0]), 0));
    return value_new(b, if_any(b, of, kaon_div(b->graph, sum, count_of(b, of))), NULL, NULL);
}

static kn_value *build_arg(kn_building *b, const kn_term *t, kn_value *const *args)
{
    const int32_t greatest = !strcmp(t->text, "argmax");
    const kaon_attr axis = kaon_attr_int("axis", 1);
    const int64_t shape[] = {b->rows, 1};
    kn_value numbers = {kn_value_number(b, args[0]), NULL, args[0]->of};
    const kn_value *v = close_up(b, &numbers);
    if (!v)
        return NULL;
    kaon_node *in = present(b, v->of, v->at, greatest ? -INFINITY : INFINITY);
    kaon_node *at = b->graph->api->apply(b->graph, t->text, 1, &in, 1, &axis);
    at = at ? kaon_cast(b->graph, kaon_reshape(b->graph, at, 2, shape), KAON_F64) : NULL;
    return value_new(b, if_any(b, v->of, at), NULL, NULL);
}

static kn_value *build_any(kn_building *b, const kn_term *t, kn_value *const *args)
{
    kaon_graph *g = b->graph;
    const kn_entries *of = args[0]->of;
    const int32_t all = !strcmp(t->text, "all");
    // any: one is true, or all are false; all: one is false, or all are true.
    kaon_node *one = all ? false_of(b, args[0]) : args[0]->at;
    kaon_node *every = all ? args[0]->at : false_of(b, args[0]);
    one = kaon_gt(g, total(b, present(b, of, one, 0)), number(b, 0));
    every = kaon_eq(g, total(b, present(b, of, every, 0)), count_of(b, of));
    return value_new(b, all ? every : one, all ? one : every, NULL);
}

static kn_value *build_count(kn_building *b, const kn_term *t, kn_value *const *args)
{
    const kn_entries *of = args[0]->of;
    if (t->args[0]->form.type == KN_IS_TRUTH)
        return value_new(b, total(b, present(b, of, args[0]->at, 0)), NULL, NULL);
    return value_new(b, count_of(b, of), NULL, NULL);
}

static kn_value *build_mask(kn_building *b, const kn_term *t, kn_value *const *args)
{
    const kn_entries *of = args[0]->of;
    const kn_value ones = {number(b, 1), NULL, of};
    if (t->form.shape == KN_JAGGED || !of->mask)
        return value_new(b, kn_spread(b, ones.at, of->width), NULL, of);
    const int64_t width = t->form.count;
    return value_new(b, kn_value_padded(b, &ones, 0, width), NULL, entries_new(b, width, NULL, 0));
}

/* --- brackets --------------------------------------------------------------------------------- */

static kn_value *build_choice(kn_building *b, const kn_value *of, const kn_value *condition)
{
    kaon_node *mask = kn_spread(b, condition->at, of->of->width);
    if (of->of->mask)
        mask = kaon_bit_and(b->graph, mask, of->of->mask);
    return value_new(b, of->at, of->no, entries_new(b, of->of->width, mask, 1));
}

// What is not there is missing, or neither true nor false.
static kn_value *if_there(kn_building *b, const kn_value *v, kaon_node *there, kaon_node *at,
                          kaon_node *no)
{
    if (kaon_dtype(v->at) != KAON_BOOL)
        return value_new(b, kaon_select(b->graph, there, at, number(b, NAN)), NULL, NULL);
    return value_new(b, kaon_bit_and(b->graph, there, at), kaon_bit_and(b->graph, there, no), NULL);
}

static kn_value *build_entry(kn_building *b, kn_value *of, kaon_node *index)
{
    kaon_graph *g = b->graph;
    const kn_value *v = close_up(b, of);
    if (!v)
        return NULL;
    const int64_t width = v->of->width;
    kaon_node *length = count_of(b, v->of);
    kaon_node *zero = number(b, 0);
    index = kaon_select(g, kaon_lt(g, index, zero), kaon_add(g, index, length), index);
    kaon_node *there = kaon_bit_and(g, kaon_ge(g, index, zero), kaon_lt(g, index, length));
    kaon_node *place = kn_spread(b, kaon_select(g, there, index, zero), 1);
    kaon_node *no = NULL;
    if (kaon_dtype(v->at) == KAON_BOOL)
        no = along(b, kn_spread(b, false_of(b, v), width), place);
    return if_there(b, v, there, along(b, kn_spread(b, v->at, width), place), no);
}

static kn_value *build_index(kn_building *b, const kn_term *t, kn_value *of)
{
    const kn_term *index = t->args[1];
    const kn_value *at = kn_expression_build(b, t->args[1]);
    if (!at)
        return NULL;
    if (index->form.type == KN_IS_TRUTH)
        return build_choice(b, of, at);
    return build_entry(b, of, at->at);
}

static kn_value *build_list_slice(kn_building *b, const kn_term *t, const kn_value *v)
{
    kaon_graph *g = b->graph;
    const int64_t width = v->of->width;
    kaon_node *no = v->no ? kaon_slice(g, kn_spread(b, v->no, width), 1, t->first, t->last) : NULL;
    return value_new(b, kaon_slice(g, kn_spread(b, v->at, width), 1, t->first, t->last), no,
                     entries_new(b, t->last - t->first, NULL, 0));
}

// Entries first, first + 1 ... below a limit, both counted from the end where they are negative.
static kn_value *build_slice(kn_building *b, const kn_term *t, kn_value *of)
{
    kaon_graph *g = b->graph;
    if (t->form.shape == KN_LIST)
        return build_list_slice(b, t, of);
    const kn_value *v = close_up(b, of);
    if (!v)
        return NULL;
    const int64_t width = v->of->width;
    const int64_t most = t->form.axis.most;
    const int64_t left = most >= 0 && most < width ? most : width;
    kaon_node *length = count_of(b, v->of), *zero = number(b, 0);
    kaon_node *first = number(b, (double)t->first), *limit = length;
    if (t->first < 0)
        first = kaon_max(g, kaon_add(g, length, first), zero);
    if (t->has_last && t->last < 0)
        limit = kaon_add(g, length, number(b, (double)t->last));
    else if (t->has_last)
        limit = kaon_min(g, length, number(b, (double)t->last));
    kaon_node *place = kaon_add(g, kn_places(b, left), first); // (1 or rows, left)
    const kn_entries *entries = entries_new(b, left, kaon_lt(g, place, limit), 0);
    kaon_node *at = kn_spread(b, v->at, width), *no = v->no ? kn_spread(b, v->no, width) : NULL;
    if (t->first == 0)
        return value_new(b, kaon_slice(g, at, 1, 0, left),
                         no ? kaon_slice(g, no, 1, 0, left) : NULL, entries);
    place = kn_spread(b, kaon_min(g, place, number(b, (double)(width - 1))), left);
    return value_new(b, along(b, at, place), along(b, no, place), entries);
}

/* --- terms ------------------------------------------------------------------------------------ */

static kn_value *build_name(kn_building *b, const kn_term *t)
{
    kaon_graph *g = b->graph;
    if (!t->is && t->form.type == KN_IS_TRUTH)
        return value_new(b, kaon_cast(g, number(b, t->number), KAON_BOOL), NULL, NULL);
    if (!t->is)
        return value_new(b, number(b, t->number), NULL, NULL);
    if (t->is->from == KN_FROM_DEFINITION)
        return kn_expression_build(b, t->is->definition.root);
    kaon_node *at = b->inputs[t->is->input], *no = NULL;
    if (t->form.type == KN_IS_TRUTH) {
        no = kaon_eq(g, at, number(b, 0));
        at = kaon_eq(g, at, number(b, 1));
    }
    const kn_entries *of = t->form.shape == KN_JAGGED
                               ? b->lanes[kn_scope_lane(b->scope, t->is->lane)]
                           : t->form.shape == KN_LIST ? entries_new(b, t->form.count, NULL, 0)
                                                      : NULL;
    return value_new(b, at, no, of);
}

static kn_value *build_call(kn_building *b, const kn_term *t)
{
    kn_value *args[KN_MOST_ARGS] = {NULL};
    const int32_t of_text = t->is && t->is->from == KN_FROM_EQUALS;
    static kn_value nothing;
    for (int32_t i = 0; i < t->arg_count; i++) {
        args[i] = of_text ? &nothing : kn_expression_build(b, t->args[i]);
        if (!args[i])
            return NULL;
    }
    return t->does->build(b, t, args);
}

kn_value *kn_expression_build(kn_building *b, kn_term *t)
{
    if (t->value && t->value_in == b->number)
        return t->value;
    kn_value *value = NULL, *of = NULL;
    if (t->kind == KN_TERM_NUMBER)
        value = value_new(b, number(b, t->number), NULL, NULL);
    else if (t->kind == KN_TERM_NAME)
        value = build_name(b, t);
    else if (t->kind == KN_TERM_CALL)
        value = build_call(b, t);
    else if ((of = kn_expression_build(b, t->args[0])))
        value = t->kind == KN_TERM_INDEX ? build_index(b, t, of) : build_slice(b, t, of);
    t->value = value;
    t->value_in = b->number;
    return value && value->at ? value : NULL;
}

/* --- the table -------------------------------------------------------------------------------- */

// clang-format off
#define SIGN(text, count, kind, ...)  {.name = text, .is_operator = 1, .min_args = count, .max_args = count, .rule = KN_RULE_##kind, __VA_ARGS__}
#define PLAIN(text, count, kind, ...) {.name = text, .min_args = count, .max_args = count, .rule = KN_RULE_##kind, __VA_ARGS__}
#define SMOOTH(text, words)           PLAIN(text, 1, NUMBERS, .build = build_op, .op = text, .help = words)
const kn_function kn_functions[] = {
    SIGN("+",  2, NUMBERS, .whole = 1, .build = build_op, .op = "add"),
    SIGN("-",  2, NUMBERS, .whole = 1, .build = build_op, .op = "sub"),
    SIGN("-",  1, NUMBERS, .whole = 1, .build = build_op, .op = "neg"),
    SIGN("*",  2, NUMBERS, .whole = 1, .build = build_op, .op = "mul"),
    SIGN("/",  2, NUMBERS, .build = build_op, .op = "div"),
    SIGN("%",  2, NUMBERS, .whole = 1, .build = build_op, .op = "mod"),
    SIGN("**", 2, NUMBERS, .whole = 1, .build = build_power, .op = "pow"),
    SIGN("==", 2, COMPARE, .build = build_compare), // ORDER opposite
    SIGN("!=", 2, COMPARE, .build = build_compare),
    SIGN("<",  2, COMPARE, .build = build_compare, .op = "lt"),
    SIGN("<=", 2, COMPARE, .build = build_compare, .op = "le"),
    SIGN(">",  2, COMPARE, .build = build_compare, .op = "gt"),
    SIGN(">=", 2, COMPARE, .build = build_compare, .op = "ge"),
    SIGN("&&", 2, LOGIC, .build = build_and),
    SIGN("||", 2, LOGIC, .build = build_or),
    SIGN("!",  1, LOGIC, .build = build_not),
    PLAIN("abs",   1, NUMBERS, .whole = 1, .build = build_op, .op = "abs", .help = "without its sign"),
    SMOOTH("acos",  "inverse cosine"),
    SMOOTH("acosh", "inverse hyperbolic cosine"),
    PLAIN("all",    1, JUDGE,  .build = build_any, .help = "1 if a condition holds for all entries, also if there are none"),
    PLAIN("any",    1, JUDGE,  .build = build_any, .help = "1 if it holds for at least one"),
    PLAIN("argmax", 1, REDUCE, .whole = 2, .build = build_arg, .help = "place of the greatest entry, from 0"),
    PLAIN("argmin", 1, REDUCE, .whole = 2, .build = build_arg, .help = "place of the smallest entry, from 0"),
    SMOOTH("asin",  "inverse sine"),
    SMOOTH("asinh", "inverse hyperbolic sine"),
    SMOOTH("atan",  "inverse tangent"),
    PLAIN("atan2",  2, NUMBERS, .build = build_op, .op = "atan2", .help = "angle of the point (x, y): atan2(y, x)"),
    SMOOTH("atanh", "inverse hyperbolic tangent"),
    PLAIN("ceil",   1, NUMBERS, .whole = 2, .build = build_op, .op = "ceil", .help = "the next whole number above"),
    SMOOTH("cos",   "cosine, of radians"),
    SMOOTH("cosh",  "hyperbolic cosine"),
    PLAIN("count",  1, COUNT, .whole = 2, .build = build_count, .help = "how many entries there are, or for how many a condition holds"),
    SMOOTH("erf",   "error function"),
    SMOOTH("exp",   "e to the power"),
    SMOOTH("expm1", "exp(x) - 1, exact near 0"),
    PLAIN("finite", 1, TEST, .build = build_finite, .help = "neither missing nor infinite"),
    PLAIN("floor",  1, NUMBERS, .whole = 2, .build = build_op, .op = "floor", .help = "the next whole number below"),
    PLAIN("isnan",  1, TEST, .build = build_isnan, .help = "the value is missing"),
    SMOOTH("lgamma", "log |gamma(x)|"),
    SMOOTH("log",   "natural logarithm"),
    PLAIN("log10",  1, NUMBERS, .build = build_log, .help = "logarithm to the base 10"),
    SMOOTH("log1p", "log(1 + x), exact near 0"),
    PLAIN("log2",   1, NUMBERS, .build = build_log, .help = "logarithm to the base 2"),
    PLAIN("mask",   1, MASK, .whole = 2, .build = build_mask, .help = "1 for each entry; 0 where mask(x[:10]) is filled up"),
    PLAIN("max",    1, REDUCE, .whole = 1, .build = build_reduce, .help = "greatest entry of a list, or of two or three numbers"),
    {.name = "max", .min_args = 2, .max_args = 3, .rule = KN_RULE_NUMBERS, .whole = 1, .build = build_op, .op = "max"},
    PLAIN("mean",   1, REDUCE, .build = build_mean, .help = "mean of the entries"),
    PLAIN("min",    1, REDUCE, .whole = 1, .build = build_reduce, .help = "smallest entry of a list, or of two or three numbers"),
    {.name = "min", .min_args = 2, .max_args = 3, .rule = KN_RULE_NUMBERS, .whole = 1, .build = build_op, .op = "min"},
    PLAIN("prod",   1, REDUCE, .whole = 1, .build = build_reduce, .help = "product of the entries"),
    PLAIN("round",  1, NUMBERS, .whole = 2, .build = build_op, .op = "round", .help = "the nearest whole number, halves to the even one"),
    PLAIN("sign",   1, NUMBERS, .whole = 2, .build = build_op, .op = "sign", .help = "-1, 0 or 1"),
    SMOOTH("sin",   "sine, of radians"),
    SMOOTH("sinh",  "hyperbolic sine"),
    SMOOTH("sqrt",  "square root"),
    PLAIN("sum",    1, REDUCE, .whole = 1, .build = build_reduce, .help = "sum of the entries, 0 of none"),
    SMOOTH("tan",   "tangent, of radians"),
    SMOOTH("tanh",  "hyperbolic tangent"),
    PLAIN("where",  3, WHERE, .build = build_where, .help = "where(condition, a, b): a if it holds, else b"),
    {0},
};
// clang-format on

const kn_function *kn_function_find(const char *name, int32_t is_operator, int32_t args)
{
    for (const kn_function *f = kn_functions; f->name; f++)
        if (f->is_operator == is_operator && !strcmp(f->name, name) &&
            (args < 0 || (args >= f->min_args && args <= f->max_args)))
            return f;
    return NULL;
}
