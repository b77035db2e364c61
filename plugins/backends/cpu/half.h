/* half.h: IEEE half precision by integer arithmetic, for processors without conversions. */
#ifndef CPU_HALF_H
#define CPU_HALF_H

#include <stdint.h>
#include <string.h>

// A half is a float of smaller exponent range: shifted into place, then scaled by 2^112.
static inline float float_of_half(uint16_t h)
{
    const uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    float x;
    memcpy(&x, &magnitude, sizeof x);
    x *= 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((h & 0x7c00) == 0x7c00) // infinity and NaN keep the largest exponent; NaN becomes quiet
        bits = magnitude | 0x7f800000u | (h & 0x3ff ? 0x400000u : 0);
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// To nearest, halves to even. Adding 0.5 to a small number lets the float unit round denormals.
static inline uint16_t half_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | ((bits >> 13) & 0x3ff));
    if (bits >= 0x47800000) // 65536 and beyond
        return (uint16_t)(sign | 0x7c00);
    if (bits < 0x38800000) { // below 2^-14
        float small;
        memcpy(&small, &bits, sizeof small);
        small += 0.5f;
        memcpy(&bits, &small, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    const uint32_t odd = (bits >> 13) & 1;
    return (uint16_t)(sign | ((bits - 0x38000000 + 0xfff + odd) >> 13));
}

#endif
