/* probability.c: whether the probabilities mean what they say. */
#include "classification.h"

#include <math.h>
#include <string.h>

// Below it a probability counts as this much, so that one certain mistake is not infinite.
static const double smallest_probability = 1e-15;

static kaon_status measure_log_loss(const kaon_host *host, const void *settings,
                                    const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double sum = 0;
    (void)host, (void)settings, (void)diag;
    for (int64_t i = 0; i < s->rows; i++) {
        const double p = s->predicted[i * s->classes + s->truth[i]];
        sum -= s->weight[i] * log(p > smallest_probability || p != p ? p : smallest_probability);
    }
    out->api->number(out, "log_loss", sum / s->total);
    return KAON_OK;
}

// Two classes: (p1 - y)^2, as the meteorologists have it; more: summed over the classes.
static kaon_status measure_brier(const kaon_host *host, const void *settings, const kaon_scores *s,
                                 kaon_measures *out, kaon_diag *diag)
{
    double sum = 0;
    (void)host, (void)settings, (void)diag;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = s->classes == 2 ? 1 : 0; k < s->classes; k++) {
            const double d = s->predicted[i * s->classes + k] - (double)(s->truth[i] == k);
            sum += s->weight[i] * d * d;
        }
    out->api->number(out, "brier", sum / s->total);
    return KAON_OK;
}

/* --- calibration ------------------------------------------------------------------------------ */

static const kaon_option calibration_options[] = {
    KAON_INT(calibration_config, bins, 15, .min = 2, .max = 1000,
             .help = "of equal width, from probability 0 to 1"),
    {0},
};

// Sums over the rows of a bin.
typedef struct {
    double weight, probability, signal;
} bin;

// Bin i holds (i / bins, (i + 1) / bins]; 0 lies in the first one.
static int64_t bin_of(double p, int64_t bins)
{
    const double n = (double)bins;
    int64_t i = p * n < n ? p * n > 0 ? (int64_t)(p * n) : 0 : bins - 1; // NaN: the last one
    if (i > 0 && p <= (double)i / n)
        i--;
    return i;
}

// Probability of class k against how often it is class k.
static void fill_by_class(const kaon_scores *s, int64_t k, int64_t count, bin *bins)
{
    memset(bins, 0, (size_t)count * sizeof *bins);
    for (int64_t i = 0; i < s->rows; i++) {
        const double p = s->predicted[i * s->classes + k];
        bin *b = &bins[bin_of(p, count)];
        b->weight += s->weight[i];
        b->probability += s->weight[i] * p;
        b->signal += s->weight[i] * (double)(s->truth[i] == k);
    }
}

// Probability of the class said against how often it is right.
static void fill_by_choice(const kaon_scores *s, int64_t count, bin *bins)
{
    memset(bins, 0, (size_t)count * sizeof *bins);
    for (int64_t i = 0; i < s->rows; i++) {
        const double p = s->predicted[i * s->classes + s->chosen[i]];
        bin *b = &bins[bin_of(p, count)];
        b->weight += s->weight[i];
        b->probability += s->weight[i] * p;
        b->signal += s->weight[i] * (double)(s->truth[i] == s->chosen[i]);
    }
}

static void draw(const kaon_scores *s, int64_t k, int64_t count, bin *bins, double *room,
                 kaon_measures *out)
{
    double *x = room, *y = x + count;
    int64_t n = 0;
    fill_by_class(s, k, count, bins);
    for (int64_t i = 0; i < count; i++)
        if (bins[i].weight > 0) {
            x[n] = bins[i].probability / bins[i].weight;
            y[n++] = bins[i].signal / bins[i].weight;
        }
    const kaon_curve curve = {.size = sizeof curve,
                              .name = "calibration",
                              .of_class = k,
                              .count = n,
                              .x = x,
                              .y = y,
                              .x_label = "mean predicted probability",
                              .y_label = "observed frequency"};
    out->api->curve(out, &curve);
}

/* Expected calibration error: Naeini, Cooper, Hauskrecht, AAAI 2015; Guo et al., arXiv:1706.04599,
 * eq. (3): the mean over the bins of |right - probability| of the class said. */
static kaon_status measure_calibration(const kaon_host *host, const void *settings,
                                       const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    const calibration_config *c = settings;
    bin *bins = kaon_alloc(host, (uint64_t)c->bins * (sizeof *bins + 2 * sizeof(double)));
    double sum = 0;
    if (!bins)
        return no_memory(diag);
    fill_by_choice(s, c->bins, bins);
    for (int64_t i = 0; i < c->bins; i++)
        sum += fabs(bins[i].signal - bins[i].probability);
    out->api->number(out, "calibration_error", sum / s->total);
    for (int64_t k = 0; k < s->classes && !out->numbers_only; k++)
        draw(s, k, c->bins, bins, (double *)(bins + c->bins), out);
    kaon_free(host, bins);
    return KAON_OK;
}

const kaon_metric log_loss = {
    .size = sizeof log_loss,
    .help = "mean of -ln of the true class's probability",
    .tasks = KAON_CLASSIFICATION,
    .by_default = KAON_CLASSIFICATION,
    .direction = KAON_LOWER_IS_BETTER,
    .measure = measure_log_loss,
};

const kaon_metric brier = {
    .size = sizeof brier,
    .help = "mean square of probability minus truth",
    .tasks = KAON_CLASSIFICATION,
    .by_default = KAON_CLASSIFICATION,
    .direction = KAON_LOWER_IS_BETTER,
    .measure = measure_brier,
};

const kaon_metric calibration = {
    .size = sizeof calibration,
    .settings_size = sizeof(calibration_config),
    .options = calibration_options,
    .help = "calibration_error: mean distance of probability and frequency; curve 'calibration'",
    .tasks = KAON_CLASSIFICATION,
    .direction = KAON_LOWER_IS_BETTER,
    .measure = measure_calibration,
};
