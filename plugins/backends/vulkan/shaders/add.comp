#version 460
#extension GL_GOOGLE_include_directive : require
// add.comp: scatter_add and put_along_add: each thread has one line of the result along the axis and adds
// to it in the order of the indices, so that sums do not depend on the device.
// extra: 0 along, 1 words of an index
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers from;
    Words indices;
    Numbers updates;
    Numbers to;
};

void main()
{
    Tensor a = g.tensors[0], chosen = g.tensors[1], more = g.tensors[2], result = g.tensors[3];
    int axis = g.axis, own = chosen.rank, size = result.shape[axis];
    int lines = size > 0 ? count_of(result) / size : 0;
    for (int line = first_item(); line < lines; line = next_item(line)) {
        int at = line_of(result, axis, line), from_at = line_of(a, axis, line);
        for (int i = 0; i < size; i++)
            to.at[at + i * result.strides[axis]] = from.at[from_at + i * a.strides[axis]];
        if (g.extra[0] == 1) {
            int index_at = line_of(chosen, axis, line), more_at = line_of(more, axis, line);
            for (int i = 0; i < chosen.shape[axis]; i++) {
                int k = read_index(indices, index_at + i * chosen.strides[axis], g.extra[1]);
                if (k < 0 || k >= size)
                    continue;
                int place = at + k * result.strides[axis];
                to.at[place] = STORE(LOAD(to.at[place]) +
                                     LOAD(updates.at[more_at + i * more.strides[axis]]));
            }
            continue;
        }
        int base = more.first, rest = line;
        for (int i = result.rank - 1; i >= 0; i--) {
            if (i == axis)
                continue;
            int of_more = i < axis ? i : i + own - 1;
            base += rest % result.shape[i] * more.strides[of_more];
            rest /= result.shape[i];
        }
        int count = count_of(chosen), index[8];
        for (int i = 0; i < count; i++) {
            split(chosen, i, index);
            int k = read_index(indices, place_of(chosen, index), g.extra[1]);
            if (k < 0 || k >= size)
                continue;
            int place = at + k * result.strides[axis], more_at = base;
            for (int n = 0; n < own; n++)
                more_at += index[n] * more.strides[axis + n];
            to.at[place] = STORE(LOAD(to.at[place]) + LOAD(updates.at[more_at]));
        }
    }
}
