#version 460
#extension GL_GOOGLE_include_directive : require
// random.comp: words of Philox4x32-10, numbered as in kaon/random.h, so that every backend draws the same.
// extra: 0, 1 seed, 2 stream, 3 words wanted and nothing else
#include "kernel.glsl"

layout(push_constant, scalar) uniform Push
{
    Geometry g;
    Words run;
    Numbers to;
};

uvec4 block(uint low)
{
    uvec4 c = uvec4(low, 0, uint(g.extra[2]), run.at[0]);
    uvec2 k = uvec2(g.extra[0], g.extra[1]);
    for (int round_ = 0; round_ < 10; round_++) {
        uint high0, low0, high1, low1;
        umulExtended(0xD2511F53u, c.x, high0, low0);
        umulExtended(0xCD9E8D57u, c.z, high1, low1);
        c = uvec4(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
        k += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

void main()
{
    int count = count_of(g.tensors[0]);
    for (int i = first_item(); i < count; i = next_item(i)) {
#ifdef IS_F64
        uvec4 words = block(uint(i) / 2);
        uvec2 word = (i & 1) == 0 ? words.xy : words.zw;
        to.at[i] = double(word.x) * (1.0LF / 4294967296.0LF) +
                   double(word.y >> 11) * (1.0LF / 9007199254740992.0LF);
#else
        uint word = block(uint(i) / 4)[i & 3];
#    if defined(IS_REAL)
        to.at[i] = STORE(float(word >> (32 - RANDOM_BITS)) * RANDOM_UNIT);
#    else
        to.at[i] = word;
#    endif
#endif
    }
}
