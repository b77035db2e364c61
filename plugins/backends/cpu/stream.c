/* stream.c: copies that go past the caches, for what is not read again soon: the lines they fill
 * are not read first, and push nothing out.
 *
 * Compiled once per instruction set.
 */
#include "vectors.h"
#include "lanes.h"

static void stream(void *to, const void *from, uint64_t bytes)
{
    enum { STEP = sizeof(f32v) };
    char *out = to;
    const char *in = from;
    const uint64_t gap = (0 - (uintptr_t)out) & (STEP - 1); // to a whole vector
    const uint64_t head = gap < bytes ? gap : bytes;
    memcpy(out, in, head);
    uint64_t i = head;
    for (; i + STEP <= bytes; i += STEP)
        f32_stream((float *)(void *)(out + i), f32_load((const float *)(const void *)(in + i)));
    memcpy(out + i, in + i, bytes - i);
}

cpu_stream_fn *const CPU_VARIANT(cpu_stream) = stream;
