/* null.c: the backend to copy: every call a backend has, each primitive in its plainest form.
 *
 * It keeps to host memory, has no tiles (so it never sees KAON_STEP_ROWS) and runs one thread. To
 * make a backend, copy this folder, rename it, and replace parts: first `alloc` and `copy` by those
 * of your memory, then the kernels that matter. What `supports` says no to is either built from
 * other operations by the kernel, or refused to the user in words. The linear algebra is left out
 * here.
 */
#include "null.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const kaon_host *host;
} null_device;

/* --- devices ---------------------------------------------------------------------------------- */

static kaon_status device_open(const kaon_host *host, const void *settings, int32_t index,
                               void **device, kaon_diag *diag)
{
    (void)settings;
    if (index != 0)
        return kaon_fail(diag, KAON_NOT_FOUND, "the null backend has one device, number 0");
    null_device *d = kaon_alloc(host, sizeof *d);
    if (!d)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a device");
    d->host = host;
    *device = d;
    return KAON_OK;
}

static void device_close(void *device)
{
    kaon_free(((null_device *)device)->host, device);
}

static kaon_status device_facts(void *device, kaon_device_facts *out, kaon_diag *diag)
{
    (void)device;
    (void)diag;
    out->device_type = KAON_DEVICE_CPU;
    out->memory_bytes = 0;
    out->tile_bytes = 0;
    out->host_memory = 1;
    out->dtypes = (1u << KAON_DTYPE_COUNT) - 1;
    snprintf(out->name, sizeof out->name, "null, plain C");
    return KAON_OK;
}

static kaon_status memory_alloc(void *device, uint64_t bytes, void **memory, kaon_diag *diag)
{
    *memory = kaon_alloc(((null_device *)device)->host, bytes);
    if (!*memory)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %llu bytes",
                         (unsigned long long)bytes);
    return KAON_OK;
}

static void memory_free(void *device, void *memory)
{
    kaon_free(((null_device *)device)->host, memory);
}

static kaon_status memory_copy(void *device, int32_t direction, void *to, const void *from,
                               uint64_t bytes, kaon_diag *diag)
{
    (void)device;
    (void)direction;
    (void)diag;
    if (bytes)
        memmove(to, from, bytes);
    return KAON_OK;
}

// Launches return when they are done.
static kaon_status device_wait(void *device, kaon_diag *diag)
{
    (void)device;
    (void)diag;
    return KAON_OK;
}

/* --- steps ------------------------------------------------------------------------------------ */

// Arrays of structs that may grow are walked by their stride.
static const kaon_operand *operand(const kaon_step *step, int32_t index)
{
    const char *at = (const char *)step->operands;
    return (const kaon_operand *)(const void *)(at + (size_t)index * step->operand_stride);
}

static const kaon_attr *attr(const kaon_step *step, int32_t index)
{
    const char *at = (const char *)step->attrs;
    return (const kaon_attr *)(const void *)(at + (size_t)index * step->attr_stride);
}

static const null_op fused_op = {"fused", null_fused, 0};

static const null_op *find(const char *name)
{
    static const null_op *const tables[] = {null_arrays, null_products, null_random};
    if (strcmp(name, fused_op.op) == 0)
        return &fused_op;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const null_op *op = tables[i]; op->op; op++)
            if (strcmp(op->op, name) == 0)
                return op;
    return NULL;
}

static int32_t step_supports(void *device, const kaon_step *step)
{
    (void)device;
    const int32_t has_epilogue = step->fused && strcmp(step->op, "fused") != 0;
    return !(step->flags & KAON_STEP_ROWS) && !has_epilogue && find(step->op) != NULL;
}

static void task_free(void *state)
{
    null_task *t = state;
    for (int32_t i = 0; t->attrs && i < t->attr_count; i++) {
        kaon_free(t->host, (void *)t->attrs[i].name);
        kaon_free(t->host, (void *)t->attrs[i].at);
    }
    kaon_free(t->host, t->operands);
    kaon_free(t->host, t->attrs);
    kaon_free(t->host, (void *)t->fused.code);
    kaon_free(t->host, (void *)t->fused.results);
    kaon_free(t->host, t->room);
    kaon_free(t->host, t);
}

static void *copy(const kaon_host *host, const void *from, size_t bytes)
{
    void *made = kaon_alloc(host, bytes);
    if (made && bytes)
        memcpy(made, from, bytes);
    return made;
}

static int32_t copy_operands(null_task *t, const kaon_step *step)
{
    const int32_t count = step->input_count + step->output_count;
    t->operands = kaon_alloc(t->host, (uint64_t)count * sizeof *t->operands);
    for (int32_t i = 0; t->operands && i < count; i++) {
        const kaon_operand *o = operand(step, i);
        null_tensor *to = &t->operands[i];
        to->dtype = o->dtype;
        to->rank = o->rank;
        memcpy(to->shape, o->shape, sizeof to->shape);
        memcpy(to->strides, o->strides, sizeof to->strides);
    }
    return t->operands != NULL;
}

static int32_t copy_attrs(null_task *t, const kaon_step *step)
{
    t->attrs = kaon_alloc(t->host, (uint64_t)step->attr_count * sizeof *t->attrs);
    for (int32_t i = 0; t->attrs && i < step->attr_count; i++) {
        const kaon_attr *from = attr(step, i);
        kaon_attr *to = &t->attrs[i];
        *to = *from;
        to->name = copy(t->host, from->name, strlen(from->name) + 1);
        to->at = copy(t->host, from->at, (size_t)from->count * sizeof *from->at);
        t->attr_count = i + 1;
        if (!to->name || !to->at)
            return 0;
    }
    return t->attrs != NULL;
}

static int32_t copy_expression(null_task *t, const kaon_expression *from)
{
    kaon_instruction *code = kaon_alloc(t->host, (uint64_t)from->code_count * sizeof *code);
    kaon_result *results = kaon_alloc(t->host, (uint64_t)from->result_count * sizeof *results);
    t->fused = *from;
    t->fused.code = code;
    t->fused.results = results;
    if (!code || !results)
        return 0;
    for (int32_t i = 0; i < from->code_count; i++)
        memcpy(&code[i], (const char *)from->code + (size_t)i * from->code_stride, sizeof *code);
    for (int32_t i = 0; i < from->result_count; i++)
        memcpy(&results[i], (const char *)from->results + (size_t)i * from->result_stride,
               sizeof *results);
    return 1;
}

// Registers and sums of an expression, or places along an axis.
static int32_t take_room(null_task *t, const null_op *op)
{
    uint64_t count = 1;
    if (op == &fused_op)
        count = (uint64_t)(t->fused.input_count + t->fused.code_count + t->fused.result_count);
    else if (op->room_axis)
        count = (uint64_t)null_in(t, 0)->shape[null_attr_int(t, "axis")];
    t->room = kaon_alloc(t->host, count * sizeof(null_number));
    return t->room != NULL;
}

static kaon_status launch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    (void)diag;
    null_task *t = (null_task *)state; // addresses are of this run only
    for (int32_t i = 0; i < t->input_count + t->output_count; i++)
        t->operands[i].data = l->operands[i];
    t->run(t, l);
    return KAON_OK;
}

static kaon_status step_prepare(void *device, const kaon_step *step, kaon_kernel *out,
                                kaon_diag *diag)
{
    const null_device *d = device;
    const null_op *op = find(step->op);
    if (!step_supports(device, step))
        return kaon_fail(diag, KAON_UNSUPPORTED, "the null backend has no kernel for this '%s'",
                         step->op);
    null_task *t = kaon_alloc(d->host, sizeof *t);
    if (!t)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a step");
    memset(t, 0, sizeof *t);
    t->host = d->host;
    t->run = op->run;
    t->seed = step->seed;
    t->input_count = step->input_count;
    t->output_count = step->output_count;
    if (!copy_operands(t, step) || !copy_attrs(t, step) ||
        (step->fused && !copy_expression(t, step->fused)) || !take_room(t, op)) {
        task_free(t);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a step");
    }
    out->launch = launch;
    out->state = t;
    out->release = task_free;
    out->scratch_bytes = 0;
    return KAON_OK;
}

/* --- the plugin ------------------------------------------------------------------------------- */

static const kaon_backend null_backend = {
    .size = sizeof null_backend,
    .help = "plain C, one number at a time: to copy, and to compare with",
    .rank = 0,
    .open = device_open,
    .close = device_close,
    .facts = device_facts,
    .alloc = memory_alloc,
    .free = memory_free,
    .copy = memory_copy,
    .supports = step_supports,
    .prepare = step_prepare,
    .wait = device_wait,
};

#define ITEMS(item) item(KAON_BACKEND, "null", &null_backend)

KAON_PLUGIN("null", "0.1.0", "Apache-2.0", "backend: plain C, to copy and to compare with", ITEMS,
            NULL)
