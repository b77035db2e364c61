/* experiment_folder.c: the run folder: begun, gone on with, brought to its end.
 *
 * Whoever works in it holds a lock (flock) on the folder, so that a run that was restarted by a
 * batch system while the old one still lives cannot spoil it.
 */
#include "experiment/experiment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "experiment/config_write.h"
#include "experiment/run_lock.h"
#include "experiment/sinks.h"
#include "compiler/device.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { MOST_FOLDERS = 100000, NAME_BYTES = 64, TIME_BYTES = 32 };

char *kn_experiment_path(const kn_experiment *e, const char *name)
{
    return kn_path_join(e->folder, name);
}

/* --- which one -------------------------------------------------------------------------------- */

// The configuration's name, else the file's without its ending; only what suits a folder.
static void run_name(const kn_experiment *e, char out[NAME_BYTES])
{
    const char *given = e->plan.top->name;
    snprintf(out, NAME_BYTES, "%s", given ? given : kn_path_name(e->request->config_path));
    if (!given)
        out[strcspn(out, ".")] = 0;
    for (char *at = out; *at; at++)
        if (*at == '/' || (unsigned char)*at <= ' ')
            *at = '-';
    if (!*out || *out == '.')
        snprintf(out, NAME_BYTES, "run");
}

// What a killed writer left does not count, nor that a run failed before it had a configuration.
static int32_t is_empty(const char *path)
{
    DIR *folder = opendir(path);
    int32_t entries = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
                   strcmp(entry->d_name, "run.json") && !kn_is_leftover(entry->d_name);
    if (folder)
        closedir(folder);
    return folder && !entries;
}

// 1: it holds a config.yaml; -1: no memory.
static int32_t is_run(const char *folder)
{
    struct stat facts;
    char *config = kn_path_join(folder, "config.yaml");
    const int32_t found = config ? stat(config, &facts) == 0 : -1;
    kn_free(config);
    return found;
}

// A folder the user named: a new one, an empty one, or that of an earlier run.
static kaon_status use_given(kn_experiment *e, kaon_diag *diag)
{
    struct stat facts;
    e->folder = kn_copy_text(e->request->folder);
    const int32_t old = e->folder ? is_run(e->folder) : -1;
    if (old < 0)
        return kn_no_memory(diag, "a path");
    if (stat(e->folder, &facts) == 0 && !is_empty(e->folder) && !old)
        return kaon_fail(diag, KAON_INVALID,
                         "'%s' exists and is no run folder; name another one with --out",
                         e->folder);
    return kn_folder_make(e->folder, diag);
}

// The first of runs/<name>-1, -2, ... that can be made.
static kaon_status use_next(kn_experiment *e, kaon_diag *diag)
{
    char name[NAME_BYTES], path[NAME_BYTES + 32];
    run_name(e, name);
    KAON_TRY(kn_folder_make("runs", diag));
    for (int n = 1; n < MOST_FOLDERS; n++) {
        snprintf(path, sizeof path, "runs/%s-%d", name, n);
        if (mkdir(path, 0777) == 0) {
            e->folder = kn_copy_text(path);
            return e->folder ? KAON_OK : kn_no_memory(diag, "a path");
        }
        if (errno != EEXIST)
            return kaon_fail(diag, KAON_IO, "cannot make the folder %s: %s", path, strerror(errno));
    }
    return kaon_fail(diag, KAON_IO, "runs/ is full of runs named '%s'", name);
}

// Where the file system knows no such lock the run goes on without one.
static kaon_status hold_folder(kn_experiment *e, kaon_diag *diag)
{
    e->hold = open(e->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->hold < 0)
        return kaon_fail(diag, KAON_IO, "cannot open %s: %s", e->folder, strerror(errno));
    if (flock(e->hold, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return kaon_fail(diag, KAON_INVALID, "another process is at work in %s", e->folder);
    return KAON_OK;
}

/* --- small files ------------------------------------------------------------------------------ */

static kaon_status write_text(const kn_experiment *e, const char *name, kn_text *text,
                              kaon_diag *diag)
{
    char *path = kn_experiment_path(e, name);
    kaon_status status = path && !text->failed ? KAON_OK : kn_no_memory(diag, name);
    if (!status)
        status = kn_file_write(path, kn_text_get(text), text->length, diag);
    kn_free(path);
    kn_text_fini(text);
    return status;
}

kaon_status kn_experiment_write_json(const kn_experiment *e, const char *name, const json_t *what,
                                     kaon_diag *diag)
{
    char *json = json_dumps(what, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    kn_text text = {0};
    if (!json)
        return kn_no_memory(diag, name);
    kn_text_add(&text, json);
    kn_text_add(&text, "\n");
    free(json);
    return write_text(e, name, &text, diag);
}

kaon_status kn_experiment_write_metrics(const kn_experiment *e, kaon_diag *diag)
{
    if (json_object_size(e->replicas))
        KAON_TRY(kn_experiment_write_json(e, "bootstrap.json", e->replicas, diag));
    return kn_experiment_write_json(e, "metrics.json", e->metrics, diag);
}

// *out NULL: there is no such file, or no JSON in it.
static kaon_status read_json(const kn_experiment *e, const char *name, json_t **out,
                             kaon_diag *diag)
{
    void *data = NULL;
    size_t bytes = 0;
    char *path = kn_experiment_path(e, name);
    *out = NULL;
    if (!path)
        return kn_no_memory(diag, "a path");
    kn_diag fault;
    kn_diag_init(&fault);
    const kaon_status status = kn_file_read(path, 0, &data, &bytes, &fault.diag);
    kn_free(path);
    if (!status)
        *out = json_loadb(data, bytes, 0, NULL);
    kn_free(data);
    return status == KAON_NOT_FOUND ? KAON_OK : status ? kn_diag_pass(&fault, diag) : KAON_OK;
}

static void time_text(char out[TIME_BYTES])
{
    const time_t now = time(NULL);
    struct tm utc;
    strftime(out, TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

const char *kn_experiment_status_text(kaon_status status)
{
    return status == KAON_OK ? "ok" : status == KAON_CANCELLED ? "interrupted" : "failed";
}

// run.json: how the run stands, for whoever looks at the folder. "running" stays after a kill.
static kaon_status write_state(const kn_experiment *e, const char *state, const char *why,
                               kaon_diag *diag)
{
    char when[TIME_BYTES], host[NAME_BYTES] = "";
    time_text(when);
    gethostname(host, sizeof host - 1);
    json_t *run =
        json_pack("{s:s, s:s, s:s, s:f, s:I, s:I, s:s, s:s*}", "status", state, "kaon",
                  KAON_VERSION, "at", when, "seconds", kn_seconds() - e->started, "seed",
                  (json_int_t)e->seed, "process", (json_int_t)getpid(), "host", host, "why", why);
    const kaon_status status =
        run ? kn_experiment_write_json(e, "run.json", run, diag) : kn_no_memory(diag, "run.json");
    json_decref(run);
    return status;
}

/* --- configuration and lock ------------------------------------------------------------------- */

// What was said on the command line is part of the experiment.
static void resolve_request(const kn_experiment *e)
{
    kn_config_tree *tree = e->plan.tree;
    kn_config *seed = kn_config_scalar_format(tree, 0, "%llu", (unsigned long long)e->seed);
    if (e->request->has_seed)
        kn_config_put(tree, e->plan.resolved, "seed", seed);
    if (e->request->backend)
        kn_config_put(tree, e->plan.resolved, "backend",
                      kn_config_scalar_new(tree, e->request->backend, 0));
}

static kaon_status write_config(kn_experiment *e, char sum[KN_SHA256_HEX], kaon_diag *diag)
{
    kn_text text = {0};
    resolve_request(e);
    kn_text_format(&text, "# %s with all settings, as it was run by Kaon %s\n",
                   kn_path_name(e->request->config_path), KAON_VERSION);
    kn_config_write_yaml(e->plan.resolved, &text);
    kn_text_sum(kn_text_get(&text), text.length, sum);
    return write_text(e, "config.yaml", &text, diag);
}

static kaon_status sum_config(const kn_experiment *e, char sum[KN_SHA256_HEX], kaon_diag *diag)
{
    void *data = NULL;
    size_t bytes = 0;
    KAON_TRY(kn_file_read(e->request->config_path, 0, &data, &bytes, diag));
    kn_text_sum(data, bytes, sum);
    kn_free(data);
    // What --set, --seed and --backend say is a change too.
    if (e->request->set_count || e->request->has_seed || e->request->backend)
        sum[0] = '*';
    return KAON_OK;
}

static kaon_status make_lock(const kn_experiment *e, const char *config_sum, json_t **out,
                             kaon_diag *diag)
{
    kn_run_lock_facts facts = {.kernel = e->kernel,
                               .seed = e->seed,
                               .backend = kn_experiment_backend(e),
                               .items = e->plan.settings.items,
                               .file_count = e->dataset ? e->dataset->file_count : 0,
                               .files = e->dataset ? e->dataset->files : NULL};
    snprintf(facts.config, sizeof facts.config, "%s", config_sum);
    return kn_run_lock_make(&facts, out, diag);
}

static kaon_status lock_anew(kn_experiment *e, kaon_diag *diag)
{
    char sum[KN_SHA256_HEX];
    json_t *lock = NULL;
    KAON_TRY(write_config(e, sum, diag));
    KAON_TRY(make_lock(e, sum, &lock, diag));
    const kaon_status status = kn_experiment_write_json(e, "lock.json", lock, diag);
    json_decref(lock);
    return status;
}

// Without a lock file the run was killed before it began: there is nothing to compare with.
static kaon_status check_lock(kn_experiment *e, kaon_diag *diag)
{
    char sum[KN_SHA256_HEX];
    json_t *then = NULL, *now = NULL;
    if (e->request->flags & KAON_RUN_FORCE)
        return lock_anew(e, diag);
    KAON_TRY(read_json(e, "lock.json", &then, diag));
    if (!then)
        return lock_anew(e, diag);
    kaon_status status = sum_config(e, sum, diag);
    if (!status)
        status = make_lock(e, sum, &now, diag);
    if (!status)
        status = kn_run_lock_compare(then, now, diag);
    json_decref(then);
    json_decref(now);
    return status;
}

/* --- beginning and going on ------------------------------------------------------------------- */

// What an earlier run left would pass for this one's.
static kaon_status remove_old(const kn_experiment *e, kaon_diag *diag)
{
    static const char *const names[] = {"run.json",       "lock.json",     "model.safetensors",
                                        "metrics.json",   "metrics.jsonl", "log.txt",
                                        "predictions.csv"};
    kn_checkpoints_remove(e->checkpoint_folder);
    kn_remove_leftovers(e->folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = kn_experiment_path(e, names[i]);
        if (!path)
            return kn_no_memory(diag, "a path");
        unlink(path);
        kn_free(path);
    }
    return KAON_OK;
}

static kaon_status find_checkpoint(kn_experiment *e, uint64_t *metrics, kaon_diag *diag)
{
    char note[KAON_TEXT_MAX];
    kn_checkpoint_facts facts = {0};
    kn_remove_leftovers(e->folder);
    kn_remove_leftovers(e->checkpoint_folder);
    KAON_TRY(kn_checkpoints_newest(&e->checkpoints, &e->from, &facts, note, diag));
    *metrics = facts.metrics;
    e->started -= facts.seconds;
    e->monitor.started = e->started;
    if (*note)
        kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "%s", note);
    if (e->from)
        kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "going on from checkpoint %lld",
                       (long long)e->checkpoints.last);
    else
        kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "there is no checkpoint: it begins anew");
    return KAON_OK;
}

static kaon_status open_files(kn_experiment *e, uint64_t metrics_bytes, kaon_diag *diag)
{
    char *log = kn_experiment_path(e, "log.txt"), when[TIME_BYTES];
    char *metrics = kn_experiment_path(e, "metrics.jsonl");
    kaon_status status = log && metrics ? KAON_OK : kn_no_memory(diag, "a path");
    if (!status)
        status = kn_run_log_open(e->log, log, diag);
    if (!status)
        status = kn_monitor_open(&e->monitor, metrics, metrics_bytes, diag);
    kn_free(log);
    kn_free(metrics);
    time_text(when);
    kn_run_log_format(e->log, "kaon %s, %s, %s, seed %llu%s", KAON_VERSION, e->request->config_path,
                      when, (unsigned long long)e->seed, e->from ? ", goes on" : "");
    return status;
}

static kaon_status open_checkpoints(kn_experiment *e, kaon_diag *diag)
{
    e->checkpoint_folder = kn_experiment_path(e, "checkpoints");
    if (!e->checkpoint_folder)
        return kn_no_memory(diag, "a path");
    e->checkpoints.settings = e->plan.checkpoint;
    e->checkpoints.folder = e->checkpoint_folder;
    e->checkpoints.at = kn_seconds();
    return KAON_OK;
}

kaon_status kn_experiment_open_folder(kn_experiment *e, kaon_diag *diag)
{
    uint64_t metrics = 0;
    const int32_t resumes = e->request->flags & KAON_RUN_RESUME;
    if (!resumes) {
        KAON_TRY(e->request->folder ? use_given(e, diag) : use_next(e, diag));
        KAON_TRY(hold_folder(e, diag));
    }
    KAON_TRY(open_checkpoints(e, diag));
    KAON_TRY(resumes ? check_lock(e, diag) : remove_old(e, diag));
    KAON_TRY(resumes ? find_checkpoint(e, &metrics, diag) : lock_anew(e, diag));
    KAON_TRY(open_files(e, metrics, diag));
    // Made before run.json, whose writer syncs the folder that holds both.
    KAON_TRY(kn_folder_make(e->checkpoint_folder, diag));
    KAON_TRY(write_state(e, "running", NULL, diag));
    e->monitor.checkpoints = &e->checkpoints;
    return kn_sinks_open(e->kernel, e->plan.top->sinks, e->folder, &e->monitor, &e->sinks, diag);
}

kaon_status kn_experiment_reopen(kn_experiment *e, int32_t *finished, kaon_diag *diag)
{
    json_t *state = NULL;
    *finished = 0;
    e->folder = kn_copy_text(e->request->folder ? e->request->folder : ".");
    const int32_t old = e->folder ? is_run(e->folder) : -1;
    if (old < 0)
        return kn_no_memory(diag, "a path");
    if (!old)
        return kaon_fail(diag, KAON_NOT_FOUND,
                         "'%s' is no run folder: there is no config.yaml in it", e->folder);
    KAON_TRY(hold_folder(e, diag));
    KAON_TRY(read_json(e, "run.json", &state, diag));
    const char *status = json_string_value(json_object_get(state, "status"));
    *finished = status && !strcmp(status, "ok") && !(e->request->flags & KAON_RUN_FORCE);
    if (*finished)
        e->started -= json_number_value(json_object_get(state, "seconds"));
    json_decref(state);
    if (*finished) {
        json_t *metrics = NULL;
        kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "%s is finished already", e->folder);
        KAON_TRY(read_json(e, "metrics.json", &metrics, diag));
        json_object_update(e->metrics, metrics);
        json_decref(metrics);
    }
    return KAON_OK;
}

// A finished run needs no checkpoints.
kaon_status kn_experiment_close_folder(kn_experiment *e, kaon_status status, const char *why,
                                       kaon_diag *diag)
{
    if (!e->checkpoint_folder) // it never began
        return KAON_OK;
    KAON_TRY(write_state(e, kn_experiment_status_text(status), why, diag));
    if (!status)
        kn_checkpoints_remove(e->checkpoint_folder);
    return KAON_OK;
}
