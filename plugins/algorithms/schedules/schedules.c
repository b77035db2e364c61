/* schedules.c: how the learning rate changes while a network is trained: what multiplies it.
 *
 * `t` runs from 0 to 1 over the whole training, an epoch counts with the share that is done.
 *
 *   constant      1
 *   step          factor^floor(epoch / epochs)
 *   exponential   factor^(epoch / epochs)
 *   cosine        last + (1 - last) (1 + cos pi t) / 2, after a linear warm-up
 *   one_cycle     half a cosine up from `first`, then one down to `last`
 *   plateau       lowered by `factor` whenever the loss has not fallen for `patience` epochs
 */
#include <kaon/layer.h>

static kaon_node *number(kaon_graph *g, double value)
{
    return kaon_scalar_as(g, KAON_F64, value);
}

// base^exponent, for a base that may be 0.
static kaon_node *power_of(kaon_graph *g, double base, kaon_node *exponent)
{
    return kaon_pow(g, number(g, base), exponent);
}

// From `from` at t = 0 to `to` at t = 1 along half a cosine.
static kaon_node *anneal(kaon_graph *g, double from, double to, kaon_node *t)
{
    const double pi = 3.14159265358979323846;
    kaon_node *wave = kaon_shift(g, kaon_cos(g, kaon_scale(g, t, pi)), 1);
    return kaon_shift(g, kaon_scale(g, wave, 0.5 * (from - to)), to);
}

/* --- constant --------------------------------------------------------------------------------- */

static const kaon_option no_options[] = {{0}};

static kaon_node *constant_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    (void)settings, (void)pace;
    return number(g, 1);
}

/* --- step, exponential ------------------------------------------------------------------------ */

typedef struct {
    double factor;
    double epochs;
} decay_config;

static const kaon_option decay_options[] = {
    KAON_FLOAT(decay_config, factor, 0.1, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MIN,
               .help = "what multiplies the rate"),
    KAON_FLOAT(decay_config, epochs, 10, .min = 0, .max = 1e9, .flags = KAON_OPTION_OPEN_MIN,
               .help = "after so many epochs"),
    {0},
};

static kaon_node *step_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    const decay_config *c = settings;
    // Divided, not multiplied by 1 / epochs: the tenth epoch must be the tenth.
    kaon_node *drops = kaon_floor(g, kaon_div(g, pace->epoch, number(g, c->epochs)));
    return power_of(g, c->factor, drops);
}

static kaon_node *exponential_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    const decay_config *c = settings;
    return power_of(g, c->factor, kaon_div(g, pace->epoch, number(g, c->epochs)));
}

/* --- cosine ----------------------------------------------------------------------------------- */

typedef struct {
    double warmup;
    double last;
} cosine_config;

static const kaon_option cosine_options[] = {
    KAON_FLOAT(cosine_config, warmup, 0, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "share of all steps in which the rate first rises in a straight line"),
    KAON_FLOAT(cosine_config, last, 0, .min = 0, .max = 1, .help = "factor at the end"),
    {0},
};

// Loshchilov, Hutter, arXiv:1608.03983, equation 5, one period.
static kaon_node *cosine_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    const cosine_config *c = settings;
    kaon_node *rise = kaon_ceil(g, kaon_scale(g, pace->steps, c->warmup)); // steps of it
    kaon_node *left = kaon_max(g, kaon_sub(g, pace->steps, rise), number(g, 1));
    kaon_node *t = kaon_div(g, kaon_sub(g, pace->step, rise), left);
    kaon_node *falling = anneal(g, 1, c->last, t);
    if (c->warmup <= 0)
        return falling;
    kaon_node *rising = kaon_div(g, kaon_shift(g, pace->step, 1), kaon_shift(g, rise, 1));
    return kaon_select(g, kaon_lt(g, pace->step, rise), rising, falling);
}

/* --- one cycle -------------------------------------------------------------------------------- */

typedef struct {
    double rise;
    double first;
    double last;
} cycle_config;

static const kaon_option cycle_options[] = {
    KAON_FLOAT(cycle_config, rise, 0.3, .min = 0, .max = 1,
               .flags = KAON_OPTION_OPEN_MIN | KAON_OPTION_OPEN_MAX,
               .help = "share of all steps in which the rate rises"),
    KAON_FLOAT(cycle_config, first, 0.04, .min = 0, .max = 1, .help = "factor at the start"),
    KAON_FLOAT(cycle_config, last, 4e-6, .min = 0, .max = 1, .help = "factor at the end"),
    {0},
};

// Smith, Topin, arXiv:1708.07120; the last step has the last rate.
static kaon_node *cycle_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    const cycle_config *c = settings;
    kaon_node *one = number(g, 1);
    kaon_node *peak = kaon_shift(g, kaon_scale(g, pace->steps, c->rise), -1);
    kaon_node *end = kaon_max(g, kaon_shift(g, pace->steps, -1), one);
    kaon_node *up = kaon_div(g, pace->step, kaon_max(g, peak, number(g, 1e-9)));
    kaon_node *down = kaon_div(g, kaon_sub(g, pace->step, peak), kaon_sub(g, end, peak));
    return kaon_select(g, kaon_lt(g, pace->step, peak), anneal(g, c->first, 1, up),
                       anneal(g, 1, c->last, kaon_min(g, down, one)));
}

/* --- plateau ---------------------------------------------------------------------------------- */

typedef struct {
    double factor;
    int64_t patience;
    double delta;
    double least;
} plateau_config;

static const kaon_option plateau_options[] = {
    KAON_FLOAT(plateau_config, factor, 0.1, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MIN,
               .help = "what multiplies the rate"),
    KAON_INT(plateau_config, patience, 10, .min = 1, .max = 1e9,
             .help = "epochs without improvement before it does"),
    KAON_FLOAT(plateau_config, delta, 0, .min = 0, .max = 1e9,
               .help = "what the loss must fall by to count as improvement"),
    KAON_FLOAT(plateau_config, least, 0, .min = 0, .max = 1, .help = "the factor falls no lower"),
    {0},
};

// A scalar the schedule keeps from step to step.
static kaon_node *memory(kaon_graph *g, const char *name, int32_t init)
{
    const kaon_variable v = {
        .size = sizeof v, .dtype = KAON_F64, .name = name, .init = init, .flags = KAON_SLOT};
    return g->api->variable(g, &v);
}

static kaon_node *plateau_build(kaon_graph *g, const void *settings, const kaon_pace *pace)
{
    const plateau_config *c = settings;
    kaon_node *best = memory(g, "/schedule/best", KAON_INIT_ZERO);
    kaon_node *idle = memory(g, "/schedule/idle", KAON_INIT_ZERO);
    kaon_node *seen = memory(g, "/schedule/seen", KAON_INIT_ZERO); // 1 once there was a loss
    kaon_node *factor = memory(g, "/schedule/factor", KAON_INIT_ONE);
    kaon_node *zero = number(g, 0), *half = number(g, 0.5);

    kaon_node *fresh = kaon_gt(g, pace->fresh, half);
    kaon_node *lower = kaon_lt(g, pace->loss, kaon_shift(g, best, -c->delta));
    kaon_node *better = kaon_select(g, kaon_gt(g, seen, half), lower, fresh);
    kaon_node *waited = kaon_select(g, better, zero, kaon_shift(g, idle, 1));
    kaon_node *drop = kaon_ge(g, waited, number(g, (double)c->patience));
    kaon_node *lowered = kaon_max(g, kaon_scale(g, factor, c->factor), number(g, c->least));
    kaon_node *next = kaon_select(g, fresh, kaon_select(g, drop, lowered, factor), factor);

    kaon_update(g, best, kaon_select(g, fresh, kaon_select(g, better, pace->loss, best), best));
    kaon_update(g, idle, kaon_select(g, fresh, kaon_select(g, drop, zero, waited), idle));
    kaon_update(g, seen, kaon_max(g, seen, pace->fresh));
    kaon_update(g, factor, next);
    return next;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define SCHEDULE(item_name, config_type, rows, words)                                              \
    static const kaon_schedule item_name = {.size = sizeof item_name,                              \
                                            .settings_size = sizeof(config_type),                  \
                                            .options = rows,                                       \
                                            .help = words,                                         \
                                            .build = item_name##_build};

SCHEDULE(constant, int32_t, no_options, "the rate stays as it is")
SCHEDULE(step, decay_config, decay_options, "the rate drops every few epochs")
SCHEDULE(exponential, decay_config, decay_options, "the rate falls evenly on a logarithmic scale")
SCHEDULE(cosine, cosine_config, cosine_options, "a warm-up, then half a cosine down to the end")
SCHEDULE(cycle, cycle_config, cycle_options, "up and down again along cosines")
SCHEDULE(plateau, plateau_config, plateau_options, "the rate drops where the loss no longer falls")

// clang-format off
#define ITEMS(item)                                  \
    item(KAON_SCHEDULE, "constant", &constant)       \
    item(KAON_SCHEDULE, "cosine", &cosine)           \
    item(KAON_SCHEDULE, "exponential", &exponential) \
    item(KAON_SCHEDULE, "one_cycle", &cycle)         \
    item(KAON_SCHEDULE, "plateau", &plateau)         \
    item(KAON_SCHEDULE, "step", &step)
// clang-format on

KAON_PLUGIN("schedules", "1.0.0", "Apache-2.0", "schedules of the learning rate", ITEMS, NULL)
