/* linalg_body.h: the body of linalg.c, included once per element type. No include guard.
 *
 * REAL is the type, FN(name) a name of its own, LAPACK(name) and BLAS(name) the library's function.
 * Each function takes one matrix; scratch begins with s->copy_count numbers, then work, then
 * integers.
 */

static void FN(turn)(REAL *to, const REAL *from, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

static void FN(fill_nan)(REAL *to, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (REAL)NAN;
}

/* LAPACK's iterations may not end on NaN or infinity. */
static int32_t FN(all_finite)(const REAL *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)x[i]) < (double)INFINITY))
            return 0;
    return 1;
}

// The upper triangle there is the lower one here.
static void FN(cholesky)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    (void)scratch;
    const lapack_int n = (lapack_int)s->m;
    lapack_int info = 0;
    REAL *l = out[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            l[i * n + j] = j <= i ? ((const REAL *)in[0])[i * n + j] : 0;
    LAPACK(potrf)("U", &n, l, &n, &info);
    if (info)
        FN(fill_nan)(l, n * n);
}

static void FN(triangular)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    (void)scratch;
    const blasint n = (blasint)s->m, k = (blasint)s->n;
    memcpy(out[0], in[1], (size_t)(s->m * s->n) * sizeof(REAL));
    BLAS(trsm)
    (CblasRowMajor, CblasLeft, s->lower ? CblasLower : CblasUpper,
     s->transpose ? CblasTrans : CblasNoTrans, s->unit ? CblasUnit : CblasNonUnit, n, k, 1, in[0],
     n, out[0], k);
}

/* LU of a copy, which LAPACK takes for the transposed matrix: so it solves the transposed system.
 */
static void FN(solve)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    const lapack_int n = (lapack_int)s->m, k = (lapack_int)s->n;
    lapack_int info = 0;
    REAL *lu = (REAL *)(void *)scratch, *x = lu + n * n;
    lapack_int *pivots = (lapack_int *)(void *)(scratch + s->integers_at);
    memcpy(lu, in[0], (size_t)(s->m * s->m) * sizeof(REAL));
    FN(turn)(x, in[1], n, k);
    LAPACK(getrf)(&n, &n, lu, &n, pivots, &info);
    if (info) {
        FN(fill_nan)(out[0], s->m * s->n);
        return;
    }
    LAPACK(getrs)("T", &n, &k, lu, &n, pivots, x, &n, &info);
    FN(turn)(out[0], x, k, n);
}

static void FN(slogdet)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    const lapack_int n = (lapack_int)s->m;
    lapack_int info = 0;
    REAL *lu = (REAL *)(void *)scratch;
    lapack_int *pivots = (lapack_int *)(void *)(scratch + s->integers_at);
    if (n > 0) {
        memcpy(lu, in[0], (size_t)(s->m * s->m) * sizeof(REAL));
        LAPACK(getrf)(&n, &n, lu, &n, pivots, &info);
    }
    double sign = 1, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)lu[i * n + i];
        sign *= (d > 0 ? 1 : d < 0 ? -1 : d) * (pivots[i] == i + 1 ? 1 : -1);
        sum += log(fabs(d));
    }
    *(REAL *)out[0] = (REAL)sign;
    *(REAL *)out[1] = (REAL)sum;
}

/* Rows of r and columns of q change sign where the diagonal of r is negative. */
static void FN(qr)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    const lapack_int m = (lapack_int)s->m, n = (lapack_int)s->n, k = m < n ? m : n;
    const lapack_int work_size = (lapack_int)s->work_count;
    lapack_int info = 0;
    REAL *a = (REAL *)(void *)scratch, *tau = a + m * n, *signs = tau + k;
    REAL *work = a + s->copy_count, *q = out[0], *r = out[1];
    FN(turn)(a, in[0], m, n);
    LAPACK(geqrf)(&m, &n, a, &m, tau, work, &work_size, &info);
    for (int64_t i = 0; i < k; i++) {
        signs[i] = a[i * m + i] < 0 ? -1 : 1;
        for (int64_t j = 0; j < n; j++)
            r[i * n + j] = j < i ? 0 : signs[i] * a[j * m + i];
    }
    LAPACK(orgqr)(&m, &k, &k, a, &m, tau, work, &work_size, &info);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < k; j++)
            q[i * k + j] = signs[j] * a[j * m + i];
}

static void FN(eigh)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    const lapack_int n = (lapack_int)s->m;
    const lapack_int work_size = (lapack_int)s->work_count, integers = (lapack_int)s->integer_count;
    lapack_int info = 1;
    REAL *v = (REAL *)(void *)scratch, *work = v + s->copy_count;
    lapack_int *whole = (lapack_int *)(void *)(scratch + s->integers_at);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) // the upper triangle is never read
            v[i * n + j] = j <= i ? ((const REAL *)in[0])[i * n + j] : 0;
    if (FN(all_finite)(v, s->m * s->m))
        LAPACK(syevd)("V", "U", &n, v, &n, out[0], work, &work_size, whole, &integers, &info);
    if (info) {
        FN(fill_nan)(out[0], n);
        FN(fill_nan)(v, s->m * s->m);
    }
    FN(turn)(out[1], v, n, n);
}

// Of the transposed matrix a^T = V S U^T: what LAPACK calls U is V, and both come out row-major
// here.
static void FN(svd)(const linalg_state *s, void *const *in, void *const *out, char *scratch)
{
    const lapack_int m = (lapack_int)s->m, n = (lapack_int)s->n, k = m < n ? m : n;
    const lapack_int work_size = (lapack_int)s->work_count;
    lapack_int info = 1;
    REAL *a = (REAL *)(void *)scratch, *work = a + s->copy_count;
    lapack_int *whole = (lapack_int *)(void *)(scratch + s->integers_at);
    memcpy(a, in[0], (size_t)(s->m * s->n) * sizeof(REAL));
    if (FN(all_finite)(a, s->m * s->n))
        LAPACK(gesdd)
    ("S", &n, &m, a, &n, out[1], out[2], &n, out[0], &k, work, &work_size, whole, &info);
    if (info) {
        FN(fill_nan)(out[0], s->m * k);
        FN(fill_nan)(out[1], k);
        FN(fill_nan)(out[2], k * s->n);
    }
}

/* --- how much work LAPACK wants ----------------------------------------------------------------
 */

static void FN(ask_qr)(linalg_state *s)
{
    const lapack_int m = (lapack_int)s->m, n = (lapack_int)s->n, k = m < n ? m : n, ask = -1;
    lapack_int info;
    REAL first = 1, second = 1, none = 0;
    LAPACK(geqrf)(&m, &n, &none, &m, &none, &first, &ask, &info);
    LAPACK(orgqr)(&m, &k, &k, &none, &m, &none, &second, &ask, &info);
    s->work_count = (int64_t)(first > second ? first : second);
}

static void FN(ask_eigh)(linalg_state *s)
{
    const lapack_int n = (lapack_int)s->m, ask = -1;
    lapack_int info, integers = 1;
    REAL size = 1, none = 0;
    LAPACK(syevd)("V", "U", &n, &none, &n, &none, &size, &ask, &integers, &ask, &info);
    s->work_count = (int64_t)size;
    s->integer_count = integers;
}

static void FN(ask_svd)(linalg_state *s)
{
    const lapack_int m = (lapack_int)s->m, n = (lapack_int)s->n, k = m < n ? m : n, ask = -1;
    lapack_int info, integers = 1;
    REAL size = 1, none = 0;
    LAPACK(gesdd)
    ("S", &n, &m, &none, &n, &none, &none, &n, &none, &k, &size, &ask, &integers, &info);
    s->work_count = (int64_t)size;
    s->integer_count = 8 * k;
}
