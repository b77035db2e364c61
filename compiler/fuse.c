/* fuse.c: elementwise chains, and the reductions at their ends, become one expression.
 *
 * Fused steps of the same iteration space are joined where one reads what the other stores, or
 * where both read the same value, as long as nothing outside depends on one and feeds the other.
 * What is joined is a group; groups become steps at the end. A product whose only reader is such a
 * step takes it as its epilogue, where the backend can do that.
 */
#include "compiler/compile.h"

#include <string.h>

typedef struct {
    int32_t root; // the group's name: its first member
    int32_t next; // member of the same group, -1: last
    int32_t tail; // of the root: last member
    int32_t low;  // of the root: smallest and largest step in it
    int32_t high;
    int32_t code;    // of the root: instructions
    int32_t reads;   // of the root: inputs, at most
    int32_t grouped; // a late step that has found its place
    int32_t stamp;   // of the root: seen in this search
} member;

typedef struct {
    kn_compile *c;
    member *members; // by step
    int32_t *stack;
    int32_t stamp;
    int32_t *last_reader; // by value: a fused step that reads it as its space lies, -1
} fusion;

static const kn_fused *fused_of(const fusion *f, int32_t step)
{
    const kn_step *s = f->c->steps[step];
    return s->kind == KN_STEP_FUSED && !s->dead ? s->fused : NULL;
}

static int32_t same_space(const kn_fused *a, const kn_fused *b)
{
    return kn_shape_same(a->rank, a->shape, b->rank, b->shape);
}

// The step whose stored register this input is, point by point; -1: it comes from memory.
static int32_t register_source(const fusion *f, const kn_step *reader, const kn_look *look)
{
    const kn_value *v = &f->c->values[look->value];
    const kn_fused *made = v->maker < 0 ? NULL : fused_of(f, v->maker);
    if (!made || !reader->fused || !same_space(made, reader->fused))
        return -1;
    if (!kn_look_is_whole(look, v) || v->is_total)
        return -1;
    for (int32_t i = 0; i < made->result_count; i++)
        if (made->results[i].value == v->id && made->results[i].how == KAON_STORE)
            return v->maker;
    return -1;
}

/* --- may two groups be one? ------------------------------------------------------------------- */

static int32_t root_of(const fusion *f, int32_t step)
{
    return f->members[step].root;
}

// Pushes the makers of what a group reads from memory; 0 if one of them is `a` or `b`.
static int32_t push_outside(fusion *f, int32_t group, int32_t a, int32_t b, int32_t *depth)
{
    for (int32_t m = group; m >= 0; m = f->members[m].next) {
        const kn_step *s = f->c->steps[m];
        for (int32_t i = 0; i < s->input_count; i++) {
            const int32_t maker = f->c->values[s->inputs[i].value].maker;
            if (maker < 0)
                continue;
            const int32_t from = root_of(f, maker);
            const int32_t inside = group == a || group == b;
            if (inside && (from == a || from == b)) {
                if (register_source(f, s, &s->inputs[i]) < 0)
                    return 0;
                continue;
            }
            if (from == a || from == b)
                return 0;
            if (f->members[from].stamp == f->stamp)
                continue;
            f->members[from].stamp = f->stamp;
            f->stack[(*depth)++] = from;
        }
    }
    return 1;
}

// 1 if no way leads from one group over others to one of the two.
static int32_t are_joinable(fusion *f, int32_t a, int32_t b)
{
    const int32_t low =
        f->members[a].low < f->members[b].low ? f->members[a].low : f->members[b].low;
    int32_t depth = 0;
    f->stamp++;
    if (!push_outside(f, a, a, b, &depth) || !push_outside(f, b, a, b, &depth))
        return 0;
    while (depth) {
        const int32_t group = f->stack[--depth];
        if (f->members[group].high < low)
            continue; // older than both: nothing of them can be behind it
        if (!push_outside(f, group, a, b, &depth))
            return 0;
    }
    return 1;
}

static void join(fusion *f, int32_t step, int32_t other)
{
    int32_t a = root_of(f, step), b = root_of(f, other);
    if (a == b || !fused_of(f, other) || !same_space(fused_of(f, step), fused_of(f, other)))
        return;
    member *m = f->members;
    if (m[a].code + m[b].code > KN_MAX_CODE || m[a].reads + m[b].reads > KN_MAX_READS)
        return;
    if (!are_joinable(f, a, b))
        return;
    m[m[a].tail].next = b;
    m[a].tail = m[b].tail;
    m[a].code += m[b].code;
    m[a].reads += m[b].reads;
    m[a].low = m[a].low < m[b].low ? m[a].low : m[b].low;
    m[a].high = m[a].high > m[b].high ? m[a].high : m[b].high;
    for (int32_t i = b; i >= 0; i = m[i].next)
        m[i].root = a;
}

/* Comparisons are cheap, and what they compare is often kept anyway: they are done where their
 * result is wanted, not where their operands are made, so that no mask needs memory. */
static int32_t is_late(const kn_step *s)
{
    const kn_fused *e = s->fused;
    const int32_t op = e->code_count ? e->code[e->code_count - 1].op : 0;
    return op >= KAON_X_EQ && op <= KAON_X_GE && e->results[0].how == KAON_STORE;
}

static void group_step(fusion *f, int32_t step)
{
    const kn_step *s = f->c->steps[step];
    for (int32_t i = 0; i < s->input_count; i++) {
        const int32_t source = register_source(f, s, &s->inputs[i]);
        if (source < 0)
            continue;
        join(f, step, source);
        if (is_late(f->c->steps[source]) && !f->members[source].grouped) {
            f->members[source].grouped = 1;
            group_step(f, source);
        }
    }
    for (int32_t i = 0; i < s->input_count; i++) {
        const kn_value *v = &f->c->values[s->inputs[i].value];
        if (!kn_look_is_whole(&s->inputs[i], v) || v->bytes == 0)
            continue;
        if (f->last_reader[v->id] >= 0)
            join(f, step, f->last_reader[v->id]);
        f->last_reader[v->id] = step;
    }
}

/* --- one expression from a group -------------------------------------------------------------- */

typedef struct {
    fusion *f;
    kn_step *step;        // being made
    int32_t *register_of; // by value: register that holds it, or NOT_HELD
} joining;

#define NOT_HELD INT32_MIN

static int32_t same_look(const kn_look *a, const kn_look *b)
{
    return a->value == b->value && a->offset == b->offset &&
           kn_shape_same(a->rank, a->shape, b->rank, b->shape) &&
           kn_shape_same(a->rank, a->strides, b->rank, b->strides);
}

static int32_t input_register(kn_step *s, const kn_look *look)
{
    for (int32_t i = 0; i < s->input_count; i++)
        if (same_look(&s->inputs[i], look))
            return ~i;
    s->inputs[s->input_count] = *look;
    return ~s->input_count++;
}

static int32_t same_instruction(const kn_instruction *a, const kn_instruction *b)
{
    return a->op == b->op && a->dtype == b->dtype && a->count == b->count &&
           memcmp(a->from, b->from, sizeof a->from) == 0 &&
           memcmp(&a->number, &b->number, sizeof a->number) == 0;
}

static int32_t add_instruction(kn_fused *e, const kn_instruction *i)
{
    for (int32_t k = 0; k < e->code_count; k++)
        if (same_instruction(&e->code[k], i))
            return k;
    e->code[e->code_count] = *i;
    return e->code_count++;
}

static void add_member(joining *j, const kn_step *s)
{
    int32_t inputs[KN_MAX_READS], code[KN_MAX_CODE];
    kn_fused *e = j->step->fused;
    for (int32_t i = 0; i < s->input_count; i++) {
        const int32_t source = register_source(j->f, s, &s->inputs[i]);
        const int32_t held = j->register_of[s->inputs[i].value];
        inputs[i] = source >= 0 && held != NOT_HELD ? held : input_register(j->step, &s->inputs[i]);
    }
    for (int32_t i = 0; i < s->fused->code_count; i++) {
        kn_instruction copy = s->fused->code[i];
        for (int32_t k = 0; k < copy.count; k++)
            copy.from[k] = copy.from[k] < 0 ? inputs[~copy.from[k]] : code[copy.from[k]];
        code[i] = add_instruction(e, &copy);
    }
    for (int32_t i = 0; i < s->fused->result_count; i++) {
        kn_result r = s->fused->results[i];
        r.from = r.from < 0 ? inputs[~r.from] : code[r.from];
        if (r.how == KAON_STORE && !r.total)
            j->register_of[r.value] = r.from;
        j->step->outputs[e->result_count] = r.value;
        e->results[e->result_count++] = r;
    }
}

// Registers belong to one expression: another one loads what this one stores.
static void forget_registers(joining *j, int32_t group)
{
    for (int32_t m = group; m >= 0; m = j->f->members[m].next)
        for (int32_t i = 0; i < j->f->c->steps[m]->output_count; i++)
            j->register_of[j->f->c->steps[m]->outputs[i]] = NOT_HELD;
}

// Results that only members read are registers, not memory.
static void drop_inner_results(joining *j, int32_t group)
{
    kn_step *s = j->step;
    const fusion *f = j->f;
    int32_t kept = 0;
    for (int32_t i = 0; i < s->fused->result_count; i++) {
        const kn_value *v = &f->c->values[s->fused->results[i].value];
        int32_t outside = v->readers;
        for (int32_t m = group; m >= 0; m = f->members[m].next)
            for (int32_t k = 0; k < f->c->steps[m]->input_count; k++)
                if (f->c->steps[m]->inputs[k].value == v->id)
                    outside--;
        if (!outside && v->place != KN_PLACE_OUTPUT && v->place != KN_PLACE_VARIABLE)
            continue;
        s->fused->results[kept] = s->fused->results[i];
        s->outputs[kept++] = v->id;
    }
    s->fused->result_count = s->output_count = kept;
}

static kn_step *new_expression(kn_compile *c, const kn_fused *space)
{
    kn_step *s = kn_step_new(c, KN_STEP_FUSED, KN_MAX_READS, KN_MAX_CODE + KN_MAX_READS);
    kn_fused *e = kn_compile_take(c, 1, sizeof *e);
    if (!s || !e)
        return NULL;
    *e = *space;
    e->code_count = e->result_count = 0;
    e->code = kn_compile_take(c, KN_MAX_CODE, sizeof *e->code);
    e->results = kn_compile_take(c, KN_MAX_CODE + KN_MAX_READS, sizeof *e->results);
    s->fused = e;
    s->input_count = s->output_count = 0;
    return e->code && e->results ? s : NULL;
}

// A sum over rows cannot stand beside a reduction of the rows to one number.
static int32_t loses_total(const kn_step *s)
{
    for (int32_t i = 0; i < s->fused->result_count; i++)
        if (s->fused->results[i].total && !s->has_total)
            return 1;
    return 0;
}

static kaon_status build_group(fusion *f, int32_t group, int32_t *register_of)
{
    kn_compile *c = f->c;
    kn_step *s = new_expression(c, c->steps[group]->fused);
    if (!s)
        return KAON_NO_MEMORY;
    joining j = {f, s, register_of};
    // Steps stand in topological order, a group's members do not: later ones may have joined first.
    for (int32_t i = f->members[group].low; i <= f->members[group].high; i++)
        if (!c->steps[i]->dead && root_of(f, i) == group)
            add_member(&j, c->steps[i]);
    forget_registers(&j, group);
    drop_inner_results(&j, group);
    kn_row_kinds(c, s);
    if (loses_total(s) || !kn_supported(c, s, s->has_total ? s->rows : 0)) {
        s->dead = 1;
        return KAON_OK;
    }
    for (int32_t m = group; m >= 0; m = f->members[m].next)
        c->steps[m]->dead = 1;
    for (int32_t i = 0; i < s->output_count; i++)
        c->values[s->outputs[i]].maker = s->id;
    return KAON_OK;
}

static kaon_status build_groups(fusion *f, int32_t step_count)
{
    int32_t *register_of = kn_compile_take(f->c, (size_t)f->c->value_count, sizeof *register_of);
    if (!register_of)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < f->c->value_count; i++)
        register_of[i] = NOT_HELD;
    for (int32_t i = 0; i < step_count; i++)
        if (fused_of(f, i) && root_of(f, i) == i && f->members[i].next >= 0)
            KAON_TRY(build_group(f, i, register_of));
    return KAON_OK;
}

/* --- steps without inputs --------------------------------------------------------------------- */

static kn_step *clone_source(kn_compile *c, const kn_step *source)
{
    const kn_value like = c->values[source->outputs[0]];
    kn_step *clone = kn_step_new(c, KN_STEP_FUSED, 0, 1);
    kn_fused *code = kn_compile_take(c, 1, sizeof *code);
    kn_result *result = kn_compile_take(c, 1, sizeof *result);
    const int32_t value = kn_value_new(c, like.dtype, like.rank, like.shape);
    if (!clone || !code || !result || value < 0)
        return NULL;
    *code = *source->fused;
    *result = source->fused->results[0];
    result->value = value;
    code->results = result;
    clone->fused = code;
    clone->outputs[0] = value;
    c->values[value].maker = clone->id;
    return clone;
}

// Constants spread out and indices are computed where they are read, not stored.
static kaon_status clone_sources(kn_compile *c)
{
    const int32_t count = c->step_count;
    for (int32_t i = 0; i < count; i++) {
        kn_step *s = c->steps[i];
        for (int32_t k = 0; !s->dead && s->kind == KN_STEP_FUSED && k < s->input_count; k++) {
            const kn_value *v = &c->values[s->inputs[k].value];
            const kn_step *source = v->maker < 0 ? NULL : c->steps[v->maker];
            if (!source || source->kind != KN_STEP_FUSED || source->input_count || v->readers < 2)
                continue;
            const kn_step *clone = clone_source(c, source);
            if (!clone)
                return KAON_NO_MEMORY;
            s->inputs[k].value = clone->outputs[0];
        }
    }
    kn_count_readers(c);
    return kn_sort_steps(c);
}

/* --- epilogues -------------------------------------------------------------------------------- */

// The one step that reads a product, point by point; NULL: there is none.
static kn_step *only_reader(kn_compile *c, const kn_step *product)
{
    const kn_value *v = kn_step_value(c, product, 0);
    if (v->readers != 1 || v->place != KN_PLACE_ARENA)
        return NULL;
    for (int32_t i = product->id + 1; i < c->step_count; i++) {
        kn_step *s = c->steps[i];
        if (s->dead || s->kind != KN_STEP_FUSED)
            continue;
        for (int32_t k = 0; k < s->input_count; k++)
            if (s->inputs[k].value == v->id)
                return kn_look_is_whole(&s->inputs[k], v) &&
                               kn_shape_same(s->fused->rank, s->fused->shape, v->rank, v->shape)
                           ? s
                           : NULL;
    }
    return NULL;
}

// Registers of the expression: the product becomes ~0, what stood before it moves up by one.
static int32_t epilogue_register(int32_t from, int32_t product)
{
    if (from >= 0)
        return from;
    if (~from == product)
        return ~0;
    return ~from < product ? ~(~from + 1) : from;
}

static kn_step *with_epilogue(kn_compile *c, const kn_step *product, const kn_step *reader)
{
    const int32_t own = product->input_count;
    kn_step *s = kn_step_new(c, KN_STEP_OP, own + reader->input_count - 1, reader->output_count);
    kn_fused *e = kn_compile_take(c, 1, sizeof *e);
    if (!s || !e)
        return NULL;
    *e = *reader->fused;
    e->code = kn_compile_take(c, (size_t)e->code_count, sizeof *e->code);
    e->results = kn_compile_take(c, (size_t)e->result_count, sizeof *e->results);
    if (!e->code || !e->results)
        return NULL;
    int32_t at = 0;
    for (int32_t i = 0, to = own; i < reader->input_count; i++) {
        if (reader->inputs[i].value == product->outputs[0])
            at = i;
        else
            s->inputs[to++] = reader->inputs[i];
    }
    memcpy(s->inputs, product->inputs, (size_t)own * sizeof *s->inputs);
    memcpy(s->outputs, reader->outputs, (size_t)reader->output_count * sizeof *s->outputs);
    for (int32_t i = 0; i < e->code_count; i++) {
        e->code[i] = reader->fused->code[i];
        for (int32_t k = 0; k < e->code[i].count; k++)
            e->code[i].from[k] = epilogue_register(e->code[i].from[k], at);
    }
    for (int32_t i = 0; i < e->result_count; i++) {
        e->results[i] = reader->fused->results[i];
        e->results[i].from = epilogue_register(e->results[i].from, at);
    }
    s->use = product->use;
    s->fused = e;
    return s;
}

// Worth it is what works on the product's own numbers; rows of a few numbers reduced to one,
// indices and labels are better done for a whole tile.
static int32_t fits_epilogue(const kn_compile *c, const kn_step *product, const kn_step *reader)
{
    const int32_t dtype = kn_step_value((kn_compile *)c, product, 0)->dtype;
    for (int32_t i = 0; i < reader->input_count; i++)
        if (c->values[reader->inputs[i].value].dtype != dtype)
            return 0;
    for (int32_t i = 0; i < reader->fused->code_count; i++)
        if (reader->fused->code[i].op == KAON_X_IOTA)
            return 0;
    for (int32_t i = 0; i < reader->fused->result_count; i++)
        if (reader->fused->results[i].how != KAON_STORE)
            return 0;
    return 1;
}

static kaon_status add_epilogue(kn_compile *c, kn_step *product)
{
    kn_step *reader = only_reader(c, product);
    if (!reader || !fits_epilogue(c, product, reader))
        return KAON_OK;
    kn_step *s = with_epilogue(c, product, reader);
    if (!s)
        return KAON_NO_MEMORY;
    kn_row_kinds(c, s);
    if (loses_total(s)) {
        s->dead = 1;
        return KAON_OK;
    }
    const int32_t whole = !s->has_total && kn_supported(c, s, 0);
    const int32_t by_rows = s->rows && kn_supported(c, s, s->rows);
    if (!(s->rows ? by_rows && (whole || s->has_total) : whole)) {
        s->dead = 1;
        return KAON_OK;
    }
    product->dead = reader->dead = 1;
    for (int32_t i = 0; i < s->output_count; i++)
        c->values[s->outputs[i]].maker = s->id;
    return KAON_OK;
}

static kaon_status add_epilogues(kn_compile *c)
{
    const int32_t count = c->step_count;
    kn_find_rows(c); // a product that will be a sum over rows must stay one
    for (int32_t i = 0; i < count; i++) {
        kn_step *s = c->steps[i];
        if (!s->dead && s->kind == KN_STEP_OP && s->use->op && s->use->op->rows == KN_ROWS_MATMUL &&
            !s->contracts)
            KAON_TRY(add_epilogue(c, s));
    }
    return KAON_OK;
}

/* --- the pass --------------------------------------------------------------------------------- */

static kaon_status begin(fusion *f, kn_compile *c)
{
    const size_t count = (size_t)c->step_count;
    f->c = c;
    f->members = kn_compile_take(c, count, sizeof *f->members);
    f->stack = kn_compile_take(c, count, sizeof *f->stack);
    f->last_reader = kn_compile_take(c, (size_t)c->value_count, sizeof *f->last_reader);
    if (!f->members || !f->stack || !f->last_reader)
        return KAON_NO_MEMORY;
    memset(f->last_reader, 0xff, (size_t)c->value_count * sizeof *f->last_reader);
    for (int32_t i = 0; i < c->step_count; i++) {
        const kn_fused *e = fused_of(f, i);
        f->members[i] = (member){.root = i, .next = -1, .tail = i, .low = i, .high = i};
        f->members[i].code = e ? e->code_count : 0;
        f->members[i].reads = e ? c->steps[i]->input_count : 0;
    }
    return KAON_OK;
}

/* Joins fused steps and gives products their epilogues. What the backend does not support stays as
 * it was. */
kaon_status kn_fuse(kn_compile *c)
{
    KAON_TRY(kn_sort_steps(c));
    KAON_TRY(clone_sources(c));
    fusion f = {.c = c};
    KAON_TRY(begin(&f, c));
    const int32_t count = c->step_count;
    for (int32_t i = 0; i < count; i++)
        if (fused_of(&f, i) && !is_late(c->steps[i]))
            group_step(&f, i);
    for (int32_t i = 0; i < count; i++)
        if (fused_of(&f, i) && is_late(c->steps[i]) && !f.members[i].grouped)
            group_step(&f, i);
    KAON_TRY(build_groups(&f, count));
    kn_count_readers(c);
    KAON_TRY(kn_sort_steps(c));
    KAON_TRY(add_epilogues(c));
    kn_count_readers(c);
    return kn_sort_steps(c);
}
