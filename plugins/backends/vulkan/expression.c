/* expression.c: fused expressions: one shader each, made of the expression's instructions.
 *
 * The iteration space is folded to as few axes as its operands' strides allow; sizes and strides
 * are constants of the pipeline, so that equal code over other shapes is compiled to SPIR-V once.
 * What is only stored takes a thread per point. A reduction takes, by the shape of its space, a
 * thread or a group of threads per result, or splits each result into pieces that a second pass
 * adds up. The order of every sum follows from the shape and the device alone.
 */
#include "vulkan.h"

#include <stdio.h>
#include <string.h>

enum {
    THREADS = 256,         // of a group on a device
    THREADS_SOFTWARE = 64, // on a processor
    THREAD_POINTS = 32,    // as many a thread adds up alone, on a device
    GROUPS_WANTED = 256,   // fewer leave a device idle
    PIECE_POINTS = 1024,   // at least, of a piece on a device
    PIECE_SOFTWARE = 64,
    MOST_PIECES = 128,
    ACROSS = 32 // results side by side, where neighbours in memory belong to different ones
};

typedef struct {
    int64_t size;
    int32_t iota; // axis of the expression whose index is wanted, -1: none
} axis;

// One shader of a step: all stored results, or the reduced ones with as many axes.
typedef struct {
    vulkan_device *d;
    const kaon_step *step;
    const kaon_expression *e;
    vulkan_text text; // of main, while the constants are being found
    vulkan_constants constants;
    int32_t operand_count; // pieces included
    int32_t dtypes[VULKAN_MOST_OPERANDS];
    int32_t reduced; // axes of the expression
    int32_t with_stores;
    int32_t rank, inner; // folded axes, and how many of them are reduced
    axis axes[KAON_MAX_RANK];
    int64_t strides[VULKAN_MOST_OPERANDS][KAON_MAX_RANK];
    uint64_t results, points; // points of one result
    uint32_t pieces;          // of each result
    uint32_t across;          // results a group works on; 0: a thread per piece
    uint32_t threads;         // of a group
} shader;

/* --- folding ---------------------------------------------------------------------------------- */

static int32_t has_iota(const kaon_expression *e, int32_t of_axis)
{
    for (int32_t i = 0; i < e->code_count; i++) {
        const kaon_instruction *x = vulkan_instruction(e, i);
        if (x->op == KAON_X_IOTA && x->a == of_axis)
            return 1;
    }
    return 0;
}

static int32_t operand_count(const shader *s)
{
    return s->step->input_count + s->step->output_count;
}

static int64_t stride_of(const shader *s, int32_t operand, int32_t of_axis)
{
    const kaon_operand *o = vulkan_operand(s->step, operand);
    return o->shape[of_axis] == 1 ? 0 : o->strides[of_axis];
}

// 1 if the axis can be joined to the folded one before it.
static int32_t joins(const shader *s, int32_t of_axis)
{
    const int32_t last = s->rank - 1, first_reduced = s->e->rank - s->reduced;
    if (last < 0 || of_axis == first_reduced || has_iota(s->e, of_axis) || s->axes[last].iota >= 0)
        return 0;
    for (int32_t k = 0; k < operand_count(s); k++)
        if (s->strides[k][last] != stride_of(s, k, of_axis) * s->e->shape[of_axis])
            return 0;
    return 1;
}

static void fold(shader *s)
{
    s->rank = s->inner = 0;
    s->results = s->points = 1;
    for (int32_t i = 0; i < s->e->rank; i++) {
        const int32_t is_inner = i >= s->e->rank - s->reduced;
        *(is_inner ? &s->points : &s->results) *= (uint64_t)s->e->shape[i];
        if (s->e->shape[i] == 1)
            continue;
        if (joins(s, i)) {
            s->axes[s->rank - 1].size *= s->e->shape[i];
        } else {
            s->axes[s->rank++] = (axis){s->e->shape[i], has_iota(s->e, i) ? i : -1};
            s->inner += is_inner;
        }
        for (int32_t k = 0; k < operand_count(s); k++)
            s->strides[k][s->rank - 1] = stride_of(s, k, i);
    }
}

/* --- text of the points ----------------------------------------------------------------------- */

static int32_t constant(shader *s, uint64_t value)
{
    return vulkan_constant(&s->constants, value);
}

// The index of an operand's element; unsigned numbers may wrap on the way.
static void add_index(shader *s, int32_t operand)
{
    const vulkan_extent e = vulkan_reach(vulkan_operand(s->step, operand));
    int32_t terms = 0;
    if (e.low) {
        vulkan_add(&s->text, "c%d", (int)constant(s, (uint64_t)-e.low));
        terms++;
    }
    for (int32_t i = 0; i < s->rank; i++) {
        const int64_t stride = s->strides[operand][i];
        if (stride == 0)
            continue;
        vulkan_add(&s->text, "%s", stride < 0 ? " - " : terms ? " + " : "");
        vulkan_add(&s->text, "i%d", (int)i);
        if (stride != 1 && stride != -1)
            vulkan_add(&s->text, " * c%d",
                       (int)constant(s, (uint64_t)(stride < 0 ? -stride : stride)));
        terms++;
    }
    if (terms == 0)
        vulkan_add(&s->text, "0u");
}

// The indices of axes [first, last) from a linear one.
static void add_split(shader *s, const char *linear, int32_t first, int32_t last)
{
    if (last - first > 1)
        vulkan_add(&s->text, "    uint rest_%s = %s;\n", linear, linear);
    for (int32_t i = last - 1; i > first; i--) {
        const int32_t size = constant(s, (uint64_t)s->axes[i].size);
        vulkan_add(&s->text, "    uint i%d = rest_%s %% c%d;\n    rest_%s /= c%d;\n", (int)i,
                   linear, (int)size, linear, (int)size);
    }
    if (last > first)
        vulkan_add(&s->text, "    uint i%d = %s%s;\n", (int)first, last - first > 1 ? "rest_" : "",
                   linear);
}

static void add_loads(shader *s)
{
    for (int32_t k = 0; k < s->e->input_count; k++) {
        const vulkan_type *type = &vulkan_types[s->dtypes[k]];
        vulkan_add(&s->text, "    %s r%d = %s(p%d.at[", type->number, (int)k, type->load, (int)k);
        add_index(s, k);
        vulkan_add(&s->text, "]);\n");
    }
}

static void add_code(shader *s)
{
    char names[KAON_MAX_RANK][16];
    const char *axes[KAON_MAX_RANK];
    for (int32_t i = 0; i < KAON_MAX_RANK; i++)
        axes[i] = "0";
    for (int32_t i = 0; i < s->rank; i++) {
        snprintf(names[i], sizeof names[i], "i%d", (int)i);
        if (s->axes[i].iota >= 0)
            axes[s->axes[i].iota] = names[i];
    }
    vulkan_text_code(&s->text, s->e, s->dtypes, axes);
}

static void add_stores(shader *s)
{
    for (int32_t i = 0; s->with_stores && i < s->e->result_count; i++) {
        const kaon_result *r = vulkan_result(s->e, i);
        const int32_t k = s->e->input_count + i;
        if (r->how != KAON_STORE)
            continue;
        vulkan_add(&s->text, "    p%d.at[", (int)k);
        add_index(s, k);
        vulkan_add(&s->text, "] = %s(r%d);\n", vulkan_types[s->dtypes[k]].store, (int)r->from);
    }
}

/* --- text of reductions ----------------------------------------------------------------------- */

static int32_t is_reduced(const shader *s, int32_t result)
{
    const kaon_result *r = vulkan_result(s->e, result);
    return r->how != KAON_STORE && r->axes == s->reduced;
}

// What nothing reduces to.
static const char *start_of(int32_t how, int32_t dtype)
{
    static const char *const lowest[] = {[KAON_F32] = "-f32_inf",
                                         [KAON_F64] = "-f64_inf",
                                         [KAON_F16] = "-f32_inf",
                                         [KAON_BF16] = "-f32_inf",
                                         [KAON_I8] = "-128",
                                         [KAON_I16] = "-32768",
                                         [KAON_I32] = "int(0x80000000u)",
                                         [KAON_I64] = "int64_t(0x8000000000000000UL)",
                                         [KAON_U8] = "0u",
                                         [KAON_U16] = "0u",
                                         [KAON_U32] = "0u",
                                         [KAON_U64] = "0UL",
                                         [KAON_BOOL] = "false"};
    static const char *const highest[] = {
        [KAON_F32] = "f32_inf",     [KAON_F64] = "f64_inf",
        [KAON_F16] = "f32_inf",     [KAON_BF16] = "f32_inf",
        [KAON_I8] = "127",          [KAON_I16] = "32767",
        [KAON_I32] = "2147483647",  [KAON_I64] = "0x7fffffffffffffffL",
        [KAON_U8] = "255u",         [KAON_U16] = "65535u",
        [KAON_U32] = "0xffffffffu", [KAON_U64] = "0xffffffffffffffffUL",
        [KAON_BOOL] = "true"};
    if (how == KAON_REDUCE_MAX)
        return lowest[dtype];
    if (how == KAON_REDUCE_MIN)
        return highest[dtype];
    return how == KAON_REDUCE_PROD ? "1" : "0";
}

// `to` = `to` joined with `with`.
static void add_join(vulkan_text *t, int32_t how, int32_t dtype, const char *to, const char *with)
{
    const vulkan_type *type = &vulkan_types[dtype];
    if (how == KAON_REDUCE_SUM || how == KAON_REDUCE_PROD)
        vulkan_add(t, "%s = %s %s %s;\n", to, to, how == KAON_REDUCE_SUM ? "+" : "*", with);
    else if (dtype == KAON_BOOL)
        vulkan_add(t, "%s = %s %s %s;\n", to, to, how == KAON_REDUCE_MAX ? "||" : "&&", with);
    else
        vulkan_add(t, "%s = %s%s(%s, %s);\n", to, kaon_dtype_is_float(dtype) ? type->class : "",
                   &(how == KAON_REDUCE_MAX ? "_max" : "_min")[!kaon_dtype_is_float(dtype)], to,
                   with);
}

static int32_t dtype_of_result(const shader *s, int32_t result)
{
    return s->dtypes[s->e->input_count + result];
}

// Partial results are kept as they are computed.
static int32_t piece_dtype(int32_t dtype)
{
    return kaon_dtype_is_float(dtype) && dtype != KAON_F64 ? KAON_F32 : dtype;
}

static void add_starts(shader *s)
{
    for (int32_t i = 0; i < s->e->result_count; i++)
        if (is_reduced(s, i))
            vulkan_add(&s->text, "    %s sum%d = %s(%s);\n",
                       vulkan_types[dtype_of_result(s, i)].number, (int)i,
                       vulkan_types[dtype_of_result(s, i)].number,
                       start_of(vulkan_result(s->e, i)->how, dtype_of_result(s, i)));
}

static void add_joins(shader *s)
{
    char to[16], with[16];
    for (int32_t i = 0; i < s->e->result_count; i++) {
        if (!is_reduced(s, i))
            continue;
        snprintf(to, sizeof to, "sum%d", (int)i);
        snprintf(with, sizeof with, "r%d", (int)vulkan_result(s->e, i)->from);
        vulkan_add(&s->text, "    ");
        add_join(&s->text, vulkan_result(s->e, i)->how, dtype_of_result(s, i), to, with);
    }
}

// Shared memory is joined in halves: a fixed order for any device.
static void add_group_joins(shader *s)
{
    char to[64], with[64];
    for (int32_t i = 0; i < s->e->result_count; i++)
        if (is_reduced(s, i))
            vulkan_add(&s->text, "    all%d[lane] = sum%d;\n", (int)i, (int)i);
    vulkan_add(&s->text,
               "    barrier();\n    for (uint half_ = %uu; half_ >= %uu; half_ >>= 1) {\n"
               "    if (lane < half_) {\n",
               (unsigned)s->threads / 2, (unsigned)s->across);
    for (int32_t i = 0; i < s->e->result_count; i++) {
        if (!is_reduced(s, i))
            continue;
        snprintf(to, sizeof to, "all%d[lane]", (int)i);
        snprintf(with, sizeof with, "all%d[lane + half_]", (int)i);
        add_join(&s->text, vulkan_result(s->e, i)->how, dtype_of_result(s, i), to, with);
    }
    vulkan_add(&s->text, "    }\n    barrier();\n    }\n");
    for (int32_t i = 0; i < s->e->result_count; i++)
        if (is_reduced(s, i))
            vulkan_add(&s->text, "    sum%d = all%d[lane];\n", (int)i, (int)i);
}

static void add_results(shader *s)
{
    int32_t piece = operand_count(s);
    for (int32_t i = 0; i < s->e->result_count; i++) {
        const int32_t k = s->e->input_count + i;
        if (!is_reduced(s, i))
            continue;
        if (s->pieces > 1) {
            const int32_t dtype = s->dtypes[piece];
            vulkan_add(&s->text, "    p%d.at[piece * c%d + result] = %s(sum%d);\n", (int)piece,
                       (int)constant(s, s->results), vulkan_types[dtype].store, (int)i);
            piece++;
            continue;
        }
        vulkan_add(&s->text, "    p%d.at[", (int)k);
        add_index(s, k);
        vulkan_add(&s->text, "] = %s(sum%d);\n", vulkan_types[s->dtypes[k]].store, (int)i);
    }
}

static void add_points(shader *s)
{
    const int32_t outer = s->rank - s->inner;
    if (s->across || s->pieces > 1) {
        const uint64_t length = (s->points + s->pieces - 1) / s->pieces;
        const int32_t piece = constant(s, length), all = constant(s, s->points);
        vulkan_add(&s->text, "    uint last = min((piece + 1) * c%d, c%d);\n", (int)piece,
                   (int)all);
        vulkan_add(&s->text,
                   "    for (uint point = piece * c%d + row; point < last; point += %uu) {\n",
                   (int)piece, (unsigned)(s->across ? s->threads / s->across : 1));
        add_split(s, "point", outer, s->rank);
    }
    for (int32_t i = outer; !s->across && s->pieces == 1 && i < s->rank; i++)
        vulkan_add(&s->text, "    for (uint i%d = 0; i%d < c%d; i%d++) {\n", (int)i, (int)i,
                   (int)constant(s, (uint64_t)s->axes[i].size), (int)i);
    if (!s->across && s->pieces == 1 && s->inner == 0)
        vulkan_add(&s->text, "    for (uint once = 0; once < c%d; once++) {\n",
                   (int)constant(s, s->points)); // axes of size 1, or none
    add_loads(s);
    add_code(s);
    add_stores(s);
    add_joins(s);
    const int32_t loops = s->across || s->pieces > 1 || s->inner == 0 ? 1 : s->inner;
    for (int32_t i = 0; i < loops; i++)
        vulkan_add(&s->text, "    }\n");
}

// A result's places in its output do not depend on reduced axes.
static void add_reduction(shader *s)
{
    const int32_t outer = s->rank - s->inner, results = constant(s, s->results);
    if (s->across) {
        const uint64_t blocks = (s->results + s->across - 1) / s->across;
        const int32_t all = constant(s, blocks * s->pieces), per_piece = constant(s, blocks);
        vulkan_add(
            &s->text,
            "    uint lane = gl_LocalInvocationID.x, row = lane / %uu;\n"
            "    for (uint block = gl_WorkGroupID.x; block < c%d; block += gl_NumWorkGroups.x) {\n"
            "    uint piece = block / c%d, result = block %% c%d * %uu + lane %% %uu;\n",
            (unsigned)s->across, (int)all, (int)per_piece, (int)per_piece, (unsigned)s->across,
            (unsigned)s->across);
    } else {
        vulkan_add(&s->text,
                   "    uint step_ = gl_NumWorkGroups.x * %uu, row = 0;\n"
                   "    for (uint item = gl_GlobalInvocationID.x; item < c%d; item += step_) {\n"
                   "    uint piece = item / c%d, result = item %% c%d;\n",
                   (unsigned)s->threads, (int)constant(s, s->results * s->pieces), (int)results,
                   (int)results);
    }
    add_split(s, "result", 0, outer);
    add_starts(s);
    vulkan_add(&s->text, s->across ? "    if (result < c%d) {\n" : "    {\n", (int)results);
    add_points(s);
    vulkan_add(&s->text, "    }\n");
    if (s->across)
        add_group_joins(s);
    vulkan_add(&s->text, s->across ? "    if (row == 0 && result < c%d) {\n" : "    {\n",
               (int)results);
    add_results(s);
    vulkan_add(&s->text, s->across ? "    }\n    barrier();\n    }\n" : "    }\n    }\n");
}

static void add_pointwise(shader *s)
{
    vulkan_add(&s->text,
               "    uint step_ = gl_NumWorkGroups.x * %uu;\n"
               "    for (uint point = gl_GlobalInvocationID.x; point < c%d; point += step_) {\n",
               (unsigned)s->threads, (int)constant(s, s->results));
    add_split(s, "point", 0, s->rank);
    add_loads(s);
    add_code(s);
    add_stores(s);
    vulkan_add(&s->text, "    }\n");
}

/* --- whole shaders ---------------------------------------------------------------------------- */

static void add_head(shader *s, vulkan_text *t)
{
    uint32_t dtypes = vulkan_step_dtypes(s->step);
    for (int32_t i = 0; i < s->operand_count; i++)
        dtypes |= 1u << s->dtypes[i];
    vulkan_text_begin(t, s->d, dtypes);
    vulkan_text_operands(t, s->dtypes, s->operand_count);
    vulkan_text_constants(t, &s->constants);
    vulkan_add(t, "layout(local_size_x = %u) in;\n", (unsigned)s->threads);
    for (int32_t i = 0; s->across && i < s->e->result_count; i++)
        if (is_reduced(s, i))
            vulkan_add(t, "shared %s all%d[%u];\n", vulkan_types[dtype_of_result(s, i)].number,
                       (int)i, (unsigned)s->threads);
}

static kaon_status finish(shader *s, VkPipeline *out, kaon_diag *diag)
{
    vulkan_text whole = {.host = s->d->host};
    add_head(s, &whole);
    vulkan_add(&whole, "void main()\n{\n%s}\n", s->text.at ? s->text.at : "");
    whole.failed |= s->text.failed;
    const kaon_status status = vulkan_pipeline_of_text(s->d, &whole, &s->constants, out, diag);
    vulkan_text_fini(&whole);
    vulkan_text_fini(&s->text);
    return status;
}

// The second pass: pieces of each result, from the first to the last.
static void add_gathering(shader *s)
{
    const int32_t results = constant(s, s->results), pieces = constant(s, s->pieces);
    int32_t piece = operand_count(s);
    char to[16], with[64];
    vulkan_add(&s->text,
               "    uint step_ = gl_NumWorkGroups.x * %uu;\n"
               "    for (uint result = gl_GlobalInvocationID.x; result < c%d; result += step_) {\n",
               (unsigned)s->threads, (int)results);
    add_split(s, "result", 0, s->rank - s->inner);
    add_starts(s);
    vulkan_add(&s->text, "    for (uint piece = 0; piece < c%d; piece++) {\n", (int)pieces);
    for (int32_t i = 0; i < s->e->result_count; i++) {
        if (!is_reduced(s, i))
            continue;
        snprintf(to, sizeof to, "sum%d", (int)i);
        snprintf(with, sizeof with, "%s(p%d.at[piece * c%d + result])",
                 vulkan_types[s->dtypes[piece]].load, (int)piece, (int)results);
        vulkan_add(&s->text, "    ");
        add_join(&s->text, vulkan_result(s->e, i)->how, dtype_of_result(s, i), to, with);
        piece++;
    }
    vulkan_add(&s->text, "    }\n");
    s->pieces = 1;
    add_results(s);
    vulkan_add(&s->text, "    }\n");
}

/* --- choices ---------------------------------------------------------------------------------- */

// 1 if neighbours in memory belong to different results: columns are summed.
static int32_t sums_columns(const shader *s)
{
    const int32_t outer = s->rank - s->inner;
    for (int32_t k = 0; k < s->e->input_count; k++)
        if (outer && s->inner && s->strides[k][outer - 1] == 1)
            return 1;
    return 0;
}

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static void choose(shader *s)
{
    s->threads = s->d->is_software ? THREADS_SOFTWARE : THREADS;
    s->pieces = 1;
    s->across = 0;
    if (!s->reduced || s->results == 0)
        return;
    if (s->d->is_software) {
        const uint64_t wanted = THREADS_SOFTWARE / s->results;
        s->pieces = least(wanted, s->points / PIECE_SOFTWARE);
    } else if (s->points > THREAD_POINTS) {
        s->across = sums_columns(s) ? ACROSS : 1;
        const uint64_t groups = (s->results + s->across - 1) / s->across;
        s->pieces = least(GROUPS_WANTED / groups, s->points / PIECE_POINTS);
    }
    s->pieces = s->pieces > MOST_PIECES ? MOST_PIECES : s->pieces ? s->pieces : 1;
}

static uint32_t groups_of(const shader *s)
{
    if (s->across) {
        const uint64_t groups = (s->results + s->across - 1) / s->across * s->pieces;
        return least(groups, 65535);
    }
    return vulkan_groups(s->d, s->results * s->pieces, s->threads);
}

/* --- passes ----------------------------------------------------------------------------------- */

static void list_operands(const shader *s, vulkan_pass *p, const int32_t *scratch)
{
    const int32_t own = operand_count(s);
    for (int32_t i = 0; i < s->operand_count; i++)
        p->operands[i] = (int16_t)(i < own ? i : scratch[i - own]);
    p->operand_count = s->operand_count;
    p->first_write = s->e->input_count;
}

static void add_pieces(shader *s, vulkan_task *t, int32_t *scratch)
{
    for (int32_t i = 0; s->pieces > 1 && i < s->e->result_count; i++) {
        if (!is_reduced(s, i))
            continue;
        const int32_t dtype = piece_dtype(dtype_of_result(s, i));
        scratch[s->operand_count - operand_count(s)] =
            vulkan_scratch(t, s->results * s->pieces * kaon_dtype_bytes(dtype));
        s->dtypes[s->operand_count++] = dtype;
    }
}

static kaon_status add_shader(shader *s, vulkan_task *t, kaon_diag *diag)
{
    VkPipeline pipeline;
    int32_t scratch[VULKAN_MOST_SCRATCH];
    fold(s);
    choose(s);
    s->operand_count = operand_count(s);
    add_pieces(s, t, scratch);
    if (s->results == 0 || (!s->reduced && s->points == 0))
        return KAON_OK;
    const uint32_t pieces = s->pieces, groups = groups_of(s);
    if (s->reduced)
        add_reduction(s);
    else
        add_pointwise(s);
    KAON_TRY(finish(s, &pipeline, diag));
    list_operands(s, vulkan_pass_add(t, pipeline, groups, 1, 1), scratch);
    if (pieces == 1)
        return KAON_OK;
    s->constants = (vulkan_constants){.count = 0};
    s->across = 0;
    add_gathering(s);
    KAON_TRY(finish(s, &pipeline, diag));
    list_operands(s,
                  vulkan_pass_add(t, pipeline, vulkan_groups(s->d, s->results, s->threads), 1, 1),
                  scratch);
    return KAON_OK;
}

static kaon_status add_for_axes(const shader *proto, vulkan_task *t, int32_t reduced,
                                int32_t with_stores, kaon_diag *diag)
{
    vulkan_device *d = proto->d;
    shader *s = kaon_alloc(d->host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a shader");
    *s = *proto;
    s->reduced = reduced;
    s->with_stores = with_stores;
    s->text.host = d->host;
    const kaon_status status = add_shader(s, t, diag);
    vulkan_text_fini(&s->text);
    kaon_free(d->host, s);
    return status;
}

// Numbers of reduced axes that occur, as bits; bit 0: something is stored.
static uint32_t kinds_of(const kaon_expression *e)
{
    uint32_t kinds = 0;
    for (int32_t i = 0; i < e->result_count; i++) {
        const kaon_result *r = vulkan_result(e, i);
        kinds |= 1u << (r->how == KAON_STORE ? 0 : r->axes);
    }
    return kinds;
}

/* What is stored may lie on an input, so it comes last; with a single kind of reduction both are
 * one pass over the inputs. */
static kaon_status add_all(const shader *proto, vulkan_task *t, kaon_diag *diag)
{
    const uint32_t kinds = kinds_of(proto->e), reductions = kinds & ~1u;
    const int32_t is_one = reductions && (reductions & (reductions - 1)) == 0;
    for (int32_t axes = 1; axes <= KAON_MAX_RANK; axes++)
        if (reductions & 1u << axes)
            KAON_TRY(add_for_axes(proto, t, axes, is_one && kinds & 1, diag));
    if (kinds & 1 && !is_one)
        return add_for_axes(proto, t, 0, 1, diag);
    return KAON_OK;
}

int32_t vulkan_supports_fused(const kaon_step *step)
{
    const kaon_expression *e = step->fused;
    int32_t dtypes[VULKAN_MOST_OPERANDS];
    uint64_t points = 1;
    if (step->input_count + step->output_count > VULKAN_MOST_OPERANDS - VULKAN_MOST_SCRATCH)
        return 0;
    for (int32_t i = 0; i < step->input_count; i++)
        dtypes[i] = vulkan_operand(step, i)->dtype;
    for (int32_t i = 0; i < e->rank; i++)
        points *= (uint64_t)e->shape[i];
    int32_t reduced = 0;
    for (int32_t i = 0; i < e->result_count; i++) {
        const kaon_result *r = vulkan_result(e, i);
        const int32_t dtype = vulkan_operand(step, step->input_count + i)->dtype;
        reduced += r->how != KAON_STORE;
        if (r->how != KAON_STORE && r->axes == 0)
            return 0;
        if (dtype == KAON_BOOL && (r->how == KAON_REDUCE_SUM || r->how == KAON_REDUCE_PROD))
            return 0;
    }
    return reduced <= VULKAN_MOST_SCRATCH && points < UINT64_C(1) << 31 &&
           vulkan_has_forms(e, dtypes);
}

kaon_status vulkan_prepare_fused(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                 kaon_diag *diag)
{
    shader proto = {.d = d, .step = step, .e = step->fused};
    KAON_TRY(vulkan_task_new(d, step, 2 * KAON_MAX_RANK + 1, out, diag));
    for (int32_t i = 0; i < operand_count(&proto); i++)
        proto.dtypes[i] = vulkan_operand(step, i)->dtype;
    return add_all(&proto, *out, diag);
}
