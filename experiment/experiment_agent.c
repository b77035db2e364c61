/* experiment_agent.c: an agent trained in an environment, saved, and judged by playing.
 *
 * Judging takes the agent's best action at each step. With one player its return is what is
 * measured. With two the agent meets a player who chooses among the legal actions at random, and
 * moves first in every other environment.
 */
#include "experiment/experiment.h"

#include <kaon/agent.h>
#include <kaon/random.h>
#include <math.h>
#include <string.h>

#include "experiment/agent_file.h"
#include "experiment/archive.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

enum { JUDGE_STREAM = 0x6a756467, LONGEST_EPISODE = 100000 };

// A batch of environments and everything their steps read and write.
typedef struct {
    const kaon_environment *env;
    void *self;
    kaon_world world;
    int64_t count;
    uint8_t *observations;
    uint8_t *actions;
    size_t observation_bytes; // of one environment
    size_t action_bytes;
    float *rewards;
    uint8_t *ends;
    uint8_t *fresh; // which ones to reset
    uint8_t *legal; // (count, n), NULL: all actions are
    int32_t *players;
    double *returns; // of the agent, this episode
    int64_t *lengths;
} arena;

typedef struct {
    int64_t episodes;
    double sum, squares; // of returns
    double length;
    int64_t wins, draws, losses;
} tally;

/* --- memory ----------------------------------------------------------------------------------- */

static size_t space_bytes(const kaon_space *space)
{
    size_t elements = 1;
    if (space->kind == KAON_SPACE_DISCRETE)
        return sizeof(int32_t);
    for (int32_t i = 0; i < space->rank; i++)
        elements *= (size_t)space->shape[i];
    return elements * sizeof(float);
}

static void arena_fini(arena *a)
{
    void *const blocks[] = {a->observations, a->actions, a->rewards, a->ends,   a->fresh,
                            a->legal,        a->players, a->returns, a->lengths};
    if (a->self)
        a->env->destroy(a->self);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        kn_free(blocks[i]);
}

static kaon_status arena_init(arena *a, const kn_experiment *e, kaon_diag *diag)
{
    const kaon_part *part = e->plan.environment;
    const kn_item *item = NULL;
    const size_t n = (size_t)e->plan.evaluation->parallel;
    *a = (arena){.env = part->table, .count = (int64_t)n, .world = {.size = sizeof a->world}};
    KAON_TRY(kn_item_find(e->kernel, KAON_ENVIRONMENT, part->name, &item, diag));
    KAON_TRY(a->env->world(part->settings, &a->world, diag));
    a->observation_bytes = space_bytes(&a->world.observation);
    a->action_bytes = space_bytes(&a->world.action);
    a->observations = kn_alloc_array(n, a->observation_bytes);
    a->actions = kn_alloc_array(n, a->action_bytes);
    a->rewards = kn_alloc_array(n, sizeof *a->rewards);
    a->ends = kn_alloc_array(n, 1);
    a->fresh = kn_alloc_array(n, 1);
    a->players = kn_alloc_array(n, sizeof *a->players);
    a->returns = kn_alloc_array(n, sizeof *a->returns);
    a->lengths = kn_alloc_array(n, sizeof *a->lengths);
    if (a->env->legal && a->world.action.kind == KAON_SPACE_DISCRETE)
        a->legal = kn_alloc_array(n, (size_t)a->world.action.n);
    const int32_t complete = a->observations && a->actions && a->rewards && a->ends && a->fresh &&
                             a->players && a->returns && a->lengths;
    if (!complete || (a->env->legal && !a->legal && a->world.action.kind == KAON_SPACE_DISCRETE))
        return kn_no_memory(diag, "environments");
    return a->env->create(item->host, part->settings, a->count, e->seed, &a->self, diag);
}

/* --- playing ---------------------------------------------------------------------------------- */

// A random legal action in place of the agent's.
static void act_randomly(arena *a, int64_t i, kaon_random_stream *random)
{
    const int64_t n = a->world.action.n;
    uint32_t open = 0;
    for (int64_t k = 0; k < n; k++)
        open += !a->legal || a->legal[i * n + k];
    uint32_t pick = open ? kaon_random_below(random, open) : 0;
    for (int64_t k = 0; k < n; k++) {
        if (a->legal && !a->legal[i * n + k])
            continue;
        if (pick-- > 0)
            continue;
        ((int32_t *)(void *)a->actions)[i] = (int32_t)k;
        return;
    }
}

static kaon_status choose_actions(arena *a, const kaon_agent *agent, void *self,
                                  kaon_random_stream *random, kaon_diag *diag)
{
    if (a->legal)
        KAON_TRY(a->env->legal(a->self, a->legal, diag));
    KAON_TRY(agent->act(self, a->count, a->observations, a->legal, a->actions, diag));
    if (a->world.players < 2 || !a->env->player)
        return KAON_OK;
    KAON_TRY(a->env->player(a->self, a->players, diag));
    for (int64_t i = 0; i < a->count; i++)
        if (a->players[i] != (int32_t)(i & 1))
            act_randomly(a, i, random);
    return KAON_OK;
}

static void count_episode(arena *a, int64_t i, tally *t)
{
    const double value = a->returns[i];
    t->episodes++;
    t->sum += value;
    t->squares += value * value;
    t->length += (double)a->lengths[i];
    t->wins += value > 0;
    t->draws += value == 0;
    t->losses += value < 0;
    a->returns[i] = 0;
    a->lengths[i] = 0;
    a->fresh[i] = 1;
}

// Books a step; what the mover wins, the other player of two loses.
static int32_t book_step(arena *a, int64_t episodes, tally *t)
{
    int32_t ended = 0;
    memset(a->fresh, 0, (size_t)a->count);
    for (int64_t i = 0; i < a->count; i++) {
        const int32_t own = a->world.players < 2 || a->players[i] == (int32_t)(i & 1);
        a->returns[i] += own ? a->rewards[i] : -a->rewards[i];
        a->lengths[i]++;
        if (a->ends[i] == KAON_GOES_ON && a->lengths[i] < LONGEST_EPISODE)
            continue;
        ended = 1;
        if (t->episodes < episodes)
            count_episode(a, i, t);
        else
            a->fresh[i] = 1;
    }
    return ended;
}

static kaon_status play(kn_experiment *e, arena *a, void *self, tally *t, kaon_diag *diag)
{
    const kaon_agent *agent = e->plan.agent->table;
    const int64_t episodes = e->plan.evaluation->episodes;
    const kaon_outcome outcome = {.size = sizeof outcome,
                                  .observations = a->observations,
                                  .rewards = a->rewards,
                                  .ends = a->ends};
    kaon_random_stream random = {.seed = e->seed, .stream = JUDGE_STREAM};
    KAON_TRY(a->env->reset(a->self, NULL, a->observations, diag));
    while (t->episodes < episodes) {
        KAON_TRY(choose_actions(a, agent, self, &random, diag));
        KAON_TRY(a->env->step(a->self, a->actions, &outcome, diag));
        if (book_step(a, episodes, t))
            KAON_TRY(a->env->reset(a->self, a->fresh, a->observations, diag));
        KAON_TRY(e->monitor.monitor.api->progress(&e->monitor.monitor, (double)t->episodes,
                                                  (double)episodes, "episode"));
    }
    return KAON_OK;
}

static void put_tally(kn_experiment *e, const tally *t, int32_t players)
{
    const double n = (double)t->episodes, mean = t->sum / n;
    const double spread = sqrt(fmax(0, t->squares / n - mean * mean));
    json_t *m = e->metrics;
    json_object_set_new(m, "return", json_real(mean));
    json_object_set_new(m, "return_std", json_real(spread));
    json_object_set_new(m, "length", json_real(t->length / n));
    if (players > 1) {
        json_object_set_new(m, "wins", json_real((double)t->wins / n));
        json_object_set_new(m, "draws", json_real((double)t->draws / n));
        json_object_set_new(m, "losses", json_real((double)t->losses / n));
    }
    json_object_set_new(m, "episodes", json_integer(t->episodes));
}

static kaon_status judge_agent(kn_experiment *e, void *self, kaon_diag *diag)
{
    arena a;
    tally t = {0};
    kn_monitor_begin(&e->monitor, "judging");
    kn_monitor_say(&e->monitor, KAON_EVENT_STAGE, "judging");
    kaon_status status = arena_init(&a, e, diag);
    if (!status)
        status = play(e, &a, self, &t, diag);
    if (!status)
        put_tally(e, &t, a.world.players);
    arena_fini(&a);
    return kaon_context(diag, status, "judging");
}

/* --- training --------------------------------------------------------------------------------- */

static void send_head(kn_experiment *e)
{
    json_t *head = json_pack("{s:s, s:s, s:s, s:I}", "config", e->request->config_path,
                             "environment", e->plan.environment->name, "agent", e->plan.agent->name,
                             "seed", (json_int_t)e->seed);
    char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    if (text) {
        kn_run_log_add(e->log, text);
        if (e->monitor.event)
            e->monitor.event(
                e->monitor.context,
                &(kaon_event){.size = sizeof(kaon_event), .kind = KAON_EVENT_HEAD, .text = text});
    }
    free(text);
    json_decref(head);
}

static kaon_status save_agent(kn_experiment *e, void *self, kaon_diag *diag)
{
    char *path = kn_experiment_path(e, "model.safetensors");
    if (!path)
        return kn_no_memory(diag, "a path");
    const kaon_status status = kn_agent_save(&e->plan, self, path, diag);
    if (!status)
        json_object_set_new(e->result, "model", json_string(path));
    kn_free(path);
    return status;
}

static kaon_status train(kn_experiment *e, void *self, kaon_diag *diag)
{
    const kaon_agent *agent = e->plan.agent->table;
    kn_archive from;
    if (e->from)
        kn_archive_init(&from, e->from, "state/");
    const int32_t goes_on = e->from && from.archive.api->count(&from.archive);
    const kaon_train job = {.size = sizeof job,
                            .environment = e->plan.environment,
                            .seed = e->seed,
                            .monitor = &e->monitor.monitor,
                            .from = goes_on ? &from.archive : NULL};
    kn_monitor_begin(&e->monitor, e->plan.agent->name);
    const kaon_status trained = agent->train(self, &job, diag);
    if (trained && trained != KAON_CANCELLED && trained != KAON_NOT_FINITE)
        return kaon_context(diag, trained, "%s", e->plan.agent->name);
    // What an agent knew when it was stopped is worth keeping.
    const kaon_status saved = save_agent(e, self, trained ? NULL : diag);
    if (trained)
        return trained;
    KAON_TRY(saved);
    KAON_TRY(judge_agent(e, self, diag));
    KAON_TRY(kn_experiment_write_metrics(e, diag));
    return kn_experiment_report(e, diag);
}

kaon_status kn_experiment_agent(kn_experiment *e, kaon_diag *diag)
{
    const kaon_agent *agent = e->plan.agent->table;
    const kaon_environment *env = e->plan.environment->table;
    kaon_world world = {.size = sizeof world};
    const kn_item *item = NULL;
    void *self = NULL;
    KAON_TRY(kn_item_find(e->kernel, KAON_AGENT, e->plan.agent->name, &item, diag));
    KAON_TRY(env->world(e->plan.environment->settings, &world, diag));
    KAON_TRY(agent->create(item->host, e->plan.agent->settings, &world, e->seed, &self, diag));
    kaon_status status = KAON_OK;
    if (!(e->request->flags & KAON_RUN_CHECK))
        status = kn_experiment_open_folder(e, diag);
    send_head(e);
    if (!status && !(e->request->flags & KAON_RUN_CHECK))
        status = train(e, self, diag);
    agent->destroy(self);
    return status;
}
