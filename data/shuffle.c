/* shuffle.c: the order of an epoch, fixed by seed and epoch, drawn as far as it is needed. */
#include "data/shuffle.h"

#include <kaon/random.h>

#include "kernel/memory.h"

enum { OF_BLOCKS = 0x5D }; // tells the order of blocks from that of rows

// Four random words for the places 4 block .. 4 block + 3 of an epoch; `retry` makes others.
static void draw(const kn_shuffler *s, uint32_t block, uint32_t retry, uint32_t out[4])
{
    const uint64_t epoch = (uint64_t)s->epoch;
    const uint32_t counter[4] = {block, retry, (uint32_t)epoch, (uint32_t)(epoch >> 32)};
    const uint32_t key[2] = {(uint32_t)s->seed, (uint32_t)(s->seed >> 32)};
    kaon_philox(counter, key, out);
}

// A number below n, without bias (Lemire, arXiv:1805.10941), for one place.
static uint32_t below(const kn_shuffler *s, uint32_t place, uint32_t word, uint32_t n)
{
    uint64_t product = (uint64_t)word * n;
    if ((uint32_t)product >= n)
        return (uint32_t)(product >> 32);
    const uint32_t threshold = (0u - n) % n;
    for (uint32_t retry = 1; (uint32_t)product < threshold; retry++) {
        uint32_t words[4];
        draw(s, place / 4, retry, words);
        product = (uint64_t)words[place % 4] * n;
    }
    return (uint32_t)(product >> 32);
}

// Fisher and Yates: settles the places `drawn` .. `end` - 1, drawing from those up to `last`.
static void settle(kn_shuffler *s, int64_t end, int64_t last)
{
    uint32_t words[4];
    const int64_t base = s->window_first;
    while (s->drawn < end) {
        uint32_t place = (uint32_t)s->drawn;
        draw(s, place / 4, 0, words);
        const int64_t stop = end < (place | 3) + 1LL ? end : (place | 3) + 1LL;
        for (; place < stop; place++) {
            const uint32_t n = (uint32_t)(last - place);
            const uint32_t other = place + below(s, place, words[place % 4], n);
            const uint32_t kept = s->order[place - base];
            s->order[place - base] = s->order[other - base];
            s->order[other - base] = kept;
        }
        s->drawn = stop;
    }
}

/* --- windows ---------------------------------------------------------------------------------- */

// The rows of the next blocks, as many as a window holds.
static void open_window(kn_shuffler *s, int64_t first)
{
    const int64_t left = s->rows - first, count = left < s->window ? left : s->window;
    s->window_first = first;
    s->drawn = first;
    for (int64_t filled = 0; filled < count;) {
        const int64_t block = s->blocks[s->cursor], begin = block * s->block;
        const int64_t end = begin + s->block < s->rows ? begin + s->block : s->rows;
        int64_t row = begin + s->used;
        for (; row < end && filled < count; row++)
            s->order[filled++] = (uint32_t)row;
        s->used = row < end ? row - begin : 0;
        s->cursor += row == end;
    }
    settle(s, first + count, first + count);
}

/* --- the calls -------------------------------------------------------------------------------- */

kaon_status kn_shuffler_init(kn_shuffler *s, uint64_t seed, int64_t rows, int64_t window,
                             int64_t block, kaon_diag *diag)
{
    *s = (kn_shuffler){.seed = seed, .rows = rows, .window = window, .block = block};
    if (rows > UINT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld rows to shuffle; at most 2^32 - 1 can be",
                         (long long)rows);
    s->order = kn_alloc_array((size_t)(window ? window : rows), sizeof *s->order);
    s->block_count = window ? (rows + block - 1) / block : 0;
    s->blocks = window ? kn_alloc_array((size_t)s->block_count, sizeof *s->blocks) : NULL;
    if (s->order && (s->blocks || !window))
        return KAON_OK;
    kn_shuffler_fini(s);
    return kn_no_memory(diag, "the order of rows");
}

void kn_shuffler_fini(kn_shuffler *s)
{
    kn_free(s->order);
    kn_free(s->blocks);
    *s = (kn_shuffler){0};
}

void kn_shuffler_begin(kn_shuffler *s, int64_t epoch)
{
    s->epoch = epoch;
    s->drawn = s->window_first = s->cursor = s->used = 0;
    if (s->window)
        kn_shuffle(s->seed ^ OF_BLOCKS, epoch, s->block_count, s->blocks);
    for (int64_t i = 0; s->order && !s->window && i < s->rows; i++)
        s->order[i] = (uint32_t)i;
}

const uint32_t *kn_shuffler_rows(kn_shuffler *s, int64_t first, int64_t end, int32_t *opened)
{
    *opened = s->window && (first == 0 || first - s->window_first >= s->window);
    if (*opened)
        open_window(s, first);
    else if (!s->window)
        settle(s, end, s->rows);
    return s->order + (first - s->window_first);
}

void kn_shuffle(uint64_t seed, int64_t epoch, int64_t rows, uint32_t *order)
{
    kn_shuffler s = {.order = order, .seed = seed, .rows = rows};
    kn_shuffler_begin(&s, epoch);
    settle(&s, rows, rows);
}
