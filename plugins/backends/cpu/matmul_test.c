/* matmul_test.c: products against the plain triple loop, in every form the compiler hands over. */
#include "step_test.h"

enum { MOST = 300 * 300 };
static float a[MOST], b[MOST], c[MOST], wanted[MOST], bias[512];

/* c = x y with given strides, in f64. */
static void plain(const float *x, int64_t x_row, int64_t x_step, const float *y, int64_t y_row,
                  int64_t y_step, float *out, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += (double)x[i * x_row + l * x_step] * (double)y[l * y_row + j * y_step];
            out[i * n + j] = (float)sum;
        }
}

static void two_by_two_by_hand(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4}, y[] = {5, 6, 7, 8};
    const float product[] = {19, 22, 43, 50};
    st_step s;
    st_begin(&s, "matmul");
    st_in(&s, KAON_F32, x, ST_SHAPE(2, 2));
    st_in(&s, KAON_F32, y, ST_SHAPE(2, 2));
    st_out(&s, KAON_F32, c, ST_SHAPE(2, 2));
    st_go(&s);
    st_near_f32(c, product, 4, 0);
}

static const int64_t sizes[][3] = {{1, 1, 1},    {1, 5, 32},   {1, 64, 16},    {3, 5, 7},
                                   {64, 64, 16}, {64, 32, 64}, {64, 5, 32},    {13, 33, 17},
                                   {7, 80, 3},   {2, 130, 9},  {300, 4, 50},   {65, 257, 70},
                                   {0, 4, 3},    {4, 3, 0},    {256, 256, 256}};

static void transposed_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 8; form++) {
            const int64_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
            const int64_t gap = form & 4 && k * 2 * m <= MOST && k * 2 * n <= MOST ? 2 : 1;
            const int64_t ar = form & 1 ? gap : k * gap, as = form & 1 ? m * gap : gap;
            const int64_t br = form & 2 ? gap : n * gap, bs = form & 2 ? k * gap : gap;
            st_fill_f32(a, MOST, 1);
            st_fill_f32(b, MOST, 2);
            plain(a, ar, as, b, br, bs, wanted, m, n, k);
            st_step s;
            st_begin(&s, "matmul");
            st_strides(st_in(&s, KAON_F32, a, ST_SHAPE(m, k)), (const int64_t[]){ar, as}, 2);
            st_strides(st_in(&s, KAON_F32, b, ST_SHAPE(k, n)), (const int64_t[]){br, bs}, 2);
            st_out(&s, KAON_F32, c, ST_SHAPE(m, n));
            st_go(&s);
            st_near_f32(c, wanted, m * n, 1e-5);
        }
}

static void a_tile_of_rows_and_its_tail(void **state)
{
    (void)state;
    st_fill_f32(a, MOST, 3);
    st_fill_f32(b, MOST, 4);
    plain(a, 16, 1, b, 33, 1, wanted, 64, 33, 16);
    for (int64_t rows = 1; rows <= 64; rows++) {
        st_step s;
        st_begin(&s, "matmul");
        s.step.flags = KAON_STEP_ROWS;
        s.rows = rows;
        st_in(&s, KAON_F32, a, ST_SHAPE(64, 16))->kind = KAON_OPERAND_ROWS;
        kaon_operand *weights = st_in(&s, KAON_F32, b, ST_SHAPE(16, 33));
        weights->value = rows % 2 ? b : NULL; // a constant is packed
        st_out(&s, KAON_F32, c, ST_SHAPE(64, 33))->kind = KAON_OPERAND_ROWS;
        c[rows * 33] = -77;
        st_go(&s);
        st_near_f32(c, wanted, rows * 33, 1e-5);
        assert_true(c[rows * 33] == -77);
    }
}

// dW += X^T dY over two tiles gives X^T dY of both.
static void totals_add_up(void **state)
{
    (void)state;
    st_fill_f32(a, MOST, 5);
    st_fill_f32(b, MOST, 6);
    plain(a, 1, 20, b, 30, 1, wanted, 20, 30, 96);
    memset(c, 0, sizeof c);
    for (int64_t first = 0; first < 96; first += 64) {
        st_step s;
        st_begin(&s, "matmul");
        s.step.flags = KAON_STEP_ROWS;
        s.rows = first ? 32 : 64;
        kaon_operand *x = st_in(&s, KAON_F32, a + first * 20, ST_SHAPE(20, 64));
        st_strides(x, (const int64_t[]){1, 20}, 2);
        x->kind = KAON_OPERAND_ROWS;
        st_in(&s, KAON_F32, b + first * 30, ST_SHAPE(64, 30))->kind = KAON_OPERAND_ROWS;
        st_out(&s, KAON_F32, c, ST_SHAPE(20, 30))->kind = KAON_OPERAND_TOTAL;
        st_go(&s);
    }
    st_near_f32(c, wanted, 20 * 30, 1e-5);
}

/* a (2, 3, m, k) with b (3, k, n): the second leading axis of both, the first of a only. */
static void leading_axes_broadcast(void **state)
{
    (void)state;
    const int64_t m = 4, n = 19, k = 6;
    st_fill_f32(a, MOST, 7);
    st_fill_f32(b, MOST, 8);
    for (int64_t i = 0; i < 6; i++)
        plain(a + i * m * k, k, 1, b + i % 3 * k * n, n, 1, wanted + i * m * n, m, n, k);
    st_step s;
    st_begin(&s, "matmul");
    st_in(&s, KAON_F32, a, ST_SHAPE(2, 3, m, k));
    st_in(&s, KAON_F32, b, ST_SHAPE(3, k, n));
    st_out(&s, KAON_F32, c, ST_SHAPE(2, 3, m, n));
    st_go(&s);
    st_near_f32(c, wanted, 6 * m * n, 1e-5);

    // One b for all: the same as one matrix of all rows.
    plain(a, k, 1, b, n, 1, wanted, 6 * m, n, k);
    st_begin(&s, "matmul");
    st_in(&s, KAON_F32, a, ST_SHAPE(2, 3, m, k));
    st_in(&s, KAON_F32, b, ST_SHAPE(k, n));
    st_out(&s, KAON_F32, c, ST_SHAPE(2, 3, m, n));
    st_go(&s);
    st_near_f32(c, wanted, 6 * m * n, 1e-5);
}

static void vectors_are_rows_and_columns(void **state)
{
    (void)state;
    st_fill_f32(a, MOST, 9);
    st_fill_f32(b, MOST, 10);
    st_step s;
    plain(a, 0, 1, b, 12, 1, wanted, 1, 12, 9);
    st_begin(&s, "matmul");
    st_in(&s, KAON_F32, a, ST_SHAPE(9));
    st_in(&s, KAON_F32, b, ST_SHAPE(9, 12));
    st_out(&s, KAON_F32, c, ST_SHAPE(12));
    st_go(&s);
    st_near_f32(c, wanted, 12, 1e-5);

    plain(a, 9, 1, b, 1, 0, wanted, 8, 1, 9);
    st_begin(&s, "matmul");
    st_in(&s, KAON_F32, a, ST_SHAPE(8, 9));
    st_in(&s, KAON_F32, b, ST_SHAPE(9));
    st_out(&s, KAON_F32, c, ST_SHAPE(8));
    st_go(&s);
    st_near_f32(c, wanted, 8, 1e-5);
}

/* Three epilogues: bias; bias and relu; select(saved > 0, product, 0), which goes the general way.
 */
static void epilogue(st_step *s, int kind, int64_t m, int64_t n, int64_t k, const float *saved,
                     int32_t tiled)
{
    const int32_t rows = tiled ? KAON_OPERAND_ROWS : KAON_OPERAND_WHOLE;
    st_begin(s, "matmul");
    s->step.flags = tiled ? KAON_STEP_ROWS : 0;
    st_in(s, KAON_F32, a, ST_SHAPE(m, k))->kind = rows;
    st_in(s, KAON_F32, b, ST_SHAPE(k, n));
    kaon_operand *other = st_in(s, KAON_F32, kind < 2 ? bias : saved, ST_SHAPE(m, n));
    if (kind < 2)
        other->strides[0] = 0;
    else
        other->kind = rows;
    st_out(s, KAON_F32, c, ST_SHAPE(m, n))->kind = rows;
    st_space(s, ST_SHAPE(m, n));
    int32_t value = 0;
    if (kind < 2)
        value = st_code(s, 2, KAON_X_ADD, KAON_F32, 0, 1, 0, 0);
    const int32_t zero = kind ? st_code(s, 2, KAON_X_CONST, KAON_F32, 0, 0, 0, 0) : 0;
    if (kind == 1)
        value = st_code(s, 2, KAON_X_MAX, KAON_F32, value, zero, 0, 0);
    if (kind == 2) {
        const int32_t open = st_code(s, 2, KAON_X_GT, KAON_BOOL, 1, zero, 0, 0);
        value = st_code(s, 2, KAON_X_SELECT, KAON_F32, open, 0, zero, 0);
    }
    st_result(s, value, KAON_STORE, 0);
}

static void epilogues(void **state)
{
    (void)state;
    static float saved[MOST];
    static const int64_t shapes[][3] = {{64, 32, 16}, {1, 5, 32}, {300, 200, 30}, {256, 300, 256}};
    st_fill_f32(a, MOST, 11);
    st_fill_f32(b, MOST, 12);
    st_fill_f32(saved, MOST, 13);
    st_fill_f32(bias, 512, 14);
    for (int i = 0; i < 4 * 3 * 2; i++) {
        const int64_t m = shapes[i % 4][0], n = shapes[i % 4][1], k = shapes[i % 4][2];
        const int kind = i / 4 % 3;
        plain(a, k, 1, b, n, 1, wanted, m, n, k);
        for (int64_t j = 0; j < m * n; j++) {
            const float y = wanted[j] + (kind < 2 ? bias[j % n] : 0);
            wanted[j] = kind == 0 ? y : kind == 1 ? (y > 0 ? y : 0) : saved[j] > 0 ? y : 0;
        }
        st_step s;
        epilogue(&s, kind, m, n, k, saved, i / 12);
        st_go(&s);
        st_near_f32(c, wanted, m * n, 1e-5);
    }
}

/* What training asks for: relu with its mask, then back through the mask with a sum of columns. */
enum { MASK_M = 50, MASK_N = 37, MASK_K = 20 };
static uint8_t mask[MASK_M * MASK_N];
static float mask_columns[MASK_N], mask_sums[MASK_N];

static void forward_with_mask(st_step *s)
{
    st_begin(s, "matmul");
    s->step.flags = KAON_STEP_ROWS;
    st_in(s, KAON_F32, a, ST_SHAPE(MASK_M, MASK_K))->kind = KAON_OPERAND_ROWS;
    st_in(s, KAON_F32, b, ST_SHAPE(MASK_K, MASK_N));
    st_in(s, KAON_F32, bias, ST_SHAPE(MASK_M, MASK_N))->strides[0] = 0;
    st_out(s, KAON_F32, c, ST_SHAPE(MASK_M, MASK_N))->kind = KAON_OPERAND_ROWS;
    st_out(s, KAON_BOOL, mask, ST_SHAPE(MASK_M, MASK_N))->kind = KAON_OPERAND_ROWS;
    st_space(s, ST_SHAPE(MASK_M, MASK_N));
    const int32_t sum = st_code(s, 2, KAON_X_ADD, KAON_F32, 0, 1, 0, 0);
    const int32_t zero = st_code(s, 2, KAON_X_CONST, KAON_F32, 0, 0, 0, 0);
    st_result(s, st_code(s, 2, KAON_X_MAX, KAON_F32, sum, zero, 0, 0), KAON_STORE, 0);
    st_result(s, st_code(s, 2, KAON_X_GT, KAON_BOOL, sum, zero, 0, 0), KAON_STORE, 0);
    st_go(s);
    for (int i = 0; i < MASK_M * MASK_N; i++) {
        const float y = wanted[i] + bias[i % MASK_N];
        const float relu = y > 0 ? y : 0;
        st_near_f32(&c[i], &relu, 1, 1e-5);
        assert_int_equal(mask[i], y > 0);
    }
}

// Both results: what is kept of the product, and its column sums.
static void go_back(st_step *s, int32_t kept)
{
    memset(mask_columns, 0, sizeof mask_columns);
    st_result(s, kept, KAON_STORE, 0);
    st_result(s, kept, KAON_STORE, 0);
    st_go(s);
    for (int i = 0; i < MASK_M * MASK_N; i++) {
        const float y = mask[i] ? wanted[i] : 0;
        st_near_f32(&c[i], &y, 1, 1e-5);
    }
    st_near_f32(mask_columns, mask_sums, MASK_N, 1e-5);
}

static void back_through_mask(st_step *s)
{
    st_begin(s, "matmul");
    s->step.flags = KAON_STEP_ROWS;
    st_in(s, KAON_F32, a, ST_SHAPE(MASK_M, MASK_K))->kind = KAON_OPERAND_ROWS;
    st_in(s, KAON_F32, b, ST_SHAPE(MASK_K, MASK_N));
    st_in(s, KAON_BOOL, mask, ST_SHAPE(MASK_M, MASK_N))->kind = KAON_OPERAND_ROWS;
    st_out(s, KAON_F32, c, ST_SHAPE(MASK_M, MASK_N))->kind = KAON_OPERAND_ROWS;
    st_out(s, KAON_F32, mask_columns, ST_SHAPE(1, MASK_N))->kind = KAON_OPERAND_TOTAL;
    st_space(s, ST_SHAPE(MASK_M, MASK_N));
    const int32_t none = st_code(s, 2, KAON_X_CONST, KAON_F32, 0, 0, 0, 0);
    go_back(s, st_code(s, 2, KAON_X_SELECT, KAON_F32, 1, 0, none, 0));
}

// The same with the activation in the place of its mask: what is kept is where it is above 0.
static void back_through_activation(st_step *s)
{
    static float saved[MASK_M * MASK_N];
    for (int i = 0; i < MASK_M * MASK_N; i++)
        saved[i] = mask[i] ? 0.5f : i % 2 ? 0 : -1;
    s->operands[2].dtype = KAON_F32;
    s->data[2] = saved;
    s->fused.code_count = s->fused.result_count = 0;
    const int32_t nothing = st_code(s, 2, KAON_X_CONST, KAON_F32, 0, 0, 0, 0);
    const int32_t gate = st_code(s, 2, KAON_X_GT, KAON_BOOL, 1, nothing, 0, 0);
    go_back(s, st_code(s, 2, KAON_X_SELECT, KAON_F32, gate, 0, nothing, 0));
}

static void masks_of_relu(void **state)
{
    (void)state;
    st_step s;
    st_fill_f32(a, MOST, 15);
    st_fill_f32(b, MOST, 16);
    st_fill_f32(bias, 512, 17);
    plain(a, MASK_K, 1, b, MASK_N, 1, wanted, MASK_M, MASK_N, MASK_K);
    forward_with_mask(&s);
    for (int i = 0; i < MASK_M * MASK_N; i++)
        mask_sums[i % MASK_N] += mask[i] ? wanted[i] : 0;
    back_through_mask(&s);
    back_through_activation(&s);
}

/* The sum of a whole product, as a total: one number from tiles of 2 and 1 rows, and a column sum.
 */
static void epilogues_that_are_totals(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 0, 2, 0, 1, 3}; // (3, 2) (2, 3)
    double sum = 100, columns[3] = {0, 0, 0};
    for (int64_t first = 0; first < 3; first += 2) {
        st_step s;
        st_begin(&s, "matmul");
        s.step.flags = KAON_STEP_ROWS;
        s.rows = first ? 1 : 2;
        st_in(&s, KAON_F64, x + first * 2, ST_SHAPE(2, 2))->kind = KAON_OPERAND_ROWS;
        st_in(&s, KAON_F64, y, ST_SHAPE(2, 3));
        st_add(&s, 1, KAON_F64, &sum, NULL, 0)->kind = KAON_OPERAND_TOTAL;
        st_out(&s, KAON_F64, columns, ST_SHAPE(1, 3))->kind = KAON_OPERAND_TOTAL;
        st_space(&s, ST_SHAPE(2, 3));
        s.fused.input_count = 1;
        st_result(&s, 0, KAON_REDUCE_SUM, 1);
        st_result(&s, 0, KAON_STORE, 0);
        st_go(&s);
    }
    // The product is ((1, 2, 8), (3, 4, 18), (5, 6, 28)).
    assert_true(sum == 175);
    assert_true(columns[0] == 9 && columns[1] == 12 && columns[2] == 54);

    // Without tiles the shape of the output tells, and nothing is added to.
    st_step s;
    st_begin(&s, "matmul");
    st_in(&s, KAON_F64, x, ST_SHAPE(3, 2));
    st_in(&s, KAON_F64, y, ST_SHAPE(2, 3));
    st_out(&s, KAON_F64, &sum, ST_SHAPE(1, 1));
    st_out(&s, KAON_F64, columns, ST_SHAPE(1, 3));
    st_space(&s, ST_SHAPE(3, 3));
    s.fused.input_count = 1;
    st_result(&s, 0, KAON_REDUCE_SUM, 1);
    st_result(&s, 0, KAON_STORE, 0);
    st_go(&s);
    assert_true(sum == 75);
    assert_true(columns[0] == 9 && columns[1] == 12 && columns[2] == 54);
}

static void refuses_what_is_not_floating_point(void **state)
{
    (void)state;
    st_step s;
    st_begin(&s, "matmul");
    st_in(&s, KAON_BOOL, a, ST_SHAPE(2, 2));
    st_in(&s, KAON_BOOL, b, ST_SHAPE(2, 2));
    st_out(&s, KAON_BOOL, c, ST_SHAPE(2, 2));
    assert_false(st_supported(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_by_two_by_hand),
        cmocka_unit_test(transposed_or_not),
        cmocka_unit_test(a_tile_of_rows_and_its_tail),
        cmocka_unit_test(totals_add_up),
        cmocka_unit_test(leading_axes_broadcast),
        cmocka_unit_test(vectors_are_rows_and_columns),
        cmocka_unit_test(epilogues),
        cmocka_unit_test(masks_of_relu),
        cmocka_unit_test(epilogues_that_are_totals),
        cmocka_unit_test(refuses_what_is_not_floating_point),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
