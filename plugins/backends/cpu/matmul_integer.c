/* matmul_integer.c: "matmul" of integers: the plain loops, in 64 bits that wrap around.
 *
 * An item is one row of one product. Rows of b are added up, so that memory is walked along.
 */
#include "matmul.h"

#include <string.h>

typedef struct integer_state {
    cpu_work work;
    cpu_matmul shape;
} integer_state;

// Row `item` of all products: its index among the leading axes finds the matrices.
static void find_row(const cpu_matmul *x, int64_t item, int64_t *a_at, int64_t *b_at)
{
    int64_t lead = item / x->m;
    *a_at = item % x->m * x->a_row;
    *b_at = 0;
    for (int32_t i = x->lead_rank - 1; i >= 0; i--) {
        const int64_t index = lead % x->lead[i];
        *a_at += index * x->a_lead[i];
        *b_at += index * x->b_lead[i];
        lead /= x->lead[i];
    }
}

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    const integer_state *s = (const integer_state *)w;
    const cpu_matmul *x = &s->shape;
    cpu_cast_fn *widen = w->state.device->set->casts[x->dtype][KAON_U64];
    cpu_cast_fn *shorten = w->state.device->set->casts[KAON_U64][x->dtype];
    uint64_t *sum = (uint64_t *)(void *)scratch;
    for (int64_t item = first; item < end; item++) {
        int64_t a_at, b_at;
        find_row(x, item, &a_at, &b_at);
        memset(sum, 0, (size_t)x->n * sizeof *sum);
        for (int64_t k = 0; k < x->k; k++) {
            uint64_t a, b;
            widen(&a, (const char *)l->operands[0] + (a_at + k * x->a_step) * x->bytes, 1);
            for (int64_t j = 0; j < x->n; j++) {
                const int64_t at = b_at + k * x->b_row + j * x->b_step;
                widen(&b, (const char *)l->operands[1] + at * x->bytes, 1);
                sum[j] += a * b;
            }
        }
        shorten((char *)l->operands[2] + item * x->n * x->bytes, sum, x->n);
    }
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    cpu_matmul x = {0};
    const int32_t dtype = cpu_operand(step, 0)->dtype;
    return dtype >= KAON_I8 && dtype <= KAON_U64 && step->input_count == 2 && !step->fused &&
           cpu_matmul_read(step, &x) && !x.total;
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    integer_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    cpu_matmul_read(step, &s->shape);
    s->work.items = s->shape.units * s->shape.unit_rows;
    s->work.run = run;
    s->work.scratch_bytes = ((uint64_t)s->shape.n * sizeof(uint64_t) + 63) & ~(uint64_t)63;
    return cpu_work_ready(d, step, &s->work, s->shape.n * s->shape.k, out, diag);
}

const cpu_op cpu_integer_ops[] = {
    {"matmul", supports, prepare},
    {0},
};
