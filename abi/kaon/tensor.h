/* tensor.h: counted tensors and DLPack, service "kaon.tensor/1".
 *
 * The DLPack structs are those of https://dmlc.github.io/dlpack (version 1): NumPy, PyTorch or CuPy
 * may stand on the other side without a copy.
 */
#ifndef KAON_TENSOR_H
#define KAON_TENSOR_H

#include <kaon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_

#define DLPACK_MAJOR_VERSION 1
#define DLPACK_MINOR_VERSION 0

#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
#define DLPACK_FLAG_BITMASK_IS_COPIED (1UL << 1UL)

typedef struct {
    uint32_t major;
    uint32_t minor;
} DLPackVersion;

typedef struct {
    int32_t device_type;
    int32_t device_id;
} DLDevice;

typedef struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;

typedef struct {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
    DLTensor dl_tensor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;

typedef struct DLManagedTensorVersioned {
    DLPackVersion version;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    DLTensor dl_tensor;
} DLManagedTensorVersioned;
#endif

#define KAON_TENSOR_SERVICE "kaon.tensor/1"

typedef struct kaon_tensor kaon_tensor;

typedef struct kaon_tensor_api {
    uint32_t size;
    uint32_t reserved;
    // Host memory, row-major, cleared. [any]
    kaon_status (*tensor_new)(const kaon_host *host, int32_t dtype, int32_t rank,
                              const int64_t *shape, kaon_tensor **out, kaon_diag *diag);
    void (*retain)(kaon_tensor *t);
    void (*release)(kaon_tensor *t); // takes NULL
    // Lives as long as the tensor. [any]
    kaon_status (*view)(const kaon_tensor *t, kaon_view *out, kaon_diag *diag);
    // Takes over `from`, whose deleter runs when the tensor goes. On failure it stays the caller's.
    kaon_status (*from_dlpack)(const kaon_host *host, DLManagedTensorVersioned *from,
                               kaon_tensor **out, kaon_diag *diag);
    // Holds the tensor until the taker calls the deleter. [any]
    kaon_status (*to_dlpack)(kaon_tensor *t, DLManagedTensorVersioned **out, kaon_diag *diag);
    // Row-major copy in host memory, any strides and dtype in. [any]
    kaon_status (*copy)(const kaon_host *host, const kaon_view *from, int32_t dtype,
                        kaon_tensor **out, kaon_diag *diag);
} kaon_tensor_api;

#ifdef __cplusplus
}
#endif
#endif
