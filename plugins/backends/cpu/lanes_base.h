/* lanes_base.h: the vectors of lanes.h for any processor: 16 bytes, in the compiler's own vectors.
 * On x86-64 they become SSE2. There is no fused multiply-add: f32_fma rounds twice.
 * Included by lanes.h only.
 */
#ifndef CPU_LANES_BASE_H
#define CPU_LANES_BASE_H

enum { F32_LANES = 4, F64_LANES = 2, LANES_FUSED = 0 }; // fused multiply-add

typedef float f32v __attribute__((vector_size(16)));
typedef double f64v __attribute__((vector_size(16)));
typedef int32_t i32v __attribute__((vector_size(16)));
typedef int64_t i64v __attribute__((vector_size(16)));
typedef uint32_t u32v __attribute__((vector_size(16)));
typedef uint64_t u64v __attribute__((vector_size(16)));
typedef i32v f32m;
typedef i64v f64m;

/* --- f32 -------------------------------------------------------------------------------------- */

static inline f32v f32_set(float x)
{
    return (f32v){x, x, x, x};
}

static inline i32v i32_set(int32_t x)
{
    return (i32v){x, x, x, x};
}

static inline f32v f32_load(const float *p)
{
    f32v a;
    memcpy(&a, p, sizeof a);
    return a;
}

// Parts of a vector are rare and long: they stay functions.
static __attribute__((noinline, unused)) f32v f32_load_part(const float *p, int64_t n)
{
    f32v a = {0, 0, 0, 0};
    for (int64_t i = 0; i < n; i++)
        a[i] = p[i];
    return a;
}

static __attribute__((noinline, unused)) void f32_store_part(float *p, f32v a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = a[i];
}

static inline f32v f32_load_n(const float *p, int64_t n)
{
    return n >= F32_LANES ? f32_load(p) : f32_load_part(p, n);
}

// Numbers `stride` apart.
static inline f32v f32_gather(const float *p, int32_t stride)
{
    return (f32v){p[0], p[stride], p[2 * stride], p[3 * stride]};
}

static inline void f32_store(float *p, f32v a)
{
    memcpy(p, &a, sizeof a);
}

static inline void f32_store_n(float *p, f32v a, int64_t n)
{
    if (n >= F32_LANES)
        memcpy(p, &a, sizeof a);
    else
        f32_store_part(p, a, n);
}

static inline void f32_stream(float *p, f32v a)
{
    f32_store(p, a);
}

static inline i32v f32_bits(f32v a)
{
    return (i32v)a;
}

static inline f32v f32_from_bits(i32v a)
{
    return (f32v)a;
}

static inline f32v f32_fma(f32v a, f32v b, f32v c)
{
    return a * b + c;
}

static inline f32m f32_lt(f32v a, f32v b)
{
    return (f32m)(a < b);
}

static inline f32m f32_le(f32v a, f32v b)
{
    return (f32m)(a <= b);
}

static inline f32m f32_eq(f32v a, f32v b)
{
    return (f32m)(a == b);
}

static inline f32m f32_isnan(f32v a)
{
    return (f32m)(a != a);
}

static inline f32m f32_not(f32m m)
{
    return ~m;
}

static inline f32m f32_either(f32m a, f32m b)
{
    return a | b;
}

static inline f32m f32_both(f32m a, f32m b)
{
    return a & b;
}

static inline int f32_any(f32m m)
{
    return (m[0] | m[1] | m[2] | m[3]) != 0;
}

// n bools as bytes 0 and 1, n <= lanes.
static __attribute__((noinline, unused)) void f32_store_mask(uint8_t *p, f32m m, int64_t n)
{
    int32_t lanes[F32_LANES];
    memcpy(lanes, &m, sizeof m);
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(lanes[i] & 1);
}

static __attribute__((noinline, unused)) f32m f32_load_mask(const uint8_t *p, int64_t n)
{
    int32_t lanes[F32_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i] = p[i] ? -1 : 0;
    f32m m;
    memcpy(&m, lanes, sizeof m);
    return m;
}

static inline f32v f32_select(f32m m, f32v yes, f32v no)
{
    return (f32v)(((i32v)yes & m) | ((i32v)no & ~m));
}

static inline f32v f32_max_or_second(f32v a, f32v b)
{
    return f32_select(f32_lt(b, a), a, b);
}

static inline f32v f32_min_or_second(f32v a, f32v b)
{
    return f32_select(f32_lt(a, b), a, b);
}

static inline f32v f32_sqrt(f32v a)
{
    f32v r;
    for (int i = 0; i < F32_LANES; i++)
        r[i] = sqrtf(a[i]);
    return r;
}

// Adding and taking away 2^23 rounds to whole numbers; from there on every float is one. The sign
// is put back for the zeros.
static inline f32v f32_nearest(f32v a)
{
    const i32v sign = (i32v)a & i32_set(INT32_MIN);
    const f32v size = (f32v)((i32v)a & i32_set(INT32_MAX));
    const f32v magic = f32_set(0x1p23f);
    const f32v whole = (f32v)((i32v)((size + magic) - magic) | sign);
    return f32_select(f32_lt(size, magic), whole, a);
}

static inline f32v f32_floor(f32v a)
{
    const f32v whole = f32_nearest(a);
    const f32v lower = whole - f32_set(1);
    return f32_select(f32_lt(a, whole), lower, whole);
}

// Written by the floor of -a, so that -0.5 becomes -0.
static inline f32v f32_ceil(f32v a)
{
    return -f32_floor(-a);
}

static inline f32v f32_trunc(f32v a)
{
    const i32v sign = (i32v)a & i32_set(INT32_MIN);
    const f32v size = f32_floor((f32v)((i32v)a & i32_set(INT32_MAX)));
    return (f32v)((i32v)size | sign);
}

// |a| < 2^22, halves to even: 1.5 * 2^23 added, the whole number stands in the low bits.
static inline i32v i32_from_f32(f32v a)
{
    const f32v magic = f32_set(0x1.8p23f);
    return (i32v)((u32v)(a + magic) - (u32v)magic);
}

static inline f32v f32_from_i32(i32v a)
{
    return __builtin_convertvector(a, f32v);
}

static inline f32v f32_power(i32v n)
{
    return (f32v)((u32v)(n + i32_set(127)) << 23);
}

// a * 2^n in factors that are normal numbers, so that denormal results round once.
static inline f32v f32_scale(f32v a, f32v n)
{
    const f32v limit = f32_set(300);
    const i32v whole = i32_from_f32(f32_max_or_second(f32_min_or_second(n, limit), -limit));
    const i32v quarter = whole >> 2;
    const f32v part = f32_power(quarter);
    return a * part * part * part * f32_power(whole - 3 * quarter);
}

/* --- f64 -------------------------------------------------------------------------------------- */

static inline f64v f64_set(double x)
{
    return (f64v){x, x};
}

static inline i64v i64_set(int64_t x)
{
    return (i64v){x, x};
}

static inline f64v f64_load(const double *p)
{
    f64v a;
    memcpy(&a, p, sizeof a);
    return a;
}

static inline f64v f64_load_n(const double *p, int64_t n)
{
    return (f64v){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0};
}

static inline void f64_store(double *p, f64v a)
{
    memcpy(p, &a, sizeof a);
}

static inline void f64_store_n(double *p, f64v a, int64_t n)
{
    if (n > 0)
        p[0] = a[0];
    if (n > 1)
        p[1] = a[1];
}

static inline void f64_stream(double *p, f64v a)
{
    f64_store(p, a);
}

static inline i64v f64_bits(f64v a)
{
    return (i64v)a;
}

static inline f64v f64_from_bits(i64v a)
{
    return (f64v)a;
}

static inline f64v f64_fma(f64v a, f64v b, f64v c)
{
    return a * b + c;
}

static inline f64m f64_lt(f64v a, f64v b)
{
    return (f64m)(a < b);
}

static inline f64m f64_le(f64v a, f64v b)
{
    return (f64m)(a <= b);
}

static inline f64m f64_eq(f64v a, f64v b)
{
    return (f64m)(a == b);
}

static inline f64m f64_isnan(f64v a)
{
    return (f64m)(a != a);
}

static inline f64m f64_not(f64m m)
{
    return ~m;
}

static inline f64m f64_either(f64m a, f64m b)
{
    return a | b;
}

static inline f64m f64_both(f64m a, f64m b)
{
    return a & b;
}

static inline int f64_any(f64m m)
{
    return (m[0] | m[1]) != 0;
}

static __attribute__((noinline, unused)) void f64_store_mask(uint8_t *p, f64m m, int64_t n)
{
    int64_t lanes[F64_LANES];
    memcpy(lanes, &m, sizeof m);
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(lanes[i] & 1);
}

static __attribute__((noinline, unused)) f64m f64_load_mask(const uint8_t *p, int64_t n)
{
    int64_t lanes[F64_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i] = p[i] ? -1 : 0;
    f64m m;
    memcpy(&m, lanes, sizeof m);
    return m;
}

static inline f64v f64_select(f64m m, f64v yes, f64v no)
{
    return (f64v)(((i64v)yes & m) | ((i64v)no & ~m));
}

static inline f64v f64_max_or_second(f64v a, f64v b)
{
    return f64_select(f64_lt(b, a), a, b);
}

static inline f64v f64_min_or_second(f64v a, f64v b)
{
    return f64_select(f64_lt(a, b), a, b);
}

static inline f64v f64_sqrt(f64v a)
{
    return (f64v){sqrt(a[0]), sqrt(a[1])};
}

static inline f64v f64_nearest(f64v a)
{
    const i64v sign = (i64v)a & i64_set(INT64_MIN);
    const f64v size = (f64v)((i64v)a & i64_set(INT64_MAX));
    const f64v magic = f64_set(0x1p52);
    const f64v whole = (f64v)((i64v)((size + magic) - magic) | sign);
    return f64_select(f64_lt(size, magic), whole, a);
}

static inline f64v f64_floor(f64v a)
{
    const f64v whole = f64_nearest(a);
    const f64v lower = whole - f64_set(1);
    return f64_select(f64_lt(a, whole), lower, whole);
}

static inline f64v f64_ceil(f64v a)
{
    return -f64_floor(-a);
}

static inline f64v f64_trunc(f64v a)
{
    const i64v sign = (i64v)a & i64_set(INT64_MIN);
    const f64v size = f64_floor((f64v)((i64v)a & i64_set(INT64_MAX)));
    return (f64v)((i64v)size | sign);
}

// |a| < 2^51: 1.5 * 2^52 added, the whole number stands in the low bits.
static inline i64v i64_from_f64(f64v a)
{
    const f64v magic = f64_set(0x1.8p52);
    return (i64v)((u64v)(a + magic) - (u64v)magic);
}

static inline f64v f64_from_i64(i64v a)
{
    const f64v magic = f64_set(0x1.8p52);
    return (f64v)((u64v)a + (u64v)magic) - magic;
}

static inline f64v f64_power(i64v n)
{
    return (f64v)((u64v)(n + i64_set(1023)) << 52);
}

static inline f64v f64_scale(f64v a, f64v n)
{
    const f64v limit = f64_set(2200);
    const f64v whole = f64_max_or_second(f64_min_or_second(n, limit), -limit);
    const f64v quarter = f64_floor(whole * f64_set(0.25));
    const f64v part = f64_power(i64_from_f64(quarter));
    return a * part * part * part * f64_power(i64_from_f64(whole - f64_set(3) * quarter));
}

/* --- between the widths ----------------------------------------------------------------------- */

static inline f64v f64_low(f32v a)
{
    return (f64v){a[0], a[1]};
}

static inline f64v f64_high(f32v a)
{
    return (f64v){a[2], a[3]};
}

static inline f32v f32_narrow(f64v low, f64v high)
{
    return (f32v){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}

/* --- turning blocks over -----------------------------------------------------------------------
 */

// The numbers of the first halves in turn, and of the second.
static inline f32v f32_zip_low(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

static inline f32v f32_zip_high(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

// The numbers of the first halves in turn, and of the second.
static inline f64v f64_zip_low(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 0, 2);
}

static inline f64v f64_zip_high(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 1, 3);
}

/* --- across the lanes ------------------------------------------------------------------------- */

static inline double f64_total(f64v a)
{
    return a[0] + a[1];
}

// Largest and smallest; lanes are not NaN.
static inline float f32_highest(f32v a)
{
    const float left = a[0] > a[1] ? a[0] : a[1], right = a[2] > a[3] ? a[2] : a[3];
    return left > right ? left : right;
}

static inline float f32_lowest(f32v a)
{
    const float left = a[0] < a[1] ? a[0] : a[1], right = a[2] < a[3] ? a[2] : a[3];
    return left < right ? left : right;
}

#endif
