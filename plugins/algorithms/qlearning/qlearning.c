/* qlearning.c: learns the value of each action in each state, from experience, in a table.
 *
 *   Q(s, a) += alpha (r + gamma V(s') - Q(s, a))       V(s') = max_a' Q(s', a'), 0 at the end
 *
 * Where two players take turns, the agent plays both sides: s' is the other's turn, and what is
 * good for him is bad here, so V(s') = -max_a' Q(s', a'). Actions are greedy but for a share
 * epsilon of random ones; alpha and epsilon run evenly from their first to their last value over
 * the episodes. Watkins, Dayan, doi:10.1007/BF00992698.
 */
#include <kaon/agent.h>
#include <kaon/random.h>

#include <math.h>
#include <string.h>

typedef struct {
    int64_t episodes;
    double alpha;
    double alpha_last;
    double epsilon;
    double epsilon_last;
    double gamma;
    double initial;
    int64_t report;
} config;

#define SHARE(field, value, words)                                                                 \
    KAON_FLOAT(config, field, value, .min = 0, .max = 1, .help = words)

static const kaon_option options[] = {
    KAON_INT(config, episodes, 10000, .min = 0, .max = 1e12,
             .help = "games or walks to learn from"),
    SHARE(alpha, 0.5, "share of a surprise that is learned, at the start"),
    SHARE(alpha_last, 0.05, "the same at the end"),
    SHARE(epsilon, 0.1, "share of random actions, at the start"),
    SHARE(epsilon_last, 0.1, "the same at the end"),
    SHARE(gamma, 1, "what a reward is worth one step later"),
    KAON_FLOAT(config, initial, 0, .min = -1e9, .max = 1e9,
               .help = "value of what was never tried; a high one makes curious"),
    KAON_INT(config, report, 100, .min = 1, .max = 1e9, .help = "reports of the mean return"),
    {0},
};

enum { MOST_CELLS = 1 << 28 }; // of the table: 2 GB

typedef struct {
    const kaon_host *host;
    const config *settings;
    int32_t players;
    int64_t states;
    int64_t actions;
    uint64_t seed;
    double *values; // (states, actions)
} agent;

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    agent *a = self;
    if (!a)
        return;
    kaon_free(a->host, a->values);
    kaon_free(a->host, a);
}

static kaon_status check_world(const kaon_world *world, kaon_diag *diag)
{
    if (world->observation.kind != KAON_SPACE_DISCRETE || world->action.kind != KAON_SPACE_DISCRETE)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "qlearning needs numbered states and actions, this environment has "
                         "continuous ones");
    if (world->observation.n < 1 || world->action.n < 1 ||
        world->observation.n > MOST_CELLS / world->action.n)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "a table of %lld states and %lld actions is too large",
                         (long long)world->observation.n, (long long)world->action.n);
    return KAON_OK;
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_world *world,
                          uint64_t seed, void **self, kaon_diag *diag)
{
    KAON_TRY(check_world(world, diag));
    agent *a = kaon_alloc(host, sizeof *a);
    if (!a)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for qlearning");
    *a = (agent){.host = host,
                 .settings = settings,
                 .players = world->players,
                 .states = world->observation.n,
                 .actions = world->action.n,
                 .seed = seed};
    a->values = kaon_alloc(host, (uint64_t)(a->states * a->actions) * sizeof *a->values);
    if (!a->values) {
        destroy(a);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a table of %lld states",
                         (long long)world->observation.n);
    }
    for (int64_t i = 0; i < a->states * a->actions; i++)
        a->values[i] = a->settings->initial;
    *self = a;
    return KAON_OK;
}

/* --- choosing --------------------------------------------------------------------------------- */

// The best legal action, the first of equals; -1 if there is none. `legal` NULL: all are.
static int32_t best(const agent *a, int64_t state, const uint8_t *legal)
{
    const double *row = a->values + state * a->actions;
    int32_t chosen = -1;
    for (int32_t i = 0; i < a->actions; i++)
        if ((!legal || legal[i]) && (chosen < 0 || row[i] > row[chosen]))
            chosen = i;
    return chosen;
}

// One of the legal actions worth at least `least`, each with the same chance; -1 if there is none.
// Among equals a game is learned from all of them, not from the first alone.
static int32_t any(const agent *a, int64_t state, const uint8_t *legal, double least,
                   kaon_random_stream *r)
{
    const double *row = a->values + state * a->actions;
    uint32_t count = 0;
    for (int64_t i = 0; i < a->actions; i++)
        count += (!legal || legal[i]) && row[i] >= least;
    uint32_t left = count ? kaon_random_below(r, count) : 0;
    for (int32_t i = 0; i < a->actions; i++)
        if ((!legal || legal[i]) && row[i] >= least && left-- == 0)
            return i;
    return -1;
}

static int32_t choose(const agent *a, int64_t state, const uint8_t *legal, double epsilon,
                      kaon_random_stream *r)
{
    const int32_t top = best(a, state, legal);
    const int explore = top < 0 || kaon_random_uniform(r) < epsilon;
    return any(a, state, legal, explore ? -INFINITY : a->values[state * a->actions + top], r);
}

static kaon_status act(void *self, int64_t count, const void *observations, const uint8_t *legal,
                       void *actions, kaon_diag *diag)
{
    const agent *a = self;
    const int32_t *states = observations;
    int32_t *chosen = actions;
    for (int64_t i = 0; i < count; i++) {
        if (states[i] < 0 || states[i] >= a->states)
            return kaon_fail(diag, KAON_INVALID, "state %d does not exist, 0 to %lld do",
                             (int)states[i], (long long)a->states - 1);
        const int32_t action = best(a, states[i], legal ? legal + i * a->actions : NULL);
        chosen[i] = action < 0 ? 0 : action;
    }
    return KAON_OK;
}

/* --- model files ------------------------------------------------------------------------------ */

static kaon_view values_of(const agent *a, const int64_t shape[2])
{
    return (kaon_view){
        sizeof(kaon_view), KAON_F64, KAON_DEVICE_CPU, 0, 2, 0, a->values, shape, NULL};
}

static kaon_status save(void *self, kaon_archive *into, kaon_diag *diag)
{
    agent *a = self;
    const int64_t shape[] = {a->states, a->actions};
    const kaon_view view = values_of(a, shape);
    return into->api->put(into, "values", &view, diag);
}

static kaon_status load(void *self, kaon_archive *from, kaon_diag *diag)
{
    agent *a = self;
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, "values", &view, diag));
    if (view.dtype != KAON_F64 || view.rank != 2 || view.shape[0] != a->states ||
        view.shape[1] != a->actions)
        return kaon_fail(diag, KAON_CORRUPT,
                         "'values' is not a table of %lld states and %lld "
                         "actions in f64",
                         (long long)a->states, (long long)a->actions);
    memcpy(a->values, view.data, (size_t)(a->states * a->actions) * sizeof *a->values);
    return KAON_OK;
}

/* --- learning --------------------------------------------------------------------------------- */

// One environment, the agent in it, and where they stand.
typedef struct {
    agent *agent;
    const kaon_environment *table;
    void *world;
    uint8_t *legal; // NULL: all actions always are
    kaon_random_stream random;
    double alpha;
    double epsilon;
    int32_t state;
    // Between two episodes:
    int64_t episodes; // done
    double sum;       // of returns since the last report
} session;

static kaon_status see_legal(const session *s, kaon_diag *diag)
{
    return s->legal ? s->table->legal(s->world, s->legal, diag) : KAON_OK;
}

// Value of the state after a step, for who made it.
static double value_after(const session *s)
{
    const agent *a = s->agent;
    const int32_t reply = best(a, s->state, s->legal);
    if (reply < 0)
        return 0;
    const double value = a->values[s->state * a->actions + reply];
    return a->players > 1 ? -value : value;
}

// One action and what is learned from it; *ended is KAON_GOES_ON, ...
static kaon_status one_step(session *s, double *reward, uint8_t *ended, kaon_diag *diag)
{
    agent *a = s->agent;
    const int32_t action = choose(a, s->state, s->legal, s->epsilon, &s->random);
    if (action < 0)
        return kaon_fail(diag, KAON_INVALID, "state %d has no legal action and is no end",
                         (int)s->state);
    double *value = &a->values[s->state * a->actions + action];
    float gain = 0;
    const kaon_outcome out = {
        .size = sizeof out, .observations = &s->state, .rewards = &gain, .ends = ended};
    KAON_TRY(s->table->step(s->world, &action, &out, diag));
    if (s->state < 0 || s->state >= a->states)
        return kaon_fail(diag, KAON_INVALID, "the environment gives state %d of %lld",
                         (int)s->state, (long long)a->states);
    KAON_TRY(see_legal(s, diag));
    // A step limit is no end of the world: what would have come is still worth something.
    const double next = *ended == KAON_TERMINATED ? 0 : value_after(s);
    *value += s->alpha * (gain + a->settings->gamma * next - *value);
    *reward = gain;
    return KAON_OK;
}

static kaon_status episode(session *s, double *gain, kaon_diag *diag)
{
    uint8_t ended = KAON_GOES_ON;
    *gain = 0;
    KAON_TRY(s->table->reset(s->world, NULL, &s->state, diag));
    KAON_TRY(see_legal(s, diag));
    for (double sign = 1; ended == KAON_GOES_ON; sign = s->agent->players > 1 ? -sign : sign) {
        double reward = 0;
        KAON_TRY(one_step(s, &reward, &ended, diag));
        *gain += sign * reward; // of the first player
    }
    return KAON_OK;
}

/* --- checkpoints, between two episodes -------------------------------------------------------- */

static kaon_status suspend(void *context, kaon_archive *into, kaon_diag *diag)
{
    const session *s = context;
    const int64_t counters[] = {s->episodes, (int64_t)s->random.at};
    const int64_t shape[] = {s->agent->states, s->agent->actions};
    const kaon_view values = values_of(s->agent, shape);
    KAON_TRY(kaon_put_bytes(into, "counters", counters, sizeof counters, diag));
    KAON_TRY(kaon_put_bytes(into, "sum", &s->sum, sizeof s->sum, diag));
    KAON_TRY(into->api->put(into, "values", &values, diag));
    return s->table->suspend(s->world, into, diag);
}

static kaon_status resume(session *s, kaon_archive *from, kaon_diag *diag)
{
    int64_t counters[2];
    KAON_TRY(kaon_get_bytes(from, "counters", counters, sizeof counters, diag));
    KAON_TRY(kaon_get_bytes(from, "sum", &s->sum, sizeof s->sum, diag));
    KAON_TRY(load(s->agent, from, diag));
    s->episodes = counters[0];
    s->random.at = (uint64_t)counters[1];
    return s->table->resume(s->world, from, diag);
}

// At the end of each report; what is lost in between is little.
static kaon_status report(session *s, kaon_monitor *m, int64_t every, kaon_diag *diag)
{
    const double total = (double)s->agent->settings->episodes;
    m->api->metric(m, "return", s->episodes, s->sum / (double)every);
    s->sum = 0;
    KAON_TRY(m->api->checkpoint(m, KAON_POINT_ROUND, suspend, s, diag));
    if (m->api->progress(m, (double)s->episodes, total, "episode"))
        return kaon_fail(diag, KAON_CANCELLED, "stopped; what was learned so far is kept");
    return KAON_OK;
}

static kaon_status episodes(session *s, kaon_monitor *monitor, kaon_diag *diag)
{
    const config *c = s->agent->settings;
    const int64_t every = c->episodes / c->report > 0 ? c->episodes / c->report : 1;
    while (s->episodes < c->episodes) {
        const int64_t i = s->episodes;
        const double part = c->episodes > 1 ? (double)i / (double)(c->episodes - 1) : 0;
        double gain = 0;
        s->alpha = c->alpha + part * (c->alpha_last - c->alpha);
        s->epsilon = c->epsilon + part * (c->epsilon_last - c->epsilon);
        KAON_TRY(kaon_context(diag, episode(s, &gain, diag), "episode %lld", (long long)i + 1));
        s->sum += gain;
        s->episodes++;
        if (monitor && s->episodes % every == 0)
            KAON_TRY(report(s, monitor, every, diag));
    }
    return KAON_OK;
}

static kaon_status train(void *self, const kaon_train *what, kaon_diag *diag)
{
    agent *a = self;
    session s = {
        .agent = a, .table = what->environment->table, .random = {.seed = what->seed, .stream = 1}};
    kaon_world world = {.size = sizeof world};
    KAON_TRY(s.table->world(what->environment->settings, &world, diag));
    KAON_TRY(check_world(&world, diag));
    if (world.observation.n != a->states || world.action.n != a->actions)
        return kaon_fail(diag, KAON_INVALID,
                         "the agent was made for %lld states and %lld actions, the environment has "
                         "%lld and %lld",
                         (long long)a->states, (long long)a->actions,
                         (long long)world.observation.n, (long long)world.action.n);
    if (s.table->legal) {
        s.legal = kaon_alloc(a->host, (uint64_t)a->actions);
        if (!s.legal)
            return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for qlearning");
    }
    kaon_status status =
        s.table->create(a->host, what->environment->settings, 1, what->seed, &s.world, diag);
    if (!status) {
        if (what->from)
            status = kaon_context(diag, resume(&s, what->from, diag), "checkpoint");
        if (!status)
            status = episodes(&s, what->monitor, diag);
        s.table->destroy(s.world);
    }
    kaon_free(a->host, s.legal);
    return status;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_agent qlearning = {
    .size = sizeof qlearning,
    .settings_size = sizeof(config),
    .options = options,
    .help = "a table of values, learned by trial; plays both sides of a game",
    .create = create,
    .destroy = destroy,
    .train = train,
    .act = act,
    .save = save,
    .load = load,
};

#define ITEMS(item) item(KAON_AGENT, "qlearning", &qlearning)

KAON_PLUGIN("qlearning", "1.0.0", "Apache-2.0", "tabular Q-learning", ITEMS, NULL)
