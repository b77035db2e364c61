/* resume_test.c: a run that was stopped and goes on gives the bits of one that never stopped. */
#define _XOPEN_SOURCE 700 // nftw
#include "experiment/experiment.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// In memory where the system has such a place: hundreds of small runs, each synced many times.
static char folder[64] = "/tmp/kaon-resume-XXXXXX", memory[64] = "/dev/shm/kaon-resume-XXXXXX";
static char file[80], whole[80], parts[80];
static kn_kernel *kernel;
static kn_run_log log_of_run;
static kn_diag fault;
static atomic_int stop;
static int steps_left; // until somebody asks to stop; negative: nobody does

/* --- running ---------------------------------------------------------------------------------- */

static void on_event(void *context, const kaon_event *event)
{
    (void)context;
    // Judging begins anew after a stop: it would never end in small pieces.
    const int counts = event->kind == KAON_EVENT_PROGRESS && strcmp(event->what, "judging") != 0;
    if (counts && steps_left > 0 && --steps_left == 0)
        atomic_store(&stop, 1);
}

// Stops after so many steps; 0: before the first is done, -1: never.
static kaon_status run(const char *where, uint32_t flags, int steps, const char *set)
{
    json_t *result = NULL;
    kn_faults faults = {0};
    const kaon_run_request request = {.size = sizeof request,
                                      .flags = flags,
                                      .config_path = file,
                                      .folder = where,
                                      .threads = 1,
                                      .set_count = set != NULL,
                                      .sets = &set,
                                      .event = on_event};
    steps_left = steps;
    atomic_store(&stop, steps == 0);
    kn_diag_clear(&fault);
    const kaon_status status =
        kn_experiment_run(kernel, &request, &log_of_run, &stop, &faults, &result, &fault.diag);
    if (faults.count)
        fail_msg("%s", "faults in the configuration");
    kn_faults_fini(&faults);
    json_decref(result);
    return status;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
    (void)facts, (void)kind, (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- comparing -------------------------------------------------------------------------------- */

// A file of a run; of metrics.jsonl without the seconds, which are never the same.
static char *content(const char *where, const char *name, size_t *bytes)
{
    char path[160];
    void *data = NULL;
    snprintf(path, sizeof path, "%s/%s", where, name);
    if (kn_file_read(path, 0, &data, bytes, &fault.diag))
        fail_msg("%s", fault.text);
    char *text = data;
    for (char *at = text; (at = strstr(at, "\"seconds\": "));) {
        const size_t word = strcspn(at, ",");
        memmove(at, at + word, *bytes - (size_t)(at - text) - word + 1);
        *bytes -= word;
    }
    return text;
}

static void same_file(const char *name, int point)
{
    size_t bytes = 0, other_bytes = 0;
    char *a = content(whole, name, &bytes), *b = content(parts, name, &other_bytes);
    if (bytes != other_bytes || memcmp(a, b, bytes))
        fail_msg("%s differs after an interruption at step %d", name, point);
    kn_free(a);
    kn_free(b);
}

static void same_runs(int point)
{
    char path[160];
    snprintf(path, sizeof path, "%s/fold-2.safetensors", whole);
    same_file(access(path, F_OK) ? "model.safetensors" : "fold-2.safetensors", point);
    same_file("metrics.json", point);
    same_file("metrics.jsonl", point);
}

/* --- experiments ------------------------------------------------------------------------------ */

#define DATA                                                                                       \
    "data: {reader: {toyjets: {jets: 160}}, target: label, features: [mass, multiplicity],\n"      \
    "       split: {train: 0.5, validation: 0.25, test: 0.25}}\n"                                  \
    "report: none\n"

#define NETWORK                                                                                    \
    "layers: [dense: {units: 6, activation: relu}, dropout: {rate: 0.3}, dense: {units: 5}], "     \
    "loss: softmax_cross_entropy, batch: 16, "

#define AGENT(world)                                                                               \
    "environment: {" world "}\n"                                                                   \
    "agent: {qlearning: {episodes: 60, report: 12}}\n"                                             \
    "evaluation: {episodes: 20}\nreport: none\n"

static const struct {
    const char *name;
    const char *text;
    int steps; // in all, or more
    int least; // where it can still be stopped
} experiments[] = {
    {"adam", DATA "model: [standardize, network: {" NETWORK "epochs: 3}]\n", 15, 14},
    {"early stopping",
     DATA "model: [standardize, network: {" NETWORK "epochs: 9, patience: 1, delta: 0.1}]\n", 20,
     9},
    {"last weights, momentum",
     DATA "model: [network: {" NETWORK "epochs: 3, keep: last, clip_norm: 1, "
          "optimizer: {momentum: {learning_rate: 0.01}}}]\n",
     15, 14},
    {"plateau, averages",
     DATA "model: [standardize, network: {" NETWORK "epochs: 3, average: {ema: {decay: 0.9}}, "
          "schedule: {plateau: {patience: 1, delta: 0.5}}}]\n",
     15, 14},
    {"folds",
     "data: {reader: {toyjets: {jets: 90}}, target: label, features: [mass, multiplicity],\n"
     "       split: {folds: 3}}\n"
     "model: [standardize, network: {" NETWORK "epochs: 2}]\nreport: none\n",
     24, 20},
    {"gridworld", AGENT("gridworld: {world: frozen_lake}"), 12, 11},
    {"tictactoe", AGENT("tictactoe"), 12, 11},
};

enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

static void begin(int i)
{
    remove_tree(whole);
    assert_int_equal(kn_file_write(file, experiments[i].text, strlen(experiments[i].text), NULL),
                     KAON_OK);
    if (run(whole, 0, -1, NULL))
        fail_msg("%s: %s", experiments[i].name, fault.text);
}

static void gives_the_same_bits_wherever_it_was_stopped(void **state)
{
    (void)state;
    for (int i = 0; i < EXPERIMENTS; i++) {
        begin(i);
        for (int point = 0; point <= experiments[i].steps; point++) {
            remove_tree(parts);
            const kaon_status first = run(parts, 0, point, NULL);
            if (point <= experiments[i].least)
                assert_int_equal(first, KAON_CANCELLED);
            if (run(parts, KAON_RUN_RESUME, -1, NULL))
                fail_msg("%s, %d: %s", experiments[i].name, point, fault.text);
            same_runs(point);
        }
    }
}

// Never more than two steps in one go.
static void gives_the_same_bits_in_many_pieces(void **state)
{
    (void)state;
    for (int i = 0; i < EXPERIMENTS; i++) {
        int pieces = 1;
        begin(i);
        remove_tree(parts);
        for (kaon_status status = run(parts, 0, 2, NULL); status; pieces++) {
            assert_int_equal(status, KAON_CANCELLED);
            assert_true(pieces < 40);
            status = run(parts, KAON_RUN_RESUME, 2, NULL);
        }
        assert_true(pieces > 3);
        same_runs(-1);
    }
}

/* --- what a folder must be -------------------------------------------------------------------- */

static void stopped_run(void)
{
    begin(0);
    remove_tree(parts);
    assert_int_equal(run(parts, 0, 7, "checkpoint={epochs: 1, keep: 2}"), KAON_CANCELLED);
}

static int64_t checkpoints(void)
{
    int64_t found = 0;
    for (int i = 1; i < 40; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/checkpoints/%06d.safetensors", parts, i);
        found += access(path, F_OK) == 0;
    }
    return found;
}

static void damage(const char *name, long at)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", parts, name);
    FILE *out = fopen(path, "r+b");
    assert_non_null(out);
    fseek(out, at, SEEK_SET);
    const int byte = fgetc(out);
    fseek(out, at, SEEK_SET);
    fputc(byte ^ 1, out);
    assert_int_equal(fclose(out), 0);
}

static void an_older_checkpoint_replaces_a_damaged_one(void **state)
{
    (void)state;
    stopped_run();
    assert_int_equal(checkpoints(), 2); // after epoch 1, and where it was stopped
    damage("checkpoints/000002.safetensors", 5000);
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, NULL), KAON_OK);
    same_runs(7);
    assert_int_equal(checkpoints(), 0);
}

static void without_a_checkpoint_it_begins_anew(void **state)
{
    char path[128];
    (void)state;
    stopped_run();
    snprintf(path, sizeof path, "%s/checkpoints", parts);
    remove_tree(path);
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, NULL), KAON_OK);
    same_runs(0);
}

static void what_changed_is_refused_unless_forced(void **state)
{
    (void)state;
    stopped_run();
    damage("config.yaml", 3); // in the comment
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, NULL), KAON_INCOMPATIBLE);
    assert_non_null(strstr(fault.text, "config.yaml has changed"));
    assert_int_equal(run(parts, KAON_RUN_RESUME | KAON_RUN_FORCE, -1, NULL), KAON_OK);
    same_runs(0);

    stopped_run();
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, "seed=4"), KAON_INCOMPATIBLE);
    damage("lock.json", 40); // a digit of the version, or near it
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, NULL), KAON_INCOMPATIBLE);
}

static void a_finished_run_is_left_alone(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(run(whole, KAON_RUN_RESUME, -1, NULL), KAON_OK);
    assert_int_equal(run(folder, KAON_RUN_RESUME, -1, NULL), KAON_NOT_FOUND);
    assert_non_null(strstr(fault.text, "no run folder"));
}

static void cut_metrics_are_noticed(void **state)
{
    char path[128];
    (void)state;
    stopped_run();
    snprintf(path, sizeof path, "%s/metrics.jsonl", parts);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(run(parts, KAON_RUN_RESUME, -1, NULL), KAON_CORRUPT);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    static const char *const needed[][2] = {
        {"kaon.reader/1", "toyjets"},        {"kaon.learner/1", "standardize"},
        {"kaon.learner/1", "network"},       {"kaon.layer/1", "dense"},
        {"kaon.layer/1", "dropout"},         {"kaon.layer/1", "relu"},
        {"kaon.optimizer/1", "momentum"},    {"kaon.loss/1", "softmax_cross_entropy"},
        {"kaon.average/1", "ema"},           {"kaon.schedule/1", "plateau"},
        {"kaon.agent/1", "qlearning"},       {"kaon.environment/1", "tictactoe"},
        {"kaon.environment/1", "gridworld"},
    };
    const kn_kernel_settings settings = {.flags = KN_NO_CACHE | KN_NO_PROBE, .threads = 1};
    const kn_item *item = NULL;
    (void)state;
    kn_diag_init(&fault);
    kn_run_log_init(&log_of_run);
    if (mkdtemp(memory))
        memcpy(folder, memory, sizeof folder);
    else if (!mkdtemp(folder))
        return 1;
    if (kn_kernel_new(&settings, &kernel, &fault.diag))
        return 1;
    snprintf(file, sizeof file, "%s/run.yaml", folder);
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(parts, sizeof parts, "%s/parts", folder);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (kn_item_find(kernel, needed[i][0], needed[i][1], &item, &fault.diag)) {
            printf("skipped: %s\n", fault.text);
            exit(0);
        }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kn_kernel_free(kernel);
    kn_run_log_fini(&log_of_run);
    remove_tree(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_same_bits_wherever_it_was_stopped),
        cmocka_unit_test(gives_the_same_bits_in_many_pieces),
        cmocka_unit_test(an_older_checkpoint_replaces_a_damaged_one),
        cmocka_unit_test(without_a_checkpoint_it_begins_anew),
        cmocka_unit_test(what_changed_is_refused_unless_forced),
        cmocka_unit_test(a_finished_run_is_left_alone),
        cmocka_unit_test(cut_metrics_are_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
