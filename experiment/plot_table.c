/* plot_table.c: the numbers of a figure, one line per point, in columns that say what they are. */
#include "experiment/plot.h"

#include <math.h>
#include <string.h>

#include "kernel/decimal.h"

// ORDER column
enum { PANEL, SERIES, X, X_END, Y, Z, LOW, HIGH, ALSO, COLUMNS };

typedef struct {
    int32_t used[COLUMNS];
    const char *also;
} head;

static int32_t is_histogram(const kaon_series *s)
{
    return s->kind == KAON_SERIES_STEPS || s->kind == KAON_SERIES_HISTOGRAM;
}

static int32_t is_told(const kaon_series *s)
{
    return s->kind != KAON_SERIES_TEXT && !s->hidden;
}

/* --- the line of names ------------------------------------------------------------------------ */

static head look(const kn_plot *plot)
{
    head h = {.used = {[PANEL] = plot->panels > 1}};
    for (const kn_plot_panel *p = plot->first; p; p = p->next)
        for (const kn_plot_series *s = p->first; s; s = s->next) {
            const kaon_series *at = &s->at;
            if (!is_told(at))
                continue;
            h.used[SERIES] |= at->label != NULL;
            h.used[X] |= at->x != NULL;
            h.used[X_END] |= is_histogram(at);
            h.used[Y] |= at->y != NULL;
            h.used[Z] |= at->z != NULL;
            h.used[LOW] |= at->low != NULL;
            h.used[HIGH] |= at->high != NULL;
            h.used[ALSO] |= at->also != NULL;
            if (at->also)
                h.also = at->also_name;
        }
    return h;
}

// What the axis is called in all panels; NULL where they differ.
static const kaon_axis *common(const kn_plot *plot, size_t offset)
{
    const kaon_axis *first = NULL;
    for (const kn_plot_panel *p = plot->first; p; p = p->next) {
        const kaon_axis *a = (const kaon_axis *)(const void *)((const char *)&p->at + offset);
        if (!first)
            first = a;
        if (!a->label || !kn_text_same(a->label, first->label) ||
            !kn_text_same(a->unit, first->unit))
            return NULL;
    }
    return first;
}

static void add_text(kn_text *out, const char *text)
{
    if (!text || !strpbrk(text, ",\"\n")) {
        kn_text_add(out, text ? text : "");
        return;
    }
    kn_text_add(out, "\"");
    for (const char *at = text; *at; at++)
        kn_text_format(out, "%s%c", *at == '"' ? "\"" : "", *at);
    kn_text_add(out, "\"");
}

static void add_name(kn_text *out, const kaon_axis *axis, const char *otherwise, const char *more)
{
    kn_text text = {0};
    kn_text_format(&text, "%s%s", axis && *axis->label ? axis->label : otherwise, more);
    if (axis && axis->unit && *axis->unit)
        kn_text_format(&text, " [%s]", axis->unit);
    add_text(out, kn_text_get(&text));
    out->failed |= text.failed;
    kn_text_fini(&text);
}

static void add_head(kn_text *out, const kn_plot *plot, const head *h)
{
    static const char *const names[COLUMNS] = {"panel", "series", "x",    "x", "y",
                                               "z",     "low",    "high", ""};
    const kaon_axis *axes[COLUMNS] = {[X] = common(plot, offsetof(kaon_panel, x)),
                                      [Y] = common(plot, offsetof(kaon_panel, y)),
                                      [Z] = common(plot, offsetof(kaon_panel, z))};
    int32_t first = 1;
    axes[X_END] = axes[X];
    for (int32_t i = 0; i < COLUMNS; i++) {
        if (!h->used[i])
            continue;
        kn_text_add(out, first ? "" : ",");
        first = 0;
        add_name(out, axes[i], i == ALSO ? h->also : names[i],
                 i == X && h->used[X_END] ? " from"
                 : i == X_END             ? " to"
                                          : "");
    }
    kn_text_add(out, "\n");
}

/* --- the points ------------------------------------------------------------------------------- */

typedef struct {
    double x, x_end, y, z, low, high, also;
} point;

static void add_value(kn_text *out, const kaon_axis *axis, double value)
{
    char text[KN_NUMBER_BYTES];
    if (axis && axis->name_count && value >= 0 && value < axis->name_count && value == floor(value))
        add_text(out, axis->names[(int32_t)value]);
    else if (isfinite(value))
        kn_text_add(out, kn_format_double(value, text));
}

static const char *panel_name(const kn_plot_panel *p)
{
    if (p->at.title && *p->at.title)
        return p->at.title;
    return p->at.x.label ? p->at.x.label : "";
}

static void add_point(kn_text *out, const head *h, const kn_plot_panel *p, const kaon_series *s,
                      const point *at)
{
    const double values[COLUMNS] = {0,     0,       at->x,    at->x_end, at->y,
                                    at->z, at->low, at->high, at->also};
    const kaon_axis *const axes[COLUMNS] = {[X] = &p->at.x, [X_END] = &p->at.x, [Y] = &p->at.y};
    int32_t first = 1;
    for (int32_t i = 0; i < COLUMNS; i++) {
        if (!h->used[i])
            continue;
        kn_text_add(out, first ? "" : ",");
        first = 0;
        if (i == PANEL)
            add_text(out, panel_name(p));
        else if (i == SERIES)
            add_text(out, s->label);
        else
            add_value(out, axes[i], values[i]);
    }
    kn_text_add(out, "\n");
}

static double at(const double *values, int64_t i)
{
    return values ? values[i] : NAN;
}

static void add_points(kn_text *out, const head *h, const kn_plot_panel *p, const kaon_series *s)
{
    const int64_t rows = s->kind == KAON_SERIES_HEAT ? s->rows : 1;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < s->count; i++) {
            const point one = {.x = at(s->x, i),
                               .x_end = is_histogram(s) ? s->x[i + 1] : NAN,
                               .y = at(s->y, s->kind == KAON_SERIES_HEAT ? r : i),
                               .z = at(s->z, r * s->count + i),
                               .low = at(s->low, i),
                               .high = at(s->high, i),
                               .also = at(s->also, i)};
            add_point(out, h, p, s, &one);
        }
}

void kn_plot_table(const kn_plot *plot, kn_text *out)
{
    const head h = look(plot);
    add_head(out, plot, &h);
    for (const kn_plot_panel *p = plot->first; p; p = p->next)
        for (const kn_plot_series *s = p->first; s; s = s->next)
            if (is_told(&s->at))
                add_points(out, &h, p, &s->at);
}
