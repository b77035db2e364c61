#version 460
#extension GL_GOOGLE_include_directive : require
// sort.comp: stable sorting of lines by merging: in each pass a number finds its place in two sorted runs
// that become one: its place in its own run plus how many of the other run come before it.
// extra: 0 what, 1 descending, 2 length of a run
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers from;
    Words old;
    Words fresh;
    Numbers to;
    Words places;
};

// NaN is last either way.
bool before(NUMBER a, NUMBER b)
{
#ifdef IS_BOOL
    return g.extra[1] != 0 ? a && !b : !a && b;
#else
    if (broken(a) || broken(b))
        return !broken(a) && broken(b);
    return g.extra[1] != 0 ? a > b : a < b;
#endif
}

// Where number `i` of a line goes when runs of `run` are merged.
int merged(int begin, int at, int step_, int size, int i, int run)
{
    int pair = i / (2 * run) * (2 * run);
    bool is_left = i - pair < run;
    int low = is_left ? pair + run : pair;
    int high = min(low + run, size), other = min(low, size);
    NUMBER x = LOAD(from.at[at + int(old.at[begin + i]) * step_]);
    low = other;
    high = max(high, other);
    while (low < high) {
        int middle = (low + high) / 2;
        NUMBER y = LOAD(from.at[at + int(old.at[begin + middle]) * step_]);
        // Of equals the left run's come first.
        if (before(y, x) || (!is_left && !before(x, y)))
            low = middle + 1;
        else
            high = middle;
    }
    return is_left ? i + low - other : i - run + low - other;
}

void main()
{
    Tensor a = g.tensors[0], result = g.tensors[1];
    int size = a.shape[g.axis], step_ = a.strides[g.axis], count = count_of(a);
    for (int item = first_item(); item < count; item = next_item(item)) {
        int line = item / size, i = item % size, begin = line * size;
        if (g.extra[0] == 0) { // as they stand
            fresh.at[item] = uint(i);
            continue;
        }
        int at = line_of(a, g.axis, line);
        if (g.extra[0] == 1) {
            fresh.at[begin + merged(begin, at, step_, size, i, g.extra[2])] = old.at[item];
            continue;
        }
        int to_at = line_of(result, g.axis, line) + i * result.strides[g.axis];
        if (g.extra[0] == 2) {
            to.at[to_at] = from.at[at + int(old.at[item]) * step_];
        } else {
            places.at[2 * to_at] = old.at[item]; // i64
            places.at[2 * to_at + 1] = 0;
        }
    }
}
