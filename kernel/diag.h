/* diag.h: the host's side of kaon_diag: where a failing call leaves its words.
 *
 *     kn_diag fault;
 *     kn_diag_init(&fault);
 *     if (kn_file_read(path, limit, &data, &bytes, &fault.diag))
 *         return kn_diag_pass(&fault, diag);
 *
 * Kernel functions take `kaon_diag *diag` as their last argument and use kaon_fail and
 * kaon_context.
 */
#ifndef KN_DIAG_H
#define KN_DIAG_H

#include <kaon/base.h>

enum { KN_DIAG_BYTES = 2048 };

typedef struct kn_diag {
    kaon_diag diag;           // first, so that a kaon_diag * of the host's is a kn_diag *
    kaon_status status;       // of the last failure stated, KAON_OK if none was
    uint32_t places;          // put in front of the message so far
    char text[KN_DIAG_BYTES]; // "place / place: message"; ends with "..." where it was too long
} kn_diag;

/* Makes an empty diag; it owns nothing, so there is no fini. [any] */
void kn_diag_init(kn_diag *fault);

/* Forgets what was said. [any] */
void kn_diag_clear(kn_diag *fault);

/* Hands the words of one diag to another, which may be NULL; returns its status. [any] */
kaon_status kn_diag_pass(const kn_diag *from, kaon_diag *to);

#endif
