/* tune_state.h: what a search has asked and heard: tune.jsonl in its folder, a line per step.
 *
 *     {"tune": {"metric": "auc", "direction": "higher", "seed": 1, ...}}
 *     {"ask": {"trial": 0, "budget": 0, "point": [0.31], "set": ["model.network.batch=64"]}}
 *     {"tell": {"trial": 0, "budget": 0, "value": 0.93, "status": "ok", "seconds": 12.1, ...}}
 *
 * Each line is written and made durable with one step; a line cut short by a crash is cut off.
 */
#ifndef KN_TUNE_STATE_H
#define KN_TUNE_STATE_H

#include <jansson.h>
#include <kaon/base.h>

typedef struct kn_tune_state {
    int file; // -1: closed
    char *path;
} kn_tune_state;

/* Opens or makes the file at `path` and holds it: KAON_INVALID if another process does. *lines: a
 * JSON array of what stands in it (json_decref). fini in any case. [any] */
kaon_status kn_tune_state_open(kn_tune_state *s, const char *path, json_t **lines, kaon_diag *diag);

/* Appends a line {"what": value}; takes `value`. [instance] */
kaon_status kn_tune_state_add(kn_tune_state *s, const char *what, json_t *value, kaon_diag *diag);

void kn_tune_state_fini(kn_tune_state *s);

#endif
