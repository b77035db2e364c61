/* windows.h: where windows stand on an input, for pooling and convolutions. */
#ifndef CPU_WINDOWS_H
#define CPU_WINDOWS_H

#include "cpu.h"

typedef struct cpu_windows {
    int32_t axes; // at most KAON_MAX_RANK, the last of the operands
    int32_t reserved;
    int64_t in[KAON_MAX_RANK], out[KAON_MAX_RANK]; // sizes
    int64_t window[KAON_MAX_RANK], stride[KAON_MAX_RANK], low[KAON_MAX_RANK];
    int64_t dilation[KAON_MAX_RANK];
    int64_t in_count, out_count; // numbers of one input and output
} cpu_windows;

/* Reads stride, low and dilation of a step whose windows go over the last axes of `in` and `out`.
 */
static inline void cpu_windows_read(const kaon_step *step, const kaon_operand *in,
                                    const kaon_operand *out, int32_t axes, cpu_windows *w)
{
    int64_t strides, lows, dilations;
    const int64_t *stride = cpu_attr_ints(step, "stride", &strides);
    const int64_t *low = cpu_attr_ints(step, "low", &lows);
    const int64_t *dilation = cpu_attr_ints(step, "dilation", &dilations);
    w->axes = axes;
    w->in_count = w->out_count = 1;
    for (int32_t i = 0; i < axes; i++) {
        w->in[i] = in->shape[in->rank - axes + i];
        w->out[i] = out->shape[out->rank - axes + i];
        w->stride[i] = i < strides ? stride[i] : 1;
        w->low[i] = i < lows ? low[i] : 0;
        w->dilation[i] = i < dilations ? dilation[i] : 1;
        w->in_count *= w->in[i];
        w->out_count *= w->out[i];
    }
}

#endif
