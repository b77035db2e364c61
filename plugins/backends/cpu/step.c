/* step.c: reading steps, keeping their states, and work for many threads. */
#include "cpu.h"

#include <string.h>

void *cpu_zeros(const cpu_device *d, uint64_t bytes)
{
    void *memory = kaon_alloc(d->host, bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *cpu_state_new(const cpu_device *d, uint64_t bytes)
{
    cpu_state *state = cpu_zeros(d, bytes);
    if (state)
        state->device = d;
    return state;
}

void cpu_state_free(void *state)
{
    if (state)
        kaon_free(((cpu_state *)state)->device->host, state);
}

kaon_status cpu_no_memory(kaon_diag *diag, const char *op)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "no memory to prepare '%s'", op);
}

static const kaon_attr *find_attr(const kaon_step *step, const char *name)
{
    for (int32_t i = 0; i < step->attr_count; i++) {
        const char *at = (const char *)step->attrs + (uint64_t)i * step->attr_stride;
        const kaon_attr *attr = (const kaon_attr *)at;
        if (!strcmp(attr->name, name))
            return attr;
    }
    return NULL;
}

int64_t cpu_attr_int(const kaon_step *step, const char *name, int64_t fallback)
{
    const kaon_attr *attr = find_attr(step, name);
    return attr ? attr->integer : fallback;
}

const int64_t *cpu_attr_ints(const kaon_step *step, const char *name, int64_t *count)
{
    const kaon_attr *attr = find_attr(step, name);
    *count = attr ? attr->count : 0;
    return attr ? attr->at : NULL;
}

int32_t cpu_attr_axis(const kaon_step *step, const char *name, int32_t rank)
{
    const int64_t axis = cpu_attr_int(step, name, 0);
    return (int32_t)(axis < 0 ? axis + rank : axis);
}

int64_t cpu_count(const kaon_operand *a)
{
    int64_t count = 1;
    for (int32_t i = 0; i < a->rank; i++)
        count *= a->shape[i];
    return count;
}

int32_t cpu_is_contiguous(const kaon_operand *a)
{
    int64_t stride = 1;
    for (int32_t i = a->rank - 1; i >= 0; i--) {
        if (a->shape[i] != 1 && a->strides[i] != stride)
            return 0;
        stride *= a->shape[i];
    }
    return 1;
}

void cpu_for(const cpu_device *d, int32_t lane, int64_t count, kaon_task *task, void *context)
{
    if (d->parallel && count > 1) {
        d->parallel->run(d->host, count, task, context);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        task(context, i, lane);
}

int32_t cpu_all_contiguous(const kaon_step *step)
{
    for (int32_t i = 0; i < step->input_count + step->output_count; i++)
        if (!cpu_is_contiguous(cpu_operand(step, i)))
            return 0;
    return 1;
}

cpu_lines cpu_lines_of(const kaon_operand *a, int32_t axis)
{
    cpu_lines lines = {1, a->shape[axis], 1};
    for (int32_t i = 0; i < axis; i++)
        lines.outer *= a->shape[i];
    for (int32_t i = axis + 1; i < a->rank; i++)
        lines.inner *= a->shape[i];
    return lines;
}

/* --- items ------------------------------------------------------------------------------------ */

typedef struct work_run {
    const cpu_work *work;
    const kaon_launch *launch;
} work_run;

static void run_chunk(void *context, int64_t index, int32_t lane)
{
    const work_run *r = context;
    const cpu_work *w = r->work;
    const int64_t first = index * w->chunk, end = first + w->chunk;
    w->run(w, r->launch, first, end < w->items ? end : w->items,
           w->lane_scratch + (uint64_t)lane * w->scratch_bytes);
}

static kaon_status launch_work(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_work *w = state;
    if (w->tiled) {
        w->run(w, l, 0, l->rows * w->items_per_row, l->scratch);
        return KAON_OK;
    }
    work_run r = {w, l};
    cpu_for(w->state.device, l->lane, (w->items + w->chunk - 1) / w->chunk, run_chunk, &r);
    return KAON_OK;
}

static void release_work(void *state)
{
    cpu_work *w = state;
    if (!w)
        return;
    kaon_free(w->state.device->host, w->lane_scratch);
    cpu_state_free(w);
}

kaon_status cpu_work_ready(const cpu_device *d, const kaon_step *step, cpu_work *w, int64_t numbers,
                           kaon_kernel *out, kaon_diag *diag)
{
    enum { CHUNK_NUMBERS = 64 * 1024 };
    const kaon_operand *result = cpu_output(step, 0);
    w->inputs = step->input_count;
    w->tiled = (step->flags & KAON_STEP_ROWS) != 0;
    if (w->tiled && result->rank > 0 && result->shape[0] > 0)
        w->items_per_row = w->items / result->shape[0];
    w->chunk = CHUNK_NUMBERS / (numbers > 0 ? numbers : 1);
    if (w->chunk < 1)
        w->chunk = 1;
    if (!w->tiled) {
        w->lane_scratch = kaon_alloc(d->host, w->scratch_bytes * (uint64_t)d->lanes);
        if (!w->lane_scratch) {
            release_work(w);
            return cpu_no_memory(diag, step->op);
        }
    }
    out->state = w;
    out->release = release_work;
    out->launch = launch_work;
    out->scratch_bytes = w->tiled ? w->scratch_bytes : 0;
    return KAON_OK;
}
