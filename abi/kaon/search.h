/* search.h: "kaon.search/1": which settings to try next.
 *
 * A search walks the unit cube: one axis per setting that may change, coordinates in [0, 1). The
 * host turns coordinates into values (linear, logarithmic, whole numbers, choices), runs the trials
 * and tells how they ended. A search is a function of its seed and of what it was told, in that
 * order: the host brings one back after a crash by asking and telling the same again.
 */
#ifndef KAON_SEARCH_H
#define KAON_SEARCH_H

#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_SEARCH "kaon.search/1"

typedef struct kaon_search_task {
    uint32_t size;
    uint32_t reserved;
    int64_t axis_count;
    const int64_t *levels; // (axis_count): values an axis has, at (i + 1/2) / levels; 0: continuous
    int64_t trials;        // to be made at most; 0: the search's own number
    uint64_t seed;
} kaon_search_task;

typedef struct kaon_proposal {
    uint32_t size;
    int32_t wait;  // 1: nothing to do before a running trial has ended; the rest is not filled
    int64_t trial; // 0, 1, ...; a number that was given before goes on with a larger budget
    double budget; // how long to train, in the unit of the configuration's `budget`; 0: as it says
    double *point; // (axis_count), room of the caller
} kaon_proposal;

typedef struct kaon_search {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // `settings` live as long as the instance, `task` is borrowed. [any]
    kaon_status (*create)(const kaon_host *host, const void *settings, const kaon_search_task *task,
                          void **self, kaon_diag *diag);
    void (*destroy)(void *self); // takes NULL
    // What to do next; KAON_END, without words, if there is nothing more. [instance]
    kaon_status (*ask)(void *self, kaon_proposal *out, kaon_diag *diag);
    // How a proposal ended: lower is better; NaN: it failed. Absent: not needed. [instance]
    kaon_status (*tell)(void *self, int64_t trial, double budget, double value, kaon_diag *diag);
} kaon_search;

#ifdef __cplusplus
}
#endif
#endif
