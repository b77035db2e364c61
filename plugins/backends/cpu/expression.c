/* expression.c: running fused expressions block by block, and the step "fused".
 *
 * A reduction along inner sums a block in the way reduce_rows.c states and joins blocks in order in
 * f64 (64 bits for integers). A reduction row upon row sums the rows of a block, then adds that to
 * the output. Pieces are joined in order. So no value depends on the number of threads.
 */
#include "denormals.h"
#include "expression.h"
#include "blocks.h"

#include <string.h>

/* One run over a box of the space. The pointers lead into the scratch. */
typedef struct run {
    const cpu_expression *x;
    const cpu_expression_io *io;
    int64_t from[KAON_MAX_RANK], to[KAON_MAX_RANK], index[KAON_MAX_RANK];
    int64_t mid, rows, inner, numbers; // of the block: rows of inner numbers
    char **registers;
    int64_t *filled;     // numbers of a constant block that are there
    const void **source; // what a constant block was made of
    int64_t *offsets;    // of the inputs, then of the results, to the plane of mid and inner
    cpu_sum *carry;      // of each result: the reduction so far
    cpu_sum *sums;       // of the rows of a block
    char *spare;         // three buffers of 8-byte numbers
    char *partial;       // of this piece; NULL: straight to the outputs
} run;

/* --- blocks of inputs ------------------------------------------------------------------------- */

static void fetch(run *r, int32_t i)
{
    const cpu_source *in = &r->x->inputs[i];
    const int64_t mid_stride = in->strides[r->x->rank - 2], stride = in->strides[r->x->rank - 1];
    const int64_t at = r->offsets[i] + r->mid * mid_stride + r->inner * stride;
    const char *from = (const char *)r->io->inputs[i] + at * in->bytes;
    if (in->mode == CPU_DIRECT || in->unread) {
        r->registers[i] = (char *)from;
        return;
    }
    const int64_t n = r->rows * r->numbers;
    char *to = r->registers[i];
    if (in->mode <= CPU_REPEAT && r->source[i] == from && r->filled[i] >= n)
        return;
    r->source[i] = from;
    r->filled[i] = n;
    if (in->mode == CPU_FILL) {
        cpu_fill(to, from, in->bytes, n);
        return;
    }
    const int64_t row_bytes = r->numbers * in->bytes;
    for (int64_t row = 0; row < r->rows; row++, from += mid_stride * in->bytes, to += row_bytes)
        if (in->mode == CPU_COLUMN)
            cpu_fill(to, from, in->bytes, r->numbers);
        else
            cpu_copy_strided(to, 1, from, stride, in->bytes, r->numbers);
}

/* --- instructions ----------------------------------------------------------------------------- */

static void make_constant(run *r, const cpu_instruction *c, int32_t reg)
{
    const int64_t n = c->single ? 1 : r->rows * r->numbers;
    if (r->filled[reg] >= n)
        return;
    uint64_t number = 0;
    r->x->state.device->set->casts[KAON_F64][c->dtype](&number, &c->number, 1);
    cpu_fill(r->registers[reg], &number, c->bytes, n);
    r->filled[reg] = n;
}

// The index along an axis, counted over the whole batch where that axis is the rows.
static void make_iota(run *r, const cpu_instruction *c, void *out)
{
    const cpu_expression *x = r->x;
    const int64_t shift = c->axis == x->row_axis && c->axis >= 0 ? r->io->first_row : 0;
    int64_t *index = (int64_t *)r->spare;
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t i = 0; i < r->numbers; i++) {
            const int64_t along = c->axis == x->rank - 1   ? r->inner + i
                                  : c->axis == x->rank - 2 ? r->mid + row
                                  : c->axis >= 0           ? r->index[c->axis]
                                                           : 0;
            index[row * r->numbers + i] = along + shift;
        }
    x->state.device->set->casts[KAON_I64][c->dtype](out, index, r->rows * r->numbers);
}

static void compute_half(run *r, const cpu_instruction *c, void *out, const void *const *in,
                         int64_t n)
{
    const void *wide[3];
    const int64_t step = ((r->x->capacity * 8 + 63) & ~(int64_t)63) + 128;
    for (int32_t i = 0; i < c->count; i++) {
        c->widen(r->spare + i * step, in[i], n);
        wide[i] = r->spare + i * step;
    }
    if (!c->shorten) {
        c->function(out, wide, n);
        return;
    }
    c->function(r->spare, wide, n);
    c->shorten(out, r->spare, n);
}

// Whether a result goes to the piece's own part and is joined later.
static int32_t is_partial(const run *r, int32_t j)
{
    return r->partial && (r->x->results[j].mask >> r->x->split & 1);
}

static const int64_t *result_strides(const run *r, int32_t j)
{
    const cpu_result *out = &r->x->results[j];
    return is_partial(r, j) ? out->partial_strides : out->strides;
}

static char *result_at(const run *r, int32_t j)
{
    const cpu_result *out = &r->x->results[j];
    const int64_t *strides = result_strides(r, j);
    const int64_t at = r->offsets[r->x->input_count + j] + r->mid * strides[r->x->rank - 2] +
                       r->inner * strides[r->x->rank - 1];
    char *first = is_partial(r, j) ? r->partial + out->partial_at : (char *)r->io->outputs[j];
    return first + at * out->bytes;
}

/* The second argument is one number, or one for each row: a step further in memory for each. */
static void compute_scalar(const run *r, const cpu_instruction *c, char *out, const char *in)
{
    const cpu_expression *x = r->x;
    const int32_t reg = c->arguments[1];
    const char *number = r->registers[reg];
    int64_t step = 0;
    if (reg < x->input_count && !x->inputs[reg].unread) {
        // The block is there as well: its rows begin with the number.
        step = x->inputs[reg].mode == CPU_COLUMN ? r->numbers * x->inputs[reg].bytes : 0;
    } else if (reg < x->input_count) {
        step = x->inputs[reg].strides[x->rank - 2] * x->inputs[reg].bytes;
    }
    if (step == 0) {
        c->scalar(out, in, number, r->rows * r->numbers);
        return;
    }
    const int64_t row = r->numbers * c->bytes;
    for (int64_t i = 0; i < r->rows; i++)
        c->scalar(out + i * row, in + i * row, number + i * step, r->numbers);
}

static void compute(run *r)
{
    const cpu_expression *x = r->x;
    const int64_t n = r->rows * r->numbers;
    for (int32_t k = 0; k < x->code_count; k++) {
        const cpu_instruction *c = &x->code[k];
        const int32_t reg = x->input_count + k;
        if (c->direct >= 0)
            r->registers[reg] = result_at(r, c->direct);
        void *out = r->registers[reg];
        const void *in[3];
        for (int32_t i = 0; i < c->count; i++)
            in[i] = r->registers[c->arguments[i]];
        if (c->kind == CPU_CONSTANT)
            make_constant(r, c, reg);
        else if (c->kind == CPU_IOTA)
            make_iota(r, c, out);
        else if (c->scalar)
            compute_scalar(r, c, out, in[0]);
        else if (c->cast)
            c->cast(out, in[0], n);
        else if (c->widen)
            compute_half(r, c, out, in, n);
        else
            c->function(out, in, n);
    }
}

/* --- results ---------------------------------------------------------------------------------- */

static void store_block(const run *r, int32_t j)
{
    const cpu_result *out = &r->x->results[j];
    const int64_t mid_stride = out->strides[r->x->rank - 2], stride = out->strides[r->x->rank - 1];
    const char *from = r->registers[out->from];
    char *to = result_at(r, j);
    if (out->stream) {
        (*r->x->state.device->set->stream)(to, from, (uint64_t)(r->rows * r->numbers * out->bytes));
        return;
    }
    for (int64_t row = 0; row < r->rows; row++, to += mid_stride * out->bytes)
        cpu_copy_strided(to, stride, from + row * r->numbers * out->bytes, 1, out->bytes,
                         r->numbers);
}

// One number joins what its place holds. A total is a sum, whatever was reduced before.
static void join_number(const run *r, const cpu_result *out, void *to, cpu_sum part)
{
    const cpu_device *d = r->x->state.device;
    const int32_t how = out->total ? KAON_REDUCE_SUM : out->how;
    if (out->joins)
        part = cpu_sum_join(out->dtype, how, cpu_sum_load(d, out->dtype, to), part);
    cpu_sum_store(d, out->dtype, to, part);
}

/* Row upon row, n numbers each; a `step` of 0 between the places of two rows is what is usual. */
static void join_rows(const run *r, const cpu_result *out, char *to, int64_t step, const char *from)
{
    const int64_t n = r->numbers, row_bytes = n * out->bytes;
    if (out->columns && step == 0) {
        out->columns(to, from, r->rows, n, n);
        return;
    }
    for (int64_t row = 0; row < r->rows; row++, to += step, from += row_bytes)
        if (out->columns)
            out->columns(to, from, 1, n, n);
        else if (out->combine)
            out->combine(to, (const void *const[]){to, from}, n);
        else
            for (int64_t i = 0; i < n; i++)
                join_number(r, out, to + i * out->bytes,
                            cpu_sum_load(r->x->state.device, out->dtype, from + i * out->bytes));
}

static void join_block(const run *r, int32_t j)
{
    const cpu_result *out = &r->x->results[j];
    const int64_t *strides = result_strides(r, j);
    const int64_t mid_stride = strides[r->x->rank - 2], stride = strides[r->x->rank - 1];
    const char *from = r->registers[out->from];
    char *to = result_at(r, j);
    if (stride == 1) {
        join_rows(r, out, to, mid_stride * out->bytes, from);
        return;
    }
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t i = 0; i < r->numbers; i++, from += out->bytes)
            join_number(r, out, to + (row * mid_stride + i * stride) * out->bytes,
                        cpu_sum_load(r->x->state.device, out->dtype, from));
}

// Whether this block is the last of those that are reduced to one number.
static int32_t region_ends(const run *r, int32_t trailing)
{
    const int32_t rank = r->x->rank;
    int32_t ends = r->inner + r->numbers == r->to[rank - 1];
    if (trailing >= 2)
        ends &= r->mid + r->rows == r->to[rank - 2];
    for (int32_t i = rank - trailing; i < rank - 2; i++)
        ends &= r->index[i] + 1 == r->to[i];
    return ends;
}

static void reduce_block(run *r, int32_t j)
{
    const cpu_expression *x = r->x;
    const cpu_result *out = &x->results[j];
    const void *in = r->registers[out->from];
    if (out->widen) {
        out->widen(r->spare, in, r->rows * r->numbers);
        in = r->spare;
    }
    if (out->trailing == 1 && x->block_rows > 1) {
        out->reduce(r->sums, in, r->rows, r->numbers, r->numbers);
        char *to = result_at(r, j);
        const int64_t step = result_strides(r, j)[x->rank - 2] * out->bytes;
        for (int64_t row = 0; row < r->rows; row++, to += step)
            join_number(r, out, to, r->sums[row]);
        return;
    }
    cpu_sum part;
    out->reduce(&part, in, 1, 0, r->rows * r->numbers);
    r->carry[j] = cpu_sum_join(out->dtype, out->how, r->carry[j], part);
    if (!region_ends(r, out->trailing))
        return;
    join_number(r, out, result_at(r, j), r->carry[j]);
    r->carry[j] = cpu_sum_start(out->dtype, out->how);
}

static void finish(run *r)
{
    for (int32_t j = 0; j < r->x->result_count; j++) {
        const cpu_result *out = &r->x->results[j];
        if (out->trailing)
            reduce_block(r, j);
        else if (out->mask)
            join_block(r, j);
        else if (!out->direct)
            store_block(r, j);
    }
}

/* --- the space -------------------------------------------------------------------------------- */

static void run_plane(run *r)
{
    const cpu_expression *x = r->x;
    const int32_t mid = x->rank - 2, inner = x->rank - 1;
    for (r->mid = r->from[mid]; r->mid < r->to[mid]; r->mid += x->block_rows) {
        r->rows = r->to[mid] - r->mid < x->block_rows ? r->to[mid] - r->mid : x->block_rows;
        for (r->inner = r->from[inner]; r->inner < r->to[inner]; r->inner += r->numbers) {
            const int64_t left = r->to[inner] - r->inner;
            const int64_t most = x->capacity / x->block_rows;
            r->numbers = left < most ? left : most;
            for (int32_t i = 0; i < x->input_count; i++)
                fetch(r, i);
            compute(r);
            finish(r);
        }
    }
}

static void find_offsets(run *r)
{
    const cpu_expression *x = r->x;
    for (int32_t o = 0; o < x->input_count + x->result_count; o++) {
        const int64_t *strides =
            o < x->input_count ? x->inputs[o].strides : result_strides(r, o - x->input_count);
        r->offsets[o] = 0;
        for (int32_t i = 0; i < x->rank - 2; i++)
            r->offsets[o] += r->index[i] * strides[i];
    }
}

// The next index of the axes before mid; 0 after the last.
static int32_t next_index(run *r)
{
    for (int32_t i = r->x->rank - 3; i >= 0; i--) {
        if (++r->index[i] < r->to[i])
            return 1;
        r->index[i] = r->from[i];
    }
    return 0;
}

static void start(run *r, const cpu_expression *x, const cpu_expression_io *io)
{
    const int32_t registers = x->input_count + x->code_count;
    r->x = x;
    r->io = io;
    r->registers = (char **)(void *)io->scratch;
    r->filled = (int64_t *)(void *)(r->registers + registers);
    r->source = (const void **)(void *)(r->filled + registers);
    r->offsets = (int64_t *)(void *)(r->source + registers);
    r->carry = (cpu_sum *)(void *)(r->offsets + x->input_count + x->result_count);
    r->sums = (cpu_sum *)(void *)(io->scratch + x->sums_at);
    r->spare = io->scratch + x->spare_at;
    r->partial = NULL;
    for (int32_t i = 0; i < registers; i++) {
        r->filled[i] = 0;
        r->source[i] = NULL;
        r->registers[i] = io->scratch + (i < x->input_count ? x->inputs[i].buffer
                                                            : x->code[i - x->input_count].buffer);
    }
    for (int32_t j = 0; j < x->result_count; j++)
        r->carry[j] = cpu_sum_start(x->results[j].dtype, x->results[j].how);
    for (int32_t i = 0; i < x->rank; i++) {
        r->from[i] = 0;
        r->to[i] = i == x->row_axis ? io->rows * x->row_factor : x->shape[i];
    }
}

/* Places where blocks join, and those of a reduction of nothing, begin with the reduction's start.
 */
static void store_starts(const run *r, int32_t j)
{
    const cpu_expression *x = r->x;
    const cpu_result *out = &x->results[j];
    const int64_t *strides = result_strides(r, j);
    char *first = is_partial(r, j) ? r->partial + out->partial_at : (char *)r->io->outputs[j];
    uint64_t number = 0;
    cpu_sum_store(x->state.device, out->dtype, &number, cpu_sum_start(out->dtype, out->how));
    int64_t index[KAON_MAX_RANK];
    memcpy(index, r->from, sizeof index);
    for (int32_t i = 0; i < x->rank; i++)
        if (!(out->mask >> i & 1) && r->from[i] >= r->to[i])
            return;
    for (;;) {
        int64_t at = 0;
        for (int32_t i = 0; i < x->rank; i++)
            at += index[i] * strides[i];
        memcpy(first + at * out->bytes, &number, (size_t)out->bytes);
        int32_t i = x->rank - 1;
        for (; i >= 0; i--) {
            if (!(out->mask >> i & 1) && ++index[i] < r->to[i])
                break;
            index[i] = r->from[i];
        }
        if (i < 0)
            return;
    }
}

static void run_space(run *r)
{
    const cpu_expression *x = r->x;
    int32_t empty = 0;
    for (int32_t i = 0; i < x->rank; i++) {
        empty |= r->from[i] >= r->to[i];
        r->index[i] = r->from[i];
    }
    for (int32_t j = 0; j < x->result_count; j++) {
        const cpu_result *out = &x->results[j];
        if (out->mask && !out->total && (empty || out->joins))
            store_starts(r, j);
    }
    if (empty)
        return;
    do {
        find_offsets(r);
        run_plane(r);
    } while (next_index(r));
}

static void run_box(run *r)
{
    const unsigned mode = cpu_flush_begin();
    run_space(r);
    cpu_flush_end(mode);
    if (r->x->streams)
        cpu_stream_end();
}

void cpu_expression_run(const cpu_expression *x, const cpu_expression_io *io)
{
    if (x->flat) {
        cpu_expression_run_flat(x, io);
        return;
    }
    run r;
    start(&r, x, io);
    run_box(&r);
}

/* --- many threads ----------------------------------------------------------------------------- */

typedef struct wide_run {
    const cpu_expression *x;
    const kaon_launch *launch;
} wide_run;

static void start_piece(run *r, cpu_expression_io *io, const wide_run *w, int64_t piece,
                        int32_t lane)
{
    const cpu_expression *x = w->x;
    *io = (cpu_expression_io){
        .inputs = w->launch->operands,
        .outputs = w->launch->operands + x->input_count,
        .scratch = x->lane_scratch + (uint64_t)lane * x->scratch_bytes,
    };
    start(r, x, io);
    if (x->split < 0)
        return;
    const int64_t end = (piece + 1) * x->piece;
    r->from[x->split] = piece * x->piece;
    r->to[x->split] = end < x->shape[x->split] ? end : x->shape[x->split];
    r->partial = x->partial + piece * x->partial_bytes;
}

static void run_piece(void *context, int64_t piece, int32_t lane)
{
    run r;
    cpu_expression_io io;
    start_piece(&r, &io, context, piece, lane);
    run_box(&r);
}

/* Adds up the pieces of result j, piece after piece for each number. */
static void join_pieces(const cpu_expression *x, int32_t j, char *output)
{
    const cpu_device *d = x->state.device;
    const cpu_result *out = &x->results[j];
    int64_t index[KAON_MAX_RANK] = {0};
    for (int64_t k = 0; k < out->partial_count; k++) {
        const char *part = x->partial + out->partial_at + k * out->bytes;
        cpu_sum sum = cpu_sum_start(out->dtype, out->how);
        for (int64_t p = 0; p < x->pieces; p++, part += x->partial_bytes)
            sum = cpu_sum_join(out->dtype, out->how, sum, cpu_sum_load(d, out->dtype, part));
        int64_t at = 0;
        for (int32_t i = 0; i < x->rank; i++)
            at += index[i] * out->strides[i];
        cpu_sum_store(d, out->dtype, output + at * out->bytes, sum);
        for (int32_t i = x->rank - 1; i >= 0; i--) {
            if (out->strides[i] && ++index[i] < x->shape[i])
                break;
            index[i] = 0;
        }
    }
}

void cpu_expression_run_wide(const cpu_expression *x, const kaon_launch *l)
{
    if (x->split < 0) {
        const cpu_expression_io io = {
            .inputs = l->operands,
            .outputs = l->operands + x->input_count,
            .scratch = x->lane_scratch + (uint64_t)l->lane * x->scratch_bytes,
        };
        cpu_expression_run(x, &io);
        return;
    }
    wide_run w = {x, l};
    cpu_for(x->state.device, l->lane, x->pieces, run_piece, &w);
    for (int32_t j = 0; j < x->result_count; j++)
        if (x->results[j].mask >> x->split & 1)
            join_pieces(x, j, l->operands[x->input_count + j]);
}

/* --- the step --------------------------------------------------------------------------------- */

enum { MOST_INPUTS = 256, MOST_RESULTS = 64 };

static kaon_status launch_tile(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    const cpu_expression *x = state;
    const cpu_expression_io io = {l->operands, l->operands + x->input_count, l->rows, l->first_row,
                                  l->scratch};
    cpu_expression_run(x, &io);
    return KAON_OK;
}

static kaon_status launch_wide(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    cpu_expression_run_wide(state, l);
    return KAON_OK;
}

static void release(void *state)
{
    cpu_expression_free(state);
}

static void list_operands(const kaon_step *step, const kaon_operand **inputs,
                          const kaon_operand **outputs)
{
    for (int32_t i = 0; i < step->input_count; i++)
        inputs[i] = cpu_operand(step, i);
    for (int32_t j = 0; j < step->output_count; j++)
        outputs[j] = cpu_output(step, j);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    const kaon_operand *inputs[MOST_INPUTS], *outputs[MOST_RESULTS];
    if (!step->fused || step->input_count > MOST_INPUTS || step->output_count > MOST_RESULTS ||
        step->fused->input_count != step->input_count ||
        step->fused->result_count != step->output_count)
        return 0;
    list_operands(step, inputs, outputs);
    return cpu_expression_supported(d, step->fused, inputs);
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    const kaon_operand *inputs[MOST_INPUTS], *outputs[MOST_RESULTS];
    const int32_t tiled = (step->flags & KAON_STEP_ROWS) != 0;
    list_operands(step, inputs, outputs);
    cpu_expression *x = NULL;
    KAON_TRY(cpu_expression_new(d, step->fused, inputs, outputs, step->flags, &x, diag));
    out->state = x;
    out->release = release;
    out->launch = tiled ? launch_tile : launch_wide;
    out->scratch_bytes = tiled ? x->scratch_bytes : 0;
    return KAON_OK;
}

const cpu_op cpu_expression_ops[] = {
    {"fused", supports, prepare},
    {0},
};
