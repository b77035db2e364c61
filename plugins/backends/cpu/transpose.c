/* transpose.c: matrices of 4 and 8 byte numbers turned over, one square of vectors at a time.
 *
 * Compiled once per instruction set. Zipping row i with row i + half, again and again, moves the
 * bits of the row's index into the column's: after log2(lanes) rounds rows and columns have changed
 * places.
 */
#include "vectors.h"
#include "lanes.h"
#include "unroll.h"

#define SQUARE(name, number, vector, lanes, op)                                                    \
    /* `rows` x `columns` numbers of the result, at most a square. */                              \
    static void name##_square(number *to, int64_t to_row, const number *from, int64_t from_row,    \
                              int64_t rows, int64_t columns)                                       \
    {                                                                                              \
        vector even[lanes], odd[lanes];                                                            \
        UNROLL                                                                                     \
        for (int j = 0; j < lanes; j++)                                                            \
            even[j] = j < columns ? op##_load_n(from + j * from_row, rows) : op##_set(0);          \
        UNROLL                                                                                     \
        for (int round = 1; round < lanes; round *= 2) {                                           \
            UNROLL                                                                                 \
            for (int i = 0; i < lanes / 2; i++) {                                                  \
                odd[2 * i] = op##_zip_low(even[i], even[i + lanes / 2]);                           \
                odd[2 * i + 1] = op##_zip_high(even[i], even[i + lanes / 2]);                      \
            }                                                                                      \
            UNROLL                                                                                 \
            for (int i = 0; i < lanes; i++)                                                        \
                even[i] = odd[i];                                                                  \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int i = 0; i < lanes; i++)                                                            \
            if (i < rows)                                                                          \
                op##_store_n(to + i * to_row, even[i], columns);                                   \
    }                                                                                              \
    static void name(void *to, int64_t to_row, const void *from, int64_t from_row, int64_t rows,   \
                     int64_t columns)                                                              \
    {                                                                                              \
        for (int64_t i = 0; i < rows; i += lanes)                                                  \
            for (int64_t j = 0; j < columns; j += lanes)                                           \
                name##_square((number *)to + i * to_row + j, to_row,                               \
                              (const number *)from + j * from_row + i, from_row,                   \
                              rows - i < lanes ? rows - i : lanes,                                 \
                              columns - j < lanes ? columns - j : lanes);                          \
    }

// clang-format off
SQUARE(turn_f32, float, f32v, F32_LANES, f32)
SQUARE(turn_f64, double, f64v, F64_LANES, f64)
// clang-format on

cpu_transpose_fn *const CPU_VARIANT(cpu_transpose)[2] = {turn_f32, turn_f64};
