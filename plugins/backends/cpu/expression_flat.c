/* expression_flat.c: the short way through small expressions.
 *
 * Steps of a tile and of single events are over in less time than the general loops of expression.c
 * take to set up. This runs those of two axes whose rows fit in a block: no outer axes, no pieces,
 * nothing that is reduced over several blocks but totals.
 */
#include "blocks.h"
#include "denormals.h"
#include "expression.h"

/* --- what is simple enough -------------------------------------------------------------------- */

static int32_t flat_result(const cpu_expression *x, const cpu_result *r)
{
    const int32_t real = r->dtype == KAON_F32 || r->dtype == KAON_F64;
    const uint32_t mid = 1, inner = 2;
    if (r->direct)
        return CPU_FLAT_DIRECT;
    if (!r->mask)
        return CPU_FLAT_STORE;
    if (r->mask == inner && real && (!r->joins || (r->total && x->shape[0] == 1)))
        return CPU_FLAT_ROWS;
    if (r->mask == mid && r->total && r->columns && r->strides[1] == 1)
        return CPU_FLAT_COLUMNS;
    return CPU_FLAT_NOT;
}

int32_t cpu_expression_is_flat(cpu_expression *x)
{
    if (x->rank != 2 || x->split >= 0 || x->capacity / x->block_rows < x->shape[1])
        return 0;
    for (int32_t k = 0; k < x->code_count; k++)
        if (x->code[k].kind == CPU_IOTA || x->code[k].widen)
            return 0;
    for (int32_t j = 0; j < x->result_count; j++) {
        x->results[j].flat = flat_result(x, &x->results[j]);
        if (x->results[j].flat == CPU_FLAT_NOT)
            return 0;
    }
    return 1;
}

/* --- running ---------------------------------------------------------------------------------- */

typedef struct flat_run {
    const cpu_expression *x;
    const cpu_expression_io *io;
    char **registers;
    cpu_sum *sums;
    int64_t mid, rows, n; // of the block
} flat_run;

/* What is the same for all blocks is made once, for the largest. */
static void fetch_once(const flat_run *f, int64_t rows)
{
    const cpu_expression *x = f->x;
    for (int32_t i = 0; i < x->input_count; i++) {
        const cpu_source *in = &x->inputs[i];
        f->registers[i] = f->io->scratch + in->buffer;
        if (in->unread)
            continue;
        if (in->mode == CPU_FILL && in->strides[0] == 0)
            cpu_fill(f->registers[i], f->io->inputs[i], in->bytes, rows * f->n);
        if (in->mode == CPU_REPEAT)
            cpu_repeat(f->registers[i], f->io->inputs[i], f->n * in->bytes, rows);
    }
    for (int32_t k = 0; k < x->code_count; k++) {
        const cpu_instruction *c = &x->code[k];
        char *to = f->io->scratch + c->buffer;
        f->registers[x->input_count + k] = to;
        if (c->kind != CPU_CONSTANT)
            continue;
        uint64_t number = 0;
        x->state.device->set->casts[KAON_F64][c->dtype](&number, &c->number, 1);
        cpu_fill(to, &number, c->bytes, c->single ? 1 : rows * f->n);
    }
}

static void fetch(const flat_run *f, int32_t i)
{
    const cpu_source *in = &f->x->inputs[i];
    const int64_t row = in->strides[0] * in->bytes;
    const char *from = (const char *)f->io->inputs[i] + f->mid * row;
    char *to = f->registers[i];
    if (in->mode == CPU_DIRECT || in->unread) {
        f->registers[i] = (char *)from;
        return;
    }
    if (in->mode == CPU_REPEAT || (in->mode == CPU_FILL && row == 0))
        return;
    if (in->mode != CPU_GATHER)
        cpu_fill_rows(to, from, row, in->bytes, f->rows, f->n);
    for (int64_t r = 0; in->mode == CPU_GATHER && r < f->rows; r++, from += row)
        cpu_copy_strided(to + r * f->n * in->bytes, 1, from, in->strides[1], in->bytes, f->n);
}

/* The second argument is one number, or one for each row. */
static void compute_scalar(const flat_run *f, const cpu_instruction *c, char *out, const char *in)
{
    const int32_t reg = c->arguments[1];
    const char *number = f->registers[reg];
    int64_t step = 0;
    if (reg < f->x->input_count) {
        const cpu_source *s = &f->x->inputs[reg];
        step = s->unread ? s->strides[0] : s->mode == CPU_COLUMN ? f->n : 0;
        step *= s->bytes;
    }
    const int64_t row = f->n * c->bytes;
    if (step == 0)
        c->scalar(out, in, number, f->rows * f->n);
    for (int64_t i = 0; step != 0 && i < f->rows; i++)
        c->scalar(out + i * row, in + i * row, number + i * step, f->n);
}

static void compute(const flat_run *f)
{
    const cpu_expression *x = f->x;
    char **results = f->registers + x->input_count;
    for (int32_t k = 0; k < x->code_count; k++) {
        const cpu_instruction *c = &x->code[k];
        if (c->kind == CPU_CONSTANT)
            continue;
        if (c->direct >= 0) {
            const cpu_result *r = &x->results[c->direct];
            results[k] = (char *)f->io->outputs[c->direct] + f->mid * r->strides[0] * r->bytes;
        }
        const void *in[3];
        for (int32_t i = 0; i < c->count; i++)
            in[i] = f->registers[c->arguments[i]];
        if (c->scalar)
            compute_scalar(f, c, results[k], in[0]);
        else if (c->cast)
            c->cast(results[k], in[0], f->rows * f->n);
        else
            c->function(results[k], in, f->rows * f->n);
    }
}

static void reduce_rows(const flat_run *f, const cpu_result *r, char *to)
{
    r->reduce(f->sums, f->registers[r->from], f->rows, f->n, f->n);
    const int64_t step = r->strides[0];
    for (int64_t i = 0; i < f->rows; i++)
        if (r->dtype == KAON_F32) {
            float *at = (float *)(void *)to + i * step;
            *at = (float)((r->total ? (double)*at : 0) + f->sums[i].real);
        } else {
            double *at = (double *)(void *)to + i * step;
            *at = (r->total ? *at : 0) + f->sums[i].real;
        }
}

static void finish(const flat_run *f, int32_t j)
{
    const cpu_result *r = &f->x->results[j];
    const char *from = f->registers[r->from];
    char *to = (char *)f->io->outputs[j] + f->mid * r->strides[0] * r->bytes;
    if (r->flat == CPU_FLAT_ROWS)
        reduce_rows(f, r, to);
    else if (r->flat == CPU_FLAT_COLUMNS)
        r->columns(to, from, f->rows, f->n, f->n);
    else if (r->stream)
        (*f->x->state.device->set->stream)(to, from, (uint64_t)(f->rows * f->n * r->bytes));
    else if (r->flat == CPU_FLAT_STORE)
        for (int64_t i = 0; i < f->rows; i++)
            cpu_copy_strided(to + i * r->strides[0] * r->bytes, r->strides[1],
                             from + i * f->n * r->bytes, 1, r->bytes, f->n);
}

/* Nothing to reduce leaves the start of the reduction in every row. */
static void store_starts(const cpu_expression *x, const cpu_expression_io *io, int64_t rows)
{
    for (int32_t j = 0; j < x->result_count; j++) {
        const cpu_result *r = &x->results[j];
        char *to = io->outputs[j];
        for (int64_t i = 0; r->flat == CPU_FLAT_ROWS && !r->total && i < rows; i++)
            cpu_sum_store(x->state.device, r->dtype, to + i * r->strides[0] * r->bytes,
                          cpu_sum_start(r->dtype, r->how));
    }
}

static void run_blocks(flat_run *f, int64_t all)
{
    const cpu_expression *x = f->x;
    fetch_once(f, all < x->block_rows ? all : x->block_rows);
    for (; f->mid < all; f->mid += f->rows) {
        f->rows = all - f->mid < x->block_rows ? all - f->mid : x->block_rows;
        for (int32_t i = 0; i < x->input_count; i++)
            fetch(f, i);
        compute(f);
        for (int32_t j = 0; j < x->result_count; j++)
            finish(f, j);
    }
}

void cpu_expression_run_flat(const cpu_expression *x, const cpu_expression_io *io)
{
    enum { FEW = 128 }; // numbers that are done sooner than the mode for denormals has changed
    const int64_t tile = io->rows * x->row_factor;
    const int64_t all = x->row_axis == 0 ? tile : x->shape[0];
    flat_run f = {
        .x = x,
        .io = io,
        .registers = (char **)(void *)io->scratch,
        .sums = (cpu_sum *)(void *)(io->scratch + x->sums_at),
        .n = x->row_axis == 1 ? tile : x->shape[1],
    };
    if (all == 0 || f.n == 0) {
        store_starts(x, io, all);
        return;
    }
    if (all * f.n <= FEW) {
        run_blocks(&f, all);
        return;
    }
    const unsigned mode = cpu_flush_begin();
    run_blocks(&f, all);
    cpu_flush_end(mode);
    if (x->streams)
        cpu_stream_end();
}
