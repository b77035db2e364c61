// types.glsl: what is stored as 16 bits, 8 bits or a bool, and the registers it is computed in.
#define load_same(value)       (value)
#define store_same(value)      (value)
#define load_int(value)        int(value)
#define load_uint(value)       uint(value)
#define load_bool(value)       (uint(value) != 0u)
#define store_bool(value)      uint8_t((value) ? 1 : 0)
#define store_i8(value)        int8_t(value)
#define store_u8(value)        uint8_t(value)
#define store_i16(value)       int16_t(value)
#define store_u16(value)       uint16_t(value)
#define load_f16(value)        unpackHalf2x16(uint(value)).x
#define store_f16(value)       uint16_t(f16_bits(value))
#define load_bf16(value)       uintBitsToFloat(uint(value) << 16)
#define store_bf16(value)      uint16_t(bf16_bits(value))

// Rounded to the nearest, halves to even.
uint bf16_bits(float x)
{
    uint bits = floatBitsToUint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (bits >> 16) | 0x40u;
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

uint f16_bits(float x)
{
    uint bits = floatBitsToUint(x), sign = (bits >> 16) & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u)
        return sign | 0x7e00u;
    if (size >= 0x477ff000u) // 65520 and above
        return sign | 0x7c00u;
    if (size < 0x38800000u) // below 2^-14: steps of 2^-24
        return sign | uint(roundEven(uintBitsToFloat(size) * 16777216.0));
    return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13);
}

float round_f16(float x)
{
    return unpackHalf2x16(f16_bits(x)).x;
}

float round_bf16(float x)
{
    return uintBitsToFloat(bf16_bits(x) << 16);
}
