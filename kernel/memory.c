/* memory.c: the kernel's allocator.
 *
 * Each block is preceded by 64 bytes that hold its size, so that it stays aligned, can be resized
 * and is counted. Whoever allocates does so outside running steps, so the counters cost nothing
 * that matters.
 */
#include "kernel/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t bytes;
    char rest[KN_MEMORY_ALIGN - sizeof(size_t)];
} block_head;

_Static_assert(sizeof(block_head) == KN_MEMORY_ALIGN, "a block must stay aligned");

// Process-wide on purpose, like the heap they describe: counters, and the fault that tests plant.
static struct {
    _Atomic int64_t blocks, bytes, total;
    _Atomic int64_t countdown; // to the request that fails; 0: none
    _Atomic int32_t mode;
    _Atomic int64_t failed;
} state;

// 1 if a test asked for this request to fail.
static int32_t planted_failure(void)
{
    atomic_fetch_add_explicit(&state.total, 1, memory_order_relaxed);
    if (!atomic_load_explicit(&state.countdown, memory_order_relaxed))
        return 0;

    const int64_t left = atomic_fetch_sub(&state.countdown, 1) - 1;
    const int32_t on = atomic_load(&state.mode) == KN_FAIL_ON;
    if (left == 0 && on)
        atomic_store(&state.countdown, 1); // the next fails too
    if (left == 0)
        atomic_fetch_add(&state.failed, 1);
    return left == 0;
}

static void book(int64_t blocks, int64_t bytes)
{
    atomic_fetch_add_explicit(&state.blocks, blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&state.bytes, bytes, memory_order_relaxed);
}

static block_head *head_of(void *memory)
{
    return (block_head *)memory - 1;
}

// A block without bookkeeping; NULL where the size overflows or memory is out.
static block_head *take(size_t bytes)
{
    size_t all;
    void *memory = NULL;
    if (!kn_add_size(bytes, sizeof(block_head), &all) || all > PTRDIFF_MAX)
        return NULL;
    if (posix_memalign(&memory, KN_MEMORY_ALIGN, all))
        return NULL;
    block_head *head = memory;
    head->bytes = bytes;
    return head;
}

void *kn_alloc(size_t bytes)
{
    if (planted_failure())
        return NULL;
    block_head *head = take(bytes);
    if (!head)
        return NULL;
    book(1, (int64_t)bytes);
    return head + 1;
}

void *kn_alloc_zero(size_t bytes)
{
    void *memory = kn_alloc(bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *kn_alloc_array(size_t count, size_t bytes)
{
    size_t all;
    return kn_mul_size(count, bytes, &all) ? kn_alloc_zero(all) : NULL;
}

void *kn_resize(void *memory, size_t bytes)
{
    if (!memory)
        return kn_alloc(bytes);
    if (planted_failure())
        return NULL;

    block_head *old = head_of(memory);
    block_head *head = take(bytes);
    if (!head)
        return NULL;
    memcpy(head + 1, memory, old->bytes < bytes ? old->bytes : bytes);
    book(0, (int64_t)bytes - (int64_t)old->bytes);
    free(old);
    return head + 1;
}

void *kn_resize_array(void *memory, size_t count, size_t bytes)
{
    size_t all;
    return kn_mul_size(count, bytes, &all) ? kn_resize(memory, all) : NULL;
}

void kn_free(void *memory)
{
    if (!memory)
        return;
    block_head *head = head_of(memory);
    book(-1, -(int64_t)head->bytes);
    free(head);
}

size_t kn_block_bytes(const void *memory)
{
    return memory ? ((const block_head *)memory - 1)->bytes : 0;
}

char *kn_copy_text(const char *text)
{
    return text ? kn_copy_bytes(text, strlen(text)) : NULL;
}

char *kn_copy_bytes(const char *text, size_t bytes)
{
    char *copy = bytes < SIZE_MAX ? kn_alloc(bytes + 1) : NULL;
    if (!copy)
        return NULL;
    if (bytes)
        memcpy(copy, text, bytes);
    copy[bytes] = 0;
    return copy;
}

kaon_status kn_no_memory(kaon_diag *diag, const char *what)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %s", what);
}

kn_memory_counts kn_memory_count(void)
{
    return (kn_memory_counts){atomic_load(&state.blocks), atomic_load(&state.bytes),
                              atomic_load(&state.total)};
}

void kn_memory_fail(int64_t nth, int32_t mode)
{
    atomic_store(&state.mode, mode);
    atomic_store(&state.failed, 0);
    atomic_store(&state.countdown, nth);
}

int64_t kn_memory_failed(void)
{
    return atomic_load(&state.failed);
}
