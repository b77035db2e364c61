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
