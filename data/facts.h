/* facts.h: what learners are told of a table, kept with its shape, and as text in a model file. */
#ifndef KN_FACTS_H
#define KN_FACTS_H

#include <kaon/learner.h>
#include <kaon/table.h>

#include "kernel/text.h"

typedef struct kn_facts {
    kaon_task_facts facts; // feature_shape points to `shape`
    int64_t shape[KAON_MAX_RANK];
} kn_facts;

/* Of a table that has features. [any] */
kaon_status kn_facts_of(const kaon_table *table, uint64_t seed, int32_t float_type, kn_facts *out,
                        kaon_diag *diag);

/* A copy whose shape is its own. */
void kn_facts_copy(const kn_facts *from, kn_facts *to);

/* After a learner changed them: takes the shape in, wherever it lies. */
kaon_status kn_facts_settle(kn_facts *facts, kaon_diag *diag);

/* JSON, and back; reading checks everything. [any] */
void kn_facts_write(const kn_facts *facts, kn_text *out);
kaon_status kn_facts_read(const char *text, kn_facts *out, kaon_diag *diag);

/* Numbers in one event's features. */
int64_t kn_facts_width(const kn_facts *facts);

#endif
