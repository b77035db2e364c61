/* plain.c: the yardsticks: hand-written loops, OpenBLAS alone, what memory gives, a bare call. */
#include "bench.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2048, COUNT = 16384 * 1024, PARTS = 64 };

typedef struct {
    float *a;
    float *out;
    float part[PARTS * 16];
} arrays;

static kaon_status arrays_new(bench *b, int64_t count)
{
    arrays *s = calloc(1, sizeof *s);
    if (!s)
        return KAON_NO_MEMORY;
    s->a = aligned_alloc(64, sizeof(float) * (size_t)count);
    s->out = aligned_alloc(64, sizeof(float) * (size_t)count);
    b->state = s;
    if (!s->a || !s->out)
        return KAON_NO_MEMORY;
    bench_fill(s->a, count, 1);
    bench_fill(s->out, count, 2);
    return KAON_OK;
}

static kaon_status blas_set_up(bench *b)
{
    openblas_set_num_threads(b->threads);
    return arrays_new(b, N * N);
}

static void blas(bench *b)
{
    arrays *s = b->state;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, s->a, N, s->a, N, 0, s->out,
                N);
    b->check = s->out[0];
}

static kaon_status big_set_up(bench *b)
{
    return arrays_new(b, COUNT);
}

// What a person would write for the chain; the compiler makes vectors of it, as wide as there are.
__attribute__((target_clones("avx512f", "avx2", "default"))) static void
chain_task(void *context, int64_t index, int32_t lane)
{
    const arrays *s = context;
    const int64_t length = COUNT / PARTS;
    const float *restrict a = s->a + index * length;
    float *restrict out = s->out + index * length;
    (void)lane;
    for (int64_t i = 0; i < length; i++) {
        const float b = a[i] * 1.5f + 0.25f;
        const float c = fabsf((b > -0.5f ? b : -0.5f) * a[i] - 0.125f);
        const float d = c < 2 ? c : 2;
        out[i] = d * d;
    }
}

static void copy_task(void *context, int64_t index, int32_t lane)
{
    const arrays *s = context;
    const int64_t length = COUNT / PARTS;
    (void)lane;
    memcpy(s->out + index * length, s->a + index * length, (size_t)length * sizeof(float));
}

static void read_task(void *context, int64_t index, int32_t lane)
{
    arrays *s = context;
    const int64_t length = COUNT / PARTS;
    const float *a = s->a + index * length;
    float sums[64] = {0};
    (void)lane;
    for (int64_t i = 0; i < length; i += 64)
        for (int j = 0; j < 64; j++)
            sums[j] += a[i + j];
    for (int j = 1; j < 64; j++)
        sums[0] += sums[j];
    s->part[index * 16] = sums[0];
}

static void chain_c(bench *b)
{
    b->parallel->run(b->host, PARTS, chain_task, b->state);
    b->check = ((arrays *)b->state)->out[0];
}

static void copy(bench *b)
{
    b->parallel->run(b->host, PARTS, copy_task, b->state);
    b->check = ((arrays *)b->state)->out[0];
}

static void read_all(bench *b)
{
    b->parallel->run(b->host, PARTS, read_task, b->state);
    b->check = ((arrays *)b->state)->part[0];
}

static kaon_status one_event(bench *b, double *x)
{
    *x += b->threads;
    return KAON_OK;
}

typedef struct {
    kaon_status (*call)(bench *b, double *x);
} table;

enum { CALLS = 1000 };

static void call_table(bench *b)
{
    // Volatile: the compiler must not see through the table.
    static kaon_status (*volatile slot)(bench *, double *) = one_event;
    const table t = {slot};
    for (int i = 0; i < CALLS; i++)
        t.call(b, &b->check);
}

__attribute__((noinline)) static kaon_status direct(bench *b, double *x)
{
    *x += b->threads;
    return KAON_OK;
}

static void call_direct(bench *b)
{
    for (int i = 0; i < CALLS; i++)
        direct(b, &b->check);
}

const bench_row bench_plain[] = {
    {"openblas", blas_set_up, blas, 1, 0},
    {"chain_c", big_set_up, chain_c, 1, 0},
    {"copy", big_set_up, copy, 1, 0},
    {"read", big_set_up, read_all, 1, 0},
    {"call_table", NULL, call_table, CALLS, 1},
    {"call_direct", NULL, call_direct, CALLS, 1},
    {0},
};
