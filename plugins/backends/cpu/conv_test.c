/* conv_test.c: convolutions and pooling against the plain loops. */
#include "step_test.h"

enum { MOST = 1 << 16 };
static float image[MOST], weights[MOST], dy[MOST], out[MOST], wanted[MOST];

typedef struct geometry {
    int64_t batch, in, outc, groups;
    int64_t x[3], k[3], stride[3], low[3], high[3], dilation[3], y[3];
    int32_t axes;
} geometry;

static const geometry cases[] = {
    {1, 1, 1, 1, {3}, {2}, {1}, {0}, {0}, {1}, {0}, 1},
    {2, 3, 4, 1, {9}, {3}, {2}, {1}, {1}, {1}, {0}, 1},
    {2, 4, 6, 2, {7, 8}, {3, 2}, {1, 1}, {1, 0}, {1, 1}, {1, 2}, {0}, 2},
    {20, 2, 3, 1, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0}, 2},
    {1, 2, 2, 2, {4, 5, 6}, {2, 3, 2}, {2, 1, 1}, {0, 2, 1}, {1, 0, 1}, {1, 1, 2}, {0}, 3},
    {1, 1, 2, 1, {30, 40}, {5, 5}, {1, 1}, {2, 2}, {2, 2}, {1, 1}, {0}, 2},
};

/* Calls out what meets what: (image number, weight number, output number), with x, k and y walked
 * as three axes. */
#define EACH_MEETING(g, body)                                                                      \
    for (int64_t n = 0; n < g->batch * g->outc; n++)                                               \
        for (int64_t c = 0; c < g->in / g->groups; c++)                                            \
            for (int64_t p = 0; p < g->y[0] * g->y[1] * g->y[2]; p++)                              \
                for (int64_t q = 0; q < g->k[0] * g->k[1] * g->k[2]; q++) {                        \
                    const int64_t o = n % g->outc, b = n / g->outc;                                \
                    const int64_t channel = o / (g->outc / g->groups) * (g->in / g->groups) + c;   \
                    const int64_t y_at[3] = {p / (g->y[1] * g->y[2]), p / g->y[2] % g->y[1],       \
                                             p % g->y[2]};                                         \
                    const int64_t k_at[3] = {q / (g->k[1] * g->k[2]), q / g->k[2] % g->k[1],       \
                                             q % g->k[2]};                                         \
                    int64_t ii = b * g->in + channel;                                              \
                    int inside = 1;                                                                \
                    for (int i = 0; i < 3; i++) {                                                  \
                        const int64_t at =                                                         \
                            y_at[i] * g->stride[i] - g->low[i] + k_at[i] * g->dilation[i];         \
                        inside &= at >= 0 && at < g->x[i];                                         \
                        ii = ii * g->x[i] + at;                                                    \
                    }                                                                              \
                    const int64_t wi =                                                             \
                        (o * (g->in / g->groups) + c) * g->k[0] * g->k[1] * g->k[2] + q;           \
                    const int64_t yi = n * g->y[0] * g->y[1] * g->y[2] + p;                        \
                    if (inside)                                                                    \
                        body;                                                                      \
                }

static geometry filled(const geometry *from)
{
    geometry g = *from;
    for (int i = 0; i < 3; i++) {
        if (i >= g.axes)
            g.x[i] = g.k[i] = g.stride[i] = g.dilation[i] = 1;
        const int64_t reach = (g.k[i] - 1) * g.dilation[i] + 1;
        g.y[i] = (g.x[i] + g.low[i] + g.high[i] - reach) / g.stride[i] + 1;
    }
    return g;
}

static void shape_of(const geometry *g, int64_t first, int64_t second, const int64_t *rest,
                     int64_t *shape)
{
    shape[0] = first;
    shape[1] = second;
    memcpy(shape + 2, rest, (size_t)g->axes * sizeof *rest);
}

static void add_attrs(st_step *s, const geometry *g, const int64_t *shape)
{
    st_ints(s, "stride", g->stride, g->axes);
    st_ints(s, "low", g->low, g->axes);
    st_ints(s, "high", g->high, g->axes);
    st_ints(s, "dilation", g->dilation, g->axes);
    st_int(s, "groups", g->groups);
    st_ints(s, "shape", shape, g->axes + 2);
}

static void one_case(const geometry *g)
{
    int64_t a_shape[5], w_shape[5], y_shape[5];
    shape_of(g, g->batch, g->in, g->x, a_shape);
    shape_of(g, g->outc, g->in / g->groups, g->k, w_shape);
    shape_of(g, g->batch, g->outc, g->y, y_shape);
    const int32_t rank = g->axes + 2;
    const int64_t a_count = g->batch * g->in * g->x[0] * g->x[1] * g->x[2];
    const int64_t y_count = g->batch * g->outc * g->y[0] * g->y[1] * g->y[2];
    const int64_t w_count = g->outc * g->in / g->groups * g->k[0] * g->k[1] * g->k[2];
    st_fill_f32(image, MOST, 1);
    st_fill_f32(weights, MOST, 2);
    st_fill_f32(dy, MOST, 3);
    st_step s;

    memset(wanted, 0, sizeof wanted);
    EACH_MEETING(g, wanted[yi] += image[ii] * weights[wi])
    st_begin(&s, "conv");
    st_in(&s, KAON_F32, image, a_shape, rank);
    st_in(&s, KAON_F32, weights, w_shape, rank);
    st_out(&s, KAON_F32, out, y_shape, rank);
    add_attrs(&s, g, y_shape);
    st_go(&s);
    st_near_f32(out, wanted, y_count, 1e-5);

    memset(wanted, 0, sizeof wanted);
    EACH_MEETING(g, wanted[ii] += dy[yi] * weights[wi])
    st_begin(&s, "conv_grad_input");
    st_in(&s, KAON_F32, dy, y_shape, rank);
    st_in(&s, KAON_F32, weights, w_shape, rank);
    st_out(&s, KAON_F32, out, a_shape, rank);
    add_attrs(&s, g, a_shape);
    st_go(&s);
    st_near_f32(out, wanted, a_count, 1e-5);

    memset(wanted, 0, sizeof wanted);
    EACH_MEETING(g, wanted[wi] += dy[yi] * image[ii])
    st_begin(&s, "conv_grad_weight");
    st_in(&s, KAON_F32, image, a_shape, rank);
    st_in(&s, KAON_F32, dy, y_shape, rank);
    st_out(&s, KAON_F32, out, w_shape, rank);
    add_attrs(&s, g, w_shape);
    st_go(&s);
    st_near_f32(out, wanted, w_count, 2e-5);
}

static void convolutions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const geometry g = filled(&cases[i]);
        one_case(&g);
    }
}

// (1, 2, 3) with weights (10, 1): 1*10 + 2*1, 2*10 + 3*1.
static void convolution_by_hand(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3}, w[] = {10, 1}, sums[] = {12, 23};
    st_step s;
    st_begin(&s, "conv");
    st_in(&s, KAON_F32, a, ST_SHAPE(1, 1, 3));
    st_in(&s, KAON_F32, w, ST_SHAPE(1, 1, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(1, 1, 2));
    st_go(&s);
    st_near_f32(out, sums, 2, 0);
}

// In tiles of images, the weights' gradient is added to a total.
static void weights_of_tiles_add_up(void **state)
{
    (void)state;
    const geometry g = filled(&cases[3]);
    const int64_t step_a = g.in * 36, step_y = g.outc * 36;
    st_fill_f32(image, MOST, 4);
    st_fill_f32(dy, MOST, 5);
    memset(wanted, 0, sizeof wanted);
    const geometry *each = &g;
    EACH_MEETING(each, wanted[wi] += dy[yi] * image[ii])
    memset(out, 0, sizeof out);
    const int64_t w_shape[4] = {3, 2, 3, 3};
    for (int64_t first = 0; first < 20; first += 8) {
        st_step s;
        st_begin(&s, "conv_grad_weight");
        s.step.flags = KAON_STEP_ROWS;
        s.rows = 20 - first < 8 ? 20 - first : 8;
        st_in(&s, KAON_F32, image + first * step_a, ST_SHAPE(8, 2, 6, 6))->kind = KAON_OPERAND_ROWS;
        st_in(&s, KAON_F32, dy + first * step_y, ST_SHAPE(8, 3, 6, 6))->kind = KAON_OPERAND_ROWS;
        st_out(&s, KAON_F32, out, w_shape, 4)->kind = KAON_OPERAND_TOTAL;
        add_attrs(&s, &g, w_shape);
        st_go(&s);
    }
    st_near_f32(out, wanted, 3 * 2 * 9, 2e-5);
}

static void half_precision_goes_through_f32(void **state)
{
    (void)state;
    const uint16_t a[] = {0x3f80, 0x4000, 0x4040}, w[] = {0x3f80, 0x3f80}; // bf16 1, 2, 3; 1, 1
    uint16_t y[2];
    st_step s;
    st_begin(&s, "conv");
    st_in(&s, KAON_BF16, a, ST_SHAPE(1, 1, 3));
    st_in(&s, KAON_BF16, w, ST_SHAPE(1, 1, 2));
    st_out(&s, KAON_BF16, y, ST_SHAPE(1, 1, 2));
    st_go(&s);
    assert_int_equal(y[0], 0x4040); // 3
    assert_int_equal(y[1], 0x40a0); // 5
}

/* --- pooling ---------------------------------------------------------------------------------- */

static void pool(const char *op, const float *first, const float *second, const float *expected,
                 int64_t count, int32_t grad)
{
    static const int64_t window[] = {2, 2}, low[] = {0, 1}, high[] = {1, 0};
    st_step s;
    st_begin(&s, op);
    static const int64_t large[] = {1, 3, 3}, small[] = {1, 2, 2};
    st_in(&s, KAON_F32, first, grad && !second ? small : large, 3);
    if (second)
        st_in(&s, KAON_F32, second, small, 3);
    st_out(&s, KAON_F32, out, grad ? large : small, 3);
    st_ints(&s, "window", window, 2);
    st_ints(&s, "low", low, 2);
    st_ints(&s, "high", high, 2);
    st_go(&s);
    st_near_f32(out, expected, count, 0);
}

/* Windows of 2 x 2 side by side on 3 x 3 numbers with a column of padding before and a row after:
 *     . | 1 5
 *     . | 4 5    windows (1, 4), (5 5 5 5), (7), (8 9)
 */
static void pooling_by_hand(void **state)
{
    (void)state;
    const float a[] = {1, 5, 5, 4, 5, 5, 7, 8, 9}, slopes[] = {10, 20, 30, 40};
    pool("pool_max", a, NULL, (const float[]){4, 5, 7, 9}, 4, 0);
    pool("pool_sum", a, NULL, (const float[]){5, 20, 7, 17}, 4, 0);
    pool("pool_max_grad", a, slopes, (const float[]){0, 20, 0, 10, 0, 0, 30, 0, 40}, 9, 1);
    pool("pool_sum_grad", slopes, NULL, (const float[]){10, 20, 20, 10, 20, 20, 30, 40, 40}, 9, 1);
}

static void overlapping_windows(void **state)
{
    (void)state;
    static const int64_t window[] = {3}, stride[] = {1};
    st_fill_f32(image, 40, 8);
    image[17] = NAN;
    st_step s;
    st_begin(&s, "pool_max");
    st_in(&s, KAON_F32, image, ST_SHAPE(2, 20));
    st_out(&s, KAON_F32, out, ST_SHAPE(2, 18));
    st_ints(&s, "window", window, 1);
    st_ints(&s, "stride", stride, 1);
    st_go(&s);
    for (int64_t i = 0; i < 36; i++) {
        const float *x = image + i / 18 * 20 + i % 18;
        const int broken = isnan(x[0]) || isnan(x[1]) || isnan(x[2]);
        wanted[i] = broken ? NAN : fmaxf(fmaxf(x[0], x[1]), x[2]);
    }
    st_near_f32(out, wanted, 36, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_by_hand),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(weights_of_tiles_add_up),
        cmocka_unit_test(half_precision_goes_through_f32),
        cmocka_unit_test(pooling_by_hand),
        cmocka_unit_test(overlapping_windows),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
