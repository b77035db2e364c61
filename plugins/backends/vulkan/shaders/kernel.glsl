// kernel.glsl: what the kernels that are compiled with the plugin share. REF, STORED, NUMBER, LOAD and
// STORE come from the command line: one compilation per element type.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_8bit_storage : enable
#extension GL_EXT_shader_16bit_storage : enable
#extension GL_ARB_gpu_shader_int64 : enable

#if BYTES < 4
#    include "types.glsl"
#else
#    define load_same(x)  (x)
#    define store_same(x) (x)
#endif

layout(buffer_reference, scalar, buffer_reference_align = BYTES) buffer Numbers
{
    STORED at[];
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words
{
    uint at[];
};

struct Tensor {
    int rank, first; // `first`: elements before the first one that strides reach
    int shape[8];
    int strides[8];
};

// ORDER geometry
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Geometry
{
    Tensor tensors[4];
    int axis, extra[31]; // attributes, as each kernel wants them
};

layout(local_size_x = 64) in;

#define LOWEST_F32 uintBitsToFloat(0xff800000u)
#define LOWEST_F64 packDouble2x32(uvec2(0u, 0xfff00000u))
#define LOWEST_I64 int64_t(0x8000000000000000UL)

bool is_nan(float x)
{
    return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u;
}
#ifdef IS_F64
bool is_nan(double x)
{
    uvec2 bits = unpackDouble2x32(x);
    return (bits.y & 0x7fffffffu) + (bits.x != 0u ? 1u : 0u) > 0x7ff00000u;
}
#endif
#ifdef IS_REAL
#    define broken(x) is_nan(x)
#else
#    define broken(x) false
#endif

int count_of(Tensor t)
{
    int count = 1;
    for (int i = 0; i < t.rank; i++)
        count *= t.shape[i];
    return count;
}

// An index over a shape from a linear one.
void split(Tensor t, int linear, out int index[8])
{
    for (int i = t.rank - 1; i >= 0; i--) {
        index[i] = linear % t.shape[i];
        linear /= t.shape[i];
    }
}

int place_of(Tensor t, int index[8])
{
    int at = t.first;
    for (int i = 0; i < t.rank; i++)
        at += index[i] * t.strides[i];
    return at;
}

// The begin of line `line` along an axis, and the step from one number to the next.
int line_of(Tensor t, int axis, int line)
{
    int at = t.first;
    for (int i = t.rank - 1; i >= 0; i--) {
        if (i == axis)
            continue;
        at += line % t.shape[i] * t.strides[i];
        line /= t.shape[i];
    }
    return at;
}

int first_item()
{
    return int(gl_GlobalInvocationID.x);
}

int next_item(int item)
{
    return item + int(gl_NumWorkGroups.x * gl_WorkGroupSize.x);
}

// Integers of 32 or 64 bits; what does not fit in 32 is far out of every range.
int read_index(Words words, int at, int words_each)
{
    int low = int(words.at[at * words_each]);
    if (words_each == 1)
        return low;
    int high = int(words.at[at * 2 + 1]);
    return high < 0 ? (high == -1 && low < 0 ? low : -1) : high > 0 || low < 0 ? 0x7fffffff : low;
}
