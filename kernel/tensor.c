/* tensor.c: counted tensors in memory and DLPack, both ways. */
#include "kernel/tensor.h"

#include "kernel/memory.h"

#include <stdatomic.h>
#include <string.h>

struct kaon_tensor {
    atomic_int_fast32_t holders;
    kaon_view view; // points at the arrays below
    int64_t shape[KAON_MAX_RANK];
    int64_t strides[KAON_MAX_RANK];
    void *memory;                   // of kn_alloc, or NULL
    DLManagedTensorVersioned *from; // whose memory this is, or NULL
};

/* --- checks ----------------------------------------------------------------------------------- */

static kaon_status check_shape(int32_t dtype, int32_t rank, const int64_t *shape, int64_t *count,
                               size_t *bytes, kaon_diag *diag)
{
    if (!kaon_dtype_bytes(dtype))
        return kaon_fail(diag, KAON_INVALID, "a tensor of dtype %d; there are 0 to %d", dtype,
                         KAON_DTYPE_COUNT - 1);
    if (rank < 0 || rank > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_INVALID, "a tensor of %d axes; allowed are 0 to %d", rank,
                         KAON_MAX_RANK);
    size_t elements = 1;
    int64_t empty = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return kaon_fail(diag, KAON_INVALID, "axis %d of a tensor has the size %lld", i,
                             (long long)shape[i]);
        if (shape[i] == 0) {
            empty = 1;
            continue;
        }
        if (!kn_mul_size(elements, (size_t)shape[i], &elements))
            return kaon_fail(diag, KAON_INVALID, "a tensor is larger than memory can be");
    }
    if (!kn_mul_size(elements, (size_t)kaon_dtype_bytes(dtype), bytes) || *bytes > INT64_MAX)
        return kaon_fail(diag, KAON_INVALID, "a tensor is larger than memory can be");
    *count = empty ? 0 : (int64_t)elements;
    *bytes = empty ? 0 : *bytes;
    return KAON_OK;
}

kaon_status kn_view_check(const kaon_view *view, int64_t *count, size_t *bytes, kaon_diag *diag)
{
    if (view->size < sizeof *view)
        return kaon_fail(diag, KAON_INVALID, "a view of %u bytes; it needs %zu", view->size,
                         sizeof *view);
    if (view->device_type != KAON_DEVICE_CPU)
        return kaon_fail(diag, KAON_UNSUPPORTED, "a tensor on device %d; this needs host memory",
                         view->device_type);
    if (view->rank > 0 && !view->shape)
        return kaon_fail(diag, KAON_INVALID, "a view of %d axes without a shape", view->rank);
    KAON_TRY(check_shape(view->dtype, view->rank, view->shape, count, bytes, diag));
    if (*count > 0 && !view->data)
        return kaon_fail(diag, KAON_INVALID, "a view of %lld elements without data",
                         (long long)*count);
    return KAON_OK;
}

/* --- tensors ---------------------------------------------------------------------------------- */

static kaon_tensor *shell_new(int32_t dtype, int32_t rank, const int64_t *shape)
{
    kaon_tensor *tensor = kn_alloc_zero(sizeof *tensor);
    if (!tensor)
        return NULL;
    atomic_init(&tensor->holders, 1);
    int64_t step = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        tensor->shape[i] = shape[i];
        tensor->strides[i] = step;
        step *= shape[i] ? shape[i] : 1;
    }
    tensor->view = (kaon_view){
        .size = sizeof tensor->view,
        .dtype = dtype,
        .device_type = KAON_DEVICE_CPU,
        .rank = rank,
        .shape = tensor->shape,
        .strides = tensor->strides,
    };
    return tensor;
}

kaon_status kn_tensor_new(int32_t dtype, int32_t rank, const int64_t *shape, kaon_tensor **out,
                          kaon_diag *diag)
{
    int64_t count = 0;
    size_t bytes = 0;
    KAON_TRY(check_shape(dtype, rank, shape, &count, &bytes, diag));
    kaon_tensor *tensor = shell_new(dtype, rank, shape);
    void *memory = kn_alloc_zero(bytes);
    if (!tensor || !memory) {
        kn_free(tensor);
        kn_free(memory);
        return kn_no_memory(diag, "a tensor");
    }
    tensor->memory = memory;
    tensor->view.data = memory;
    *out = tensor;
    return KAON_OK;
}

kaon_tensor *kn_tensor_retain(kaon_tensor *tensor)
{
    atomic_fetch_add_explicit(&tensor->holders, 1, memory_order_relaxed);
    return tensor;
}

void kn_tensor_release(kaon_tensor *tensor)
{
    if (!tensor || atomic_fetch_sub_explicit(&tensor->holders, 1, memory_order_acq_rel) > 1)
        return;
    if (tensor->from && tensor->from->deleter)
        tensor->from->deleter(tensor->from);
    kn_free(tensor->memory);
    kn_free(tensor);
}

const kaon_view *kn_tensor_view(const kaon_tensor *tensor)
{
    return &tensor->view;
}

/* --- DLPack ----------------------------------------------------------------------------------- */

typedef struct {
    int32_t dtype;
    uint8_t code;
    uint8_t bits;
} dlpack_type;

static const dlpack_type dlpack_types[] = {
#define KAON_DTYPE_ROW(name, value, text, bytes, code, bits) {value, code, bits},
    KAON_DTYPES(KAON_DTYPE_ROW)
#undef KAON_DTYPE_ROW
};

enum { TYPE_COUNT = sizeof dlpack_types / sizeof *dlpack_types };

static int32_t dtype_of(DLDataType type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (type.lanes == 1 && dlpack_types[i].code == type.code &&
            dlpack_types[i].bits == type.bits)
            return dlpack_types[i].dtype;
    return -1;
}

// Everything up to `flags` has one layout in all major versions, so the version comes first.
static kaon_status check_dlpack(const DLManagedTensorVersioned *from, kaon_diag *diag)
{
    const DLTensor *t = &from->dl_tensor;
    if (from->version.major != DLPACK_MAJOR_VERSION)
        return kaon_fail(diag, KAON_INCOMPATIBLE, "a DLPack tensor of version %u.%u; this is %d.x",
                         from->version.major, from->version.minor, DLPACK_MAJOR_VERSION);
    if (t->device.device_type != KAON_DEVICE_CPU)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "a DLPack tensor on device %d; this needs host memory",
                         t->device.device_type);
    if (dtype_of(t->dtype) < 0)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "a DLPack tensor of type code %u, %u bits, %u lanes", t->dtype.code,
                         t->dtype.bits, t->dtype.lanes);
    if (t->ndim > 0 && !t->shape)
        return kaon_fail(diag, KAON_INVALID, "a DLPack tensor of %d axes without a shape", t->ndim);
    int64_t count = 0;
    size_t bytes = 0;
    KAON_TRY(check_shape(dtype_of(t->dtype), t->ndim, t->shape, &count, &bytes, diag));
    if (count > 0 && !t->data)
        return kaon_fail(diag, KAON_INVALID, "a DLPack tensor of %lld elements without data",
                         (long long)count);
    return KAON_OK;
}

static kaon_status from_dlpack(DLManagedTensorVersioned *from, kaon_tensor **out, kaon_diag *diag)
{
    const DLTensor *t = &from->dl_tensor;
    KAON_TRY(check_dlpack(from, diag));
    kaon_tensor *tensor = shell_new(dtype_of(t->dtype), t->ndim, t->shape);
    if (!tensor)
        return kn_no_memory(diag, "a tensor");
    if (t->strides)
        memcpy(tensor->strides, t->strides, (size_t)t->ndim * sizeof *t->strides);
    if (from->flags & DLPACK_FLAG_BITMASK_READ_ONLY)
        tensor->view.flags = KAON_VIEW_READ_ONLY;
    tensor->view.data = t->data ? (char *)t->data + t->byte_offset : NULL;
    tensor->from = from;
    *out = tensor;
    return KAON_OK;
}

static void delete_export(DLManagedTensorVersioned *self)
{
    kn_tensor_release(self->manager_ctx);
    kn_free(self);
}

static kaon_status to_dlpack(kaon_tensor *tensor, DLManagedTensorVersioned **out, kaon_diag *diag)
{
    DLManagedTensorVersioned *managed = kn_alloc_zero(sizeof *managed);
    if (!managed)
        return kn_no_memory(diag, "a DLPack tensor");
    const dlpack_type *type = &dlpack_types[tensor->view.dtype]; // ORDER dtype
    managed->version = (DLPackVersion){DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    managed->manager_ctx = kn_tensor_retain(tensor);
    managed->deleter = delete_export;
    managed->flags = tensor->view.flags & KAON_VIEW_READ_ONLY ? DLPACK_FLAG_BITMASK_READ_ONLY : 0;
    managed->dl_tensor = (DLTensor){
        .data = tensor->view.data,
        .device = {KAON_DEVICE_CPU, 0},
        .ndim = tensor->view.rank,
        .dtype = {type->code, type->bits, 1},
        .shape = tensor->shape,
        .strides = tensor->strides,
    };
    *out = managed;
    return KAON_OK;
}

/* --- the service ------------------------------------------------------------------------------ */

static kaon_status api_new(const kaon_host *host, int32_t dtype, int32_t rank, const int64_t *shape,
                           kaon_tensor **out, kaon_diag *diag)
{
    (void)host;
    return kn_tensor_new(dtype, rank, shape, out, diag);
}

static void api_retain(kaon_tensor *tensor)
{
    kn_tensor_retain(tensor);
}

static kaon_status api_view(const kaon_tensor *tensor, kaon_view *out, kaon_diag *diag)
{
    (void)diag;
    *out = tensor->view;
    return KAON_OK;
}

static kaon_status api_from_dlpack(const kaon_host *host, DLManagedTensorVersioned *from,
                                   kaon_tensor **out, kaon_diag *diag)
{
    (void)host;
    return from_dlpack(from, out, diag);
}

static kaon_status api_copy(const kaon_host *host, const kaon_view *from, int32_t dtype,
                            kaon_tensor **out, kaon_diag *diag)
{
    (void)host;
    int64_t count = 0;
    size_t bytes = 0;
    KAON_TRY(kn_view_check(from, &count, &bytes, diag));
    KAON_TRY(kn_tensor_new(dtype, from->rank, from->shape, out, diag));
    kn_view_copy(from, dtype, (*out)->memory);
    return KAON_OK;
}

const kaon_tensor_api kn_tensor_api = {
    .size = sizeof kn_tensor_api,
    .tensor_new = api_new,
    .retain = api_retain,
    .release = kn_tensor_release,
    .view = api_view,
    .from_dlpack = api_from_dlpack,
    .to_dlpack = to_dlpack,
    .copy = api_copy,
};
