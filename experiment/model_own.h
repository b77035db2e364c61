/* model_own.h: what a model is made of: shared by model.c (fit, predict) and model_file.c (save,
 * load).
 */
#ifndef KN_MODEL_OWN_H
#define KN_MODEL_OWN_H

#include "kernel/arena.h"
#include "data/facts.h"
#include "experiment/model.h"
#include "experiment/safetensors.h"

enum { KN_MODEL_LEARNERS = 64 };

// One learner of the list.
typedef struct kn_stage {
    const kaon_part *part;
    const kn_item *item;
    const kaon_learner *learner;
    void *self;
    int32_t ready;  // fitted or loaded
    kn_facts facts; // of the table before it
} kn_stage;

struct kn_model {
    kn_kernel *kernel;
    kn_stage stages[KN_MODEL_LEARNERS];
    int32_t count;
    int32_t at; // the stage that is fitted
    kn_facts facts;
    kn_model_data data; // in the arena
    kn_arena arena;
    char *config; // the resolved list, JSON
    char *items;  // {"learner:network": {"plugin", "version"}}, JSON
    // Of a loaded model:
    int32_t own_settings;
    kn_settings settings;
    kn_config_tree *tree;
};

/* Their tensors and texts, below "model.<index>.<name>/". */
kaon_status kn_stage_save(const kn_stage *stage, int32_t index, kn_safetensors *file,
                          kaon_diag *diag);
kaon_status kn_stage_load(kn_stage *stage, int32_t index, kn_safetensors *file, kaon_diag *diag);

/* Makes the learner, in place of the one there was. */
kaon_status kn_stage_create(kn_stage *stage, const kn_facts *facts, kaon_diag *diag);

/* What the next learner sees. */
kaon_status kn_stage_facts(const kn_stage *stage, kn_facts *facts, kaon_diag *diag);

#endif
