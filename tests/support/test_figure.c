/* test_figure.c: figures drawn from a run made by hand. */
#include <kaon/test_figure.h>

#include <stdlib.h>
#include <string.h>

// What the present drawing is made from, and what was made; one test runs at a time.
static struct {
    kaon_look look;
    kaon_plot plot;
    const kt_run *run;
    kt_drawn drawn;
    void *copies[8192];
    int64_t copy_count;
} now;

static void *copy(const void *from, size_t bytes)
{
    if (!from)
        return NULL;
    void *memory = malloc(bytes ? bytes : 1);
    kt_true(memory != NULL && now.copy_count < 8192);
    memcpy(memory, from, bytes);
    now.copies[now.copy_count++] = memory;
    return memory;
}

static const char *copy_text(const char *text)
{
    return text ? copy(text, strlen(text) + 1) : NULL;
}

/* --- the plot --------------------------------------------------------------------------------- */

static void columns(kaon_plot *p, int32_t count)
{
    (void)p;
    kt_true(count >= 0);
}

static void copy_axis(kaon_axis *axis)
{
    const char **names = copy(axis->names, (size_t)axis->name_count * sizeof *names);
    for (int32_t i = 0; names && i < axis->name_count; i++)
        names[i] = copy_text(names[i]);
    axis->names = names;
    axis->label = copy_text(axis->label);
    axis->unit = copy_text(axis->unit);
}

static void panel(kaon_plot *p, const kaon_panel *given)
{
    (void)p;
    kt_true(now.drawn.panel_count < 64 && given->size == sizeof *given);
    kaon_panel *own = &now.drawn.panels[now.drawn.panel_count++];
    *own = *given;
    own->title = copy_text(own->title);
    copy_axis(&own->x);
    copy_axis(&own->y);
    copy_axis(&own->z);
}

static void series(kaon_plot *p, const kaon_series *given)
{
    (void)p;
    kt_true(now.drawn.series_count < 256 && now.drawn.panel_count > 0 &&
            given->size == sizeof *given);
    kaon_series *s = &now.drawn.series[now.drawn.series_count++];
    *s = *given;
    const int heat = s->kind == KAON_SERIES_HEAT;
    const int edges = s->kind == KAON_SERIES_STEPS || s->kind == KAON_SERIES_HISTOGRAM;
    const size_t bytes = (size_t)s->count * sizeof(double);
    s->label = copy_text(s->label);
    s->x = copy(s->x, bytes + (size_t)edges * sizeof(double));
    s->y = copy(s->y, heat ? (size_t)s->rows * sizeof(double) : bytes);
    s->z = copy(s->z, heat ? bytes * (size_t)s->rows : 0);
    s->low = copy(s->low, bytes);
    s->high = copy(s->high, bytes);
    s->also = copy(s->also, bytes);
    s->reserved = (int32_t)now.drawn.panel_count - 1;
}

static void caption(kaon_plot *p, const char *text)
{
    char *to = now.drawn.caption;
    (void)p;
    snprintf(to + strlen(to), sizeof now.drawn.caption - strlen(to), "%s ", text);
}

static const kaon_plot_api plot_api = {sizeof plot_api, 0, columns, panel, series, caption};

/* --- the run ---------------------------------------------------------------------------------- */

static kaon_status main_part(kaon_look *l, int32_t *part)
{
    (void)l;
    for (*part = KAON_PART_TEST; *part >= 0; --*part)
        if (now.run->scores[*part] || now.run->tables[*part])
            return KAON_OK;
    return KAON_NOT_FOUND;
}

static kaon_status scores(kaon_look *l, int32_t part, const kaon_scores **out, kaon_diag *diag)
{
    (void)l, (void)diag;
    *out = now.run->scores[part];
    return *out ? KAON_OK : KAON_NOT_FOUND;
}

static kaon_status table(kaon_look *l, int32_t part, kaon_table **out, kaon_diag *diag)
{
    (void)l, (void)diag;
    *out = now.run->tables[part];
    return *out ? KAON_OK : KAON_NOT_FOUND;
}

static kaon_status curve(kaon_look *l, int32_t part, const char *name, int64_t index,
                         kaon_curve *out, const double **sigma, kaon_diag *diag)
{
    (void)l, (void)part, (void)diag;
    for (int64_t i = 0; i < now.run->curve_count; i++)
        if (!strcmp(now.run->curves[i].name, name) && index-- == 0) {
            *out = now.run->curves[i];
            *sigma = now.run->sigma;
            return KAON_OK;
        }
    return KAON_NOT_FOUND;
}

static kaon_status number(kaon_look *l, int32_t part, const char *name, double *value,
                          double *sigma, kaon_diag *diag)
{
    (void)l, (void)part, (void)name, (void)value, (void)sigma, (void)diag;
    return KAON_NOT_FOUND;
}

static kaon_status history(kaon_look *l, int64_t index, kaon_history *out)
{
    (void)l;
    if (index >= now.run->history_count)
        return KAON_NOT_FOUND;
    *out = now.run->histories[index];
    return KAON_OK;
}

static kaon_status stage(kaon_look *l, int64_t index, kaon_stage *out)
{
    (void)l;
    if (index >= now.run->stage_count)
        return KAON_NOT_FOUND;
    *out = now.run->stages[index];
    return KAON_OK;
}

static kaon_status predict(kaon_look *l, int32_t part, int64_t rows, const double *features,
                           double *predicted, kaon_diag *diag)
{
    (void)l, (void)part, (void)diag;
    now.run->predict(rows, features, predicted);
    return KAON_OK;
}

static kaon_status weights(kaon_look *l, int64_t index, const char **name, kaon_view *out,
                           kaon_diag *diag)
{
    (void)l, (void)diag;
    if (index >= now.run->weight_count)
        return KAON_NOT_FOUND;
    *name = "weights";
    *out = now.run->weights[index];
    return KAON_OK;
}

static kaon_status predict_with(kaon_look *l, int32_t part, int64_t rows,
                                const double *const *values, double *predicted, kaon_diag *diag)
{
    (void)l, (void)part, (void)diag;
    now.run->predict_with(rows, values, predicted);
    return KAON_OK;
}

static uint64_t seed(kaon_look *l)
{
    (void)l;
    return 1;
}

static const kaon_look_api look_api = {
    sizeof look_api, 0,     main_part, scores,  table,        curve, number,
    history,         stage, predict,   weights, predict_with, seed};

/* --- drawing ---------------------------------------------------------------------------------- */

const kt_drawn *kt_figure(const char *name, const char *settings, const kt_run *run)
{
    const kaon_part *part = kt_part(KAON_FIGURE, name, settings);
    const kaon_figure *figure = part->table;
    while (now.copy_count)
        free(now.copies[--now.copy_count]);
    memset(&now.drawn, 0, sizeof now.drawn);
    now.look.api = &look_api;
    now.plot.api = &plot_api;
    now.run = run;
    now.drawn.status = figure->draw(kt_host(), part->settings, &now.look, &now.plot, kt_diag());
    return &now.drawn;
}

const kaon_series *kt_series(const kt_drawn *drawn, const char *label)
{
    for (int64_t i = 0; i < drawn->series_count; i++)
        if (drawn->series[i].label && !strcmp(drawn->series[i].label, label))
            return &drawn->series[i];
    kt_same_text("no such series", label);
    return NULL;
}
