/* memory.h: the one allocator of the kernel: blocks aligned to 64 bytes, counted, able to fail.
 *
 * All calls may come from any thread. NULL means that there is no memory; the caller says so with
 * kn_no_memory, or returns KAON_NO_MEMORY.
 */
#ifndef KN_MEMORY_H
#define KN_MEMORY_H

#include <kaon/base.h>

enum { KN_MEMORY_ALIGN = 64 };

/* Not cleared. bytes 0 gives a block too, so that NULL always means failure. */
void *kn_alloc(size_t bytes);

/* Cleared. */
void *kn_alloc_zero(size_t bytes);

/* count * bytes, cleared; NULL also where the product overflows. */
void *kn_alloc_array(size_t count, size_t bytes);

/* Like realloc: NULL allocates, on failure the old block stays. What is added is not cleared. */
void *kn_resize(void *memory, size_t bytes);

/* Like realloc for arrays; NULL also where the product overflows. */
void *kn_resize_array(void *memory, size_t count, size_t bytes);

/* Takes NULL. */
void kn_free(void *memory);

/* The bytes asked for when the block was made or last resized; 0 for NULL. */
size_t kn_block_bytes(const void *memory);

/* A copy of a text (NULL stays NULL, which then is no failure), to be freed with kn_free. */
char *kn_copy_text(const char *text);

/* The same for the first `bytes` bytes of it; a zero byte is added. */
char *kn_copy_bytes(const char *text, size_t bytes);

/* Writes "out of memory for <what>" and returns KAON_NO_MEMORY. */
kaon_status kn_no_memory(kaon_diag *diag, const char *what);

// a * b or a + b into *out; 0 if it does not fit.
static inline int kn_mul_size(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return 0;
    *out = a * b;
    return 1;
}

static inline int kn_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return 0;
    *out = a + b;
    return 1;
}

/* --- for tests -------------------------------------------------------------------------------- */

typedef struct kn_memory_counts {
    int64_t blocks; // alive now
    int64_t bytes;  // in them
    int64_t total;  // allocations and resizes asked for since the process began
} kn_memory_counts;

kn_memory_counts kn_memory_count(void);

enum { KN_FAIL_ONCE = 0, KN_FAIL_ON = 1 };

/* Lets the nth request from here fail (1: the next), only that one or it and all after it.
 * 0: no request fails. */
void kn_memory_fail(int64_t nth, int32_t mode);

/* The number of requests that failed so since the last kn_memory_fail. */
int64_t kn_memory_failed(void);

#endif
