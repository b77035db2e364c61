/* widen.c: products, convolutions and pooling of half precision, computed in f32.
 *
 * Whole operands are turned to f32, the step for f32 runs, and its result is rounded once.
 */
#include "cpu.h"

#include <string.h>

enum { MOST_OPERANDS = 3 };

typedef struct widened {
    cpu_state state;
    kaon_kernel inner;
    int32_t dtype, inputs;
    int32_t total; // 1: the output is added to
    int32_t tiled;
    int64_t counts[MOST_OPERANDS];  // numbers of each operand, with the most rows
    int64_t per_row[MOST_OPERANDS]; // numbers of one row; 0: the operand is whole
    uint64_t at[MOST_OPERANDS + 1]; // of each in the scratch; what the inner step wants is last
    char *scratch;                  // without tiles
} widened;

static kaon_status launch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const widened *s = state;
    const cpu_set *set = s->state.device->set;
    char *scratch = s->tiled ? l->scratch : s->scratch;
    void *wide[MOST_OPERANDS];
    int64_t count = 0;
    for (int32_t o = 0; o <= s->inputs; o++) {
        wide[o] = scratch + s->at[o];
        count = s->per_row[o] ? s->per_row[o] * l->rows : s->counts[o];
        if (o < s->inputs || s->total)
            set->casts[s->dtype][KAON_F32](wide[o], l->operands[o], count);
    }
    kaon_launch inner = *l;
    inner.operands = wide;
    inner.scratch = scratch + s->at[s->inputs + 1];
    KAON_TRY(s->inner.launch(s->inner.state, &inner, diag));
    set->casts[KAON_F32][s->dtype](l->operands[s->inputs], wide[s->inputs], count);
    return KAON_OK;
}

static void release(void *state)
{
    widened *s = state;
    if (!s)
        return;
    if (s->inner.release)
        s->inner.release(s->inner.state);
    kaon_free(s->state.device->host, s->scratch);
    cpu_state_free(s);
}

/* The same step on f32, its operands row-major. */
static void widen_step(const kaon_step *step, kaon_step *wide, kaon_operand *operands)
{
    *wide = *step;
    for (int32_t o = 0; o <= step->input_count; o++) {
        operands[o] = *cpu_operand(step, o);
        operands[o].dtype = KAON_F32;
        operands[o].value = NULL;
    }
    wide->operands = operands;
    wide->operand_stride = sizeof *operands;
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    if (step->fused || step->input_count + 1 > MOST_OPERANDS || step->output_count != 1)
        return 0;
    // A product summed over its rows has those of its first operand on the second axis: a tile of
    // them is not in one piece.
    if (cpu_output(step, 0)->kind == KAON_OPERAND_TOTAL && !strcmp(step->op, "matmul"))
        return 0;
    const int32_t dtype = cpu_output(step, 0)->dtype;
    if ((dtype != KAON_F16 && dtype != KAON_BF16) || !cpu_all_contiguous(step))
        return 0;
    for (int32_t i = 0; i < step->input_count; i++)
        if (cpu_operand(step, i)->dtype != dtype)
            return 0;
    kaon_step wide;
    kaon_operand operands[MOST_OPERANDS];
    widen_step(step, &wide, operands);
    return cpu_find_op(d, &wide) != NULL;
}

static void lay_out(widened *s, const kaon_operand *operands)
{
    uint64_t at = 0;
    for (int32_t o = 0; o <= s->inputs; o++) {
        const kaon_operand *from = &operands[o];
        s->counts[o] = cpu_count(from);
        if (from->kind == KAON_OPERAND_ROWS && from->shape[0])
            s->per_row[o] = s->counts[o] / from->shape[0];
        s->at[o] = at;
        at += ((uint64_t)s->counts[o] * sizeof(float) + 63) & ~(uint64_t)63;
    }
    s->at[s->inputs + 1] = at;
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    kaon_step wide;
    kaon_operand operands[MOST_OPERANDS];
    widen_step(step, &wide, operands);
    widened *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    s->inner.size = sizeof s->inner;
    s->dtype = cpu_output(step, 0)->dtype;
    s->inputs = step->input_count;
    s->total = operands[s->inputs].kind == KAON_OPERAND_TOTAL;
    s->tiled = (step->flags & KAON_STEP_ROWS) != 0;
    lay_out(s, operands);
    kaon_status status = cpu_find_op(d, &wide)->prepare(d, &wide, &s->inner, diag);
    const uint64_t bytes = s->at[s->inputs + 1] + s->inner.scratch_bytes;
    if (!status && !s->tiled) {
        s->scratch = kaon_alloc(d->host, bytes);
        status = s->scratch ? KAON_OK : cpu_no_memory(diag, step->op);
    }
    if (status) {
        release(s);
        return status;
    }
    out->state = s;
    out->release = release;
    out->launch = launch;
    out->scratch_bytes = s->tiled ? bytes : 0;
    return KAON_OK;
}

const cpu_op cpu_widened_ops[] = {
    {"matmul", supports, prepare},
    {"conv", supports, prepare},
    {"conv_grad_input", supports, prepare},
    {"conv_grad_weight", supports, prepare},
    {"pool_max", supports, prepare},
    {"pool_sum", supports, prepare},
    {"pool_max_grad", supports, prepare},
    {"pool_sum_grad", supports, prepare},
    {0},
};
