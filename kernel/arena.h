/* arena.h: memory that is given back all at once: the nodes of a graph, a tree of configuration.
 *
 * Start with {0}. NULL always means that there is no memory.
 */
#ifndef KN_ARENA_H
#define KN_ARENA_H

#include <kaon/base.h>

typedef struct kn_arena {
    struct kn_arena_block *last;
} kn_arena;

/* Cleared; aligned to 16 bytes, to 64 from 1024 bytes on. [instance] */
void *kn_arena_take(kn_arena *arena, size_t bytes);

/* count * bytes, cleared; NULL also where the product overflows. [instance] */
void *kn_arena_array(kn_arena *arena, size_t count, size_t bytes);

/* A copy. [instance] */
void *kn_arena_copy(kn_arena *arena, const void *from, size_t bytes);
char *kn_arena_text(kn_arena *arena, const char *text);

/* Gives everything back; the arena is {0} again. */
void kn_arena_free(kn_arena *arena);

#endif
