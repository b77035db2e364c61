/* convert.c: elements from one type into another. */
#include "kernel/tensor.h"

#include "kernel/element.h"

#include <math.h>
#include <string.h>

// Loops into the three types the kernel works in; other pairs go through element.h.
#define CONVERT_LOOP(from, to, from_type, to_type)                                                 \
    static void from##_to_##to(const void *in, void *out, int64_t count)                           \
    {                                                                                              \
        const from_type *restrict a = in;                                                          \
        to_type *restrict b = out;                                                                 \
        for (int64_t i = 0; i < count; i++)                                                        \
            b[i] = (to_type)a[i];                                                                  \
    }

CONVERT_LOOP(f64, f32, double, float)
CONVERT_LOOP(i8, f32, int8_t, float)
CONVERT_LOOP(i16, f32, int16_t, float)
CONVERT_LOOP(i32, f32, int32_t, float)
CONVERT_LOOP(i64, f32, int64_t, float)
CONVERT_LOOP(u8, f32, uint8_t, float)
CONVERT_LOOP(u16, f32, uint16_t, float)
CONVERT_LOOP(u32, f32, uint32_t, float)
CONVERT_LOOP(u64, f32, uint64_t, float)
CONVERT_LOOP(f32, f64, float, double)
CONVERT_LOOP(i8, f64, int8_t, double)
CONVERT_LOOP(i16, f64, int16_t, double)
CONVERT_LOOP(i32, f64, int32_t, double)
CONVERT_LOOP(i64, f64, int64_t, double)
CONVERT_LOOP(u8, f64, uint8_t, double)
CONVERT_LOOP(u16, f64, uint16_t, double)
CONVERT_LOOP(u32, f64, uint32_t, double)
CONVERT_LOOP(u64, f64, uint64_t, double)
CONVERT_LOOP(i8, i64, int8_t, int64_t)
CONVERT_LOOP(i16, i64, int16_t, int64_t)
CONVERT_LOOP(i32, i64, int32_t, int64_t)
CONVERT_LOOP(u8, i64, uint8_t, int64_t)
CONVERT_LOOP(u16, i64, uint16_t, int64_t)
CONVERT_LOOP(u32, i64, uint32_t, int64_t)

static void f16_to_f32(const void *in, void *out, int64_t count)
{
    const uint16_t *a = in;
    float *b = out;
    for (int64_t i = 0; i < count; i++)
        b[i] = kn_from_f16(a[i]);
}

static void bf16_to_f32(const void *in, void *out, int64_t count)
{
    const uint16_t *a = in;
    float *b = out;
    for (int64_t i = 0; i < count; i++)
        b[i] = kn_from_bf16(a[i]);
}

typedef void convert_loop(const void *in, void *out, int64_t count);

// clang-format off
static convert_loop *const loops[KAON_DTYPE_COUNT][3] = {
    // from           to f32         to f64       to i64
    [KAON_F32]  = { NULL,         f32_to_f64,  NULL },
    [KAON_F64]  = { f64_to_f32,   NULL,        NULL },
    [KAON_F16]  = { f16_to_f32,   NULL,        NULL },
    [KAON_BF16] = { bf16_to_f32,  NULL,        NULL },
    [KAON_I8]   = { i8_to_f32,    i8_to_f64,   i8_to_i64 },
    [KAON_I16]  = { i16_to_f32,   i16_to_f64,  i16_to_i64 },
    [KAON_I32]  = { i32_to_f32,   i32_to_f64,  i32_to_i64 },
    [KAON_I64]  = { i64_to_f32,   i64_to_f64,  NULL },
    [KAON_U8]   = { u8_to_f32,    u8_to_f64,   u8_to_i64 },
    [KAON_U16]  = { u16_to_f32,   u16_to_f64,  u16_to_i64 },
    [KAON_U32]  = { u32_to_f32,   u32_to_f64,  u32_to_i64 },
    [KAON_U64]  = { u64_to_f32,   u64_to_f64,  NULL },
    [KAON_BOOL] = { u8_to_f32,    u8_to_f64,   u8_to_i64 },
};
// clang-format on

static convert_loop *find_loop(int32_t from, int32_t to)
{
    switch (to) {
    case KAON_F32:
        return loops[from][0];
    case KAON_F64:
        return loops[from][1];
    case KAON_I64:
        return loops[from][2];
    default:
        return NULL;
    }
}

void kn_convert(int32_t from_dtype, const void *from, int32_t to_dtype, void *to, int64_t count)
{
    if (count == 0)
        return;
    if (from_dtype == to_dtype) {
        memcpy(to, from, (size_t)count * kaon_dtype_bytes(to_dtype));
        return;
    }
    convert_loop *loop = find_loop(from_dtype, to_dtype);
    if (loop) {
        loop(from, to, count);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        kn_element_put(to_dtype, to, i, kn_element_get(from_dtype, from, i));
}

// The longest tail of axes that lies without gaps can be converted in one go.
static int32_t packed_axes(const kaon_view *view, int64_t *count)
{
    int32_t axis = view->rank;
    *count = 1;
    while (axis > 0 &&
           (view->shape[axis - 1] == 1 || !view->strides || view->strides[axis - 1] == *count))
        *count *= view->shape[--axis];
    return axis;
}

void kn_view_copy(const kaon_view *from, int32_t to_dtype, void *to)
{
    const uint64_t from_bytes = kaon_dtype_bytes(from->dtype);
    const uint64_t to_bytes = kaon_dtype_bytes(to_dtype);
    int64_t run = 1;
    const int32_t outer = packed_axes(from, &run);
    int64_t at[KAON_MAX_RANK] = {0};
    const char *in = from->data;
    char *out = to;

    if (kaon_view_count(from) == 0)
        return;
    for (;;) {
        kn_convert(from->dtype, in, to_dtype, out, run);
        out += (uint64_t)run * to_bytes;
        int32_t axis = outer - 1;
        for (; axis >= 0; axis--) {
            const int64_t stride = from->strides[axis] * (int64_t)from_bytes;
            in += stride;
            if (++at[axis] < from->shape[axis])
                break;
            in -= stride * from->shape[axis];
            at[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}
