/* stream.c: command buffers: what is launched is written down and run in order, in batches or, once
 * recorded, whole steps at a time.
 *
 * Barriers come from what commands read and write: one is put where a command touches what an
 * earlier one wrote, or writes what an earlier one touched, since the last barrier. Each command
 * buffer begins with one, which orders it after all that was submitted before.
 */
#include "vulkan.h"

#include <string.h>
#include <time.h>

enum {
    LAUNCHES_PER_BATCH = 256,    // then the device gets something to do
    PARAMETER_BYTES = 64 * 1024, // of one batch, and of one piece of a recording's
    MOST_PARAMETERS = 4096,      // bytes of one command
    MOST_PIECES = 64
};

struct vulkan_recording {
    VkCommandBuffer commands;
    VkFence fence;
    int32_t is_pending;
    int32_t piece_count;
    uint64_t run_at; // address of the run's number
    uint64_t pieces[MOST_PIECES];
    uint64_t used; // of the last piece
};

/* --- opening ---------------------------------------------------------------------------------- */

static VkResult commands_new(vulkan_device *d, VkCommandBuffer *commands, VkFence *fence)
{
    const VkCommandBufferAllocateInfo info = {.sType =
                                                  VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                              .commandPool = d->pool,
                                              .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                              .commandBufferCount = 1};
    const VkFenceCreateInfo plain = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    const VkResult result = d->vk.AllocateCommandBuffers(d->device, &info, commands);
    return result ? result : d->vk.CreateFence(d->device, &plain, NULL, fence);
}

kaon_status vulkan_stream_open(vulkan_device *d, kaon_diag *diag)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                          .queueFamilyIndex = d->family};
    VkResult result = d->vk.CreateCommandPool(d->device, &pool, NULL, &d->pool);
    for (int32_t i = 0; !result && i < VULKAN_BATCHES; i++)
        result = commands_new(d, &d->batches[i].commands, &d->batches[i].fence);
    const VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                           .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                           .queryCount = 2};
    if (!result && d->limits.timestampComputeAndGraphics)
        result = d->vk.CreateQueryPool(d->device, &queries, NULL, &d->queries);
    if (result)
        return vulkan_failed(d, result, "opening a queue", diag);
    for (int32_t i = 0; i < VULKAN_BATCHES; i++)
        KAON_TRY(vulkan_alloc(d, VULKAN_ON_HOST, PARAMETER_BYTES, &d->batches[i].parameters, diag));
    return KAON_OK;
}

void vulkan_stream_close(vulkan_device *d)
{
    for (int32_t i = 0; i < VULKAN_BATCHES; i++)
        if (d->batches[i].fence)
            d->vk.DestroyFence(d->device, d->batches[i].fence, NULL);
    if (d->queries)
        d->vk.DestroyQueryPool(d->device, d->queries, NULL);
    if (d->pool)
        d->vk.DestroyCommandPool(d->device, d->pool, NULL);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void barrier(vulkan_device *d, VkCommandBuffer commands)
{
    const VkMemoryBarrier all = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                         VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                         VK_ACCESS_HOST_READ_BIT};
    const VkPipelineStageFlags work =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    d->vk.CmdPipelineBarrier(commands, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &all, 0, NULL,
                             0, NULL);
    d->range_count = 0;
}

static int32_t clashes(const vulkan_device *d, const vulkan_range *r)
{
    for (int32_t i = 0; i < d->range_count; i++) {
        const vulkan_range *old = &d->ranges[i];
        if ((r->is_write || old->is_write) && r->from < old->to && old->from < r->to)
            return 1;
    }
    return 0;
}

void vulkan_touch(vulkan_device *d, VkCommandBuffer commands, const vulkan_range *ranges,
                  int32_t count)
{
    int32_t needs = d->range_count + count > VULKAN_RANGES;
    for (int32_t i = 0; i < count && !needs; i++)
        needs = clashes(d, &ranges[i]);
    if (needs)
        barrier(d, commands);
    for (int32_t i = 0; i < count && count <= VULKAN_RANGES; i++)
        d->ranges[d->range_count++] = ranges[i];
    if (count > VULKAN_RANGES) // more than can be remembered: the next one waits for this one
        d->ranges[d->range_count++] = (vulkan_range){0, UINT64_MAX, 1};
}

static kaon_status lost(const vulkan_device *d, kaon_diag *diag)
{
    return d->is_lost
               ? kaon_fail(diag, KAON_DEVICE,
                           "%s was lost: reset, removed or hung; what was saved is kept, and "
                           "the run can go on with --resume, on another backend too",
                           d->name)
               : KAON_OK;
}

static kaon_status wait_for(vulkan_device *d, VkFence fence, kaon_diag *diag)
{
    VkResult result = d->vk.WaitForFences(d->device, 1, &fence, VK_TRUE, UINT64_MAX);
    if (!result)
        result = d->vk.ResetFences(d->device, 1, &fence);
    return result ? vulkan_failed(d, result, "waiting for the device", diag) : KAON_OK;
}

static kaon_status begin(vulkan_device *d, VkCommandBuffer commands, VkCommandBufferUsageFlags use,
                         kaon_diag *diag)
{
    const VkCommandBufferBeginInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                           .flags = use};
    const VkResult result = d->vk.BeginCommandBuffer(commands, &info);
    if (result)
        return vulkan_failed(d, result, "beginning a batch", diag);
    barrier(d, commands);
    return KAON_OK;
}

static kaon_status submit(vulkan_device *d, VkCommandBuffer commands, VkFence fence,
                          kaon_diag *diag)
{
    const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                               .commandBufferCount = 1,
                               .pCommandBuffers = &commands};
    const VkResult result = d->vk.QueueSubmit(d->queue, 1, &info, fence);
    return result ? vulkan_failed(d, result, "giving work to the device", diag) : KAON_OK;
}

// Ends the open batch and hands it over; the next one becomes current.
static kaon_status submit_batch(vulkan_device *d, kaon_diag *diag)
{
    vulkan_batch *b = &d->batches[d->current];
    if (!b->is_open)
        return KAON_OK;
    b->is_open = 0;
    if (b->is_timed)
        d->vk.CmdWriteTimestamp(b->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, d->queries, 1);
    const VkResult result = d->vk.EndCommandBuffer(b->commands);
    if (result)
        return vulkan_failed(d, result, "ending a batch", diag);
    KAON_TRY(submit(d, b->commands, b->fence, diag));
    b->is_pending = 1;
    d->current = (d->current + 1) % VULKAN_BATCHES;
    return KAON_OK;
}

static kaon_status open_batch(vulkan_device *d, kaon_diag *diag)
{
    vulkan_batch *b = &d->batches[d->current];
    if (b->is_pending)
        KAON_TRY(wait_for(d, b->fence, diag));
    b->is_pending = b->launches = 0;
    b->parameters_used = 0;
    KAON_TRY(begin(d, b->commands, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT, diag));
    b->is_open = 1;
    b->is_timed = d->is_timing && d->queries;
    if (b->is_timed) {
        d->vk.CmdResetQueryPool(b->commands, d->queries, 0, 2);
        d->vk.CmdWriteTimestamp(b->commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, d->queries, 0);
    }
    return KAON_OK;
}

kaon_status vulkan_commands(vulkan_device *d, VkCommandBuffer *out, kaon_diag *diag)
{
    KAON_TRY(lost(d, diag));
    if (d->recording) {
        *out = d->recording->commands;
        return KAON_OK;
    }
    vulkan_batch *b = &d->batches[d->current];
    const int32_t is_full =
        b->launches >= LAUNCHES_PER_BATCH || b->parameters_used + MOST_PARAMETERS > PARAMETER_BYTES;
    if (b->is_open && is_full && !b->is_timed) {
        KAON_TRY(submit_batch(d, diag));
        b = &d->batches[d->current];
    }
    if (!b->is_open)
        KAON_TRY(open_batch(d, diag));
    b->launches++;
    *out = b->commands;
    return KAON_OK;
}

kaon_status vulkan_drain(vulkan_device *d, kaon_diag *diag)
{
    KAON_TRY(lost(d, diag));
    KAON_TRY(submit_batch(d, diag));
    for (int32_t i = 0; i < VULKAN_BATCHES; i++) {
        vulkan_batch *b = &d->batches[i];
        if (b->is_pending)
            KAON_TRY(wait_for(d, b->fence, diag));
        b->is_pending = 0;
    }
    if (d->replaying)
        KAON_TRY(wait_for(d, d->replaying->fence, diag));
    if (d->replaying)
        d->replaying->is_pending = 0;
    d->replaying = NULL;
    d->staging_used = 0;
    return vulkan_complaint(d, diag);
}

kaon_status vulkan_wait(void *device, kaon_diag *diag)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    const kaon_status status = vulkan_drain(d, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}

/* --- parameters ------------------------------------------------------------------------------- */

static kaon_status recording_room(vulkan_device *d, uint64_t bytes, uint64_t *address,
                                  kaon_diag *diag)
{
    vulkan_recording *r = d->recording;
    if (r->piece_count == 0 || r->used + bytes > PARAMETER_BYTES) {
        if (r->piece_count == MOST_PIECES)
            return kaon_fail(diag, KAON_UNSUPPORTED, "the program is too long to be recorded");
        KAON_TRY(
            vulkan_alloc(d, VULKAN_ON_HOST, PARAMETER_BYTES, &r->pieces[r->piece_count], diag));
        r->piece_count++;
        r->used = 0;
    }
    *address = r->pieces[r->piece_count - 1] + r->used;
    r->used += bytes;
    return KAON_OK;
}

kaon_status vulkan_parameters(vulkan_device *d, const void *data, uint64_t bytes, uint64_t *address,
                              kaon_diag *diag)
{
    const uint64_t room = (bytes + 63) / 64 * 64;
    vulkan_batch *b = &d->batches[d->current];
    if (d->recording) {
        KAON_TRY(recording_room(d, room, address, diag));
    } else {
        *address = b->parameters + b->parameters_used;
        b->parameters_used += room;
    }
    memcpy(vulkan_mapped(d, *address), data, (size_t)bytes);
    return KAON_OK;
}

kaon_status vulkan_run_number(vulkan_device *d, uint64_t run, uint64_t *address, kaon_diag *diag)
{
    if (!d->recording)
        return vulkan_parameters(d, &run, sizeof run, address, diag);
    *address = d->recording->run_at;
    return KAON_OK;
}

/* --- recordings ------------------------------------------------------------------------------- */

static void recording_free(vulkan_device *d, vulkan_recording *r)
{
    for (int32_t i = 0; i < r->piece_count; i++)
        vulkan_free(d, r->pieces[i]);
    vulkan_free(d, r->run_at);
    if (r->fence)
        d->vk.DestroyFence(d->device, r->fence, NULL);
    if (r->commands)
        d->vk.FreeCommandBuffers(d->device, d->pool, 1, &r->commands);
    kaon_free(d->host, r);
}

static kaon_status recording_begin(vulkan_device *d, kaon_diag *diag)
{
    KAON_TRY(vulkan_drain(d, diag));
    vulkan_recording *r = kaon_alloc(d->host, sizeof *r);
    if (!r)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a recording");
    memset(r, 0, sizeof *r);
    const VkResult result = commands_new(d, &r->commands, &r->fence);
    kaon_status status = result ? vulkan_failed(d, result, "beginning a recording", diag) : KAON_OK;
    if (!status)
        status = vulkan_alloc(d, VULKAN_ON_HOST, sizeof(uint64_t), &r->run_at, diag);
    if (!status)
        status = begin(d, r->commands, 0, diag);
    if (status)
        recording_free(d, r);
    else
        d->recording = r;
    return status;
}

kaon_status vulkan_capture_begin(void *device, kaon_diag *diag)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    const kaon_status status = recording_begin(d, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}

kaon_status vulkan_capture_end(void *device, void **recording, kaon_diag *diag)
{
    vulkan_device *d = device;
    *recording = NULL;
    pthread_mutex_lock(&d->lock);
    vulkan_recording *r = d->recording;
    d->recording = NULL;
    d->range_count = 0;
    const VkResult result = d->vk.EndCommandBuffer(r->commands);
    const kaon_status status =
        result ? vulkan_failed(d, result, "ending a recording", diag) : vulkan_complaint(d, diag);
    if (status)
        recording_free(d, r);
    else
        *recording = r;
    pthread_mutex_unlock(&d->lock);
    return status;
}

static kaon_status replay(vulkan_device *d, vulkan_recording *r, uint64_t run, kaon_diag *diag)
{
    KAON_TRY(lost(d, diag));
    KAON_TRY(submit_batch(d, diag));
    if (r->is_pending)
        KAON_TRY(wait_for(d, r->fence, diag));
    r->is_pending = 0;
    memcpy(vulkan_mapped(d, r->run_at), &run, sizeof run);
    KAON_TRY(submit(d, r->commands, r->fence, diag));
    r->is_pending = 1;
    d->replaying = r;
    return KAON_OK;
}

kaon_status vulkan_replay(void *device, void *recording, uint64_t run, kaon_diag *diag)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    const kaon_status status = replay(d, recording, run, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}

void vulkan_recording_free(void *device, void *recording)
{
    vulkan_device *d = device;
    vulkan_recording *r = recording;
    if (!r)
        return;
    pthread_mutex_lock(&d->lock);
    if (r->is_pending && !d->is_lost)
        wait_for(d, r->fence, NULL);
    if (d->replaying == r)
        d->replaying = NULL;
    recording_free(d, r);
    pthread_mutex_unlock(&d->lock);
}

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t read_timestamps(vulkan_device *d)
{
    uint64_t at[2] = {0, 0};
    if (d->vk.GetQueryPoolResults(d->device, d->queries, 0, 2, sizeof at, at, sizeof at[0],
                                  VK_QUERY_RESULT_64_BIT))
        return 0;
    return (uint64_t)((double)(at[1] - at[0]) * (double)d->limits.timestampPeriod);
}

/* Device time of what was launched since the last call; the first one begins. A device without
 * timestamps is watched by the host's clock. */
kaon_status vulkan_elapsed(void *device, uint64_t *nanoseconds, kaon_diag *diag)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    const vulkan_batch *b = &d->batches[d->current];
    const int32_t has_work = b->is_open;
    const int32_t is_timed = has_work && b->is_timed;
    const uint64_t start = now();
    const kaon_status status = vulkan_drain(d, diag);
    *nanoseconds = status || !has_work ? 0 : is_timed ? read_timestamps(d) : now() - start;
    d->is_timing = 1;
    pthread_mutex_unlock(&d->lock);
    return status;
}
