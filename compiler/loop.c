/* loop.c: scans and conds: programs inside programs. */
#include "compiler/program.h"

#include <string.h>

static kaon_status move(const kn_device *d, void *to, const void *from, uint64_t bytes,
                        kaon_diag *diag)
{
    if (d->shares_host) {
        memmove(to, from, (size_t)bytes);
        return KAON_OK;
    }
    return d->backend->copy(d->handle, KAON_ON_DEVICE, to, from, bytes, diag);
}

/* Operands: carries, xs, captures; then last carries, stacked outputs, and for each carry a second
 * buffer. A step writes the carries into the buffer it does not read; the last one writes into the
 * output. */
kaon_status kn_run_loop(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const kn_loop *loop = state;
    void *const *in = l->operands;
    void *const *out = in + loop->input_count;
    void *const *spare = out + loop->carry_count + loop->stack_count;
    for (int32_t i = 0; i < loop->input_count; i++)
        loop->inputs[i] = in[i];
    for (int64_t t = 0; t < loop->length; t++) {
        void *const *next = (loop->length - 1 - t) % 2 ? spare : out;
        for (int32_t i = 0; i < loop->carry_count; i++)
            loop->outputs[i] = next[i];
        for (int32_t i = 0; i < loop->x_count; i++)
            loop->inputs[loop->carry_count + i] =
                (const char *)in[loop->carry_count + i] + t * loop->x_bytes[i];
        for (int32_t i = 0; i < loop->stack_count; i++)
            loop->outputs[loop->carry_count + i] =
                (char *)out[loop->carry_count + i] + t * loop->stack_bytes[i];
        KAON_TRY(kn_program_run_inside(loop->body, loop->inputs, loop->outputs, l->run, diag));
        for (int32_t i = 0; i < loop->carry_count; i++)
            loop->inputs[i] = next[i];
    }
    for (int32_t i = 0; loop->length == 0 && i < loop->carry_count; i++)
        KAON_TRY(move(loop->device, out[i], in[i], loop->carry_bytes[i], diag));
    return KAON_OK;
}

/* Operands: the predicate, what the bodies read, the outputs. */
kaon_status kn_run_branch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const kn_branch *b = state;
    uint8_t yes = 0;
    if (b->device->shares_host)
        yes = *(const uint8_t *)l->operands[0];
    else
        KAON_TRY(b->device->backend->copy(b->device->handle, KAON_TO_HOST, &yes, l->operands[0], 1,
                                          diag));
    kaon_program *body = b->bodies[yes != 0];
    const void *const *in = (const void *const *)(l->operands + 1);
    return kn_program_run_inside(body, in, l->operands + 1 + b->input_count, l->run, diag);
}
