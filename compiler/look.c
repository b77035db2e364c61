/* look.c: how steps see values: shapes and strides, and what can be done to them without a copy. */
#include "compiler/compile.h"

#include <string.h>

int64_t kn_shape_count(int32_t rank, const int64_t *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < rank; i++)
        count *= shape[i];
    return count;
}

void kn_shape_strides(int32_t rank, const int64_t *shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape[i];
    }
}

int32_t kn_shape_same(int32_t a_rank, const int64_t *a, int32_t b_rank, const int64_t *b)
{
    if (a_rank != b_rank)
        return 0;
    for (int32_t i = 0; i < a_rank; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

kn_look kn_look_whole(const kn_value *value)
{
    kn_look look = {.value = value->id, .rank = value->rank};
    memcpy(look.shape, value->shape, sizeof look.shape);
    kn_shape_strides(look.rank, look.shape, look.strides);
    return look;
}

int32_t kn_look_contiguous(const kn_look *look)
{
    int64_t stride = 1;
    for (int32_t i = look->rank - 1; i >= 0; i--) {
        if (look->shape[i] == 0)
            return 1;
        if (look->shape[i] != 1 && look->strides[i] != stride)
            return 0;
        stride *= look->shape[i];
    }
    return 1;
}

int32_t kn_look_is_whole(const kn_look *look, const kn_value *value)
{
    return look->offset == 0 && kn_shape_same(look->rank, look->shape, value->rank, value->shape) &&
           kn_look_contiguous(look);
}

// Drops axes of size 1: their strides say nothing.
static kn_look squeeze(const kn_look *look)
{
    kn_look out = {.value = look->value, .offset = look->offset};
    for (int32_t i = 0; i < look->rank; i++) {
        if (look->shape[i] == 1)
            continue;
        out.shape[out.rank] = look->shape[i];
        out.strides[out.rank++] = look->strides[i];
    }
    return out;
}

/* NumPy's way: groups of old axes and groups of new axes of equal size are matched from the left; a
 * group of old axes must lie without gaps, and gives its new axes their strides. */
int32_t kn_look_reshape(const kn_look *look, int32_t rank, const int64_t *shape, kn_look *out)
{
    const kn_look old = squeeze(look);
    kn_look made = {.value = look->value, .rank = rank, .offset = look->offset};
    memcpy(made.shape, shape, (size_t)rank * sizeof *shape);
    if (kn_shape_count(rank, shape) == 0 || kn_look_contiguous(look)) {
        kn_shape_strides(rank, shape, made.strides);
        *out = made;
        return 1;
    }
    int32_t from = 0, to = 0;
    while (from < old.rank) {
        int32_t from_end = from + 1, to_end = to;
        int64_t from_size = old.shape[from], to_size = 1;
        while (from_size != to_size) {
            if (to_size < from_size)
                to_size *= shape[to_end++];
            else
                from_size *= old.shape[from_end++];
        }
        for (int32_t i = from; i < from_end - 1; i++)
            if (old.strides[i] != old.shape[i + 1] * old.strides[i + 1])
                return 0;
        int64_t stride = old.strides[from_end - 1];
        for (int32_t i = to_end - 1; i >= to; i--) {
            made.strides[i] = stride;
            stride *= shape[i];
        }
        from = from_end;
        to = to_end;
    }
    *out = made; // trailing axes of size 1 keep stride 0
    return 1;
}

kn_look kn_look_broadcast(const kn_look *look, int32_t rank, const int64_t *shape)
{
    kn_look out = {.value = look->value, .rank = rank, .offset = look->offset};
    const int32_t added = rank - look->rank;
    for (int32_t i = 0; i < rank; i++) {
        out.shape[i] = shape[i];
        const int32_t repeats = i < added || look->shape[i - added] != shape[i];
        out.strides[i] = repeats ? 0 : look->strides[i - added];
    }
    return out;
}

kn_look kn_look_transpose(const kn_look *look, const int64_t *axes)
{
    kn_look out = *look;
    for (int32_t i = 0; i < look->rank; i++) {
        out.shape[i] = look->shape[axes[i]];
        out.strides[i] = look->strides[axes[i]];
    }
    return out;
}

kn_look kn_look_slice(const kn_look *look, int32_t axis, int64_t start, int64_t step, int64_t count)
{
    kn_look out = *look;
    out.offset += start * look->strides[axis];
    out.shape[axis] = count;
    out.strides[axis] = step * look->strides[axis];
    return out;
}

// 1 if all axes but `except` stay within [0, room) elements of where they begin.
static int32_t stays_inside(const kn_look *look, int32_t except, int64_t room)
{
    int64_t low = look->offset, high = look->offset;
    for (int32_t i = 0; i < look->rank; i++) {
        if (i == except)
            continue;
        const int64_t far = (look->shape[i] - 1) * look->strides[i];
        if (far < 0)
            low += far;
        else
            high += far;
    }
    return low >= 0 && high < room;
}

int32_t kn_look_row_axis(const kn_look *look, const kn_value *value, int64_t rows, int64_t *factor)
{
    const int64_t count = kn_shape_count(value->rank, value->shape);
    if (rows < 2 || count == 0 || value->rank == 0 || value->shape[0] % rows)
        return -1;
    const int64_t row = count / rows; // elements
    for (int32_t i = 0; i < look->rank; i++) {
        const int64_t f = look->shape[i] / rows;
        if (f == 0 || look->shape[i] % rows || look->strides[i] * f != row)
            continue;
        if (!stays_inside(look, i, look->strides[i]))
            continue;
        *factor = f;
        return i;
    }
    return -1;
}
