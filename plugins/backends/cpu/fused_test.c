/* fused_test.c: fused expressions against loops written out by hand. */
#include "step_test.h"

enum { MOST = 1 << 18 };
static float x[MOST], y[MOST], z[MOST], wanted[MOST];

static void add_by_hand(void **state)
{
    (void)state;
    const float p[] = {1, 2, 3}, q[] = {10, 20, 30}, sums[] = {11, 22, 33};
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, p, ST_SHAPE(3));
    st_in(&s, KAON_F32, q, ST_SHAPE(3));
    st_out(&s, KAON_F32, z, ST_SHAPE(3));
    st_space(&s, ST_SHAPE(3));
    st_result(&s, st_code(&s, 2, KAON_X_ADD, KAON_F32, 0, 1, 0, 0), KAON_STORE, 0);
    st_go(&s);
    st_near_f32(z, sums, 3, 0);
}

/* tanh(x * row + column) for many shapes: full, row and column operands, short and long rows. */
static void broadcasts(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{1, 1},     {5, 3},     {1000, 5}, {7, 2000}, {64, 64},
                                        {3, 50000}, {50000, 3}, {0, 4},    {4, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t rows = shapes[i][0], columns = shapes[i][1];
        st_fill_f32(x, MOST, 1);
        st_fill_f32(y, MOST, 2);
        for (int64_t j = 0; j < rows * columns; j++)
            wanted[j] = tanhf(x[j] * y[j % columns] + y[j / columns]);
        st_step s;
        st_begin(&s, "fused");
        st_in(&s, KAON_F32, x, ST_SHAPE(rows, columns));
        st_in(&s, KAON_F32, y, ST_SHAPE(rows, columns))->strides[0] = 0;
        kaon_operand *column = st_in(&s, KAON_F32, y, ST_SHAPE(rows, columns));
        st_strides(column, (const int64_t[]){1, 0}, 2);
        st_out(&s, KAON_F32, z, ST_SHAPE(rows, columns));
        st_space(&s, ST_SHAPE(rows, columns));
        int32_t r = st_code(&s, 3, KAON_X_MUL, KAON_F32, 0, 1, 0, 0);
        r = st_code(&s, 3, KAON_X_ADD, KAON_F32, r, 2, 0, 0);
        st_result(&s, st_code(&s, 3, KAON_X_TANH, KAON_F32, r, 0, 0, 0), KAON_STORE, 0);
        st_go(&s);
        st_near_f32(z, wanted, rows * columns, 3e-7);
    }
}

// Division by one number per row is done by its inverse, and is exact all the same.
static void quotients_are_exact(void **state)
{
    (void)state;
    static const float divisors[] = {3, -7.1f, 1e-30f, 1e30f, 0, INFINITY, NAN, 0.1f};
    const int64_t rows = 8, columns = 1001;
    st_fill_f32(x, rows * columns, 77);
    for (int64_t i = 0; i < rows * columns; i++)
        x[i] = x[i] * 1.2345f + 0.001f * (float)(i % 13);
    x[5] = INFINITY;
    x[6] = NAN;
    x[7] = 0;
    for (int64_t i = 0; i < rows * columns; i++)
        wanted[i] = x[i] / divisors[i / columns];
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, x, ST_SHAPE(rows, columns));
    kaon_operand *column = st_in(&s, KAON_F32, divisors, ST_SHAPE(rows, columns));
    st_strides(column, (const int64_t[]){1, 0}, 2);
    st_out(&s, KAON_F32, z, ST_SHAPE(rows, columns));
    st_space(&s, ST_SHAPE(rows, columns));
    st_result(&s, st_code(&s, 2, KAON_X_DIV, KAON_F32, 0, 1, 0, 0), KAON_STORE, 0);
    st_go(&s);
    st_near_f32(z, wanted, rows * columns, 0);
}

// x - c, c - x, c * x and x with itself, for constants and for one number per row.
static void single_numbers(void **state)
{
    (void)state;
    const int64_t rows = 7, columns = 40;
    st_fill_f32(x, rows * columns, 78);
    st_fill_f32(y, rows, 79);
    for (int64_t i = 0; i < rows * columns; i++) {
        const float c = y[i / columns];
        wanted[i] = (x[i] - c) * (c - x[i]) * 2.5f + (2.5f - c);
    }
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, x, ST_SHAPE(rows, columns));
    kaon_operand *column = st_in(&s, KAON_F32, y, ST_SHAPE(rows, columns));
    st_strides(column, (const int64_t[]){1, 0}, 2);
    st_out(&s, KAON_F32, z, ST_SHAPE(rows, columns));
    st_space(&s, ST_SHAPE(rows, columns));
    const int32_t number = st_code(&s, 2, KAON_X_CONST, KAON_F32, 0, 0, 0, 2.5);
    const int32_t less = st_code(&s, 2, KAON_X_SUB, KAON_F32, 0, 1, 0, 0);
    const int32_t more = st_code(&s, 2, KAON_X_SUB, KAON_F32, 1, 0, 0, 0);
    const int32_t product = st_code(&s, 2, KAON_X_MUL, KAON_F32, less, more, 0, 0);
    const int32_t scaled = st_code(&s, 2, KAON_X_MUL, KAON_F32, number, product, 0, 0);
    const int32_t single = st_code(&s, 2, KAON_X_SUB, KAON_F32, number, 1, 0, 0);
    st_result(&s, st_code(&s, 2, KAON_X_ADD, KAON_F32, scaled, single, 0, 0), KAON_STORE, 0);
    st_go(&s);
    st_near_f32(z, wanted, rows * columns, 1e-6);
}

/* Every reduction of (a, b, c) over each set of axes: the space is permuted so that the reduced
 * ones come last, as the compiler does. */
static void reduce_case(const int64_t *shape, int32_t set, int32_t how)
{
    int64_t strides[3] = {shape[1] * shape[2], shape[2], 1}, space[3], in[3], out_shape[3], kept[3];
    int32_t at = 0, axes = 0;
    for (int32_t pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < 3; i++)
            if ((set >> i & 1) == pass) {
                space[at] = shape[i];
                in[at] = strides[i];
                out_shape[at] = pass ? 1 : shape[i];
                kept[at] = i;
                at++;
                axes += pass;
            }
    const int64_t count = out_shape[0] * out_shape[1] * out_shape[2];
    const float start = how == KAON_REDUCE_SUM   ? 0
                        : how == KAON_REDUCE_MAX ? -INFINITY
                        : how == KAON_REDUCE_MIN ? INFINITY
                                                 : 1;
    for (int64_t i = 0; i < count; i++)
        wanted[i] = start;
    for (int64_t i = 0; i < space[0] * space[1] * space[2]; i++) {
        const int64_t index[3] = {i / (space[1] * space[2]), i / space[2] % space[1], i % space[2]};
        const float value = x[index[0] * in[0] + index[1] * in[1] + index[2] * in[2]];
        int64_t to = 0;
        for (int32_t k = 0; k < 3; k++)
            to = to * out_shape[k] + (out_shape[k] == 1 ? 0 : index[k]);
        wanted[to] = how == KAON_REDUCE_SUM   ? wanted[to] + value
                     : how == KAON_REDUCE_MAX ? fmaxf(wanted[to], value)
                     : how == KAON_REDUCE_MIN ? fminf(wanted[to], value)
                                              : wanted[to] * value;
    }
    st_step s;
    st_begin(&s, "fused");
    st_strides(st_in(&s, KAON_F32, x, space, 3), in, 3);
    st_out(&s, KAON_F32, z, out_shape, 3);
    st_space(&s, space, 3);
    s.fused.input_count = 1;
    st_result(&s, 0, how, axes);
    st_go(&s);
    st_near_f32(z, wanted, count, how == KAON_REDUCE_SUM ? 3e-5 : 1e-5);
    (void)kept;
}

static void reductions(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{3, 4, 5},     {1, 1, 1},    {2, 300, 7},  {100, 1, 64},
                                        {40, 50, 100}, {1, 1, 9000}, {9000, 1, 3}, {2, 0, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int32_t set = 1; set < 8; set++)
            for (int32_t how = KAON_REDUCE_SUM; how <= KAON_REDUCE_PROD; how++) {
                st_fill_f32(x, MOST, 5);
                for (int64_t j = 0; how == KAON_REDUCE_PROD && j < MOST; j++)
                    x[j] = 1 + x[j] * 0.0005f;
                reduce_case(shapes[i], set, how);
            }
}

// The same bits whatever order the pieces are done in, and close to the sum in f64.
static void large_sums_do_not_depend_on_threads(void **state)
{
    (void)state;
    enum { N = 3 << 20 };
    float *big = malloc(N * sizeof *big), first = 0, second = 0;
    assert_non_null(big);
    double exact = 0;
    st_fill_f32(big, N, 99);
    for (int64_t i = 0; i < N; i++)
        exact += (double)(big[i] = big[i] * 0.37f + 1);
    for (int turn = 0; turn < 2; turn++) {
        st_backwards = turn;
        st_step s;
        st_begin(&s, "fused");
        st_in(&s, KAON_F32, big, ST_SHAPE(N));
        st_out(&s, KAON_F32, turn ? &second : &first, ST_SHAPE(1));
        st_space(&s, ST_SHAPE(N));
        s.fused.input_count = 1;
        st_result(&s, 0, KAON_REDUCE_SUM, 1);
        st_go(&s);
    }
    st_backwards = 1;
    free(big);
    assert_memory_equal(&first, &second, sizeof first);
    assert_true(fabs((double)first - exact) < 1e-6 * exact);
}

/* A tile: activations stored, their row sums, their column sums added up, and their grand total. */
static void a_tile_with_totals(void **state)
{
    (void)state;
    static float activations[64 * 20], row_sums[64], column_sums[20], grand[1];
    st_fill_f32(x, MOST, 21);
    memset(column_sums, 0, sizeof column_sums);
    grand[0] = 0;
    float columns[20] = {0}, total = 0;
    for (int64_t first = 0; first < 100; first += 64) {
        const int64_t rows = first ? 36 : 64;
        st_step s;
        st_begin(&s, "fused");
        s.step.flags = KAON_STEP_ROWS;
        s.rows = rows;
        st_in(&s, KAON_F32, x + first * 20, ST_SHAPE(64, 20))->kind = KAON_OPERAND_ROWS;
        st_out(&s, KAON_F32, activations, ST_SHAPE(64, 20))->kind = KAON_OPERAND_ROWS;
        st_out(&s, KAON_F32, row_sums, ST_SHAPE(64, 1))->kind = KAON_OPERAND_ROWS;
        st_out(&s, KAON_F32, column_sums, ST_SHAPE(20))->kind = KAON_OPERAND_TOTAL;
        st_out(&s, KAON_F32, grand, ST_SHAPE(1))->kind = KAON_OPERAND_TOTAL;
        st_space(&s, ST_SHAPE(64, 20));
        const int32_t r = st_code(&s, 1, KAON_X_ABS, KAON_F32, 0, 0, 0, 0);
        st_result(&s, r, KAON_STORE, 0);
        st_result(&s, r, KAON_REDUCE_SUM, 1);
        st_result(&s, r, KAON_STORE, 0);
        st_result(&s, r, KAON_REDUCE_SUM, 1);
        st_go(&s);
        for (int64_t i = 0; i < rows; i++) {
            float sum = 0;
            for (int64_t j = 0; j < 20; j++) {
                const float value = fabsf(x[(first + i) * 20 + j]);
                sum += value;
                columns[j] += value;
                total += value;
                assert_true(activations[i * 20 + j] == value);
            }
            st_near_f32(&row_sums[i], &sum, 1, 1e-6);
        }
    }
    st_near_f32(column_sums, columns, 20, 1e-6);
    st_near_f32(grand, &total, 1, 1e-6);
}

// A scalar per row, summed over the rows: what a loss is.
static void a_total_of_scalars(void **state)
{
    (void)state;
    float total = 5, sum = 5;
    st_fill_f32(x, MOST, 31);
    for (int i = 0; i < 40; i++)
        sum += x[i];
    st_step s;
    st_begin(&s, "fused");
    s.step.flags = KAON_STEP_ROWS;
    s.rows = 40;
    st_in(&s, KAON_F32, x, ST_SHAPE(64))->kind = KAON_OPERAND_ROWS;
    st_out(&s, KAON_F32, &total, ST_SHAPE(1))->kind = KAON_OPERAND_TOTAL;
    st_space(&s, ST_SHAPE(64));
    s.fused.input_count = 1;
    st_result(&s, 0, KAON_STORE, 0);
    st_go(&s);
    st_near_f32(&total, &sum, 1, 1e-6);
}

/* Copies through strides: a transpose, a reversed row, a slice with steps, in every width. */
static void copies(void **state)
{
    (void)state;
    static const int32_t dtypes[] = {KAON_F32, KAON_F64, KAON_F16, KAON_U8, KAON_I64};
    static uint8_t from[200 * 300 * 8], to[200 * 300 * 8];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i * 7 + i / 255);
    for (int i = 0; i < 5 * 2; i++) {
        const int32_t dtype = dtypes[i / 2];
        const size_t bytes = kaon_dtype_bytes(dtype);
        const int64_t rows = 200, columns = 300;
        st_step s;
        st_begin(&s, "fused");
        const int64_t turned[2] = {1, rows}, backwards[2] = {columns, -1};
        const size_t skip = i % 2 ? (size_t)(columns - 1) * bytes : 0;
        kaon_operand *o = st_in(&s, dtype, from + skip, ST_SHAPE(rows, columns));
        st_strides(o, i % 2 ? backwards : turned, 2);
        st_out(&s, dtype, to, ST_SHAPE(rows, columns));
        st_space(&s, ST_SHAPE(rows, columns));
        s.fused.input_count = 1;
        st_result(&s, 0, KAON_STORE, 0);
        st_go(&s);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < columns; c++) {
                const int64_t source = i % 2 ? r * columns + (columns - 1 - c) : c * rows + r;
                assert_memory_equal(to + (size_t)(r * columns + c) * bytes,
                                    from + (size_t)source * bytes, bytes);
            }
    }
}

static void indices_know_their_row(void **state)
{
    (void)state;
    int64_t index[3 * 4];
    st_step s;
    st_begin(&s, "fused");
    s.step.flags = KAON_STEP_ROWS;
    s.rows = 3;
    s.first_row = 100;
    st_out(&s, KAON_I64, index, ST_SHAPE(8, 4))->kind = KAON_OPERAND_ROWS;
    st_space(&s, ST_SHAPE(8, 4));
    const int32_t row = st_code(&s, 0, KAON_X_IOTA, KAON_I64, 0, 0, 0, 0);
    const int32_t column = st_code(&s, 0, KAON_X_IOTA, KAON_I64, 1, 0, 0, 0);
    const int32_t ten = st_code(&s, 0, KAON_X_CONST, KAON_I64, 0, 0, 0, 10);
    const int32_t tens = st_code(&s, 0, KAON_X_MUL, KAON_I64, row, ten, 0, 0);
    st_result(&s, st_code(&s, 0, KAON_X_ADD, KAON_I64, tens, column, 0, 0), KAON_STORE, 0);
    st_go(&s);
    for (int64_t i = 0; i < 12; i++)
        assert_int_equal(index[i], (100 + i / 4) * 10 + i % 4);
}

// Half precision: 2048 + 1 is not a half; 1 + 2 is.
static void half_precision_rounds_each_step(void **state)
{
    (void)state;
    const float p[] = {2048, 1, 65504}, q[] = {1, 2, 65504};
    const float sums[] = {2048, 3, INFINITY};
    float out[3];
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, p, ST_SHAPE(3));
    st_in(&s, KAON_F32, q, ST_SHAPE(3));
    st_out(&s, KAON_F32, out, ST_SHAPE(3));
    st_space(&s, ST_SHAPE(3));
    const int32_t a = st_code(&s, 2, KAON_X_CAST, KAON_F16, 0, 0, 0, 0);
    const int32_t b = st_code(&s, 2, KAON_X_CAST, KAON_F16, 1, 0, 0, 0);
    const int32_t sum = st_code(&s, 2, KAON_X_ADD, KAON_F16, a, b, 0, 0);
    st_result(&s, st_code(&s, 2, KAON_X_CAST, KAON_F32, sum, 0, 0, 0), KAON_STORE, 0);
    st_go(&s);
    st_near_f32(out, sums, 3, 0);
}

static void in_place(void **state)
{
    (void)state;
    st_fill_f32(x, MOST, 41);
    for (int i = 0; i < MOST; i++)
        wanted[i] = -(x[i] * x[i]);
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, x, ST_SHAPE(MOST));
    st_out(&s, KAON_F32, x, ST_SHAPE(MOST));
    s.step.in_place = 0;
    st_space(&s, ST_SHAPE(MOST));
    const int32_t r = st_code(&s, 1, KAON_X_MUL, KAON_F32, 0, 0, 0, 0);
    st_result(&s, st_code(&s, 1, KAON_X_NEG, KAON_F32, r, 0, 0, 0), KAON_STORE, 0);
    st_go(&s);
    st_near_f32(x, wanted, MOST, 0);
}

static void nan_goes_through(void **state)
{
    (void)state;
    float out[2];
    for (int i = 0; i < 100; i++)
        x[i] = (float)i;
    x[57] = NAN;
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_F32, x, ST_SHAPE(2, 50));
    st_out(&s, KAON_F32, out, ST_SHAPE(2, 1));
    st_space(&s, ST_SHAPE(2, 50));
    s.fused.input_count = 1;
    st_result(&s, 0, KAON_REDUCE_MAX, 1);
    st_go(&s);
    assert_true(out[0] == 49);
    assert_true(isnan(out[1]));
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    st_step s;
    st_begin(&s, "fused");
    st_in(&s, KAON_I32, x, ST_SHAPE(3));
    st_out(&s, KAON_I32, z, ST_SHAPE(3));
    st_space(&s, ST_SHAPE(3));
    st_result(&s, st_code(&s, 1, KAON_X_EXP, KAON_I32, 0, 0, 0, 0), KAON_STORE, 0);
    assert_false(st_supported(&s));
    s.code[0].op = 999;
    assert_false(st_supported(&s));
    s.code[0] = (kaon_instruction){.op = KAON_X_NEG, .dtype = KAON_I32, .a = 7};
    assert_false(st_supported(&s));
}

/* 2 x + 1, streamed: from any place, in tiles or not, and nothing is touched around it. */
static void what_goes_past_the_caches(void **state)
{
    (void)state;
    enum { ROWS = 150, N = 37, ALL = ROWS * N };
    static float in[ALL], out[ALL + 32];
    st_fill_f32(in, ALL, 21);
    for (int i = 0; i < 2 * 17; i++) {
        const int64_t rows = i % 2 ? ROWS - i : ROWS;
        float *first = out + i / 2;
        st_step s;
        st_begin(&s, "fused");
        s.step.flags = KAON_STEP_STREAM | (i % 2 ? KAON_STEP_ROWS : 0);
        s.rows = rows;
        const int32_t kind = i % 2 ? KAON_OPERAND_ROWS : KAON_OPERAND_WHOLE;
        st_in(&s, KAON_F32, in, ST_SHAPE(ROWS, N))->kind = kind;
        st_out(&s, KAON_F32, first, ST_SHAPE(ROWS, N))->kind = kind;
        st_space(&s, ST_SHAPE(ROWS, N));
        const int32_t two = st_code(&s, 1, KAON_X_CONST, KAON_F32, 0, 0, 0, 2);
        const int32_t one = st_code(&s, 1, KAON_X_CONST, KAON_F32, 0, 0, 0, 1);
        const int32_t twice = st_code(&s, 1, KAON_X_MUL, KAON_F32, two, 0, 0, 0);
        st_result(&s, st_code(&s, 1, KAON_X_ADD, KAON_F32, twice, one, 0, 0), KAON_STORE, 0);
        memset(out, 0, sizeof out);
        st_go(&s);
        for (int64_t k = 0; k < rows * N; k++)
            assert_true(first[k] == 2 * in[k] + 1);
        assert_true(first == out || first[-1] == 0);
        assert_true(first[rows * N] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_by_hand),
        cmocka_unit_test(broadcasts),
        cmocka_unit_test(quotients_are_exact),
        cmocka_unit_test(single_numbers),
        cmocka_unit_test(reductions),
        cmocka_unit_test(large_sums_do_not_depend_on_threads),
        cmocka_unit_test(what_goes_past_the_caches),
        cmocka_unit_test(a_tile_with_totals),
        cmocka_unit_test(a_total_of_scalars),
        cmocka_unit_test(copies),
        cmocka_unit_test(indices_know_their_row),
        cmocka_unit_test(half_precision_rounds_each_step),
        cmocka_unit_test(in_place),
        cmocka_unit_test(nan_goes_through),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
