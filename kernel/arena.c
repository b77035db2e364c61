/* arena.c: memory that is given back all at once: blocks that double, cut from the front. */
#include "kernel/arena.h"

#include <string.h>

#include "kernel/memory.h"

struct kn_arena_block {
    struct kn_arena_block *before;
    size_t used; // bytes of the block, this head included
    size_t room;
};

enum { FIRST_BLOCK = 16 << 10, LARGEST_BLOCK = 1 << 20, HEAD = 64 };

static struct kn_arena_block *add_block(kn_arena *arena, size_t bytes)
{
    size_t room = arena->last ? arena->last->room * 2 : FIRST_BLOCK;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    if (room < bytes + HEAD)
        room = bytes + HEAD;
    struct kn_arena_block *block = kn_alloc_zero(room);
    if (!block)
        return NULL;
    block->used = HEAD;
    block->room = room;
    block->before = arena->last;
    return arena->last = block;
}

void *kn_arena_take(kn_arena *arena, size_t bytes)
{
    const size_t align = bytes >= 1024 ? 64 : 16;
    if (bytes > SIZE_MAX / 2)
        return NULL;
    struct kn_arena_block *block = arena->last;
    size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;
    if (!block || at > block->room || bytes > block->room - at) {
        block = add_block(arena, bytes);
        if (!block)
            return NULL;
        at = block->used;
    }
    block->used = at + bytes;
    return (char *)block + at;
}

void *kn_arena_array(kn_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    return kn_mul_size(count, bytes, &total) ? kn_arena_take(arena, total) : NULL;
}

void *kn_arena_copy(kn_arena *arena, const void *from, size_t bytes)
{
    void *copy = kn_arena_take(arena, bytes);
    if (copy && bytes)
        memcpy(copy, from, bytes);
    return copy;
}

char *kn_arena_text(kn_arena *arena, const char *text)
{
    return kn_arena_copy(arena, text, strlen(text) + 1);
}

void kn_arena_free(kn_arena *arena)
{
    while (arena->last) {
        struct kn_arena_block *before = arena->last->before;
        kn_free(arena->last);
        arena->last = before;
    }
}
