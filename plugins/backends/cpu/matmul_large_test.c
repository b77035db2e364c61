/* matmul_large_test.c: products that are packed into panels.
 *
 * All numbers are small multiples of 1/16, so that every sum is exact in f32, whatever its order:
 * results are compared bit by bit. Where the order matters, thirds are used.
 */
#include "step_test.h"

enum { M = 85, N = 545, K = 1025 }; // the largest; b has more than 1 MiB
static float a[M * K], b[K * N], c[M * N], wanted[M * N], bias[N];

// What is to be multiplied, and how it lies.
typedef struct product {
    int64_t m, n, k;
    int32_t a_turned, b_turned; // 1: by columns
    int32_t constant;           // 1: b is known when the step is prepared
    int32_t tiled;
} product;

static void plain(const product *p)
{
    memset(wanted, 0, sizeof wanted);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t k = 0; k < p->k; k++) {
            const float x = p->a_turned ? a[k * p->m + i] : a[i * p->k + k];
            const int64_t row = p->b_turned ? 1 : p->n, step = p->b_turned ? p->k : 1;
            for (int64_t j = 0; j < p->n; j++)
                wanted[i * p->n + j] += x * b[k * row + j * step];
        }
}

static void begin(st_step *s, const product *p)
{
    const int32_t kind = p->tiled ? KAON_OPERAND_ROWS : KAON_OPERAND_WHOLE;
    st_begin(s, "matmul");
    s->step.flags = p->tiled ? KAON_STEP_ROWS : 0;
    kaon_operand *x = st_in(s, KAON_F32, a, ST_SHAPE(p->m, p->k));
    x->kind = kind;
    if (p->a_turned)
        st_strides(x, (const int64_t[]){1, p->m}, 2);
    kaon_operand *y = st_in(s, KAON_F32, b, ST_SHAPE(p->k, p->n));
    y->value = p->constant ? b : NULL;
    if (p->b_turned)
        st_strides(y, (const int64_t[]){1, p->k}, 2);
}

static void finish(st_step *s, const product *p)
{
    st_out(s, KAON_F32, c, ST_SHAPE(p->m, p->n))->kind = s->operands[0].kind;
    memset(c, 0xa5, sizeof c);
    st_go(s);
}

static void fill(void)
{
    st_fill_f32(a, M * K, 1);
    st_fill_f32(b, K * N, 2);
    st_fill_f32(bias, N, 3);
}

static void around_the_edges_of_tiles_and_blocks(void **state)
{
    (void)state;
    static const product products[] = {{64, 512, 513, 0, 0, 0, 0},  {65, 513, 514, 1, 0, 0, 0},
                                       {69, 527, 600, 0, 1, 1, 0},  {70, 528, 700, 1, 1, 0, 1},
                                       {71, 529, 1023, 0, 0, 1, 1}, {84, 544, 1024, 1, 0, 1, 0},
                                       {85, 545, 1025, 0, 1, 0, 0}};
    fill();
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        st_step s;
        plain(&products[i]);
        begin(&s, &products[i]);
        finish(&s, &products[i]);
        st_near_f32(c, wanted, products[i].m * products[i].n, 0);
    }
}

static void gaps_between_the_numbers(void **state)
{
    (void)state;
    const product p = {.m = 64, .n = 270, .k = 1000};
    fill();
    plain(&p);
    static float wide_a[64 * 1000 * 2], wide_b[1000 * 270 * 2];
    for (int64_t i = 0; i < p.m * p.k; i++)
        wide_a[2 * i] = a[i];
    for (int64_t i = 0; i < p.k * p.n; i++)
        wide_b[2 * i] = b[i];
    st_step s;
    begin(&s, &p);
    s.data[0] = wide_a;
    s.data[1] = wide_b;
    st_strides(&s.operands[0], (const int64_t[]){2 * p.k, 2}, 2);
    st_strides(&s.operands[1], (const int64_t[]){2 * p.n, 2}, 2);
    finish(&s, &p);
    st_near_f32(c, wanted, p.m * p.n, 0);
}

/* What is not a number stays in its row, what is infinite in its column. */
static void not_a_number_and_infinity(void **state)
{
    (void)state;
    const product p = {.m = 66, .n = 515, .k = 600};
    fill();
    a[65 * p.k + 7] = NAN;
    b[599 * p.n + 514] = INFINITY;
    plain(&p);
    st_step s;
    begin(&s, &p);
    finish(&s, &p);
    assert_true(isnan(c[65 * p.n]) && isnan(c[65 * p.n + 514]));
    assert_true(isinf(c[514]) || isnan(c[514]));
    st_near_f32(c, wanted, p.m * p.n, 0);
}

/* --- epilogues -------------------------------------------------------------------------------- */

// max(product + bias, 0) by the kernel itself, or twice the product by an expression.
static void epilogue(const product *p, int32_t general)
{
    st_step s;
    begin(&s, p);
    if (!general)
        st_in(&s, KAON_F32, bias, ST_SHAPE(p->m, p->n))->strides[0] = 0;
    st_space(&s, ST_SHAPE(p->m, p->n));
    const int32_t inputs = general ? 1 : 2;
    const int32_t number = st_code(&s, inputs, KAON_X_CONST, KAON_F32, 0, 0, 0, general ? 2 : 0);
    if (general) {
        st_result(&s, st_code(&s, 1, KAON_X_MUL, KAON_F32, 0, number, 0, 0), KAON_STORE, 0);
    } else {
        const int32_t sum = st_code(&s, 2, KAON_X_ADD, KAON_F32, 0, 1, 0, 0);
        st_result(&s, st_code(&s, 2, KAON_X_MAX, KAON_F32, sum, number, 0, 0), KAON_STORE, 0);
    }
    finish(&s, p);
    for (int64_t i = 0; i < p->m * p->n; i++) {
        const float sum = wanted[i] + bias[i % p->n];
        const float y = general ? 2 * wanted[i] : sum > 0 ? sum : 0;
        st_near_f32(&c[i], &y, 1, 0);
    }
}

static void epilogues_come_after_the_last_block(void **state)
{
    (void)state;
    fill();
    for (int i = 0; i < 8; i++) {
        const product p = {.m = 75, .n = 520, .k = 600, .tiled = i & 1, .constant = i >> 1 & 1};
        plain(&p);
        epilogue(&p, i >> 2);
    }
}

/* --- totals, many matrices, f64 --------------------------------------------------------------- */

// X^T dY of 600 rows, added to what is there.
static void totals_add_up(void **state)
{
    (void)state;
    const product p = {.m = 70, .n = 500, .k = 600, .a_turned = 1};
    fill();
    plain(&p);
    for (int64_t i = 0; i < p.m * p.n; i++)
        c[i] = 100;
    st_step s;
    begin(&s, &p);
    s.step.flags = KAON_STEP_ROWS;
    s.rows = p.k;
    s.operands[0].kind = s.operands[1].kind = KAON_OPERAND_ROWS;
    st_out(&s, KAON_F32, c, ST_SHAPE(p.m, p.n))->kind = KAON_OPERAND_TOTAL;
    st_go(&s);
    for (int64_t i = 0; i < p.m * p.n; i++)
        wanted[i] += 100;
    st_near_f32(c, wanted, p.m * p.n, 0);
}

static void one_matrix_after_the_other(void **state)
{
    (void)state;
    enum { ROWS = 64, COLUMNS = 264, DEPTH = 1024 };
    static float many_b[2 * DEPTH * COLUMNS], many_c[2 * ROWS * COLUMNS];
    const product p = {.m = ROWS, .n = COLUMNS, .k = DEPTH};
    fill();
    st_fill_f32(many_b, 2 * DEPTH * COLUMNS, 9);
    st_step s;
    st_begin(&s, "matmul");
    st_strides(st_in(&s, KAON_F32, a, ST_SHAPE(2, ROWS, DEPTH)), (const int64_t[]){0, DEPTH, 1}, 3);
    st_in(&s, KAON_F32, many_b, ST_SHAPE(2, DEPTH, COLUMNS));
    st_out(&s, KAON_F32, many_c, ST_SHAPE(2, ROWS, COLUMNS));
    st_go(&s);
    for (int i = 0; i < 2; i++) {
        memcpy(b, many_b + i * DEPTH * COLUMNS, sizeof(float) * DEPTH * COLUMNS);
        plain(&p);
        st_near_f32(many_c + i * ROWS * COLUMNS, wanted, ROWS * COLUMNS, 0);
    }
}

static void doubles(void **state)
{
    (void)state;
    enum { ROWS = 67, COLUMNS = 261, DEPTH = 520 };
    static double x[ROWS * DEPTH], y[DEPTH * COLUMNS], z[ROWS * COLUMNS];
    const product p = {.m = ROWS, .n = COLUMNS, .k = DEPTH};
    fill();
    plain(&p);
    for (int64_t i = 0; i < ROWS * DEPTH; i++)
        x[i] = (double)a[i];
    for (int64_t i = 0; i < DEPTH * COLUMNS; i++)
        y[i] = (double)b[i];
    st_step s;
    st_begin(&s, "matmul");
    st_in(&s, KAON_F64, x, ST_SHAPE(ROWS, DEPTH));
    st_in(&s, KAON_F64, y, ST_SHAPE(DEPTH, COLUMNS));
    st_out(&s, KAON_F64, z, ST_SHAPE(ROWS, COLUMNS));
    st_go(&s);
    for (int64_t i = 0; i < ROWS * COLUMNS; i++)
        assert_true(z[i] == (double)wanted[i]);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void the_same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    const product p = {.m = M, .n = N, .k = K};
    fill();
    for (int64_t i = 0; i < M * K; i++)
        a[i] /= 3;
    for (int32_t lanes = 1; lanes <= 5; lanes++) {
        st_step s;
        st_backend->close(st_device);
        st_lane_count = lanes;
        assert_int_equal(st_backend->open(&st_host, NULL, 0, &st_device, &st_diag), KAON_OK);
        begin(&s, &p);
        finish(&s, &p);
        if (lanes == 1)
            memcpy(wanted, c, sizeof c);
        assert_memory_equal(c, wanted, sizeof c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(around_the_edges_of_tiles_and_blocks),
        cmocka_unit_test(gaps_between_the_numbers),
        cmocka_unit_test(not_a_number_and_infinity),
        cmocka_unit_test(epilogues_come_after_the_last_block),
        cmocka_unit_test(totals_add_up),
        cmocka_unit_test(one_matrix_after_the_other),
        cmocka_unit_test(doubles),
        cmocka_unit_test(the_same_bits_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
