/* denormals.h: numbers below the smallest normal one count as zero in products and expressions.
 *
 * Arithmetic on them costs a hundred times the usual on x86, and gradients that fade away are full
 * of them. What is lost is below 1e-38 (1e-308 in f64). The mode holds for the calling thread from
 * begin to end; nobody else sees it.
 */
#ifndef CPU_DENORMALS_H
#define CPU_DENORMALS_H

#if defined(__SSE2__)
#    include <emmintrin.h>

enum { CPU_FLUSH_RESULTS = 0x8000, CPU_INPUTS_ARE_ZERO = 0x0040 };

// Writing the register takes longer than a small step: where the host has set it, nothing is to do.
static inline int cpu_flushes(unsigned mode)
{
    const unsigned both = CPU_FLUSH_RESULTS | CPU_INPUTS_ARE_ZERO;
    return (mode & both) == both;
}

static inline unsigned cpu_flush_begin(void)
{
    const unsigned before = _mm_getcsr();
    if (!cpu_flushes(before))
        _mm_setcsr(before | CPU_FLUSH_RESULTS | CPU_INPUTS_ARE_ZERO);
    return before;
}

static inline void cpu_flush_end(unsigned before)
{
    if (!cpu_flushes(before))
        _mm_setcsr(before);
}

#else

static inline unsigned cpu_flush_begin(void)
{
    return 0;
}

static inline void cpu_flush_end(unsigned before)
{
    (void)before;
}

#endif
#endif
