/* clustering.c: how tight clusters are, and how far they agree with classes where there are any. */
#include <kaon/metric.h>

#include <math.h>
#include <string.h>

static double *cleared(const kaon_host *host, int64_t count, kaon_diag *diag)
{
    double *block = kaon_alloc(host, ((uint64_t)count + 1) * sizeof *block);
    if (block)
        memset(block, 0, ((size_t)count + 1) * sizeof *block);
    else
        kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a metric");
    return block;
}

// Weight of each cluster, as a list, and how many there are.
static kaon_status measure_clusters(const kaon_host *host, const void *settings,
                                    const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double *sizes = cleared(host, s->width, diag);
    (void)settings;
    if (!sizes)
        return KAON_NO_MEMORY;
    for (int64_t i = 0; i < s->rows; i++)
        sizes[s->chosen[i]] += s->weight[i];
    out->api->count(out, "clusters", s->width);
    if (!out->numbers_only)
        out->api->matrix(out, "sizes", 1, s->width, sizes);
    kaon_free(host, sizes);
    return KAON_OK;
}

// Sum of the weighted squared distances to the means of the clusters.
static kaon_status measure_inertia(const kaon_host *host, const void *settings,
                                   const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    const int64_t n = s->feature_width;
    (void)settings;
    if (!s->features)
        return KAON_OK;
    double *means = cleared(host, s->width * (n + 1), diag);
    if (!means)
        return KAON_NO_MEMORY;
    double *weights = means + s->width * n, sum = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        weights[s->chosen[i]] += s->weight[i];
        for (int64_t k = 0; k < n; k++)
            means[s->chosen[i] * n + k] += s->weight[i] * s->features[i * n + k];
    }
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < n && s->weight[i] != 0; k++) {
            const double mean = means[s->chosen[i] * n + k] / weights[s->chosen[i]];
            sum += s->weight[i] * (s->features[i * n + k] - mean) * (s->features[i * n + k] - mean);
        }
    out->api->number(out, "inertia", sum);
    kaon_free(host, means);
    return KAON_OK;
}

/* --- against classes -------------------------------------------------------------------------- */

// Weight of class i in cluster j, (classes, clusters).
static double *contingency(const kaon_host *host, const kaon_scores *s, kaon_diag *diag)
{
    double *table = cleared(host, s->classes * s->width, diag);
    for (int64_t i = 0; table && i < s->rows; i++)
        table[s->truth[i] * s->width + s->chosen[i]] += s->weight[i];
    return table;
}

// Share of the weight that lies in the strongest class of its cluster.
static kaon_status measure_purity(const kaon_host *host, const void *settings, const kaon_scores *s,
                                  kaon_measures *out, kaon_diag *diag)
{
    double sum = 0;
    (void)settings;
    if (!s->truth)
        return KAON_OK; // no classes to compare with
    double *table = contingency(host, s, diag);
    if (!table)
        return KAON_NO_MEMORY;
    for (int64_t j = 0; j < s->width; j++) {
        double most = table[j];
        for (int64_t i = 1; i < s->classes; i++)
            most = fmax(most, table[i * s->width + j]);
        sum += most;
    }
    out->api->number(out, "purity", sum / s->total);
    kaon_free(host, table);
    return KAON_OK;
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

// Hubert and Arabie, doi:10.1007/BF01908075, with weights as multiplicities.
static double rand_index(const kaon_scores *s, const double *table)
{
    double both = 0, rows = 0, columns = 0;
    for (int64_t i = 0; i < s->classes; i++) {
        double row = 0;
        for (int64_t j = 0; j < s->width; j++) {
            both += pairs(table[i * s->width + j]);
            row += table[i * s->width + j];
        }
        rows += pairs(row);
    }
    for (int64_t j = 0; j < s->width; j++) {
        double column = 0;
        for (int64_t i = 0; i < s->classes; i++)
            column += table[i * s->width + j];
        columns += pairs(column);
    }
    const double expected = rows * columns / pairs(s->total);
    return (both - expected) / (0.5 * (rows + columns) - expected);
}

static kaon_status measure_rand(const kaon_host *host, const void *settings, const kaon_scores *s,
                                kaon_measures *out, kaon_diag *diag)
{
    (void)settings;
    if (!s->truth)
        return KAON_OK;
    double *table = contingency(host, s, diag);
    if (!table)
        return KAON_NO_MEMORY;
    out->api->number(out, "adjusted_rand", rand_index(s, table));
    kaon_free(host, table);
    return KAON_OK;
}

// clang-format off
#define METRIC(name, words, better, call)                                              \
    static const kaon_metric name = {.size = sizeof name, .help = words,               \
                                     .tasks = KAON_CLUSTERING,                         \
                                     .by_default = KAON_CLUSTERING,                    \
                                     .direction = better, .measure = call}

METRIC(clusters, "number of clusters; their weights as 'sizes'", KAON_NEITHER_IS_BETTER, measure_clusters);
METRIC(inertia, "sum of squared distances to the means of the clusters", KAON_LOWER_IS_BETTER, measure_inertia);
METRIC(purity, "share of the weight in the strongest class of its cluster", KAON_HIGHER_IS_BETTER, measure_purity);
METRIC(adjusted_rand, "agreement of clusters and classes, 0 by chance, 1 in full", KAON_HIGHER_IS_BETTER, measure_rand);

#define ITEMS(item)                                      \
    item(KAON_METRIC, "adjusted_rand", &adjusted_rand)   \
    item(KAON_METRIC, "clusters", &clusters)             \
    item(KAON_METRIC, "inertia", &inertia)               \
    item(KAON_METRIC, "purity", &purity)
// clang-format on

KAON_PLUGIN("clustering", "1.0.0", "Apache-2.0", "how good clusters are", ITEMS, NULL)
