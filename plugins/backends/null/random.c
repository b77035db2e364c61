/* random.c: words of Philox, numbered, so that every backend draws the same. */
#include "null.h"

#include <kaon/random.h>

// Word `index` of a stream in a run: word index % 4 of block index / 4.
static uint32_t word(const null_task *t, uint64_t run, uint64_t index)
{
    const uint64_t block = index / 4;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32),
                                 (uint32_t)null_attr_int(t, "stream"), (uint32_t)run};
    const uint32_t key[2] = {(uint32_t)t->seed, (uint32_t)(t->seed >> 32)};
    uint32_t out[4];
    kaon_philox(counter, key, out);
    return out[index % 4];
}

static void run_bits(null_task *t, const kaon_launch *l)
{
    const null_tensor *out = null_out(t, 0);
    const int64_t count = null_count(out);
    for (int64_t i = 0; i < count; i++)
        ((uint32_t *)(void *)out->data)[i] = word(t, l->run, (uint64_t)i);
}

// As many bits as the type holds, so that nothing rounds up to 1.
static double uniform(const null_task *t, uint64_t run, uint64_t i)
{
    switch (null_out(t, 0)->dtype) {
    case KAON_F64:
        return kaon_uniform_f64(word(t, run, 2 * i), word(t, run, 2 * i + 1));
    case KAON_F16:
        return (double)(word(t, run, i) >> 21) * 0x1p-11;
    case KAON_BF16:
        return (double)(word(t, run, i) >> 24) * 0x1p-8;
    default:
        return (double)kaon_uniform_f32(word(t, run, i));
    }
}

static void run_uniform(null_task *t, const kaon_launch *l)
{
    const null_tensor *out = null_out(t, 0);
    const int64_t count = null_count(out);
    const int64_t bytes = (int64_t)kaon_dtype_bytes(out->dtype);
    for (int64_t i = 0; i < count; i++)
        null_store(out->dtype, out->data + i * bytes,
                   (null_number){uniform(t, l->run, (uint64_t)i), 0});
}

const null_op null_random[] = {
    {"random_bits", run_bits, 0},
    {"random_uniform", run_uniform, 0},
    {NULL, NULL, 0},
};
