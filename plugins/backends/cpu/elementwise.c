/* elementwise.c: comparisons, choice and integer arithmetic of expressions, block by block.
 *
 * Compiled once per instruction set; the loops are plain, the compiler makes the vectors. Integers
 * wrap around; division by zero gives 0. Bools are bytes that hold 0 or 1.
 */
#include "vectors.h"

#include <math.h>

#if defined(__clang__)
#    define VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#else
#    define VECTORIZE _Pragma("GCC ivdep")
#endif

#define BINARY(name, type, result, expression)                                                     \
    BINARY_LOOP(VECTORIZE, name, type, result, expression)

// There are no vectors of quotients: the hint would only make the compiler complain.
#define QUOTIENT(name, type, expression) BINARY_LOOP(, name, type, type, expression)

#define BINARY_LOOP(hint, name, type, result, expression)                                          \
    static void name(void *out, const void *const *in, int64_t n)                                  \
    {                                                                                              \
        result *o = out;                                                                           \
        const type *x = in[0], *y = in[1];                                                         \
        hint for (int64_t i = 0; i < n; i++)                                                       \
        {                                                                                          \
            const type a = x[i], b = y[i];                                                         \
            o[i] = (result)(expression);                                                           \
        }                                                                                          \
    }

#define UNARY(name, type, result, expression)                                                      \
    static void name(void *out, const void *const *in, int64_t n)                                  \
    {                                                                                              \
        result *o = out;                                                                           \
        const type *x = in[0];                                                                     \
        VECTORIZE                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type a = x[i];                                                                   \
            o[i] = (result)(expression);                                                           \
        }                                                                                          \
    }

#define SELECT(name, type)                                                                         \
    static void name(void *out, const void *const *in, int64_t n)                                  \
    {                                                                                              \
        type *o = out;                                                                             \
        const uint8_t *m = in[0];                                                                  \
        const type *x = in[1], *y = in[2];                                                         \
        VECTORIZE                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type a = x[i], b = y[i];                                                         \
            o[i] = m[i] ? a : b;                                                                   \
        }                                                                                          \
    }

#define COMPARISONS(name, type)                                                                    \
    BINARY(name##_eq, type, uint8_t, a == b)                                                       \
    BINARY(name##_ne, type, uint8_t, a != b)                                                       \
    BINARY(name##_lt, type, uint8_t, a < b)                                                        \
    BINARY(name##_le, type, uint8_t, a <= b)                                                       \
    BINARY(name##_gt, type, uint8_t, a > b)                                                        \
    BINARY(name##_ge, type, uint8_t, a >= b)

#define COMPARISON_ROWS(name)                                                                      \
    [KAON_X_EQ] = name##_eq, [KAON_X_NE] = name##_ne, [KAON_X_LT] = name##_lt,                     \
    [KAON_X_LE] = name##_le, [KAON_X_GT] = name##_gt, [KAON_X_GE] = name##_ge

/* `wide` is the unsigned type that arithmetic wraps in. A signed quotient by -1 is written as a
 * negation, which cannot trap. */
#define ARITHMETIC(name, type, wide)                                                               \
    BINARY(name##_add, type, type, (wide)a + (wide)b)                                              \
    BINARY(name##_sub, type, type, (wide)a - (wide)b)                                              \
    BINARY(name##_mul, type, type, (wide)a *(wide)b)                                               \
    BINARY(name##_min, type, type, b < a ? b : a)                                                  \
    BINARY(name##_max, type, type, a < b ? b : a)                                                  \
    BINARY(name##_and, type, type, a &b)                                                           \
    BINARY(name##_or, type, type, a | b)                                                           \
    BINARY(name##_xor, type, type, a ^ b)                                                          \
    UNARY(name##_not, type, type, ~a)                                                              \
    UNARY(name##_neg, type, type, (wide)0 - (wide)a)                                               \
    COMPARISONS(name, type)                                                                        \
    SELECT(name##_select, type)

#define ARITHMETIC_ROWS(name)                                                                      \
    [KAON_X_ADD] = name##_add, [KAON_X_SUB] = name##_sub, [KAON_X_MUL] = name##_mul,               \
    [KAON_X_DIV] = name##_div, [KAON_X_MOD] = name##_mod, [KAON_X_MIN] = name##_min,               \
    [KAON_X_MAX] = name##_max, [KAON_X_AND] = name##_and, [KAON_X_OR] = name##_or,                 \
    [KAON_X_XOR] = name##_xor, [KAON_X_NOT] = name##_not, [KAON_X_NEG] = name##_neg,               \
    [KAON_X_ABS] = name##_abs, [KAON_X_SIGN] = name##_sign, [KAON_X_SELECT] = name##_select,       \
    COMPARISON_ROWS(name)

#define SIGNED(name, type, wide)                                                                   \
    ARITHMETIC(name, type, wide)                                                                   \
    QUOTIENT(name##_div, type, b == 0 ? 0 : b == -1 ? (wide)0 - (wide)a : (wide)(a / b))           \
    QUOTIENT(name##_mod, type, b == 0 || b == -1 ? 0 : a % b)                                      \
    UNARY(name##_abs, type, type, a < 0 ? (wide)0 - (wide)a : (wide)a)                             \
    UNARY(name##_sign, type, type, (a > 0) - (a < 0))

#define UNSIGNED(name, type, wide)                                                                 \
    ARITHMETIC(name, type, wide)                                                                   \
    QUOTIENT(name##_div, type, b == 0 ? 0 : a / b)                                                 \
    QUOTIENT(name##_mod, type, b == 0 ? 0 : a % b)                                                 \
    UNARY(name##_abs, type, type, a)                                                               \
    UNARY(name##_sign, type, type, a > 0)

// clang-format off
SIGNED(i8, int8_t, uint32_t)
SIGNED(i16, int16_t, uint32_t)
SIGNED(i32, int32_t, uint32_t)
SIGNED(i64, int64_t, uint64_t)
UNSIGNED(u8, uint8_t, uint32_t)
UNSIGNED(u16, uint16_t, uint32_t)
UNSIGNED(u32, uint32_t, uint32_t)
UNSIGNED(u64, uint64_t, uint64_t)
COMPARISONS(f32, float)
COMPARISONS(f64, double)
SELECT(f32_select, float)
SELECT(f64_select, double)
UNARY(f32_finite, float, uint8_t, fabsf(a) < INFINITY)
UNARY(f64_finite, double, uint8_t, fabs(a) < (double)INFINITY)
UNARY(bool_not, uint8_t, uint8_t, a ^ 1)

cpu_block_fn *const CPU_VARIANT(cpu_plain_blocks)[KAON_DTYPE_COUNT][CPU_X_COUNT] = {
    [KAON_F32] = {COMPARISON_ROWS(f32), [KAON_X_SELECT] = f32_select, [KAON_X_FINITE] = f32_finite},
    [KAON_F64] = {COMPARISON_ROWS(f64), [KAON_X_SELECT] = f64_select, [KAON_X_FINITE] = f64_finite},
    [KAON_F16] = {[KAON_X_SELECT] = u16_select},
    [KAON_BF16] = {[KAON_X_SELECT] = u16_select},
    [KAON_I8] = {ARITHMETIC_ROWS(i8)},
    [KAON_I16] = {ARITHMETIC_ROWS(i16)},
    [KAON_I32] = {ARITHMETIC_ROWS(i32)},
    [KAON_I64] = {ARITHMETIC_ROWS(i64)},
    [KAON_U8] = {ARITHMETIC_ROWS(u8)},
    [KAON_U16] = {ARITHMETIC_ROWS(u16)},
    [KAON_U32] = {ARITHMETIC_ROWS(u32)},
    [KAON_U64] = {ARITHMETIC_ROWS(u64)},
    [KAON_BOOL] = {COMPARISON_ROWS(u8), [KAON_X_AND] = u8_and, [KAON_X_OR] = u8_or,
                   [KAON_X_XOR] = u8_xor, [KAON_X_NOT] = bool_not, [KAON_X_MIN] = u8_min,
                   [KAON_X_MAX] = u8_max, [KAON_X_SELECT] = u8_select},
};
// clang-format on
