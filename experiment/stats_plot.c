/* stats_plot.c: distributions of columns as figures. */
#include "experiment/stats_plot.h"

#include "experiment/plot.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { PER_FIGURE = 12, ACROSS = 3, MOST_NAMES = 60 };

/* --- what is drawn ---------------------------------------------------------------------------- */

static void add_column(kn_plot *p, const kn_statistics *s, const kn_distribution *d)
{
    double edges[KN_BINS + 1];
    for (int32_t i = 0; i <= KN_BINS; i++)
        edges[i] = d->from + (d->to - d->from) * i / KN_BINS;
    const kaon_panel panel = {.size = sizeof panel,
                              .legend = KAON_LEGEND_NONE,
                              .x = {.label = d->name, .low = d->from, .high = d->to},
                              .y = {.label = s->weighted ? "weight per bin" : "rows per bin"}};
    const kaon_series bins = {.size = sizeof bins,
                              .kind = KAON_SERIES_HISTOGRAM,
                              .label = d->name,
                              .colour = 1,
                              .count = KN_BINS,
                              .x = edges,
                              .y = d->bins};
    p->plot.api->panel(&p->plot, &panel);
    p->plot.api->series(&p->plot, &bins);
}

// Cells of a matrix whose columns and rows are features.
static kaon_status add_correlation(kn_plot *p, const kn_statistics *s, kaon_diag *diag)
{
    const int64_t n = s->feature_count;
    const char **names = kn_alloc_array((size_t)n, sizeof *names);
    double *places = kn_alloc_array((size_t)n, sizeof *places);
    for (int64_t i = 0; names && places && i < n; i++) {
        names[i] = s->columns[i].name; // features come first
        places[i] = (double)i;
    }
    if (names && places) {
        const kaon_axis axis = {.name_count = (int32_t)n, .names = names};
        const kaon_panel panel = {.size = sizeof panel,
                                  .legend = KAON_LEGEND_NONE,
                                  .x = axis,
                                  .y = axis,
                                  .z = {.label = "linear correlation", .low = -1, .high = 1},
                                  .square = 1,
                                  .down = 1};
        const kaon_series cells = {.size = sizeof cells,
                                   .kind = KAON_SERIES_HEAT,
                                   .label = "correlation",
                                   .count = n,
                                   .rows = n,
                                   .x = places,
                                   .y = places,
                                   .z = s->correlation};
        p->plot.api->panel(&p->plot, &panel);
        p->plot.api->series(&p->plot, &cells);
    }
    const int32_t made = names && places;
    kn_free(names);
    kn_free(places);
    return made ? KAON_OK : kn_no_memory(diag, "a figure");
}

/* --- files ------------------------------------------------------------------------------------ */

// The numbers first: they need no program to draw them.
static kaon_status write_plot(const kn_plot *p, const char *folder, const char *name,
                              kaon_diag *diag)
{
    kn_text table = {0}, svg = {0}, pdf = {0};
    kn_drawing drawing = {0};
    kaon_status status = kn_plot_status(p, diag);
    kn_plot_table(p, &table);
    if (!status)
        status = kn_plot_file(folder, name, ".csv", &table, diag);
    if (!status)
        status = kn_drawing_start(&drawing, p, folder, diag);
    if (!status)
        status = kn_drawing_finish(&drawing, &svg, &pdf, diag);
    if (!status)
        status = kn_plot_file(folder, name, ".svg", &svg, diag);
    if (!status)
        status = kn_plot_file(folder, name, ".pdf", &pdf, diag);
    kn_text_fini(&table);
    kn_text_fini(&svg);
    kn_text_fini(&pdf);
    return kaon_context(diag, status, "figure '%s'", name);
}

static kaon_status plot_columns(const kn_statistics *s, int64_t from, const char *folder,
                                kaon_diag *diag)
{
    char name[32];
    kn_plot p;
    kn_plot_init(&p);
    p.plot.api->columns(&p.plot, ACROSS);
    for (int64_t i = from; i < s->count && i < from + PER_FIGURE; i++)
        add_column(&p, s, &s->columns[i]);
    snprintf(name, sizeof name, "columns-%lld", (long long)(from / PER_FIGURE) + 1);
    const kaon_status status = write_plot(&p, folder, name, diag);
    kn_plot_fini(&p);
    return status;
}

kaon_status kn_stats_plot(const kn_statistics *s, const char *folder, kaon_diag *diag)
{
    KAON_TRY(kn_folder_make(folder, diag));
    for (int64_t from = 0; from < s->count; from += PER_FIGURE)
        KAON_TRY(plot_columns(s, from, folder, diag));
    if (!s->correlation || s->feature_count < 2 || s->feature_count > MOST_NAMES)
        return KAON_OK;
    kn_plot p;
    kn_plot_init(&p);
    kaon_status status = add_correlation(&p, s, diag);
    if (!status)
        status = write_plot(&p, folder, "correlation", diag);
    kn_plot_fini(&p);
    return status;
}
