#version 460
#extension GL_GOOGLE_include_directive : require
// move.comp: gather, take_along; and `place`, of which pad and concat are made. Only bytes move, so one
// type of each size does for all.
// extra: 0 what, 1 words of an index; place: axis and shift
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Numbers from;
    Words indices;
    Numbers to;
};

int source(Tensor a, Tensor chosen, int index[8])
{
    int axis = g.axis, own = chosen.rank, where[8], place[8];
    bool along = g.extra[0] == 1;
    for (int i = 0; i < own; i++)
        where[i] = along ? index[i] : index[axis + i];
    for (int i = 0; i < a.rank; i++)
        place[i] = along || i < axis ? index[i] : i == axis ? 0 : index[i + own - 1];
    int at = read_index(indices, place_of(chosen, where), g.extra[1]);
    place[axis] = clamp(at, 0, a.shape[axis] - 1);
    return place_of(a, place);
}

void main()
{
    Tensor a = g.tensors[0], chosen = g.tensors[1], result = g.tensors[2];
    bool places = g.extra[0] == 2;
    int count = places ? count_of(a) : count_of(result), index[8];
    for (int i = first_item(); i < count; i = next_item(i)) {
        if (places) {
            split(a, i, index);
            int at = place_of(a, index);
            index[g.axis] += g.extra[2];
            to.at[place_of(result, index)] = from.at[at];
        } else {
            split(result, i, index);
            to.at[place_of(result, index)] = from.at[source(a, chosen, index)];
        }
    }
}
