/* spill.h: memory of columns that goes to files where it would be too much.
 *
 * A spill has a limit. Blocks made with it are memory as long as all of them together stay below
 * it; one that would not is pages of a nameless file instead, which the system writes out and reads
 * back as it likes. Who uses a block sees no difference, and no result depends on where it lies.
 * The disk's room is reserved when a block grows, so a full disk is an error and never a signal.
 */
#ifndef KN_SPILL_H
#define KN_SPILL_H

#include <kaon/base.h>

typedef struct kn_spill kn_spill;

/* Counted. `folder` is made when it is first needed. [any] */
kaon_status kn_spill_new(const char *folder, uint64_t limit, kn_spill **out, kaon_diag *diag);
kn_spill *kn_spill_retain(kn_spill *spill);     // takes NULL; returns it [any]
void kn_spill_release(kn_spill *spill);         // takes NULL [any]
uint64_t kn_spill_limit(const kn_spill *spill); // UINT64_MAX for NULL [any]

/* Bytes of its blocks that lie in memory now. [any] */
uint64_t kn_spill_used(const kn_spill *spill);

/* Start with {0}, or {.spill = ...}: it is retained when memory is taken. */
typedef struct kn_block {
    void *at;
    size_t bytes;
    size_t mapped;   // pages of a file, 0: of kn_alloc
    kn_spill *spill; // NULL: memory, always
    int32_t file;    // of a block that can still grow: descriptor + 1
    int32_t counted; // the spill was retained
} kn_block;

/* Grows or shrinks; what it held stays, what is added is not cleared. On failure, in words, it is
 * as it was. bytes 0 gives a block too. [instance] */
kaon_status kn_block_resize(kn_block *block, size_t bytes, const char *what, kaon_diag *diag);

/* The same, and all bytes are 0. Only for a new one. */
kaon_status kn_block_clear(kn_block *block, size_t bytes, const char *what, kaon_diag *diag);

/* The last growth is done: gives the descriptor back. */
void kn_block_settle(kn_block *block);

/* A block over memory of kn_alloc that somebody else made. */
kn_block kn_block_of(void *memory);

/* Pages of a file from `at` on, a multiple of KN_BLOCK_ALIGN, to be read only. [any] */
kaon_status kn_block_map(int file, uint64_t at, size_t bytes, kn_block *out, kaon_diag *diag);

enum { KN_BLOCK_ALIGN = 65536 }; // no machine has larger pages

void kn_block_free(kn_block *block); // {0} again

#endif
