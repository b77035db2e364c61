/* significance.c: how significant the signal is after a cut on its score, at the best cut.
 *
 * s and b are the weights of signal and background that pass, scaled to expected events. Cuts that
 * leave fewer than `min_background` expected background events are passed over: there the formulas
 * hold no longer, and a few lucky events would decide.
 *
 * s / sqrt(b), s / sqrt(s + b), and the median significance of a discovery from the Asimov data
 * set: Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eq. (97); with an uncertain background
 * Cowan, "Discovery sensitivity for a counting experiment with background uncertainty" (2012), eq.
 * (20).
 */
#include "physics.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *signal;
    double signal_events;
    double background_events;
    double min_background;
    double uncertainty;
} significance_config;

#define SHARED_OPTIONS                                                                             \
    KAON_TEXT(significance_config, signal, NULL, .help = "its class; absent: the second of two"),  \
        KAON_FLOAT(significance_config, signal_events, 0, .min = 0, .max = 1e30,                   \
                   .help = "expected before the cut; 0: what the weights add up to"),              \
        KAON_FLOAT(significance_config, background_events, 0, .min = 0, .max = 1e30,               \
                   .help = "expected before the cut; 0: what the weights add up to"),              \
        KAON_FLOAT(significance_config, min_background, 1, .min = 0, .max = 1e30,                  \
                   .help = "expected events a cut must leave to be considered")

static const kaon_option simple_options[] = {SHARED_OPTIONS, {0}};

static const kaon_option asimov_options[] = {
    SHARED_OPTIONS,
    KAON_FLOAT(significance_config, uncertainty, 0, .min = 0, .max = 100,
               .help = "of the background, relative: 0.1 is ten percent"),
    {0},
};

/* --- formulas --------------------------------------------------------------------------------- */

typedef double formula(double s, double b, double uncertainty);

static double over_sqrt_b(double s, double b, double uncertainty)
{
    (void)uncertainty;
    return s / sqrt(b);
}

static double over_sqrt_sb(double s, double b, double uncertainty)
{
    (void)uncertainty;
    return s / sqrt(s + b);
}

/* (1 + r) ln(1 + r) - r, which is r^2 / 2 for small r, where the plain form cancels. */
static double excess(double r)
{
    if (fabs(r) < 1e-3)
        return r * r * (1.0 / 2 - r * (1.0 / 6 - r * (1.0 / 12 - r * (1.0 / 20 - r / 30))));
    return (1 + r) * log1p(r) - r;
}

// The logarithm's (s + b)(b + v) / (b^2 + (s + b) v) is 1 + s b / (b^2 + (s + b) v): the two terms
// nearly cancel for a small signal, and log1p keeps what is left.
static double asimov(double s, double b, double uncertainty)
{
    const double v = uncertainty * b * uncertainty * b; // variance of the background
    if (v == 0)
        return sqrt(2 * b * excess(s / b));
    const double inside =
        (s + b) * log1p(s * b / (b * b + (s + b) * v)) - b * b / v * log1p(v * s / (b * (b + v)));
    return inside > 0 ? sqrt(2 * inside) : 0;
}

/* --- over all cuts ---------------------------------------------------------------------------- */

typedef struct {
    int64_t signal;
    double signal_scale;
    double background_scale;
    const significance_config *config;
    formula *of;
} scan;

static double value_at(const scan *w, const kaon_cut *cut)
{
    const double s = cut->signal * w->signal_scale, b = cut->rest * w->background_scale;
    if (!(b > 0) || b < w->config->min_background || s < 0)
        return NAN;
    return w->of(s, b, w->config->uncertainty);
}

static void find_best(const scan *w, const kaon_scores *s, double *best, double *where)
{
    kaon_cut cut = {0};
    *best = *where = NAN;
    while (kaon_cut_next(s, w->signal, &cut)) {
        const double value = value_at(w, &cut);
        if (value > *best || (*best != *best && value == value)) {
            *best = value;
            *where = cut.score;
        }
    }
}

static kaon_status draw(const kaon_host *host, const scan *w, const char *name,
                        const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double *x = kaon_alloc(host, 2 * ((uint64_t)s->rows + 1) * sizeof *x);
    kaon_cut cut = {0};
    int64_t n = 0;
    if (!x)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a metric");
    double *y = x + s->rows;
    while (kaon_cut_next(s, w->signal, &cut)) {
        y[n] = value_at(w, &cut);
        x[n] = cut.score;
        n += y[n] == y[n];
    }
    const kaon_curve curve = {sizeof curve,  0, name, w->signal, n, x, y, x, "cut on the score",
                              "significance"};
    out->api->curve(out, &curve);
    kaon_free(host, x);
    return KAON_OK;
}

static kaon_status measure(const kaon_host *host, const significance_config *c, formula *of,
                           const char *name, const kaon_scores *s, kaon_measures *out,
                           kaon_diag *diag)
{
    scan w = {.config = c, .of = of};
    kaon_cut all = {0};
    double best = NAN, where = NAN;
    char cut_name[64];
    KAON_TRY(find_signal(s, c->signal, &w.signal, diag));
    while (kaon_cut_next(s, w.signal, &all))
        ;
    w.signal_scale = c->signal_events > 0 ? c->signal_events / all.signal : 1;
    w.background_scale = c->background_events > 0 ? c->background_events / all.rest : 1;
    const int32_t broken = kaon_scores_broken(s, w.signal);
    if (!broken)
        find_best(&w, s, &best, &where);
    snprintf(cut_name, sizeof cut_name, "%s_cut", name);
    out->api->number(out, name, best);
    out->api->number(out, cut_name, where);
    return out->numbers_only || broken ? KAON_OK : draw(host, &w, name, s, out, diag);
}

static kaon_status measure_sb(const kaon_host *host, const void *settings, const kaon_scores *s,
                              kaon_measures *out, kaon_diag *diag)
{
    return measure(host, settings, over_sqrt_sb, "s_over_sqrt_sb", s, out, diag);
}

static kaon_status measure_b(const kaon_host *host, const void *settings, const kaon_scores *s,
                             kaon_measures *out, kaon_diag *diag)
{
    return measure(host, settings, over_sqrt_b, "s_over_sqrt_b", s, out, diag);
}

static kaon_status measure_asimov(const kaon_host *host, const void *settings, const kaon_scores *s,
                                  kaon_measures *out, kaon_diag *diag)
{
    return measure(host, settings, asimov, "asimov_significance", s, out, diag);
}

// clang-format off
#define METRIC(name, words, rows, call)                                                \
    const kaon_metric name = {.size = sizeof name, .options = rows, .help = words,     \
                              .settings_size = sizeof(significance_config),            \
                              .tasks = KAON_CLASSIFICATION,                            \
                              .direction = KAON_HIGHER_IS_BETTER, .measure = call}

METRIC(s_over_sqrt_b, "s / sqrt(b) at the best cut, and the cut; curve over all cuts", simple_options, measure_b);
METRIC(s_over_sqrt_sb, "s / sqrt(s + b) at the best cut, and the cut; curve over all cuts", simple_options, measure_sb);
METRIC(asimov_significance, "median discovery significance at the best cut; curve over all cuts", asimov_options, measure_asimov);
// clang-format on
