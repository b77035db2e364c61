/* memory.c: device memory: few large blocks, cut into spans; copies.
 *
 * A block is one allocation of the driver with one buffer over it. Its spans stand in a list in
 * order of address; a free neighbour is joined to what is freed.
 */
#include "vulkan.h"

#include <string.h>

enum { ALIGN = 256 };
#define BLOCK_BYTES   (UINT64_C(32) << 20)
#define STAGING_BYTES (UINT64_C(8) << 20)

typedef struct span span;
struct span {
    span *next;
    uint64_t at, bytes;
    int32_t is_used;
};

struct vulkan_block {
    vulkan_block *next;
    VkDeviceMemory memory;
    VkBuffer buffer;
    uint64_t address, bytes;
    char *mapped; // NULL: the host does not see it
    span *spans;
};

/* --- blocks ----------------------------------------------------------------------------------- */

static void block_free(vulkan_device *d, vulkan_block *b)
{
    while (b->spans) {
        span *next = b->spans->next;
        kaon_free(d->host, b->spans);
        b->spans = next;
    }
    if (b->buffer)
        d->vk.DestroyBuffer(d->device, b->buffer, NULL);
    if (b->memory)
        d->vk.FreeMemory(d->device, b->memory, NULL); // unmaps
    kaon_free(d->host, b);
}

static VkResult block_fill(vulkan_device *d, vulkan_block *b, int32_t kind)
{
    const VkBufferCreateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = b->bytes,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    };
    VkResult result = d->vk.CreateBuffer(d->device, &buffer, NULL, &b->buffer);
    if (result)
        return result;
    VkMemoryRequirements needs;
    d->vk.GetBufferMemoryRequirements(d->device, b->buffer, &needs);
    const VkMemoryAllocateFlagsInfo flags = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                             .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
    const VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                         .pNext = &flags,
                                         .allocationSize = needs.size,
                                         .memoryTypeIndex = d->type_of[kind]};
    if (!(needs.memoryTypeBits & 1u << d->type_of[kind]))
        return VK_ERROR_FEATURE_NOT_PRESENT;
    result = d->vk.AllocateMemory(d->device, &memory, NULL, &b->memory);
    if (!result)
        result = d->vk.BindBufferMemory(d->device, b->buffer, b->memory, 0);
    if (!result && (kind == VULKAN_ON_HOST || d->is_unified))
        result = d->vk.MapMemory(d->device, b->memory, 0, VK_WHOLE_SIZE, 0, (void **)&b->mapped);
    const VkBufferDeviceAddressInfo address = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = b->buffer};
    if (!result)
        b->address = d->vk.GetBufferDeviceAddress(d->device, &address);
    return result;
}

static span *span_new(const vulkan_device *d, uint64_t at, uint64_t bytes, span *next)
{
    span *s = kaon_alloc(d->host, sizeof *s);
    if (s)
        *s = (span){.next = next, .at = at, .bytes = bytes};
    return s;
}

static kaon_status out_of_memory(const vulkan_device *d, uint64_t bytes, kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY,
                     "out of device memory: %.1f MiB more than the %.1f MiB in use, of %.1f MiB; a "
                     "smaller batch needs less",
                     (double)bytes / 0x1p20, (double)d->allocated / 0x1p20,
                     (double)d->memory_bytes / 0x1p20);
}

static kaon_status block_new(vulkan_device *d, int32_t kind, uint64_t least, vulkan_block **out,
                             kaon_diag *diag)
{
    const uint64_t room =
        d->memory_bytes > d->allocated ? (d->memory_bytes - d->allocated) / ALIGN * ALIGN : 0;
    if (kind == VULKAN_ON_DEVICE && (least > room || least > d->block_limit))
        return out_of_memory(d, least, diag);
    vulkan_block *b = kaon_alloc(d->host, sizeof *b);
    if (!b)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for device memory");
    memset(b, 0, sizeof *b);
    b->bytes = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    if (kind == VULKAN_ON_DEVICE && b->bytes > room)
        b->bytes = least;
    b->spans = span_new(d, 0, b->bytes, NULL);
    const VkResult result = b->spans ? block_fill(d, b, kind) : VK_ERROR_OUT_OF_HOST_MEMORY;
    if (result) {
        block_free(d, b);
        return result == VK_ERROR_OUT_OF_DEVICE_MEMORY
                   ? out_of_memory(d, least, diag)
                   : vulkan_failed(d, result, "allocating device memory", diag);
    }
    if (kind == VULKAN_ON_DEVICE)
        d->allocated += b->bytes;
    b->next = d->blocks[kind];
    d->blocks[kind] = *out = b;
    return KAON_OK;
}

// The first free span that is large enough.
static span *fitting(const vulkan_block *b, uint64_t bytes)
{
    for (span *s = b->spans; s; s = s->next)
        if (!s->is_used && s->bytes >= bytes)
            return s;
    return NULL;
}

kaon_status vulkan_alloc(vulkan_device *d, int32_t kind, uint64_t bytes, uint64_t *address,
                         kaon_diag *diag)
{
    if (bytes > UINT64_MAX / 2)
        return out_of_memory(d, bytes, diag);
    const uint64_t whole = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    vulkan_block *b = d->blocks[kind];
    span *s = NULL;
    while (b && !(s = fitting(b, whole)))
        b = b->next;
    if (!s) {
        KAON_TRY(block_new(d, kind, whole, &b, diag));
        s = b->spans;
    }
    if (s->bytes > whole) {
        span *rest = span_new(d, s->at + whole, s->bytes - whole, s->next);
        if (!rest)
            return kaon_fail(diag, KAON_NO_MEMORY, "no memory for device memory");
        s->next = rest;
        s->bytes = whole;
    }
    s->is_used = 1;
    *address = b->address + s->at;
    return KAON_OK;
}

static vulkan_block *block_of(const vulkan_device *d, uint64_t address)
{
    for (int32_t kind = 0; kind < 2; kind++)
        for (vulkan_block *b = d->blocks[kind]; b; b = b->next)
            if (address >= b->address && address < b->address + b->bytes)
                return b;
    return NULL;
}

static void join(const vulkan_device *d, span *s)
{
    span *next = s->next;
    if (s->is_used || !next || next->is_used)
        return;
    s->bytes += next->bytes;
    s->next = next->next;
    kaon_free(d->host, next);
}

// A block that is all free is kept if it is the last of its kind: programs come and go.
static void drop_if_free(vulkan_device *d, vulkan_block *b)
{
    const int32_t is_free = !b->spans->is_used && !b->spans->next;
    for (int32_t kind = 0; kind < 2 && is_free; kind++) {
        for (vulkan_block **at = &d->blocks[kind]; *at; at = &(*at)->next) {
            if (*at != b || (at == &d->blocks[kind] && !b->next))
                continue;
            *at = b->next;
            d->allocated -= kind == VULKAN_ON_DEVICE ? b->bytes : 0;
            block_free(d, b);
            return;
        }
    }
}

void vulkan_free(vulkan_device *d, uint64_t address)
{
    vulkan_block *b = address ? block_of(d, address) : NULL;
    span *before = NULL;
    for (span *s = b ? b->spans : NULL; s; before = s, s = s->next) {
        if (b->address + s->at != address)
            continue;
        s->is_used = 0;
        join(d, s);
        if (before)
            join(d, before);
        drop_if_free(d, b);
        return;
    }
}

void *vulkan_mapped(const vulkan_device *d, uint64_t address)
{
    const vulkan_block *b = block_of(d, address);
    return b && b->mapped ? b->mapped + (address - b->address) : NULL;
}

VkBuffer vulkan_buffer(const vulkan_device *d, uint64_t address, uint64_t *offset)
{
    const vulkan_block *b = block_of(d, address);
    *offset = b ? address - b->address : 0;
    return b ? b->buffer : VK_NULL_HANDLE;
}

void vulkan_memory_close(vulkan_device *d)
{
    for (int32_t kind = 0; kind < 2; kind++)
        while (d->blocks[kind]) {
            vulkan_block *next = d->blocks[kind]->next;
            block_free(d, d->blocks[kind]);
            d->blocks[kind] = next;
        }
}

/* --- the backend's calls ---------------------------------------------------------------------- */

kaon_status vulkan_memory_alloc(void *device, uint64_t bytes, void **memory, kaon_diag *diag)
{
    vulkan_device *d = device;
    uint64_t address = 0;
    pthread_mutex_lock(&d->lock);
    const kaon_status status = vulkan_alloc(d, VULKAN_ON_DEVICE, bytes, &address, diag);
    pthread_mutex_unlock(&d->lock);
    *memory = (void *)(uintptr_t)address;
    return status;
}

void vulkan_memory_free(void *device, void *memory)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    vulkan_drain(d, NULL); // what is under way may still use it
    vulkan_free(d, (uint64_t)(uintptr_t)memory);
    pthread_mutex_unlock(&d->lock);
}

static kaon_status copy_buffers(vulkan_device *d, uint64_t to, uint64_t from, uint64_t bytes,
                                kaon_diag *diag)
{
    VkCommandBuffer commands;
    KAON_TRY(vulkan_commands(d, &commands, diag));
    const vulkan_range ranges[] = {{from, from + bytes, 0}, {to, to + bytes, 1}};
    vulkan_touch(d, commands, ranges, 2);
    VkBufferCopy region = {.size = bytes};
    const VkBuffer source = vulkan_buffer(d, from, &region.srcOffset);
    const VkBuffer target = vulkan_buffer(d, to, &region.dstOffset);
    d->vk.CmdCopyBuffer(commands, source, target, 1, &region);
    return KAON_OK;
}

static kaon_status open_staging(vulkan_device *d, kaon_diag *diag)
{
    return d->staging ? KAON_OK : vulkan_alloc(d, VULKAN_ON_HOST, STAGING_BYTES, &d->staging, diag);
}

// Through a ring in host memory; the source may be reused at once.
static kaon_status stage_in(vulkan_device *d, uint64_t to, const char *from, uint64_t bytes,
                            kaon_diag *diag)
{
    KAON_TRY(open_staging(d, diag));
    while (bytes) {
        if (d->staging_used >= STAGING_BYTES)
            KAON_TRY(vulkan_drain(d, diag)); // which empties the ring
        const uint64_t room = STAGING_BYTES - d->staging_used;
        const uint64_t part = bytes < room ? bytes : room;
        const uint64_t at = d->staging + d->staging_used;
        memcpy(vulkan_mapped(d, at), from, (size_t)part);
        d->staging_used += (part + ALIGN - 1) / ALIGN * ALIGN;
        KAON_TRY(copy_buffers(d, to, at, part, diag));
        from += part;
        to += part;
        bytes -= part;
    }
    return KAON_OK;
}

static kaon_status stage_out(vulkan_device *d, char *to, uint64_t from, uint64_t bytes,
                             kaon_diag *diag)
{
    KAON_TRY(open_staging(d, diag));
    KAON_TRY(vulkan_drain(d, diag));
    while (bytes) {
        const uint64_t part = bytes < STAGING_BYTES ? bytes : STAGING_BYTES;
        KAON_TRY(copy_buffers(d, d->staging, from, part, diag));
        KAON_TRY(vulkan_drain(d, diag));
        memcpy(to, vulkan_mapped(d, d->staging), (size_t)part);
        to += part;
        from += part;
        bytes -= part;
    }
    return KAON_OK;
}

static kaon_status copy(vulkan_device *d, int32_t direction, void *to, const void *from,
                        uint64_t bytes, kaon_diag *diag)
{
    const uint64_t source = (uint64_t)(uintptr_t)from, target = (uint64_t)(uintptr_t)to;
    if (bytes == 0)
        return KAON_OK;
    if (direction == KAON_ON_DEVICE)
        return source == target ? KAON_OK : copy_buffers(d, target, source, bytes, diag);
    if (d->recording)
        return kaon_fail(diag, KAON_UNSUPPORTED, "copies from and to the host cannot be recorded");
    if (!d->is_unified)
        return direction == KAON_TO_DEVICE ? stage_in(d, target, from, bytes, diag)
                                           : stage_out(d, to, source, bytes, diag);
    KAON_TRY(vulkan_drain(d, diag));
    const void *own = vulkan_mapped(d, direction == KAON_TO_DEVICE ? target : source);
    if (!own)
        return kaon_fail(diag, KAON_INTERNAL, "a copy from or to what is no memory of the device");
    if (direction == KAON_TO_DEVICE)
        memcpy((void *)(uintptr_t)own, from, (size_t)bytes);
    else
        memcpy(to, own, (size_t)bytes);
    return KAON_OK;
}

kaon_status vulkan_memory_copy(void *device, int32_t direction, void *to, const void *from,
                               uint64_t bytes, kaon_diag *diag)
{
    vulkan_device *d = device;
    pthread_mutex_lock(&d->lock);
    const kaon_status status = copy(d, direction, to, from, bytes, diag);
    pthread_mutex_unlock(&d->lock);
    return status;
}
