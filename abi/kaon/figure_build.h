/* figure_build.h: what figures need to describe themselves: scratch memory, bins, histograms.
 *
 * Functions of the plugin's own, on the memory of its host.
 */
#ifndef KAON_FIGURE_BUILD_H
#define KAON_FIGURE_BUILD_H

#include <kaon/figure.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- memory that goes all at once ------------------------------------------------------------- */

/* Start with {host}; free it in any case. A failure is kept, so that a row of calls needs one
 * check. */
typedef struct kaon_scratch {
    const kaon_host *host;
    void *last;
    int32_t failed;
} kaon_scratch;

// Cleared; NULL: no memory. [instance]
static inline void *kaon_scratch_take(kaon_scratch *s, int64_t count, uint64_t bytes)
{
    const uint64_t head = 64; // keeps what follows aligned
    const uint64_t n = count > 0 ? (uint64_t)count : 1;
    char *block = n < UINT64_MAX / 2 / (bytes + 1)
                      ? (char *)s->host->resize(s->host, NULL, head + n * bytes)
                      : NULL;
    if (!block) {
        s->failed = 1;
        return NULL;
    }
    memset(block + head, 0, (size_t)(n * bytes));
    memcpy(block, &s->last, sizeof s->last);
    s->last = block;
    return block + head;
}

static inline double *kaon_scratch_doubles(kaon_scratch *s, int64_t count)
{
    return (double *)kaon_scratch_take(s, count, sizeof(double));
}

static inline void kaon_scratch_free(kaon_scratch *s)
{
    while (s->last) {
        void *block = s->last;
        memcpy(&s->last, block, sizeof s->last);
        kaon_free(s->host, block);
    }
}

static inline kaon_status kaon_scratch_status(const kaon_scratch *s, kaon_diag *diag)
{
    return s->failed ? kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a figure") : KAON_OK;
}

/* --- bins ------------------------------------------------------------------------------------- */

enum { KAON_BINS_MOST = 120, KAON_BINS_LOOK = 20000 };

typedef struct kaon_bins {
    int32_t count;
    int32_t whole; // 1: one bin per whole number
    double low;
    double high;
} kaon_bins;

static inline int kaon_bins_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The next of 1, 2, 2.5, 5, 10 times a power of ten.
static inline double kaon_bins_step(double at_least)
{
    const double decade = pow(10, floor(log10(at_least)));
    const double share = at_least / decade;
    return decade * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 2.5 ? 2.5 : share <= 5 ? 5 : 10);
}

/* About `wanted` bins with round edges for `count` numbers, the i-th at values[i * stride]: all but
 * the outer half per cent on each side lie inside; whole numbers of a small range get a bin each.
 * Not finite ones do not count. [any] */
static inline kaon_bins kaon_bins_for(kaon_scratch *s, int64_t count, const double *values,
                                      int64_t stride, int32_t wanted)
{
    kaon_bins bins = {1, 0, 0, 1};
    const int64_t every = count / KAON_BINS_LOOK + 1;
    double *sorted = kaon_scratch_doubles(s, count / every + 1);
    int64_t n = 0;
    int32_t whole = 1;
    for (int64_t i = 0; sorted && i < count; i += every)
        if (isfinite(values[i * stride])) {
            whole &= values[i * stride] == floor(values[i * stride]);
            sorted[n++] = values[i * stride];
        }
    if (!n)
        return bins;
    qsort(sorted, (size_t)n, sizeof *sorted, kaon_bins_order);
    if (whole && sorted[n - 1] - sorted[0] < 50) {
        bins.whole = 1;
        bins.low = sorted[0] - 0.5;
        bins.high = sorted[n - 1] + 0.5;
        bins.count = (int32_t)(bins.high - bins.low + 0.5);
        return bins;
    }
    const double low = sorted[n / 200], high = sorted[n - 1 - n / 200];
    const double span = high > low ? high - low : fabs(low) > 0 ? fabs(low) : 1;
    const double step = kaon_bins_step(span / wanted);
    bins.low = floor(low / step) * step;
    bins.count = (int32_t)fmin(ceil((high - bins.low) / step), KAON_BINS_MOST);
    bins.count = bins.count < 1 ? 1 : bins.count;
    bins.high = bins.low + bins.count * step;
    return bins;
}

/* count + 1 edges. */
static inline void kaon_bins_edges(const kaon_bins *b, double *edges)
{
    for (int32_t i = 0; i <= b->count; i++)
        edges[i] = b->low + (b->high - b->low) * i / b->count;
}

/* -1: outside, or no number. The upper end of the last bin belongs to it. */
static inline int32_t kaon_bins_find(const kaon_bins *b, double value)
{
    if (!(value >= b->low && value <= b->high))
        return -1;
    const int32_t bin = (int32_t)((value - b->low) / (b->high - b->low) * b->count);
    return bin < b->count ? bin : b->count - 1;
}

/* Adds a weight to its bin, and its square, whose root is the bin's uncertainty. */
static inline void kaon_bins_add(const kaon_bins *b, double value, double weight, double *sum,
                                 double *square)
{
    const int32_t bin = kaon_bins_find(b, value);
    if (bin < 0)
        return;
    sum[bin] += weight;
    square[bin] += weight * weight;
}

#ifdef __cplusplus
}
#endif
#endif
