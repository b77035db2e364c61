/* advice.c: what was meant, where a key or an item has a name nobody knows. */
#include "experiment/advice.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/settings_advice.h"

enum { KEYS_WIDTH = 72, NAMES_SHOWN = 96, MOST_KEYS = 64, DEEPEST_SEARCH = 4 };

/* --- words ------------------------------------------------------------------------------------ */

// What other frameworks call things. A row helps only where an option of the second name exists; of
// several rows for one word the first such row.
static const struct {
    const char *foreign;
    const char *ours;
} spellings[] = {
    // clang-format off
    {"lr", "learning_rate"}, {"eta", "learning_rate"}, {"rate", "learning_rate"},
    {"step_size", "learning_rate"}, {"learningrate", "learning_rate"}, {"eta0", "learning_rate"},
    {"learning_rate_init", "learning_rate"}, {"shrinkage", "learning_rate"}, {"alpha", "learning_rate"},
    {"n_epochs", "epochs"}, {"num_epochs", "epochs"}, {"max_epochs", "epochs"}, {"nb_epoch", "epochs"},
    {"epoch", "epochs"}, {"max_iter", "epochs"}, {"n_iter", "epochs"}, {"iterations", "epochs"},
    {"max_iter", "rounds"}, {"n_iter", "rounds"}, {"iterations", "rounds"}, {"steps", "rounds"},
    {"n_estimators", "trees"}, {"ntrees", "trees"}, {"num_trees", "trees"}, {"n_estimators", "rounds"},
    {"num_boost_round", "rounds"}, {"max_depth", "depth"}, {"min_samples_leaf", "leaf"},
    {"batch_size", "batch"}, {"batchsize", "batch"}, {"minibatch", "batch"}, {"mini_batch", "batch"},
    {"bs", "batch"}, {"hidden", "units"}, {"neurons", "units"}, {"out_features", "units"},
    {"nodes", "units"}, {"size", "units"}, {"width", "units"}, {"hidden_size", "units"},
    {"output_dim", "units"}, {"out_channels", "filters"}, {"channels", "filters"},
    {"kernel_size", "kernel"}, {"strides", "stride"}, {"act", "activation"},
    {"nonlinearity", "activation"}, {"activation_function", "activation"}, {"use_bias", "bias"},
    {"p", "rate"}, {"drop", "rate"}, {"dropout_rate", "rate"}, {"prob", "rate"},
    {"opt", "optimizer"}, {"solver", "optimizer"}, {"criterion", "loss"}, {"objective", "loss"},
    {"loss_fn", "loss"}, {"loss_function", "loss"}, {"cost", "loss"},
    {"regularization", "penalty"}, {"regularizer", "penalty"}, {"l2", "penalty"}, {"l1", "penalty"},
    {"beta_1", "beta1"}, {"beta_2", "beta2"}, {"eps", "epsilon"}, {"decay", "weight_decay"},
    {"grad_clip", "clip_norm"}, {"clipnorm", "clip_norm"}, {"gradient_clip_val", "clip_norm"},
    {"max_grad_norm", "clip_norm"}, {"lr_schedule", "schedule"}, {"scheduler", "schedule"},
    {"early_stopping", "patience"}, {"early_stopping_rounds", "patience"}, {"min_delta", "delta"},
    {"n_iter_no_change", "patience"}, {"n_clusters", "clusters"}, {"k", "clusters"},
    {"n_components", "components"}, {"n_neighbors", "neighbors"}, {"k", "neighbors"},
    {"model_type", "model"}, {"network", "model"}, {"models", "model"}, {"dataset", "data"},
    {"input", "data"}, {"random_state", "seed"}, {"random_seed", "seed"}, {"rng", "seed"},
    {"n_jobs", "threads"}, {"num_threads", "threads"}, {"workers", "threads"}, {"nthread", "threads"},
    {"device", "backend"}, {"accelerator", "backend"}, {"dtype", "float"}, {"precision", "float"},
    {"file", "files"}, {"path", "files"}, {"file", "path"}, {"files", "path"}, {"filename", "path"},
    {"format", "reader"}, {"columns", "features"}, {"inputs", "features"}, {"variables", "features"},
    {"input_features", "features"}, {"x", "features"}, {"label", "target"}, {"labels", "target"},
    {"y", "target"}, {"output_features", "target"}, {"target_column", "target"},
    {"weights", "weight"}, {"sample_weight", "weight"}, {"weight_column", "weight"},
    {"cut", "select"}, {"cuts", "select"}, {"selection", "select"}, {"filter", "select"},
    {"define", "derived"}, {"sep", "separator"}, {"delimiter", "separator"}, {"nrows", "rows"},
    {"max_rows", "rows"}, {"na_values", "missing_values"}, {"val", "validation"},
    {"valid", "validation"}, {"dev", "validation"}, {"eval", "evaluation"}, {"training", "train"},
    {"testing", "test"}, {"train_test_split", "split"}, {"test_size", "test"}, {"test_size", "split"},
    {"validation_split", "validation"}, {"validation_split", "split"}, {"kfold", "folds"},
    {"n_splits", "folds"}, {"num_folds", "folds"}, {"gamma", "discount"}, {"env", "environment"},
    {"num_episodes", "episodes"}, {"n_episodes", "episodes"}, {"metrics", "report"},
    {"plots", "report"}, {"figures", "report"}, {"experiment_name", "name"}, {"title", "name"},
    // clang-format on
};

static const kaon_option *find_option(const kaon_option *options, const char *name)
{
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->name && !strcmp(o->name, name))
            return o;
    return NULL;
}

// The option of that name, or of the name other frameworks' word stands for; learning-rate is
// learning_rate.
static const kaon_option *find_meant(const kaon_option *options, const char *key)
{
    char name[64];
    snprintf(name, sizeof name, "%s", key);
    for (char *at = name; *at; at++)
        *at = *at == '-' || *at == ' ' ? '_' : *at;
    const kaon_option *found = find_option(options, name);
    for (size_t i = 0; !found && i < sizeof spellings / sizeof *spellings; i++)
        if (!strcmp(spellings[i].foreign, name))
            found = find_option(options, spellings[i].ours);
    return found;
}

// The nearest one, if it is at most so many letters away.
static const char *nearest_option(const kaon_option *options, const char *name, int32_t most)
{
    kn_nearest nearest = {.word = name};
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->name)
            kn_nearest_offer(&nearest, o->name);
    return nearest.distance <= most ? nearest.best : NULL;
}

// A word other frameworks use, or a slip of one letter; NULL: neither.
static const char *surely_meant(const kaon_option *options, const char *key)
{
    const kaon_option *meant = find_meant(options, key);
    return meant ? meant->name : nearest_option(options, key, 1);
}

static const char *schema_name(const kn_schema *schema)
{
    return *schema->what ? schema->what : "the top level";
}

/* --- keys ------------------------------------------------------------------------------------- */

// A search for the place a key belongs to, from outer to inner.
typedef struct {
    kn_settings *s;
    const char *key;
    const kaon_option *found;
    char where[64]; // who has it
    char path[256]; // "parts: {calo: {cells: ...}}", built from within
} place_search;

static int32_t search_options(place_search *p, const kaon_option *options,
                              const kn_section *sections, const kn_config *node, int32_t depth);

static void wrap(place_search *p, const char *outer)
{
    char inner[sizeof p->path];
    snprintf(inner, sizeof inner, "%s", p->path);
    snprintf(p->path, sizeof p->path, "%.60s: {%.180s}", outer, inner);
}

static int32_t search_item(place_search *p, const char *interface_id, const char *name,
                           const kn_config *body, int32_t depth)
{
    const kn_item *item = NULL;
    if (kn_item_find(p->s->kernel, interface_id, name, &item, NULL))
        return 0;
    const kaon_head *head = item->table;
    p->found = find_meant(head->options, p->key);
    if (p->found) {
        snprintf(p->where, sizeof p->where, "%s", item->name);
        snprintf(p->path, sizeof p->path, "%.60s: ...", p->found->name);
    } else if (!search_options(p, head->options, NULL, body, depth - 1)) {
        return 0;
    }
    wrap(p, item->name);
    return 1;
}

// Items written below an option, or its default.
static int32_t search_items(place_search *p, const kaon_option *o, const kn_config *given,
                            int32_t depth)
{
    if (!p->s->kernel)
        return 0;
    if (!given)
        return o->text && search_item(p, o->interface_id, o->text, NULL, depth);
    const int32_t list = given->kind == KN_CONFIG_LIST;
    for (const kn_config *at = list ? given->first : given; at; at = list ? at->next : NULL) {
        const kn_config *body = at->kind == KN_CONFIG_MAP ? at->first : NULL;
        const char *name = at->kind == KN_CONFIG_SCALAR ? at->text : body ? body->key : NULL;
        if (name && search_item(p, o->interface_id, name, body, depth))
            return 1;
    }
    return 0;
}

// Below each option in turn; the nearest level first.
static int32_t search_options(place_search *p, const kaon_option *options,
                              const kn_section *sections, const kn_config *node, int32_t depth)
{
    for (const kaon_option *o = depth > 0 ? options : NULL; o && o->size; o = kn_option_next(o)) {
        const kn_schema *below = kn_section_find(sections, o->name);
        const kn_config *given = kn_config_get(node, o->name);
        if (below && (p->found = find_meant(below->options, p->key))) {
            snprintf(p->where, sizeof p->where, "%s", below->what);
            snprintf(p->path, sizeof p->path, "%.60s: ...", p->found->name);
        } else if (!(below &&
                     search_options(p, below->options, below->sections, given, depth - 1)) &&
                   !(o->interface_id && search_items(p, o, given, depth))) {
            continue;
        }
        wrap(p, o->name);
        return 1;
    }
    return 0;
}

// "learning_rate" beside the optimizer belongs into it.
static int32_t hint_below(kn_settings *s, const kn_schema *schema, const kn_config *node,
                          const char *key)
{
    place_search p = {.s = s, .key = key};
    if (!search_options(&p, schema->options, schema->sections, node, DEEPEST_SEARCH))
        return 0;
    kn_fault_hint(s->faults, "'%s' belongs to %s: {%s}", p.found->name, p.where, p.path);
    return 1;
}

// "epochs" in an optimizer belongs to the network around it: the most common mistake in YAML.
static int32_t hint_above(kn_settings *s, const struct kn_settings_frame *frame, const char *key)
{
    const kn_schema *top = s->top;
    for (const struct kn_settings_frame *up = frame->outer; up || top; up = up ? up->outer : NULL) {
        const kn_schema *schema = up ? up->schema : top;
        const kaon_option *o = find_meant(schema->options, key);
        top = up ? top : NULL;
        if (o && schema != frame->schema) {
            kn_fault_hint(s->faults, "'%s' belongs to %s, further left", o->name,
                          schema_name(schema));
            return 1;
        }
    }
    return s->top && s->top != frame->schema && hint_below(s, s->top, s->root, key);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// In the order of the alphabet, as many as a line holds.
static void note_keys(kn_settings *s, const kn_schema *schema)
{
    const char *names[MOST_KEYS];
    kn_text keys = {0};
    size_t count = 0, i = 0;
    for (const kaon_option *o = schema->options; o && o->size; o = kn_option_next(o))
        if (count < MOST_KEYS && o->name)
            names[count++] = o->name;
    qsort(names, count, sizeof *names, by_name);
    for (; i < count && keys.length + strlen(names[i]) < KEYS_WIDTH; i++)
        kn_text_format(&keys, "%s%s", i ? ", " : "", names[i]);
    if (count)
        kn_fault_note(s->faults, "keys here: %s%s", kn_text_get(&keys), i < count ? ", ..." : "");
    else
        kn_fault_note(s->faults, "%s has no settings", schema_name(schema));
    if (count && schema->more)
        kn_fault_more(s->faults, "kaon inspect %s", schema->more);
    kn_text_fini(&keys);
}

/* What is meant, the surest first: a word other frameworks use, a slip of one letter, a key of
 * another level, whatever resembles it. */
static void unknown(kn_settings *s, const struct kn_settings_frame *frame, const char *key)
{
    const kn_schema *schema = frame->schema;
    const char *near = surely_meant(schema->options, key);
    if (!near && !hint_below(s, schema, frame->node, key) && !hint_above(s, frame, key))
        near = nearest_option(schema->options, key, INT32_MAX);
    if (near)
        kn_fault_hint(s->faults, "did you mean '%s'?", near);
    note_keys(s, schema);
}

/* --- items ------------------------------------------------------------------------------------ */

typedef struct {
    const char *interface_id;
    const char *name;
    kn_nearest nearest;
    kn_text names;
    char best[64];  // the nearest; notes are borrowed for the visit only
    char other[64]; // the interface that has an item of just this name
    int32_t count;
} search;

static kaon_status visit(void *context, const kn_item_note *item)
{
    search *found = context;
    if (strcmp(item->interface_id, found->interface_id)) {
        if (!strcmp(item->name, found->name))
            snprintf(found->other, sizeof found->other, "%s", item->interface_id);
        return KAON_OK;
    }
    if (found->count++ < NAMES_SHOWN)
        kn_text_format(&found->names, "%s%s", found->count > 1 ? ", " : "", item->name);
    kn_nearest_offer(&found->nearest, item->name);
    if (found->nearest.best == item->name) {
        snprintf(found->best, sizeof found->best, "%s", item->name);
        found->nearest.best = found->best;
    }
    return KAON_OK;
}

static void unknown_item(kn_settings *s, const char *interface_id, const char *name)
{
    char word[32], other[32];
    search found = {.interface_id = interface_id, .name = name, .nearest = {.word = name}};
    kn_interface_word(interface_id, word, sizeof word);
    kn_item_each(s->kernel, NULL, visit, &found, NULL);
    if (found.nearest.best)
        kn_fault_hint(s->faults, "did you mean '%s'?", found.nearest.best);
    else if (*found.other)
        kn_fault_hint(s->faults, "'%s' is a %s, not a %s", name,
                      kn_interface_word(found.other, other, sizeof other), word);
    if (found.count)
        kn_fault_note(s->faults, "installed: %s", kn_text_get(&found.names));
    else
        kn_fault_note(s->faults, "no plugin with a %s is installed", word);
    kn_text_fini(&found.names);
}

const kn_advice kn_settings_advice = {
    .unknown = unknown,
    .item = unknown_item,
    .meant = surely_meant,
};
