/* predictor.h: the fast path: a whole model as one program for a fixed number of events.
 *
 * Where every learner can build itself as graph, the host compiles them into one program; otherwise
 * events go through the learners as tables, which is slower and gives the same numbers.
 */
#ifndef KN_PREDICTOR_H
#define KN_PREDICTOR_H

#include "experiment/model.h"

typedef struct kn_predictor kn_predictor;

kaon_status kn_predictor_new(kn_model *model, const kaon_host *host, int64_t rows, int32_t dtype,
                             kn_predictor **out, kaon_diag *diag);
void kn_predictor_free(kn_predictor *predictor); // takes NULL

int64_t kn_predictor_inputs(const kn_predictor *predictor);
int64_t kn_predictor_outputs(const kn_predictor *predictor);
int64_t kn_predictor_rows(const kn_predictor *predictor);
int32_t kn_predictor_compiled(const kn_predictor *predictor); // 1: one program

/* Exactly its rows; allocates nothing where it is compiled. [instance] */
kaon_status kn_predictor_run(kn_predictor *predictor, const void *features, void *out,
                             kaon_diag *diag);

/* Any number of rows. [instance] */
kaon_status kn_predictor_run_rows(kn_predictor *predictor, int64_t rows, const void *features,
                                  void *out, kaon_diag *diag);

#endif
