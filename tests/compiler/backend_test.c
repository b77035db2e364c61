/* backend_test.c: every installed backend against the reference: all primitives and their
 * derivatives in single and double precision, elementwise operations in every type, special
 * numbers, sizes around those of vectors.
 */
#include "../reference/cases.h"
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kaon/backend.h>
#include <kaon/random.h>

#include "kernel/diag.h"
#include "kernel/element.h"
#include "kernel/host.h"
#include "compiler/program.h"
#include "kernel/registry.h"

enum { MOST_OUTPUTS = 8, MOST_BACKENDS = 8 };

typedef struct bench {
    kn_kernel *kernel;
    kn_host *host;
    const char *backend;
    kn_diag fault;
    int32_t failures;
    uint32_t handed; // bits: what settings_of says is left to the processor, and was
    int32_t thin;    // of problems much alike one in so many: shaders are compiled for each
} bench;

typedef struct problem {
    const char *name;
    int32_t dtype; // of inputs
    int32_t float_type;
    kn_graph *g;
    int32_t in_count;
    int32_t out_count;
    kaon_node *x[KR_INPUTS];
    kaon_node *y[MOST_OUTPUTS];
    double *values[KR_INPUTS];
    double tolerance;
    int32_t each; // errors are relative to each number, not to the largest
} problem;

static void *take(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    assert_non_null(memory);
    return memory;
}

static int64_t count_of(const kaon_node *node)
{
    return kn_node_count(kn_node_of(node));
}

static void open_problem(const bench *b, problem *p)
{
    const kaon_graph_spec spec = {sizeof spec, p->float_type, 1, 0};
    assert_int_equal(kn_graph_new(b->kernel, kn_host_table(b->host), &spec, &p->g, NULL), KAON_OK);
}

static kaon_node *add_input(problem *p, int32_t rank, const int64_t *shape)
{
    kaon_node *x = p->g->base.api->input(&p->g->base, "x", p->dtype, rank, shape);
    assert_non_null(x);
    p->values[p->in_count] = take((size_t)count_of(x) * sizeof(double));
    return p->x[p->in_count++] = x;
}

static void close_problem(problem *p)
{
    for (int32_t i = 0; i < p->in_count; i++)
        free(p->values[i]);
    kn_graph_free(p->g);
}

// What a number becomes in a type, as a number.
static double rounded(int32_t dtype, double value)
{
    uint64_t room = 0;
    if (!kaon_dtype_is_float(dtype))
        return value;
    kn_element_put(dtype, &room, 0, value);
    return kn_element_get(dtype, &room, 0);
}

static int close_to(double found, double wanted, double tolerance, double scale)
{
    if (isnan(wanted))
        return isnan(found);
    if (isinf(wanted))
        return found == wanted;
    return fabs(found - wanted) <= tolerance * (scale + fabs(wanted));
}

/* Compares one output. Errors are measured against the largest number of the output: what is a
 * small difference of large numbers in single precision is no fault. */
static void compare(bench *b, const problem *p, int32_t output, const void *found,
                    const double *wanted)
{
    const int32_t dtype = kn_node_of(p->y[output])->dtype;
    const int64_t count = count_of(p->y[output]);
    double scale = p->each ? 0 : 1;
    for (int64_t i = 0; i < count && !p->each; i++) {
        if (isfinite(wanted[i]) && fabs(wanted[i]) > scale)
            scale = fabs(wanted[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        const double w = rounded(dtype, wanted[i]), f = kn_element_get(dtype, found, i);
        if (f == 0 && fabs(w) < (dtype == KAON_F64 ? 0x1p-1022 : 0x1p-126))
            continue; // programs run with subnormal numbers flushed to zero
        if (close_to(f, w, p->tolerance, scale))
            continue;
        print_error("%s: %s of %s: output %d element %d: %.9g, expected %.9g\n", b->backend,
                    p->name, kaon_dtype_text(p->dtype), (int)output, (int)i, f, w);
        b->failures++;
        return;
    }
}

// A backend of rank 0 is a skeleton to start from: it may leave operations out.
static int is_skeleton(const bench *b)
{
    kn_device *device;
    return !kn_device_get(b->kernel, &device, NULL) && device->backend->rank == 0;
}

static kaon_program *compile(bench *b, const problem *p, kaon_variables *v)
{
    const kaon_compile_job job = {sizeof job, p->out_count, &p->g->base, p->y, v, 1};
    kaon_program *program = NULL;
    kn_diag_clear(&b->fault);
    const kaon_status status =
        kn_program_api.compile(kn_host_table(b->host), &job, &program, &b->fault.diag);
    if (!status)
        return program;
    if (status == KAON_UNSUPPORTED && is_skeleton(b))
        return NULL;
    print_error("%s: %s of %s: %s\n", b->backend, p->name, kaon_dtype_text(p->dtype),
                b->fault.text);
    b->failures++;
    return NULL;
}

static void run_both(bench *b, const problem *p, kaon_program *program)
{
    void *in[KR_INPUTS], *out[MOST_OUTPUTS];
    for (int32_t i = 0; i < p->in_count; i++) {
        in[i] = take((size_t)count_of(p->x[i]) * kaon_dtype_bytes(p->dtype));
        for (int64_t k = 0; k < count_of(p->x[i]); k++) {
            kn_element_put(p->dtype, in[i], k, p->values[i][k]);
            p->values[i][k] = kn_element_get(p->dtype, in[i], k);
        }
    }
    for (int32_t i = 0; i < p->out_count; i++)
        out[i] = take((size_t)count_of(p->y[i]) * kaon_dtype_bytes(kn_node_of(p->y[i])->dtype));
    if (kn_program_api.run(program, (const void *const *)in, out, 0, &b->fault.diag))
        fail_msg("%s: %s: %s", b->backend, p->name, b->fault.text);
    kr_run *run = kr_evaluate(p->g, (const double *const *)p->values, NULL, 1, 0);
    for (int32_t i = 0; i < p->out_count; i++) {
        compare(b, p, i, out[i], kr_at(run, p->y[i]));
        free(out[i]);
    }
    for (int32_t i = 0; i < p->in_count; i++)
        free(in[i]);
    kr_free(run);
}

static void check(bench *b, const problem *p)
{
    kaon_variables *v = NULL;
    kn_diag_clear(&b->fault);
    if (p->g->base.api->check(&p->g->base, &b->fault.diag))
        fail_msg("%s: %s", p->name, b->fault.text);
    assert_int_equal(kn_program_api.variables_new(kn_host_table(b->host), 1, &v, NULL), KAON_OK);
    kaon_program *program = compile(b, p, v);
    if (program)
        run_both(b, p, program);
    kn_program_api.program_free(program);
    kn_program_api.variables_release(v);
}

/* --- the problems of the derivative tests, values and gradients --------------------------------
 */

static void run_case(bench *b, const kr_case *c, int32_t dtype)
{
    problem p = {.name = c->name, .dtype = dtype, .float_type = dtype};
    kaon_random_stream r = {42, 1, 0};
    p.tolerance = dtype == KAON_F64 ? 1e-10 : 2e-4;
    open_problem(b, &p);
    kaon_graph *g = &p.g->base;
    for (int32_t i = 0; i < c->count; i++) {
        add_input(&p, c->shapes[i].rank, c->shapes[i].size);
        for (int64_t k = 0; k < count_of(p.x[i]); k++)
            p.values[i][k] = c->low + (c->high - c->low) * kaon_random_uniform(&r);
    }
    p.y[0] = kr_build(c, g, p.x);
    kaon_node *loss = kaon_sum_all(g, kaon_mul(g, p.y[0], kr_constant(g, p.y[0], 5)));
    p.y[1] = loss;
    g->api->gradient(g, loss, NULL, c->count, p.x, p.y + 2);
    p.out_count = 2 + c->count;
    check(b, &p);
    close_problem(&p);
}

static void cases(bench *b)
{
    static const int32_t dtypes[] = {KAON_F32, KAON_F64};
    for (int32_t t = 0; t < 2; t++) {
        for (int32_t i = 0; i < kr_case_count; i++)
            run_case(b, &kr_cases[i], dtypes[t]);
        for (int32_t i = 0; i < kn_primitive_count; i++) {
            const kn_op *op = &kn_primitives[i];
            for (int32_t s = 0; s < KR_ELEMENTWISE_SHAPES; s++) {
                if (!op->elementwise || !op->reverse || op->elementwise == KAON_X_CAST ||
                    (s && b->thin > 1))
                    continue;
                const kr_case c = kr_elementwise_case(op, s);
                run_case(b, &c, dtypes[t]);
            }
        }
    }
}

/* --- every type, special numbers, odd sizes ----------------------------------------------------
 */

static const double special[] = {NAN,   INFINITY, -INFINITY, 0,    -0.0, 1,    -1,
                                 0.5,   -0.5,     1.5,       2.5,  -2.5, 1e-3, -1e-3,
                                 1e-30, 3e4,      -3e4,      88.5, -100, 12,   0.9999};

static double tolerance_of(int32_t dtype)
{
    switch (dtype) {
    case KAON_F64:
        return 1e-12;
    case KAON_F32:
        return 3e-6;
    case KAON_F16:
        return 4e-3;
    case KAON_BF16:
        return 4e-2;
    default:
        return 0;
    }
}

// Numbers that every type has, but for the floats, which get special ones, and bool.
static double number(int32_t dtype, int64_t index, int32_t input)
{
    const int64_t count = (int64_t)(sizeof special / sizeof special[0]);
    if (dtype == KAON_BOOL)
        return (double)((index >> input) & 1);
    if (kaon_dtype_is_float(dtype))
        return special[(index * (input ? 8 : 1) + input) % count];
    const int64_t value = (index * (input ? 5 : 1) + 3 * input) % 13;
    return (double)(dtype >= KAON_U8 ? value : value - 6);
}

// Where single precision and double disagree by more than rounding: large angles, and gamma.
static int is_delicate(const kn_op *op, int32_t dtype)
{
    const int32_t x = op->elementwise;
    return x == KAON_X_TAN || x == KAON_X_LGAMMA || x == KAON_X_DIGAMMA || x == KAON_X_MOD ||
           ((x == KAON_X_SIN || x == KAON_X_COS || x == KAON_X_POW) && dtype != KAON_F64);
}

static void run_elementwise(bench *b, const kn_op *op, int32_t dtype, int64_t size)
{
    problem p = {.name = op->name, .dtype = dtype, .float_type = KAON_F32, .each = 1};
    p.tolerance = tolerance_of(dtype);
    open_problem(b, &p);
    kaon_graph *g = &p.g->base;
    kaon_node *in[KR_INPUTS];
    for (int32_t i = 0; i < op->max_inputs; i++) {
        in[i] = add_input(&p, 1, &size);
        for (int64_t k = 0; k < size; k++)
            p.values[i][k] = number(dtype, k, i);
    }
    if (op->elementwise == KAON_X_SELECT && dtype != KAON_BOOL)
        in[0] = kaon_gt(g, in[0], in[1]);
    p.y[0] = g->api->apply(g, op->name, op->max_inputs, in, 0, NULL);
    p.out_count = 1;
    if (p.y[0] && !is_delicate(op, dtype)) // NULL: not an operation on this type
        check(b, &p);
    close_problem(&p);
}

static void run_cast(bench *b, int32_t from, int32_t to)
{
    problem p = {.name = "cast", .dtype = from, .float_type = KAON_F32, .each = 1};
    const int64_t size[] = {50};
    open_problem(b, &p);
    add_input(&p, 1, size);
    for (int64_t k = 0; k < size[0]; k++)
        p.values[0][k] = number(from, k, 0);
    // What does not fit in a half-precision number is infinite there.
    p.tolerance = tolerance_of(to);
    p.y[0] = kaon_cast(&p.g->base, p.x[0], to);
    p.out_count = 1;
    check(b, &p);
    close_problem(&p);
}

static void types(bench *b)
{
    static const int64_t sizes[4] = {1, 3, 17, 1000};
    const size_t stride = b->thin > 1 ? 4 : 1;
    for (int32_t dtype = 0; dtype < KAON_DTYPE_COUNT; dtype++) {
        for (int32_t i = 0; i < kn_primitive_count; i++) {
            for (size_t s = stride - 1; s < 4; s += stride) {
                if (kn_primitives[i].elementwise && kn_primitives[i].elementwise != KAON_X_CAST)
                    run_elementwise(b, &kn_primitives[i], dtype, sizes[s]);
            }
        }
        for (int32_t to = 0; to < KAON_DTYPE_COUNT; to++)
            if ((3 * dtype + to) % b->thin == 0)
                run_cast(b, dtype, to);
    }
}

/* --- reductions and products of awkward sizes --------------------------------------------------
 */

static void run_reduction(bench *b, const char *op, int32_t dtype, const int64_t *shape,
                          uint32_t axes)
{
    problem p = {.name = op, .dtype = dtype, .float_type = KAON_F32};
    int64_t list[3];
    int32_t count = 0;
    p.tolerance = 20 * tolerance_of(dtype);
    open_problem(b, &p);
    add_input(&p, 3, shape);
    for (int64_t k = 0; k < count_of(p.x[0]); k++)
        p.values[0][k] = kaon_dtype_is_float(dtype) ? 1 + 0.1 * sin((double)k) : (double)(k % 3);
    for (int32_t i = 0; i < 3; i++) {
        if (axes & (1u << i))
            list[count++] = i;
    }
    const kaon_attr attr = kaon_attr_ints("axes", count, list);
    p.y[0] = p.g->base.api->apply(&p.g->base, op, 1, p.x, 1, &attr);
    p.out_count = 1;
    if (p.y[0])
        check(b, &p);
    close_problem(&p);
}

static void reductions(bench *b)
{
    static const char *const ops[] = {"reduce_sum", "reduce_prod", "reduce_max", "reduce_min"};
    static const int64_t shapes[][3] = {{2, 3, 5}, {1, 40, 3}, {17, 1, 33}, {2, 0, 3}, {3, 4, 1}};
    static const int32_t dtypes[] = {KAON_F32, KAON_F64, KAON_I32, KAON_I64, KAON_U8, KAON_BF16};
    for (size_t o = 0; o < 4; o++) {
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            for (uint32_t axes = 1; axes < 8; axes++) {
                for (size_t t = 0; t < sizeof dtypes / sizeof dtypes[0]; t++)
                    if ((s + axes + t + o) % (size_t)b->thin == 0)
                        run_reduction(b, ops[o], dtypes[t], shapes[s], axes);
            }
        }
    }
}

static void run_product(bench *b, int32_t dtype, const int64_t *size, int32_t turned)
{
    char name[64];
    problem p = {.name = name, .dtype = dtype, .float_type = KAON_F32};
    const int64_t a[] = {size[0], size[1]}, c[] = {size[1], size[2]};
    const int64_t at[] = {size[1], size[0]}, ct[] = {size[2], size[1]}, swap[] = {1, 0};
    kaon_random_stream r = {3, 3, 0};
    snprintf(name, sizeof name, "matmul %d %d %d turned %d", (int)size[0], (int)size[1],
             (int)size[2], (int)turned);
    p.tolerance = 30 * tolerance_of(dtype);
    open_problem(b, &p);
    add_input(&p, 2, turned & 1 ? at : a);
    add_input(&p, 2, turned & 2 ? ct : c);
    for (int32_t i = 0; i < 2; i++) {
        for (int64_t k = 0; k < count_of(p.x[i]); k++)
            p.values[i][k] = kaon_dtype_is_float(dtype) ? 2 * kaon_random_uniform(&r) - 1
                                                        : (double)kaon_random_below(&r, 5);
    }
    kaon_graph *g = &p.g->base;
    kaon_node *x = turned & 1 ? kaon_transpose(g, p.x[0], 2, swap) : p.x[0];
    kaon_node *y = turned & 2 ? kaon_transpose(g, p.x[1], 2, swap) : p.x[1];
    p.y[0] = kaon_matmul(g, x, y);
    p.out_count = 1;
    check(b, &p);
    close_problem(&p);
}

static void products(bench *b)
{
    static const int64_t sizes[][3] = {{1, 1, 1},    {1, 7, 5},    {5, 1, 3},    {3, 4, 1},
                                       {16, 16, 16}, {17, 33, 19}, {64, 100, 9}, {130, 70, 65}};
    static const int32_t dtypes[] = {KAON_F32, KAON_F64, KAON_F16, KAON_BF16, KAON_I32, KAON_I64};
    int32_t number = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t t = 0; t < sizeof dtypes / sizeof dtypes[0]; t++) {
            for (int32_t turned = 0; turned < 4; turned++)
                if (number++ % (b->thin * b->thin) == 0)
                    run_product(b, dtypes[t], sizes[s], turned);
        }
    }
}

/* --- random numbers --------------------------------------------------------------------------- */

static void random_numbers(bench *b)
{
    static const int32_t dtypes[] = {KAON_F32, KAON_F64};
    for (int32_t t = 0; t < 2; t++) {
        problem p = {.name = "random", .dtype = dtypes[t], .float_type = dtypes[t]};
        const int64_t shape[] = {37, 5};
        const kaon_attr attr = kaon_attr_ints("shape", 2, shape);
        open_problem(b, &p);
        p.y[0] = kaon_random(&p.g->base, 2, shape);
        p.y[1] = p.g->base.api->apply(&p.g->base, "random_bits", 0, NULL, 1, &attr);
        p.out_count = 2;
        check(b, &p);
        close_problem(&p);
    }
}

/* --- random graphs: what the compiler makes of operations in any order -------------------------
 */

enum { STEPS = 14, GRAPHS = 150 };

typedef struct growth {
    kaon_graph *g;
    kaon_random_stream r;
    kaon_node *nodes[STEPS + KR_INPUTS];
    int32_t count;
} growth;

static int64_t below(growth *w, int64_t n)
{
    return n > 0 ? (int64_t)kaon_random_below(&w->r, (uint32_t)n) : 0;
}

static kaon_node *any(growth *w)
{
    return w->nodes[below(w, w->count)];
}

// Another node that broadcasts with `a`, or `a` itself.
static kaon_node *partner(growth *w, const kaon_node *a)
{
    for (int tries = 0; tries < 8; tries++) {
        const kn_node *b = kn_node_of(any(w)), *n = kn_node_of(a);
        int fits = 1;
        for (int32_t i = 1; i <= b->rank && i <= n->rank; i++) {
            const int64_t x = b->shape[b->rank - i], y = n->shape[n->rank - i];
            fits = fits && (x == y || x == 1 || y == 1);
        }
        if (fits)
            return kn_out(b->use, b->index);
    }
    return kn_out(kn_node_of(a)->use, kn_node_of(a)->index);
}

static kaon_node *grow_elementwise(growth *w, kaon_node *a)
{
    static const char *const one[] = {"tanh", "sin", "neg", "abs", "logistic", "floor", "atan"};
    static const char *const two[] = {"add", "sub", "mul", "max", "min", "atan2"};
    if (below(w, 3) == 0)
        return kaon_op1(w->g, one[below(w, 7)], a);
    if (below(w, 5) == 0)
        return kaon_select(w->g, kaon_gt(w->g, a, kaon_scalar(w->g, 0.1)), partner(w, a),
                           kaon_scalar(w->g, -0.5));
    return kaon_op2(w->g, two[below(w, 6)], a, partner(w, a));
}

static kaon_node *grow_reduction(growth *w, kaon_node *a)
{
    static const char *const ops[] = {"reduce_sum", "reduce_max", "reduce_min"};
    int64_t axes[KAON_MAX_RANK];
    int32_t count = 0;
    for (int32_t i = 0; i < kaon_rank(a); i++) {
        if (below(w, 2))
            axes[count++] = i;
    }
    const kaon_attr attrs[] = {kaon_attr_ints("axes", count, axes),
                               kaon_attr_int("keep", below(w, 2))};
    kaon_node *y = w->g->api->apply(w->g, ops[below(w, 3)], 1, &a, 2, attrs);
    return kaon_tanh(w->g, kaon_scale(w->g, y, 0.1));
}

static kaon_node *grow_move(growth *w, kaon_node *a)
{
    const int32_t rank = kaon_rank(a), axis = (int32_t)below(w, rank);
    const int64_t size = kaon_dim(a, axis), start = below(w, size);
    int64_t order[KAON_MAX_RANK], shape[KAON_MAX_RANK + 1];
    if (!rank)
        return kaon_broadcast(w->g, a, 1, (const int64_t[]){4});
    for (int32_t i = 0; i < rank; i++) {
        order[i] = (i + 1) % rank;
        shape[i + 1] = kaon_dim(a, i);
    }
    shape[0] = 2;
    kaon_node *both[] = {a, kaon_neg(w->g, a)};
    kaon_node *padded[] = {a, kaon_scalar(w->g, 0.3)};
    const kaon_attr attrs[] = {kaon_attr_int("axis", axis), kaon_attr_int("low", 1),
                               kaon_attr_int("high", 2)};
    switch (below(w, 8)) {
    case 0:
        return kaon_transpose(w->g, a, rank, order);
    case 1:
        return kaon_slice(w->g, a, axis, start, size);
    case 2:
        return w->g->api->apply(w->g, "reverse", 1, &a, 1, attrs);
    case 3:
        return kaon_reshape(w->g, a, 1, (const int64_t[]){-1});
    case 4:
        return rank < 4 ? kaon_broadcast(w->g, a, rank + 1, shape) : a;
    case 5:
        return kaon_concat(w->g, 2, both, axis);
    case 6:
        return w->g->api->apply(w->g, "pad", 2, padded, 3, attrs);
    default:
        return w->g->api->apply(w->g, "cumsum", 1, &a, 1, attrs);
    }
}

// a a^T, a^T a or a times a fixed matrix, kept small.
static kaon_node *grow_product(growth *w, kaon_node *a)
{
    const int32_t rank = kaon_rank(a);
    int64_t order[KAON_MAX_RANK];
    if (rank < 2 || kaon_dim(a, -1) > 64 || kaon_dim(a, -2) > 400)
        return kaon_tanh(w->g, a);
    for (int32_t i = 0; i < rank; i++)
        order[i] = i;
    order[rank - 2] = rank - 1;
    order[rank - 1] = rank - 2;
    kaon_node *turned = kaon_transpose(w->g, a, rank, order);
    kaon_node *y = below(w, 2) ? kaon_matmul(w->g, turned, a)
                               : kaon_matmul(w->g, a, kaon_matmul(w->g, turned, a));
    return kaon_sin(w->g, kaon_scale(w->g, y, 0.1));
}

static kaon_node *grow(growth *w)
{
    kaon_node *a = any(w);
    switch (below(w, 8)) {
    case 0:
        return grow_reduction(w, a);
    case 1:
    case 2:
        return grow_move(w, a);
    case 3:
        return grow_product(w, a);
    default:
        return grow_elementwise(w, a);
    }
}

static void run_random_graph(bench *b, uint64_t seed)
{
    char name[64];
    const int64_t rows = seed % 3 ? 6 : 300, shapes[][2] = {{rows, 4}, {4, 4}, {rows, 1}};
    problem p = {.name = name, .dtype = KAON_F64, .float_type = KAON_F64, .tolerance = 1e-8};
    snprintf(name, sizeof name, "random graph %d", (int)seed);
    open_problem(b, &p);
    growth w = {.g = &p.g->base, .r = {seed, 11, 0}};
    for (int32_t i = 0; i < KR_INPUTS; i++) {
        w.nodes[w.count++] = add_input(&p, 2, shapes[i]);
        for (int64_t k = 0; k < count_of(p.x[i]); k++)
            p.values[i][k] = 2 * kaon_random_uniform(&w.r) - 1;
    }
    for (int32_t i = 0; i < STEPS; i++) {
        kaon_node *made = grow(&w);
        if (made && count_of(made) <= 40000)
            w.nodes[w.count++] = made;
    }
    p.y[0] = w.nodes[w.count - 1];
    p.y[1] = w.nodes[w.count - 2];
    p.y[2] = any(&w);
    p.y[3] = kaon_sum_all(w.g, kaon_sin(w.g, p.y[0]));
    kaon_node *loss = kaon_add(w.g, p.y[3], kaon_sum_all(w.g, kaon_sin(w.g, p.y[1])));
    w.g->api->gradient(w.g, loss, NULL, KR_INPUTS, p.x, p.y + 4);
    p.out_count = 4 + KR_INPUTS;
    check(b, &p);
    close_problem(&p);
}

static void random_graphs(bench *b)
{
    for (uint64_t seed = 1; seed <= GRAPHS / (uint64_t)(b->thin * b->thin); seed++)
        run_random_graph(b, seed);
}

/* --- all backends ----------------------------------------------------------------------------- */

typedef struct names {
    char at[MOST_BACKENDS][64];
    int32_t count;
} names;

// With an argument, the test is of that backend alone.
static const char *wanted;

static kaon_status add_name(void *context, const kn_item_note *item)
{
    names *list = context;
    if (list->count < MOST_BACKENDS && (!wanted || !strcmp(wanted, item->name)))
        snprintf(list->at[list->count++], sizeof list->at[0], "%s", item->name);
    return KAON_OK;
}

/* Settings under which a backend looks at itself (where it cannot, it goes without), and what it
 * leaves to the processor: exactly that, as docs/backends.md has it. */
static const struct {
    const char *backend, *strict;
    const char *handed[16];
} settings_of[] = {
    {"vulkan",
     "vulkan: {validate: true}",
     {"cholesky", "triangular_solve", "solve", "slogdet", "qr", "eigh", "svd"}},
};

// Notes what the log says is handed over.
static void note_handed(void *context, int32_t level, const char *text)
{
    bench *b = context;
    char op[32] = "";
    (void)level;
    const char *at = strstr(text, "has no kernel for '");
    if (!at || sscanf(at, "has no kernel for '%31[^']'", op) != 1)
        return;
    for (size_t i = 0; i < sizeof settings_of / sizeof *settings_of; i++)
        for (int32_t k = 0; k < 16 && settings_of[i].handed[k]; k++)
            if (!strcmp(settings_of[i].backend, b->backend) &&
                !strcmp(settings_of[i].handed[k], op)) {
                b->handed |= 1u << k;
                return;
            }
    if (b->thin > 1)
        print_error("%s\n", text);
    b->failures += b->thin > 1;
}

// What is said to be handed over must have been, once every operation was run.
static void check_handed(bench *b)
{
    for (size_t i = 0; i < sizeof settings_of / sizeof *settings_of; i++)
        for (int32_t k = 0; k < 16 && settings_of[i].handed[k]; k++)
            if (!strcmp(settings_of[i].backend, b->backend) && !(b->handed & 1u << k)) {
                print_error("%s has a kernel for '%s'\n", b->backend, settings_of[i].handed[k]);
                b->failures++;
            }
}

static int open_with(bench *b, kn_kernel_settings settings, const char *device)
{
    kn_device *opened = NULL;
    settings.backend = device;
    settings.log = note_handed;
    settings.log_context = b;
    settings.log_level = KAON_LOG_WARNING;
    kn_diag_init(&b->fault);
    if (kn_kernel_new(&settings, &b->kernel, &b->fault.diag))
        fail_msg("%s: %s", device, b->fault.text);
    if (kn_device_get(b->kernel, &opened, &b->fault.diag)) {
        kn_kernel_free(b->kernel);
        return 0;
    }
    b->thin = opened->shares_host ? 1 : 5;
    return 1;
}

// 0: it has no device on this machine.
static int open_bench(bench *b, kn_kernel_settings settings)
{
    int opened = 0;
    for (size_t i = 0; i < sizeof settings_of / sizeof *settings_of && !opened; i++)
        if (strcmp(settings_of[i].backend, b->backend) == 0)
            opened = open_with(b, settings, settings_of[i].strict);
    if (!opened && !open_with(b, settings, b->backend))
        return 0;
    b->host = kn_host_new("test");
    assert_non_null(b->host);
    return 1;
}

static void each_backend(void (*test)(bench *b))
{
    names list = {.count = 0};
    int32_t failures = 0;
    const kn_kernel_settings settings = {.flags = KN_NO_PROBE, .threads = 2};
    kn_kernel *kernel;
    assert_int_equal(kn_kernel_new(&settings, &kernel, NULL), KAON_OK);
    assert_int_equal(kn_item_each(kernel, KAON_BACKEND, add_name, &list, NULL), KAON_OK);
    kn_kernel_free(kernel);
    for (int32_t i = 0; i < list.count; i++) {
        bench b = {.backend = list.at[i], .thin = 1};
        if (!open_bench(&b, settings)) {
            print_message("%s is skipped: %s\n", b.backend, b.fault.text);
            continue;
        }
        test(&b);
        if (test == cases)
            check_handed(&b);
        kn_kernel_free(b.kernel);
        kn_host_free(b.host);
        failures += b.failures;
    }
    assert_true(list.count > 0);
    assert_int_equal(failures, 0);
}

static void cases_on_each(void **state)
{
    (void)state;
    each_backend(cases);
}

static void types_on_each(void **state)
{
    (void)state;
    each_backend(types);
}

static void reductions_on_each(void **state)
{
    (void)state;
    each_backend(reductions);
}

static void products_on_each(void **state)
{
    (void)state;
    each_backend(products);
}

static void random_numbers_on_each(void **state)
{
    (void)state;
    each_backend(random_numbers);
}

static void random_graphs_on_each(void **state)
{
    (void)state;
    each_backend(random_graphs);
}

int main(int count, char **arguments)
{
    wanted = count > 1 ? arguments[1] : NULL;
    if (count > 2)
        cmocka_set_test_filter(arguments[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_on_each),          cmocka_unit_test(types_on_each),
        cmocka_unit_test(reductions_on_each),     cmocka_unit_test(products_on_each),
        cmocka_unit_test(random_numbers_on_each), cmocka_unit_test(random_graphs_on_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
