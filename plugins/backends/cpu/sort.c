/* sort.c: "sort" and "argsort", stable, NaN last; and the keys that put numbers of any type in
 * order.
 *
 * A line is turned into pairs of key and index. Few pairs are merged, many go through a radix sort,
 * byte by byte from the last, which skips bytes that all keys share.
 */
#include "keys.h"

#include <string.h>

/* --- keys ------------------------------------------------------------------------------------- */

/* The bits of a float, read as sign and size, grow with the number once negative ones are turned
 * over and the others moved above them. */
static uint64_t key_of_bits(uint64_t bits, uint64_t sign, uint64_t infinity, uint64_t nan)
{
    const uint64_t size = bits & (sign - 1);
    if (size > infinity)
        return nan;
    return bits & sign && size ? sign - 1 - size : sign + size;
}

#define KEYS(type, expression)                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                              \
        type a;                                                                                    \
        memcpy(&a, (const char *)from + i * stride * (int64_t)sizeof a, sizeof a);                 \
        keys[i] = expression;                                                                      \
    }                                                                                              \
    return

void cpu_keys(int32_t dtype, const void *from, int64_t stride, int64_t n, uint64_t nan,
              uint64_t *keys)
{
    const uint64_t top = (uint64_t)1 << 63;
    switch (dtype) {
    case KAON_F32:
        KEYS(uint32_t, key_of_bits(a, 0x80000000u, 0x7f800000u, nan));
    case KAON_F64:
        KEYS(uint64_t, key_of_bits(a, top, 0x7ff0000000000000u, nan));
    case KAON_F16:
        KEYS(uint16_t, key_of_bits(a, 0x8000u, 0x7c00u, nan));
    case KAON_BF16:
        KEYS(uint16_t, key_of_bits(a, 0x8000u, 0x7f80u, nan));
    case KAON_I8:
        KEYS(int8_t, (uint64_t)a + top);
    case KAON_I16:
        KEYS(int16_t, (uint64_t)a + top);
    case KAON_I32:
        KEYS(int32_t, (uint64_t)a + top);
    case KAON_I64:
        KEYS(int64_t, (uint64_t)a + top);
    case KAON_U16:
        KEYS(uint16_t, a);
    case KAON_U32:
        KEYS(uint32_t, a);
    case KAON_U64:
        KEYS(uint64_t, a);
    default:
        KEYS(uint8_t, a);
    }
}

/* --- pairs ------------------------------------------------------------------------------------ */

typedef struct pair {
    uint64_t key;
    int64_t index;
} pair;

enum { RUN = 16, FEW = 512 };

static void insertion_sort(pair *p, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const pair moving = p[i];
        int64_t j = i;
        for (; j > 0 && moving.key < p[j - 1].key; j--)
            p[j] = p[j - 1];
        p[j] = moving;
    }
}

static void merge(const pair *left, int64_t nl, const pair *right, int64_t nr, pair *out)
{
    int64_t i = 0, j = 0;
    while (i < nl && j < nr)
        *out++ = right[j].key < left[i].key ? right[j++] : left[i++];
    memcpy(out, left + i, (size_t)(nl - i) * sizeof *out);
    memcpy(out + (nl - i), right + j, (size_t)(nr - j) * sizeof *out);
}

/* Sorts n pairs, with room for as many; returns which of both places holds them. */
static pair *merge_sort(pair *p, pair *room, int64_t n)
{
    for (int64_t i = 0; i < n; i += RUN)
        insertion_sort(p + i, n - i < RUN ? n - i : RUN);
    for (int64_t width = RUN; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width) {
            const int64_t nl = n - i < width ? n - i : width;
            const int64_t nr = n - i - nl < width ? n - i - nl : width;
            merge(p + i, nl, p + i + nl, nr, room + i);
        }
        pair *sorted = room;
        room = p;
        p = sorted;
    }
    return p;
}

static pair *radix_sort(pair *p, pair *room, int64_t n)
{
    uint64_t ones = 0, zeros = 0;
    for (int64_t i = 0; i < n; i++) {
        ones |= p[i].key;
        zeros |= ~p[i].key;
    }
    const uint64_t differs = ones & zeros;
    for (int shift = 0; shift < 64; shift += 8) {
        if (!(differs >> shift & 0xff))
            continue;
        int64_t at[256] = {0};
        for (int64_t i = 0; i < n; i++)
            at[p[i].key >> shift & 0xff]++;
        int64_t before = 0;
        for (int d = 0; d < 256; d++) {
            const int64_t count = at[d];
            at[d] = before;
            before += count;
        }
        for (int64_t i = 0; i < n; i++)
            room[at[p[i].key >> shift & 0xff]++] = p[i];
        pair *sorted = room;
        room = p;
        p = sorted;
    }
    return p;
}

/* --- the steps -------------------------------------------------------------------------------- */

typedef struct sort_state {
    cpu_work work;
    cpu_lines lines;
    int32_t dtype, bytes;
    int32_t descending;
    int32_t indices; // 1: argsort
} sort_state;

static const pair *sort_line(const sort_state *s, const char *from, char *scratch)
{
    const int64_t n = s->lines.n;
    pair *p = (pair *)(void *)scratch, *room = p + n;
    uint64_t *keys = (uint64_t *)(void *)(room + n);
    cpu_keys(s->dtype, from, s->lines.inner, n, UINT64_MAX, keys);
    for (int64_t i = 0; i < n; i++) {
        // NaN stays behind whichever way the others are turned.
        p[i].key = s->descending && keys[i] != UINT64_MAX ? UINT64_MAX - 1 - keys[i] : keys[i];
        p[i].index = i;
    }
    return n < FEW ? merge_sort(p, room, n) : radix_sort(p, room, n);
}

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    const sort_state *s = (const sort_state *)w;
    const int64_t n = s->lines.n, inner = s->lines.inner;
    for (int64_t line = first; line < end; line++) {
        const int64_t at = line / inner * n * inner + line % inner;
        const char *from = (const char *)l->operands[0] + at * s->bytes;
        const pair *sorted = sort_line(s, from, scratch);
        int64_t *indices = (int64_t *)l->operands[1] + at;
        // The line may be sorted in place, so it is read from a copy.
        char *copy = scratch + 2 * n * (int64_t)sizeof(pair);
        char *to = (char *)l->operands[1] + at * s->bytes;
        for (int64_t i = 0; !s->indices && i < n; i++)
            memcpy(copy + i * s->bytes, from + i * inner * s->bytes, (size_t)s->bytes);
        for (int64_t i = 0; i < n; i++)
            if (s->indices)
                indices[i * inner] = sorted[i].index;
            else
                memcpy(to + i * inner * s->bytes, copy + sorted[i].index * s->bytes,
                       (size_t)s->bytes);
    }
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, int32_t indices,
                           kaon_kernel *out, kaon_diag *diag)
{
    sort_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *a = cpu_operand(step, 0);
    s->lines = cpu_lines_of(a, cpu_attr_axis(step, "axis", a->rank));
    s->dtype = a->dtype;
    s->bytes = (int32_t)kaon_dtype_bytes(a->dtype);
    s->descending = cpu_attr_int(step, "descending", 0) != 0;
    s->indices = indices;
    s->work.items = s->lines.outer * s->lines.inner;
    s->work.run = run;
    s->work.scratch_bytes =
        ((uint64_t)s->lines.n * (2 * sizeof(pair) + sizeof(uint64_t)) + 63) & ~(uint64_t)63;
    return cpu_work_ready(d, step, &s->work, s->lines.n * 16, out, diag);
}

static kaon_status prepare_sort(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                kaon_diag *diag)
{
    return prepare(d, step, 0, out, diag);
}

static kaon_status prepare_argsort(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                   kaon_diag *diag)
{
    return prepare(d, step, 1, out, diag);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_all_contiguous(step);
}

const cpu_op cpu_sort_ops[] = {
    {"sort", supports, prepare_sort},
    {"argsort", supports, prepare_argsort},
    {0},
};
