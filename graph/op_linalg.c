/* op_linalg.c: derivatives of the linear algebra, over the last two axes.
 *
 * What reads the lower triangle of a symmetric matrix alone (cholesky, eigh) has its gradient there
 * alone. Sources: Murray arXiv:1602.07527 (cholesky); Giles, "Collected matrix derivative results",
 * doi:10.1007/978-3-540-68942-3_4 (eigh, inverse, determinant); Townsend, "Differentiating the
 * singular value decomposition" (2016); Liao, Liu, Wang, Xiang arXiv:1903.09650 and Roberts,
 * Roberts arXiv:2009.10071 (qr, tall and wide).
 */
#include "graph/op_attr.h"
#include "graph/op_derivative.h"

/* --- masks over the last two axes ------------------------------------------------------------- */

enum { LOWER = 0, STRICT_LOWER = 1, UPPER = 2, STRICT_UPPER = 3, DIAGONAL = 4 };

// bool (rows, columns): which entries a part holds.
static kaon_node *part(kaon_graph *g, const kaon_node *a, int32_t which)
{
    static const char *const compare[] = {"ge", "gt", "le", "lt", "eq"};
    const int64_t shape[] = {kaon_dim(a, -2), kaon_dim(a, -1)};
    return kaon_op2(g, compare[which], kn_iota(g, 2, shape, 0), kn_iota(g, 2, shape, 1));
}

static kaon_node *only(kaon_graph *g, kaon_node *a, int32_t which)
{
    return a ? kaon_select(g, part(g, a, which), a, kn_scalar(g, kaon_dtype(a), 0)) : NULL;
}

static kaon_node *transposed(kaon_graph *g, kaon_node *a)
{
    return kn_matrix_transpose(g, a);
}

// The lower triangle with half the diagonal: Murray's Phi.
static kaon_node *half_lower(kaon_graph *g, kaon_node *a)
{
    if (!a)
        return NULL;
    kaon_node *half = kaon_scale(g, only(g, a, DIAGONAL), 0.5);
    return kaon_add(g, only(g, a, STRICT_LOWER), half);
}

// A symmetric matrix of which the lower triangle is given.
static kaon_node *symmetric(kaon_graph *g, kaon_node *a)
{
    return kaon_add(g, only(g, a, LOWER), transposed(g, only(g, a, STRICT_LOWER)));
}

// The gradient by the lower triangle from the one by the whole symmetric matrix.
static kaon_node *by_lower(kaon_graph *g, kaon_node *s)
{
    return kaon_add(g, only(g, s, STRICT_LOWER), only(g, transposed(g, s), LOWER));
}

// (.., n) as rows (.., 1, n) or columns (.., n, 1).
static kaon_node *spread(kaon_graph *g, kaon_node *a, int32_t as_rows)
{
    if (!a)
        return NULL;
    const int32_t rank = kaon_rank(a);
    int64_t shape[KAON_MAX_RANK + 1];
    for (int32_t i = 0; i < rank; i++)
        shape[i] = kaon_dim(a, i);
    shape[rank] = shape[rank - 1];
    shape[as_rows ? rank - 1 : rank] = 1;
    return kaon_reshape(g, a, rank + 1, shape);
}

static kaon_node *diagonal_of(kaon_graph *g, kaon_node *a)
{
    return kaon_sum(g, only(g, a, DIAGONAL), -1);
}

// 1 / (x_j - x_i) off the diagonal, 0 on it, without dividing by zero there.
static kaon_node *inverse_gaps(kaon_graph *g, kaon_node *x)
{
    kaon_node *gaps = kaon_sub(g, spread(g, x, 1), spread(g, x, 0));
    if (!gaps)
        return NULL;
    kaon_node *diagonal = part(g, gaps, DIAGONAL), *one = kn_scalar(g, kaon_dtype(x), 1);
    kaon_node *inverse = kaon_div(g, one, kaon_select(g, diagonal, one, gaps));
    return kaon_select(g, diagonal, kn_scalar(g, kaon_dtype(x), 0), inverse);
}

static kaon_node *or_zero(kaon_graph *g, kaon_node *node, const kn_use *use, int32_t output)
{
    return node ? node : kn_filled(g, kn_out(use, output), 0);
}

/* --- triangles -------------------------------------------------------------------------------- */

static kaon_node *triangular(kaon_graph *g, kaon_node *a, kaon_node *b, int32_t lower,
                             int32_t transpose)
{
    kaon_node *in[] = {a, b};
    const kaon_attr attrs[] = {kaon_attr_int("lower", lower),
                               kaon_attr_int("transpose", transpose)};
    return g->api->apply(g, "triangular_solve", 2, in, 2, attrs);
}

// Y = L^-T X L^-1.
static kaon_node *between_inverses(kaon_graph *g, kaon_node *l, kaon_node *x)
{
    kaon_node *left = triangular(g, l, x, 1, 1);
    return transposed(g, triangular(g, l, transposed(g, left), 1, 1));
}

// Murray, eq. 10: S = L^-T Phi(L^T dL) L^-1.
void kn_reverse_cholesky(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *l = kn_out(d->use, 0);
    kaon_node *inner = kaon_matmul(g, transposed(g, l), only(g, d->from[0], LOWER));
    d->to[0] = by_lower(g, between_inverses(g, l, half_lower(g, inner)));
}

// Murray, eq. 8: dL = L Phi(L^-1 dA L^-T).
void kn_forward_cholesky(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *l = kn_out(d->use, 0);
    kaon_node *left = triangular(g, l, symmetric(g, d->from[0]), 1, 0);
    kaon_node *inner = triangular(g, l, transposed(g, left), 1, 0); // symmetric
    d->to[0] = kaon_matmul(g, l, half_lower(g, inner));
}

// The same solve with the matrix transposed once more, or not.
static kaon_node *triangular_like(const kn_derivation *d, kaon_node *b, int32_t turn)
{
    kaon_node *in[] = {kn_in(d->use, 0), b};
    const kaon_attr attrs[] = {
        kaon_attr_int("lower", kn_attr_int(d->use, "lower", 1)),
        kaon_attr_int("transpose", kn_attr_int(d->use, "transpose", 0) ^ turn),
        kaon_attr_int("unit", kn_attr_int(d->use, "unit", 0)),
    };
    return d->g->api->apply(d->g, "triangular_solve", 2, in, 3, attrs);
}

// Which entries of the matrix are read.
static int32_t triangle_read(const kn_use *use)
{
    const int32_t strict = kn_attr_int(use, "unit", 0) != 0;
    return kn_attr_int(use, "lower", 1) ? LOWER + strict : UPPER + strict;
}

void kn_reverse_triangular_solve(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *x = kn_out(d->use, 0);
    kaon_node *db = triangular_like(d, d->from[0], 1);
    if (d->wanted[1])
        d->to[1] = db;
    if (!d->wanted[0])
        return;
    const int32_t turned = kn_attr_int(d->use, "transpose", 0) != 0;
    kaon_node *outer =
        turned ? kaon_matmul(g, x, transposed(g, db)) : kaon_matmul(g, db, transposed(g, x));
    d->to[0] = kaon_neg(g, only(g, outer, triangle_read(d->use)));
}

void kn_forward_triangular_solve(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *right = d->from[1];
    if (d->from[0]) {
        kaon_node *da = only(g, d->from[0], triangle_read(d->use));
        if (kn_attr_int(d->use, "transpose", 0))
            da = transposed(g, da);
        right = kn_plus(g, right, kaon_neg(g, kaon_matmul(g, da, kn_out(d->use, 0))));
    }
    d->to[0] = triangular_like(d, right, 0);
}

/* --- general matrices ------------------------------------------------------------------------- */

void kn_reverse_solve(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *db = kaon_op2(g, "solve", transposed(g, kn_in(d->use, 0)), d->from[0]);
    if (d->wanted[1])
        d->to[1] = db;
    if (d->wanted[0])
        d->to[0] = kaon_neg(g, kaon_matmul(g, db, transposed(g, kn_out(d->use, 0))));
}

void kn_forward_solve(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *right = d->from[1];
    if (d->from[0])
        right = kn_plus(g, right, kaon_neg(g, kaon_matmul(g, d->from[0], kn_out(d->use, 0))));
    d->to[0] = kaon_op2(g, "solve", kn_in(d->use, 0), right);
}

// d log|det a| = tr(a^-1 da); the sign jumps.
void kn_reverse_slogdet(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *a = kn_in(d->use, 0), *dy = d->from[1];
    if (!dy)
        return;
    const int32_t rank = kaon_rank(a);
    int64_t shape[KAON_MAX_RANK];
    for (int32_t i = 0; i < rank; i++)
        shape[i] = i < rank - 2 ? kaon_dim(a, i) : 1;
    kaon_node *scaled =
        kaon_broadcast(g, kaon_reshape(g, dy, rank, shape), rank, kn_node_of(a)->shape);
    d->to[0] = kaon_op2(g, "solve", transposed(g, a), only(g, scaled, DIAGONAL));
}

void kn_forward_slogdet(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    d->to[1] = kaon_sum(g, diagonal_of(g, kaon_op2(g, "solve", kn_in(d->use, 0), d->from[0])), -1);
}

/* --- qr --------------------------------------------------------------------------------------- */

// X R^-1 and X R^-T for an upper triangle R.
static kaon_node *over(kaon_graph *g, kaon_node *x, kaon_node *r, int32_t transpose)
{
    return transposed(g, triangular(g, r, transposed(g, x), 0, !transpose));
}

// Of a = q r with r square: (dq + q copyltu(M)) r^-T, M = r dr^T - dq^T q.
static kaon_node *reverse_tall(kaon_graph *g, kaon_node *q, kaon_node *r, kaon_node *dq,
                               kaon_node *dr)
{
    kaon_node *m = kaon_sub(g, kaon_matmul(g, r, transposed(g, only(g, dr, UPPER))),
                            kaon_matmul(g, transposed(g, dq), q));
    return over(g, kaon_add(g, dq, kaon_matmul(g, q, symmetric(g, m))), r, 1);
}

// A wide matrix is [x | y] with x square: q and the left part of r come from x, the right part is
// q^T y.
void kn_reverse_qr(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *q = kn_out(d->use, 0), *r = kn_out(d->use, 1);
    kaon_node *dq = or_zero(g, d->from[0], d->use, 0), *dr = or_zero(g, d->from[1], d->use, 1);
    const int64_t rows = kaon_dim(r, -2), columns = kaon_dim(r, -1);
    if (rows == columns) {
        d->to[0] = reverse_tall(g, q, r, dq, dr);
        return;
    }
    kaon_node *y = kaon_slice(g, kn_in(d->use, 0), -1, rows, columns);
    kaon_node *dv = kaon_slice(g, dr, -1, rows, columns);
    dq = kaon_add(g, dq, kaon_matmul(g, y, transposed(g, dv)));
    kaon_node *both[] = {
        reverse_tall(g, q, kaon_slice(g, r, -1, 0, rows), dq, kaon_slice(g, dr, -1, 0, rows)),
        kaon_matmul(g, q, dv)};
    d->to[0] = kaon_concat(g, 2, both, -1);
}

static void forward_tall(kaon_graph *g, kaon_node *q, kaon_node *r, kaon_node *da, kaon_node **dq,
                         kaon_node **dr)
{
    kaon_node *scaled = over(g, da, r, 0);
    kaon_node *inner = kaon_matmul(g, transposed(g, q), scaled);
    kaon_node *low = only(g, inner, STRICT_LOWER);
    kaon_node *turn = kaon_sub(g, low, transposed(g, low)); // antisymmetric
    *dq = kaon_add(g, scaled, kaon_matmul(g, q, kaon_sub(g, turn, inner)));
    *dr = kaon_matmul(g, kaon_sub(g, inner, turn), r);
}

void kn_forward_qr(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *q = kn_out(d->use, 0), *r = kn_out(d->use, 1), *a = kn_in(d->use, 0);
    const int64_t rows = kaon_dim(r, -2), columns = kaon_dim(r, -1);
    if (rows == columns) {
        forward_tall(g, q, r, d->from[0], &d->to[0], &d->to[1]);
        return;
    }
    kaon_node *both[2];
    forward_tall(g, q, kaon_slice(g, r, -1, 0, rows), kaon_slice(g, d->from[0], -1, 0, rows),
                 &d->to[0], &both[0]);
    kaon_node *y = kaon_slice(g, a, -1, rows, columns);
    kaon_node *dy = kaon_slice(g, d->from[0], -1, rows, columns);
    both[1] = kaon_add(g, kaon_matmul(g, transposed(g, d->to[0]), y),
                       kaon_matmul(g, transposed(g, q), dy));
    d->to[1] = kaon_concat(g, 2, both, -1);
}

/* --- eigenvalues and singular values ---------------------------------------------------------- */

// S = V (diag(dw) + F o (V^T dV)) V^T, F_ij = 1 / (w_j - w_i).
void kn_reverse_eigh(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *w = kn_out(d->use, 0), *v = kn_out(d->use, 1), *inner = NULL;
    if (d->from[1])
        inner = kaon_mul(g, inverse_gaps(g, w), kaon_matmul(g, transposed(g, v), d->from[1]));
    if (d->from[0]) {
        kaon_node *zero = kn_filled(g, v, 0);
        inner =
            kn_plus(g, inner, kaon_select(g, part(g, v, DIAGONAL), spread(g, d->from[0], 1), zero));
    }
    d->to[0] = by_lower(g, kaon_matmul(g, kaon_matmul(g, v, inner), transposed(g, v)));
}

void kn_forward_eigh(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *w = kn_out(d->use, 0), *v = kn_out(d->use, 1);
    kaon_node *m = kaon_matmul(g, transposed(g, v), kaon_matmul(g, symmetric(g, d->from[0]), v));
    d->to[0] = diagonal_of(g, m);
    d->to[1] = kaon_matmul(g, v, kaon_mul(g, inverse_gaps(g, w), m));
}

// X - U U^T X, or NULL where U is square and nothing is left.
static kaon_node *outside(kaon_graph *g, kaon_node *u, kaon_node *x)
{
    if (!u || kaon_dim(u, -2) == kaon_dim(u, -1))
        return NULL;
    return kaon_sub(g, x, kaon_matmul(g, u, kaon_matmul(g, transposed(g, u), x)));
}

static kaon_node *plus_transposed(kaon_graph *g, kaon_node *a)
{
    return kaon_add(g, a, transposed(g, a));
}

// With F_ij = 1 / (s_j^2 - s_i^2), X = F o (U^T dU), Y = F o (V^T dV):
// dA = U (diag(ds) + (X + X^T) S + S (Y + Y^T)) V^T + (1 - U U^T) dU S^-1 V^T
//      + U S^-1 dV^T (1 - V V^T).
void kn_reverse_svd(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *u = kn_out(d->use, 0), *s = kn_out(d->use, 1), *vt = kn_out(d->use, 2);
    kaon_node *v = transposed(g, vt), *du = or_zero(g, d->from[0], d->use, 0);
    kaon_node *dv = transposed(g, or_zero(g, d->from[2], d->use, 2));
    kaon_node *gaps = inverse_gaps(g, kaon_square(g, s)), *columns = spread(g, s, 1);
    kaon_node *x = kaon_mul(g, gaps, kaon_matmul(g, transposed(g, u), du));
    kaon_node *y = kaon_mul(g, gaps, kaon_matmul(g, vt, dv));
    kaon_node *inner = kaon_add(g, kaon_mul(g, plus_transposed(g, x), columns),
                                kaon_mul(g, spread(g, s, 0), plus_transposed(g, y)));
    if (d->from[1])
        inner = kaon_add(g, inner,
                         kaon_select(g, part(g, inner, DIAGONAL), spread(g, d->from[1], 1),
                                     kn_filled(g, inner, 0)));
    kaon_node *da = kaon_matmul(g, kaon_matmul(g, u, inner), vt);
    kaon_node *left = outside(g, u, du), *right = outside(g, v, dv);
    if (left)
        da = kaon_add(g, da, kaon_matmul(g, kaon_div(g, left, columns), vt));
    if (right)
        da = kaon_add(g, da, kaon_matmul(g, u, transposed(g, kaon_div(g, right, columns))));
    d->to[0] = da;
}

// With P = U^T dA V: dU = U (F o (P S + S P^T)) + (1 - U U^T) dA V S^-1, likewise dV.
void kn_forward_svd(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *u = kn_out(d->use, 0), *s = kn_out(d->use, 1), *vt = kn_out(d->use, 2);
    kaon_node *v = transposed(g, vt), *da = d->from[0];
    kaon_node *gaps = inverse_gaps(g, kaon_square(g, s));
    kaon_node *columns = spread(g, s, 1), *rows = spread(g, s, 0);
    kaon_node *av = kaon_matmul(g, da, v), *p = kaon_matmul(g, transposed(g, u), av);
    kaon_node *by_u = kaon_mul(g, gaps, plus_transposed(g, kaon_mul(g, p, columns)));
    kaon_node *by_v = kaon_mul(g, gaps, plus_transposed(g, kaon_mul(g, rows, p)));
    kaon_node *du = kaon_matmul(g, u, by_u), *dv = kaon_matmul(g, v, by_v);
    kaon_node *left = outside(g, u, av);
    kaon_node *right = outside(g, v, kaon_matmul(g, transposed(g, da), u));
    if (left)
        du = kaon_add(g, du, kaon_div(g, left, columns));
    if (right)
        dv = kaon_add(g, dv, kaon_div(g, right, columns));
    d->to[0] = du;
    d->to[1] = diagonal_of(g, p);
    d->to[2] = transposed(g, dv);
}
