#version 460
#extension GL_GOOGLE_include_directive : require
// line.comp: argmax, argmin, cumsum, cumprod, cummax: a thread per line.
// extra: 0 what, 1 reverse, 2 exclusive
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers from;
    Numbers to;
    Words places;
};

NUMBER join(NUMBER a, NUMBER b)
{
#ifndef IS_BOOL
    if (g.extra[0] == 2)
        return a + b;
    if (g.extra[0] == 3)
        return a * b;
    return broken(a) || a > b ? a : b;
#else
    return a || b;
#endif
}

// Where the extreme is: the first of equals, the first NaN if there is one.
void extreme(int at, int step_, int size, int line)
{
    NUMBER best = LOAD(from.at[at]);
    int where = 0;
    for (int i = 1; i < size; i++) {
        NUMBER x = LOAD(from.at[at + i * step_]);
#ifdef IS_BOOL
        bool better = g.extra[0] == 0 ? x && !best : !x && best;
#else
        bool better = g.extra[0] == 0 ? x > best : x < best;
#endif
        if (!broken(best) && (broken(x) || better)) {
            best = x;
            where = i;
        }
    }
    places.at[2 * line] = uint(where); // i64
    places.at[2 * line + 1] = 0;
}

void main()
{
    Tensor a = g.tensors[0], result = g.tensors[1];
    int size = a.shape[g.axis], step_ = a.strides[g.axis], lines = count_of(a) / max(size, 1);
    for (int line = first_item(); line < lines && size > 0; line = next_item(line)) {
        int at = line_of(a, g.axis, line);
        if (g.extra[0] < 2) {
            extreme(at, step_, size, line);
            continue;
        }
        int to_at = line_of(result, g.axis, line), to_step = result.strides[g.axis];
        NUMBER so_far = NUMBER(START_OF_MAX);
        if (g.extra[0] != 4)
            so_far = NUMBER(g.extra[0] == 3 ? 1 : 0);
        for (int n = 0; n < size; n++) {
            int i = g.extra[1] != 0 ? size - 1 - n : n;
            NUMBER x = LOAD(from.at[at + i * step_]);
            if (g.extra[2] != 0)
                to.at[to_at + i * to_step] = STORE(so_far);
            so_far = n == 0 && g.extra[0] == 4 ? x : join(so_far, x);
            if (g.extra[2] == 0)
                to.at[to_at + i * to_step] = STORE(so_far);
        }
    }
}
