/* select.c: which instruction set this process may use, by CPUID and by what the system saves. */
#include "vectors.h"

static const cpu_set baseline = {
    .name = "baseline",
    .gemm = &cpu_gemm_baseline,
    .panels = cpu_panels_baseline,
    .f32_blocks = &cpu_f32_blocks_baseline,
    .f64_blocks = &cpu_f64_blocks_baseline,
    .f32_scalars = &cpu_f32_scalars_baseline,
    .f64_scalars = &cpu_f64_scalars_baseline,
    .plain_blocks = cpu_plain_blocks_baseline,
    .casts = cpu_casts_baseline,
    .reductions = cpu_reductions_baseline,
    .columns = cpu_columns_baseline,
    .transpose = cpu_transpose_baseline,
    .stream = &cpu_stream_baseline,
    .softmax = &cpu_softmax_baseline,
};

#if defined(KAON_VARIANTS_X86)
#    include <cpuid.h>

static const cpu_set avx2 = {
    .name = "AVX2",
    .isa = KAON_ISA_AVX2,
    .gemm = &cpu_gemm_avx2,
    .panels = cpu_panels_avx2,
    .f32_blocks = &cpu_f32_blocks_avx2,
    .f64_blocks = &cpu_f64_blocks_avx2,
    .f32_scalars = &cpu_f32_scalars_avx2,
    .f64_scalars = &cpu_f64_scalars_avx2,
    .plain_blocks = cpu_plain_blocks_avx2,
    .casts = cpu_casts_avx2,
    .reductions = cpu_reductions_avx2,
    .columns = cpu_columns_avx2,
    .transpose = cpu_transpose_avx2,
    .stream = &cpu_stream_avx2,
    .softmax = &cpu_softmax_avx2,
};

static const cpu_set avx512 = {
    .name = "AVX-512",
    .isa = KAON_ISA_AVX2 | KAON_ISA_AVX512,
    .gemm = &cpu_gemm_avx512,
    .panels = cpu_panels_avx512,
    .f32_blocks = &cpu_f32_blocks_avx512,
    .f64_blocks = &cpu_f64_blocks_avx512,
    .f32_scalars = &cpu_f32_scalars_avx512,
    .f64_scalars = &cpu_f64_scalars_avx512,
    .plain_blocks = cpu_plain_blocks_avx512,
    .casts = cpu_casts_avx512,
    .reductions = cpu_reductions_avx512,
    .columns = cpu_columns_avx512,
    .transpose = cpu_transpose_avx512,
    .stream = &cpu_stream_avx512,
    .softmax = &cpu_softmax_avx512,
};

/* The register files the system saves at a context switch. An XGETBV without OSXSAVE traps. */
static uint64_t saved_state(uint32_t leaf1_ecx)
{
    if (!(leaf1_ecx & bit_OSXSAVE))
        return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

const cpu_set *cpu_choose_set(void)
{
    enum { AVX_STATE = 0x06, AVX512_STATE = 0xe6 };
    const uint32_t need1 = bit_AVX | bit_FMA | bit_F16C;
    const uint32_t need7_avx2 = bit_AVX2 | bit_BMI | bit_BMI2;
    const uint32_t need7_avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c, d, b7, c7, d7;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d7))
        return &baseline;
    const uint64_t saved = saved_state(c);
    if ((c & need1) != need1 || (b7 & need7_avx2) != need7_avx2 || (saved & AVX_STATE) != AVX_STATE)
        return &baseline;
    if ((b7 & need7_avx512) != need7_avx512 || (saved & AVX512_STATE) != AVX512_STATE)
        return &avx2;
    return &avx512;
}

#else

const cpu_set *cpu_choose_set(void)
{
    return &baseline;
}

#endif
