/* asha.c: many trials for a short time, the best of them for longer: asynchronous successive
 * halving. Li et al., "A system for massively parallel hyperparameter tuning", arXiv:1810.05934,
 * algorithm 2.
 *
 * Rung k trains for min * reduction^k, the last one for max. A trial moves up as soon as it is
 * among the best 1 / reduction of its rung; only when none is, a new one begins at the bottom.
 * Points are uniform, a function of the seed and the trial.
 */
#include <kaon/random.h>
#include <kaon/search.h>

#include <math.h>
#include <string.h>

typedef struct {
    double min;
    double max;
    double reduction;
} config;

static const kaon_option options[] = {
    KAON_FLOAT(config, min, 1, .min = 0, .max = 1e12, .flags = KAON_OPTION_OPEN_MIN,
               .help = "budget of a new trial: 'tune: budget' says of what"),
    KAON_FLOAT(config, max, 27, .min = 0, .max = 1e12, .flags = KAON_OPTION_OPEN_MIN,
               .help = "budget of the best trials"),
    KAON_FLOAT(config, reduction, 3, .min = 1.1, .max = 1000,
               .help = "one in so many goes on, with so many times the budget"),
    {0},
};

enum { TRIALS = 27, RUNGS = 64 };

typedef struct {
    int32_t rung;    // where it is, or ran last
    int32_t running; // 1: nothing was told yet
} trial;

// One result; `promoted` once its trial has gone on.
typedef struct {
    int64_t trial;
    double value;
    int32_t promoted;
} result;

typedef struct {
    int64_t count;
    result *at;
} rung;

typedef struct {
    const kaon_host *host;
    int64_t axes;
    uint64_t seed;
    double reduction;
    int32_t rungs;
    double budget[RUNGS];
    int64_t count; // trials begun
    int64_t limit;
    int64_t running;
    trial *trials; // (limit)
    rung results[RUNGS];
} search;

static void destroy(void *self)
{
    search *s = self;
    if (!s)
        return;
    for (int32_t k = 0; k < RUNGS; k++)
        kaon_free(s->host, s->results[k].at);
    kaon_free(s->host, s->trials);
    kaon_free(s->host, s);
}

// Budgets from the top down, so that the best trials get exactly the largest.
static void make_rungs(search *s, const config *c)
{
    double budget = c->max;
    double down[RUNGS];
    int32_t n = 0;
    for (; n < RUNGS && budget >= c->min * (1 - 1e-9); n++, budget /= c->reduction)
        down[n] = budget;
    for (int32_t k = 0; k < n; k++)
        s->budget[k] = down[n - 1 - k];
    s->rungs = n;
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_search_task *task,
                          void **self, kaon_diag *diag)
{
    const config *c = settings;
    *self = NULL;
    if (c->min > c->max)
        return kaon_fail(diag, KAON_INVALID, "asha: min is %g, which is above max, %g", c->min,
                         c->max);
    search *s = kaon_alloc(host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a search");
    memset(s, 0, sizeof *s);
    s->host = host;
    s->axes = task->axis_count;
    s->seed = task->seed;
    s->reduction = c->reduction;
    s->limit = task->trials ? task->trials : TRIALS;
    make_rungs(s, c);
    s->trials = kaon_alloc(host, (uint64_t)s->limit * sizeof *s->trials);
    int32_t failed = !s->trials;
    for (int32_t k = 0; k < s->rungs; k++) {
        s->results[k].at = kaon_alloc(host, (uint64_t)s->limit * sizeof(result));
        failed |= !s->results[k].at;
    }
    if (failed) {
        destroy(s);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a search");
    }
    *self = s;
    return KAON_OK;
}

// How many results of a rung are better; of equal ones the earlier is.
static int64_t place_of(const rung *r, int64_t i)
{
    int64_t better = 0;
    for (int64_t k = 0; k < r->count; k++)
        better += r->at[k].value < r->at[i].value || (k < i && !(r->at[i].value < r->at[k].value));
    return better;
}

// A result among the best 1 / reduction of its rung whose trial has not gone on; NULL: none.
static result *promotable(const search *s, int32_t k)
{
    const rung *r = &s->results[k];
    const int64_t go_on = (int64_t)((double)r->count / s->reduction + 1e-9);
    for (int64_t i = 0; i < r->count && go_on; i++)
        if (!r->at[i].promoted && isfinite(r->at[i].value) && place_of(r, i) < go_on)
            return &r->at[i];
    return NULL;
}

static kaon_status give(search *s, int64_t number, int32_t k, kaon_proposal *out)
{
    kaon_random_stream stream = {s->seed, (uint64_t)number, 0};
    s->trials[number] = (trial){k, 1};
    s->running++;
    out->wait = 0;
    out->trial = number;
    out->budget = s->budget[k];
    for (int64_t i = 0; i < s->axes; i++)
        out->point[i] = kaon_random_uniform(&stream);
    return KAON_OK;
}

static kaon_status ask(void *self, kaon_proposal *out, kaon_diag *diag)
{
    search *s = self;
    (void)diag;
    for (int32_t k = s->rungs - 2; k >= 0; k--) {
        result *best = promotable(s, k);
        if (!best)
            continue;
        best->promoted = 1;
        return give(s, best->trial, k + 1, out);
    }
    if (s->count < s->limit)
        return give(s, s->count++, 0, out);
    out->wait = 1;
    return s->running ? KAON_OK : KAON_END;
}

static kaon_status tell(void *self, int64_t number, double budget, double value, kaon_diag *diag)
{
    search *s = self;
    if (number < 0 || number >= s->count || !s->trials[number].running ||
        s->budget[s->trials[number].rung] != budget)
        return kaon_fail(diag, KAON_INVALID,
                         "asha was told of trial %lld with budget %g, which "
                         "is not running",
                         (long long)number, budget);
    rung *r = &s->results[s->trials[number].rung];
    s->trials[number].running = 0;
    s->running--;
    r->at[r->count++] = (result){number, isnan(value) ? INFINITY : value, 0};
    return KAON_OK;
}

static const kaon_search table = {
    .size = sizeof table,
    .settings_size = sizeof(config),
    .options = options,
    .help = "random points, tried for a short time; the best go on for longer; 27 unless 'trials' "
            "says otherwise",
    .create = create,
    .destroy = destroy,
    .ask = ask,
    .tell = tell,
};

#define ITEMS(item) item(KAON_SEARCH, "asha", &table)

KAON_PLUGIN("asha", "1.0.0", "Apache-2.0", "stops bad settings early", ITEMS, NULL)
