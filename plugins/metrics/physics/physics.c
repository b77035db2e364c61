/* physics.c: what an analysis asks of a classifier.
 *
 * background_rejection: 1 / (share of the background that passes) where a given share of the signal
 * passes, along the ROC curve, straight between its points. Best significance over all cuts:
 * significance.c.
 */
#include "physics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

kaon_status find_signal(const kaon_scores *s, const char *name, int64_t *out, kaon_diag *diag)
{
    char *end = NULL;
    *out = 1;
    if (!name)
        return s->classes == 2
                   ? KAON_OK
                   : kaon_fail(diag, KAON_INVALID,
                               "of %lld classes one is the signal; name it with 'signal'",
                               (long long)s->classes);
    for (int64_t k = 0; k < s->classes && s->class_names; k++)
        if (s->class_names[k] && !strcmp(s->class_names[k], name)) {
            *out = k;
            return KAON_OK;
        }
    *out = strtoll(name, &end, 10);
    if (!s->class_names && *name && !*end && *out >= 0 && *out < s->classes)
        return KAON_OK;
    return kaon_fail(diag, KAON_NOT_FOUND,
                     "there is no class '%s' to be the signal; the first is '%s'", name,
                     s->class_names && s->class_names[0] ? s->class_names[0] : "0");
}

typedef struct {
    const char *signal;
    kaon_floats efficiencies;
} rejection_config;

static const kaon_option rejection_options[] = {
    KAON_TEXT(rejection_config, signal, NULL, .help = "its class; absent: the second of two"),
    KAON_FLOATS(rejection_config, efficiencies, "[0.3, 0.5, 0.7]", .min = 0, .max = 1,
                .flags = KAON_OPTION_OPEN_MIN, .min_count = 1, .max_count = 64,
                .help = "shares of the signal that pass"),
    {0},
};

static kaon_cut everything(const kaon_scores *s, int64_t signal)
{
    kaon_cut all = {0};
    while (kaon_cut_next(s, signal, &all))
        ;
    return all;
}

// Share of the background that passes where `wanted` of the signal does: the first such place.
static double background_at(const kaon_scores *s, int64_t signal, const kaon_cut *all,
                            double wanted)
{
    kaon_cut cut = {0};
    double x = 0, y = 0;
    if (all->signal == 0 || all->rest == 0 || kaon_scores_broken(s, signal))
        return NAN;
    while (kaon_cut_next(s, signal, &cut)) {
        const double next_x = cut.signal / all->signal, next_y = cut.rest / all->rest;
        if (next_x >= wanted)
            return y + (wanted - x) / (next_x - x) * (next_y - y);
        x = next_x;
        y = next_y;
    }
    return y;
}

static void draw(const kaon_scores *s, int64_t signal, const kaon_cut *all, double *room,
                 kaon_measures *out)
{
    double *x = room, *y = x + s->rows, *threshold = y + s->rows;
    kaon_cut cut = {0};
    int64_t n = 0;
    while (kaon_cut_next(s, signal, &cut))
        if (cut.rest > 0) {
            x[n] = cut.signal / all->signal;
            y[n] = all->rest / cut.rest;
            threshold[n++] = cut.score;
        }
    const kaon_curve curve = {
        sizeof curve,          0, "rejection", signal, n, x, y, threshold, "signal efficiency",
        "background rejection"};
    out->api->curve(out, &curve);
}

static kaon_status measure_rejection(const kaon_host *host, const void *settings,
                                     const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    const rejection_config *c = settings;
    int64_t signal = 0;
    KAON_TRY(find_signal(s, c->signal, &signal, diag));
    const kaon_cut all = everything(s, signal);
    for (int64_t i = 0; i < c->efficiencies.count; i++) {
        char name[64];
        snprintf(name, sizeof name, "background_rejection_at_%g", c->efficiencies.at[i]);
        out->api->number(out, name, 1 / background_at(s, signal, &all, c->efficiencies.at[i]));
    }
    if (out->numbers_only || all.signal == 0 || all.rest == 0 || kaon_scores_broken(s, signal))
        return KAON_OK;
    double *room = kaon_alloc(host, 3 * (uint64_t)s->rows * sizeof *room);
    if (!room)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a metric");
    draw(s, signal, &all, room, out);
    kaon_free(host, room);
    return KAON_OK;
}

static const kaon_metric background_rejection = {
    .size = sizeof background_rejection,
    .settings_size = sizeof(rejection_config),
    .options = rejection_options,
    .help = "1 / background efficiency at fixed signal efficiencies; curve 'rejection'",
    .tasks = KAON_CLASSIFICATION,
    .direction = KAON_HIGHER_IS_BETTER,
    .measure = measure_rejection,
};

#define ITEMS(item)                                                                                \
    item(KAON_METRIC, "asimov_significance", &asimov_significance)                                 \
        item(KAON_METRIC, "background_rejection", &background_rejection)                           \
            item(KAON_METRIC, "s_over_sqrt_b", &s_over_sqrt_b)                                     \
                item(KAON_METRIC, "s_over_sqrt_sb", &s_over_sqrt_sb)

KAON_PLUGIN("physics", "1.0.0", "Apache-2.0", "what an analysis asks of a classifier", ITEMS, NULL)
