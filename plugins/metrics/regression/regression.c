/* regression.c: how far predicted values lie from the true ones.
 *
 * residual = predicted - true. rmse, mae and bias are over all numbers of all rows; r2, resolution
 * and resolution_68 are found for each number of a row and averaged. resolution is the standard
 * deviation of the residuals about their mean; resolution_68 is half the width of the central
 * interval that holds 68.27% of them, which few bad rows cannot spoil. Pulls are residuals in units
 * of the predicted uncertainty: their mean should be 0 and their width 1.
 */
#include <kaon/metric.h>

#include <math.h>

static double residual(const kaon_scores *s, int64_t row, int64_t k)
{
    return s->predicted[row * s->width + k] - s->target[row * s->width + k];
}

/* --- over all numbers ------------------------------------------------------------------------- */

static double mean_of(const kaon_scores *s, double (*of)(double residual))
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < s->width; k++)
            sum += s->weight[i] * of(residual(s, i, k));
    return sum / (s->total * (double)s->width);
}

static double square(double value)
{
    return value * value;
}

static double itself(double value)
{
    return value;
}

static kaon_status measure_rmse(const kaon_host *host, const void *settings, const kaon_scores *s,
                                kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "rmse", sqrt(mean_of(s, square)));
    return KAON_OK;
}

static kaon_status measure_mae(const kaon_host *host, const void *settings, const kaon_scores *s,
                               kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "mae", mean_of(s, fabs));
    return KAON_OK;
}

static kaon_status measure_bias(const kaon_host *host, const void *settings, const kaon_scores *s,
                                kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "bias", mean_of(s, itself));
    return KAON_OK;
}

/* --- of one number of each row, then averaged ------------------------------------------------- */

typedef double output_value(const kaon_scores *s, int64_t k);

static double average(const kaon_scores *s, output_value *of)
{
    double sum = 0;
    for (int64_t k = 0; k < s->width; k++)
        sum += of(s, k);
    return sum / (double)s->width;
}

// 1 - sum w (y - p)^2 / sum w (y - mean y)^2
static double output_r2(const kaon_scores *s, int64_t k)
{
    double mean = 0, left = 0, all = 0;
    for (int64_t i = 0; i < s->rows; i++)
        mean += s->weight[i] * s->target[i * s->width + k];
    mean /= s->total;
    for (int64_t i = 0; i < s->rows; i++) {
        left += s->weight[i] * square(residual(s, i, k));
        all += s->weight[i] * square(s->target[i * s->width + k] - mean);
    }
    return 1 - left / all;
}

static double output_resolution(const kaon_scores *s, int64_t k)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < s->rows; i++)
        mean += s->weight[i] * residual(s, i, k);
    mean /= s->total;
    for (int64_t i = 0; i < s->rows; i++)
        squares += s->weight[i] * square(residual(s, i, k) - mean);
    return sqrt(squares / s->total);
}

// The smallest residual with at least `share` of the weight at or below it.
static double quantile(const kaon_scores *s, int64_t k, double share)
{
    const int64_t *order = s->order + k * s->rows; // falling, NaN first
    double below = 0;
    for (int64_t i = s->rows - 1; i >= 0;) {
        const double value = residual(s, order[i], k);
        do // equal ones together: weights among them may be negative
            below += s->weight[order[i]];
        while (--i >= 0 && residual(s, order[i], k) == value);
        if (below >= share * s->total)
            return value;
    }
    return NAN;
}

static double output_resolution_68(const kaon_scores *s, int64_t k)
{
    const double tail = 0.5 * erfc(sqrt(0.5)); // beyond one standard deviation: 15.87%
    if (s->rows && isnan(residual(s, s->order[k * s->rows], k)))
        return NAN;
    return 0.5 * (quantile(s, k, 1 - tail) - quantile(s, k, tail));
}

static kaon_status measure_r2(const kaon_host *host, const void *settings, const kaon_scores *s,
                              kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "r2", average(s, output_r2));
    return KAON_OK;
}

static kaon_status measure_resolution(const kaon_host *host, const void *settings,
                                      const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "resolution", average(s, output_resolution));
    return KAON_OK;
}

static kaon_status measure_resolution_68(const kaon_host *host, const void *settings,
                                         const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "resolution_68", average(s, output_resolution_68));
    return KAON_OK;
}

/* --- pulls ------------------------------------------------------------------------------------ */

static kaon_status measure_pull(const kaon_host *host, const void *settings, const kaon_scores *s,
                                kaon_measures *out, kaon_diag *diag)
{
    const double all = s->total * (double)s->width;
    double mean = 0, squares = 0;
    (void)host, (void)settings, (void)diag;
    if (!s->sigma)
        return KAON_OK; // the model predicts no uncertainties
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < s->width; k++)
            mean += s->weight[i] * residual(s, i, k) / s->sigma[i * s->width + k];
    mean /= all;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < s->width; k++)
            squares += s->weight[i] * square(residual(s, i, k) / s->sigma[i * s->width + k] - mean);
    out->api->number(out, "pull_mean", mean);
    out->api->number(out, "pull_width", sqrt(squares / all));
    return KAON_OK;
}

// clang-format off
#define METRIC(name, words, better, call)                                              \
    static const kaon_metric name = {.size = sizeof name, .help = words,               \
                                     .tasks = KAON_REGRESSION,                         \
                                     .by_default = KAON_REGRESSION,                    \
                                     .direction = better, .measure = call}

METRIC(rmse, "root of the mean square of predicted minus true", KAON_LOWER_IS_BETTER, measure_rmse);
METRIC(mae, "mean size of predicted minus true", KAON_LOWER_IS_BETTER, measure_mae);
METRIC(bias, "mean of predicted minus true", KAON_NEITHER_IS_BETTER, measure_bias);
METRIC(r2, "share of the variance that is explained", KAON_HIGHER_IS_BETTER, measure_r2);
METRIC(resolution, "standard deviation of predicted minus true", KAON_LOWER_IS_BETTER, measure_resolution);
METRIC(resolution_68, "half width of the central 68.27% of predicted minus true", KAON_LOWER_IS_BETTER, measure_resolution_68);
METRIC(pull, "pull_mean, pull_width: residuals over predicted uncertainties, where there are any", KAON_NEITHER_IS_BETTER, measure_pull);

#define ITEMS(item)                                      \
    item(KAON_METRIC, "bias", &bias)                     \
    item(KAON_METRIC, "mae", &mae)                       \
    item(KAON_METRIC, "pull", &pull)                     \
    item(KAON_METRIC, "r2", &r2)                         \
    item(KAON_METRIC, "resolution", &resolution)         \
    item(KAON_METRIC, "resolution_68", &resolution_68)   \
    item(KAON_METRIC, "rmse", &rmse)
// clang-format on

KAON_PLUGIN("regression", "1.0.0", "Apache-2.0", "how far predicted values lie from true ones",
            ITEMS, NULL)
