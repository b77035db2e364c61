/* random.c: the steps "random_bits" and "random_uniform".
 *
 * Word i of an operation is word i % 4 of the Philox block with counter (i / 4 as 64 bits, stream,
 * run) under the run's seed, as op.h states: the same numbers for any tiles and threads.
 */
#include "cpu.h"

#include <kaon/random.h>

typedef struct random_state {
    cpu_work work;
    uint32_t key[2];
    uint32_t stream;
    int32_t dtype;   // of the output
    int32_t bytes;   // of its elements
    int32_t words;   // for one element
    int64_t per_row; // elements, to count from the tile's first row
} random_state;

enum { AT_ONCE = 256 }; // words drawn at a time

/* Words first .. first + 255; `first` is a multiple of 4. The blocks lie side by side, so that the
 * rounds become vectors. */
static void draw(const random_state *s, uint64_t first, uint32_t run, uint32_t words[AT_ONCE])
{
    enum { BLOCKS = AT_ONCE / 4 };
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    for (uint32_t b = 0; b < BLOCKS; b++) {
        const uint64_t block = first / 4 + b;
        c0[b] = (uint32_t)block;
        c1[b] = (uint32_t)(block >> 32);
        c2[b] = s->stream;
        c3[b] = run;
    }
    uint32_t k0 = s->key[0], k1 = s->key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (uint32_t b = 0; b < BLOCKS; b++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[b], p1 = (uint64_t)0xCD9E8D57u * c2[b];
            c0[b] = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0;
            c2[b] = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
            c1[b] = (uint32_t)p1;
            c3[b] = (uint32_t)p0;
        }
    for (uint32_t b = 0; b < BLOCKS; b++) {
        words[4 * b] = c0[b];
        words[4 * b + 1] = c1[b];
        words[4 * b + 2] = c2[b];
        words[4 * b + 3] = c3[b];
    }
}

/* One element. Half precisions take as many bits as they hold, so that none rounds up to 1. */
static void put(const random_state *s, void *to, const uint32_t *word)
{
    switch (s->dtype) {
    case KAON_F32:
        *(float *)to = kaon_uniform_f32(word[0]);
        return;
    case KAON_F64:
        *(double *)to = kaon_uniform_f64(word[0], word[1]);
        return;
    case KAON_F16:
    case KAON_BF16: {
        const int32_t bits = s->dtype == KAON_F16 ? 11 : 8;
        const float x = (float)(word[0] >> (32 - bits)) / (float)(1 << bits);
        s->work.state.device->set->casts[KAON_F32][s->dtype](to, &x, 1);
        return;
    }
    default:
        *(uint32_t *)to = word[0];
    }
}

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    (void)scratch;
    const random_state *s = (const random_state *)w;
    const int64_t shift = w->tiled ? l->first_row * s->per_row : 0;
    char *out = l->operands[0];
    for (int64_t i = first; i < end;) {
        uint32_t words[AT_ONCE];
        const uint64_t word = (uint64_t)(shift + i) * (uint64_t)s->words;
        const uint64_t start = word & ~(uint64_t)3;
        draw(s, start, (uint32_t)l->run, words);
        int64_t count = (int64_t)(start + AT_ONCE - word) / s->words;
        count = count < end - i ? count : end - i;
        for (int64_t e = 0; e < count; e++)
            put(s, out + (i + e) * s->bytes, words + (word - start) + (uint64_t)(e * s->words));
        i += count;
    }
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    random_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *o = cpu_output(step, 0);
    s->key[0] = (uint32_t)step->seed;
    s->key[1] = (uint32_t)(step->seed >> 32);
    s->stream = (uint32_t)cpu_attr_int(step, "stream", 0);
    s->dtype = o->dtype;
    s->bytes = (int32_t)kaon_dtype_bytes(o->dtype);
    s->words = o->dtype == KAON_F64 ? 2 : 1;
    s->work.items = cpu_count(o);
    s->per_row = o->rank && o->shape[0] ? s->work.items / o->shape[0] : 1;
    s->work.run = run;
    return cpu_work_ready(d, step, &s->work, 4, out, diag);
}

static int32_t supports_bits(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_output(step, 0)->dtype == KAON_U32 && cpu_all_contiguous(step);
}

static int32_t supports_uniform(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return kaon_dtype_is_float(cpu_output(step, 0)->dtype) && cpu_all_contiguous(step);
}

const cpu_op cpu_random_ops[] = {
    {"random_bits", supports_bits, prepare},
    {"random_uniform", supports_uniform, prepare},
    {0},
};
