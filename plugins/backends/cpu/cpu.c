/* cpu.c: the CPU backend: tensors in host memory, kernels in vectors, threads from the host's pool.
 *
 * There is one device. Every step comes from one of the tables below; nothing here knows what an
 * operation does. Launches finish before they return, so `wait` has nothing to wait for.
 */
#include "cpu.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

static const cpu_op *const op_tables[] = {
    cpu_expression_ops, cpu_matmul_ops,  cpu_random_ops,  cpu_shape_ops, cpu_gather_ops,
    cpu_along_ops,      cpu_sort_ops,    cpu_conv_ops,    cpu_pool_ops,  cpu_linalg_ops,
    cpu_integer_ops,    cpu_widened_ops, cpu_softmax_ops,
};

const cpu_op *cpu_find_op(const cpu_device *d, const kaon_step *step)
{
    for (size_t t = 0; t < sizeof op_tables / sizeof *op_tables; t++)
        for (const cpu_op *op = op_tables[t]; op->name; op++)
            if (!strcmp(op->name, step->op) && (!op->supports || op->supports(d, step)))
                return op;
    return NULL;
}

/* Where a composite brings code of its own that this processor can run, that is taken. */
static const kaon_code *find_code(const cpu_device *d, const kaon_step *step)
{
    for (uint32_t i = 0; i < step->code_count; i++) {
        const char *at = (const char *)step->codes + (uint64_t)i * step->code_stride;
        const kaon_code *code = (const kaon_code *)at;
        uint32_t used = 0;
        for (int32_t o = 0; o < step->input_count + step->output_count; o++)
            used |= 1u << cpu_operand(step, o)->dtype;
        if (code->format == KAON_CODE_C && !(code->isa & ~d->set->isa) && !(used & ~code->dtypes) &&
            (!code->supports || code->supports(step)))
            return code;
    }
    return NULL;
}

static kaon_status device_open(const kaon_host *host, const void *settings, int32_t index,
                               void **device, kaon_diag *diag)
{
    (void)settings;
    if (index != 0)
        return kaon_fail(diag, KAON_NOT_FOUND, "the cpu backend has one device, number 0");
    cpu_device *d = kaon_alloc(host, sizeof *d);
    if (!d)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory to open the cpu device");
    d->host = host;
    d->parallel = host->service(host, KAON_PARALLEL_SERVICE);
    d->lanes = d->parallel ? d->parallel->lanes(host) : 1;
    d->set = cpu_choose_set();
    // OpenBLAS has one number of threads for the whole process. Its results depend on it; ours must
    // not, and the pool's threads call it side by side.
    openblas_set_num_threads(1);
    *device = d;
    return KAON_OK;
}

static void device_close(void *device)
{
    if (device)
        kaon_free(((cpu_device *)device)->host, device);
}

static kaon_status device_facts(void *device, kaon_device_facts *out, kaon_diag *diag)
{
    (void)diag;
    const cpu_device *d = device;
    out->device_type = KAON_DEVICE_CPU;
    out->memory_bytes = 0;
    // Tiles live in the second level cache, of which every processor of this century has 256 KiB.
    out->tile_bytes = 192 * 1024;
    out->host_memory = 1;
    out->dtypes = (1u << KAON_DTYPE_COUNT) - 1;
    snprintf(out->name, sizeof out->name, "cpu, %s", d->set->name);
    return KAON_OK;
}

static kaon_status memory_alloc(void *device, uint64_t bytes, void **memory, kaon_diag *diag)
{
    *memory = kaon_alloc(((cpu_device *)device)->host, bytes);
    if (!*memory)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for a tensor of %llu bytes",
                         (unsigned long long)bytes);
    return KAON_OK;
}

static void memory_free(void *device, void *memory)
{
    kaon_free(((cpu_device *)device)->host, memory);
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

static int32_t step_supports(void *device, const kaon_step *step)
{
    const cpu_device *d = device;
    return find_code(d, step) || cpu_find_op(d, step);
}

static kaon_status step_prepare(void *device, const kaon_step *step, kaon_kernel *out,
                                kaon_diag *diag)
{
    const cpu_device *d = device;
    const kaon_code *code = find_code(d, step);
    if (code)
        return code->prepare(d->host, step, out, diag);
    const cpu_op *op = cpu_find_op(d, step);
    if (!op)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the cpu backend has no kernel for this '%s'",
                         step->op);
    return op->prepare(d, step, out, diag);
}

static kaon_status device_wait(void *device, kaon_diag *diag)
{
    (void)device;
    (void)diag;
    return KAON_OK;
}

static const kaon_backend cpu = {
    .size = sizeof cpu,
    .help = "vector kernels, and LAPACK, on the processor",
    .rank = 100,
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

#define ITEMS(item) item(KAON_BACKEND, "cpu", &cpu)

KAON_PLUGIN("cpu", "0.1.0", "Apache-2.0", "backend: vector kernels, and LAPACK, on the processor",
            ITEMS, NULL)
