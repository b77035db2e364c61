/* gridworld_test.c: values of the textbook, from the transitions the world itself shows. */
#include <kaon/test.h>

#include <kaon/agent.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 64, WAYS = 4, WALKS = 64 };

// What was seen: how often each way from each cell led where, with which reward, and whether it
// ended.
typedef struct {
    int64_t cells;
    double count[CELLS][WAYS];
    double next[CELLS][WAYS][CELLS];
    double reward[CELLS][WAYS];
    int terminal[CELLS];
} model;

static void explore(const char *settings, int steps, model *m)
{
    const kaon_part *part = kt_part(KAON_ENVIRONMENT, "gridworld", settings);
    const kaon_environment *table = part->table;
    kaon_world world = {.size = sizeof world};
    void *walks = NULL;
    int32_t cells[WALKS], before[WALKS], ways[WALKS];
    float rewards[WALKS];
    uint8_t ends[WALKS] = {0};
    const kaon_outcome out = {sizeof out, 0, cells, rewards, ends};
    memset(m, 0, sizeof *m);
    kt_ok(table->world(part->settings, &world, kt_diag()));
    m->cells = world.observation.n;
    kt_true(m->cells <= CELLS && world.action.n == WAYS);
    kt_ok(table->create(kt_host(), part->settings, WALKS, 9, &walks, kt_diag()));
    kt_ok(table->reset(walks, NULL, cells, kt_diag()));
    srand(3);
    for (int i = 0; i < steps; i++) {
        memcpy(before, cells, sizeof before);
        for (int j = 0; j < WALKS; j++)
            ways[j] = rand() / (RAND_MAX / WAYS + 1);
        kt_ok(table->step(walks, ways, &out, kt_diag()));
        for (int j = 0; j < WALKS; j++) {
            m->count[before[j]][ways[j]]++;
            m->next[before[j]][ways[j]][cells[j]]++;
            m->reward[before[j]][ways[j]] += rewards[j];
            if (ends[j] == KAON_TERMINATED)
                m->terminal[cells[j]] = 1;
        }
        kt_ok(table->reset(walks, ends, cells, kt_diag()));
    }
    table->destroy(walks);
}

// Value of an action. Probabilities are thirds (or whole), so that counts can be made exact.
static double action_value(const model *m, int cell, int way, double gamma, const double *v)
{
    double sum = m->reward[cell][way] / m->count[cell][way];
    for (int64_t next = 0; next < m->cells; next++) {
        const double p = round(3 * m->next[cell][way][next] / m->count[cell][way]) / 3;
        if (!m->terminal[next])
            sum += gamma * p * v[next];
    }
    return sum;
}

// Values of random walking, or of the best ways.
static void solve(const model *m, int best, double gamma, double *v)
{
    memset(v, 0, CELLS * sizeof *v);
    for (int round = 0; round < 5000; round++)
        for (int cell = 0; cell < m->cells; cell++) {
            double sum = 0, most = -INFINITY;
            if (m->terminal[cell] || !(m->count[cell][0] > 0))
                continue;
            for (int way = 0; way < WAYS; way++) {
                const double q = action_value(m, cell, way, gamma, v);
                sum += q / WAYS;
                most = fmax(most, q);
            }
            v[cell] = best ? most : sum;
        }
}

static model m;
static double v[CELLS];

KT_TEST(random_walk_between_corners)
{
    static const double expected[] = {0,   -14, -20, -22, -14, -18, -20, -20,
                                      -20, -20, -18, -14, -22, -20, -14, 0};
    explore("", 400, &m);
    kt_near((double)m.cells, 16, 0);
    solve(&m, 0, 1, v);
    for (int i = 0; i < 16; i++)
        kt_near(v[i], expected[i], 1e-9);
    solve(&m, 1, 1, v);
    kt_near(v[3], -3, 1e-9); // the nearest corner is three steps away
}

KT_TEST(frozen_lake)
{
    explore("world: frozen_lake, step_limit: 0", 40000, &m);
    for (int cell = 0; cell < 16; cell++)
        for (int way = 0; way < WAYS && m.count[cell][way] > 0; way++)
            m.reward[cell][way] = // the only reward: a third of the steps into the goal
                m.count[cell][way] * round(3 * m.reward[cell][way] / m.count[cell][way]) / 3;
    solve(&m, 1, 0.99, v);
    kt_near(v[0], 0.54203, 5e-6);
    kt_true(m.terminal[5] && m.terminal[7] && m.terminal[11] && m.terminal[12] && m.terminal[15]);
    kt_true(!m.terminal[0] && !m.terminal[14]);
}

KT_TEST(cliff)
{
    explore("world: cliff", 20000, &m);
    kt_near((double)m.cells, 48, 0);
    solve(&m, 1, 1, v);
    kt_near(v[36], -13, 1e-9);
    kt_near(action_value(&m, 36, 1, 1, v), -100 - 13, 1e-9); // into the cliff, back to the start
}

KT_TEST(own_maps_and_limits)
{
    explore("map: [\"S#G\", FFF], step_limit: 5", 400, &m);
    kt_near((double)m.cells, 6, 0);
    solve(&m, 1, 1, v);
    kt_near(v[0], -4, 1e-9);                    // around the wall
    kt_near(m.next[0][1][0], m.count[0][1], 0); // which cannot be entered
}

// Same seed, same ways: same rows, whatever the batch.
KT_TEST(a_walk_does_not_depend_on_the_batch)
{
    const kaon_part *part = kt_part(KAON_ENVIRONMENT, "gridworld", "world: frozen_lake");
    const kaon_environment *table = part->table;
    int32_t seen[2][20];
    for (int64_t count = 1; count <= 2; count++) {
        void *walks = NULL;
        int32_t cells[2] = {0}, ways[2] = {1, 2};
        float rewards[2];
        uint8_t ends[2] = {0};
        const kaon_outcome out = {sizeof out, 0, cells, rewards, ends};
        kt_ok(table->create(kt_host(), part->settings, count, 4, &walks, kt_diag()));
        kt_ok(table->reset(walks, NULL, cells, kt_diag()));
        for (int i = 0; i < 20; i++) {
            kt_ok(table->step(walks, ways, &out, kt_diag()));
            seen[count - 1][i] = cells[0];
            kt_ok(table->reset(walks, ends, cells, kt_diag()));
        }
        table->destroy(walks);
    }
    for (int i = 0; i < 20; i++)
        kt_near(seen[0][i], seen[1][i], 0);
}

KT_TEST(refuses_bad_maps)
{
    static const char *const bad[] = {"map: [SFX]", "map: [SF, S]", "map: [GT]"};
    static const char *const words[] = {"has 'X'", "row 2 of the map has 1 cells",
                                        "neither S nor F"};
    for (int i = 0; i < 3; i++) {
        const kaon_part *part = kt_part(KAON_ENVIRONMENT, "gridworld", bad[i]);
        const kaon_environment *table = part->table;
        kaon_world world = {.size = sizeof world};
        kt_fails(table->world(part->settings, &world, kt_diag()), KAON_INVALID);
        kt_says(kt_words(), words[i]);
    }
}
