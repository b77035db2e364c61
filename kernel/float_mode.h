/* float_mode.h: numbers too small for a normal exponent count as zero while programs and jobs run.
 *
 * What decays for ever, the mean of a gradient that is no longer there, ends up below 1.2e-38 and
 * stays there, and arithmetic on such numbers is some fifty times slower. All threads of a run use
 * the same mode, so that results do not depend on who did what; the caller's mode comes back at the
 * end.
 */
#ifndef KN_FLOAT_MODE_H
#define KN_FLOAT_MODE_H

#include <stdint.h>

#if defined(__SSE2__)

#    include <xmmintrin.h>

// Flush results to zero, take operands as zero.
#    define KN_FLUSH_BITS 0x8040u

// Returns what kn_flush_end wants.
static inline uint32_t kn_flush_begin(void)
{
    const uint32_t before = _mm_getcsr();
    if ((before & KN_FLUSH_BITS) != KN_FLUSH_BITS)
        _mm_setcsr(before | KN_FLUSH_BITS);
    return before;
}

static inline void kn_flush_end(uint32_t before)
{
    // Flags raised meanwhile are of no interest; writing the register is what costs.
    if ((before & KN_FLUSH_BITS) != KN_FLUSH_BITS)
        _mm_setcsr(before);
}

#else

static inline uint32_t kn_flush_begin(void)
{
    return 0;
}

static inline void kn_flush_end(uint32_t before)
{
    (void)before;
}

#endif
#endif
