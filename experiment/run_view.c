/* run_view.c: a finished run as figures see it. */
#include "experiment/run_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"
#include "experiment/safetensors.h"
#include "kernel/config.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/structs.h"
#include "kernel/tensor.h"

enum { LARGEST_HISTORY = 256 << 20, FEW_REPLICAS = 50, MANY_ROWS = 100000 };

/* --- parts ------------------------------------------------------------------------------------ */

static kn_run_view_part *part_of(kn_run_view *l, int32_t part)
{
    return part >= 0 && part < KN_PARTS && l->part[part].table ? &l->part[part] : NULL;
}

static kaon_status main_part(kaon_look *look, int32_t *out)
{
    kn_run_view *l = (kn_run_view *)look;
    for (int32_t i = KN_PARTS - 1; i >= 0; i--)
        if (part_of(l, i)) {
            *out = i;
            return KAON_OK;
        }
    return KAON_NOT_FOUND;
}

static kaon_status table(kaon_look *look, int32_t part, kaon_table **out, kaon_diag *diag)
{
    const kn_run_view_part *p = part_of((kn_run_view *)look, part);
    (void)diag;
    *out = p ? p->table : NULL;
    return p ? KAON_OK : KAON_NOT_FOUND;
}

static kaon_status score(kn_run_view *l, kn_run_view_part *p, kaon_diag *diag)
{
    if (!p->predicted)
        KAON_TRY(kn_model_apply(l->model, p->table, &p->predicted, diag));
    if (p->scored)
        return KAON_OK;
    const kaon_status status =
        kn_scores_init(&p->scores, p->predicted, l->settings->kernel->pool, diag);
    if (status) {
        kn_scores_fini(&p->scores);
        return status;
    }
    p->scored = 1;
    return KAON_OK;
}

static kaon_status scores(kaon_look *look, int32_t part, const kaon_scores **out, kaon_diag *diag)
{
    kn_run_view *l = (kn_run_view *)look;
    kn_run_view_part *p = part_of(l, part);
    *out = NULL;
    if (!p || !l->model)
        return KAON_NOT_FOUND;
    KAON_TRY(score(l, p, diag));
    if (!p->scores.at.task)
        return KAON_NOT_FOUND;
    *out = &p->scores.at;
    return KAON_OK;
}

/* --- what metrics say ------------------------------------------------------------------------- */

kaon_status kn_run_view_measure(kn_run_view *l, int32_t part, const kn_measured **out,
                                kaon_diag *diag)
{
    const kaon_scores *s = NULL;
    *out = NULL;
    const kaon_status status = scores(&l->look, part, &s, diag);
    if (status)
        return status == KAON_NOT_FOUND ? KAON_OK : status;
    kn_run_view_part *p = &l->part[part];
    if (!p->measured) {
        kn_measure_request request = l->measure;
        request.curves = request.all = 1;
        if (s->rows > MANY_ROWS && request.bootstrap > FEW_REPLICAS)
            request.bootstrap = FEW_REPLICAS;
        KAON_TRY(kn_measure(l->settings->kernel, &request, s, &p->measured, diag));
    }
    *out = p->measured;
    return KAON_OK;
}

static kaon_status curve(kaon_look *look, int32_t part, const char *name, int64_t index,
                         kaon_curve *out, const double **sigma, kaon_diag *diag)
{
    const kn_measured *m = NULL;
    KAON_TRY(kn_run_view_measure((kn_run_view *)look, part, &m, diag));
    for (int64_t i = 0; m && i < m->curve_count; i++) {
        const kn_curve *c = &m->curves[i];
        if (strcmp(c->name, name) || index-- > 0)
            continue;
        const kaon_curve own = {.size = sizeof own,
                                .name = c->name,
                                .of_class = c->of_class,
                                .count = c->count,
                                .x = c->x,
                                .y = c->y,
                                .threshold = c->threshold,
                                .x_label = c->x_label,
                                .y_label = c->y_label};
        kn_struct_give(out, &own, sizeof own);
        *sigma = c->sigma;
        return KAON_OK;
    }
    return KAON_NOT_FOUND;
}

static kaon_status number(kaon_look *look, int32_t part, const char *name, double *value,
                          double *sigma, kaon_diag *diag)
{
    const kn_measured *m = NULL;
    KAON_TRY(kn_run_view_measure((kn_run_view *)look, part, &m, diag));
    for (int64_t i = 0; m && i < m->number_count; i++)
        if (!strcmp(m->numbers[i].name, name)) {
            *value = m->numbers[i].value;
            *sigma = m->numbers[i].sigma;
            return KAON_OK;
        }
    return KAON_NOT_FOUND;
}

/* --- history ---------------------------------------------------------------------------------- */

static kn_run_view_line *find_line(kn_run_view *l, const char *learner, const char *name)
{
    for (int64_t i = 0; i < l->line_count; i++)
        if (!strcmp(l->lines[i].learner, learner) && !strcmp(l->lines[i].name, name))
            return &l->lines[i];
    kn_run_view_line *grown = kn_resize_array(l->lines, (size_t)l->line_count + 1, sizeof *grown);
    if (!grown)
        return NULL;
    l->lines = grown;
    kn_run_view_line *line = &grown[l->line_count];
    *line = (kn_run_view_line){.learner = kn_copy_text(learner), .name = kn_copy_text(name)};
    l->line_count++;
    return line->learner && line->name ? line : NULL;
}

static int32_t add_point(kn_run_view *l, const char *learner, const char *name, double step,
                         double value)
{
    kn_run_view_line *line = find_line(l, learner, name);
    if (!line)
        return 0;
    // A run that went on after an interruption tells some steps twice: the later word holds.
    while (line->at.count && line->step[line->at.count - 1] >= step)
        line->at.count--;
    if (line->at.count == line->room) {
        const int64_t room = line->room ? 2 * line->room : 64;
        double *steps = kn_resize_array(line->step, (size_t)room, sizeof *steps);
        if (steps)
            line->step = steps;
        double *values = steps ? kn_resize_array(line->value, (size_t)room, sizeof *values) : NULL;
        if (!values)
            return 0;
        line->value = values;
        line->room = room;
    }
    line->step[line->at.count] = step;
    line->value[line->at.count++] = value;
    return 1;
}

// One line of metrics.jsonl; one that is cut short says nothing.
static int32_t read_line(kn_run_view *l, const char *text, size_t bytes)
{
    int32_t done = 1;
    const char *name;
    json_t *value, *root = json_loadb(text, bytes, 0, NULL);
    const char *learner = json_string_value(json_object_get(root, "learner"));
    const double step = json_number_value(json_object_get(root, "step"));
    json_object_foreach(root, name, value)
    {
        if (learner && done && strcmp(name, "step") && strcmp(name, "seconds") &&
            (json_is_number(value) || json_is_null(value)))
            done = add_point(l, learner, name, step,
                             json_is_number(value) ? json_number_value(value) : NAN);
    }
    json_decref(root);
    return done;
}

static kaon_status read_history(kn_run_view *l, const char *path, kaon_diag *diag)
{
    void *data = NULL;
    size_t bytes = 0;
    if (kn_file_read(path, LARGEST_HISTORY, &data, &bytes, NULL))
        return KAON_OK; // a run without one
    int32_t done = 1;
    for (const char *at = data, *end = at + bytes; at < end && done;) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (!next)
            break;
        done = read_line(l, at, (size_t)(next - at));
        at = next + 1;
    }
    kn_free(data);
    for (int64_t i = 0; i < l->line_count; i++) {
        kn_run_view_line *line = &l->lines[i];
        line->at = (kaon_history){.size = sizeof line->at,
                                  .learner = line->learner,
                                  .name = line->name,
                                  .count = line->at.count,
                                  .step = line->step,
                                  .value = line->value};
    }
    return done ? KAON_OK : kn_no_memory(diag, "metrics.jsonl");
}

static kaon_status history(kaon_look *look, int64_t index, kaon_history *out)
{
    const kn_run_view *l = (const kn_run_view *)look;
    if (index < 0 || index >= l->line_count)
        return KAON_NOT_FOUND;
    kn_struct_give(out, &l->lines[index].at, sizeof l->lines[index].at);
    return KAON_OK;
}

static kaon_status stage(kaon_look *look, int64_t index, kaon_stage *out)
{
    const kn_timing *t = &((const kn_run_view *)look)->timing;
    if (index < 0 || index >= t->count)
        return KAON_NOT_FOUND;
    const kaon_stage own = {.size = sizeof own,
                            .name = t->stages[index].name,
                            .seconds = t->stages[index].seconds,
                            .joules = t->stages[index].joules};
    kn_struct_give(out, &own, sizeof own);
    return KAON_OK;
}

/* --- other predictions ------------------------------------------------------------------------ */

// The part's first rows, with other features where they are given.
static kaon_status take_rows(const kn_run_view_part *p, int64_t rows, const double *features,
                             kaon_table **out, kaon_diag *diag)
{
    kaon_table *few = NULL, *bare = NULL;
    kaon_column column = {.size = sizeof column};
    *out = NULL;
    KAON_TRY(kn_table_slice(p->table, 0, rows, &few, diag));
    if (!features) {
        *out = few;
        return KAON_OK;
    }
    kaon_status status = kn_table_column_of(few, KAON_ROLE_FEATURES, &column);
    if (status || column.offsets)
        status = kaon_fail(diag, KAON_UNSUPPORTED, "the features are no table of numbers");
    if (!status)
        status = kn_table_without(few, KAON_ROLE_FEATURES, &bare, diag);
    if (!status) {
        column.view.data = NULL;
        column.view.strides = NULL;
        status = kn_table_column_add(bare, &column, diag);
    }
    if (!status) {
        kaon_view given = column.view;
        given.dtype = KAON_F64;
        given.data = (void *)(uintptr_t)features; // only read
        kn_view_copy(&given, column.view.dtype, column.view.data);
    }
    kn_table_release(few);
    if (status)
        kn_table_release(bare);
    else
        *out = bare;
    return status;
}

static kaon_status predict_by(kn_run_view *l, kn_model *model, int32_t part, int64_t rows,
                              const double *features, double *predicted, kaon_diag *diag)
{
    kn_run_view_part *p = part_of(l, part);
    kaon_table *in = NULL, *out = NULL;
    if (!p || !model || rows < 1 || rows > kn_table_rows(p->table))
        return kaon_fail(diag, KAON_INVALID, "the part has no such rows to predict");
    KAON_TRY(take_rows(p, rows, features, &in, diag));
    kaon_status status = kn_model_apply(model, in, &out, diag);
    kn_scores s = {0};
    if (!status) {
        status = kn_scores_init(&s, out, l->settings->kernel->pool, diag);
        const int64_t width = s.at.task == KAON_CLASSIFICATION ? s.at.classes : s.at.width;
        if (!status && s.at.predicted)
            memcpy(predicted, s.at.predicted, (size_t)(rows * width) * sizeof *predicted);
        else if (!status)
            status = kaon_fail(diag, KAON_UNSUPPORTED, "the model predicts no numbers");
        kn_scores_fini(&s);
    }
    kn_table_release(in);
    kn_table_release(out);
    return status;
}

static kaon_status predict(kaon_look *look, int32_t part, int64_t rows, const double *features,
                           double *predicted, kaon_diag *diag)
{
    kn_run_view *l = (kn_run_view *)look;
    return predict_by(l, l->model, part, rows, features, predicted, diag);
}

static kaon_status weights(kaon_look *look, int64_t index, const char **name, kaon_view *out,
                           kaon_diag *diag)
{
    return kn_run_view_weights((kn_run_view *)look, index, name, out, diag);
}

static kaon_status predict_with(kaon_look *look, int32_t part, int64_t rows,
                                const double *const *values, double *predicted, kaon_diag *diag)
{
    kn_run_view *l = (kn_run_view *)look;
    kn_model *model = NULL;
    KAON_TRY(kn_run_view_model_with(l, values, &model, diag));
    const kaon_status status = predict_by(l, model, part, rows, NULL, predicted, diag);
    kn_run_view_model_free(model);
    return status;
}

static uint64_t seed(kaon_look *look)
{
    return ((const kn_run_view *)look)->seed;
}

static const kaon_look_api api = {
    .size = sizeof api,
    .main_part = main_part,
    .scores = scores,
    .table = table,
    .curve = curve,
    .number = number,
    .history = history,
    .stage = stage,
    .predict = predict,
    .weights = weights,
    .predict_with = predict_with,
    .seed = seed,
};

/* --- its life --------------------------------------------------------------------------------- */

kaon_status kn_run_view_init(kn_run_view *l, const kn_run_view_request *q, kaon_diag *diag)
{
    *l = (kn_run_view){
        .look = {.api = &api}, .settings = q->settings, .model = q->model, .seed = q->seed};
    l->measure =
        (kn_measure_request){.metrics = q->metrics, .bootstrap = q->bootstrap, .seed = q->seed};
    for (int32_t i = 0; i < KN_PARTS && q->dataset; i++) {
        kaon_table *from = q->dataset->part[i];
        const int64_t rows = from ? kn_table_rows(from) : 0;
        if (rows)
            KAON_TRY(kn_table_slice(from, 0, rows < KN_RUN_VIEW_ROWS ? rows : KN_RUN_VIEW_ROWS,
                                    &l->part[i].table, diag));
    }
    char *lines = kn_path_join(q->folder, "metrics.jsonl");
    char *times = kn_path_join(q->folder, "timing.json");
    kaon_status status = lines && times ? KAON_OK : kn_no_memory(diag, "a path");
    if (!status)
        status = read_history(l, lines, diag);
    if (!status)
        kn_timing_read(&l->timing, times);
    kn_free(lines);
    kn_free(times);
    return status;
}

void kn_run_view_fini(kn_run_view *l)
{
    for (int32_t i = 0; i < KN_PARTS; i++) {
        kn_run_view_part *p = &l->part[i];
        kn_measured_free(p->measured);
        if (p->scored)
            kn_scores_fini(&p->scores);
        kn_table_release(p->predicted);
        kn_table_release(p->table);
    }
    for (int64_t i = 0; i < l->line_count; i++) {
        kn_free(l->lines[i].learner);
        kn_free(l->lines[i].name);
        kn_free(l->lines[i].step);
        kn_free(l->lines[i].value);
    }
    kn_free(l->lines);
    kn_safetensors_free(l->weights);
}
