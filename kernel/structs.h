/* structs.h: structs that cross the border: the rule of the zero tail (base.h), in one place. */
#ifndef KN_STRUCTS_H
#define KN_STRUCTS_H

#include <kaon/base.h>

#include <string.h>

/* Copies a struct somebody handed in into one of our own size: what theirs lacks is zero, what ours
 * lacks must be. [any] */
static inline kaon_status kn_struct_take(void *own, uint32_t own_size, const void *given,
                                         const char *name, kaon_diag *diag)
{
    uint32_t size;
    memcpy(&size, given, sizeof size);
    const uint32_t known = size < own_size ? size : own_size;
    if (size < sizeof size || size > 65536)
        return kaon_fail(diag, KAON_INVALID, "a %s of %u bytes; its size must be set", name, size);
    for (uint32_t i = known; i < size; i++)
        if (((const char *)given)[i])
            return kaon_fail(diag, KAON_TOO_NEW,
                             "a %s carries fields this kernel does not know (%u bytes, known are "
                             "%u)",
                             name, size, own_size);
    memset(own, 0, own_size);
    memcpy(own, given, known);
    memcpy(own, &own_size, sizeof own_size);
    return KAON_OK;
}

/* Copies a struct of our own into one of the caller's, whose size the caller has set; 0 counts as
 * ours. [any] */
static inline void kn_struct_give(void *given, const void *own, uint32_t own_size)
{
    uint32_t size;
    memcpy(&size, given, sizeof size);
    const uint32_t known = size && size < own_size ? size : own_size;
    memcpy(given, own, known);
    if (size)
        memcpy(given, &size, sizeof size);
}

#endif
