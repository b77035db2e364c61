/* step.c: prepared steps: which pipelines run over which addresses, and how they are launched. */
#include "vulkan.h"

#include <string.h>

const kaon_operand *vulkan_operand(const kaon_step *step, int32_t index)
{
    const char *at = (const char *)step->operands + (size_t)index * step->operand_stride;
    return (const kaon_operand *)(const void *)at;
}

const kaon_attr *vulkan_attr(const kaon_step *step, const char *name)
{
    for (int32_t i = 0; i < step->attr_count; i++) {
        const char *at = (const char *)step->attrs + (size_t)i * step->attr_stride;
        const kaon_attr *a = (const kaon_attr *)(const void *)at;
        if (!strcmp(a->name, name))
            return a;
    }
    return NULL;
}

int64_t vulkan_attr_int(const kaon_step *step, const char *name)
{
    const kaon_attr *a = vulkan_attr(step, name);
    return a ? a->integer : 0;
}

int64_t vulkan_count(const kaon_operand *o)
{
    int64_t count = 1;
    for (int32_t i = 0; i < o->rank; i++)
        count *= o->shape[i];
    return count;
}

// Elements before and after the first that the strides reach.
vulkan_extent vulkan_reach(const kaon_operand *o)
{
    vulkan_extent e = {0, 1};
    for (int32_t i = 0; i < o->rank; i++) {
        if (o->shape[i] == 0)
            return (vulkan_extent){0, 0};
        const int64_t far = (o->shape[i] - 1) * o->strides[i];
        e.low += far < 0 ? far : 0;
        e.high += far > 0 ? far : 0;
    }
    return e;
}

uint32_t vulkan_groups(const vulkan_device *d, uint64_t count, uint32_t per_group)
{
    // A processor that plays a device has few threads; a device has work for many groups.
    const uint64_t most = d->is_software ? 64 : 65535;
    const uint64_t groups = (count + per_group - 1) / per_group;
    return (uint32_t)(groups < most ? groups ? groups : 1 : most);
}

/* --- tasks ------------------------------------------------------------------------------------ */

void vulkan_task_free(void *task)
{
    vulkan_task *t = task;
    if (!t)
        return;
    const kaon_host *host = t->device->host;
    if (t->geometry) {
        pthread_mutex_lock(&t->device->lock);
        vulkan_drain(t->device, NULL);
        vulkan_free(t->device, t->geometry);
        pthread_mutex_unlock(&t->device->lock);
    }
    kaon_free(host, t->passes);
    kaon_free(host, t->extents);
    kaon_free(host, t);
}

kaon_status vulkan_task_new(vulkan_device *d, const kaon_step *step, int32_t passes,
                            vulkan_task **out, kaon_diag *diag)
{
    const int32_t count = step->input_count + step->output_count;
    vulkan_task *t = kaon_alloc(d->host, sizeof *t);
    *out = NULL;
    if (!t)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a step");
    memset(t, 0, sizeof *t);
    t->device = d;
    t->operand_count = count;
    t->extents = kaon_alloc(d->host, (uint64_t)count * sizeof *t->extents);
    t->passes = kaon_alloc(d->host, (uint64_t)passes * sizeof *t->passes);
    if (!t->extents || !t->passes) {
        vulkan_task_free(t);
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a step");
    }
    memset(t->passes, 0, (size_t)passes * sizeof *t->passes);
    for (int32_t i = 0; i < count; i++) {
        const kaon_operand *o = vulkan_operand(step, i);
        const int64_t bytes = (int64_t)kaon_dtype_bytes(o->dtype);
        const vulkan_extent e = vulkan_reach(o);
        t->extents[i] = (vulkan_extent){e.low * bytes, e.high * bytes};
    }
    *out = t;
    return KAON_OK;
}

int32_t vulkan_scratch(vulkan_task *t, uint64_t bytes)
{
    t->scratch_at[t->scratch_count] = t->scratch_bytes;
    t->scratch_size[t->scratch_count] = bytes;
    t->scratch_bytes += (bytes + 255) / 256 * 256;
    return -1 - t->scratch_count++;
}

vulkan_pass *vulkan_pass_add(vulkan_task *t, VkPipeline pipeline, uint32_t x, uint32_t y,
                             uint32_t z)
{
    vulkan_pass *p = &t->passes[t->pass_count++];
    p->pipeline = pipeline;
    p->groups[0] = x;
    p->groups[1] = y;
    p->groups[2] = z;
    return p;
}

/* --- launching -------------------------------------------------------------------------------- */

typedef struct {
    const vulkan_task *task;
    const kaon_launch *launch;
    VkCommandBuffer commands;
    uint64_t run_at;
} launching;

// The range of addresses an operand of a pass reaches.
static vulkan_range range_of(const launching *x, int32_t operand)
{
    const vulkan_task *t = x->task;
    if (operand <= VULKAN_GEOMETRY) {
        const uint64_t number = (uint64_t)(VULKAN_GEOMETRY - operand);
        const uint64_t at = t->geometry + number * t->geometry_bytes;
        return (vulkan_range){at, at, 0};
    }
    if (operand == VULKAN_RUN)
        return (vulkan_range){x->run_at, x->run_at, 0};
    if (operand < 0) {
        const uint64_t at = (uint64_t)(uintptr_t)x->launch->scratch + t->scratch_at[-1 - operand];
        return (vulkan_range){at, at + t->scratch_size[-1 - operand], 0};
    }
    const uint64_t first = (uint64_t)(uintptr_t)x->launch->operands[operand];
    return (vulkan_range){first + (uint64_t)t->extents[operand].low,
                          first + (uint64_t)t->extents[operand].high, 0};
}

static kaon_status launch_pass(launching *x, const vulkan_pass *p, kaon_diag *diag)
{
    vulkan_device *d = x->task->device;
    vulkan_range ranges[VULKAN_MOST_OPERANDS];
    uint64_t push[VULKAN_MOST_OPERANDS];
    KAON_TRY(vulkan_commands(d, &x->commands, diag));
    if (x->task->is_random)
        KAON_TRY(vulkan_run_number(d, x->launch->run, &x->run_at, diag));
    for (int32_t i = 0; i < p->operand_count; i++) {
        ranges[i] = range_of(x, p->operands[i]);
        ranges[i].is_write = i >= p->first_write;
        push[i] = ranges[i].from;
    }
    uint64_t bytes = (uint64_t)p->operand_count * sizeof *push;
    if (p->operand_count > VULKAN_PUSH_OPERANDS) {
        KAON_TRY(vulkan_parameters(d, push, bytes, &push[0], diag));
        bytes = sizeof *push;
    }
    memcpy((char *)push + bytes, p->tail, p->tail_count * sizeof *p->tail);
    bytes += p->tail_count * sizeof *p->tail;
    vulkan_touch(d, x->commands, ranges, p->operand_count);
    d->vk.CmdBindPipeline(x->commands, VK_PIPELINE_BIND_POINT_COMPUTE, p->pipeline);
    d->vk.CmdPushConstants(x->commands, d->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, (uint32_t)bytes,
                           push);
    d->vk.CmdDispatch(x->commands, p->groups[0], p->groups[1], p->groups[2]);
    return KAON_OK;
}

static kaon_status launch_all(const vulkan_task *t, const kaon_launch *l, kaon_diag *diag)
{
    launching x = {.task = t, .launch = l};
    vulkan_device *d = t->device;
    if (d->config.lose_after && ++d->launched > d->config.lose_after)
        d->is_lost = 1;
    for (int32_t i = 0; i < t->pass_count; i++)
        KAON_TRY(launch_pass(&x, &t->passes[i], diag));
    return KAON_OK;
}

kaon_status vulkan_launch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const vulkan_task *t = state;
    pthread_mutex_lock(&t->device->lock);
    const kaon_status status = launch_all(t, l, diag);
    pthread_mutex_unlock(&t->device->lock);
    return status;
}
