/* vulkan.c: the Vulkan backend: tensors in device memory, kernels as compute shaders.
 *
 * What a device cannot compute (types it lacks, linear algebra) `supports` says no to; the kernel
 * of Kaon then decomposes the operation or hands it to the processor.
 */
#include "vulkan.h"

#include <stdio.h>
#include <string.h>

static const kaon_option options[] = {
    KAON_BOOL(vulkan_config, validate, 0,
              .help = "make any message of the validation layers a failure"),
    KAON_TEXTS(vulkan_config, without, "[]",
               .help =
                   "types to leave to the processor, as on a device that lacks them: [f64, i64]"),
    KAON_INT(vulkan_config, memory, 0, .max = 1 << 30, .unit = "MiB",
             .help = "device memory to use at most; 0: all there is"),
    KAON_TEXT(vulkan_config, cache, "",
              .help = "folder of compiled shaders; empty: kaon/vulkan in the user's cache"),
    KAON_INT(vulkan_config, lose_after, 0, .max = 1 << 30, .flags = KAON_OPTION_EXPERT,
             .help = "launches after which the device counts as lost, for tests; 0: never"),
    KAON_BOOL(vulkan_config, as_hardware, 0, .flags = KAON_OPTION_EXPERT,
              .help = "kernels of hardware on a software device too, for tests"),
    {0},
};

static kaon_status device_facts(void *device, kaon_device_facts *out, kaon_diag *diag)
{
    const vulkan_device *d = device;
    (void)diag;
    out->device_type = KAON_DEVICE_VULKAN;
    out->memory_bytes = d->memory_bytes;
    out->tile_bytes = 0;
    out->host_memory = 0;
    out->dtypes = d->dtypes;
    snprintf(out->name, sizeof out->name, "%s", d->name);
    out->rank = d->rank;
    return KAON_OK;
}

typedef kaon_status prepare_call(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                 kaon_diag *diag);

static prepare_call *find(const vulkan_device *d, const kaon_step *step)
{
    const int32_t is_fused = !strcmp(step->op, "fused");
    if (step->flags & KAON_STEP_ROWS || vulkan_step_dtypes(step) & ~d->dtypes)
        return NULL;
    for (int32_t i = 0; i < step->input_count + step->output_count; i++) {
        const vulkan_extent e = vulkan_reach(vulkan_operand(step, i));
        if (e.high - e.low >= INT32_MAX)
            return NULL;
    }
    if (vulkan_find_code(step))
        return vulkan_prepare_code;
    if (is_fused)
        return vulkan_supports_fused(step) ? vulkan_prepare_fused : NULL;
    if (!strcmp(step->op, "matmul"))
        return vulkan_supports_matmul(step) ? vulkan_prepare_matmul : NULL;
    return !step->fused && vulkan_has_kernel(d, step) ? vulkan_prepare_kernel : NULL;
}

static int32_t step_supports(void *device, const kaon_step *step)
{
    return find(device, step) != NULL;
}

static kaon_status step_prepare(void *device, const kaon_step *step, kaon_kernel *out,
                                kaon_diag *diag)
{
    vulkan_task *t = NULL;
    prepare_call *call = find(device, step);
    if (!call)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the Vulkan backend has no kernel for this '%s'",
                         step->op);
    const kaon_status status = call(device, step, &t, diag);
    if (status) {
        vulkan_task_free(t);
        return status;
    }
    out->launch = vulkan_launch;
    out->state = t;
    out->release = vulkan_task_free;
    out->scratch_bytes = t->scratch_bytes;
    return KAON_OK;
}

// Devices of the machine without opening one: a processor that plays a device is no gain.
static int32_t rank_here(void)
{
    return vulkan_has_hardware() ? 200 : 10;
}

static const kaon_backend backend = {
    .size = sizeof backend,
    .settings_size = sizeof(vulkan_config),
    .options = options,
    .help = "compute shaders on any device with Vulkan 1.2",
    .rank = 200,
    .open = vulkan_device_open,
    .close = vulkan_device_close,
    .facts = device_facts,
    .alloc = vulkan_memory_alloc,
    .free = vulkan_memory_free,
    .copy = vulkan_memory_copy,
    .supports = step_supports,
    .prepare = step_prepare,
    .wait = vulkan_wait,
    .capture_begin = vulkan_capture_begin,
    .capture_end = vulkan_capture_end,
    .replay = vulkan_replay,
    .recording_free = vulkan_recording_free,
    .elapsed = vulkan_elapsed,
    .rank_here = rank_here,
};

#define ITEMS(item) item(KAON_BACKEND, "vulkan", &backend)

KAON_PLUGIN("vulkan", "0.1.0", "Apache-2.0",
            "backend: compute shaders on any device with Vulkan 1.2", ITEMS, NULL)
