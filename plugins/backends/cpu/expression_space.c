/* expression_space.c: the normal form of an expression's iteration space, see expression.h. */
#include "expression.h"

#include <string.h>

const kaon_instruction *cpu_instruction_at(const kaon_expression *e, int32_t index)
{
    const char *first = (const char *)e->code;
    return (const kaon_instruction *)(first + (uint64_t)index * e->code_stride);
}

const kaon_result *cpu_result_at(const kaon_expression *e, int32_t index)
{
    const char *first = (const char *)e->results;
    return (const kaon_result *)(first + (uint64_t)index * e->result_stride);
}

int32_t cpu_reduces(const kaon_expression *e, const kaon_result *r, const kaon_operand *out,
                    int32_t i)
{
    // The rows of a total, which outside tiles is known by its shape alone.
    const int32_t one_row = out->rank == e->rank && out->shape[0] == 1 && e->shape[0] != 1;
    if (i == 0 && (out->kind == KAON_OPERAND_TOTAL || one_row))
        return 1;
    return r->how != KAON_STORE && i >= e->rank - r->axes;
}

/* Strides of a result over the space: its axes are matched from the last; where it is reduced it
 * stands still. */
static void result_strides(const kaon_expression *e, const kaon_result *r, const kaon_operand *out,
                           int64_t *strides)
{
    for (int32_t i = 0; i < e->rank; i++) {
        const int32_t axis = out->rank - e->rank + i;
        const int32_t still = axis < 0 || out->shape[axis] == 1 || cpu_reduces(e, r, out, i);
        strides[i] = still ? 0 : out->strides[axis];
    }
}

// Indices along an axis are counted by themselves, and a sum of maxima takes the maxima first.
static void mark_lonely(const kaon_expression *e, const kaon_operand *const *outputs, cpu_space *s)
{
    for (int32_t j = 0; j < e->result_count; j++) {
        const kaon_result *r = cpu_result_at(e, j);
        if (outputs[j]->kind == KAON_OPERAND_TOTAL && r->how > KAON_REDUCE_SUM)
            s->alone[0] = 1;
    }
    for (int32_t k = 0; k < e->code_count; k++) {
        const kaon_instruction *in = cpu_instruction_at(e, k);
        if (in->op == KAON_X_IOTA)
            s->alone[in->a] = 1;
    }
}

static void move_axis(cpu_space *s, int32_t to, int32_t from)
{
    s->shape[to] = s->shape[from];
    s->alone[to] = s->alone[from];
    s->first_of[to] = s->first_of[from];
    for (int32_t o = 0; o < s->operands; o++)
        s->strides[o][to] = s->strides[o][from];
}

/* Axis `from` becomes axis `to`; those between move by one. */
static void rotate_axis(cpu_space *s, int32_t from, int32_t to)
{
    cpu_space old = *s;
    const int32_t step = from < to ? 1 : -1;
    for (int32_t o = 0; o < s->operands; o++) {
        const int64_t kept = s->strides[o][from];
        for (int32_t i = from; i != to; i += step)
            s->strides[o][i] = s->strides[o][i + step];
        s->strides[o][to] = kept;
    }
    for (int32_t i = from; i != to; i += step) {
        s->shape[i] = old.shape[i + step];
        s->alone[i] = old.alone[i + step];
        s->first_of[i] = old.first_of[i + step];
    }
    s->shape[to] = old.shape[from];
    s->alone[to] = old.alone[from];
    s->first_of[to] = old.first_of[from];
}

static void drop_single_axes(cpu_space *s)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < s->rank; i++)
        if (s->shape[i] != 1 || (s->tiled && i == 0))
            move_axis(s, kept++, i);
    s->rank = kept;
}

/* How many operands lie side by side along an axis. Results count less: storing may scatter,
 * reading should not gather. */
static int32_t unit_strides(const cpu_space *s, int32_t axis)
{
    int32_t count = 0;
    for (int32_t o = 0; o < s->operands; o++)
        count += s->strides[o][axis] == 1 ? (o < s->input_count ? 4 : 3) : 0;
    return count;
}

static void choose_inner(cpu_space *s)
{
    int32_t best = s->rank - 1;
    for (int32_t i = s->rank - 1; i >= 0; i--)
        if (unit_strides(s, i) > unit_strides(s, best))
            best = i;
    if (best >= 0 && best != s->rank - 1)
        rotate_axis(s, best, s->rank - 1);
}

static int32_t melts(const cpu_space *s, int32_t into, int32_t axis)
{
    if (s->alone[into] || s->alone[axis])
        return 0;
    for (int32_t o = 0; o < s->operands; o++)
        if (s->strides[o][into] != s->strides[o][axis] * s->shape[axis])
            return 0;
    return 1;
}

/* Melts neighbours together. The rows of a tile can take others in behind them, but not melt into
 * an axis before them: their number is known at each launch only. */
static void melt_axes(cpu_space *s)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < s->rank; i++) {
        const int32_t into = kept - 1;
        const int32_t rows = s->tiled && s->first_of[i] == 0;
        if (kept > 0 && !rows && melts(s, into, i)) {
            const int64_t size = s->shape[i];
            const int32_t first = s->first_of[into];
            if (s->tiled && first == 0)
                s->row_factor *= size;
            s->shape[i] *= s->shape[into];
            move_axis(s, into, i);
            s->first_of[into] = first;
            continue;
        }
        move_axis(s, kept++, i);
    }
    s->rank = kept;
}

static void pad_front(cpu_space *s)
{
    for (int32_t i = s->rank; i > 0; i--)
        move_axis(s, i, i - 1);
    s->shape[0] = 1;
    s->alone[0] = 0;
    s->first_of[0] = -1;
    for (int32_t o = 0; o < s->operands; o++)
        s->strides[o][0] = 0;
    s->rank++;
}

kaon_status cpu_space_new(const cpu_device *d, const kaon_expression *e,
                          const kaon_operand *const *inputs, const kaon_operand *const *outputs,
                          int32_t tiled, cpu_space *s)
{
    *s = (cpu_space){.rank = e->rank, .tiled = tiled, .row_axis = -1, .row_factor = 1};
    s->input_count = e->input_count;
    s->operands = e->input_count + e->result_count;
    s->strides = cpu_zeros(d, (uint64_t)(s->operands + 1) * sizeof *s->strides);
    if (!s->strides)
        return KAON_NO_MEMORY;
    memcpy(s->shape, e->shape, sizeof s->shape);
    for (int32_t o = 0; o < e->input_count; o++)
        memcpy(s->strides[o], inputs[o]->strides, sizeof *s->strides);
    for (int32_t j = 0; j < e->result_count; j++)
        result_strides(e, cpu_result_at(e, j), outputs[j], s->strides[e->input_count + j]);
    for (int32_t i = 0; i < s->rank; i++)
        s->first_of[i] = i;
    mark_lonely(e, outputs, s);
    drop_single_axes(s);
    choose_inner(s);
    melt_axes(s);
    while (s->rank < 2)
        pad_front(s);
    for (int32_t a = 0; a < KAON_MAX_RANK; a++)
        s->axis_of[a] = -1;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->first_of[i] >= 0)
            s->axis_of[s->first_of[i]] = i;
        if (tiled && s->first_of[i] == 0)
            s->row_axis = i;
    }
    return KAON_OK;
}

void cpu_space_free(const cpu_device *d, cpu_space *s)
{
    kaon_free(d->host, s->strides);
}
