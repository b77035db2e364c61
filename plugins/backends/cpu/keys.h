/* keys.h: numbers of any type as 64-bit keys in the same order. */
#ifndef CPU_KEYS_H
#define CPU_KEYS_H

#include "cpu.h"

/* Keys of n numbers `stride` apart. Both zeros have one key; every NaN has the key `nan`. */
void cpu_keys(int32_t dtype, const void *from, int64_t stride, int64_t n, uint64_t nan,
              uint64_t *keys);

#endif
