#version 460
#extension GL_GOOGLE_include_directive : require
// conv.comp: convolutions of (batch, in, x..) with (out, in / groups, k..) and their two adjoints: a thread
// per number of the result, which it adds up in order. Tensors: a, w, y of y = conv(a, w).
// extra: 0 which is made (0 y, 1 a, 2 w), 1 groups, 2 .. stride, 8 .. low, 14 .. dilation
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers left;
    Numbers right;
    Numbers to;
};

// Number of points of the window, or of the output's places, that one axis after the other counts.
int points(Tensor t)
{
    int count = 1;
    for (int i = 2; i < t.rank; i++)
        count *= t.shape[i];
    return count;
}

void spread(Tensor t, int point, inout int index[8])
{
    for (int i = t.rank - 1; i >= 2; i--) {
        index[i] = point % t.shape[i];
        point /= t.shape[i];
    }
}

// Where y and w meet in a; false: in the padding.
bool meet(Tensor a, int y[8], int w[8], inout int at[8])
{
    for (int i = 2; i < a.rank; i++) {
        at[i] = y[i] * g.extra[i] - g.extra[6 + i] + w[i] * g.extra[12 + i];
        if (at[i] < 0 || at[i] >= a.shape[i])
            return false;
    }
    return true;
}

// The place of y from which w reaches a; false: none.
bool comes_from(Tensor y, int a[8], int w[8], inout int at[8])
{
    for (int i = 2; i < y.rank; i++) {
        int reach = a[i] + g.extra[6 + i] - w[i] * g.extra[12 + i];
        at[i] = reach / g.extra[i];
        if (reach < 0 || reach != at[i] * g.extra[i] || at[i] >= y.shape[i])
            return false;
    }
    return true;
}

SUM make_y(Tensor a, Tensor w, int y[8])
{
    int group = y[1] / (w.shape[0] / g.extra[1]), count = points(w), at_a[8], at_w[8];
    SUM sum = SUM(0);
    at_a[0] = y[0];
    at_w[0] = y[1];
    for (int c = 0; c < w.shape[1]; c++)
        for (int p = 0; p < count; p++) {
            at_a[1] = group * w.shape[1] + c;
            at_w[1] = c;
            spread(w, p, at_w);
            if (meet(a, y, at_w, at_a))
                sum += LOAD(left.at[place_of(a, at_a)]) * LOAD(right.at[place_of(w, at_w)]);
        }
    return sum;
}

SUM make_a(Tensor y, Tensor w, int a[8])
{
    int group = a[1] / w.shape[1], outs = w.shape[0] / g.extra[1], count = points(w);
    int at_y[8], at_w[8];
    SUM sum = SUM(0);
    at_y[0] = a[0];
    at_w[1] = a[1] % w.shape[1];
    for (int o = 0; o < outs; o++)
        for (int p = 0; p < count; p++) {
            at_y[1] = at_w[0] = group * outs + o;
            spread(w, p, at_w);
            if (comes_from(y, a, at_w, at_y))
                sum += LOAD(left.at[place_of(y, at_y)]) * LOAD(right.at[place_of(w, at_w)]);
        }
    return sum;
}

SUM make_w(Tensor a, Tensor y, Tensor t, int w[8])
{
    int group = w[0] / (t.shape[0] / g.extra[1]), count = points(y), at_a[8], at_y[8];
    SUM sum = SUM(0);
    at_y[1] = w[0];
    at_a[1] = group * t.shape[1] + w[1];
    for (int n = 0; n < a.shape[0]; n++)
        for (int p = 0; p < count; p++) {
            at_a[0] = at_y[0] = n;
            spread(y, p, at_y);
            if (meet(a, at_y, w, at_a))
                sum += LOAD(left.at[place_of(a, at_a)]) * LOAD(right.at[place_of(y, at_y)]);
        }
    return sum;
}

void main()
{
    Tensor a = g.tensors[0], w = g.tensors[1], y = g.tensors[2];
    int made = g.extra[0], index[8];
    int count = made == 0 ? count_of(y) : made == 1 ? count_of(a) : count_of(w);
    for (int i = first_item(); i < count; i = next_item(i)) {
        if (made == 0) {
            split(y, i, index);
            to.at[place_of(y, index)] = STORE(NUMBER(make_y(a, w, index)));
        } else if (made == 1) {
            split(a, i, index);
            to.at[place_of(a, index)] = STORE(NUMBER(make_a(y, w, index)));
        } else {
            split(w, i, index);
            to.at[place_of(w, index)] = STORE(NUMBER(make_w(a, y, w, index)));
        }
    }
}
