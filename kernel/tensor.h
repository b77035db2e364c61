/* tensor.h: counted tensors in memory and DLPack, both ways: what stands behind kaon_tensor. */
#ifndef KN_TENSOR_H
#define KN_TENSOR_H

#include <kaon/tensor.h>

// Service "kaon.tensor/1".
extern const kaon_tensor_api kn_tensor_api;

/* As kaon_tensor_api, without a host. */
kaon_status kn_tensor_new(int32_t dtype, int32_t rank, const int64_t *shape, kaon_tensor **out,
                          kaon_diag *diag);
kaon_tensor *kn_tensor_retain(kaon_tensor *tensor);         // returns it [any]
void kn_tensor_release(kaon_tensor *tensor);                // takes NULL [any]
const kaon_view *kn_tensor_view(const kaon_tensor *tensor); // borrowed [any]

/* Checks a view somebody handed in: dtype, rank, sizes, no NULL data where there are elements.
 * Gives the number of elements and of the bytes of a row-major copy. [any] */
kaon_status kn_view_check(const kaon_view *view, int64_t *count, size_t *bytes, kaon_diag *diag);

/* Elements from one type into another, one after the other: rounded to nearest even; to integers
 * toward zero, kept in range, NaN to 0; to bool: not zero. [any] */
void kn_convert(int32_t from_dtype, const void *from, int32_t to_dtype, void *to, int64_t count);

/* A view of any strides into row-major memory of another type. The view was checked. [any] */
void kn_view_copy(const kaon_view *from, int32_t to_dtype, void *to);

#endif
