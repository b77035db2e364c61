/* matmul.c: products of matrices, with what rides on them.
 *
 * On a device a group of threads fills shared memory with a tile of both operands and each thread
 * keeps 4 x 4 or 2 x 2 sums in registers; on a processor that plays a device each thread reads what
 * it needs, as shared memory would be a detour. Where there are few results and long sums
 * (gradients of weights) the contracted axis is split into pieces that a second pass adds up in
 * order. Operands may lie across; half precision is summed in single.
 */
#include "vulkan.h"

#include <stdio.h>
#include <string.h>

enum {
    THREADS = 256,
    DEPTH = 16, // of a tile
    SIDE = 16,  // threads of a group along either side of a tile
    GROUPS_WANTED = 132,
    ITEMS_WANTED = 8, // groups, of a processor
    SMALL = 1 << 15,  // products that are not worth a large shader
    PIECE_DEPTH = 64, // at least
    MOST_PIECES = 64
};

typedef struct {
    int32_t rank; // of leading axes
    int64_t leading[KAON_MAX_RANK];
    int64_t row, column, low;
} matrix;

typedef struct {
    vulkan_device *d;
    const kaon_step *step;
    vulkan_text text;
    vulkan_constants constants;
    int32_t dtypes[VULKAN_MOST_OPERANDS];
    int32_t operand_count;
    int32_t dtype; // of the product
    int32_t is_tiled;
    int32_t batch_rank;
    int64_t batch[KAON_MAX_RANK];
    int64_t batches, m, n, k;
    int32_t has_m, has_n; // axes of the output
    matrix a, b;
    uint32_t threads, rows, columns; // of a thread
    uint32_t pieces;
} product;

/* --- shapes ----------------------------------------------------------------------------------- */

static matrix matrix_of(const kaon_operand *o, int32_t is_left, int32_t batch_rank)
{
    matrix m = {.rank = batch_rank, .low = vulkan_reach(o).low};
    if (o->rank == 1) {
        *(is_left ? &m.column : &m.row) = o->strides[0];
        return m;
    }
    m.row = o->strides[o->rank - 2];
    m.column = o->strides[o->rank - 1];
    for (int32_t i = 0; i < o->rank - 2; i++)
        if (o->shape[i] != 1)
            m.leading[batch_rank - (o->rank - 2) + i] = o->strides[i];
    return m;
}

static void find_shapes(product *p)
{
    const kaon_operand *a = vulkan_operand(p->step, 0), *b = vulkan_operand(p->step, 1);
    const kaon_operand *out = vulkan_operand(p->step, p->step->input_count);
    const int32_t rank = a->rank > b->rank ? a->rank : b->rank;
    p->dtype = a->dtype;
    p->has_m = a->rank > 1;
    p->has_n = b->rank > 1;
    p->m = p->has_m ? a->shape[a->rank - 2] : 1;
    p->n = p->has_n ? b->shape[b->rank - 1] : 1;
    p->k = a->shape[a->rank - 1];
    p->batch_rank = rank > 2 ? rank - 2 : 0;
    p->batches = 1;
    for (int32_t i = 0; i < p->batch_rank; i++)
        p->batches *= p->batch[i] = out->shape[i];
    p->a = matrix_of(a, 1, p->batch_rank);
    p->b = matrix_of(b, 0, p->batch_rank);
}

/* --- text ------------------------------------------------------------------------------------- */

static int32_t constant(product *p, int64_t value)
{
    return vulkan_constant(&p->constants, (uint64_t)value);
}

static void add_term(product *p, const char *index, int64_t stride)
{
    if (stride)
        vulkan_add(&p->text, " %c %s * c%d", stride < 0 ? '-' : '+', index,
                   (int)constant(p, stride < 0 ? -stride : stride));
}

// What the batch adds to an operand's index.
static void add_base(product *p, const char *name, const matrix *m)
{
    char index[16];
    vulkan_add(&p->text, "    uint %s = c%d", name, (int)constant(p, -m->low));
    for (int32_t i = 0; i < p->batch_rank; i++) {
        snprintf(index, sizeof index, "b%d", (int)i);
        add_term(p, index, m->leading[i]);
    }
    vulkan_add(&p->text, ";\n");
}

static void add_batch(product *p)
{
    vulkan_add(&p->text, "    uint rest = batch;\n");
    for (int32_t i = p->batch_rank - 1; i >= 0; i--) {
        const int32_t size = constant(p, p->batch[i]);
        vulkan_add(&p->text, "    uint b%d = rest %% c%d;\n    rest /= c%d;\n", (int)i, (int)size,
                   (int)size);
    }
}

static void add_element(product *p, const char *operand, const matrix *m, const char *row,
                        const char *column)
{
    const char *load = vulkan_types[p->dtype].load;
    vulkan_add(&p->text, "%s(p%d.at[%s_base", load, operand[0] == 'b', operand);
    add_term(p, row, m->row);
    add_term(p, column, m->column);
    vulkan_add(&p->text, "])");
}

static const char *number(const product *p)
{
    return vulkan_types[p->dtype].number;
}

// Index of an operand over the space of the output.
static void add_place(product *p, int32_t operand)
{
    const kaon_operand *o = vulkan_operand(p->step, operand);
    char index[16];
    vulkan_add(&p->text, "c%d", (int)constant(p, -vulkan_reach(o).low));
    for (int32_t i = 0; i < o->rank; i++) {
        const int32_t from_last = o->rank - 1 - i, n_at = p->has_n ? 0 : -1;
        const int32_t m_at = p->has_m ? n_at + 1 : -1;
        snprintf(index, sizeof index, "b%d", (int)i);
        add_term(p,
                 from_last == n_at   ? "n"
                 : from_last == m_at ? "m"
                                     : index,
                 o->shape[i] == 1 ? 0 : o->strides[i]);
    }
}

// What becomes of one number of the product.
static void add_finish(product *p)
{
    const kaon_expression *e = p->step->fused;
    const int32_t first = p->step->input_count;
    vulkan_add(&p->text, "void finish(uint batch, uint m, uint n, %s r0)\n{\n", number(p));
    add_batch(p);
    for (int32_t i = 1; e && i < e->input_count; i++) {
        const vulkan_type *type = &vulkan_types[p->dtypes[i + 1]];
        vulkan_add(&p->text, "    %s r%d = %s(p%d.at[", type->number, (int)i, type->load,
                   (int)i + 1);
        add_place(p, i + 1);
        vulkan_add(&p->text, "]);\n");
    }
    if (e) {
        int32_t inputs[VULKAN_MOST_OPERANDS];
        for (int32_t i = 0; i < e->input_count; i++)
            inputs[i] = i ? p->dtypes[i + 1] : p->dtype;
        vulkan_text_code(&p->text, e, inputs, NULL);
    }
    for (int32_t i = 0; i < p->step->output_count; i++) {
        vulkan_add(&p->text, "    p%d.at[", (int)(first + i));
        add_place(p, first + i);
        vulkan_add(&p->text, "] = %s(r%d);\n", vulkan_types[p->dtypes[first + i]].store,
                   e ? (int)vulkan_result(e, i)->from : 0);
    }
    vulkan_add(&p->text, "}\n");
}

static void add_finish_piece(product *p)
{
    const int32_t at = p->step->input_count + p->step->output_count;
    vulkan_add(&p->text,
               "void finish(uint batch, uint m, uint n, %s sum)\n{\n"
               "    p%d.at[(batch * c%d + m) * c%d + n] = %s(sum);\n}\n",
               number(p), (int)at, (int)constant(p, p->m), (int)constant(p, p->n),
               vulkan_types[p->dtypes[at]].store);
}

// The part of the contracted axis that a piece has: [k, last).
static void add_range(product *p)
{
    const int64_t length = (p->k + p->pieces - 1) / p->pieces;
    const int32_t piece = constant(p, length);
    vulkan_add(&p->text,
               "    uint batch = whole %% c%d, piece = whole / c%d;\n"
               "    uint k = piece * c%d, last = min(k + c%d, c%d);\n",
               (int)constant(p, p->batches), (int)constant(p, p->batches), (int)piece, (int)piece,
               (int)constant(p, p->k));
    add_batch(p);
    add_base(p, "a_base", &p->a);
    add_base(p, "b_base", &p->b);
}

static void add_sums(product *p)
{
    for (uint32_t i = 0; i < p->rows; i++)
        for (uint32_t j = 0; j < p->columns; j++)
            vulkan_add(&p->text, "    %s s%u_%u = %s(0);\n", number(p), (unsigned)i, (unsigned)j,
                       number(p));
}

static void add_products(product *p)
{
    for (uint32_t i = 0; i < p->rows; i++)
        for (uint32_t j = 0; j < p->columns; j++)
            vulkan_add(&p->text,
                       kaon_dtype_is_float(p->dtype) ? "    s%u_%u = fma(x%u, y%u, s%u_%u);\n"
                                                     : "    s%u_%u = x%u * y%u + s%u_%u;\n",
                       (unsigned)i, (unsigned)j, (unsigned)i, (unsigned)j, (unsigned)i,
                       (unsigned)j);
}

static void add_results(product *p, const char *row, const char *column)
{
    const int32_t m = constant(p, p->m), n = constant(p, p->n);
    for (uint32_t i = 0; i < p->rows; i++)
        for (uint32_t j = 0; j < p->columns; j++) {
            vulkan_add(&p->text, "    if (m0 + ");
            vulkan_add(&p->text, row, (unsigned)i);
            vulkan_add(&p->text, " < c%d && n0 + ", (int)m);
            vulkan_add(&p->text, column, (unsigned)j);
            vulkan_add(&p->text, " < c%d)\n        finish(%s, m0 + ", (int)n,
                       p->pieces > 1 ? "whole" : "batch");
            vulkan_add(&p->text, row, (unsigned)i);
            vulkan_add(&p->text, ", n0 + ");
            vulkan_add(&p->text, column, (unsigned)j);
            vulkan_add(&p->text, ", s%u_%u);\n", (unsigned)i, (unsigned)j);
        }
}

static uint32_t least(int64_t a, int64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static int64_t blocks(int64_t size, uint32_t of)
{
    return (size + of - 1) / of;
}

/* On a processor what costs is the loads, one per lane. A group is one subgroup: its lanes load
 * neighbouring rows of a, which all get by broadcast, and neighbouring columns of b. Rows and
 * columns beyond the end repeat the last. */
static void add_shared_rows(product *p)
{
    const uint32_t lanes = p->threads;
    char place[32];
    for (uint32_t i = 0; i < p->rows; i += lanes) {
        snprintf(place, sizeof place, "m%u_", (unsigned)i);
        vulkan_add(&p->text, "    %s a%u = ", number(p), (unsigned)i);
        add_element(p, "a", &p->a, place, "k");
        vulkan_add(&p->text, ";\n");
    }
    for (uint32_t i = 0; i < p->rows; i++)
        vulkan_add(&p->text, "    %s x%u = subgroupBroadcast(a%u, %uu);\n", number(p), (unsigned)i,
                   (unsigned)(i / lanes * lanes), (unsigned)(i % lanes));
    for (uint32_t j = 0; j < p->columns; j++) {
        snprintf(place, sizeof place, "n%u_", (unsigned)j);
        vulkan_add(&p->text, "    %s y%u = ", number(p), (unsigned)j);
        add_element(p, "b", &p->b, "k", place);
        vulkan_add(&p->text, ";\n");
    }
    add_products(p);
}

// One after the other, so that what becomes of a number is compiled once.
static void add_results_in_turn(product *p)
{
    const uint32_t count = p->rows * p->columns;
    vulkan_add(&p->text, "    %s sums[%u];\n", number(p), (unsigned)count);
    for (uint32_t i = 0; i < count; i++)
        vulkan_add(&p->text, "    sums[%u] = s%u_%u;\n", (unsigned)i, (unsigned)(i / p->columns),
                   (unsigned)(i % p->columns));
    vulkan_add(
        &p->text,
        "    uint all = %uu * gl_NumWorkGroups.y;\n" // 1, but compilers that unroll do not know
        "    for (uint i = 0; i < all; i++) {\n"
        "    uint m = m0 + i / %uu, n = n0 + i %% %uu * %uu;\n"
        "    if (m < c%d && n < c%d)\n        finish(%s, m, n, sums[i]);\n    }\n",
        (unsigned)count, (unsigned)p->columns, (unsigned)p->columns, (unsigned)p->threads,
        (int)constant(p, p->m), (int)constant(p, p->n), p->pieces > 1 ? "whole" : "batch");
}

static void add_direct(product *p)
{
    const uint32_t wide = p->threads * p->columns;
    const int64_t across = blocks(p->n, wide), down = blocks(p->m, p->rows);
    vulkan_add(&p->text,
               "void main()\n{\n"
               "    uint lane = gl_SubgroupInvocationID;\n"
               "    for (uint item = gl_WorkGroupID.x; item < c%d; item += gl_NumWorkGroups.x) {\n"
               "    uint n0 = item %% c%d * %uu + lane;\n"
               "    uint m0 = item / c%d %% c%d * %uu, whole = item / c%d;\n",
               (int)constant(p, across * down * p->batches * p->pieces), (int)constant(p, across),
               (unsigned)wide, (int)constant(p, across), (int)constant(p, down), (unsigned)p->rows,
               (int)constant(p, across * down));
    add_range(p);
    add_sums(p);
    for (uint32_t i = 0; i < p->rows; i += p->threads)
        vulkan_add(&p->text, "    uint m%u_ = min(m0 + lane + %uu, c%d);\n", (unsigned)i,
                   (unsigned)i, (int)constant(p, p->m - 1));
    for (uint32_t j = 0; j < p->columns; j++)
        vulkan_add(&p->text, "    uint n%u_ = min(n0 + %uu, c%d);\n", (unsigned)j,
                   (unsigned)(j * p->threads), (int)constant(p, p->n - 1));
    vulkan_add(&p->text, "    for (; k < last; k++) {\n");
    add_shared_rows(p);
    vulkan_add(&p->text, "    }\n");
    add_results_in_turn(p);
    vulkan_add(&p->text, "    }\n}\n");
}

// Fills a tile; neighbouring threads read neighbours in memory.
static void add_fill(product *p, int32_t is_a)
{
    const uint32_t side = SIDE * (is_a ? p->rows : p->columns);
    const matrix *m = is_a ? &p->a : &p->b;
    const int32_t by_depth = (is_a ? m->column : m->row) == 1;
    vulkan_add(&p->text,
               "    [[unroll]] for (uint e = lane; e < %uu; e += %uu) {\n"
               "    uint d = %s, o = %s, %s = %s + o, kk = k + d;\n"
               "    tile_%s[d * %uu + o] = %s < c%d && kk < last ? ",
               (unsigned)(side * DEPTH), (unsigned)p->threads, by_depth ? "e % 16u" : "e / side_",
               by_depth ? "e / 16u" : "e % side_", is_a ? "mm" : "nn", is_a ? "m0" : "n0",
               is_a ? "a" : "b", (unsigned)side + 1, is_a ? "mm" : "nn",
               (int)constant(p, is_a ? p->m : p->n));
    if (is_a)
        add_element(p, "a", m, "mm", "kk");
    else
        add_element(p, "b", m, "kk", "nn");
    vulkan_add(&p->text, " : %s(0);\n    }\n", number(p));
}

static void add_tiled(product *p)
{
    const uint32_t tall = SIDE * p->rows, wide = SIDE * p->columns;
    const int64_t across = blocks(p->n, wide), down = blocks(p->m, tall);
    vulkan_add(
        &p->text,
        "shared %s tile_a[%u];\nshared %s tile_b[%u];\nconst uint side_ = %uu;\n"
        "void main()\n{\n"
        "    uint lane = gl_LocalInvocationID.x, tx = lane %% 16u, ty = lane / 16u;\n"
        "    for (uint item = gl_WorkGroupID.x; item < c%d; item += gl_NumWorkGroups.x) {\n"
        "    uint n0 = item %% c%d * %uu, m0 = item / c%d %% c%d * %uu, whole = item / c%d;\n",
        number(p), (unsigned)((tall + 1) * DEPTH), number(p), (unsigned)((wide + 1) * DEPTH),
        (unsigned)tall, (int)constant(p, across * down * p->batches * p->pieces),
        (int)constant(p, across), (unsigned)wide, (int)constant(p, across), (int)constant(p, down),
        (unsigned)tall, (int)constant(p, across * down));
    add_range(p);
    add_sums(p);
    vulkan_add(&p->text, "    for (; k < last; k += 16u) {\n");
    add_fill(p, 1);
    add_fill(p, 0);
    vulkan_add(&p->text, "    barrier();\n    [[unroll]] for (uint d = 0; d < 16u; d++) {\n");
    for (uint32_t i = 0; i < p->rows; i++)
        vulkan_add(&p->text, "    %s x%u = tile_a[d * %uu + ty * %uu + %uu];\n", number(p),
                   (unsigned)i, (unsigned)tall + 1, (unsigned)p->rows, (unsigned)i);
    for (uint32_t j = 0; j < p->columns; j++)
        vulkan_add(&p->text, "    %s y%u = tile_b[d * %uu + tx + %uu];\n", number(p), (unsigned)j,
                   (unsigned)wide + 1, (unsigned)(SIDE * j));
    add_products(p);
    vulkan_add(&p->text, "    }\n    barrier();\n    }\n");
    add_results(p, p->rows == 4 ? "ty * 4u + %uu" : "ty * 2u + %uu", "tx + 16u * %uu");
    vulkan_add(&p->text, "    }\n}\n");
}

static void add_gathering(product *p)
{
    const int32_t at = p->step->input_count + p->step->output_count;
    const int64_t count = p->batches * p->m * p->n;
    vulkan_add(&p->text,
               "void main()\n{\n"
               "    uint step_ = gl_NumWorkGroups.x * %uu;\n"
               "    for (uint item = gl_GlobalInvocationID.x; item < c%d; item += step_) {\n"
               "    %s sum = %s(0);\n"
               "    for (uint piece = 0; piece < c%d; piece++)\n"
               "        sum += %s(p%d.at[piece * c%d + item]);\n"
               "    finish(item / c%d, item / c%d %% c%d, item %% c%d, sum);\n    }\n}\n",
               (unsigned)p->threads, (int)constant(p, count), number(p), number(p),
               (int)constant(p, p->pieces), vulkan_types[p->dtypes[at]].load, (int)at,
               (int)constant(p, count), (int)constant(p, p->m * p->n), (int)constant(p, p->n),
               (int)constant(p, p->m), (int)constant(p, p->n));
}

/* --- choices ---------------------------------------------------------------------------------- */

/* Measured shapes: 64 x 64 tiles keep a large device busy from a few hundred on, smaller ones from
 * a few dozen; below that pieces of the contracted axis help. ROW: class of device, tile, when. */
static void choose(product *p)
{
    // Broadcasts of 64-bit integers are an extension of their own.
    const int32_t is_wide = p->dtype == KAON_I64 || p->dtype == KAON_U64;
    p->is_tiled = !p->d->is_software || !p->d->broadcast_lanes || is_wide;
    p->threads = p->is_tiled ? THREADS : p->d->broadcast_lanes;
    const int32_t is_small = p->batches * p->m * p->n * p->k < SMALL;
    p->rows = p->is_tiled ? 4 : (is_small ? 1 : 2) * p->threads;
    p->columns = p->is_tiled ? 4 : is_small ? 1 : least(4, blocks(p->n, p->threads));
    int64_t items = p->batches * blocks(p->m, p->is_tiled ? 64 : p->rows) *
                    blocks(p->n, p->is_tiled ? 64 : p->threads * p->columns);
    if (p->is_tiled && items < GROUPS_WANTED) {
        p->rows = p->columns = 2;
        items = p->batches * blocks(p->m, 32) * blocks(p->n, 32);
    }
    const int64_t wanted = (p->is_tiled ? GROUPS_WANTED : ITEMS_WANTED) / (items ? items : 1);
    int64_t pieces = p->k / PIECE_DEPTH < wanted ? p->k / PIECE_DEPTH : wanted;
    pieces = pieces > MOST_PIECES ? MOST_PIECES : pieces;
    p->pieces = pieces > 1 ? (uint32_t)pieces : 1;
}

static uint32_t groups_of(const product *p)
{
    const uint32_t tall = p->is_tiled ? SIDE * p->rows : p->rows;
    const uint32_t wide = p->is_tiled ? SIDE * p->columns : p->threads * p->columns;
    const uint64_t items =
        (uint64_t)(blocks(p->m, tall) * blocks(p->n, wide) * p->batches) * p->pieces;
    return (uint32_t)(items < 65535 ? items : 65535);
}

/* --- passes ----------------------------------------------------------------------------------- */

static kaon_status add_pass(product *p, vulkan_task *t, uint32_t groups, int32_t scratch,
                            kaon_diag *diag)
{
    vulkan_text whole = {.host = p->d->host};
    const int32_t own = p->step->input_count + p->step->output_count;
    uint32_t dtypes = vulkan_step_dtypes(p->step);
    VkPipeline pipeline;
    for (int32_t i = 0; i < p->operand_count; i++)
        dtypes |= 1u << p->dtypes[i];
    vulkan_text_begin(&whole, p->d, dtypes);
    if (!p->is_tiled)
        vulkan_add(&whole, "#extension GL_KHR_shader_subgroup_ballot : require\n");
    vulkan_text_operands(&whole, p->dtypes, p->operand_count);
    vulkan_text_constants(&whole, &p->constants);
    vulkan_add(&whole, "layout(local_size_x = %u) in;\n%s", (unsigned)p->threads,
               p->text.at ? p->text.at : "");
    whole.failed |= p->text.failed;
    const kaon_status status =
        vulkan_pipeline_of_text(p->d, &whole, &p->constants, &pipeline, diag);
    vulkan_text_fini(&whole);
    vulkan_text_fini(&p->text);
    p->constants = (vulkan_constants){.count = 0};
    KAON_TRY(status);
    vulkan_pass *pass = vulkan_pass_add(t, pipeline, groups, 1, 1);
    for (int32_t i = 0; i < p->operand_count; i++)
        pass->operands[i] = (int16_t)(i < own ? i : scratch);
    pass->operand_count = p->operand_count;
    pass->first_write = p->step->input_count;
    return KAON_OK;
}

static kaon_status add_passes(product *p, vulkan_task *t, kaon_diag *diag)
{
    const int64_t results = p->batches * p->m * p->n;
    if (results == 0)
        return KAON_OK;
    int32_t scratch = 0;
    if (p->pieces > 1) {
        const int32_t dtype =
            kaon_dtype_is_float(p->dtype) && p->dtype != KAON_F64 ? KAON_F32 : p->dtype;
        scratch = vulkan_scratch(t, (uint64_t)results * p->pieces * kaon_dtype_bytes(dtype));
        p->dtypes[p->operand_count++] = dtype;
        add_finish_piece(p);
    } else {
        add_finish(p);
    }
    if (p->is_tiled)
        add_tiled(p);
    else
        add_direct(p);
    KAON_TRY(add_pass(p, t, groups_of(p), scratch, diag));
    if (p->pieces == 1)
        return KAON_OK;
    add_finish(p);
    add_gathering(p);
    return add_pass(p, t, vulkan_groups(p->d, (uint64_t)results, p->threads), scratch, diag);
}

int32_t vulkan_supports_matmul(const kaon_step *step)
{
    const kaon_expression *e = step->fused;
    int32_t inputs[VULKAN_MOST_OPERANDS];
    if (vulkan_operand(step, 0)->dtype == KAON_BOOL ||
        step->input_count + step->output_count > VULKAN_MOST_OPERANDS - 1)
        return 0;
    for (int32_t i = 0; i < step->input_count + step->output_count; i++)
        if (vulkan_operand(step, i)->kind != KAON_OPERAND_WHOLE)
            return 0;
    if (!e)
        return 1;
    inputs[0] = vulkan_operand(step, 0)->dtype;
    for (int32_t i = 1; i < e->input_count; i++)
        inputs[i] = vulkan_operand(step, i + 1)->dtype;
    for (int32_t i = 0; i < e->result_count; i++)
        if (vulkan_result(e, i)->how != KAON_STORE)
            return 0;
    for (int32_t i = 0; i < e->code_count; i++)
        if (vulkan_instruction(e, i)->op == KAON_X_IOTA)
            return 0;
    return vulkan_has_forms(e, inputs);
}

kaon_status vulkan_prepare_matmul(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                  kaon_diag *diag)
{
    product *p = kaon_alloc(d->host, sizeof *p);
    if (!p)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a product");
    memset(p, 0, sizeof *p);
    p->d = d;
    p->step = step;
    p->text.host = d->host;
    p->operand_count = step->input_count + step->output_count;
    for (int32_t i = 0; i < p->operand_count; i++)
        p->dtypes[i] = vulkan_operand(step, i)->dtype;
    find_shapes(p);
    choose(p);
    kaon_status status = vulkan_task_new(d, step, 2, out, diag);
    if (!status)
        status = add_passes(p, *out, diag);
    vulkan_text_fini(&p->text);
    kaon_free(d->host, p);
    return status;
}
