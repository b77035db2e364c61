/* element.h: elements of tensors of any type, read and written as double. For the few places that
 * handle all types alike: initial values, conversions, folding, printing. Kernels have loops of
 * their own.
 */
#ifndef KN_ELEMENT_H
#define KN_ELEMENT_H

#include <kaon/base.h>

/* Element `index` of an array. 64-bit integers beyond 2^53 are rounded. 0 for an unknown dtype.
 * [any] */
double kn_element_get(int32_t dtype, const void *array, int64_t index);

/* Stores a number, rounded to nearest even; integers toward zero, kept in range, NaN to 0; bool:
 * not zero. [any] */
void kn_element_put(int32_t dtype, void *array, int64_t index, double value);

/* Half precision and bfloat16 to and from single precision. [any] */
float kn_from_f16(uint16_t bits);
float kn_from_bf16(uint16_t bits);
uint16_t kn_to_f16(double value);
uint16_t kn_to_bf16(double value);

#endif
