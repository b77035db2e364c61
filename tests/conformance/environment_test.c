/* environment_test.c: what every installed environment must do, and every agent in each of them.
 *
 * Environments: what they show lies in the spaces they state; same seed and same actions give the
 * same rows, whatever the batch; who has ended waits for a reset; some action is always legal; steps
 * end at the limit; a walk put aside goes on where it was. Agents: legal actions only, same seed
 * same actions, what was saved and loaded acts alike, a request to stop is obeyed.
 */
#include <kaon/test.h>

#include <kaon/agent.h>
#include <kaon/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "items.h"

enum { COUNT = 7, FEWER = 3, STEPS = 300, MOST = 4096 };

/* Settings that keep the test quick. */
static const struct {
    const char *name, *settings;
} known[] = {
    {"qlearning", "episodes: 400"},
};

static const char *settings_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].settings;
    return "";
}

/* --- walks ------------------------------------------------------------------------------------ */

// `count` environments and what they showed last.
typedef struct {
    const kaon_environment *table;
    kaon_world world;
    void *self;
    int64_t count;
    char observations[COUNT * MOST], actions[COUNT * MOST];
    float rewards[COUNT];
    uint8_t ends[COUNT];
} walk;

static int64_t space_count(const kaon_space *s)
{
    int64_t count = 1;
    for (int32_t i = 0; s->kind == KAON_SPACE_BOX && i < s->rank; i++)
        count *= s->shape[i];
    return count;
}

static size_t row_bytes(const kaon_space *s)
{
    return (size_t)space_count(s) * sizeof(float); // an i32 has as many
}

static void check_space(const kaon_space *s)
{
    kt_true(s->kind == KAON_SPACE_DISCRETE || s->kind == KAON_SPACE_BOX);
    kt_true(s->kind == KAON_SPACE_BOX ? s->low < s->high && s->rank >= 0 && s->rank <= 4 : s->n > 0);
    kt_true(space_count(s) > 0 && row_bytes(s) <= MOST);
}

static void check_inside(const kaon_space *s, const char *rows, int64_t count)
{
    for (int64_t i = 0; i < count * space_count(s); i++) {
        int32_t number;
        float value;
        memcpy(&number, rows + i * 4, 4);
        memcpy(&value, rows + i * 4, 4);
        kt_true(s->kind == KAON_SPACE_DISCRETE ? number >= 0 && number < s->n
                                               : (double)value >= s->low && (double)value <= s->high);
    }
}

static walk *walk_open(const kaon_part *part, int64_t count, uint64_t seed)
{
    walk *w = calloc(1, sizeof *w);
    kt_true(w != NULL);
    w->table = part->table;
    w->world.size = sizeof w->world;
    w->count = count;
    kt_ok(w->table->world(part->settings, &w->world, kt_diag()));
    check_space(&w->world.observation);
    check_space(&w->world.action);
    kt_true(w->world.players == 1 || w->world.players == 2);
    kt_ok(w->table->create(kt_host(), part->settings, count, seed, &w->self, kt_diag()));
    kt_ok(w->table->reset(w->self, NULL, w->observations, kt_diag()));
    check_inside(&w->world.observation, w->observations, count);
    return w;
}

static void walk_close(walk *w)
{
    w->table->destroy(w->self);
    free(w);
}

// A legal action of environment `i`, drawn from a stream of its own.
static void draw_action(walk *w, const uint8_t *legal, int64_t i, kaon_random_stream *r)
{
    const kaon_space *s = &w->world.action;
    char *at = w->actions + (size_t)i * row_bytes(s);
    if (s->kind == KAON_SPACE_BOX) {
        for (int64_t k = 0; k < space_count(s); k++) {
            const float value = (float)(s->low + (s->high - s->low) * kaon_random_uniform(r));
            memcpy(at + k * 4, &value, 4);
        }
        return;
    }
    int64_t allowed = 0;
    for (int64_t k = 0; k < s->n; k++)
        allowed += legal ? legal[i * s->n + k] : 1;
    kt_true(allowed > 0 || w->ends[i]);
    int64_t skip = allowed ? (int64_t)(kaon_random_uniform(r) * (double)allowed) : 0;
    int32_t chosen = 0;
    for (int64_t k = 0; allowed && k < s->n; k++)
        if (!legal || legal[i * s->n + k])
            if (skip-- == 0)
                chosen = (int32_t)k;
    memcpy(at, &chosen, 4);
}

static void walk_step(walk *w, kaon_random_stream *streams)
{
    static uint8_t legal[COUNT * MOST];
    const kaon_space *s = &w->world.action;
    const int limited = w->table->legal && s->kind == KAON_SPACE_DISCRETE;
    if (limited)
        kt_ok(w->table->legal(w->self, legal, kt_diag()));
    for (int64_t i = 0; i < w->count; i++)
        draw_action(w, limited ? legal : NULL, i, &streams[i]);
    const kaon_outcome out = {sizeof out, 0, w->observations, w->rewards, w->ends};
    kt_ok(w->table->step(w->self, w->actions, &out, kt_diag()));
    check_inside(&w->world.observation, w->observations, w->count);
    for (int64_t i = 0; i < w->count; i++) {
        kt_true(isfinite((double)w->rewards[i]));
        kt_true(w->ends[i] <= KAON_TRUNCATED);
    }
}

static void start_streams(kaon_random_stream streams[COUNT])
{
    for (int64_t i = 0; i < COUNT; i++)
        streams[i] = (kaon_random_stream){.seed = 4, .stream = (uint64_t)i};
}

static int same_rows(const walk *a, const walk *b, int64_t count)
{
    return memcmp(a->observations, b->observations,
                  (size_t)count * row_bytes(&a->world.observation)) == 0 &&
           memcmp(a->rewards, b->rewards, (size_t)count * sizeof *a->rewards) == 0 &&
           memcmp(a->ends, b->ends, (size_t)count) == 0;
}

/* --- environments ----------------------------------------------------------------------------- */

static void check_batches(const kaon_part *part)
{
    walk *many = walk_open(part, COUNT, 9), *few = walk_open(part, FEWER, 9);
    kaon_random_stream a[COUNT], b[COUNT];
    int64_t ended = 0, since = 0;
    start_streams(a);
    start_streams(b);
    for (int64_t step = 0; step < STEPS; step++) {
        walk_step(many, a);
        walk_step(few, b);
        kt_true(same_rows(many, few, FEWER));
        since++;
        for (int64_t i = 0; i < COUNT; i++)
            ended += many->ends[i] != KAON_GOES_ON;
        if (ended) {
            kt_ok(many->table->reset(many->self, many->ends, many->observations, kt_diag()));
            kt_ok(few->table->reset(few->self, few->ends, few->observations, kt_diag()));
            kt_true(same_rows(many, few, FEWER));
        }
    }
    kt_true(!many->world.step_limit || many->world.step_limit > STEPS || ended);
    walk_close(many);
    walk_close(few);
}

// Without a reset all end, at the latest by the limit, and then nothing moves.
static void check_ends(const kaon_part *part)
{
    walk *w = walk_open(part, COUNT, 5);
    kaon_random_stream streams[COUNT];
    start_streams(streams);
    char before[COUNT * MOST];
    for (int64_t step = 0; step < STEPS; step++) {
        uint8_t ended[COUNT];
        memcpy(ended, w->ends, COUNT);
        memcpy(before, w->observations, sizeof before);
        walk_step(w, streams);
        const size_t bytes = row_bytes(&w->world.observation);
        for (int64_t i = 0; i < COUNT; i++) {
            kt_true(!ended[i] || memcmp(before + (size_t)i * bytes,
                                        w->observations + (size_t)i * bytes, bytes) == 0);
            kt_true(!w->world.step_limit || step + 1 < w->world.step_limit || w->ends[i] || ended[i]);
        }
    }
    walk_close(w);
}

static void check_aside(const kaon_part *part)
{
    walk *w = walk_open(part, COUNT, 3), *again = walk_open(part, COUNT, 3);
    kaon_random_stream streams[COUNT], copies[COUNT];
    kaon_archive *file = kt_archive_new();
    start_streams(streams);
    for (int64_t step = 0; step < 5; step++)
        walk_step(w, streams);
    memcpy(copies, streams, sizeof copies);
    const kaon_status status = w->table->suspend(w->self, file, kt_diag());
    if (status == KAON_OK) {
        kt_ok(again->table->resume(again->self, file, kt_diag()));
        // What a caller keeps itself: rows that ended are left alone.
        memcpy(again->ends, w->ends, sizeof again->ends);
        memcpy(again->rewards, w->rewards, sizeof again->rewards);
        memcpy(again->observations, w->observations, sizeof again->observations);
        for (int64_t step = 0; step < 20; step++) {
            walk_step(w, streams);
            walk_step(again, copies);
            kt_true(same_rows(w, again, COUNT));
        }
    } else {
        kt_true(status == KAON_UNSUPPORTED && kt_words()[0]);
    }
    kt_archive_free(file);
    walk_close(w);
    walk_close(again);
}

static void check_environment(const char *name, const kaon_part *part)
{
    (void)name;
    check_batches(part);
    check_ends(part);
    check_aside(part);
}

KT_TEST(environments)
{
    each_item(KAON_ENVIRONMENT, settings_of, check_environment);
}

/* --- agents ----------------------------------------------------------------------------------- */

static const kaon_part *agent_now; // the walk through environments has no context

static void *trained(const kaon_part *environment, const kaon_world *world, int stop_at)
{
    const kaon_agent *table = agent_now->table;
    void *self = NULL;
    if (table->create(kt_host(), agent_now->settings, world, 1, &self, kt_diag())) {
        kt_true(kt_words()[0] != 0);
        return NULL;
    }
    const kaon_train train = {
        .size = sizeof train, .environment = environment, .seed = 1, .monitor = kt_monitor()};
    kt_cancel_at(stop_at);
    const kaon_status status = table->train(self, &train, kt_diag());
    kt_cancel_at(0);
    kt_true(status == KAON_OK || (stop_at && status == KAON_CANCELLED));
    return self;
}

// Actions of two agents on the way of one walk.
static void check_acts(const kaon_part *environment, void *one, void *other)
{
    static uint8_t legal[COUNT * MOST];
    const kaon_agent *table = agent_now->table;
    walk *w = walk_open(environment, COUNT, 8);
    kaon_random_stream streams[COUNT];
    char acts[COUNT * MOST], others[COUNT * MOST];
    const size_t bytes = row_bytes(&w->world.action);
    const int limited = w->table->legal && w->world.action.kind == KAON_SPACE_DISCRETE;
    start_streams(streams);
    for (int step = 0; step < 40; step++) {
        if (limited)
            kt_ok(w->table->legal(w->self, legal, kt_diag()));
        kt_ok(table->act(one, COUNT, w->observations, limited ? legal : NULL, acts, kt_diag()));
        kt_ok(table->act(other, COUNT, w->observations, limited ? legal : NULL, others, kt_diag()));
        kt_true(memcmp(acts, others, COUNT * bytes) == 0);
        check_inside(&w->world.action, acts, COUNT);
        for (int64_t i = 0; limited && i < COUNT; i++) {
            int32_t action;
            memcpy(&action, acts + (size_t)i * bytes, 4);
            kt_true(legal[i * w->world.action.n + action]);
        }
        walk_step(w, streams);
        kt_ok(w->table->reset(w->self, w->ends, w->observations, kt_diag()));
        memset(w->ends, 0, sizeof w->ends);
    }
    walk_close(w);
}

static void check_agent_in(const char *name, const kaon_part *environment)
{
    const kaon_agent *table = agent_now->table;
    const kaon_environment *env = environment->table;
    kaon_world world = {.size = sizeof world};
    kt_ok(env->world(environment->settings, &world, kt_diag()));
    void *one = trained(environment, &world, 0);
    if (!one) {
        print_message("    not in %s: %s\n", name, kt_words());
        return;
    }
    print_message("    in %s\n", name);
    void *same = trained(environment, &world, 0), *loaded = NULL;
    check_acts(environment, one, same);
    kaon_archive *file = kt_archive_new();
    kt_ok(table->save(one, file, kt_diag()));
    kt_ok(table->create(kt_host(), agent_now->settings, &world, 2, &loaded, kt_diag()));
    kt_ok(table->load(loaded, file, kt_diag()));
    check_acts(environment, one, loaded);
    kt_archive_free(file);
    void *stopped = trained(environment, &world, 1);
    check_acts(environment, stopped, stopped);
    table->destroy(one);
    table->destroy(same);
    table->destroy(loaded);
    table->destroy(stopped);
}

static void check_agent(const char *name, const kaon_part *part)
{
    (void)name;
    agent_now = part;
    each_item(KAON_ENVIRONMENT, settings_of, check_agent_in);
}

KT_TEST(agents)
{
    each_item(KAON_AGENT, settings_of, check_agent);
}
