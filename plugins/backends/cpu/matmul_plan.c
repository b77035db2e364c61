/* matmul_plan.c: preparing products of matrices: shapes, epilogue, scratch, work for threads. */
#include "matmul.h"

#include <string.h>

enum {
    MOST_OPERANDS = 128,
    LARGE_LEAST = 64,          // a smaller side is not worth packing
    LARGE_BYTES = 1024 * 1024, // from here on b does not stay in the cache as it lies
    CHUNK_WORK = 1024 * 1024,  // multiplications one thread takes at a time
    CHUNK_ROWS = 24,           // at least: b is read once for every few rows
};

/* --- shapes ----------------------------------------------------------------------------------- */

/* The last two axes; a vector is a row on the left and a column on the right. */
static void read_matrices(const kaon_operand *a, const kaon_operand *b, cpu_matmul *x)
{
    const int32_t ar = a->rank, br = b->rank;
    x->k = a->shape[ar - 1];
    x->a_step = a->strides[ar - 1];
    x->m = ar > 1 ? a->shape[ar - 2] : 1;
    x->a_row = ar > 1 ? a->strides[ar - 2] : 0;
    x->n = br > 1 ? b->shape[br - 1] : 1;
    x->b_step = br > 1 ? b->strides[br - 1] : 0;
    x->b_row = br > 1 ? b->strides[br - 2] : b->strides[0];
}

// Stride of an operand along leading axis i of the product; its axes are matched from the last.
static int64_t lead_stride(const kaon_operand *o, int32_t lead_rank, int32_t i)
{
    const int32_t axis = o->rank - 2 - lead_rank + i;
    return axis < 0 || o->shape[axis] == 1 ? 0 : o->strides[axis];
}

static void read_lead(const kaon_operand *a, const kaon_operand *b, const kaon_operand *c,
                      cpu_matmul *x)
{
    const int32_t vectors = (a->rank == 1) + (b->rank == 1);
    x->lead_rank = c->rank - (2 - vectors);
    for (int32_t i = 0; i < x->lead_rank; i++) {
        x->lead[i] = c->shape[i];
        x->a_lead[i] = lead_stride(a, x->lead_rank, i);
        x->b_lead[i] = lead_stride(b, x->lead_rank, i);
    }
}

/* Where every matrix on the left continues the one before it and all meet the same b, they are one
 * matrix. */
static int32_t flatten(cpu_matmul *x)
{
    int64_t rows = x->m;
    for (int32_t i = x->lead_rank - 1; i >= 0; i--) {
        if (x->b_lead[i] != 0 || (x->lead[i] != 1 && rows != 1 && x->a_lead[i] != x->a_row * rows))
            return 0;
        if (rows == 1)
            x->a_row = x->a_lead[i];
        rows *= x->lead[i];
    }
    x->m = rows;
    x->lead_rank = 0;
    return 1;
}

static int32_t is_large(const cpu_matmul *x)
{
    return x->m >= LARGE_LEAST && x->n >= LARGE_LEAST && x->k >= LARGE_LEAST &&
           x->k > LARGE_BYTES / (x->n * x->bytes);
}

int32_t cpu_matmul_read(const kaon_step *step, cpu_matmul *x)
{
    const kaon_operand *a = cpu_operand(step, 0), *b = cpu_operand(step, 1),
                       *c = cpu_output(step, 0);
    if (step->input_count < 2 || a->rank < 1 || b->rank < 1 || a->dtype != b->dtype)
        return 0;
    x->dtype = a->dtype;
    x->bytes = (int32_t)kaon_dtype_bytes(a->dtype);
    x->inputs = step->input_count;
    x->tiled = (step->flags & KAON_STEP_ROWS) != 0;
    x->total = !step->fused && c->kind == KAON_OPERAND_TOTAL;
    read_matrices(a, b, x);
    if (!step->fused && !cpu_is_contiguous(c))
        return 0;
    if (step->fused) {
        // The product's shape is the expression's space.
        if (x->total || a->rank == 1 || b->rank == 1)
            return 0;
        kaon_operand product = *c;
        product.rank = step->fused->rank;
        memcpy(product.shape, step->fused->shape, sizeof product.shape);
        read_lead(a, b, &product, x);
    } else {
        read_lead(a, b, c, x);
    }
    if (x->total) {
        x->large = is_large(x);
        return x->lead_rank == 0;
    }
    x->units = x->lead_rank ? x->lead[0] : x->m;
    const int64_t per_unit = x->lead_rank ? 0 : 1;
    x->unit_rows = flatten(x) ? (x->units ? x->m / x->units : 0) : per_unit;
    if (x->lead_rank) {
        x->unit_rows = x->m;
        for (int32_t i = 1; i < x->lead_rank; i++)
            x->unit_rows *= x->lead[i];
    }
    x->large = is_large(x);
    return 1;
}

/* --- epilogue --------------------------------------------------------------------------------- */

static const kaon_operand *epilogue_input(const kaon_step *step, int32_t reg)
{
    return reg >= 1 && reg < step->fused->input_count ? cpu_operand(step, reg + 1) : NULL;
}

static int32_t is_bias(const kaon_step *step, int32_t reg)
{
    const kaon_operand *o = epilogue_input(step, reg);
    const int32_t rank = step->fused->rank;
    if (!o || o->dtype != cpu_operand(step, 0)->dtype || o->strides[rank - 1] != 1)
        return 0;
    for (int32_t i = 0; i < rank - 1; i++)
        if (o->strides[i] != 0 && step->fused->shape[i] != 1)
            return 0;
    return 1;
}

static int32_t is_zero(const kaon_step *step, int32_t reg)
{
    const kaon_expression *e = step->fused;
    if (reg >= e->input_count) {
        const kaon_instruction *in = cpu_instruction_at(e, reg - e->input_count);
        return in->op == KAON_X_CONST && in->number == 0;
    }
    const kaon_operand *o = epilogue_input(step, reg);
    if (!o || !o->value)
        return 0;
    for (int32_t i = 0; i < e->rank; i++)
        if (o->strides[i] != 0 && e->shape[i] != 1)
            return 0;
    return o->dtype == KAON_F32 ? *(const float *)o->value == 0
                                : o->dtype == KAON_F64 && *(const double *)o->value == 0;
}

/* An operand of the product's shape, without gaps. */
static int32_t is_like_product(const kaon_step *step, int32_t reg, int32_t dtype)
{
    const kaon_operand *o = epilogue_input(step, reg);
    if (!o || o->dtype != dtype || o->rank != step->fused->rank || !cpu_is_contiguous(o))
        return 0;
    return !memcmp(o->shape, step->fused->shape, (size_t)o->rank * sizeof *o->shape);
}

// Registers that are known while an epilogue is read; -1: none.
typedef struct known {
    int32_t value; // of the product so far
    int32_t test;  // whether that is above 0
    int32_t gate;  // whether operand `saved` is above 0
    int32_t saved;
} known;

static int32_t read_test(const kaon_step *step, const kaon_instruction *in, int32_t here, known *of)
{
    if (!is_zero(step, in->b))
        return 0;
    if (in->a == of->value && of->test < 0) {
        of->test = here;
        return 1;
    }
    if (of->gate >= 0 || !is_like_product(step, in->a, cpu_operand(step, 0)->dtype))
        return 0;
    of->gate = here;
    of->saved = in->a + 1;
    return 1;
}

static int32_t read_choice(const kaon_step *step, const kaon_instruction *in, cpu_matmul *x,
                           const known *of)
{
    if (in->b != of->value || x->relu || of->test >= 0 || x->open >= 0 || x->above >= 0 ||
        !is_zero(step, in->c))
        return 0;
    if (in->a == of->gate)
        x->above = of->saved;
    else if (is_like_product(step, in->a, KAON_BOOL))
        x->open = in->a + 1;
    else
        return 0;
    return 1;
}

/* What the kernels do to a product on the way to memory, in this order: + bias, max with 0 or 0
 * where a mask is or something saved is not above 0, and whether the result is above 0. */
static int32_t read_instruction(const kaon_step *step, int32_t k, cpu_matmul *x, known *of)
{
    const kaon_instruction *in = cpu_instruction_at(step->fused, k);
    const int32_t here = step->fused->input_count + k;
    const int32_t other = in->a == of->value ? in->b : in->a;
    const int32_t takes_value = in->a == of->value || in->b == of->value;
    int32_t reads = 0;
    if (in->op == KAON_X_CONST)
        return 1;
    if (in->op == KAON_X_GT)
        return read_test(step, in, here, of);
    if (in->op == KAON_X_ADD)
        reads = takes_value && of->value == 0 && x->bias < 0 && is_bias(step, other);
    else if (in->op == KAON_X_MAX)
        reads = takes_value && !x->relu && x->open < 0 && x->above < 0 && is_zero(step, other);
    else if (in->op == KAON_X_SELECT)
        reads = read_choice(step, in, x, of);
    if (!reads)
        return 0;
    if (in->op == KAON_X_ADD)
        x->bias = other + 1;
    x->relu |= in->op == KAON_X_MAX;
    of->value = here;
    return 1;
}

/* What is above 0 before max with 0 is so after it. */
static int32_t read_simple(const kaon_step *step, cpu_matmul *x)
{
    const kaon_expression *e = step->fused;
    known of = {.value = 0, .test = -1, .gate = -1};
    for (int32_t k = 0; k < e->code_count; k++)
        if (!read_instruction(step, k, x, &of))
            return 0;
    x->result = -1;
    for (int32_t j = 0; j < e->result_count; j++) {
        const kaon_result *r = cpu_result_at(e, j);
        const kaon_operand *o = cpu_output(step, j);
        const int32_t sums = o->kind == KAON_OPERAND_TOTAL && e->rank == 2;
        const int32_t stores = r->how == KAON_STORE && !cpu_reduces(e, r, o, 0);
        const int32_t at = step->input_count + j;
        if (!cpu_is_contiguous(o))
            return 0;
        if (r->from == of.value && stores && x->result < 0)
            x->result = at;
        else if (r->from == of.test && stores && x->positive < 0)
            x->positive = at;
        else if (r->from == of.value && sums && x->tiled && x->sums < 0 &&
                 (r->how == KAON_STORE || (r->how == KAON_REDUCE_SUM && r->axes == 0)))
            x->sums = at;
        else
            return 0;
    }
    return x->result >= 0;
}

static void no_epilogue(cpu_matmul *x)
{
    x->relu = 0;
    x->bias = x->open = x->above = x->positive = x->sums = -1;
    x->result = x->inputs;
}

static void product_operand(const kaon_step *step, const cpu_matmul *x, kaon_operand *out)
{
    const kaon_expression *e = step->fused;
    *out = (kaon_operand){.size = sizeof *out, .dtype = x->dtype, .rank = e->rank};
    int64_t stride = 1;
    for (int32_t i = e->rank - 1; i >= 0; i--) {
        out->shape[i] = e->shape[i];
        out->strides[i] = stride;
        stride *= e->shape[i];
    }
}

static void epilogue_operands(const kaon_step *step, const kaon_operand *product,
                              const kaon_operand **inputs, const kaon_operand **outputs)
{
    inputs[0] = product;
    for (int32_t i = 1; i < step->fused->input_count; i++)
        inputs[i] = cpu_operand(step, i + 1);
    for (int32_t j = 0; j < step->output_count; j++)
        outputs[j] = cpu_output(step, j);
}

int32_t cpu_matmul_read_epilogue(const cpu_device *d, const kaon_step *step, cpu_matmul *x,
                                 int32_t *general)
{
    *general = 0;
    no_epilogue(x);
    if (!step->fused)
        return 1;
    if (step->fused->input_count != step->input_count - 1 || step->fused->rank < 2 ||
        step->input_count + step->output_count > MOST_OPERANDS ||
        step->fused->result_count != step->output_count)
        return 0;
    if (read_simple(step, x))
        return 1;
    no_epilogue(x);
    *general = 1;
    kaon_operand product;
    const kaon_operand *inputs[MOST_OPERANDS], *outputs[MOST_OPERANDS];
    product_operand(step, x, &product);
    epilogue_operands(step, &product, inputs, outputs);
    for (int32_t j = 0; !x->tiled && j < step->output_count; j++)
        if (outputs[j]->kind == KAON_OPERAND_TOTAL)
            return 0;
    return cpu_expression_supported(d, step->fused, inputs);
}

// From one unit to the next: the stride of axis 0.
static int64_t unit_bytes(const kaon_operand *o, int32_t rank)
{
    const int32_t moves = o->kind != KAON_OPERAND_TOTAL && o->rank == rank;
    return moves ? o->strides[0] * (int64_t)kaon_dtype_bytes(o->dtype) : 0;
}

/* The expression is prepared for the units of one chunk, with the chunk's product in the scratch.
 */
static kaon_status new_epilogue(const cpu_device *d, const kaon_step *step, cpu_matmul *x,
                                kaon_diag *diag)
{
    kaon_operand product;
    const kaon_operand *inputs[MOST_OPERANDS], *outputs[MOST_OPERANDS];
    product_operand(step, x, &product);
    epilogue_operands(step, &product, inputs, outputs);
    kaon_expression e = *step->fused;
    e.shape[0] = x->tiled ? x->units : x->chunk;
    product.shape[0] = e.shape[0];
    KAON_TRY(cpu_expression_new(d, &e, inputs, outputs, KAON_STEP_ROWS, &x->epilogue, diag));
    const int32_t count = e.input_count + e.result_count;
    x->unit_bytes = cpu_zeros(d, (uint64_t)count * sizeof *x->unit_bytes);
    x->moved = cpu_zeros(d, (uint64_t)(count * d->lanes) * sizeof *x->moved);
    if (!x->unit_bytes || !x->moved)
        return cpu_no_memory(diag, "matmul");
    for (int32_t i = 0; i < e.input_count; i++)
        x->unit_bytes[i] = unit_bytes(inputs[i], e.rank);
    for (int32_t j = 0; j < e.result_count; j++)
        x->unit_bytes[e.input_count + j] = unit_bytes(outputs[j], e.rank);
    return KAON_OK;
}

/* --- work and scratch ------------------------------------------------------------------------- */

static int64_t limited(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Chunks depend on the shape only. Large ones pack what they multiply: a few hundred rows. */
static void choose_chunks(cpu_matmul *x, const kaon_step *step)
{
    if (x->large && !x->lead_rank) {
        x->chunk = limited((x->m + 1) / 2, 256, 1024) / (x->unit_rows ? x->unit_rows : 1);
    } else {
        const int64_t unit_work = x->unit_rows * x->n * x->k;
        x->chunk = unit_work > 0 ? CHUNK_WORK / unit_work : x->units;
        if (x->unit_rows == 1) // whole blocks of rows
            x->chunk = x->chunk < CHUNK_ROWS ? CHUNK_ROWS : x->chunk & ~(int64_t)7;
    }
    // What an epilogue adds up over the units, it adds up in one go.
    for (int32_t j = 0; step->fused && j < step->output_count; j++)
        if (cpu_reduces(step->fused, cpu_result_at(step->fused, j), cpu_output(step, j), 0))
            x->chunk = x->units;
    x->chunk = limited(x->chunk, 1, x->units > 0 ? x->units : 1);
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + 63) & ~(uint64_t)63;
}

static void lay_out_scratch(cpu_matmul *x)
{
    const int64_t units = x->tiled ? x->units : x->chunk;
    const int64_t rows = x->lead_rank || x->total ? x->m : units * x->unit_rows;
    const uint64_t bytes = (uint64_t)x->bytes;
    x->b_at = x->pack_a ? aligned((uint64_t)(rows * x->k) * bytes) : 0;
    x->c_at = x->large ? aligned(x->panels_bytes) : x->b_at;
    if (x->pack_b && !x->packed_b)
        x->c_at += aligned((uint64_t)(x->k * x->packed_row) * bytes);
    x->x_at = x->c_at;
    if (x->epilogue)
        x->x_at += aligned((uint64_t)(units * x->unit_rows * x->n) * bytes);
    x->scratch_bytes = x->x_at + (x->epilogue ? x->epilogue->scratch_bytes : 0);
}

/* Rows of a packed b begin at whole vectors. A constant b is packed once and for all. 0: no memory.
 */
static int32_t place_b(const cpu_device *d, const kaon_step *step, cpu_matmul *x)
{
    const kaon_operand *b = cpu_operand(step, 1);
    x->packed_row = (x->n + 15) & ~(int64_t)15;
    const int32_t constant = b->value && b->kind == KAON_OPERAND_WHOLE;
    if (x->large)
        return !cpu_matmul_plan_large(d, x, constant ? b->value : NULL);
    if (!constant || x->lead_rank || x->total)
        return 1;
    x->packed_b = cpu_zeros(d, (uint64_t)(x->k * x->packed_row + 16) * (uint64_t)x->bytes);
    if (!x->packed_b)
        return 0;
    cpu_pack(d, x->packed_b, x->packed_row, b->value, x->b_row, x->b_step, x->k, x->n, x->bytes);
    return 1;
}

static void fill_plain(cpu_matmul *x)
{
    x->plain = (cpu_product){
        .n = x->n,
        .k = x->k,
        .a_row = x->a_row,
        .a_step = x->a_step,
        .b = x->packed_b,
        .b_row = x->packed_b ? x->packed_row : x->b_row,
        .c_row = x->n,
        .add = x->total,
        .relu = x->relu,
    };
}

void cpu_matmul_free(void *state)
{
    cpu_matmul *x = state;
    if (!x)
        return;
    const kaon_host *host = x->state.device->host;
    cpu_expression_free(x->epilogue);
    kaon_free(host, x->unit_bytes);
    kaon_free(host, x->moved);
    kaon_free(host, x->packed_b);
    kaon_free(host, x->panels_b);
    kaon_free(host, x->lane_scratch);
    cpu_state_free(x);
}

kaon_status cpu_matmul_new(const cpu_device *d, const kaon_step *step, cpu_matmul **out,
                           kaon_diag *diag)
{
    int32_t general = 0;
    cpu_matmul *x = cpu_state_new(d, sizeof *x);
    if (!x)
        return cpu_no_memory(diag, "matmul");
    kaon_status status = KAON_INTERNAL;
    if (!cpu_matmul_read(step, x) || !cpu_matmul_read_epilogue(d, step, x, &general))
        goto undo;
    choose_chunks(x, step);
    x->tasks = x->large && !x->tiled && !x->total && !x->lead_rank && !general;
    x->pack_a = !x->large && x->a_step != 1 && x->a_row != 1 && x->k != 1 && x->m != 1;
    x->pack_b = !x->large && x->b_step != 1 && x->n != 1;
    status = general ? new_epilogue(d, step, x, diag) : KAON_OK;
    if (!status && !place_b(d, step, x))
        status = cpu_no_memory(diag, "matmul");
    if (status)
        goto undo;
    lay_out_scratch(x);
    fill_plain(x);
    if (!x->tiled) {
        x->lane_scratch = kaon_alloc(d->host, x->scratch_bytes * (uint64_t)d->lanes);
        status = x->lane_scratch ? KAON_OK : cpu_no_memory(diag, "matmul");
        if (status)
            goto undo;
    }
    *out = x;
    return KAON_OK;

undo:
    cpu_matmul_free(x);
    return status;
}
