/* random.h: the one random generator: Philox4x32-10, counter based, so that every backend and every
 * number of threads draws the same numbers. Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", doi:10.1145/2063384.2063405.
 */
#ifndef KAON_RANDOM_H
#define KAON_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Four random words from a counter and a key. [any]
static inline void kaon_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

// Uniform in [0, 1): 24 bits for single, 53 bits for double precision. [any]
static inline float kaon_uniform_f32(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

static inline double kaon_uniform_f64(uint32_t high, uint32_t low)
{
    return (double)((((uint64_t)high << 32) | low) >> 11) * 0x1p-53;
}

/* A stream for sequential use: `seed` and `stream` choose it, `at` counts the draws. */
typedef struct kaon_random_stream {
    uint64_t seed;
    uint64_t stream;
    uint64_t at; // words drawn so far
} kaon_random_stream;

static inline uint32_t kaon_random_word(kaon_random_stream *r)
{
    const uint64_t block = r->at >> 2;
    uint32_t counter[4], key[2], out[4];
    counter[0] = (uint32_t)block;
    counter[1] = (uint32_t)(block >> 32);
    counter[2] = (uint32_t)r->stream;
    counter[3] = (uint32_t)(r->stream >> 32);
    key[0] = (uint32_t)r->seed;
    key[1] = (uint32_t)(r->seed >> 32);
    kaon_philox(counter, key, out);
    return out[r->at++ & 3];
}

// Uniform in [0, 1).
static inline double kaon_random_uniform(kaon_random_stream *r)
{
    const uint32_t high = kaon_random_word(r);
    return kaon_uniform_f64(high, kaon_random_word(r));
}

// Uniform integer in [0, n), n > 0, without bias (Lemire, arXiv:1805.10941).
static inline uint32_t kaon_random_below(kaon_random_stream *r, uint32_t n)
{
    uint64_t m = (uint64_t)kaon_random_word(r) * n;
    if ((uint32_t)m < n) {
        const uint32_t threshold = (0u - n) % n;
        while ((uint32_t)m < threshold)
            m = (uint64_t)kaon_random_word(r) * n;
    }
    return (uint32_t)(m >> 32);
}

#ifdef __cplusplus
}
#endif
#endif
