/* explain.h: a program as text, and what each launch is. */
#ifndef KN_EXPLAIN_H
#define KN_EXPLAIN_H

#include "compiler/compile.h"
#include "kernel/text.h"

/* Fills p->facts, its text included, and p->notes from the placed steps. */
kaon_status kn_explain(kn_compile *c, kaon_program *p);

/* "matmul + add max  f32 (64, 16) ...": one line without its end, for notes. */
void kn_step_text(const kn_compile *c, const kn_step *step, kn_text *out);

/* "add", "exp"; "?" for what elementwise.h does not have. */
const char *kn_elementwise_text(int32_t op);

#endif
