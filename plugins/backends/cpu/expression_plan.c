/* expression_plan.c: preparing fused expressions: normal form, registers, blocks, threads. */
#include "expression.h"

#include <string.h>

// Registers in use at once should fit in half of a first level cache of 32 KiB.
enum { BLOCK_BYTES = 16 * 1024, BLOCK_LEAST = 256, BLOCK_MOST = 2048 };

// A piece of work for one thread: long enough to pay for handing it over.
enum { PIECE_NUMBERS = 64 * 1024, PIECES_MOST = 1024 };

static int32_t register_dtype(const kaon_expression *e, const kaon_operand *const *inputs,
                              int32_t index)
{
    return index < e->input_count ? inputs[index]->dtype
                                  : cpu_instruction_at(e, index - e->input_count)->dtype;
}

static int32_t argument_count(int32_t op)
{
    switch (op) {
#define COUNT_ROW(NAME, value, text, inputs, result)                                               \
    case value:                                                                                    \
        return inputs;
        KAON_ELEMENTWISE(COUNT_ROW)
#undef COUNT_ROW
    case KAON_X_CAST:
        return 1;
    default:
        return 0;
    }
}

// ORDER KAON_REDUCE_*
static const int32_t combining[] = {0, KAON_X_ADD, KAON_X_MAX, KAON_X_MIN, KAON_X_MUL};

static int32_t is_half(int32_t dtype)
{
    return dtype == KAON_F16 || dtype == KAON_BF16;
}

/* The function that computes `op` on numbers of `dtype`; NULL: there is none. */
static cpu_block_fn *find_function(const cpu_set *set, int32_t op, int32_t dtype)
{
    if (op < 0 || op >= CPU_X_COUNT || dtype < 0 || dtype >= KAON_DTYPE_COUNT)
        return NULL;
    if (set->plain_blocks[dtype][op])
        return set->plain_blocks[dtype][op];
    if (dtype == KAON_F32)
        return (*set->f32_blocks)[op];
    return dtype == KAON_F64 ? (*set->f64_blocks)[op] : NULL;
}

/* Chooses what instruction `k` calls. 0 if nothing computes it. */
static int32_t choose(const cpu_set *set, const kaon_expression *e,
                      const kaon_operand *const *inputs, int32_t k, cpu_instruction *out)
{
    const kaon_instruction *in = cpu_instruction_at(e, k);
    const int32_t registers[3] = {in->a, in->b, in->c};
    out->op = in->op;
    out->count = argument_count(in->op);
    out->dtype = in->dtype;
    out->bytes = (int32_t)kaon_dtype_bytes(in->dtype);
    out->number = in->number;
    for (int32_t i = 0; i < out->count; i++) {
        if (registers[i] < 0 || registers[i] >= e->input_count + k)
            return 0;
        out->arguments[i] = registers[i];
    }
    out->kind = in->op == KAON_X_CONST  ? CPU_CONSTANT
                : in->op == KAON_X_IOTA ? CPU_IOTA
                                        : CPU_COMPUTED;
    if (out->kind != CPU_COMPUTED)
        return out->bytes > 0;
    // A choice is made on what is chosen, everything else on its first argument.
    const int32_t deciding = in->op == KAON_X_SELECT ? in->b : in->a;
    const int32_t dtype = register_dtype(e, inputs, deciding);
    if (in->op == KAON_X_CAST) {
        out->cast = set->casts[dtype][in->dtype];
        return out->cast != NULL;
    }
    out->function = find_function(set, in->op, dtype);
    if (!out->function && is_half(dtype)) {
        out->function = find_function(set, in->op, KAON_F32);
        out->widen = set->casts[dtype][KAON_F32];
        out->shorten = is_half(in->dtype) ? set->casts[KAON_F32][in->dtype] : NULL;
    }
    return out->function != NULL;
}

int32_t cpu_expression_supported(const cpu_device *d, const kaon_expression *e,
                                 const kaon_operand *const *inputs)
{
    for (int32_t k = 0; k < e->code_count; k++) {
        cpu_instruction scratch = {0};
        if (!choose(d->set, e, inputs, k, &scratch))
            return 0;
    }
    for (int32_t j = 0; j < e->result_count; j++) {
        const kaon_result *r = cpu_result_at(e, j);
        if (r->how < KAON_STORE || r->how > KAON_REDUCE_PROD || r->from < 0 ||
            r->from >= e->input_count + e->code_count || r->axes > e->rank)
            return 0;
    }
    return 1;
}

/* --- registers and blocks --------------------------------------------------------------------- */

static int32_t source_mode(const cpu_expression *x, const int64_t *strides)
{
    const int64_t inner = x->shape[x->rank - 1];
    const int64_t mid_stride = strides[x->rank - 2], stride = strides[x->rank - 1];
    const int32_t one_row = x->block_rows == 1;
    if (stride == 1 && (one_row || mid_stride == inner))
        return CPU_DIRECT;
    if (stride == 0 && (one_row || mid_stride == 0))
        return CPU_FILL;
    if (stride == 1 && mid_stride == 0)
        return CPU_REPEAT;
    return stride == 0 ? CPU_COLUMN : CPU_GATHER;
}

// Numbers per block: whole rows where one is short, else part of a row.
static void choose_block(cpu_expression *x, int64_t bytes_per_number)
{
    int64_t numbers = BLOCK_BYTES / (bytes_per_number ? bytes_per_number : 1);
    numbers = numbers < BLOCK_LEAST ? BLOCK_LEAST : numbers > BLOCK_MOST ? BLOCK_MOST : numbers;
    numbers &= ~(int64_t)63;
    const int64_t inner = x->shape[x->rank - 1], mid = x->shape[x->rank - 2];
    x->block_rows = inner > 0 && inner < numbers ? numbers / inner : 1;
    if (x->block_rows > mid)
        x->block_rows = mid > 0 ? mid : 1;
    if (x->row_axis ==
        x->rank - 1) // its rows may turn out shorter, and then have gaps between them
        x->block_rows = 1;
    x->capacity = inner < numbers && inner > 0 ? x->block_rows * inner : numbers;
}

/* Bytes of registers in use at the worst moment, were each number one byte per byte of its type.
 * Most constants are read as single numbers. */
static int64_t width_in_use(const cpu_expression *x, const int32_t *last_use)
{
    int64_t most = 0;
    for (int32_t k = 0; k < x->code_count; k++) {
        int64_t sum = x->code[k].bytes;
        for (int32_t r = 0; r < x->input_count + k; r++)
            if (r < x->input_count)
                sum += last_use[r] >= k ? x->inputs[r].bytes : 0;
            else if (last_use[r] >= k && x->code[r - x->input_count].kind != CPU_CONSTANT)
                sum += x->code[r - x->input_count].bytes;
        most = sum > most ? sum : most;
    }
    return most;
}

enum { FOREVER = INT32_MAX };

static void find_last_uses(const cpu_expression *x, int32_t *last_use)
{
    for (int32_t r = 0; r < x->input_count + x->code_count; r++)
        last_use[r] = -1;
    for (int32_t k = 0; k < x->code_count; k++)
        for (int32_t i = 0; i < x->code[k].count; i++)
            last_use[x->code[k].arguments[i]] = k;
    for (int32_t j = 0; j < x->result_count; j++)
        last_use[x->results[j].from] = FOREVER;
    for (int32_t k = 0; k < x->code_count; k++)
        if (x->code[k].kind == CPU_CONSTANT) // made once
            last_use[x->input_count + k] = FOREVER;
}

static cpu_scalar_fn *find_scalar(const cpu_set *set, const cpu_instruction *c)
{
    if (c->kind != CPU_COMPUTED || c->widen || c->cast || c->count != 2)
        return NULL;
    return c->dtype == KAON_F32   ? (*set->f32_scalars)[c->op]
           : c->dtype == KAON_F64 ? (*set->f64_scalars)[c->op]
                                  : NULL;
}

// Whether a register is one number for the whole block, or for each of its rows where these are
// long.
static int32_t is_single(const cpu_expression *x, int32_t reg)
{
    enum { LONG_ROW = 32 };
    if (reg >= x->input_count)
        return x->code[reg - x->input_count].kind == CPU_CONSTANT;
    const int32_t mode = x->inputs[reg].mode;
    return mode == CPU_FILL || (mode == CPU_COLUMN && x->shape[x->rank - 1] >= LONG_ROW);
}

// 1 if anything reads blocks of a register, not just single numbers.
static int32_t reads_blocks(const cpu_expression *x, int32_t reg)
{
    int32_t reads = 0;
    for (int32_t k = 0; k < x->code_count; k++)
        for (int32_t a = 0; a < x->code[k].count; a++)
            reads |= x->code[k].arguments[a] == reg && !(a == 1 && x->code[k].scalar);
    for (int32_t j = 0; j < x->result_count; j++)
        reads |= x->results[j].from == reg;
    return reads;
}

/* Instructions whose second argument is a single number take it as such: nothing is repeated in a
 * block. */
static void choose_scalars(cpu_expression *x)
{
    for (int32_t k = 0; k < x->code_count; k++) {
        cpu_instruction *c = &x->code[k];
        cpu_scalar_fn *scalar = find_scalar(x->state.device->set, c);
        const int32_t turns = c->op == KAON_X_ADD || c->op == KAON_X_MUL;
        if (!scalar)
            continue;
        if (turns && is_single(x, c->arguments[0]) && !is_single(x, c->arguments[1])) {
            const int32_t first = c->arguments[0];
            c->arguments[0] = c->arguments[1];
            c->arguments[1] = first;
        }
        if (is_single(x, c->arguments[1]) && !is_single(x, c->arguments[0]))
            c->scalar = scalar;
    }
    for (int32_t i = 0; i < x->input_count; i++)
        x->inputs[i].unread = x->inputs[i].mode != CPU_DIRECT && !reads_blocks(x, i);
    for (int32_t k = 0; k < x->code_count; k++)
        x->code[k].single = x->code[k].kind == CPU_CONSTANT && !reads_blocks(x, x->input_count + k);
}

/* A result that goes past the caches is copied there. Another is computed where it belongs if its
 * place is a block like any other and no input is read later, because the output may be the memory
 * of an input. */
static void choose_direct(cpu_expression *x, const int32_t *last_use)
{
    for (int32_t k = 0; k < x->code_count; k++)
        x->code[k].direct = -1;
    int32_t last_input_use = -1;
    for (int32_t r = 0; r < x->input_count; r++)
        last_input_use = last_use[r] > last_input_use ? last_use[r] : last_input_use;
    for (int32_t j = 0; j < x->result_count; j++) {
        cpu_result *r = &x->results[j];
        const int32_t k = r->from - x->input_count;
        const int32_t in_one_piece = !r->mask && source_mode(x, r->strides) == CPU_DIRECT;
        r->stream = x->streams && in_one_piece;
        r->direct = k >= 0 && k >= last_input_use && in_one_piece && !r->stream &&
                    x->code[k].kind == CPU_COMPUTED && x->code[k].direct < 0;
        if (r->direct)
            x->code[k].direct = j;
    }
}

// The place of a block in the scratch, the first that has not been handed out.
static int64_t new_buffer(cpu_expression *x, int64_t bytes)
{
    const int64_t at = (int64_t)x->scratch_bytes;
    // The gap keeps buffers from sharing the low bits of their addresses, on which caches stumble.
    x->scratch_bytes += (uint64_t)(((bytes + 63) & ~(int64_t)63) + 128);
    return at;
}

/* Buffers are handed on when the register they hold is not read any more: only to a result of equal
 * width, which may lie on top of an argument of its own instruction. */
static void assign_buffers(cpu_expression *x, int32_t *last_use)
{
    for (int32_t r = 0; r < x->input_count; r++)
        if (x->inputs[r].mode != CPU_DIRECT && !x->inputs[r].unread)
            x->inputs[r].buffer = new_buffer(x, x->capacity * x->inputs[r].bytes);
    for (int32_t k = 0; k < x->code_count; k++) {
        cpu_instruction *c = &x->code[k];
        if (c->direct >= 0)
            continue;
        c->buffer = -1;
        // A constant is made once for all blocks: what earlier registers of a block use is no
        // place.
        const int32_t past_count = c->kind == CPU_CONSTANT ? 0 : k;
        for (int32_t p = 0; p < past_count && c->buffer < 0; p++) {
            cpu_instruction *past = &x->code[p];
            int32_t *use = &last_use[x->input_count + p];
            if (past->direct < 0 && *use <= k && past->bytes == c->bytes) {
                c->buffer = past->buffer;
                *use = FOREVER;
            }
        }
        if (c->buffer < 0)
            c->buffer = new_buffer(x, (c->single ? 1 : x->capacity) * c->bytes);
    }
}

/* --- threads ---------------------------------------------------------------------------------- */

static uint32_t all_masks(const cpu_expression *x)
{
    uint32_t masks = 0;
    for (int32_t j = 0; j < x->result_count; j++)
        masks |= x->results[j].mask;
    return masks;
}

static int32_t longest_axis(const cpu_expression *x, uint32_t among)
{
    int32_t best = -1;
    for (int32_t i = 0; i < x->rank; i++) {
        const int32_t short_rows = i == x->rank - 1 && x->block_rows > 1; // these stay whole
        if ((among >> i & 1) && !short_rows && (best < 0 || x->shape[i] > x->shape[best]))
            best = i;
    }
    return best;
}

/* The axis shared out: the longest that nobody reduces, else the longest, with the pieces' parts of
 * the reductions joined in order afterwards. Totals of a tile are never shared out. */
static void choose_split(cpu_expression *x)
{
    enum { ENOUGH = 16 };
    int64_t numbers = 1;
    for (int32_t i = 0; i < x->rank; i++)
        numbers *= x->shape[i];
    x->split = -1;
    x->pieces = 1;
    for (int32_t j = 0; j < x->result_count; j++)
        if (x->results[j].total)
            return;
    if (x->row_axis >= 0 || numbers < 2 * PIECE_NUMBERS)
        return;
    const uint32_t every = (1u << x->rank) - 1;
    x->split = longest_axis(x, every & ~all_masks(x));
    if (x->split < 0 || x->shape[x->split] < ENOUGH)
        x->split = longest_axis(x, every);
    if (x->split < 0)
        return;
    const int64_t extent = x->shape[x->split];
    int64_t pieces = numbers / PIECE_NUMBERS;
    pieces = pieces > PIECES_MOST ? PIECES_MOST : pieces > extent ? extent : pieces;
    x->piece = (extent + pieces - 1) / pieces;
    if (x->split == x->rank - 1)
        x->piece = (x->piece + x->capacity - 1) / x->capacity * x->capacity;
    x->pieces = (extent + x->piece - 1) / x->piece;
}

/* Where each result that reduces the split axis keeps its part of a piece, row-major. */
static void lay_out_partial(cpu_expression *x)
{
    x->partial_bytes = 0;
    for (int32_t j = 0; x->split >= 0 && j < x->result_count; j++) {
        cpu_result *r = &x->results[j];
        if (!(r->mask >> x->split & 1))
            continue;
        r->partial_count = 1;
        for (int32_t i = x->rank - 1; i >= 0; i--) {
            r->partial_strides[i] = r->strides[i] ? r->partial_count : 0;
            r->partial_count *= r->strides[i] ? x->shape[i] : 1;
        }
        r->partial_at = x->partial_bytes;
        x->partial_bytes += (r->partial_count * r->bytes + 63) & ~(int64_t)63;
    }
}

/* --- putting it together ---------------------------------------------------------------------- */

static void fill_inputs(cpu_expression *x, const kaon_operand *const *inputs, const cpu_space *s)
{
    for (int32_t i = 0; i < x->input_count; i++) {
        memcpy(x->inputs[i].strides, s->strides[i], sizeof x->inputs[i].strides);
        x->inputs[i].bytes = (int32_t)kaon_dtype_bytes(inputs[i]->dtype);
    }
}

// Which axes result j reduces, and how that leaves a block.
static void fill_mask(cpu_result *out, const kaon_expression *e, const kaon_result *r,
                      const kaon_operand *operand, const cpu_space *s)
{
    out->mask = 0;
    for (int32_t i = 0; i < s->rank; i++)
        if (s->first_of[i] >= 0 && cpu_reduces(e, r, operand, s->first_of[i]))
            out->mask |= 1u << i;
    const int32_t rows = out->total && s->row_axis >= 0;
    // The maxima of a total are ready before they are summed: the rows end them.
    uint32_t ending = out->mask;
    if (rows && out->how > KAON_REDUCE_SUM)
        ending &= ~(1u << s->row_axis);
    out->trailing = 0;
    while (out->trailing < s->rank && (ending >> (s->rank - 1 - out->trailing) & 1))
        out->trailing++;
    const uint32_t last = ~0u << (s->rank - out->trailing);
    out->joins = out->total || (out->mask & ~last) != 0;
}

static void fill_results(cpu_expression *x, const kaon_expression *e,
                         const kaon_operand *const *inputs, const kaon_operand *const *outputs,
                         const cpu_space *s)
{
    const cpu_set *set = x->state.device->set;
    for (int32_t j = 0; j < x->result_count; j++) {
        const kaon_result *r = cpu_result_at(e, j);
        cpu_result *out = &x->results[j];
        memcpy(out->strides, s->strides[x->input_count + j], sizeof out->strides);
        out->from = r->from;
        out->dtype = register_dtype(e, inputs, r->from);
        out->bytes = (int32_t)kaon_dtype_bytes(out->dtype);
        out->total = outputs[j]->kind == KAON_OPERAND_TOTAL;
        out->how = r->how == KAON_STORE ? KAON_REDUCE_SUM : r->how;
        fill_mask(out, e, r, outputs[j], s);
        if (!out->mask)
            out->how = KAON_STORE;
        const int32_t as = is_half(out->dtype) ? KAON_F32 : out->dtype;
        out->widen = is_half(out->dtype) ? set->casts[out->dtype][KAON_F32] : NULL;
        out->reduce = set->reductions[as][out->how];
        if (out->how == KAON_REDUCE_SUM || out->total)
            out->columns = set->columns[out->dtype];
        else
            out->combine = find_function(set, combining[out->how], out->dtype);
    }
}

static void fill_code(cpu_expression *x, const kaon_expression *e,
                      const kaon_operand *const *inputs, const cpu_space *s)
{
    for (int32_t k = 0; k < x->code_count; k++) {
        const kaon_instruction *in = cpu_instruction_at(e, k);
        choose(x->state.device->set, e, inputs, k, &x->code[k]);
        x->code[k].axis = -1;
        if (in->op == KAON_X_IOTA)
            x->code[k].axis = s->axis_of[in->a];
    }
}

// Whether blocks pass through the spare buffers: half precision and indices.
static int32_t needs_spare(const cpu_expression *x)
{
    int32_t needs = 0;
    for (int32_t k = 0; k < x->code_count; k++)
        needs |= x->code[k].widen || x->code[k].kind == CPU_IOTA;
    for (int32_t j = 0; j < x->result_count; j++)
        needs |= x->results[j].widen != NULL;
    return needs;
}

static void lay_out_scratch(cpu_expression *x, int32_t *last_use)
{
    const uint64_t registers = (uint64_t)(x->input_count + x->code_count);
    const uint64_t operands = (uint64_t)(x->input_count + x->result_count);
    x->scratch_bytes = 3 * registers * 8 + operands * 8;
    x->scratch_bytes += (uint64_t)x->result_count * sizeof(cpu_sum);
    x->sums_at = (int64_t)x->scratch_bytes;
    x->scratch_bytes += (uint64_t)x->block_rows * sizeof(cpu_sum);
    x->scratch_bytes = (x->scratch_bytes + 63) & ~(uint64_t)63;
    x->spare_at = (int64_t)x->scratch_bytes;
    for (int32_t i = 0; needs_spare(x) && i < 3; i++)
        new_buffer(x, x->capacity * (int64_t)sizeof(int64_t));
    assign_buffers(x, last_use);
}

static int32_t plan(cpu_expression *x, int32_t *last_use)
{
    find_last_uses(x, last_use);
    choose_block(x, width_in_use(x, last_use));
    for (int32_t i = 0; i < x->input_count; i++)
        x->inputs[i].mode = source_mode(x, x->inputs[i].strides);
    choose_scalars(x);
    choose_direct(x, last_use);
    lay_out_scratch(x, last_use);
    choose_split(x);
    lay_out_partial(x);
    x->flat = cpu_expression_is_flat(x);
    if (x->row_axis >= 0)
        return 1;
    const kaon_host *host = x->state.device->host;
    x->lane_scratch = kaon_alloc(host, x->scratch_bytes * (uint64_t)x->state.device->lanes);
    x->partial = kaon_alloc(host, (uint64_t)(x->pieces * x->partial_bytes));
    return x->lane_scratch && x->partial;
}

void cpu_expression_free(cpu_expression *x)
{
    if (!x)
        return;
    kaon_free(x->state.device->host, x->lane_scratch);
    kaon_free(x->state.device->host, x->partial);
    cpu_state_free(x);
}

/* One block of memory holds the plan and its three tables. */
static cpu_expression *expression_memory(const cpu_device *d, const kaon_expression *e)
{
    const uint64_t inputs = (uint64_t)e->input_count * sizeof(cpu_source);
    const uint64_t code = (uint64_t)e->code_count * sizeof(cpu_instruction);
    const uint64_t results = (uint64_t)e->result_count * sizeof(cpu_result);
    cpu_expression *x = cpu_state_new(d, sizeof *x + inputs + code + results);
    if (!x)
        return NULL;
    char *at = (char *)(x + 1);
    x->inputs = (cpu_source *)at;
    x->code = (cpu_instruction *)(at + inputs);
    x->results = (cpu_result *)(at + inputs + code);
    x->input_count = e->input_count;
    x->code_count = e->code_count;
    x->result_count = e->result_count;
    return x;
}

kaon_status cpu_expression_new(const cpu_device *d, const kaon_expression *e,
                               const kaon_operand *const *inputs,
                               const kaon_operand *const *outputs, uint32_t flags,
                               cpu_expression **out, kaon_diag *diag)
{
    cpu_space s = {0};
    const int32_t tiled = (flags & KAON_STEP_ROWS) != 0;
    cpu_expression *x = expression_memory(d, e);
    int32_t *last_use =
        cpu_zeros(d, (uint64_t)(e->input_count + e->code_count + 1) * sizeof *last_use);
    if (!x || !last_use || cpu_space_new(d, e, inputs, outputs, tiled, &s))
        goto undo;
    x->streams = (flags & KAON_STEP_STREAM) != 0;
    x->rank = s.rank;
    memcpy(x->shape, s.shape, sizeof x->shape);
    x->row_axis = s.row_axis;
    x->row_factor = s.row_factor;
    fill_inputs(x, inputs, &s);
    fill_code(x, e, inputs, &s);
    fill_results(x, e, inputs, outputs, &s);
    if (!plan(x, last_use))
        goto undo;
    cpu_space_free(d, &s);
    kaon_free(d->host, last_use);
    *out = x;
    return KAON_OK;

undo:
    cpu_space_free(d, &s);
    kaon_free(d->host, last_use);
    cpu_expression_free(x);
    return cpu_no_memory(diag, "fused");
}
