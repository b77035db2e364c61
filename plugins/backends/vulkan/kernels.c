/* kernels.c: the operations that are no expression and no product, by the kernels compiled with the
 * plugin (shaders/), one per element type.
 *
 * Shapes, strides and attributes lie in a block of memory that is written once per step.
 */
#include "vulkan.h"

#include <string.h>

#include "vulkan_kernels.h" // made while building: vulkan_kernels[]

enum { THREADS = 64, TENSORS = 4, EXTRA = 31, MOST_MERGES = 30 };

typedef struct {
    int32_t rank, first;
    int32_t shape[KAON_MAX_RANK];
    int32_t strides[KAON_MAX_RANK];
} tensor;

typedef struct { // ORDER geometry
    tensor tensors[TENSORS];
    int32_t axis, extra[EXTRA];
} geometry;

// A step being prepared.
typedef struct {
    vulkan_device *d;
    const kaon_step *step;
    vulkan_task *t;
    geometry *at; // MOST_MERGES + 2 of them
    int32_t count;
} making;

typedef kaon_status prepare_op(making *m, int32_t what, kaon_diag *diag);

typedef struct {
    const char *op;
    const char *shader;
    int32_t what;
    prepare_op *prepare;
} row;

/* --- shaders ---------------------------------------------------------------------------------- */

static int32_t dtype_at(const kaon_step *step, int32_t operand)
{
    return vulkan_operand(step, operand)->dtype;
}

// What only moves is moved as unsigned words of its size.
static int32_t mover(int32_t dtype)
{
    static const int32_t types[] = {[1] = KAON_U8, [2] = KAON_U16, [4] = KAON_U32, [8] = KAON_U64};
    return types[kaon_dtype_bytes(dtype)];
}

static const vulkan_words *words_of(const char *shader, int32_t dtype)
{
    const int32_t type = strcmp(shader, "move") == 0 ? mover(dtype) : dtype;
    for (const vulkan_words *w = vulkan_kernels; w->name; w++)
        if (w->dtype == type && strcmp(w->name, shader) == 0)
            return w;
    return NULL;
}

static kaon_status pipeline_of(const making *m, const char *shader, int32_t dtype, VkPipeline *out,
                               kaon_diag *diag)
{
    const vulkan_words *w = words_of(shader, dtype);
    if (!w)
        return kaon_fail(diag, KAON_INTERNAL, "no kernel '%s' of %s", shader,
                         kaon_dtype_text(dtype));
    return vulkan_pipeline_of_words(m->d, w->words, w->bytes, NULL, "main", out, diag);
}

/* --- geometry --------------------------------------------------------------------------------- */

static tensor tensor_of(const kaon_operand *o)
{
    tensor t = {.rank = o->rank, .first = (int32_t)-vulkan_reach(o).low};
    for (int32_t i = 0; i < o->rank; i++) {
        t.shape[i] = (int32_t)o->shape[i];
        t.strides[i] = (int32_t)o->strides[i];
    }
    return t;
}

static geometry *add_geometry(making *m, int32_t what)
{
    geometry *g = &m->at[m->count++];
    memset(g, 0, sizeof *g);
    g->axis = (int32_t)vulkan_attr_int(m->step, "axis");
    g->extra[0] = what;
    return g;
}

static void set_tensor(const making *m, geometry *g, int32_t at, int32_t operand)
{
    g->tensors[at] = tensor_of(vulkan_operand(m->step, operand));
}

static void set_list(const making *m, geometry *g, const char *name, int32_t at, int32_t otherwise)
{
    const kaon_attr *a = vulkan_attr(m->step, name);
    for (int32_t i = 0; i < 6; i++)
        g->extra[at + i] = a && i < a->count ? (int32_t)a->at[i] : otherwise;
}

/* A pass over the geometry added last. `operands` end with VULKAN_END; from `first_write` on
 * (counted with the geometry, which is operand 0) they are written. */
enum { VULKAN_END = -1000 };

static kaon_status add_pass(making *m, const char *shader, int32_t dtype, int64_t items,
                            const int32_t *operands, int32_t first_write, kaon_diag *diag)
{
    VkPipeline pipeline;
    if (items == 0)
        return KAON_OK;
    KAON_TRY(pipeline_of(m, shader, dtype, &pipeline, diag));
    vulkan_pass *p =
        vulkan_pass_add(m->t, pipeline, vulkan_groups(m->d, (uint64_t)items, THREADS), 1, 1);
    p->operands[p->operand_count++] = (int16_t)(VULKAN_GEOMETRY - (m->count - 1));
    for (; *operands != VULKAN_END; operands++)
        p->operands[p->operand_count++] = (int16_t)*operands;
    p->first_write = first_write;
    return KAON_OK;
}

static int64_t items_of(const making *m, int32_t operand)
{
    return vulkan_count(vulkan_operand(m->step, operand));
}

static int64_t lines_of(const making *m, int32_t operand)
{
    const int64_t size = vulkan_operand(m->step, operand)->shape[vulkan_attr_int(m->step, "axis")];
    return size ? items_of(m, operand) / size : 0;
}

static int32_t index_words(const kaon_step *step, int32_t operand)
{
    return (int32_t)kaon_dtype_bytes(dtype_at(step, operand)) / 4;
}

/* --- operations ------------------------------------------------------------------------------- */

static kaon_status prepare_gather(making *m, int32_t what, kaon_diag *diag)
{
    geometry *g = add_geometry(m, what);
    const int32_t operands[] = {0, 1, 2, VULKAN_END};
    for (int32_t i = 0; i < 3; i++)
        set_tensor(m, g, i, i);
    g->extra[1] = index_words(m->step, 1);
    if (items_of(m, 0) == 0)
        return KAON_OK;
    return add_pass(m, "move", dtype_at(m->step, 0), items_of(m, 2), operands, 3, diag);
}

// Copies an operand to places `shift` further along an axis of the output.
static kaon_status add_place(making *m, int32_t operand, int64_t shift, kaon_diag *diag)
{
    geometry *g = add_geometry(m, 2);
    const int32_t out = m->step->input_count;
    const int32_t operands[] = {operand, operand, out, VULKAN_END};
    set_tensor(m, g, 0, operand);
    set_tensor(m, g, 2, out);
    g->extra[2] = (int32_t)shift;
    return add_pass(m, "move", dtype_at(m->step, operand), items_of(m, operand), operands, 3, diag);
}

// The value everywhere: it is a single number, or as large as the output.
static kaon_status add_value(making *m, kaon_diag *diag)
{
    const kaon_operand *value = vulkan_operand(m->step, 1), *out = vulkan_operand(m->step, 2);
    const int32_t operands[] = {1, 1, 2, VULKAN_END};
    geometry *g = add_geometry(m, 2);
    set_tensor(m, g, 0, 2);
    set_tensor(m, g, 2, 2);
    g->tensors[0].first = (int32_t)-vulkan_reach(value).low;
    for (int32_t i = 0; i < out->rank; i++)
        g->tensors[0].strides[i] = value->rank == out->rank ? (int32_t)value->strides[i] : 0;
    return add_pass(m, "move", dtype_at(m->step, 0), items_of(m, 2), operands, 3, diag);
}

static kaon_status prepare_pad(making *m, int32_t what, kaon_diag *diag)
{
    (void)what;
    KAON_TRY(add_value(m, diag));
    return add_place(m, 0, vulkan_attr_int(m->step, "low"), diag);
}

static kaon_status prepare_concat(making *m, int32_t what, kaon_diag *diag)
{
    const int64_t axis = vulkan_attr_int(m->step, "axis");
    int64_t shift = 0;
    (void)what;
    for (int32_t i = 0; i < m->step->input_count; i++) {
        KAON_TRY(add_place(m, i, shift, diag));
        shift += vulkan_operand(m->step, i)->shape[axis];
    }
    return KAON_OK;
}

static kaon_status prepare_add(making *m, int32_t what, kaon_diag *diag)
{
    geometry *g = add_geometry(m, what);
    const int32_t operands[] = {0, 1, 2, 3, VULKAN_END};
    for (int32_t i = 0; i < 4; i++)
        set_tensor(m, g, i, i);
    g->extra[1] = index_words(m->step, 1);
    return add_pass(m, "add", dtype_at(m->step, 0), lines_of(m, 3), operands, 4, diag);
}

static kaon_status prepare_line(making *m, int32_t what, kaon_diag *diag)
{
    geometry *g = add_geometry(m, what);
    const int32_t operands[] = {0, 1, 1, VULKAN_END};
    set_tensor(m, g, 0, 0);
    set_tensor(m, g, 1, 1);
    g->extra[1] = (int32_t)vulkan_attr_int(m->step, "reverse");
    g->extra[2] = (int32_t)vulkan_attr_int(m->step, "exclusive");
    return add_pass(m, "line", dtype_at(m->step, 0), lines_of(m, 0), operands, 2, diag);
}

static kaon_status add_sort_pass(making *m, int32_t what, int32_t run, int32_t old, int32_t fresh,
                                 kaon_diag *diag)
{
    geometry *g = add_geometry(m, what);
    const int32_t is_last = what >= 2;
    const int32_t operands[] = {0,         old, fresh, is_last ? 1 : fresh, is_last ? 1 : fresh,
                                VULKAN_END};
    set_tensor(m, g, 0, 0);
    set_tensor(m, g, 1, 1);
    g->extra[1] = (int32_t)vulkan_attr_int(m->step, "descending");
    g->extra[2] = run;
    return add_pass(m, "sort", dtype_at(m->step, 0), items_of(m, 0), operands, 3, diag);
}

static kaon_status prepare_sort(making *m, int32_t what, kaon_diag *diag)
{
    const int64_t size = vulkan_operand(m->step, 0)->shape[vulkan_attr_int(m->step, "axis")];
    const uint64_t bytes = (uint64_t)items_of(m, 0) * 4;
    int32_t old = vulkan_scratch(m->t, bytes), fresh = vulkan_scratch(m->t, bytes);
    KAON_TRY(add_sort_pass(m, 0, 0, fresh, old, diag));
    for (int64_t run = 1; run < size; run *= 2) {
        KAON_TRY(add_sort_pass(m, 1, (int32_t)run, old, fresh, diag));
        const int32_t swapped = old;
        old = fresh;
        fresh = swapped;
    }
    return add_sort_pass(m, what, 0, old, fresh, diag);
}

static kaon_status prepare_random(making *m, int32_t what, kaon_diag *diag)
{
    geometry *g = add_geometry(m, what);
    const int32_t operands[] = {VULKAN_RUN, 0, VULKAN_END};
    set_tensor(m, g, 0, 0);
    g->extra[0] = (int32_t)(uint32_t)m->step->seed;
    g->extra[1] = (int32_t)(uint32_t)(m->step->seed >> 32);
    g->extra[2] = (int32_t)(uint32_t)vulkan_attr_int(m->step, "stream");
    m->t->is_random = 1;
    return add_pass(m, "random", dtype_at(m->step, 0), items_of(m, 0), operands, 2, diag);
}

// Tensors a, w, y by what is made: y of a and w, a of y and w, w of a and y.
static kaon_status prepare_conv(making *m, int32_t what, kaon_diag *diag)
{
    static const int32_t operand_of[3][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}};
    geometry *g = add_geometry(m, what);
    const int32_t operands[] = {0, 1, 2, VULKAN_END};
    for (int32_t i = 0; i < 3; i++)
        set_tensor(m, g, i, operand_of[what][i]);
    const kaon_attr *groups = vulkan_attr(m->step, "groups");
    g->extra[1] = groups ? (int32_t)groups->integer : 1;
    set_list(m, g, "stride", 2, 1);
    set_list(m, g, "low", 8, 0);
    set_list(m, g, "dilation", 14, 1);
    return add_pass(m, "conv", dtype_at(m->step, 0), items_of(m, 2), operands, 3, diag);
}

static kaon_status prepare_pool(making *m, int32_t what, kaon_diag *diag)
{
    // Where a, dy and the result stand.
    static const int32_t operand_of[4][3] = {{0, 0, 1}, {0, 0, 1}, {0, 1, 2}, {1, 0, 1}};
    geometry *g = add_geometry(m, what);
    const int32_t out = m->step->input_count;
    const int32_t operands[] = {0, what == 2 ? 1 : 0, out, VULKAN_END};
    for (int32_t i = 0; i < 3; i++)
        set_tensor(m, g, i, operand_of[what][i]);
    const kaon_attr *window = vulkan_attr(m->step, "window");
    g->extra[1] = window ? (int32_t)window->count : 0;
    set_list(m, g, "window", 2, 1);
    set_list(m, g, "stride", 8, 1);
    set_list(m, g, "low", 14, 0);
    return add_pass(m, "pool", dtype_at(m->step, 0), items_of(m, out), operands, 3, diag);
}

static const row rows[] = {
    {"gather", "move", 0, prepare_gather},
    {"take_along", "move", 1, prepare_gather},
    {"pad", "move", 0, prepare_pad},
    {"concat", "move", 0, prepare_concat},
    {"scatter_add", "add", 0, prepare_add},
    {"put_along_add", "add", 1, prepare_add},
    {"argmax", "line", 0, prepare_line},
    {"argmin", "line", 1, prepare_line},
    {"cumsum", "line", 2, prepare_line},
    {"cumprod", "line", 3, prepare_line},
    {"cummax", "line", 4, prepare_line},
    {"sort", "sort", 2, prepare_sort},
    {"argsort", "sort", 3, prepare_sort},
    {"random_bits", "random", 0, prepare_random},
    {"random_uniform", "random", 0, prepare_random},
    {"conv", "conv", 0, prepare_conv},
    {"conv_grad_input", "conv", 1, prepare_conv},
    {"conv_grad_weight", "conv", 2, prepare_conv},
    {"pool_max", "pool", 0, prepare_pool},
    {"pool_sum", "pool", 1, prepare_pool},
    {"pool_max_grad", "pool", 2, prepare_pool},
    {"pool_sum_grad", "pool", 3, prepare_pool},
};

static const row *find(const kaon_step *step)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].op, step->op))
            return &rows[i];
    return NULL;
}

static int32_t has_good_indices(const kaon_step *step, const row *r)
{
    if (r->prepare != prepare_gather && r->prepare != prepare_add)
        return 1;
    const int32_t dtype = dtype_at(step, 1);
    return dtype == KAON_I32 || dtype == KAON_U32 || dtype == KAON_I64 || dtype == KAON_U64;
}

int32_t vulkan_has_kernel(const vulkan_device *d, const kaon_step *step)
{
    const row *r = find(step);
    const vulkan_words *w = r ? words_of(r->shader, dtype_at(step, 0)) : NULL;
    const int32_t is_adding = r && (r->prepare == prepare_line && r->what > 1 && r->what < 4);
    if (!w || !(d->dtypes & 1u << w->dtype) || !has_good_indices(step, r))
        return 0;
    if (is_adding && dtype_at(step, 0) == KAON_BOOL)
        return 0;
    return r->prepare != prepare_conv || vulkan_operand(step, 0)->rank <= KAON_MAX_RANK - 1;
}

/* --- preparing -------------------------------------------------------------------------------- */

static kaon_status write_geometry(const making *m, kaon_diag *diag)
{
    const uint64_t bytes = (uint64_t)m->count * sizeof(geometry);
    pthread_mutex_lock(&m->d->lock);
    const kaon_status status = vulkan_alloc(m->d, VULKAN_ON_HOST, bytes, &m->t->geometry, diag);
    if (!status)
        memcpy(vulkan_mapped(m->d, m->t->geometry), m->at, (size_t)bytes);
    pthread_mutex_unlock(&m->d->lock);
    m->t->geometry_bytes = sizeof(geometry);
    return status;
}

kaon_status vulkan_prepare_kernel(vulkan_device *d, const kaon_step *step, vulkan_task **out,
                                  kaon_diag *diag)
{
    const row *r = find(step);
    const int32_t passes = MOST_MERGES + 2 + step->input_count;
    making m = {.d = d, .step = step};
    KAON_TRY(vulkan_task_new(d, step, passes, out, diag));
    m.t = *out;
    m.at = kaon_alloc(d->host, (uint64_t)passes * sizeof *m.at);
    if (!m.at)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a step");
    kaon_status status = r->prepare(&m, r->what, diag);
    if (!status)
        status = write_geometry(&m, diag);
    kaon_free(d->host, m.at);
    return status;
}
