/* sobol.c: points that fill the cube evenly: the Sobol sequence, shifted at random.
 *
 * Direction numbers of Joe and Kuo, "Constructing Sobol sequences with better two-dimensional
 * projections", doi:10.1137/070709359, file new-joe-kuo-6.21201, first 37 dimensions; the order of
 * the points is that of the Gray code (Antonov and Saleev). The shift flips the same random bits in
 * all points (a digital shift): the evenness stays, and the corner 0, 0, ... is no point of it.
 */
#include <kaon/random.h>
#include <kaon/search.h>

#include <string.h>

enum { TRIALS = 32, BITS = 32, AXES = 37 };

typedef struct {
    int32_t shift;
} config;

static const kaon_option options[] = {
    KAON_BOOL(config, shift, 1, .help = "by random bits, fixed by the seed"),
    {0},
};

// s, a and m of dimensions 2, 3, ... in the notation of the paper.
typedef struct {
    uint32_t degree, coefficients;
    uint32_t initial[7];
} direction;

// clang-format off
static const direction directions[AXES - 1] = {
    {1, 0, {1}},    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
    {7, 7, {1, 1, 3, 13, 7, 35, 63}},    {7, 8, {1, 3, 5, 9, 1, 25, 53}},
    {7, 14, {1, 3, 1, 13, 9, 35, 107}},    {7, 19, {1, 3, 1, 5, 27, 61, 31}},
    {7, 21, {1, 1, 5, 11, 19, 41, 61}},    {7, 28, {1, 3, 5, 3, 3, 13, 69}},
    {7, 31, {1, 1, 7, 13, 1, 19, 1}},    {7, 32, {1, 3, 7, 5, 13, 19, 59}},
    {7, 37, {1, 1, 3, 9, 25, 29, 41}},    {7, 41, {1, 3, 5, 13, 23, 1, 55}},
    {7, 42, {1, 3, 7, 3, 13, 59, 17}},    {7, 50, {1, 3, 1, 3, 5, 53, 69}},
    {7, 55, {1, 1, 5, 5, 23, 33, 13}},    {7, 56, {1, 1, 7, 7, 1, 61, 123}},
    {7, 59, {1, 1, 7, 9, 13, 61, 49}},    {7, 62, {1, 3, 3, 5, 3, 55, 33}},
};
// clang-format on

typedef struct {
    const kaon_host *host;
    int64_t axes;
    int64_t next;
    int64_t count;
    uint32_t at[AXES]; // bits of the next point
    uint32_t shift[AXES];
    uint32_t v[AXES][BITS];
} search;

// Direction numbers of one axis, the first one at the highest bit.
static void fill_axis(uint32_t v[BITS], const direction *d)
{
    for (uint32_t i = 0; i < BITS; i++) {
        if (!d || i < d->degree) {
            v[i] = (d ? d->initial[i] : 1) << (31 - i);
            continue;
        }
        v[i] = v[i - d->degree] ^ v[i - d->degree] >> d->degree;
        for (uint32_t k = 1; k < d->degree; k++)
            if (d->coefficients >> (d->degree - 1 - k) & 1)
                v[i] ^= v[i - k];
    }
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_search_task *task,
                          void **self, kaon_diag *diag)
{
    *self = NULL;
    if (task->axis_count > AXES)
        return kaon_fail(diag, KAON_INVALID,
                         "sobol searches up to %d settings, there are %lld; search 'random'",
                         (int)AXES, (long long)task->axis_count);
    search *s = kaon_alloc(host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a search");
    memset(s, 0, sizeof *s);
    s->host = host;
    s->axes = task->axis_count;
    s->count = task->trials ? task->trials : TRIALS;
    kaon_random_stream stream = {task->seed, 0, 0};
    for (int64_t i = 0; i < s->axes; i++) {
        const uint32_t bits = kaon_random_word(&stream);
        s->shift[i] = ((const config *)settings)->shift ? bits : 0;
        fill_axis(s->v[i], i ? &directions[i - 1] : NULL);
    }
    *self = s;
    return KAON_OK;
}

static void destroy(void *self)
{
    if (self)
        kaon_free(((search *)self)->host, self);
}

static kaon_status ask(void *self, kaon_proposal *out, kaon_diag *diag)
{
    search *s = self;
    uint32_t changed = 0; // the lowest zero of the point's number: one bit of its Gray code
    (void)diag;
    if (s->next == s->count)
        return KAON_END;
    out->wait = 0;
    out->budget = 0;
    out->trial = s->next++;
    for (int64_t n = out->trial; n & 1; n >>= 1)
        changed++;
    for (int64_t i = 0; i < s->axes; i++) {
        out->point[i] = (double)(s->at[i] ^ s->shift[i]) * 0x1p-32;
        s->at[i] ^= s->v[i][changed & 31];
    }
    return KAON_OK;
}

static const kaon_search table = {
    .size = sizeof table,
    .settings_size = sizeof(config),
    .options = options,
    .help =
        "points that fill the space evenly; 32 unless 'trials' says otherwise, best a power of 2",
    .create = create,
    .destroy = destroy,
    .ask = ask,
};

#define ITEMS(item) item(KAON_SEARCH, "sobol", &table)

KAON_PLUGIN("sobol", "1.0.0", "Apache-2.0", "tries settings spread evenly", ITEMS, NULL)
