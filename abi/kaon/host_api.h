/* host_api.h: the library for programs: libkaon, as the `kaon` command uses it. Plugins do not: they
 * get everything through tables (base.h).
 *
 *     kaon_error *error = kaon_error_new();
 *     kaon_kernel *kernel = NULL;
 *     kaon_model *model = NULL;
 *     kaon_predictor *predictor = NULL;
 *     if (kaon_open(NULL, &kernel, error) || kaon_model_load(kernel, "jets.safetensors", &model, error) ||
 *         kaon_predictor_new(model, 1, KAON_F32, &predictor, error))
 *         fputs(kaon_error_text(error), stderr);
 *     ...
 *     kaon_predict(predictor, features, probabilities); // 16 floats in, 5 floats out
 *
 * Facts come as JSON texts (char **json, to be freed with kaon_text_free), so that a program in any
 * language reads them with what it has. An `error` may be NULL; it is filled exactly when a call fails.
 */
#ifndef KAON_HOST_API_H
#define KAON_HOST_API_H

#include <kaon/base.h>
#include <kaon/option.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KAON_API __attribute__((visibility("default")))
#else
#define KAON_API
#endif

/* "0.1.0". Scans nothing. [any] */
KAON_API const char *kaon_version(void);

KAON_API void kaon_text_free(char *text); // takes NULL [any]

/* --- errors ----------------------------------------------------------------------------------- */

typedef struct kaon_error kaon_error;

KAON_API kaon_error *kaon_error_new(void); // NULL: no memory [any]
KAON_API void kaon_error_free(kaon_error *error); // takes NULL

KAON_API kaon_status kaon_error_status(const kaon_error *error);

/* 1 if the caller's words were at fault (a configuration, a name, a file that is not there), not the
 * run. */
KAON_API int32_t kaon_error_is_usage(const kaon_error *error);

/* For people: one sentence, or all faults of a configuration with the lines they stand in. Ends with
 * a new line. Borrowed until the next failure. */
KAON_API const char *kaon_error_text(const kaon_error *error);

/* {"status": ..., "message": ..., "faults": [{"code", "file", "line", "column", "message", "hint",
 * "notes", "more"}]}. Borrowed until the next failure. */
KAON_API const char *kaon_error_json(kaon_error *error);

/* --- the kernel ------------------------------------------------------------------------------- */

typedef struct kaon_kernel kaon_kernel;

enum {
    KAON_OPEN_SAFE = 1,      // plugins of the built-in folder only
    KAON_OPEN_NO_CACHE = 2,  // neither read nor write the cache of known plugins
    KAON_OPEN_NO_PROBE = 4,  // load unknown plugins without a trial in a child process
    KAON_OPEN_ONLY_GIVEN = 8 // search plugin_folders alone
};

typedef struct kaon_open_settings {
    uint32_t size;
    uint32_t flags;                    // KAON_OPEN_*
    const char *const *plugin_folders; // searched first; ends with NULL; NULL: none
    const char *lock_file;             // pins of plugins; NULL: none
    int32_t threads;                   // 0: one per core
    int32_t log_level;                 // KAON_LOG_*
    void (*log)(void *context, int32_t level, const char *text); // NULL: silence [any]
    void *log_context;
} kaon_open_settings;

/* settings NULL: all defaults. Loads no plugin. [any] */
KAON_API kaon_status kaon_open(const kaon_open_settings *settings, kaon_kernel **out,
                               kaon_error *error);

/* Everything made from the kernel must be gone. Takes NULL. */
KAON_API void kaon_close(kaon_kernel *kernel);

/* Asks what runs to stop at the next good point. Safe in a signal handler. [any] */
KAON_API void kaon_stop(kaon_kernel *kernel);

/* Memory and services for the program itself, as a plugin would have them. [any] */
KAON_API const kaon_host *kaon_kernel_host(kaon_kernel *kernel);

/* --- running an experiment -------------------------------------------------------------------- */

// What a run tells while it works. Texts are borrowed for the call.
enum {
    KAON_EVENT_HEAD = 1,     // json: {"name", "data", "model", "backend", ...}
    KAON_EVENT_PROGRESS = 2, // done of total, in unit; `what` works
    KAON_EVENT_METRIC = 3,   // `what` measured `unit` = value at `step`
    KAON_EVENT_NOTE = 4,     // text: something worth a line
    KAON_EVENT_STAGE = 5     // text: "reading jets.csv", "fitting network"
};

typedef struct kaon_event {
    uint32_t size;
    int32_t kind;     // KAON_EVENT_*
    const char *text; // or JSON
    const char *what; // who works: a learner, an agent
    const char *unit; // "epoch"; the name of a metric
    double done;
    double total;
    int64_t step;
    double value;
} kaon_event;

enum {
    KAON_RUN_CHECK = 1,   // read the configuration and a little of the data, train nothing
    KAON_RUN_EXPLAIN = 2, // events of kind NOTE hold the compiled programs
    KAON_RUN_REPLACE = 4, // the run folder may exist and is written anew
    KAON_RUN_RESUME = 8,  // go on where the run in `folder` stopped; config_path is not read
    KAON_RUN_FORCE = 16   // resume even if configuration, data or plugins changed since
};

typedef struct kaon_run_request {
    uint32_t size;
    uint32_t flags;          // KAON_RUN_*
    const char *config_path; // the experiment, YAML
    const char *folder;      // NULL: runs/<name>-<n>
    const char *backend;     // NULL: the configuration's, else the best there is
    int32_t threads;         // 0: the configuration's
    int32_t has_seed;
    uint64_t seed;
    int64_t set_count;
    const char *const *sets; // edits "model.network.epochs=5"
    void (*event)(void *context, const kaon_event *event); // NULL: none; from the calling thread
    void *event_context;
    const char *profile; // a file for a Chrome trace of the launches, or NULL
    double time_limit;   // seconds from the call on, then as after kaon_stop; 0: none
} kaon_run_request;

/* Runs an experiment; json: {"folder", "metrics", "seconds", ...}. KAON_CANCELLED after kaon_stop:
 * what was learned so far is saved and `json` is given all the same. [any] */
KAON_API kaon_status kaon_run(kaon_kernel *kernel, const kaon_run_request *request, char **json,
                              kaon_error *error);

/* --- configurations --------------------------------------------------------------------------- */

/* The experiment with what it includes, its variables, edits and all defaults, as YAML; a comment
 * behind each value says where it came from. Reads config_path and sets of the request. [any] */
KAON_API kaon_status kaon_config_render(kaon_kernel *kernel, const kaon_run_request *request,
                                        char **yaml, kaon_error *error);

/* JSON Schema (draft 2020-12) of the experiment file, with all installed items. Loads all plugins.
 * [any] */
KAON_API kaon_status kaon_config_schema(kaon_kernel *kernel, char **json, kaon_error *error);

typedef struct kaon_report_request {
    uint32_t size;
    int32_t reserved;
    const char *folder;   // of a run
    int64_t figure_count; // 0: as the run's configuration has it
    const char *const *figures; // "roc", "efficiency: {variable: pt}", or "all"
} kaon_report_request;

/* Writes report.html and figures/ anew, from the run's files and, where it has a model, the data it was
 * fitted to, read and divided as they were; json: {"report": path, "figures": [names], "notes"}. [any] */
KAON_API kaon_status kaon_report(kaon_kernel *kernel, const kaon_report_request *request,
                                 char **json, kaon_error *error);

typedef struct kaon_tune_request {
    uint32_t size;
    int32_t threads;         // of all trials together; 0: the configuration's
    const char *config_path; // an experiment with a section `tune`
    const char *folder;      // NULL: runs/<name>-tune; one with trials goes on
    const char *backend;     // as in kaon_run_request
    int64_t parallel;        // trials at a time; 0: the configuration's
    int64_t trials;          // at most; 0: the configuration's
    int64_t set_count;
    const char *const *sets; // edits for all trials
    void (*event)(void *context, const kaon_event *event); // NULL: none; from the calling thread
    void *event_context;
} kaon_tune_request;

/* Tries settings, each trial in a process of its own, made by fork: no other thread of this process
 * may be at work with Kaon, and no backend open. json: {"folder", "metric", "direction", "trials":
 * [{"trial", "value", "set", "folder", ...}], "best", "seconds"}. KAON_CANCELLED after kaon_stop, with
 * `json` all the same; the next call with the same folder goes on. [any] */
KAON_API kaon_status kaon_tune(kaon_kernel *kernel, const kaon_tune_request *request, char **json,
                               kaon_error *error);

typedef struct kaon_compare_request {
    uint32_t size;
    int32_t reserved;
    int64_t path_count;
    const char *const *paths; // run folders
    const char *part;         // NULL: the one each was judged by
} kaon_compare_request;

/* Sets finished runs side by side; json: {"runs": [{"folder", "part", "rows", "metrics", "uncertainty"}],
 * "metrics": [{"name", "direction", "best"}], "settings": [{"path", "values"}], "pairs": [{"metric",
 * "run", "best", "difference", "sigma"}]}. Settings are those that differ; a pair is a run beside the
 * best one, both judged by the same rows with a bootstrap. [any] */
KAON_API kaon_status kaon_compare(kaon_kernel *kernel, const kaon_compare_request *request,
                                  char **json, kaon_error *error);

/* --- models ----------------------------------------------------------------------------------- */

typedef struct kaon_model kaon_model;

/* A file, or a run folder that holds model.safetensors. [any] */
KAON_API kaon_status kaon_model_load(kaon_kernel *kernel, const char *path, kaon_model **out,
                                     kaon_error *error);
KAON_API void kaon_model_free(kaon_model *model); // takes NULL

/* {"learners", "features", "classes", "parameters", "versions", "config", "tensors", ...}.
 * [instance] */
KAON_API kaon_status kaon_model_json(kaon_model *model, char **json, kaon_error *error);

typedef struct kaon_apply_request {
    uint32_t size;
    int32_t reserved;
    int64_t path_count;       // 0: the files of the model's own experiment
    const char *const *paths;
    const char *reader;       // NULL: by extension; YAML flow text: "csv: {separator: tab}"
    const char *output;       // a file for the predictions, by extension; NULL: none
    const char *part;         // of the experiment's split: "test", ...; NULL: all rows
    int64_t set_count;        // edits of the `data` section
    const char *const *sets;
    const char *metrics;      // of an evaluation, beside the usual ones: YAML flow text, "specificity,
                              // background_rejection: {signal: top}"; NULL: none
    int64_t bootstrap;        // replicas for uncertainties; 0: none
} kaon_apply_request;

/* Predicts; json: {"rows", "columns", "head", "output"}. [instance] */
KAON_API kaon_status kaon_model_predict(kaon_model *model, const kaon_apply_request *request,
                                        char **json, kaon_error *error);

/* Compares predictions with the target; json: {"rows", "metrics"}; the metrics hold "uncertainty" where
 * there is a bootstrap. [instance] */
KAON_API kaon_status kaon_model_eval(kaon_model *model, const kaon_apply_request *request,
                                     char **json, kaon_error *error);

/* --- the fast path ---------------------------------------------------------------------------- */

typedef struct kaon_predictor kaon_predictor;

/* Makes ready for `rows` events at a time; dtype KAON_F32 or KAON_F64, of features and results.
 * The model must outlive it. [instance] */
KAON_API kaon_status kaon_predictor_new(kaon_model *model, int64_t rows, int32_t dtype,
                                        kaon_predictor **out, kaon_error *error);
KAON_API void kaon_predictor_free(kaon_predictor *predictor); // takes NULL

/* Numbers per event, in and out. [any] */
KAON_API int64_t kaon_predictor_inputs(const kaon_predictor *predictor);
KAON_API int64_t kaon_predictor_outputs(const kaon_predictor *predictor);

/* `rows` events, row-major; allocates nothing. [instance] */
KAON_API kaon_status kaon_predict(kaon_predictor *predictor, const void *features, void *out);

/* Any number of events. [instance] */
KAON_API kaon_status kaon_predict_rows(kaon_predictor *predictor, int64_t rows,
                                       const void *features, void *out);

/* --- data ------------------------------------------------------------------------------------- */

typedef struct kaon_data_request {
    uint32_t size;
    int32_t reserved;
    const char *path;   // NULL for generators
    const char *reader; // as in kaon_apply_request
    int64_t rows;       // of the head
    const char *target; // of stats; NULL: none
    const char *weight;
    const char *plots; // of stats: a folder for figures of the distributions; NULL: none
} kaon_data_request;

/* {"columns": [{"name", "type"}], "rows": [[...], ...]}. [any] */
KAON_API kaon_status kaon_data_head(kaon_kernel *kernel, const kaon_data_request *request,
                                    char **json, kaon_error *error);

/* {"rows", "columns": [{"name", "type", "min", "max", "mean", "std", "missing", ...}]}. [any] */
KAON_API kaon_status kaon_data_info(kaon_kernel *kernel, const kaon_data_request *request,
                                    char **json, kaon_error *error);

/* Of a file, or the data of an experiment (path "*.yaml"): {"rows", "columns": [{"name", "mean", "std",
 * "quantiles", "histogram", ...}], "classes", "correlation", "notes"}, weighted. [any] */
KAON_API kaon_status kaon_data_stats(kaon_kernel *kernel, const kaon_data_request *request,
                                     char **json, kaon_error *error);

/* --- plugins and items ------------------------------------------------------------------------ */

/* Each file of the search path and what became of it. [any] */
KAON_API kaon_status kaon_plugins(kaon_kernel *kernel, char **json, kaon_error *error);

/* What is found on this machine: {"version", "backends": [{"name", "plugin", "usable", "chosen", "device",
 * "memory", "why"}], "folders": [{"path", "origin", "searched", "why"}], "cache", "site", "threads"}. Opens
 * every backend. [instance] */
KAON_API kaon_status kaon_doctor(kaon_kernel *kernel, char **json, kaon_error *error);

/* The items of an interface ("layer", "kaon.layer/1") or all (NULL). Loads nothing. [any] */
KAON_API kaon_status kaon_items(kaon_kernel *kernel, const char *interface_id, char **json,
                                kaon_error *error);

/* "layer:dense" or "dense": help and options. [any] */
KAON_API kaon_status kaon_item_json(kaon_kernel *kernel, const char *name, char **json,
                                    kaon_error *error);

/* Loads the plugin in the file at `path` and looks at everything it states; json: {"plugin", "checks":
 * [{"what", "passed", "why"}], "failed"}. [any] */
KAON_API kaon_status kaon_plugin_check(kaon_kernel *kernel, const char *path, char **json,
                                       kaon_error *error);

/* An item with its settings, for programs that drive one themselves (tests, benches). `yaml`: its
 * settings, NULL or "": defaults. [any] */
typedef struct kaon_use kaon_use;

KAON_API kaon_status kaon_use_new(kaon_kernel *kernel, const char *interface_id, const char *name,
                                  const char *yaml, kaon_use **out, kaon_error *error);
KAON_API const kaon_part *kaon_use_part(const kaon_use *use);
KAON_API const kaon_host *kaon_use_host(const kaon_use *use); // of the item's plugin
KAON_API void kaon_use_free(kaon_use *use); // takes NULL

/* A diag for calls of tables; belongs to the error. NULL for NULL. */
KAON_API kaon_diag *kaon_error_diag(kaon_error *error);

#ifdef __cplusplus
}
#endif
#endif
