/* arrays_test.c: moving, gathering, searching, sorting and drawing numbers. */
#include "step_test.h"

#include <kaon/random.h>

/* --- concat, pad, reverse --------------------------------------------------------------------- */

static void concat_by_hand(void **state)
{
    (void)state;
    const int16_t a[] = {1, 2, 3, 4}, b[] = {5, 6};
    const int16_t wanted[] = {1, 2, 5, 3, 4, 6};
    int16_t out[6];
    st_step s;
    st_begin(&s, "concat");
    st_in(&s, KAON_I16, a, ST_SHAPE(2, 2));
    st_in(&s, KAON_I16, b, ST_SHAPE(2, 1));
    st_out(&s, KAON_I16, out, ST_SHAPE(2, 3));
    st_int(&s, "axis", -1);
    st_go(&s);
    assert_memory_equal(out, wanted, sizeof wanted);
}

static void pad_by_hand(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4}, value = 9;
    const float wanted[] = {9, 1, 2, 9, 9, 9, 3, 4, 9, 9};
    float out[10];
    st_step s;
    st_begin(&s, "pad");
    st_in(&s, KAON_F32, a, ST_SHAPE(2, 2));
    st_add(&s, 0, KAON_F32, &value, NULL, 0);
    st_out(&s, KAON_F32, out, ST_SHAPE(2, 5));
    st_int(&s, "axis", 1);
    st_int(&s, "low", 1);
    st_int(&s, "high", 2);
    st_go(&s);
    st_near_f32(out, wanted, 10, 0);
}

static void reverse_by_hand(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3, 4, 5, 6}, wanted[] = {5, 6, 3, 4, 1, 2};
    double out[6];
    st_step s;
    st_begin(&s, "reverse");
    st_in(&s, KAON_F64, a, ST_SHAPE(3, 2));
    st_out(&s, KAON_F64, out, ST_SHAPE(3, 2));
    st_int(&s, "axis", 0);
    st_go(&s);
    assert_memory_equal(out, wanted, sizeof wanted);
}

/* --- gather and scatter ----------------------------------------------------------------------- */

static const float table[] = {10, 11, 20, 21, 30, 31}; // (3, 2)

static void gather_clamps(void **state)
{
    (void)state;
    const int32_t indices[] = {2, -5, 7, 1};
    const float wanted[] = {30, 31, 10, 11, 30, 31, 20, 21};
    float out[8];
    st_step s;
    st_begin(&s, "gather");
    st_in(&s, KAON_F32, table, ST_SHAPE(3, 2));
    st_in(&s, KAON_I32, indices, ST_SHAPE(4));
    st_out(&s, KAON_F32, out, ST_SHAPE(4, 2));
    st_int(&s, "axis", 0);
    st_go(&s);
    st_near_f32(out, wanted, 8, 0);
}

static void gather_along_the_last_axis(void **state)
{
    (void)state;
    const uint8_t indices[] = {1, 1, 0, 1};
    const float wanted[] = {11, 11, 10, 11, 21, 21, 20, 21, 31, 31, 30, 31};
    float out[12];
    st_step s;
    st_begin(&s, "gather");
    st_in(&s, KAON_F32, table, ST_SHAPE(3, 2));
    st_in(&s, KAON_U8, indices, ST_SHAPE(2, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(3, 2, 2));
    st_int(&s, "axis", 1);
    st_go(&s);
    st_near_f32(out, wanted, 12, 0);
}

static void scatter_adds_in_order_and_drops(void **state)
{
    (void)state;
    const int64_t indices[] = {0, 2, 0, -1, 3};
    const float updates[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const float wanted[] = {16, 19, 20, 21, 33, 35};
    float out[6];
    st_step s;
    st_begin(&s, "scatter_add");
    st_in(&s, KAON_F32, table, ST_SHAPE(3, 2));
    st_in(&s, KAON_I64, indices, ST_SHAPE(5));
    st_in(&s, KAON_F32, updates, ST_SHAPE(5, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(3, 2));
    st_int(&s, "axis", 0);
    st_go(&s);
    st_near_f32(out, wanted, 6, 0);
}

// Many wide updates are shared out: the same bits as one after the other.
static void scatter_does_not_depend_on_threads(void **state)
{
    (void)state;
    enum { PLACES = 37, COUNT = 4000, SPAN = 32 };
    float *updates = malloc(COUNT * SPAN * sizeof *updates);
    int64_t *indices = malloc(COUNT * sizeof *indices);
    static float zeros[PLACES * SPAN], out[PLACES * SPAN], wanted[PLACES * SPAN];
    assert_true(updates && indices);
    st_fill_f32(updates, COUNT * SPAN, 3);
    for (int64_t i = 0; i < COUNT; i++) {
        indices[i] = i * i % PLACES;
        for (int64_t j = 0; j < SPAN; j++)
            wanted[indices[i] * SPAN + j] += updates[i * SPAN + j] *= 0.3f;
    }
    st_step s;
    st_begin(&s, "scatter_add");
    st_in(&s, KAON_F32, zeros, ST_SHAPE(PLACES, SPAN));
    st_in(&s, KAON_I64, indices, ST_SHAPE(COUNT));
    st_in(&s, KAON_F32, updates, ST_SHAPE(COUNT, SPAN));
    st_out(&s, KAON_F32, out, ST_SHAPE(PLACES, SPAN));
    st_int(&s, "axis", 0);
    st_go(&s);
    free(updates);
    free(indices);
    assert_memory_equal(out, wanted, sizeof out);
}

static void take_and_put_along(void **state)
{
    (void)state;
    const int64_t indices[] = {2, 0, 1, 1}; // (2, 2) along axis 0 of (3, 2)
    const float taken[] = {30, 11, 20, 21}, updates[] = {1, 2, 3, 4};
    const float put[] = {10, 13, 23, 25, 31, 31};
    float out[6];
    st_step s;
    st_begin(&s, "take_along");
    st_in(&s, KAON_F32, table, ST_SHAPE(3, 2));
    st_in(&s, KAON_I64, indices, ST_SHAPE(2, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(2, 2));
    st_int(&s, "axis", 0);
    st_go(&s);
    st_near_f32(out, taken, 4, 0);

    st_begin(&s, "put_along_add");
    st_in(&s, KAON_F32, table, ST_SHAPE(3, 2));
    st_in(&s, KAON_I64, indices, ST_SHAPE(2, 2));
    st_in(&s, KAON_F32, updates, ST_SHAPE(2, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(3, 2));
    st_int(&s, "axis", 0);
    st_go(&s);
    st_near_f32(out, put, 6, 0);
}

/* --- along an axis ---------------------------------------------------------------------------- */

static void extremes_find_the_first(void **state)
{
    (void)state;
    const float a[] = {1, 5, 5, -2, -2, 0, 3, NAN, 9}; // (3, 3)
    const int64_t most[] = {1, 2, 1}, least[] = {0, 0, 1};
    int64_t out[3];
    st_step s;
    for (int turn = 0; turn < 2; turn++) {
        st_begin(&s, turn ? "argmin" : "argmax");
        st_in(&s, KAON_F32, a, ST_SHAPE(3, 3));
        st_out(&s, KAON_I64, out, ST_SHAPE(3));
        st_int(&s, "axis", 1);
        st_go(&s);
        assert_memory_equal(out, turn ? least : most, sizeof out);
    }
    const uint8_t bytes[] = {200, 3, 100, 250}; // columns
    const int64_t rows[] = {0, 1};
    st_begin(&s, "argmax");
    st_in(&s, KAON_U8, bytes, ST_SHAPE(2, 2));
    st_out(&s, KAON_I64, out, ST_SHAPE(2));
    st_int(&s, "axis", 0);
    st_go(&s);
    assert_memory_equal(out, rows, sizeof rows);
}

static void cumulative(const char *op, int32_t dtype, const void *in, const void *wanted,
                       int64_t reverse, int64_t exclusive)
{
    uint8_t out[6 * 8];
    st_step s;
    st_begin(&s, op);
    st_in(&s, dtype, in, ST_SHAPE(2, 3));
    st_out(&s, dtype, out, ST_SHAPE(2, 3));
    st_int(&s, "axis", 1);
    st_int(&s, "reverse", reverse);
    st_int(&s, "exclusive", exclusive);
    st_go(&s);
    assert_memory_equal(out, wanted, 6 * kaon_dtype_bytes(dtype));
}

static void running_sums(void **state)
{
    (void)state;
    const float a[] = {1, 2, 3, 4, -5, 6};
    cumulative("cumsum", KAON_F32, a, (const float[]){1, 3, 6, 4, -1, 5}, 0, 0);
    cumulative("cumsum", KAON_F32, a, (const float[]){5, 3, 0, 1, 6, 0}, 1, 1);
    cumulative("cumprod", KAON_F32, a, (const float[]){1, 2, 6, 4, -20, -120}, 0, 0);
    cumulative("cummax", KAON_F32, a, (const float[]){1, 2, 3, 4, 4, 6}, 0, 0);
    const int8_t b[] = {100, 100, 1, -3, 2, 2};
    cumulative("cumsum", KAON_I8, b, (const int8_t[]){100, -56, -55, -3, -1, 1}, 0, 0);
    cumulative("cumprod", KAON_I8, b, (const int8_t[]){1, 100, 16, 1, -3, -6}, 0, 1);
}

/* --- sorting ---------------------------------------------------------------------------------- */

static void sorting_by_hand(void **state)
{
    (void)state;
    const float a[] = {3, NAN, -1, 0, -0.0f, 3, -INFINITY};
    const int64_t up[] = {6, 2, 3, 4, 0, 5, 1}, down[] = {0, 5, 3, 4, 2, 6, 1};
    int64_t out[7];
    float sorted[7];
    st_step s;
    for (int turn = 0; turn < 2; turn++) {
        st_begin(&s, "argsort");
        st_in(&s, KAON_F32, a, ST_SHAPE(7));
        st_out(&s, KAON_I64, out, ST_SHAPE(7));
        st_int(&s, "axis", 0);
        st_int(&s, "descending", turn);
        st_go(&s);
        assert_memory_equal(out, turn ? down : up, sizeof out);
    }
    st_begin(&s, "sort");
    st_in(&s, KAON_F32, a, ST_SHAPE(7));
    st_out(&s, KAON_F32, sorted, ST_SHAPE(7));
    st_int(&s, "axis", 0);
    st_go(&s);
    for (int i = 0; i < 6; i++)
        assert_memory_equal(&sorted[i], &a[up[i]], sizeof *a); // -0 stays -0
    assert_true(isnan(sorted[6]));
}

// Short lines are merged, long ones go byte by byte; both are in order and stable, along any axis.
static void sorting_is_stable(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 1}, {100, 3}, {3000, 2}, {5, 1}};
    static int32_t a[6000];
    static int64_t out[6000];
    for (size_t i = 0; i < 4; i++) {
        const int64_t n = shapes[i][0], inner = shapes[i][1];
        for (int64_t j = 0; j < n * inner; j++)
            a[j] = (int32_t)((uint32_t)j * 2654435761u >> 8) % 700 - 350;
        st_step s;
        st_begin(&s, "argsort");
        st_in(&s, KAON_I32, a, ST_SHAPE(n, inner));
        st_out(&s, KAON_I64, out, ST_SHAPE(n, inner));
        st_int(&s, "axis", 0);
        st_go(&s);
        for (int64_t j = inner; j < n * inner; j++) {
            const int64_t before = out[j - inner], here = out[j];
            const int32_t x = a[before * inner + j % inner], y = a[here * inner + j % inner];
            assert_true(x < y || (x == y && before < here));
        }
    }
}

/* --- random numbers --------------------------------------------------------------------------- */

// The vectors published with Random123 (kat_vectors, philox4x32 10).
static void philox_as_published(void **state)
{
    (void)state;
    const uint32_t wanted[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    uint32_t out[4];
    st_step s;
    st_begin(&s, "random_bits");
    st_out(&s, KAON_U32, out, ST_SHAPE(4));
    st_int(&s, "stream", 0);
    st_go(&s);
    assert_memory_equal(out, wanted, sizeof out);
}

/* As op.h states it: counter (i / 4, stream, run), key the seed; in tiles as in one piece. */
static void words_are_counted(void **state)
{
    (void)state;
    enum { ROWS = 300, COLUMNS = 7 };
    static uint32_t words[ROWS * COLUMNS], tile[64 * COLUMNS];
    static double uniform[ROWS * COLUMNS];
    st_step s;
    for (int turn = 0; turn < 2; turn++) {
        st_begin(&s, turn ? "random_uniform" : "random_bits");
        st_out(&s, turn ? KAON_F64 : KAON_U32, turn ? (void *)uniform : words,
               ST_SHAPE(ROWS, COLUMNS));
        st_int(&s, "stream", 5);
        s.step.seed = 0x123456789abcdefull;
        s.run = 77;
        st_go(&s);
    }
    const uint32_t key[2] = {0x89abcdef, 0x01234567};
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++) {
        uint32_t block[4], high[4];
        kaon_philox((const uint32_t[]){i / 4, 0, 5, 77}, key, block);
        assert_int_equal(words[i], block[i % 4]);
        kaon_philox((const uint32_t[]){i / 2, 0, 5, 77}, key, high);
        assert_true(uniform[i] == kaon_uniform_f64(high[i % 2 * 2], high[i % 2 * 2 + 1]));
        assert_true(uniform[i] >= 0 && uniform[i] < 1);
    }
    for (int64_t first = 0; first < ROWS; first += 64) {
        st_begin(&s, "random_bits");
        st_out(&s, KAON_U32, tile, ST_SHAPE(64, COLUMNS))->kind = KAON_OPERAND_ROWS;
        st_int(&s, "stream", 5);
        s.step.flags = KAON_STEP_ROWS;
        s.step.seed = 0x123456789abcdefull;
        s.run = 77;
        s.first_row = first;
        s.rows = ROWS - first < 64 ? ROWS - first : 64;
        st_go(&s);
        assert_memory_equal(tile, words + first * COLUMNS, (size_t)(s.rows * COLUMNS) * 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concat_by_hand),
        cmocka_unit_test(pad_by_hand),
        cmocka_unit_test(reverse_by_hand),
        cmocka_unit_test(gather_clamps),
        cmocka_unit_test(gather_along_the_last_axis),
        cmocka_unit_test(scatter_adds_in_order_and_drops),
        cmocka_unit_test(scatter_does_not_depend_on_threads),
        cmocka_unit_test(take_and_put_along),
        cmocka_unit_test(extremes_find_the_first),
        cmocka_unit_test(running_sums),
        cmocka_unit_test(sorting_by_hand),
        cmocka_unit_test(sorting_is_stable),
        cmocka_unit_test(philox_as_published),
        cmocka_unit_test(words_are_counted),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
