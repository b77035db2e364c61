/* blocks.h: numbers of any width, repeated or copied with strides. */
#ifndef CPU_BLOCKS_H
#define CPU_BLOCKS_H

#include <stdint.h>
#include <string.h>

#define CPU_FILL_AS(type)                                                                          \
    for (int64_t i = 0; i < n; i++)                                                                \
        ((type *)to)[i] = *(const type *)from;

static inline void cpu_fill(void *to, const void *from, int32_t bytes, int64_t n)
{
    switch (bytes) {
    case 1:
        memset(to, *(const uint8_t *)from, (size_t)n);
        return;
    case 2:
        CPU_FILL_AS(uint16_t)
        return;
    case 4:
        CPU_FILL_AS(uint32_t)
        return;
    default:
        CPU_FILL_AS(uint64_t)
    }
}

#define CPU_COPY_AS(type)                                                                          \
    for (int64_t i = 0; i < n; i++)                                                                \
        ((type *)to)[i * to_stride] = ((const type *)from)[i * from_stride];

static inline void cpu_copy_strided(void *to, int64_t to_stride, const void *from,
                                    int64_t from_stride, int32_t bytes, int64_t n)
{
    if (to_stride == 1 && from_stride == 1) {
        memcpy(to, from, (size_t)(n * bytes));
        return;
    }
    switch (bytes) {
    case 1:
        CPU_COPY_AS(uint8_t)
        return;
    case 2:
        CPU_COPY_AS(uint16_t)
        return;
    case 4:
        CPU_COPY_AS(uint32_t)
        return;
    default:
        CPU_COPY_AS(uint64_t)
    }
}

/* One number per row, repeated n times: rows of few numbers are written without calls. */
#define CPU_COLUMN_AS(type)                                                                        \
    for (int64_t r = 0; r < rows; r++, from = (const char *)from + step)                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            ((type *)to)[r * n + i] = *(const type *)from;

static inline void cpu_fill_rows(void *to, const void *from, int64_t step, int32_t bytes,
                                 int64_t rows, int64_t n)
{
    switch (bytes) {
    case 1:
        CPU_COLUMN_AS(uint8_t)
        return;
    case 2:
        CPU_COLUMN_AS(uint16_t)
        return;
    case 4:
        CPU_COLUMN_AS(uint32_t)
        return;
    default:
        CPU_COLUMN_AS(uint64_t)
    }
}

/* The same row again and again: what is there is doubled. */
static inline void cpu_repeat(void *to, const void *row, int64_t row_bytes, int64_t rows)
{
    const int64_t all = rows * row_bytes;
    int64_t done = all < row_bytes ? all : row_bytes;
    memcpy(to, row, (size_t)done);
    for (; done < all; done *= 2)
        memcpy((char *)to + done, to, (size_t)(all - done < done ? all - done : done));
}

#endif
