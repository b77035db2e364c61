/* matmul.c: products of matrices: one way for small ones, one for large ones (matmul_large.c),
 * epilogues on rows that are still in the cache.
 *
 * Every number of a product is summed in one order that depends on the shapes only.
 */
#include "matmul.h"

void cpu_pack(const cpu_device *d, void *to, int64_t to_row, const void *from, int64_t row,
              int64_t step, int64_t rows, int64_t columns, int32_t bytes)
{
    if (row == 1) {
        d->set->transpose[bytes == 8](to, to_row, from, step, rows, columns);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            if (bytes == 4)
                ((uint32_t *)to)[i * to_row + j] = ((const uint32_t *)from)[i * row + j * step];
            else
                ((uint64_t *)to)[i * to_row + j] = ((const uint64_t *)from)[i * row + j * step];
}

/* --- one product ------------------------------------------------------------------------------ */

/* Brings a and b into the form the kernels want. */
static void pack(const cpu_matmul *x, cpu_product *p, char *scratch)
{
    if (x->pack_b && !x->packed_b) {
        cpu_pack(x->state.device, scratch + x->b_at, x->packed_row, p->b, x->b_row, x->b_step, p->k,
                 p->n, x->bytes);
        p->b = scratch + x->b_at;
        p->b_row = x->packed_row;
    }
    if (x->pack_a) {
        cpu_pack(x->state.device, scratch, p->k, p->a, x->a_row, x->a_step, p->m, p->k, x->bytes);
        p->a = scratch;
        p->a_row = p->k;
        p->a_step = 1;
    } else if (p->k == 1) {
        p->a_step = 1;
    }
}

static void multiply(const cpu_matmul *x, const cpu_product *p)
{
    const cpu_gemm *gemm = x->state.device->set->gemm;
    if (x->dtype == KAON_F32)
        gemm->f32(p);
    else
        gemm->f64(p);
}

static void multiply_packed(const cpu_matmul *x, cpu_product *p, char *scratch)
{
    if (x->large) {
        const cpu_box all = {.rows = p->m, .columns = p->n};
        cpu_matmul_box(x, p, &all, scratch);
        return;
    }
    pack(x, p, scratch);
    multiply(x, p);
}

// An operand of the epilogue; NULL if there is none.
static void *operand(const kaon_launch *l, int32_t index)
{
    return index >= 0 ? l->operands[index] : NULL;
}

/* What the kernels do themselves, for a product that begins with number `first` of the output. */
static void add_epilogue(const cpu_matmul *x, const kaon_launch *l, int64_t first, cpu_product *p)
{
    const uint8_t *open = operand(l, x->open);
    uint8_t *positive = operand(l, x->positive);
    p->bias = operand(l, x->bias);
    p->open = open ? open + first : NULL;
    const char *above = operand(l, x->above);
    p->above = above ? above + first * x->bytes : NULL;
    p->positive = positive ? positive + first : NULL;
}

/* A product of m rows for number `first` of the output on. It is made from what was prepared:
 * single events are over sooner than its many fields are written one by one. */
static void begin(const cpu_matmul *x, const kaon_launch *l, int64_t m, int64_t first,
                  cpu_product *p)
{
    *p = x->plain;
    p->m = m;
    p->a = l->operands[0];
    if (!p->b)
        p->b = l->operands[1];
    p->c = operand(l, x->result);
    add_epilogue(x, l, first, p);
}

// `rows` units from `first` on that are rows of one product.
static void multiply_rows(const cpu_matmul *x, const kaon_launch *l, int64_t first, int64_t units,
                          char *scratch, char *c)
{
    cpu_product p;
    const int64_t row = first * x->unit_rows;
    begin(x, l, units * x->unit_rows, row * x->n, &p);
    p.a = (const char *)p.a + row * x->a_row * x->bytes;
    p.c = c;
    multiply_packed(x, &p, scratch);
}

// Units that are matrices under an index of the first leading axis.
static void multiply_matrices(const cpu_matmul *x, const kaon_launch *l, int64_t first,
                              int64_t units, char *scratch, char *c)
{
    int64_t index[KAON_MAX_RANK] = {0};
    const int64_t matrices = x->m ? units * (x->unit_rows / x->m) : 0;
    for (int64_t i = 0; i < matrices; i++) {
        int64_t a_at = (first + index[0]) * x->a_lead[0], b_at = (first + index[0]) * x->b_lead[0];
        for (int32_t axis = 1; axis < x->lead_rank; axis++) {
            a_at += index[axis] * x->a_lead[axis];
            b_at += index[axis] * x->b_lead[axis];
        }
        cpu_product p;
        begin(x, l, x->m, (first * x->unit_rows + i * x->m) * x->n, &p);
        p.a = (const char *)p.a + a_at * x->bytes;
        p.b = (const char *)p.b + b_at * x->bytes;
        p.c = c + i * x->m * x->n * x->bytes;
        multiply_packed(x, &p, scratch);
        for (int32_t axis = x->lead_rank - 1; axis > 0 && ++index[axis] == x->lead[axis]; axis--)
            index[axis] = 0;
        if (x->lead_rank == 1)
            index[0]++;
        else
            index[0] = (i + 1) / (matrices / units);
    }
}

/* --- a chunk of units ------------------------------------------------------------------------- */

static void run_epilogue(const cpu_matmul *x, const kaon_launch *l, int64_t first, int64_t units,
                         int32_t lane, char *scratch)
{
    const cpu_expression *e = x->epilogue;
    void **moved = x->moved + (int64_t)lane * (e->input_count + e->result_count);
    moved[0] = scratch + x->c_at;
    for (int32_t i = 1; i < e->input_count + e->result_count; i++)
        moved[i] = (char *)l->operands[i + 1] + first * x->unit_bytes[i];
    const cpu_expression_io io = {
        .inputs = moved,
        .outputs = moved + e->input_count,
        .rows = units,
        .first_row = l->first_row + first,
        .scratch = scratch + x->x_at,
    };
    cpu_expression_run(e, &io);
}

static void run_units(const cpu_matmul *x, const kaon_launch *l, int64_t first, int64_t units,
                      int32_t lane, char *scratch)
{
    const int64_t unit_size = x->unit_rows * x->n * x->bytes;
    char *c = x->epilogue ? scratch + x->c_at : (char *)l->operands[x->result] + first * unit_size;
    if (x->lead_rank)
        multiply_matrices(x, l, first, units, scratch, c);
    else
        multiply_rows(x, l, first, units, scratch, c);
    if (x->epilogue)
        run_epilogue(x, l, first, units, lane, scratch);
    if (x->sums >= 0)
        x->state.device->set->columns[x->dtype](l->operands[x->sums], c, units * x->unit_rows, x->n,
                                                x->n);
}

/* --- launches --------------------------------------------------------------------------------- */

static kaon_status launch_tile(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    run_units(state, l, 0, l->rows, l->lane, l->scratch);
    return KAON_OK;
}

// One product without packing, or of a packed constant: nothing is looked at but what is needed.
static void multiply_plain(const cpu_matmul *x, const kaon_launch *l, int64_t units)
{
    cpu_product p;
    begin(x, l, units * x->unit_rows, 0, &p);
    multiply(x, &p);
}

static kaon_status launch_rows(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    multiply_plain(state, l, l->rows);
    return KAON_OK;
}

static kaon_status launch_small(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_matmul *x = state;
    multiply_plain(x, l, x->units);
    return KAON_OK;
}

// c (m, n) += a (m, rows) b (rows, n)
static kaon_status launch_total(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_matmul *x = state;
    cpu_product p;
    begin(x, l, x->m, 0, &p);
    p.k = l->rows;
    multiply_packed(x, &p, l->scratch);
    return KAON_OK;
}

typedef struct wide {
    const cpu_matmul *x;
    const kaon_launch *launch;
} wide;

static void run_chunk(void *context, int64_t index, int32_t lane)
{
    const wide *w = context;
    const cpu_matmul *x = w->x;
    const int64_t first = index * x->chunk;
    const int64_t units = x->units - first < x->chunk ? x->units - first : x->chunk;
    run_units(x, w->launch, first, units, lane,
              x->lane_scratch + (uint64_t)lane * x->scratch_bytes);
}

static kaon_status launch_wide(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_matmul *x = state;
    wide w = {x, l};
    if (x->whole_b && !x->constant_b)
        cpu_matmul_pack_whole(x, l->operands[1], l->lane);
    cpu_for(x->state.device, l->lane, (x->units + x->chunk - 1) / x->chunk, run_chunk, &w);
    return KAON_OK;
}

static kaon_status launch_tasks(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_matmul *x = state;
    cpu_product p;
    begin(x, l, x->m, 0, &p);
    if (x->whole_b && !x->constant_b)
        cpu_matmul_pack_whole(x, p.b, l->lane);
    cpu_matmul_share(x, &p, l->lane);
    return KAON_OK;
}

/* A sum over the rows that is not done in tiles: one thread, in order. */
static kaon_status launch_whole_total(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const cpu_matmul *x = state;
    kaon_launch whole = *l;
    whole.rows = x->k;
    whole.scratch = x->lane_scratch + (uint64_t)l->lane * x->scratch_bytes;
    return launch_total(x, &whole, diag);
}

/* --- the step --------------------------------------------------------------------------------- */

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    cpu_matmul x = {0};
    int32_t general;
    const int32_t dtype = cpu_operand(step, 0)->dtype;
    return (dtype == KAON_F32 || dtype == KAON_F64) && cpu_matmul_read(step, &x) &&
           cpu_matmul_read_epilogue(d, step, &x, &general);
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    cpu_matmul *x = NULL;
    KAON_TRY(cpu_matmul_new(d, step, &x, diag));
    const int32_t plain = !x->epilogue && x->sums < 0 && !x->total && !x->lead_rank && !x->pack_a &&
                          !x->large && (x->packed_b || !x->pack_b);
    out->state = x;
    out->release = cpu_matmul_free;
    if (x->tiled)
        out->launch = x->total ? launch_total : plain && x->k != 1 ? launch_rows : launch_tile;
    else if (plain && x->k != 1 && x->units <= x->chunk)
        out->launch = launch_small;
    else if (x->tasks)
        out->launch = launch_tasks;
    else
        out->launch = x->total ? launch_whole_total : launch_wide;
    out->scratch_bytes = x->tiled ? x->scratch_bytes : 0;
    return KAON_OK;
}

const cpu_op cpu_matmul_ops[] = {
    {"matmul", supports, prepare},
    {0},
};
