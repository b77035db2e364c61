/* softmax.c: the composite operation "softmax" over the last axis, f32, as one pass over its rows.
 *
 * Without this it is built from five other operations; with it a network's last layer is one
 * launch, and a row is read while it is in the first level cache.
 */
#include "cpu.h"

typedef struct softmax_state {
    cpu_work work;
    int64_t n; // numbers in a row
    int32_t streams;
} softmax_state;

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    (void)scratch;
    const softmax_state *s = (const softmax_state *)w;
    const float *in = l->operands[0];
    float *out = l->operands[1];
    (*w->state.device->set->softmax)(out + first * s->n, in + first * s->n, end - first, s->n,
                                     s->streams);
    if (s->streams)
        cpu_stream_end();
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    const kaon_operand *a = cpu_operand(step, 0);
    const int64_t axis = cpu_attr_int(step, "axis", -1);
    const int32_t over_last = axis == -1 || axis == a->rank - 1;
    return step->input_count == 1 && step->output_count == 1 && !step->fused && a->rank > 0 &&
           (a->rank > 1 || !(step->flags & KAON_STEP_ROWS)) && a->shape[a->rank - 1] > 0 &&
           over_last && a->dtype == KAON_F32 && cpu_all_contiguous(step);
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    softmax_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *a = cpu_operand(step, 0);
    s->n = a->shape[a->rank - 1];
    s->work.items = cpu_count(a) / s->n;
    s->work.run = run;
    s->streams = (step->flags & KAON_STEP_STREAM) != 0;
    return cpu_work_ready(d, step, &s->work, 8 * s->n, out, diag);
}

const cpu_op cpu_softmax_ops[] = {
    {"softmax", supports, prepare},
    {0},
};
