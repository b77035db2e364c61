/* experiment_plan.c: an experiment's YAML file, read and checked. */
#include "experiment/experiment_plan.h"
#include "experiment/config_edit.h"
#include "experiment/config_load.h"

#include "experiment/checkpoint.h"

#include <kaon/agent.h>
#include <kaon/figure.h>
#include <kaon/learner.h>
#include <kaon/metric.h>
#include <kaon/sink.h>
#include <math.h>
#include <string.h>

#include "experiment/tune_plan.h"
#include "kernel/files.h"
#include "kernel/memory.h"

static const char *const float_names[] = {"f32", "f64", NULL};

// clang-format off
static const kaon_option top_options[] = {
    KAON_TEXTS(kn_experiment_settings, include, NULL,
               .help = "files this one builds on, relative to it; its own keys go before theirs"),
    KN_TREE(kn_experiment_settings, vars,
            .help = "names and values, put in wherever ${name} stands"),
    KAON_TEXT(kn_experiment_settings, name, NULL, .help = "of the run folder; absent: the file's"),
    KAON_INT(kn_experiment_settings, seed, 1, .max = INFINITY,
             .help = "of everything random: the same seed gives the same numbers"),
    KAON_INT(kn_experiment_settings, threads, 0, .min = 0, .max = 256,
             .help = "at most this many; 0: one per core; results do not depend on it"),
    KAON_TEXT(kn_experiment_settings, backend, NULL,
              .help = "left to the site, as a rule; absent: the best that is installed"),
    {.size = sizeof(kaon_option), .kind = KAON_OPTION_CHOICE, .name = "float",
     .offset = offsetof(kn_experiment_settings, float_type), .choices = float_names,
     .help = "arithmetic in single or double precision"},
    KN_TREE(kn_experiment_settings, data, .help = "what to learn from: reader, features, target, split"),
    KN_TREE(kn_experiment_settings, model, .interface_id = KAON_LEARNER,
            .help = "learners, fitted one after the other"),
    KN_TREE(kn_experiment_settings, environment, .interface_id = KAON_ENVIRONMENT, .max_count = 1,
            .help = "the world an agent acts in"),
    KN_TREE(kn_experiment_settings, agent, .interface_id = KAON_AGENT, .max_count = 1,
            .help = "what learns to act"),
    KN_TREE(kn_experiment_settings, evaluation, .help = "how what was trained is judged"),
    KN_TREE(kn_experiment_settings, tune, .help = "settings 'kaon tune' varies, and how it searches"),
    KAON_PARTS(kn_experiment_settings, sinks, KAON_SINK, NULL,
               .help = "where the numbers of the run go beside metrics.jsonl"),
    KN_TREE(kn_experiment_settings, report, .interface_id = KAON_FIGURE,
            .help = "figures of the report; or a word: default, all, none"),
    KN_TREE(kn_experiment_settings, checkpoint, .help = "when to save what is needed to go on after an interruption"),
    KAON_BOOL(kn_experiment_settings, predictions, 0,
              .help = "write predictions.csv: what the model says of the part it is judged by"),
    {0},
};

static const kaon_option evaluation_options[] = {
    KAON_INT(kn_evaluation_settings, episodes, 1000, .min = 1, .max = 1e9,
             .help = "of agents: played to the end with the best action at each step"),
    KAON_INT(kn_evaluation_settings, parallel, 64, .min = 1, .max = 65536,
             .help = "of agents: environments stepped together"),
    KAON_PARTS(kn_evaluation_settings, metrics, KAON_METRIC, NULL,
               .help = "of models: metrics beside those a task has by default"),
    KAON_INT(kn_evaluation_settings, bootstrap, 0, .min = 0, .max = 100000,
             .help = "of models: replicas from which uncertainties are found; 0: none, 200 is good"),
    {0},
};
// clang-format on

static const kn_schema evaluation_schema = {.what = "evaluation",
                                            .more = "experiment:evaluation",
                                            .options = evaluation_options,
                                            .size = sizeof(kn_evaluation_settings)};

static const kn_section sections[] = {{"data", &kn_data_schema},
                                      {"evaluation", &evaluation_schema},
                                      {"tune", &kn_tune_schema},
                                      {"checkpoint", &kn_checkpoint_schema},
                                      {0}};

const kn_schema kn_experiment_schema = {.what = "",
                                        .more = "experiment",
                                        .options = top_options,
                                        .size = sizeof(kn_experiment_settings),
                                        .sections = sections};

/* --- what must stand together ----------------------------------------------------------------- */

static void clash(kn_faults *faults, const kn_config *at, const char *message, const char *hint)
{
    kn_fault_add(faults, KN_FAULT_CLASH, at->key_place, "%s", message);
    kn_fault_hint(faults, "%s", hint);
}

static int32_t check_shape(const kn_experiment_settings *top, const kn_config *root,
                           kn_faults *faults)
{
    const int32_t before = faults->count;
    if (top->environment && top->data)
        clash(faults, top->environment,
              "an experiment has data and a model, or an environment and an agent",
              "take one of the two away");
    else if (top->environment && !top->agent)
        clash(faults, top->environment, "an environment needs an agent", "add 'agent: ...'");
    else if (top->agent && !top->environment)
        clash(faults, top->agent, "an agent needs an environment", "add 'environment: ...'");
    else if (top->data && !top->model)
        clash(faults, top->data, "data alone make no experiment", "add 'model: [...]'");
    else if (top->model && !top->data)
        clash(faults, top->model, "a model needs data", "add 'data: ...'");
    else if (!top->data && !top->environment) {
        kn_fault_add(faults, KN_FAULT_MISSING, root->place, "the experiment is empty");
        kn_fault_note(faults, "it needs 'data' and 'model', or 'environment' and 'agent'");
    }
    return faults->count == before;
}

/* --- the parts of an experiment --------------------------------------------------------------- */

// Keys nobody gave and that have no value say nothing in a resolved file.
static void drop_empty(kn_config *map)
{
    kn_config *child = map->first, *last = NULL;
    map->first = NULL;
    map->count = 0;
    while (child) {
        kn_config *next = child->next;
        if (child->kind != KN_CONFIG_NULL) {
            child->next = NULL;
            if (last)
                last->next = child;
            else
                map->first = child;
            last = child;
            map->count++;
        }
        child = next;
    }
    map->last = last;
}

// Agents and models are judged in different ways: the other's two keys mean nothing here.
static void plan_evaluation(kn_experiment_plan *p, const char *other, const char *another)
{
    const char *const foreign[] = {other, another};
    kn_config *resolved = NULL;
    p->evaluation =
        kn_settings_fill(&p->settings, &evaluation_schema, p->top->evaluation, &resolved);
    for (int32_t i = 0; i < 2; i++) {
        kn_config *key = kn_config_get(resolved, foreign[i]);
        if (key && !key->is_default && key->kind != KN_CONFIG_NULL)
            clash(p->settings.faults, kn_config_get(p->top->evaluation, foreign[i]),
                  p->top->data ? "this key is for agents, the experiment has a model"
                               : "this key is for models, the experiment has an agent",
                  "take it away");
        if (key)
            key->kind = KN_CONFIG_NULL;
    }
    if (resolved)
        drop_empty(resolved);
    kn_config_put(p->tree, p->resolved, "evaluation", resolved);
}

static void plan_model(kn_experiment_plan *p)
{
    p->data = kn_dataset_plan_new(&p->settings, p->top->data, &p->data_resolved);
    p->learners = kn_settings_parts(&p->settings, KAON_LEARNER, p->top->model, &p->model_resolved);
    if (p->top->model->kind == KN_CONFIG_NULL || !p->top->model->count)
        if (p->top->model->kind != KN_CONFIG_SCALAR)
            kn_fault_add(p->settings.faults, KN_FAULT_COUNT, p->top->model->key_place,
                         "the model has no learner");
    kn_config_put(p->tree, p->resolved, "data", p->data_resolved);
    kn_config_put(p->tree, p->resolved, "model", p->model_resolved);
    plan_evaluation(p, "episodes", "parallel");
}

static void plan_agent(kn_experiment_plan *p)
{
    kn_settings *s = &p->settings;
    p->environment =
        kn_settings_part(s, KAON_ENVIRONMENT, p->top->environment, &p->environment_resolved);
    p->agent = kn_settings_part(s, KAON_AGENT, p->top->agent, &p->agent_resolved);
    kn_config_put(p->tree, p->resolved, "environment", p->environment_resolved);
    kn_config_put(p->tree, p->resolved, "agent", p->agent_resolved);
    plan_evaluation(p, "metrics", "bootstrap");
}

static void check(kn_experiment_plan *p, const kn_config *root, kn_faults *faults)
{
    p->settings.top = &kn_experiment_schema;
    p->settings.root = root;
    p->top = kn_settings_fill(&p->settings, &kn_experiment_schema, root, &p->resolved);
    if (!p->top || !p->resolved)
        return;
    drop_empty(p->resolved);
    const int32_t readable = root->kind == KN_CONFIG_MAP || root->kind == KN_CONFIG_NULL;
    if (readable && !check_shape(p->top, root, faults))
        return;
    kn_config *checkpoint = NULL;
    p->checkpoint =
        kn_settings_fill(&p->settings, &kn_checkpoint_schema, p->top->checkpoint, &checkpoint);
    if (p->top->tune)
        p->tune = kn_tune_plan_new(&p->settings, p->top->tune);
    if (p->top->data)
        plan_model(p);
    else if (p->top->environment)
        plan_agent(p);
    kn_config *report = NULL;
    p->report = kn_report_plan(&p->settings, p->top->report, &report);
    kn_config_put(p->tree, p->resolved, "checkpoint", checkpoint);
    kn_config_put(p->tree, p->resolved, "report", report);
}

/* --- its life --------------------------------------------------------------------------------- */

// The part of a path before its last slash, "" if there is none.
static char *folder_of(const char *path)
{
    const size_t length = (size_t)(kn_path_name(path) - path);
    return kn_copy_bytes(path, length > 1 ? length - 1 : length);
}

kaon_status kn_experiment_plan_init(kn_experiment_plan *plan, kn_kernel *kernel, const char *path,
                                    int64_t set_count, const char *const *sets, kn_faults *faults,
                                    kaon_diag *diag)
{
    *plan = (kn_experiment_plan){.tree = kn_config_tree_new(), .folder = folder_of(path)};
    if (!plan->tree || !plan->folder)
        return kn_no_memory(diag, "a configuration");
    kn_settings_init(&plan->settings, kernel, plan->tree, faults);
    kn_config *root = kn_config_load(plan->tree, path, &kn_experiment_schema, faults);
    for (int64_t i = 0; root && i < set_count; i++)
        kn_config_set(plan->tree, &root, sets[i], faults);
    if (root)
        kn_config_put_vars(plan->tree, root, faults);
    if (root)
        check(plan, root, faults);
    kn_config_drop_echoes(faults);
    return kn_faults_status(faults, diag);
}

void kn_experiment_plan_fini(kn_experiment_plan *plan)
{
    if (plan->tree)
        kn_settings_fini(&plan->settings);
    kn_config_tree_free(plan->tree);
    kn_free(plan->folder);
    *plan = (kn_experiment_plan){0};
}
