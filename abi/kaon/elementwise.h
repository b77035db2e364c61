/* elementwise.h: the operations that work number by number, as one table.
 *
 * They are the instructions of fused expression programs (backend.h); each is also an operation of
 * graph.h. Values are never reused, rows are only appended.
 */
#ifndef KAON_ELEMENTWISE_H
#define KAON_ELEMENTWISE_H

// clang-format off
// X(NAME, value, text, inputs, result)
// result: SAME  the dtype of the (last) input     FLOAT  the same, inputs must be floating point
//         BOOL  bool; numbers are compared, SAME dtypes in
// `cast`, the one whose result is chosen, stands below as KAON_X_CAST.
#define KAON_ELEMENTWISE(X) \
    X(ADD,       1, add,       2, SAME)  /* a + b */ \
    X(SUB,       2, sub,       2, SAME)  /* a - b */ \
    X(MUL,       3, mul,       2, SAME)  /* a b */ \
    X(DIV,       4, div,       2, SAME)  /* a / b; integers toward zero, x / 0 = 0 */ \
    X(MOD,       5, mod,       2, SAME)  /* remainder with the sign of a, as C */ \
    X(POW,       6, pow,       2, FLOAT) /* a ^ b */ \
    X(MIN,       7, min,       2, SAME)  /* NaN if either is */ \
    X(MAX,       8, max,       2, SAME)  /* NaN if either is */ \
    X(ATAN2,     9, atan2,     2, FLOAT) /* angle of (b, a): a is y, b is x */ \
    X(EQ,       10, eq,        2, BOOL)  \
    X(NE,       11, ne,        2, BOOL)  \
    X(LT,       12, lt,        2, BOOL)  \
    X(LE,       13, le,        2, BOOL)  \
    X(GT,       14, gt,        2, BOOL)  \
    X(GE,       15, ge,        2, BOOL)  \
    X(AND,      16, bit_and,   2, SAME)  /* bitwise; bool: logical; integers and bool only */ \
    X(OR,       17, bit_or,    2, SAME)  \
    X(XOR,      18, bit_xor,   2, SAME)  \
    X(NOT,      19, bit_not,   1, SAME)  \
    X(NEG,      20, neg,       1, SAME)  \
    X(ABS,      21, abs,       1, SAME)  \
    X(SIGN,     22, sign,      1, SAME)  /* -1, 0, 1 */ \
    X(FLOOR,    23, floor,     1, FLOAT) \
    X(CEIL,     24, ceil,      1, FLOAT) \
    X(ROUND,    25, round,     1, FLOAT) /* to the nearest, halves to even */ \
    X(EXP,      26, exp,       1, FLOAT) \
    X(EXPM1,    27, expm1,     1, FLOAT) \
    X(LOG,      28, log,       1, FLOAT) \
    X(LOG1P,    29, log1p,     1, FLOAT) \
    X(SQRT,     30, sqrt,      1, FLOAT) \
    X(RSQRT,    31, rsqrt,     1, FLOAT) /* 1 / sqrt(a) */ \
    X(SIN,      32, sin,       1, FLOAT) \
    X(COS,      33, cos,       1, FLOAT) \
    X(TAN,      34, tan,       1, FLOAT) \
    X(ASIN,     35, asin,      1, FLOAT) \
    X(ACOS,     36, acos,      1, FLOAT) \
    X(ATAN,     37, atan,      1, FLOAT) \
    X(SINH,     38, sinh,      1, FLOAT) \
    X(COSH,     39, cosh,      1, FLOAT) \
    X(TANH,     40, tanh,      1, FLOAT) \
    X(ASINH,    41, asinh,     1, FLOAT) \
    X(ACOSH,    42, acosh,     1, FLOAT) \
    X(ATANH,    43, atanh,     1, FLOAT) \
    X(ERF,      44, erf,       1, FLOAT) \
    X(LOGISTIC, 45, logistic,  1, FLOAT) /* 1 / (1 + e^-a) */ \
    X(LGAMMA,   46, lgamma,    1, FLOAT) /* log |gamma(a)| */ \
    X(DIGAMMA,  47, digamma,   1, FLOAT) /* d lgamma / da */ \
    X(FINITE,   48, finite,    1, BOOL)  /* neither NaN nor infinite */ \
    X(SELECT,   49, select,    3, SAME)  /* a ? b : c, a is bool */
// clang-format on

enum {
#define KAON_X_ROW(NAME, value, text, inputs, result) KAON_X_##NAME = value,
    KAON_ELEMENTWISE(KAON_X_ROW)
#undef KAON_X_ROW
    KAON_X_CONST = 64, // the instruction's `number`
    KAON_X_CAST = 65,  // to the instruction's dtype; float to integer toward zero, NaN to 0
    KAON_X_IOTA = 66   // the index along axis `a`
};

#endif
