/* initial.c: how parameters start.
 *
 * Fans: for a shape (out, in, rest...) each output adds up in * rest inputs. Glorot and Bengio,
 * AISTATS 2010, eq. 16; He, Zhang, Ren, Sun, arXiv:1502.01852, eq. 10; LeCun et al., "Efficient
 * backprop", eq. 16; Saxe, McClelland, Ganguli, arXiv:1312.6120 (orthogonal).
 */
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/element.h"
#include "compiler/variables.h"

#include <kaon/random.h>

#include <math.h>
#include <string.h>

typedef struct {
    double in, out;
} fans;

// Which numbers a rule draws, and the width: scale * sqrt(numerator / (a in + b out)).
typedef struct {
    int32_t init;
    int32_t normal; // Gaussian, else uniform
    double numerator;
    double of_in, of_out;
} rule;

// clang-format off
static const rule rules[] = {
    // init                       normal  numerator  in  out
    { KAON_INIT_NORMAL,           1,      1,         0,  0 },
    { KAON_INIT_UNIFORM,          0,      1,         0,  0 },
    { KAON_INIT_GLOROT,           0,      6,         1,  1 },
    { KAON_INIT_GLOROT_NORMAL,    1,      2,         1,  1 },
    { KAON_INIT_HE,               1,      2,         1,  0 },
    { KAON_INIT_HE_UNIFORM,       0,      6,         1,  0 },
    { KAON_INIT_LECUN,            1,      1,         1,  0 },
    { KAON_INIT_LECUN_UNIFORM,    0,      3,         1,  0 },
};
// clang-format on

static int64_t count_of(const kn_graph_variable *v)
{
    int64_t count = 1;
    for (int32_t i = 0; i < v->rank; i++)
        count *= v->shape[i];
    return count;
}

static fans fans_of(const kn_graph_variable *v)
{
    if (v->rank == 0)
        return (fans){1, 1};
    if (v->rank == 1)
        return (fans){(double)v->shape[0], (double)v->shape[0]};
    double rest = 1;
    for (int32_t i = 2; i < v->rank; i++)
        rest *= (double)v->shape[i];
    const int32_t in = v->fan_axis ? 0 : 1;
    return (fans){rest * (double)v->shape[in], rest * (double)v->shape[1 - in]};
}

static double gaussian(kaon_random_stream *r)
{
    // Box-Muller; 1 - u lies in (0, 1], so the logarithm is finite.
    const double u = 1 - kaon_random_uniform(r);
    const double angle = 2 * M_PI * kaon_random_uniform(r);
    return sqrt(-2 * log(u)) * cos(angle);
}

static void fill(const kn_graph_variable *v, void *memory, double value)
{
    const int64_t count = count_of(v);
    for (int64_t i = 0; i < count; i++)
        kn_element_put(v->dtype, memory, i, value);
}

static void draw(const kn_graph_variable *v, const rule *how, kaon_random_stream *r, void *memory)
{
    const fans f = fans_of(v);
    const double fan = how->of_in * f.in + how->of_out * f.out;
    const double width = v->scale * sqrt(fan > 0 ? how->numerator / fan : how->numerator);
    const int64_t count = count_of(v);
    for (int64_t i = 0; i < count; i++) {
        const double number = how->normal ? gaussian(r) : 2 * kaon_random_uniform(r) - 1;
        kn_element_put(v->dtype, memory, i, width * number);
    }
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// Makes row `at` of q orthogonal to those before it, and of length 1.
static void orthogonalise(double *q, int64_t at, int64_t n)
{
    double *row = q + at * n;
    for (int pass = 0; pass < 2; pass++) { // the second takes away what rounding left
        for (int64_t j = 0; j < at; j++) {
            const double along = dot(row, q + j * n, n);
            for (int64_t i = 0; i < n; i++)
                row[i] -= along * q[j * n + i];
        }
    }
    const double length = sqrt(dot(row, row, n));
    for (int64_t i = 0; i < n; i++)
        row[i] = length > 0 ? row[i] / length : 0;
}

// The variable as a matrix (first axis, rest): its rows are orthonormal, or its columns where there
// are fewer of them.
static kaon_status orthogonal(const kn_graph_variable *v, kaon_random_stream *r, void *memory,
                              kaon_diag *diag)
{
    const int64_t count = count_of(v);
    if (count == 0)
        return KAON_OK;
    const int64_t rows = v->rank ? v->shape[0] : 1;
    const int64_t columns = count / rows;
    const int64_t vectors = rows < columns ? rows : columns;
    const int64_t length = count / vectors;
    double *q = kn_alloc_array((size_t)count, sizeof *q);
    if (!q)
        return kn_no_memory(diag, "an orthogonal start");
    for (int64_t i = 0; i < count; i++)
        q[i] = gaussian(r);
    for (int64_t i = 0; i < vectors; i++)
        orthogonalise(q, i, length);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            kn_element_put(v->dtype, memory, i * columns + j,
                           v->scale * (rows <= columns ? q[i * length + j] : q[j * length + i]));
    kn_free(q);
    return KAON_OK;
}

kaon_status kn_initialise(const kn_graph_variable *v, uint64_t seed, void *memory, kaon_diag *diag)
{
    switch (v->init) {
    case KAON_INIT_ZERO:
        fill(v, memory, 0);
        return KAON_OK;
    case KAON_INIT_ONE:
        fill(v, memory, 1);
        return KAON_OK;
    case KAON_INIT_VALUE:
        fill(v, memory, v->scale);
        return KAON_OK;
    default:
        break;
    }
    if (!kaon_dtype_is_float(v->dtype))
        return kaon_fail(diag, KAON_INVALID,
                         "variable '%s' has dtype %s; only floating point can start at random",
                         v->name, kaon_dtype_text(v->dtype));
    kaon_random_stream stream = {seed, kn_checksum(v->name, strlen(v->name)), 0};
    if (v->init == KAON_INIT_ORTHOGONAL)
        return orthogonal(v, &stream, memory, diag);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].init == v->init) {
            draw(v, &rules[i], &stream, memory);
            return KAON_OK;
        }
    }
    return kaon_fail(diag, KAON_INVALID, "variable '%s' asks for the unknown start %d", v->name,
                     (int)v->init);
}
