/* unroll.h: for loops over what lies in registers: UNROLL before one, INLINE for functions that
 * hold some.
 *
 * With CPU_KEEP_LOOPS they stay loops: sanitizers watch every step of what they see, and compilers
 * take minutes for it.
 */
#ifndef CPU_UNROLL_H
#define CPU_UNROLL_H

#if defined(CPU_KEEP_LOOPS)
#    define UNROLL
#    define INLINE static inline
#else
#    if defined(__clang__)
#        define UNROLL _Pragma("clang loop unroll(full)")
#    else
#        define UNROLL _Pragma("GCC unroll 16")
#    endif
#    define INLINE static inline __attribute__((always_inline))
#endif

#endif
