/* experiment_look.c: an experiment held against a little of its data, before all of it is read. */
#include "experiment/experiment_look.h"

#include <ctype.h>
#include <kaon/arrow.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset_plan.h"
#include "data/facts.h"
#include "data/source.h"
#include "data/table.h"
#include "experiment/config_load.h"
#include "experiment/model.h"
#include "experiment/model_own.h"
#include "kernel/decimal.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { LOOK_ROWS = 1000, LEAK_ROWS = 20, LIST_WIDTH = 72, WORD = 128 };

/* --- the word a message is about -------------------------------------------------------------- */

typedef struct {
    const char *message;
    const kn_config *best;
    int32_t is_key; // the key is meant, not the value
    int32_t score;
} word_search;

// 1 if `word` stands in `text` with nothing of a word beside it; 2 if in quotes, or at a path's
// end.
static int32_t cites(const char *text, const char *word)
{
    const size_t length = strlen(word);
    int32_t found = 0;
    for (const char *at = text; length && (at = strstr(at, word)); at++) {
        const char before = at == text ? ' ' : at[-1], after = at[length];
        if ((before == '\'' || before == '/') && after == '\'')
            return 2;
        if (!isalnum((unsigned char)before) && before != '_' && !isalnum((unsigned char)after) &&
            after != '_')
            found = 1;
    }
    return found;
}

static void offer(word_search *s, const kn_config *node, int32_t is_key, int32_t score)
{
    if (score < s->score || !score)
        return; // of equals the last one, which lies deeper or further down
    s->score = score;
    s->best = node;
    s->is_key = is_key;
}

// The scalar or key the message most likely speaks of: quoted ones first, numbers last.
static void search_words(word_search *s, const kn_config *node, int32_t depth)
{
    double number;
    if (node->key && depth)
        offer(s, node, 1, cites(s->message, node->key) ? 2 : 0);
    if (node->kind == KN_CONFIG_SCALAR) {
        const int32_t cited = cites(s->message, node->text);
        const int32_t under_key = node->key && cites(s->message, node->key);
        const int32_t is_number = kn_config_float(node, &number);
        offer(s, node, 0, !cited ? 0 : cited == 2 ? 5 + under_key : is_number ? 1 : 3 + under_key);
    }
    for (const kn_config *child = node->first; child; child = child->next)
        search_words(s, child, depth + 1);
}

// "layer 3 (name): ...": the third entry of the list `layers`.
static const kn_config *numbered(const kn_config *node, const char *message)
{
    char *end = NULL;
    const char *at = strstr(message, "layer ");
    const long number = at ? strtol(at + 6, &end, 10) : 0;
    if (number < 1 || strncmp(end, " (", 2))
        return NULL;
    const kn_config *list = kn_config_get(node, "layers");
    const kn_config *entry = list && list->kind == KN_CONFIG_LIST ? list->first : list;
    for (long i = 1; entry && i < number; i++)
        entry = entry->next;
    return entry;
}

static kn_place place_of(const kn_config *node, const char *message)
{
    word_search s = {.message = message};
    const kn_config *entry = numbered(node, message);
    if (entry)
        return entry->kind == KN_CONFIG_MAP && entry->first ? entry->first->key_place
                                                            : entry->place;
    search_words(&s, node, 0);
    if (!s.best)
        return node->key ? node->key_place : node->place;
    return s.is_key ? s.best->key_place : s.best->place;
}

/* --- words into a fault ----------------------------------------------------------------------- */

// Cuts "(did you mean 'x'?)" out of a text; its inside goes to `hint`.
static void take_hint(char *text, char hint[WORD])
{
    char *at = strstr(text, "(did you mean "), *end = at ? strchr(at, ')') : NULL;
    *hint = 0;
    if (!end)
        return;
    snprintf(hint, WORD, "%.*s", (int)(end - at - 1), at + 1);
    at -= at > text && at[-1] == ' ';
    memmove(at, end + 1, strlen(end + 1) + 1);
}

// What begins at one of the marks is a sentence of its own: advice, or a list. NULL: there is none.
static const char *take_end(char *text, const char *const *marks)
{
    for (; *marks; marks++) {
        char *at = strstr(text, *marks);
        if (!at)
            continue;
        *at = 0;
        return at + strspn(at + 1, ";: ") + 1;
    }
    return NULL;
}

static void add_fault(kn_faults *faults, int32_t code, const kn_config *node, const char *words)
{
    static const char *const advice[] = {": take ", ": let ", NULL};
    static const char *const lists[] = {"; there are ", NULL};
    char text[KN_DIAG_BYTES], hint[WORD];
    snprintf(text, sizeof text, "%s", words);
    const kn_place place = place_of(node, text);
    take_hint(text, hint);
    const char *list = take_end(text, lists);
    const char *what = take_end(text, advice);
    kn_fault_add(faults, code, place, "%s", text);
    if (*hint || what)
        kn_fault_hint(faults, "%s", *hint ? hint : what);
    if (list)
        kn_fault_note(faults, "%s", list);
}

/* --- columns ---------------------------------------------------------------------------------- */

typedef struct {
    kn_experiment_plan *plan;
    const struct ArrowSchema *schema;
    const kn_config *made; // columns made by formulas, or NULL
} columns;

static int32_t has_column(const columns *c, const char *name)
{
    int64_t place;
    for (int64_t i = 0; i < c->schema->n_children; i++)
        if (!strcmp(c->schema->children[i]->name, name))
            return 1;
    return kn_config_get(c->made, name) ||
           (kn_parse_int(name, &place) && place < c->schema->n_children &&
            place >= -c->schema->n_children);
}

static void missing_column(const columns *c, const kn_config *node, const char *name)
{
    kn_faults *faults = c->plan->settings.faults;
    kn_nearest near = {.word = name};
    kn_text list = {0};
    int64_t i = 0;
    for (; i < c->schema->n_children; i++)
        kn_nearest_offer(&near, c->schema->children[i]->name);
    for (const kn_config *made = c->made ? c->made->first : NULL; made; made = made->next)
        kn_nearest_offer(&near, made->key);
    kn_fault_add(faults, KN_FAULT_DATA, node->place, "there is no column '%s'", name);
    if (near.best)
        kn_fault_hint(faults, "did you mean '%s'?", near.best);
    for (i = 0; i < c->schema->n_children && list.length < LIST_WIDTH; i++)
        kn_text_format(&list, "%s%s", i ? ", " : "", c->schema->children[i]->name);
    kn_fault_note(faults, "columns: %s%s", kn_text_get(&list),
                  i < c->schema->n_children ? ", ..." : "");
    kn_text_fini(&list);
}

static void check_names(const columns *c, const char *key)
{
    const kn_config *node = kn_config_get(c->plan->top->data, key);
    const int32_t list = node && node->kind == KN_CONFIG_LIST;
    for (const kn_config *at = list ? node->first : node; at; at = list ? at->next : NULL) {
        const char *name = at->kind == KN_CONFIG_SCALAR ? at->text : "";
        if (*name == '-' && list)
            name++;
        // Formulas tell of their own columns; the class of a file is no column of it.
        if (kn_expression_is_name(name) && !has_column(c, name) &&
            !(c->plan->data->formulas.class_count && !list))
            missing_column(c, at, name);
    }
}

// All columns that are named and not there; 0 where the files cannot even be opened.
static int32_t check_columns(kn_experiment_plan *plan)
{
    static const char *const keys[] = {"features", "target", "weight", "keep"};
    const kn_data_settings *d = plan->data->settings;
    const int32_t before = plan->settings.faults->count;
    const char *folder = *plan->folder ? plan->folder : NULL;
    kn_source *source = NULL;
    kaon_status status = kn_source_open(&plan->settings, plan->data->reader, folder, d->path.at,
                                        d->path.count, &source, NULL);
    if (status && folder)
        status = kn_source_open(&plan->settings, plan->data->reader, NULL, d->path.at,
                                d->path.count, &source, NULL);
    if (status)
        return 0;
    const columns c = {plan, kn_source_schema(source), kn_config_get(plan->top->data, "define")};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check_names(&c, keys[i]);
    kn_source_close(source);
    return plan->settings.faults->count - before;
}

static void hint_file(kn_experiment_plan *plan)
{
    char near[1024];
    const kaon_texts *path = &plan->data->settings->path;
    for (int64_t i = 0; i < path->count; i++) {
        char *joined = kn_path_join(*plan->folder ? plan->folder : NULL, path->at[i]);
        // Without the folder it was looked for in.
        const size_t folder = joined ? strlen(joined) - strlen(path->at[i]) : 0;
        if (joined && kn_nearest_file(joined, near, sizeof near) && strcmp(near, joined))
            kn_fault_hint(plan->settings.faults, "did you mean '%s'?", near + folder);
        kn_free(joined);
    }
}

// What the user can mend in the file; disks and memory are not its fault.
static int32_t is_about_words(kaon_status status)
{
    return status == KAON_INVALID || status == KAON_NOT_FOUND || status == KAON_UNSUPPORTED;
}

kaon_status kn_look_blame_data(kn_experiment_plan *plan, kaon_status status, kaon_diag *diag)
{
    if (!is_about_words(status) || !diag || plan->settings.faults->count)
        return status;
    const char *words = diag->api->text(diag);
    if (check_columns(plan))
        return status;
    add_fault(plan->settings.faults, KN_FAULT_DATA, plan->top->data, words);
    if (status == KAON_NOT_FOUND && strstr(words, "no file"))
        hint_file(plan);
    return status;
}

/* --- parts that must fit ---------------------------------------------------------------------- */

static const kn_config *learner_node(const kn_experiment_plan *plan, int32_t index)
{
    const kn_config *node = plan->top->model;
    if (node->kind == KN_CONFIG_LIST)
        node = node->first;
    for (int32_t i = 0; node && i < index; i++)
        node = node->next;
    return node && node->kind == KN_CONFIG_MAP && node->first ? node->first : node;
}

static kaon_status fit_stages(kn_experiment_plan *plan, kn_model *model, kn_facts *facts,
                              kaon_diag *diag)
{
    for (int32_t i = 0; i < model->count; i++) {
        kn_stage *stage = &model->stages[i];
        const kaon_status status = kn_stage_create(stage, facts, diag);
        const kn_config *node = learner_node(plan, i);
        if (is_about_words(status) && diag && node)
            add_fault(plan->settings.faults, KN_FAULT_FIT, node, diag->api->text(diag));
        if (status)
            return kaon_context(diag, status, "%s", stage->part->name);
        // What some learners make of the features is known only once they are fitted.
        if (kn_stage_facts(stage, facts, NULL))
            return KAON_OK;
    }
    return KAON_OK;
}

/* --- a target among the features -------------------------------------------------------------- */

typedef struct {
    double low, high;
} span;

static double number_at(const kaon_view *view, int64_t i)
{
    return view->dtype == KAON_F64 ? ((const double *)view->data)[i]
                                   : (double)((const float *)view->data)[i];
}

// 1 if each class has one value of the feature, and no two classes the same.
static int32_t tells_class(const kaon_column *x, const kaon_column *y, int64_t rows,
                           int64_t feature, span *classes)
{
    const int64_t width = x->view.shape[1], count = y->label_count;
    for (int64_t k = 0; k < count; k++)
        classes[k] = (span){INFINITY, -INFINITY};
    for (int64_t i = 0; i < rows; i++) {
        const int64_t k = ((const int64_t *)y->view.data)[i];
        const double value = number_at(&x->view, i * width + feature);
        if (k < 0 || k >= count)
            continue;
        classes[k].low = fmin(classes[k].low, value);
        classes[k].high = fmax(classes[k].high, value);
        if (!(classes[k].low == classes[k].high))
            return 0;
    }
    int32_t seen = 0;
    for (int64_t k = 0; k < count; k++) {
        seen += classes[k].low == classes[k].high;
        for (int64_t other = 0; other < k; other++)
            if (classes[other].low == classes[k].low && isfinite(classes[k].low))
                return 0;
    }
    return seen > 1;
}

// 1 if the feature is the target, up to unit and offset.
static int32_t tells_value(const kaon_column *x, const kaon_column *y, int64_t rows,
                           int64_t feature)
{
    const int64_t width = x->view.shape[1];
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < rows; i++) {
        sx += number_at(&x->view, i * width + feature) / (double)rows;
        sy += number_at(&y->view, i) / (double)rows;
    }
    for (int64_t i = 0; i < rows; i++) {
        const double dx = number_at(&x->view, i * width + feature) - sx;
        const double dy = number_at(&y->view, i) - sy;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return xx > 0 && yy > 0 && xy * xy > (1 - 1e-9) * xx * yy;
}

static void warn_leaks(kn_experiment_plan *plan, const kn_dataset *d)
{
    kaon_column x = {.size = sizeof x}, y = {.size = sizeof y};
    const kaon_table *table = d->part[KN_TRAIN];
    const int64_t rows = table ? kn_table_rows(table) : 0;
    const kn_config *target = kn_config_get(plan->top->data, "target");
    if (rows < LEAK_ROWS || !target || kn_table_column_of(table, KAON_ROLE_FEATURES, &x) ||
        kn_table_column_of(table, KAON_ROLE_TARGET, &y) || x.view.rank != 2 || y.view.rank != 1 ||
        !kaon_dtype_is_float(x.view.dtype) ||
        (y.view.dtype != KAON_I64 && !kaon_dtype_is_float(y.view.dtype)))
        return;
    span *classes = kn_alloc_array((size_t)y.label_count + 1, sizeof *classes);
    for (int64_t f = 0; classes && f < x.view.shape[1] && f < d->feature_count; f++)
        if (y.view.dtype == KAON_I64 ? tells_class(&x, &y, rows, f, classes)
                                     : tells_value(&x, &y, rows, f))
            kn_log(
                plan->settings.kernel, KAON_LOG_WARNING,
                "%s:%d:%d: feature '%s' alone tells the target '%s' in all rows looked at: is it "
                "known before the answer? If not, take it out of the features",
                target->place.source ? target->place.source->name : "", (int)target->place.line,
                (int)target->place.column, d->features[f], y.name);
    kn_free(classes);
}

kaon_status kn_look_fit(kn_experiment_plan *plan, const kn_dataset *dataset, uint64_t seed,
                        kaon_diag *diag)
{
    kn_model *model = NULL;
    kn_facts facts;
    if (!dataset->part[KN_TRAIN])
        return KAON_OK;
    KAON_TRY(kn_facts_of(dataset->part[KN_TRAIN], seed, plan->top->float_type, &facts, diag));
    KAON_TRY(kn_model_new(&plan->settings, plan->learners, plan->model_resolved, &model, diag));
    const kaon_status status = fit_stages(plan, model, &facts, diag);
    kn_model_free(model);
    if (!status)
        warn_leaks(plan, dataset);
    return status;
}

kaon_status kn_look(kn_experiment_plan *plan, uint64_t seed, kaon_diag *diag)
{
    kn_kernel *kernel = plan->settings.kernel;
    kn_dataset_load load = {.folder = plan->folder,
                            .seed = seed,
                            .float_type = plan->top->float_type,
                            .max_rows = LOOK_ROWS};
    kn_dataset *dataset = NULL;
    // What is told of the data is told again when all of it is read.
    const int32_t level = kernel->settings.log_level;
    kernel->settings.log_level = KAON_LOG_WARNING;
    kaon_status status = kn_dataset_load_parts(plan->data, &load, &dataset, NULL);
    load.folder = NULL;
    if (status && *plan->folder)
        status = kn_dataset_load_parts(plan->data, &load, &dataset, NULL);
    kernel->settings.log_level = level;
    status = dataset ? kn_look_fit(plan, dataset, seed, diag) : KAON_OK;
    kn_dataset_free(dataset);
    return status;
}
