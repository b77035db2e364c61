/* softmax_test.c: the kernel of the composite "softmax" against its definition. */
#include "step_test.h"

enum { MOST = 1 << 16 };
static float x[MOST], y[MOST], wanted[MOST];

static void run(int64_t rows, int64_t n, int32_t streams)
{
    st_step s;
    st_begin(&s, "softmax");
    st_in(&s, KAON_F32, x, ST_SHAPE(rows, n));
    st_out(&s, KAON_F32, y, ST_SHAPE(rows, n));
    st_int(&s, "axis", -1);
    s.step.flags = streams ? KAON_STEP_STREAM : 0;
    st_go(&s);
}

// e^0 : e^ln3 = 1 : 3, however large both are.
static void softmax_by_hand(void **state)
{
    (void)state;
    const float in[] = {0, 1.0986123f, 1000, 1001.0986f}, out[] = {0.25f, 0.75f, 0.25f, 0.75f};
    memcpy(x, in, sizeof in);
    run(2, 2, 0);
    st_near_f32(y, out, 4, 1e-5);
}

static void rows_of_any_length(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 5},  {100, 5}, {33, 1}, {7, 16}, {5, 1000}, {0, 4},
                                        {35, 3}, {16, 15}, {23, 7}, {19, 2}, {3, 40},   {3, 51}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t rows = shapes[i][0], n = shapes[i][1];
        st_fill_f32(x, rows * n, 3);
        for (int64_t r = 0; r < rows; r++) {
            double sum = 0;
            for (int64_t j = 0; j < n; j++)
                sum += exp((double)x[r * n + j]);
            for (int64_t j = 0; j < n; j++)
                wanted[r * n + j] = (float)(exp((double)x[r * n + j]) / sum);
        }
        for (int32_t streams = 0; streams < 2; streams++) {
            memset(y, 0, sizeof y);
            run(rows, n, streams);
            st_near_f32(y, wanted, rows * n, 1e-6);
        }
    }
}

static void nan_stays_in_its_row(void **state)
{
    (void)state;
    st_fill_f32(x, 200, 4);
    x[7] = NAN;
    run(40, 5, 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(isnan(y[i]) != 0, i / 5 == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_by_hand),
        cmocka_unit_test(rows_of_any_length),
        cmocka_unit_test(nan_stays_in_its_row),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
