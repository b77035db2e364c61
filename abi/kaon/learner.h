/* learner.h: "kaon.learner/1": what fits to a table and then predicts or transforms tables.
 *
 * A model is a list of learners; each sees the table the one before it made. The last one adds the
 * column of role KAON_ROLE_PREDICTION: class probabilities (rows, classes) for a classification,
 * values (rows) or (rows, n) for a regression, cluster numbers i64 (rows) for a clustering.
 */
#ifndef KAON_LEARNER_H
#define KAON_LEARNER_H

#include <kaon/graph.h>
#include <kaon/plugin.h>
#include <kaon/table.h>

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_LEARNER "kaon.learner/1"

/* --- what a learner tells while it works ------------------------------------------------------ */

typedef struct kaon_monitor kaon_monitor;
typedef struct kaon_archive kaon_archive;

// Puts all that is needed to go on from this very point: what was learned, memory of optimizers,
// counters, the best so far. Names and values are the learner's own.
typedef kaon_status kaon_suspend(void *context, kaon_archive *into, kaon_diag *diag);

enum {
    KAON_POINT_STEP = 0, // between two steps
    KAON_POINT_ROUND = 1 // at the end of an epoch, a round, a report
};

typedef struct kaon_monitor_api {
    uint32_t size;
    uint32_t reserved;
    // A number of one epoch or round, into metrics.jsonl: ("loss", 12, 0.31). [instance]
    void (*metric)(kaon_monitor *m, const char *name, int64_t step, double value);
    // Done so much of so much, in `unit` ("epoch"). KAON_CANCELLED: stop at the next good point,
    // keep what was learned. Cheap: call it after each batch. [instance]
    kaon_status (*progress)(kaon_monitor *m, double done, double total, const char *unit);
    // A point to go on from later, not between metrics of one step. Where a checkpoint is due the
    // host calls `suspend` before this returns, and hands back what it put as `from` of a later
    // fit, which then gives the same bits as one that was never interrupted. Cheap: call it after
    // each step, before `progress`. `point`: KAON_POINT_*. [instance]
    kaon_status (*checkpoint)(kaon_monitor *m, int32_t point, kaon_suspend *suspend, void *context,
                              kaon_diag *diag);
} kaon_monitor_api;

struct kaon_monitor {
    const kaon_monitor_api *api;
};

/* --- what a learner keeps in a model file ----------------------------------------------------- */

typedef struct kaon_archive_api {
    uint32_t size;
    uint32_t reserved;
    // Names are the learner's own; the host prefixes them. Values are copied. [instance]
    kaon_status (*put)(kaon_archive *a, const char *name, const kaon_view *value, kaon_diag *diag);
    // Borrowed from the archive; KAON_NOT_FOUND in words if it is not there. [instance]
    kaon_status (*get)(kaon_archive *a, const char *name, kaon_view *out, kaon_diag *diag);
    int32_t (*count)(kaon_archive *a);
    const char *(*name_at)(kaon_archive *a, int32_t index); // NULL past the end
    kaon_status (*put_text)(kaon_archive *a, const char *name, const char *text, kaon_diag *diag);
    kaon_status (*get_text)(kaon_archive *a, const char *name, const char **out, kaon_diag *diag);
} kaon_archive_api;

struct kaon_archive {
    const kaon_archive_api *api;
};

/* Bytes as they lie in memory, for checkpoints, which the same build of a plugin reads again; model
 * files take tensors. */
static inline kaon_status kaon_put_bytes(kaon_archive *a, const char *name, const void *data,
                                         int64_t bytes, kaon_diag *diag)
{
    const kaon_view view = {sizeof view, KAON_U8, KAON_DEVICE_CPU,         KAON_VIEW_READ_ONLY,
                            1,           0,       (void *)(uintptr_t)data, &bytes,
                            NULL};
    return a->api->put(a, name, &view, diag);
}

static inline kaon_status kaon_get_bytes(kaon_archive *a, const char *name, void *data,
                                         int64_t bytes, kaon_diag *diag)
{
    kaon_view view;
    memset(&view, 0, sizeof view);
    view.size = sizeof view;
    const kaon_status status = a->api->get(a, name, &view, diag);
    if (status)
        return status;
    if (view.dtype != KAON_U8 || view.rank != 1 || view.shape[0] != bytes)
        return kaon_fail(diag, KAON_INCOMPATIBLE, "'%s' is of another version or other settings",
                         name);
    memcpy(data, view.data, (size_t)bytes);
    return KAON_OK;
}

/* --- the learner ------------------------------------------------------------------------------ */

// What a learner needs to know of a table to be made without one (loading a model).
typedef struct kaon_task_facts {
    uint32_t size;
    int32_t feature_rank;         // axes of one event's features
    const int64_t *feature_shape; // of one event
    int32_t target_dtype;         // KAON_I64: classes; floats: values; -1: no target
    int32_t classes;              // number of them, 0 if the target is no class
    int64_t target_width;         // numbers per event of a float target
    uint64_t seed;
    int32_t float_type; // KAON_F32 or KAON_F64: of the arithmetic
    int32_t reserved;
} kaon_task_facts;

typedef struct kaon_fit {
    uint32_t size;
    uint32_t reserved;
    kaon_table *train;
    kaon_table *validation; // NULL: none
    kaon_monitor *monitor;
    kaon_archive *from; // what an earlier fit put at a checkpoint: go on there; NULL: begin
} kaon_fit;

typedef struct kaon_learner {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // `settings` live as long as the instance; `facts` are borrowed for the call. [any]
    kaon_status (*create)(const kaon_host *host, const void *settings, const kaon_task_facts *facts,
                          void **self, kaon_diag *diag);
    void (*destroy)(void *self); // takes NULL
    // On failure or cancellation the best state so far stays usable. [instance]
    kaon_status (*fit)(void *self, const kaon_fit *fit, kaon_diag *diag);
    // A new table of the same rows. [instance]
    kaon_status (*apply)(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag);
    // After `apply`'s change: the facts the next learner sees. Absent: unchanged. [any]
    kaon_status (*facts)(void *self, kaon_task_facts *inout, kaon_diag *diag);
    kaon_status (*save)(void *self, kaon_archive *into, kaon_diag *diag); // [instance]
    kaon_status (*load)(void *self, kaon_archive *from, kaon_diag *diag); // [instance]
    // A few lines for `kaon inspect`: layers, parameters, rounds. Host memory of `resize`, freed by
    // the host. May be absent. [instance]
    kaon_status (*describe)(void *self, char **text, kaon_diag *diag);
    // What `apply` does to a batch of features, as graph, with what was learned as constants: from
    // the features (batch, ...) to what comes next, for the last learner the prediction. The host
    // makes one program of a whole model so. Absent: this learner is no graph. [instance]
    kaon_node *(*build)(void *self, kaon_graph *g, kaon_node *in);
} kaon_learner;

#ifdef __cplusplus
}
#endif
#endif
