/* stack.c: what can be done at once because it lies together.
 *
 * An optimizer does the same to every parameter. Steps of equal code whose operands are neighbours
 * in memory become one step over one long vector: the variables of a role lie behind each other
 * already (variables.h); what the steps read from the arena is put into blocks of the same layout.
 * The gaps between neighbours are computed along, and nobody reads them.
 *
 * The totals of a region get one block per dtype, so that the partial ones of all chunks are added
 * up by one launch.
 */
#include "compiler/compile.h"

#include "kernel/memory.h"

#include <stdlib.h>
#include <string.h>

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

static int32_t new_block(kn_compile *c, int32_t region)
{
    c->blocks[c->block_count] = (kn_block){.region = region};
    return c->block_count++;
}

static void add_to_block(kn_compile *c, kn_value *v, int32_t block)
{
    kn_block *b = &c->blocks[block];
    v->block = block;
    v->block_at = b->bytes;
    b->bytes += aligned(v->bytes);
}

// The region whose chunks make partial totals of this value, -1: none.
static int32_t partial_region(const kn_compile *c, const kn_value *v)
{
    const int32_t region = v->is_total ? c->steps[v->maker]->region : -1;
    return region >= 0 && c->regions[region].chunks > 1 ? region : -1;
}

/* --- equal steps ------------------------------------------------------------------------------ */

static int64_t space_of(const kn_step *s)
{
    return kn_shape_count(s->fused->rank, s->fused->shape);
}

// The same number at every point.
static int32_t is_scalar(const kn_look *look)
{
    for (int32_t i = 0; i < look->rank; i++)
        if (look->strides[i] && look->shape[i] != 1)
            return 0;
    return 1;
}

static int32_t can_stack(const kn_compile *c, const kn_step *s)
{
    if (s->kind != KN_STEP_FUSED || s->region >= 0 || s->has_total || space_of(s) == 0)
        return 0;
    for (int32_t i = 0; i < s->input_count; i++)
        if (!is_scalar(&s->inputs[i]) &&
            !kn_look_is_whole(&s->inputs[i], &c->values[s->inputs[i].value]))
            return 0;
    for (int32_t i = 0; i < s->fused->result_count; i++)
        if (s->fused->results[i].how != KAON_STORE)
            return 0;
    for (int32_t i = 0; i < s->fused->code_count; i++)
        if (s->fused->code[i].op == KAON_X_IOTA)
            return 0;
    return 1;
}

static int32_t same_code(const kn_fused *a, const kn_fused *b)
{
    if (a->code_count != b->code_count || a->result_count != b->result_count)
        return 0;
    for (int32_t i = 0; i < a->code_count; i++) {
        const kn_instruction *x = &a->code[i], *y = &b->code[i];
        if (x->op != y->op || x->dtype != y->dtype || x->count != y->count ||
            memcmp(x->from, y->from, sizeof x->from) != 0 ||
            memcmp(&x->number, &y->number, sizeof x->number) != 0)
            return 0;
    }
    for (int32_t i = 0; i < a->result_count; i++)
        if (a->results[i].from != b->results[i].from)
            return 0;
    return 1;
}

static const kn_value *operand(const kn_compile *c, const kn_step *s, int32_t k)
{
    return &c->values[k < s->input_count ? s->inputs[k].value : s->outputs[k - s->input_count]];
}

static int32_t is_scalar_operand(const kn_step *s, int32_t k)
{
    return k < s->input_count && is_scalar(&s->inputs[k]);
}

// The same operation on operands of the same kinds; scalars are the very same.
static int32_t are_alike(const kn_compile *c, const kn_step *a, const kn_step *b)
{
    if (a->input_count != b->input_count || a->output_count != b->output_count ||
        !same_code(a->fused, b->fused))
        return 0;
    for (int32_t k = 0; k < a->input_count + a->output_count; k++) {
        const kn_value *x = operand(c, a, k), *y = operand(c, b, k);
        const int32_t scalar = is_scalar_operand(a, k);
        if (x->dtype != y->dtype || x->place != y->place || scalar != is_scalar_operand(b, k))
            return 0;
        if (scalar && (x != y || a->inputs[k].offset != b->inputs[k].offset))
            return 0;
    }
    return 1;
}

/* --- neighbours ------------------------------------------------------------------------------- */

typedef struct {
    kn_compile *c;
    kn_step **members;
    int32_t count;
} stack;

static const char *variable_at(const kn_compile *c, const kn_value *v)
{
    const kn_variable *held = c->held[v->index];
    return c->device->shares_host ? held->memory : held->device_memory;
}

// Whether operand k of `b` lies, or can be put, right behind that of `a`.
static int32_t follows(const kn_compile *c, const kn_step *a, const kn_step *b, int32_t k)
{
    const kn_value *x = operand(c, a, k), *y = operand(c, b, k);
    if (x->place == KN_PLACE_VARIABLE)
        return variable_at(c, x) + aligned(x->bytes) == variable_at(c, y);
    return x->place == KN_PLACE_ARENA && x != y && x->block < 0 && y->block < 0 &&
           partial_region(c, x) == partial_region(c, y);
}

static int32_t are_neighbours(const kn_compile *c, const kn_step *a, const kn_step *b)
{
    const uint64_t bytes = kaon_dtype_bytes(operand(c, a, a->input_count)->dtype);
    for (int32_t k = 0; k < a->input_count + a->output_count; k++) {
        if (is_scalar_operand(a, k))
            continue;
        if (kaon_dtype_bytes(operand(c, a, k)->dtype) != bytes || !follows(c, a, b, k))
            return 0;
    }
    return 1;
}

// An operand that is a variable, by which members are sorted; -1: there is none.
static int32_t variable_operand(const kn_compile *c, const kn_step *s)
{
    for (int32_t k = 0; k < s->input_count + s->output_count; k++)
        if (!is_scalar_operand(s, k) && operand(c, s, k)->place == KN_PLACE_VARIABLE)
            return k;
    return -1;
}

static void sort_members(stack *s)
{
    const int32_t k = variable_operand(s->c, s->members[0]);
    for (int32_t i = 1; k >= 0 && i < s->count; i++) {
        kn_step *member = s->members[i];
        const char *at = variable_at(s->c, operand(s->c, member, k));
        int32_t to = i;
        for (; to > 0 && variable_at(s->c, operand(s->c, s->members[to - 1], k)) > at; to--)
            s->members[to] = s->members[to - 1];
        s->members[to] = member;
    }
}

/* --- may they wait for each other? ------------------------------------------------------------ */

static int32_t reads_value(const kn_step *s, int32_t value)
{
    for (int32_t i = 0; i < s->input_count; i++)
        if (s->inputs[i].value == value)
            return 1;
    return 0;
}

// 1 if `s` reads the old value of a variable that `writer` changes.
static int32_t reads_overwritten(const kn_compile *c, const kn_step *s, const kn_step *writer)
{
    for (int32_t i = 0; i < writer->output_count; i++) {
        const kn_value *v = &c->values[writer->outputs[i]];
        const int32_t old = v->place == KN_PLACE_VARIABLE ? c->held_values[v->index] : -1;
        if (old >= 0 && reads_value(s, old))
            return 1;
    }
    return 0;
}

static int32_t is_member(const stack *s, const kn_step *step)
{
    for (int32_t i = 0; i < s->count; i++)
        if (s->members[i] == step)
            return 1;
    return 0;
}

static int32_t clashes(const stack *s, const kn_step *other)
{
    for (int32_t m = 0; m < s->count; m++) {
        const kn_step *member = s->members[m];
        if (member == other)
            continue;
        for (int32_t i = 0; i < member->output_count; i++)
            if (reads_value(other, member->outputs[i]))
                return 1;
        if (reads_overwritten(s->c, member, other))
            return 1;
    }
    return 0;
}

// All members are done where the last of them stands: nothing before may need what they make, or
// change what they read.
static int32_t can_wait(const stack *s)
{
    int32_t first = INT32_MAX, last = -1;
    for (int32_t i = 0; i < s->count; i++) {
        const int32_t order = s->members[i]->order;
        first = order < first ? order : first;
        last = order > last ? order : last;
    }
    for (int32_t i = first; i <= last; i++)
        if (clashes(s, s->c->steps[s->c->order[i]]))
            return 0;
    return 1;
}

/* --- one step from many ----------------------------------------------------------------------- */

static void block_operands(stack *s)
{
    kn_compile *c = s->c;
    const kn_step *first = s->members[0];
    for (int32_t k = 0; k < first->input_count + first->output_count; k++) {
        if (is_scalar_operand(first, k) || operand(c, first, k)->place != KN_PLACE_ARENA)
            continue;
        if (operand(c, first, k)->block >= 0)
            continue; // the same operand twice
        const int32_t block = new_block(c, partial_region(c, operand(c, first, k)));
        for (int32_t i = 0; i < s->count; i++)
            add_to_block(c, &c->values[operand(c, s->members[i], k)->id], block);
    }
}

static int64_t stacked_count(const stack *s)
{
    const kn_value *v = operand(s->c, s->members[0], s->members[0]->input_count);
    const uint64_t bytes = kaon_dtype_bytes(v->dtype);
    uint64_t sum = 0;
    for (int32_t i = 0; i < s->count - 1; i++)
        sum += aligned((uint64_t)space_of(s->members[i]) * bytes) / bytes;
    return (int64_t)sum + space_of(s->members[s->count - 1]);
}

static kn_step *stack_step(stack *s)
{
    kn_compile *c = s->c;
    const kn_step *first = s->members[0];
    kn_step *made = kn_step_new(c, KN_STEP_FUSED, first->input_count, first->output_count);
    kn_fused *f = kn_compile_take(c, 1, sizeof *f);
    kn_step **members = kn_compile_take(c, (size_t)s->count, sizeof *members);
    if (!made || !f || !members)
        return NULL;
    *f = *first->fused;
    f->rank = 1;
    f->shape[0] = stacked_count(s);
    made->fused = f;
    memcpy(made->outputs, first->outputs, (size_t)first->output_count * sizeof *made->outputs);
    for (int32_t i = 0; i < first->input_count; i++) {
        kn_look *look = &made->inputs[i];
        *look = (kn_look){.value = first->inputs[i].value,
                          .rank = 1,
                          .offset = first->inputs[i].offset,
                          .shape = {f->shape[0]},
                          .strides = {!is_scalar(&first->inputs[i])}};
    }
    memcpy(members, s->members, (size_t)s->count * sizeof *members);
    made->stacked = members;
    made->stacked_count = s->count;
    return made;
}

// The members leave the order; the last one's place is taken by the step made from all.
static void replace(stack *s, kn_step *made)
{
    kn_compile *c = s->c;
    int32_t last = 0;
    for (int32_t i = 0; i < s->count; i++)
        last = s->members[i]->order > last ? s->members[i]->order : last;
    int32_t kept = 0;
    for (int32_t i = 0; i < c->order_count; i++) {
        kn_step *step = i == last ? made : c->steps[c->order[i]];
        if (i != last && is_member(s, step))
            continue;
        if (step->region >= 0 && c->regions[step->region].first == i)
            c->regions[step->region].first = kept;
        step->order = kept;
        c->order[kept++] = step->id;
    }
    c->order_count = kept;
}

static kaon_status join(stack *s)
{
    if (s->count < 2 || !can_wait(s))
        return KAON_OK;
    kn_step *made = stack_step(s);
    if (!made)
        return KAON_NO_MEMORY;
    if (!kn_supported(s->c, made, 0))
        return KAON_OK;
    block_operands(s);
    replace(s, made);
    for (int32_t i = 0; i < s->count; i++)
        s->members[i]->dead = 1;
    return KAON_OK;
}

// Members that follow each other in memory are joined, run by run.
static kaon_status join_runs(stack *s)
{
    sort_members(s);
    for (int32_t from = 0; from < s->count;) {
        int32_t to = from + 1;
        while (to < s->count && are_neighbours(s->c, s->members[to - 1], s->members[to]))
            to++;
        stack run = {s->c, s->members + from, to - from};
        KAON_TRY(join(&run));
        from = to;
    }
    return KAON_OK;
}

static kaon_status stack_like(kn_compile *c, kn_step *first, kn_step **members)
{
    stack s = {c, members, 0};
    for (int32_t i = first->order; i < c->order_count; i++) {
        kn_step *step = c->steps[c->order[i]];
        if (step->stacked || !can_stack(c, step) || !are_alike(c, first, step))
            continue;
        s.members[s.count++] = step;
    }
    return s.count > 1 ? join_runs(&s) : KAON_OK;
}

static kaon_status stack_steps(kn_compile *c)
{
    const int32_t count = c->step_count;
    kn_step **members = kn_compile_take(c, (size_t)count, sizeof *members);
    kn_step **all = kn_compile_take(c, (size_t)c->order_count, sizeof *all);
    if (!members || !all)
        return KAON_NO_MEMORY;
    const int32_t order_count = c->order_count;
    for (int32_t i = 0; i < order_count; i++)
        all[i] = c->steps[c->order[i]];
    for (int32_t i = 0; i < order_count; i++)
        if (!all[i]->dead && can_stack(c, all[i]))
            KAON_TRY(stack_like(c, all[i], members));
    return KAON_OK;
}

/* --- totals ----------------------------------------------------------------------------------- */

static void block_totals(kn_compile *c, int32_t region, int32_t dtype)
{
    int32_t block = -1;
    const kn_region *r = &c->regions[region];
    for (int32_t i = r->first; i < r->first + r->count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; k < s->output_count; k++) {
            kn_value *v = &c->values[s->outputs[k]];
            if (!v->is_total || v->dtype != dtype || v->place != KN_PLACE_ARENA || v->block >= 0)
                continue;
            block = block < 0 ? new_block(c, region) : block;
            add_to_block(c, v, block);
        }
    }
}

/* Joins equal steps over neighbours and puts together what shall lie together. */
kaon_status kn_stack(kn_compile *c)
{
    // At most one block per operand of a joined step, of which there are half as many as steps.
    size_t room = (size_t)c->region_count * KAON_DTYPE_COUNT;
    for (int32_t i = 0; i < c->order_count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        room += (size_t)(s->input_count + s->output_count);
    }
    c->blocks = kn_compile_take(c, room, sizeof *c->blocks);
    if (!c->blocks)
        return KAON_NO_MEMORY;
    KAON_TRY(stack_steps(c));
    for (int32_t i = 0; i < c->region_count; i++)
        for (int32_t dtype = 0; dtype < KAON_DTYPE_COUNT; dtype++)
            if (c->regions[i].has_totals && c->regions[i].chunks > 1)
                block_totals(c, i, dtype);
    return KAON_OK;
}
