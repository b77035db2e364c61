/* linear_algebra.c: the linear algebra of the reference: textbook loops, Jacobi rotations. */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *take(int64_t count)
{
    double *memory = calloc((size_t)(count ? count : 1), sizeof *memory);
    if (!memory)
        abort();
    return memory;
}

static void cholesky(const double *a, int64_t n, double *l)
{
    memset(l, 0, (size_t)(n * n) * sizeof *l);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (int64_t k = 0; k < j; k++)
                sum -= l[i * n + k] * l[j * n + k];
            l[i * n + j] = i == j ? sqrt(sum > 0 ? sum : NAN) : sum / l[j * n + j];
        }
    }
}

// op(a) x = b for a triangle; entry (i, k) of op(a).
static void triangular(const kn_use *use, const double *a, int64_t n, double *x, int64_t columns)
{
    const int turned = kn_attr_int(use, "transpose", 0) != 0;
    const int unit = kn_attr_int(use, "unit", 0) != 0;
    const int down = (kn_attr_int(use, "lower", 1) != 0) != turned; // solve from the first row
    for (int64_t c = 0; c < columns; c++) {
        for (int64_t s = 0; s < n; s++) {
            const int64_t i = down ? s : n - 1 - s;
            double sum = x[i * columns + c];
            for (int64_t k = down ? 0 : i + 1; k < (down ? i : n); k++)
                sum -= (turned ? a[k * n + i] : a[i * n + k]) * x[k * columns + c];
            x[i * columns + c] = unit ? sum : sum / a[i * n + i];
        }
    }
}

// Gaussian elimination with partial pivoting in place, on `columns` right-hand sides too. Returns
// the sign of the permutation.
static double eliminate(double *a, int64_t n, double *b, int64_t columns)
{
    double sign = 1;
    for (int64_t j = 0; j < n; j++) {
        int64_t pivot = j;
        for (int64_t i = j + 1; i < n; i++) {
            if (fabs(a[i * n + j]) > fabs(a[pivot * n + j]))
                pivot = i;
        }
        if (pivot != j) {
            sign = -sign;
            for (int64_t k = 0; k < n; k++) {
                const double t = a[j * n + k];
                a[j * n + k] = a[pivot * n + k];
                a[pivot * n + k] = t;
            }
            for (int64_t k = 0; k < columns; k++) {
                const double t = b[j * columns + k];
                b[j * columns + k] = b[pivot * columns + k];
                b[pivot * columns + k] = t;
            }
        }
        if (a[j * n + j] == 0)
            continue;
        for (int64_t i = j + 1; i < n; i++) {
            const double f = a[i * n + j] / a[j * n + j];
            for (int64_t k = j; k < n; k++)
                a[i * n + k] -= f * a[j * n + k];
            for (int64_t k = 0; k < columns; k++)
                b[i * columns + k] -= f * b[j * columns + k];
        }
    }
    return sign;
}

static void solve(const double *a, int64_t n, double *x, int64_t columns)
{
    double *lu = take(n * n);
    int singular = 0;
    memcpy(lu, a, (size_t)(n * n) * sizeof *lu);
    eliminate(lu, n, x, columns);
    for (int64_t i = 0; i < n; i++)
        singular |= !(lu[i * n + i] != 0);
    for (int64_t c = 0; c < columns; c++) {
        for (int64_t i = n - 1; i >= 0; i--) {
            for (int64_t k = i + 1; k < n; k++)
                x[i * columns + c] -= lu[i * n + k] * x[k * columns + c];
            x[i * columns + c] = singular ? NAN : x[i * columns + c] / lu[i * n + i];
        }
    }
    free(lu);
}

static void slogdet(const double *a, int64_t n, double *sign, double *logarithm)
{
    double *lu = take(n * n);
    memcpy(lu, a, (size_t)(n * n) * sizeof *lu);
    *sign = eliminate(lu, n, NULL, 0);
    *logarithm = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = lu[i * n + i];
        *sign *= (d > 0) - (d < 0);
        *logarithm += log(fabs(d));
    }
    free(lu);
}

// Gram-Schmidt, each column twice, which is as good as reflections.
static void qr(const double *a, int64_t m, int64_t n, double *q, double *r)
{
    const int64_t k = m < n ? m : n;
    double *v = take(m);
    memset(r, 0, (size_t)(k * n) * sizeof *r);
    for (int64_t j = 0; j < k; j++) {
        for (int64_t i = 0; i < m; i++)
            v[i] = a[i * n + j];
        for (int64_t twice = 0; twice < 2; twice++) {
            for (int64_t p = 0; p < j; p++) {
                double dot = 0;
                for (int64_t i = 0; i < m; i++)
                    dot += q[i * k + p] * v[i];
                for (int64_t i = 0; i < m; i++)
                    v[i] -= dot * q[i * k + p];
            }
        }
        double norm = 0;
        for (int64_t i = 0; i < m; i++)
            norm += v[i] * v[i];
        for (int64_t i = 0; i < m; i++)
            q[i * k + j] = v[i] / sqrt(norm);
    }
    for (int64_t p = 0; p < k; p++) {
        for (int64_t j = p; j < n; j++) {
            for (int64_t i = 0; i < m; i++)
                r[p * n + j] += q[i * k + p] * a[i * n + j];
        }
    }
    free(v);
}

// Columns p and q of an (rows, n) matrix turned by the angle of (c, s).
static void rotate(double *a, int64_t rows, int64_t n, const int64_t pq[2], const double cs[2])
{
    for (int64_t i = 0; i < rows; i++) {
        const double x = a[i * n + pq[0]], y = a[i * n + pq[1]];
        a[i * n + pq[0]] = cs[0] * x - cs[1] * y;
        a[i * n + pq[1]] = cs[1] * x + cs[0] * y;
    }
}

// One-sided Jacobi: turns pairs of columns of `a` (m, n) until all are orthogonal; `v` collects the
// rotations.
static void orthogonalize(double *a, int64_t m, int64_t n, double *v)
{
    for (int64_t i = 0; i < n * n; i++)
        v[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double largest = 0;
        for (int64_t p = 0; p < n; p++) {
            for (int64_t q = p + 1; q < n; q++) {
                double x = 0, y = 0, z = 0;
                for (int64_t i = 0; i < m; i++) {
                    x += a[i * n + p] * a[i * n + p];
                    y += a[i * n + q] * a[i * n + q];
                    z += a[i * n + p] * a[i * n + q];
                }
                if (z == 0 || fabs(z) <= 1e-17 * sqrt(x * y))
                    continue;
                largest = fmax(largest, fabs(z) / sqrt(x * y));
                const double zeta = (y - x) / (2 * z);
                const double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                const double cs[] = {1 / sqrt(1 + t * t), t / sqrt(1 + t * t)};
                const int64_t pq[] = {p, q};
                rotate(a, m, n, pq, cs);
                rotate(v, n, n, pq, cs);
            }
        }
        if (largest < 1e-15)
            break;
    }
}

// Where the column of rank `place` in descending (or ascending) order stands.
static int64_t ranked(const double *values, int64_t n, int64_t place, int ascending)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (int64_t k = 0; k < n; k++) {
            const int first = ascending ? values[k] < values[i] : values[k] > values[i];
            before += first || (values[k] == values[i] && k < i);
        }
        if (before == place)
            return i;
    }
    return place;
}

// m >= n.
static void svd_tall(const double *a, int64_t m, int64_t n, double *u, double *s, double *v)
{
    double *w = take(m * n), *rotation = take(n * n), *norms = take(n);
    memcpy(w, a, (size_t)(m * n) * sizeof *w);
    orthogonalize(w, m, n, rotation);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < m; i++)
            norms[j] += w[i * n + j] * w[i * n + j];
        norms[j] = sqrt(norms[j]);
    }
    for (int64_t j = 0; j < n; j++) {
        const int64_t from = ranked(norms, n, j, 0);
        s[j] = norms[from];
        for (int64_t i = 0; i < m; i++)
            u[i * n + j] = w[i * n + from] / norms[from];
        for (int64_t i = 0; i < n; i++)
            v[i * n + j] = rotation[i * n + from];
    }
    free(w);
    free(rotation);
    free(norms);
}

static void transpose(const double *a, int64_t m, int64_t n, double *out)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++)
            out[j * m + i] = a[i * n + j];
    }
}

static void svd(const double *a, int64_t m, int64_t n, double *const *out)
{
    const int64_t k = m < n ? m : n;
    double *u = take(k * (m > n ? m : n)), *v = take(k * k), *turned = take(m * n);
    if (m >= n) {
        svd_tall(a, m, n, out[0], out[1], v);
        transpose(v, n, n, out[2]);
    } else { // a^T = u s v^T, so a = v s u^T
        transpose(a, m, n, turned);
        svd_tall(turned, n, m, u, out[1], out[0]);
        transpose(u, n, m, out[2]);
    }
    free(u);
    free(v);
    free(turned);
}

// Two-sided Jacobi on the symmetric matrix whose lower triangle is given.
static void eigh(const double *a, int64_t n, double *w, double *vectors)
{
    double *s = take(n * n), *v = take(n * n), *values = take(n);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            s[i * n + j] = i >= j ? a[i * n + j] : a[j * n + i];
            v[i * n + j] = i == j;
        }
    }
    for (int sweep = 0; sweep < 60; sweep++) {
        for (int64_t p = 0; p < n; p++) {
            for (int64_t q = p + 1; q < n; q++) {
                const double z = s[p * n + q];
                if (z == 0)
                    continue;
                const double zeta = (s[q * n + q] - s[p * n + p]) / (2 * z);
                const double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                const double cs[] = {1 / sqrt(1 + t * t), t / sqrt(1 + t * t)};
                const int64_t pq[] = {p, q};
                rotate(s, n, n, pq, cs);
                rotate(v, n, n, pq, cs);
                for (int64_t k = 0; k < n; k++) { // rows as well
                    const double x = s[p * n + k], y = s[q * n + k];
                    s[p * n + k] = cs[0] * x - cs[1] * y;
                    s[q * n + k] = cs[1] * x + cs[0] * y;
                }
            }
        }
    }
    for (int64_t i = 0; i < n; i++)
        values[i] = s[i * n + i];
    for (int64_t j = 0; j < n; j++) {
        const int64_t from = ranked(values, n, j, 1);
        w[j] = values[from];
        for (int64_t i = 0; i < n; i++)
            vectors[i * n + j] = v[i * n + from];
    }
    free(s);
    free(v);
    free(values);
}

int kr_is_linear_algebra(const char *op)
{
    static const char *const names[] = {
        "cholesky", "triangular_solve", "solve", "slogdet", "qr", "eigh", "svd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(op, names[i]))
            return 1;
    }
    return 0;
}

static void one_matrix(const kn_use *use, const double *const *in, double *const *out)
{
    const kn_node *a = use->inputs[0];
    const int64_t m = a->shape[a->rank - 2], n = a->shape[a->rank - 1];
    const char *op = use->name;
    if (!strcmp(op, "cholesky"))
        cholesky(in[0], n, out[0]);
    else if (!strcmp(op, "slogdet"))
        slogdet(in[0], n, out[0], out[1]);
    else if (!strcmp(op, "qr"))
        qr(in[0], m, n, out[0], out[1]);
    else if (!strcmp(op, "eigh"))
        eigh(in[0], n, out[0], out[1]);
    else if (!strcmp(op, "svd"))
        svd(in[0], m, n, out);
    else {
        const int64_t columns = use->inputs[1]->shape[a->rank - 1];
        memcpy(out[0], in[1], (size_t)(n * columns) * sizeof(double));
        if (!strcmp(op, "solve"))
            solve(in[0], n, out[0], columns);
        else
            triangular(use, in[0], n, out[0], columns);
    }
}

void kr_linear_algebra(const kn_use *use, const double *const *in, double *const *out)
{
    const kn_node *a = use->inputs[0];
    int64_t matrices = 1;
    for (int32_t i = 0; i < a->rank - 2; i++)
        matrices *= a->shape[i];
    for (int64_t k = 0; k < matrices; k++) {
        const double *at[2] = {NULL, NULL};
        double *to[3] = {NULL, NULL, NULL};
        for (int32_t i = 0; i < use->input_count; i++)
            at[i] = in[i] + k * (kn_node_count(use->inputs[i]) / matrices);
        for (int32_t i = 0; i < use->output_count; i++)
            to[i] = out[i] + k * (kn_node_count(&use->outputs[i]) / matrices);
        one_matrix(use, at, to);
    }
}
