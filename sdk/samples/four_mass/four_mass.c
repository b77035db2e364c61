/* four_mass.c: a sample: an operation that brings its kernels along as data.
 *
 * op four_mass   (.., 4) rows of (E, px, py, pz), GeV -> (..) masses, GeV; 0 for what is space-like
 *
 * Its meaning is the decomposition, from which its derivative comes and which runs wherever no
 * kernel fits: other backends, other types. For f32 there are two kernels in this file: a C
 * function for the processor and words of SPIR-V for Vulkan, with parameters and launch rule as
 * rows. So the plugin links neither Vulkan nor Kaon and needs no SDK of either to be built.
 */
#include <kaon/backend.h>
#include <kaon/op.h>

#include <math.h>

/* --- what it means ---------------------------------------------------------------------------- */

static void decompose(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    kaon_node *p = call->inputs[0];
    const int32_t last = kaon_rank(p) - 1;
    if (last < 0 || kaon_dim(p, -1) != 4) {
        outputs[0] =
            kaon_refuse(g, KAON_INVALID, "four_mass needs (.., 4), got %s", kaon_shape_text(p));
        return;
    }
    kaon_node *squares = kaon_square(g, p);
    kaon_node *energy = kaon_sum(g, kaon_slice(g, squares, last, 0, 1), last);
    kaon_node *momentum = kaon_sum(g, kaon_slice(g, squares, last, 1, 4), last);
    kaon_node *square = kaon_sub(g, energy, momentum);
    outputs[0] = kaon_sqrt(g, kaon_max(g, square, kaon_scalar_as(g, kaon_dtype(p), 0)));
}

/* --- for the processor ------------------------------------------------------------------------ */

static const kaon_operand *operand(const kaon_step *step, int32_t index)
{
    const char *at = (const char *)step->operands + (size_t)index * step->operand_stride;
    return (const kaon_operand *)(const void *)at;
}

static int32_t is_dense(const kaon_operand *o)
{
    int64_t stride = 1;
    for (int32_t i = o->rank - 1; i >= 0; stride *= o->shape[i--])
        if (o->shape[i] != 1 && o->strides[i] != stride)
            return 0;
    return 1;
}

// Whole tensors without gaps, one mass after the other.
static int32_t supports(const kaon_step *step)
{
    return !(step->flags & KAON_STEP_ROWS) && is_dense(operand(step, 0));
}

typedef struct {
    const kaon_host *host;
    int64_t count;
} task;

static kaon_status launch(const void *state, const kaon_launch *l, kaon_diag *diag)
{
    const task *t = state;
    const float *p = l->operands[0];
    float *mass = l->operands[1];
    (void)diag;
    for (int64_t i = 0; i < t->count; i++, p += 4) {
        const float square = p[0] * p[0] - p[1] * p[1] - p[2] * p[2] - p[3] * p[3];
        mass[i] = sqrtf(square > 0 ? square : 0);
    }
    return KAON_OK;
}

static void release(void *state)
{
    task *t = state;
    kaon_free(t->host, t);
}

static kaon_status prepare(const kaon_host *host, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    task *t = kaon_alloc(host, sizeof *t);
    if (!t)
        return kaon_fail(diag, KAON_NO_MEMORY, "no memory for four_mass");
    *t = (task){.host = host, .count = 1};
    for (int32_t i = 0; i < operand(step, 1)->rank; i++)
        t->count *= operand(step, 1)->shape[i];
    out->launch = launch;
    out->state = t;
    out->release = release;
    return KAON_OK;
}

/* --- for Vulkan ------------------------------------------------------------------------------- */

/* From this, by `glslangValidator -V --target-env vulkan1.2` and `spirv-opt --strip-debug -Os`:
 *
 *     layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float at[]; };
 *     layout(push_constant, scalar) uniform Push { Floats p; Floats mass; uint count; };
 *     layout(local_size_x = 64) in;
 *     void main()
 *     {
 *         uint i = gl_GlobalInvocationID.x;
 *         if (i >= count)
 *             return;
 *         float e = p.at[4 * i], x = p.at[4 * i + 1], y = p.at[4 * i + 2], z = p.at[4 * i + 3];
 *         mass.at[i] = sqrt(max(e * e - x * x - y * y - z * z, 0.0));
 *     }
 */
// clang-format off
static const uint32_t words[] = {
    0x7230203, 0x10500, 0x8000b, 0x6b, 0x0, 0x20011, 0x1, 0x20011, 0x14e3, 0x6000b, 0x1, 0x4c534c47,
    0x6474732e, 0x3035342e, 0x0, 0x3000e, 0x14e4, 0x1, 0x7000f, 0x5, 0x4, 0x6e69616d, 0x0, 0xb,
    0x17, 0x60010, 0x4, 0x11, 0x40, 0x1, 0x1, 0x40047, 0xb, 0xb, 0x1c, 0x50048, 0x12, 0x0, 0x23,
    0x0, 0x50048, 0x12, 0x1, 0x23, 0x8, 0x50048, 0x12, 0x2, 0x23, 0x10, 0x30047, 0x12, 0x2, 0x40047,
    0x14, 0x6, 0x4, 0x50048, 0x15, 0x0, 0x23, 0x0, 0x30047, 0x15, 0x2, 0x40047, 0x61, 0xb, 0x19,
    0x20013, 0x2, 0x30021, 0x3, 0x2, 0x40015, 0x6, 0x20, 0x0, 0x40017, 0x9, 0x6, 0x3, 0x40020, 0xa,
    0x1, 0x9, 0x4003b, 0xa, 0xb, 0x1, 0x4002b, 0x6, 0xc, 0x0, 0x40020, 0xd, 0x1, 0x6, 0x30027, 0x11,
    0x14e5, 0x5001e, 0x12, 0x11, 0x11, 0x6, 0x30016, 0x13, 0x20, 0x3001d, 0x14, 0x13, 0x3001e, 0x15,
    0x14, 0x40020, 0x11, 0x14e5, 0x15, 0x40020, 0x16, 0x9, 0x12, 0x4003b, 0x16, 0x17, 0x9, 0x40015,
    0x18, 0x20, 0x1, 0x4002b, 0x18, 0x19, 0x2, 0x40020, 0x1a, 0x9, 0x6, 0x20014, 0x1d, 0x4002b,
    0x18, 0x24, 0x0, 0x40020, 0x25, 0x9, 0x11, 0x4002b, 0x6, 0x28, 0x4, 0x40020, 0x2b, 0x14e5, 0x13,
    0x4002b, 0x6, 0x33, 0x1, 0x4002b, 0x6, 0x3c, 0x2, 0x4002b, 0x6, 0x45, 0x3, 0x4002b, 0x18, 0x49,
    0x1, 0x4002b, 0x13, 0x5c, 0x0, 0x4002b, 0x6, 0x60, 0x40, 0x6002c, 0x9, 0x61, 0x60, 0x33, 0x33,
    0x50036, 0x2, 0x4, 0x0, 0x3, 0x200f8, 0x5, 0x300f7, 0x62, 0x0, 0x300fb, 0xc, 0x63, 0x200f8,
    0x63, 0x50041, 0xd, 0xe, 0xb, 0xc, 0x4003d, 0x6, 0xf, 0xe, 0x50041, 0x1a, 0x1b, 0x17, 0x19,
    0x4003d, 0x6, 0x1c, 0x1b, 0x500ae, 0x1d, 0x1e, 0xf, 0x1c, 0x300f7, 0x20, 0x0, 0x400fa, 0x1e,
    0x1f, 0x20, 0x200f8, 0x1f, 0x200f9, 0x62, 0x200f8, 0x20, 0x50041, 0x25, 0x26, 0x17, 0x24,
    0x4003d, 0x11, 0x27, 0x26, 0x50084, 0x6, 0x2a, 0x28, 0xf, 0x60041, 0x2b, 0x2c, 0x27, 0x24, 0x2a,
    0x6003d, 0x13, 0x2d, 0x2c, 0x2, 0x4, 0x50080, 0x6, 0x34, 0x2a, 0x33, 0x60041, 0x2b, 0x35, 0x27,
    0x24, 0x34, 0x6003d, 0x13, 0x36, 0x35, 0x2, 0x4, 0x50080, 0x6, 0x3d, 0x2a, 0x3c, 0x60041, 0x2b,
    0x3e, 0x27, 0x24, 0x3d, 0x6003d, 0x13, 0x3f, 0x3e, 0x2, 0x4, 0x50080, 0x6, 0x46, 0x2a, 0x45,
    0x60041, 0x2b, 0x47, 0x27, 0x24, 0x46, 0x6003d, 0x13, 0x48, 0x47, 0x2, 0x4, 0x50041, 0x25, 0x4a,
    0x17, 0x49, 0x4003d, 0x11, 0x4b, 0x4a, 0x50085, 0x13, 0x52, 0x36, 0x36, 0x4007f, 0x13, 0x68,
    0x52, 0x8000c, 0x13, 0x53, 0x1, 0x32, 0x2d, 0x2d, 0x68, 0x4007f, 0x13, 0x69, 0x3f, 0x8000c,
    0x13, 0x57, 0x1, 0x32, 0x69, 0x3f, 0x53, 0x4007f, 0x13, 0x6a, 0x48, 0x8000c, 0x13, 0x5b, 0x1,
    0x32, 0x6a, 0x48, 0x57, 0x7000c, 0x13, 0x5d, 0x1, 0x28, 0x5b, 0x5c, 0x6000c, 0x13, 0x5e, 0x1,
    0x1f, 0x5d, 0x60041, 0x2b, 0x5f, 0x4b, 0x24, 0xf, 0x5003e, 0x5f, 0x5e, 0x2, 0x4, 0x200f9, 0x62,
    0x200f8, 0x62, 0x100fd, 0x10038,
};
// clang-format on

static const kaon_give gives[] = {
    {.size = sizeof(kaon_give), .kind = KAON_GIVE_THREADS},
};

static const kaon_code codes[] = {
    {
        .size = sizeof(kaon_code),
        .format = KAON_CODE_C,
        .dtypes = 1u << KAON_F32,
        .supports = supports,
        .prepare = prepare,
    },
    {
        .size = sizeof(kaon_code),
        .format = KAON_CODE_SPIRV,
        .dtypes = 1u << KAON_F32,
        .data = words,
        .data_bytes = sizeof words,
        .entry = "main",
        .threads = KAON_THREADS_PER_ELEMENT,
        .group = 64,
        .gives = gives,
        .give_stride = sizeof(kaon_give),
        .give_count = sizeof gives / sizeof *gives,
    },
};

static const kaon_op four_mass = {
    .size = sizeof four_mass,
    .help = "masses of four-momenta (.., 4): sqrt(E^2 - p^2), 0 for what is space-like",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .decompose = decompose,
    .codes = codes,
    .code_count = sizeof codes / sizeof *codes,
    .code_stride = sizeof(kaon_code),
};

#define ITEMS(item) item(KAON_OP, "four_mass", &four_mass)

KAON_PLUGIN("four_mass", "1.0.0", "Apache-2.0",
            "sample: masses of four-momenta, with kernels for the processor and for Vulkan", ITEMS,
            NULL)
