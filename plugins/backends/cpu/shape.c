/* shape.c: "concat", "pad" and "reverse": whole lines moved by memcpy.
 *
 * Transposes, slices and broadcasts are strides, and come as fused expressions without code.
 */
#include "cpu.h"

#include <string.h>

typedef struct move_state {
    cpu_work work;
    int64_t line_bytes; // of the output, for one index before the axis
    int64_t low_bytes;  // pad: before the input
    int64_t unit_bytes; // one index of the axis
    int64_t units;      // reverse: indices of the axis
    int32_t bytes;      // of an element
    int32_t reserved;
    int64_t part_bytes[]; // concat and pad: of each input
} move_state;

static void run_concat(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                       char *scratch)
{
    (void)scratch;
    const move_state *s = (const move_state *)w;
    char *to = (char *)l->operands[w->inputs] + first * s->line_bytes;
    for (int64_t line = first; line < end; line++)
        for (int32_t i = 0; i < w->inputs; i++) {
            const int64_t bytes = s->part_bytes[i];
            if (bytes)
                memcpy(to, (const char *)l->operands[i] + line * bytes, (size_t)bytes);
            to += bytes;
        }
}

static void fill(char *to, const char *value, int32_t bytes, int64_t total)
{
    for (int64_t at = 0; at < total; at += bytes)
        memcpy(to + at, value, (size_t)bytes);
}

static void run_pad(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                    char *scratch)
{
    (void)scratch;
    const move_state *s = (const move_state *)w;
    const int64_t bytes = s->part_bytes[0];
    char *to = (char *)l->operands[w->inputs] + first * s->line_bytes;
    for (int64_t line = first; line < end; line++, to += s->line_bytes) {
        fill(to, l->operands[1], s->bytes, s->low_bytes);
        if (bytes)
            memcpy(to + s->low_bytes, (const char *)l->operands[0] + line * bytes, (size_t)bytes);
        const int64_t done = s->low_bytes + bytes;
        fill(to + done, l->operands[1], s->bytes, s->line_bytes - done);
    }
}

static void run_reverse(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                        char *scratch)
{
    (void)scratch;
    const move_state *s = (const move_state *)w;
    for (int64_t line = first; line < end; line++) {
        const char *from = (const char *)l->operands[0] + line * s->line_bytes;
        char *to = (char *)l->operands[1] + (line + 1) * s->line_bytes;
        for (int64_t u = 0; u < s->units; u++, from += s->unit_bytes)
            memcpy(to -= s->unit_bytes, from, (size_t)s->unit_bytes);
    }
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, cpu_range *run,
                           kaon_kernel *out, kaon_diag *diag)
{
    const uint64_t parts = (uint64_t)step->input_count * sizeof(int64_t);
    move_state *s = cpu_state_new(d, sizeof *s + parts);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *o = cpu_output(step, 0);
    const int32_t axis = cpu_attr_axis(step, "axis", o->rank);
    const cpu_lines lines = cpu_lines_of(o, axis);
    s->bytes = (int32_t)kaon_dtype_bytes(o->dtype);
    s->unit_bytes = lines.inner * s->bytes;
    s->units = lines.n;
    s->line_bytes = lines.n * s->unit_bytes;
    s->low_bytes = cpu_attr_int(step, "low", 0) * s->unit_bytes;
    for (int32_t i = 0; i < step->input_count; i++)
        if (cpu_operand(step, i)->rank == o->rank)
            s->part_bytes[i] = cpu_operand(step, i)->shape[axis] * s->unit_bytes;
    s->work.items = lines.outer;
    s->work.run = run;
    return cpu_work_ready(d, step, &s->work, lines.n * lines.inner, out, diag);
}

static kaon_status prepare_concat(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                  kaon_diag *diag)
{
    return prepare(d, step, run_concat, out, diag);
}

static kaon_status prepare_pad(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                               kaon_diag *diag)
{
    return prepare(d, step, run_pad, out, diag);
}

static kaon_status prepare_reverse(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                   kaon_diag *diag)
{
    return prepare(d, step, run_reverse, out, diag);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_all_contiguous(step);
}

const cpu_op cpu_shape_ops[] = {
    {"concat", supports, prepare_concat},
    {"pad", supports, prepare_pad},
    {"reverse", supports, prepare_reverse},
    {0},
};
