#version 460
#extension GL_GOOGLE_include_directive : require
// pool.comp: the greatest or the sum in windows over the trailing axes, and their adjoints, in which each
// number looks for the windows that cover it.
// extra: 0 what (0 max, 1 sum, 2 adjoint of max, 3 of sum), 1 axes, 2 .. window, 8 .. stride, 14 .. low
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers from; // a
    Numbers more; // dy
    Numbers to;
};

// Point `p` of the window at y, as a place in a; false: in the padding.
bool covered(Tensor a, int y[8], int p, out int at[8])
{
    int lead = a.rank - g.extra[1];
    bool inside = true;
    for (int i = a.rank - 1; i >= 0; i--) {
        at[i] = y[i];
        if (i < lead)
            continue;
        int k = i - lead;
        at[i] = y[i] * g.extra[8 + k] - g.extra[14 + k] + p % g.extra[2 + k];
        p /= g.extra[2 + k];
        inside = inside && at[i] >= 0 && at[i] < a.shape[i];
    }
    return inside;
}

int window_points()
{
    int count = 1;
    for (int k = 0; k < g.extra[1]; k++)
        count *= g.extra[2 + k];
    return count;
}

NUMBER pool(Tensor a, int y[8], bool is_max, out int greatest)
{
    NUMBER sum = NUMBER(0);
    bool found = false;
    int at[8], count = window_points();
    greatest = -1;
    for (int p = 0; p < count; p++) {
        if (!covered(a, y, p, at))
            continue;
        int place = place_of(a, at);
        NUMBER x = LOAD(from.at[place]);
        if (!is_max) {
            sum += x;
        } else if (!found || (!is_nan(sum) && (is_nan(x) || x > sum))) {
            sum = x;
            greatest = place;
        }
        found = true;
    }
    return sum;
}

// All windows that cover a place of the result, in order.
NUMBER gather(Tensor a, Tensor y, Tensor looked, int index[8], bool is_max)
{
    int lead = a.rank - g.extra[1], low[8], high[8], at[8], greatest, own = place_of(looked, index);
    NUMBER sum = NUMBER(0);
    for (int i = 0; i < a.rank; i++) {
        low[i] = high[i] = index[i];
        if (i >= lead) {
            int k = i - lead, reach = index[i] + g.extra[14 + k], stride = g.extra[8 + k];
            int least = reach - g.extra[2 + k] + 1;
            low[i] = least <= 0 ? 0 : (least + stride - 1) / stride;
            high[i] = min(reach / stride, y.shape[i] - 1);
        }
        if (low[i] > high[i])
            return sum;
        at[i] = low[i];
    }
    bool more_left = true;
    while (more_left) {
        if (is_max)
            pool(looked, at, true, greatest);
        if (!is_max || greatest == own)
            sum += LOAD(more.at[place_of(y, at)]);
        more_left = false;
        for (int i = a.rank - 1; i >= lead && !more_left; i--) {
            more_left = ++at[i] <= high[i];
            if (!more_left)
                at[i] = low[i];
        }
    }
    return sum;
}

void main()
{
    Tensor a = g.tensors[0], y = g.tensors[1], result = g.tensors[2];
    int count = count_of(result), index[8], greatest;
    for (int i = first_item(); i < count; i = next_item(i)) {
        split(result, i, index);
        NUMBER made = g.extra[0] < 2 ? pool(a, index, g.extra[0] == 0, greatest)
                                     : gather(result, y, a, index, g.extra[0] == 2);
        to.at[place_of(result, index)] = STORE(made);
    }
}
