/* linalg_test.c: matrices taken apart and put together again. */
#include "step_test.h"

enum { MOST = 4096 };
static double a[MOST], b[MOST], first[MOST], second[MOST], third[MOST], product[MOST];

static void fill(double *x, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (double)(seed >> 8) * 0x1p-24 - 0.5;
    }
}

// product (m, n) = x (m, k) y (k, n); `turned` reads y as (n, k).
static void multiply(const double *x, const double *y, int64_t m, int64_t n, int64_t k, int turned)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            product[i * n + j] = 0;
            for (int64_t l = 0; l < k; l++)
                product[i * n + j] += x[i * k + l] * (turned ? y[j * k + l] : y[l * n + j]);
        }
}

static void near(const double *got, const double *wanted, int64_t n, double tolerance)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - wanted[i]) <= tolerance))
            fail_msg("number %lld is %.17g, not %.17g", (long long)i, got[i], wanted[i]);
}

static void one_input(const char *op, const int64_t *shape, int32_t rank, int32_t outputs,
                      const int64_t shapes[3][4], const int32_t *ranks)
{
    double *places[3] = {first, second, third};
    st_step s;
    st_begin(&s, op);
    st_in(&s, KAON_F64, a, shape, rank);
    for (int32_t i = 0; i < outputs; i++)
        st_out(&s, KAON_F64, places[i], shapes[i], ranks[i]);
    st_go(&s);
}

// ((4, 2), (2, 5)) = L L^T with L = ((2, 0), (1, 2)); the upper triangle is not read.
static void cholesky(void **state)
{
    (void)state;
    const double matrix[] = {4, -99, 2, 5, -1, 0, 0, 1}, l[] = {2, 0, 1, 2};
    memcpy(a, matrix, sizeof matrix);
    one_input("cholesky", (const int64_t[]){2, 2, 2}, 3, 1, (const int64_t[3][4]){{2, 2, 2}},
              (const int32_t[]){3});
    near(first, l, 4, 1e-15);
    for (int i = 4; i < 8; i++)
        assert_true(isnan(first[i])); // the second is not positive definite
}

static void solve_both_ways(void **state)
{
    (void)state;
    const int64_t n = 5, k = 3;
    for (int kind = 0; kind < 9; kind++) {
        fill(a, 2 * n * n, 4);
        fill(b, 2 * n * k, 5);
        for (int64_t i = 0; i < 2 * n; i++)
            a[i / n * n * n + i % n * (n + 1)] += 3;
        const int lower = kind & 1, transpose = kind >> 1 & 1, unit = kind >> 2 & 1;
        st_step s;
        st_begin(&s, kind < 8 ? "triangular_solve" : "solve");
        st_in(&s, KAON_F64, a, ST_SHAPE(2, n, n));
        st_in(&s, KAON_F64, b, ST_SHAPE(2, n, k));
        st_out(&s, KAON_F64, first, ST_SHAPE(2, n, k));
        st_int(&s, "lower", lower);
        st_int(&s, "transpose", transpose);
        st_int(&s, "unit", unit);
        st_go(&s);
        for (int64_t m = 0; m < 2; m++) {
            double used[25];
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++) {
                    const int64_t r = transpose && kind < 8 ? j : i,
                                  c = transpose && kind < 8 ? i : j;
                    const double value = a[m * n * n + r * n + c];
                    const int kept = kind == 8 || (lower ? c <= r : c >= r);
                    used[i * n + j] = !kept ? 0 : kind < 8 && unit && i == j ? 1 : value;
                }
            multiply(used, first + m * n * k, n, k, n, 0);
            near(product, b + m * n * k, n * k, 1e-12);
        }
    }
}

static void singular_matrices(void **state)
{
    (void)state;
    const double matrix[] = {1, 2, 2, 4};
    memcpy(a, matrix, sizeof matrix);
    fill(b, 2, 1);
    st_step s;
    st_begin(&s, "solve");
    st_in(&s, KAON_F64, a, ST_SHAPE(2, 2));
    st_in(&s, KAON_F64, b, ST_SHAPE(2, 1));
    st_out(&s, KAON_F64, first, ST_SHAPE(2, 1));
    st_go(&s);
    assert_true(isnan(first[0]) && isnan(first[1]));
    one_input("slogdet", (const int64_t[]){2, 2}, 2, 2, (const int64_t[3][4]){{0}, {0}},
              (const int32_t[]){0, 0});
    assert_true(first[0] == 0 && second[0] == -(double)INFINITY);
}

// det ((0, 2), (3, 1)) = -6
static void determinant(void **state)
{
    (void)state;
    const double matrix[] = {0, 2, 3, 1, 1, 0, 0, 1};
    memcpy(a, matrix, sizeof matrix);
    one_input("slogdet", (const int64_t[]){2, 2, 2}, 3, 2, (const int64_t[3][4]){{2}, {2}},
              (const int32_t[]){1, 1});
    near(first, (const double[]){-1, 1}, 2, 0);
    near(second, (const double[]){log(6), 0}, 2, 1e-15);
}

static void orthogonal_columns(const double *q, int64_t m, int64_t k)
{
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) {
            double sum = 0;
            for (int64_t l = 0; l < m; l++)
                sum += q[l * k + i] * q[l * k + j];
            assert_true(fabs(sum - (i == j)) < 1e-13);
        }
}

static const int64_t sizes[][2] = {{1, 1}, {3, 3}, {6, 4}, {4, 6}, {20, 20}};

static void qr(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        const int64_t m = sizes[i][0], n = sizes[i][1], k = m < n ? m : n;
        fill(a, m * n, 6);
        one_input("qr", (const int64_t[]){m, n}, 2, 2, (const int64_t[3][4]){{m, k}, {k, n}},
                  (const int32_t[]){2, 2});
        orthogonal_columns(first, m, k);
        for (int64_t r = 0; r < k; r++)
            for (int64_t c = 0; c <= r; c++)
                assert_true(c < r ? second[r * n + c] == 0 : second[r * n + c] >= 0);
        multiply(first, second, m, n, k, 0);
        near(product, a, m * n, 1e-13);
    }
}

static void svd(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        const int64_t m = sizes[i][0], n = sizes[i][1], k = m < n ? m : n;
        fill(a, m * n, 7);
        one_input("svd", (const int64_t[]){m, n}, 2, 3, (const int64_t[3][4]){{m, k}, {k}, {k, n}},
                  (const int32_t[]){2, 1, 2});
        orthogonal_columns(first, m, k);
        for (int64_t r = 0; r < m; r++)
            for (int64_t c = 0; c < k; c++)
                first[r * k + c] *= second[c];
        for (int64_t c = 1; c < k; c++)
            assert_true(second[c] <= second[c - 1] && second[c] >= 0);
        multiply(first, third, m, n, k, 0);
        near(product, a, m * n, 1e-13);
    }
}

// Values 1 and 3 of ((2, 1), (1, 2)); only the lower triangle counts.
static void eigh(void **state)
{
    (void)state;
    const double matrix[] = {2, 77, 1, 2}, values[] = {1, 3};
    memcpy(a, matrix, sizeof matrix);
    one_input("eigh", (const int64_t[]){2, 2}, 2, 2, (const int64_t[3][4]){{2}, {2, 2}},
              (const int32_t[]){1, 2});
    near(first, values, 2, 1e-14);
    orthogonal_columns(second, 2, 2);

    const int64_t n = 12;
    fill(a, n * n, 8);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            a[j * n + i] = a[i * n + j];
    one_input("eigh", (const int64_t[]){n, n}, 2, 2, (const int64_t[3][4]){{n}, {n, n}},
              (const int32_t[]){1, 2});
    orthogonal_columns(second, n, n);
    for (int64_t i = 0; i < n * n; i++)
        third[i] = second[i] * first[i % n];
    multiply(third, second, n, n, n, 1);
    near(product, a, n * n, 1e-13);
}

static void nan_does_not_hang(void **state)
{
    (void)state;
    fill(a, 9, 9);
    a[3] = (double)NAN;
    one_input("svd", (const int64_t[]){3, 3}, 2, 3, (const int64_t[3][4]){{3, 3}, {3}, {3, 3}},
              (const int32_t[]){2, 1, 2});
    assert_true(isnan(second[0]));
    one_input("eigh", (const int64_t[]){3, 3}, 2, 2, (const int64_t[3][4]){{3}, {3, 3}},
              (const int32_t[]){1, 2});
    assert_true(isnan(first[0]));
}

static void single_precision(void **state)
{
    (void)state;
    const float matrix[] = {4, 2, 2, 5}, l[] = {2, 0, 1, 2};
    float out[4];
    st_step s;
    st_begin(&s, "cholesky");
    st_in(&s, KAON_F32, matrix, ST_SHAPE(2, 2));
    st_out(&s, KAON_F32, out, ST_SHAPE(2, 2));
    st_go(&s);
    st_near_f32(out, l, 4, 1e-7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cholesky),
        cmocka_unit_test(solve_both_ways),
        cmocka_unit_test(singular_matrices),
        cmocka_unit_test(determinant),
        cmocka_unit_test(qr),
        cmocka_unit_test(svd),
        cmocka_unit_test(eigh),
        cmocka_unit_test(nan_does_not_hang),
        cmocka_unit_test(single_precision),
    };
    return cmocka_run_group_tests(tests, st_open, st_close);
}
