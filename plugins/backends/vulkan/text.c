/* text.c: the text of shaders: types, operands, instructions, as tables.
 *
 * Registers are float, double, int, uint, int64_t, uint64_t or bool; what is smaller in memory is
 * widened when loaded and wrapped or rounded when stored. Half precision is computed in single.
 */
#include "vulkan.h"

#include <string.h>

#include "vulkan_math.h"
#include "vulkan_types.h"

// clang-format off
const vulkan_type vulkan_types[KAON_DTYPE_COUNT] = { // ORDER dtype
    // reference number      stored      load         store         class  bits
    {"F32",  "float",    "float",    "load_same", "store_same", "f32",  0},
    {"F64",  "double",   "double",   "load_same", "store_same", "f64",  0},
    {"F16",  "float",    "uint16_t", "load_f16",  "store_f16",  "f32",  0},
    {"BF16", "float",    "uint16_t", "load_bf16", "store_bf16", "f32",  0},
    {"I8",   "int",      "int8_t",   "load_int",  "store_i8",   "i32",  8},
    {"I16",  "int",      "int16_t",  "load_int",  "store_i16",  "i32",  16},
    {"I32",  "int",      "int",      "load_same", "store_same", "i32",  0},
    {"I64",  "int64_t",  "int64_t",  "load_same", "store_same", "i64",  0},
    {"U8",   "uint",     "uint8_t",  "load_uint", "store_u8",   "u32",  8},
    {"U16",  "uint",     "uint16_t", "load_uint", "store_u16",  "u32",  16},
    {"U32",  "uint",     "uint",     "load_same", "store_same", "u32",  0},
    {"U64",  "uint64_t", "uint64_t", "load_same", "store_same", "u64",  0},
    {"BOOL", "bool",     "uint8_t",  "load_bool", "store_bool", "bool", 0},
};

// How an instruction is written: %1, %2, %3 are its registers, %c the class of the first, %n the type.
// An absent row is an operation that no type of this kind has.
static const struct {
    const char *real, *whole, *truth;
} forms[] = {
    [KAON_X_ADD] = {"%1 + %2", "%1 + %2", NULL},
    [KAON_X_SUB] = {"%1 - %2", "%1 - %2", NULL},
    [KAON_X_MUL] = {"%1 * %2", "%1 * %2", NULL},
    [KAON_X_DIV] = {"%1 / %2", "%2 == 0 ? %n(0) : %c_div(%1, %2)", NULL},
    [KAON_X_MOD] = {"%c_mod(%1, %2)", "%2 == 0 ? %n(0) : %1 - %2 * %c_div(%1, %2)", NULL},
    [KAON_X_POW] = {"%c_pow(%1, %2)", NULL, NULL},
    [KAON_X_MIN] = {"%c_min(%1, %2)", "min(%1, %2)", "%1 && %2"},
    [KAON_X_MAX] = {"%c_max(%1, %2)", "max(%1, %2)", "%1 || %2"},
    [KAON_X_ATAN2] = {"%c_atan2(%1, %2)", NULL, NULL},
    [KAON_X_EQ] = {"%1 == %2", "%1 == %2", "%1 == %2"},
    [KAON_X_NE] = {"is_nan(%1) || is_nan(%2) || %1 != %2", "%1 != %2", "%1 != %2"},
    [KAON_X_LT] = {"%1 < %2", "%1 < %2", "!%1 && %2"},
    [KAON_X_LE] = {"%1 <= %2", "%1 <= %2", "!%1 || %2"},
    [KAON_X_GT] = {"%1 > %2", "%1 > %2", "%1 && !%2"},
    [KAON_X_GE] = {"%1 >= %2", "%1 >= %2", "%1 || !%2"},
    [KAON_X_AND] = {NULL, "%1 & %2", "%1 && %2"},
    [KAON_X_OR] = {NULL, "%1 | %2", "%1 || %2"},
    [KAON_X_XOR] = {NULL, "%1 ^ %2", "%1 != %2"},
    [KAON_X_NOT] = {NULL, "~%1", "!%1"},
    [KAON_X_NEG] = {"-%1", "-%1", NULL},
    [KAON_X_ABS] = {"abs(%1)", "%1 < 0 ? -%1 : %1", "%1"},
    [KAON_X_SIGN] = {"%c_sign(%1)", "%n(%1 > 0 ? 1 : %1 == 0 ? 0 : -1)", "%1"},
    [KAON_X_FLOOR] = {"floor(%1)", NULL, NULL},
    [KAON_X_CEIL] = {"ceil(%1)", NULL, NULL},
    [KAON_X_ROUND] = {"roundEven(%1)", NULL, NULL},
    [KAON_X_EXP] = {"%c_exp(%1)", NULL, NULL},
    [KAON_X_EXPM1] = {"%c_expm1(%1)", NULL, NULL},
    [KAON_X_LOG] = {"%c_log(%1)", NULL, NULL},
    [KAON_X_LOG1P] = {"%c_log1p(%1)", NULL, NULL},
    [KAON_X_SQRT] = {"sqrt(%1)", NULL, NULL},
    [KAON_X_RSQRT] = {"%n(1) / sqrt(%1)", NULL, NULL},
    [KAON_X_SIN] = {"%c_sin(%1)", NULL, NULL},
    [KAON_X_COS] = {"%c_cos(%1)", NULL, NULL},
    [KAON_X_TAN] = {"%c_tan(%1)", NULL, NULL},
    [KAON_X_ASIN] = {"%c_asin(%1)", NULL, NULL},
    [KAON_X_ACOS] = {"%c_acos(%1)", NULL, NULL},
    [KAON_X_ATAN] = {"%c_atan(%1)", NULL, NULL},
    [KAON_X_SINH] = {"%c_sinh(%1)", NULL, NULL},
    [KAON_X_COSH] = {"%c_cosh(%1)", NULL, NULL},
    [KAON_X_TANH] = {"%c_tanh(%1)", NULL, NULL},
    [KAON_X_ASINH] = {"%c_asinh(%1)", NULL, NULL},
    [KAON_X_ACOSH] = {"%c_acosh(%1)", NULL, NULL},
    [KAON_X_ATANH] = {"%c_atanh(%1)", NULL, NULL},
    [KAON_X_ERF] = {"%c_erf(%1)", NULL, NULL},
    [KAON_X_LOGISTIC] = {"%c_logistic(%1)", NULL, NULL},
    [KAON_X_LGAMMA] = {"%c_lgamma(%1)", NULL, NULL},
    [KAON_X_DIGAMMA] = {"%c_digamma(%1)", NULL, NULL},
    [KAON_X_FINITE] = {"is_finite(%1)", "true", "true"},
    [KAON_X_SELECT] = {"%1 ? %2 : %3", "%1 ? %2 : %3", "%1 ? %2 : %3"},
};
// clang-format on

/* --- expressions ------------------------------------------------------------------------------ */

const kaon_instruction *vulkan_instruction(const kaon_expression *e, int32_t i)
{
    const char *at = (const char *)e->code + (size_t)i * e->code_stride;
    return (const kaon_instruction *)(const void *)at;
}

const kaon_result *vulkan_result(const kaon_expression *e, int32_t i)
{
    const char *at = (const char *)e->results + (size_t)i * e->result_stride;
    return (const kaon_result *)(const void *)at;
}

int32_t vulkan_register_dtype(const kaon_expression *e, const int32_t *inputs, int32_t r)
{
    return r < e->input_count ? inputs[r] : vulkan_instruction(e, r - e->input_count)->dtype;
}

uint32_t vulkan_step_dtypes(const kaon_step *step)
{
    uint32_t dtypes = 0;
    for (int32_t i = 0; i < step->input_count + step->output_count; i++)
        dtypes |= 1u << vulkan_operand(step, i)->dtype;
    for (int32_t i = 0; step->fused && i < step->fused->code_count; i++)
        dtypes |= 1u << vulkan_instruction(step->fused, i)->dtype;
    return dtypes;
}

static const char *form_of(int32_t op, int32_t dtype)
{
    if (op < 0 || (size_t)op >= sizeof forms / sizeof *forms)
        return NULL;
    return kaon_dtype_is_float(dtype) ? forms[op].real
           : dtype == KAON_BOOL       ? forms[op].truth
                                      : forms[op].whole;
}

int32_t vulkan_has_forms(const kaon_expression *e, const int32_t *inputs)
{
    for (int32_t i = 0; i < e->code_count; i++) {
        const kaon_instruction *x = vulkan_instruction(e, i);
        if (x->op == KAON_X_CONST || x->op == KAON_X_CAST || x->op == KAON_X_IOTA)
            continue;
        const int32_t dtype =
            x->op == KAON_X_SELECT ? x->dtype : vulkan_register_dtype(e, inputs, x->a);
        if (!form_of(x->op, dtype))
            return 0;
    }
    return 1;
}

/* --- the head --------------------------------------------------------------------------------- */

static const char wholes[] = "#define u32_div(a, b) ((a) / (b))\n"
                             "#define u64_div(a, b) ((a) / (b))\n"
                             "#define i32_div(a, b) ((b) == -1 ? -(a) : (a) / (b))\n"
                             "#define i64_div(a, b) ((b) == -1 ? -(a) : (a) / (b))\n";

static void add_reference(vulkan_text *t, int32_t dtype)
{
    const vulkan_type *type = &vulkan_types[dtype];
    vulkan_add(t,
               "layout(buffer_reference, scalar, buffer_reference_align = %d) buffer %s\n"
               "{\n    %s at[];\n};\n",
               (int)kaon_dtype_bytes(dtype), type->reference, type->stored);
}

void vulkan_text_begin(vulkan_text *t, const vulkan_device *d, uint32_t dtypes)
{
    const uint32_t small = 1u << KAON_I8 | 1u << KAON_U8 | 1u << KAON_BOOL;
    const uint32_t two = 1u << KAON_F16 | 1u << KAON_BF16 | 1u << KAON_I16 | 1u << KAON_U16;
    const uint32_t real = 1u << KAON_F32 | 1u << KAON_F64 | two;
    const uint32_t wide = 1u << KAON_I64 | 1u << KAON_U64;
    const uint32_t has_f64 = d->dtypes & 1u << KAON_F64;
    vulkan_add(t, "#version 460\n"
                  "#extension GL_EXT_buffer_reference : require\n"
                  "#extension GL_EXT_scalar_block_layout : require\n"
                  "#extension GL_EXT_control_flow_attributes : enable\n");
    if (dtypes & (small | two))
        vulkan_add(t, "#extension GL_EXT_shader_8bit_storage : require\n"
                      "#extension GL_EXT_shader_16bit_storage : require\n");
    if (dtypes & wide || has_f64)
        vulkan_add(t, "#extension GL_ARB_gpu_shader_int64 : require\n");
    for (int32_t i = 0; i < KAON_DTYPE_COUNT; i++)
        if (dtypes & 1u << i)
            add_reference(t, i);
    if (has_f64)
        vulkan_add(t, "#define MATH_F64\n");
    vulkan_add(t, "%s", wholes);
    if (dtypes & (small | two))
        vulkan_add(t, "%.*s", (int)sizeof vulkan_types_text, (const char *)vulkan_types_text);
    else
        vulkan_add(t, "#define load_same(x) (x)\n#define store_same(x) (x)\n");
    if (dtypes & real)
        vulkan_add(t, "%.*s", (int)sizeof vulkan_math_text, (const char *)vulkan_math_text);
}

void vulkan_text_operands(vulkan_text *t, const int32_t *dtypes, int32_t count)
{
    const int32_t is_indirect = count > VULKAN_PUSH_OPERANDS;
    if (is_indirect)
        vulkan_add(t, "layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer"
                      " Operands\n");
    else
        vulkan_add(t, "layout(push_constant, scalar) uniform Push\n");
    vulkan_add(t, "{\n");
    for (int32_t i = 0; i < count; i++)
        vulkan_add(t, "    %s p%d;\n", vulkan_types[dtypes[i]].reference, (int)i);
    if (is_indirect)
        vulkan_add(t, "};\nlayout(push_constant, scalar) uniform Push\n{\n    Operands all;\n");
    vulkan_add(t, "};\n");
    for (int32_t i = 0; is_indirect && i < count; i++)
        vulkan_add(t, "#define p%d all.p%d\n", (int)i, (int)i);
}

void vulkan_text_constants(vulkan_text *t, const vulkan_constants *c)
{
    for (int32_t i = 0; i < c->count; i++)
        vulkan_add(t, "layout(constant_id = %d) const uint c%d = 1;\n", (int)i, (int)i);
}

/* --- instructions ----------------------------------------------------------------------------- */

// -0.0, infinity and NaN have no literals: floats are written as their bits.
static void add_number(vulkan_text *t, int32_t dtype, double number)
{
    union {
        float number;
        uint32_t bits;
    } single = {(float)number};
    union {
        double number;
        uint32_t bits[2];
    } wide = {number};
    switch (dtype) {
    case KAON_F16:
    case KAON_BF16:
        vulkan_add(t, "round_%s(uintBitsToFloat(0x%xu))", dtype == KAON_F16 ? "f16" : "bf16",
                   (unsigned)single.bits);
        break;
    case KAON_F32:
        vulkan_add(t, "uintBitsToFloat(0x%xu)", (unsigned)single.bits);
        break;
    case KAON_F64:
        vulkan_add(t, "packDouble2x32(uvec2(0x%xu, 0x%xu))", (unsigned)wide.bits[0],
                   (unsigned)wide.bits[1]);
        break;
    case KAON_BOOL:
        vulkan_add(t, "%s", number != 0 ? "true" : "false");
        break;
    case KAON_U64:
        vulkan_add(t, "%lluUL", (unsigned long long)number);
        break;
    case KAON_I64:
        vulkan_add(t, number <= -0x1p63 ? "int64_t(0x8000000000000000UL)" : "int64_t(%lldL)",
                   number >= 0x1p63 ? INT64_MAX : (long long)number);
        break;
    case KAON_U8:
    case KAON_U16:
    case KAON_U32:
        vulkan_add(t, "%lluu", (unsigned long long)number);
        break;
    default:
        vulkan_add(t, "int(0x%xu)", (unsigned)(uint32_t)(int64_t)number);
        break;
    }
}

// Toward zero and within the range; NaN becomes 0.
static void add_from_real(vulkan_text *t, int32_t from, int32_t to, int32_t r)
{
    static const char *const low[] = {[KAON_I8] = "-128",
                                      [KAON_I16] = "-32768",
                                      [KAON_I32] = "-2147483648.0",
                                      [KAON_I64] = "-9223372036854775808.0",
                                      [KAON_U8] = "0",
                                      [KAON_U16] = "0",
                                      [KAON_U32] = "0",
                                      [KAON_U64] = "0"};
    static const char *const high[] = {
        [KAON_I8] = "128",           [KAON_I16] = "32768",
        [KAON_I32] = "2147483648.0", [KAON_I64] = "9223372036854775808.0",
        [KAON_U8] = "256",           [KAON_U16] = "65536",
        [KAON_U32] = "4294967296.0", [KAON_U64] = "18446744073709551616.0"};
    static const char *const top[] = {
        [KAON_I8] = "127",          [KAON_I16] = "32767",
        [KAON_I32] = "2147483647",  [KAON_I64] = "0x7fffffffffffffffL",
        [KAON_U8] = "255u",         [KAON_U16] = "65535u",
        [KAON_U32] = "0xffffffffu", [KAON_U64] = "0xffffffffffffffffUL"};
    static const char *const bottom[] = {[KAON_I8] = "-128",
                                         [KAON_I16] = "-32768",
                                         [KAON_I32] = "int(0x80000000u)",
                                         [KAON_I64] = "int64_t(0x8000000000000000UL)",
                                         [KAON_U8] = "0u",
                                         [KAON_U16] = "0u",
                                         [KAON_U32] = "0u",
                                         [KAON_U64] = "0UL"};
    const char *wide = vulkan_types[from].number, *n = vulkan_types[to].number;
    vulkan_add(t, "is_nan(r%d) ? %s(0) : r%d >= %s(%s) ? %s(%s) : r%d < %s(%s) ? %s(%s) : %s(r%d)",
               (int)r, n, (int)r, wide, high[to], n, top[to], (int)r, wide, low[to], n, bottom[to],
               n, (int)r);
}

static void add_cast(vulkan_text *t, int32_t from, int32_t to, int32_t r)
{
    const char *n = vulkan_types[to].number;
    if (to == KAON_BOOL)
        vulkan_add(t, from == KAON_BOOL ? "r%d" : "r%d != 0", (int)r);
    else if (to == KAON_F16 || to == KAON_BF16)
        vulkan_add(t, "round_%s(float(r%d))", to == KAON_F16 ? "f16" : "bf16", (int)r);
    else if (kaon_dtype_is_float(from) && !kaon_dtype_is_float(to))
        add_from_real(t, from, to, r);
    else
        vulkan_add(t, "%s(r%d)", n, (int)r);
}

static void add_form(vulkan_text *t, const char *form, const kaon_instruction *x,
                     const vulkan_type *type)
{
    const int32_t registers[] = {x->a, x->b, x->c};
    for (; *form; form++) {
        if (*form != '%') {
            vulkan_add(t, "%c", *form);
            continue;
        }
        form++;
        if (*form == 'c')
            vulkan_add(t, "%s", type->class);
        else if (*form == 'n')
            vulkan_add(t, "%s", type->number);
        else
            vulkan_add(t, "r%d", (int)registers[*form - '1']);
    }
}

// What does not fit in a small integer wraps.
static void add_wrapped(vulkan_text *t, int32_t dtype, int32_t r)
{
    const int32_t bits = vulkan_types[dtype].bits;
    if (bits)
        vulkan_add(t, "    r%d = bitfieldExtract(r%d, 0, %d);\n", (int)r, (int)r, (int)bits);
}

void vulkan_text_code(vulkan_text *t, const kaon_expression *e, const int32_t *dtypes,
                      const char *const *axes)
{
    for (int32_t i = 0; i < e->code_count; i++) {
        const kaon_instruction *x = vulkan_instruction(e, i);
        const int32_t r = e->input_count + i;
        // `precise` also keeps compilers from taking x - x for 0, which NaN and infinity are not.
        vulkan_add(t, "    %s%s r%d = ", kaon_dtype_is_float(x->dtype) ? "precise " : "",
                   vulkan_types[x->dtype].number, (int)r);
        if (x->op == KAON_X_CONST) {
            add_number(t, x->dtype, x->number);
        } else if (x->op == KAON_X_IOTA) {
            vulkan_add(t, "%s(%s)", vulkan_types[x->dtype].number, axes[x->a]);
        } else if (x->op == KAON_X_CAST) {
            add_cast(t, vulkan_register_dtype(e, dtypes, x->a), x->dtype, x->a);
        } else {
            const int32_t from = vulkan_register_dtype(e, dtypes, x->a);
            const int32_t of = x->op == KAON_X_SELECT ? x->dtype : from;
            add_form(t, form_of(x->op, of), x, &vulkan_types[of]);
        }
        vulkan_add(t, ";\n");
        add_wrapped(t, x->dtype, r);
    }
}
