/* fallback.c: steps a device has no kernel for, done by the processor.
 *
 * Their operands are copied to host memory and back, so this is for what is rare: linear algebra,
 * types a device lacks. Each operation is named once in the log.
 */
#include "compiler/fallback.h"

#include "kernel/diag.h"
#include "kernel/memory.h"

#include <string.h>

typedef struct {
    uint64_t at;    // in the buffer
    int64_t low;    // bytes before the first element that strides reach, not positive
    uint64_t bytes; // from there on
} part;

typedef struct {
    kn_device *device;
    kaon_kernel kernel; // of the helper
    int32_t input_count;
    int32_t count;
    part *parts;
    void **operands; // in the buffer
    char *buffer;
    uint64_t scratch_at;
} handed;

static const kaon_operand *operand_of(const kaon_step *step, int32_t index)
{
    const char *at = (const char *)step->operands + (size_t)index * step->operand_stride;
    return (const kaon_operand *)(const void *)at;
}

static part measure(const kaon_operand *o)
{
    int64_t low = 0, high = 1;
    for (int32_t i = 0; i < o->rank; i++) {
        const int64_t far = (o->shape[i] - 1) * o->strides[i];
        low += far < 0 ? far : 0;
        high += far > 0 ? far : 0;
        if (o->shape[i] == 0)
            return (part){0, 0, 0};
    }
    const int64_t bytes = (int64_t)kaon_dtype_bytes(o->dtype);
    return (part){0, low * bytes, (uint64_t)((high - low) * bytes)};
}

static void handed_free(void *state)
{
    handed *h = state;
    if (!h)
        return;
    if (h->kernel.release)
        h->kernel.release(h->kernel.state);
    kn_free(h->parts);
    kn_free(h->operands);
    kn_free(h->buffer);
    kn_free(h);
}

static kaon_status launch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const handed *h = state;
    const kaon_backend *b = h->device->backend;
    for (int32_t i = 0; i < h->input_count; i++)
        KAON_TRY(b->copy(h->device->handle, KAON_TO_HOST, h->buffer + h->parts[i].at,
                         (const char *)l->operands[i] + h->parts[i].low, h->parts[i].bytes, diag));
    kaon_launch own = *l;
    own.operands = h->operands;
    own.scratch = h->buffer + h->scratch_at;
    KAON_TRY(h->kernel.launch(h->kernel.state, &own, diag));
    for (int32_t i = h->input_count; i < h->count; i++)
        KAON_TRY(b->copy(h->device->handle, KAON_TO_DEVICE,
                         (char *)l->operands[i] + h->parts[i].low, h->buffer + h->parts[i].at,
                         h->parts[i].bytes, diag));
    return KAON_OK;
}

// Lays out the buffer: the operands, then the helper's scratch.
static kaon_status take_buffer(handed *h, const kaon_step *step, kaon_diag *diag)
{
    uint64_t bytes = 0;
    h->count = step->input_count + step->output_count;
    h->input_count = step->input_count;
    h->parts = kn_alloc_array((size_t)h->count + 1, sizeof *h->parts);
    h->operands = kn_alloc_array((size_t)h->count + 1, sizeof *h->operands);
    if (!h->parts || !h->operands)
        return kn_no_memory(diag, "a step");
    for (int32_t i = 0; i < h->count; i++) {
        h->parts[i] = measure(operand_of(step, i));
        h->parts[i].at = bytes;
        bytes += (h->parts[i].bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
    }
    h->scratch_at = bytes;
    h->buffer = kn_alloc((size_t)(bytes + h->kernel.scratch_bytes));
    if (!h->buffer)
        return kn_no_memory(diag, "a step");
    for (int32_t i = 0; i < h->count; i++)
        h->operands[i] = h->buffer + h->parts[i].at - h->parts[i].low;
    return KAON_OK;
}

static void tell(kn_device *d, const kn_device *helper, const kaon_step *step)
{
    const size_t room = sizeof d->told / sizeof *d->told;
    size_t i = 0;
    while (i < room && d->told[i] && strcmp(d->told[i], step->op) != 0)
        i++;
    if (i == room || d->told[i])
        return;
    const int32_t first = step->input_count + step->output_count ? operand_of(step, 0)->dtype : 0;
    d->told[i] = kn_copy_text(step->op);
    kn_log(d->kernel, KAON_LOG_WARNING, "backend '%s' has no kernel for '%s' of %s: '%s' does it%s",
           d->name, step->op, kaon_dtype_text(first), helper->name,
           d->shares_host ? "" : ", with copies");
}

static kaon_status prepare_handed(kn_device *d, const kn_device *helper, const kaon_step *step,
                                  kaon_kernel *out, kaon_diag *diag)
{
    handed *h = kn_alloc_zero(sizeof *h);
    if (!h)
        return kn_no_memory(diag, "a step");
    h->device = d;
    h->kernel.size = sizeof h->kernel;
    kaon_status status = helper->backend->prepare(helper->handle, step, &h->kernel, diag);
    if (!status)
        status = take_buffer(h, step, diag);
    if (status) {
        handed_free(h);
        return status;
    }
    out->launch = launch;
    out->state = h;
    out->release = handed_free;
    return KAON_OK;
}

// Who does the step: the device itself, its helper, or nobody.
static kn_device *who_does(kn_device *d, const kaon_step *step)
{
    if (d->backend->supports(d->handle, step) == 1)
        return d;
    kn_device *helper = kn_device_helper(d);
    kaon_step own = *step;
    own.in_place = -1;
    return helper && helper->backend->supports(helper->handle, &own) == 1 ? helper : NULL;
}

int32_t kn_can_prepare(kn_device *d, const kaon_step *step)
{
    return who_does(d, step) != NULL;
}

/* The device's own kernel; without one, that of a device that shares the host's memory. */
kaon_status kn_prepare(kn_device *d, const kaon_step *step, kaon_kernel *out, kaon_diag *diag)
{
    const kn_device *helper = who_does(d, step);
    kaon_step own = *step;
    own.in_place = -1;
    if (!helper || helper == d)
        return d->backend->prepare(d->handle, step, out, diag); // or says why not
    tell(d, helper, step);
    return d->shares_host ? helper->backend->prepare(helper->handle, step, out, diag)
                          : prepare_handed(d, helper, &own, out, diag);
}
