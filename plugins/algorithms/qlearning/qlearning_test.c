/* qlearning_test.c: learned games and walks against what is known of them. */
#include <kaon/test.h>

#include <kaon/agent.h>
#include <kaon/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 9 };

// An agent trained in an environment.
static void *train(const kaon_part *agent, const kaon_part *environment)
{
    const kaon_agent *table = agent->table;
    const kaon_environment *env = environment->table;
    kaon_world world = {.size = sizeof world};
    void *self = NULL;
    kt_ok(env->world(environment->settings, &world, kt_diag()));
    kt_ok(table->create(kt_host(), agent->settings, &world, 1, &self, kt_diag()));
    const kaon_train what = {.size = sizeof what,
                             .environment = environment,
                             .seed = 1,
                             .monitor = kt_monitor()};
    kt_ok(table->train(self, &what, kt_diag()));
    return self;
}

/* --- tic-tac-toe ------------------------------------------------------------------------------ */

static int won(const int *b, int mark)
{
    static const int lines[8][3] = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6},
                                    {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}};
    for (int i = 0; i < 8; i++)
        if (b[lines[i][0]] == mark && b[lines[i][1]] == mark && b[lines[i][2]] == mark)
            return 1;
    return 0;
}

static int32_t number_of(const int *b)
{
    int32_t number = 0;
    for (int i = CELLS - 1; i >= 0; i--)
        number = 3 * number + b[i];
    return number;
}

// Best value for who is to move (`mark`), by looking at all games.
static int minimax(int *b, int mark)
{
    int best = -2;
    if (won(b, 3 - mark))
        return -1;
    for (int i = 0; i < CELLS; i++)
        if (!b[i]) {
            b[i] = mark;
            const int value = -minimax(b, 3 - mark);
            b[i] = 0;
            best = value > best ? value : best;
        }
    return best == -2 ? 0 : best;
}

typedef struct {
    const kaon_agent *table;
    void *self;
    double wins, losses;
} player;

// The agent plays `mark`; the other side tries every move (with equal chance) or only best ones.
static void play(player *p, int *b, int turn, int mark, int perfect, double chance)
{
    int free_cells = 0, good[CELLS] = {0};
    if (won(b, 3 - turn)) {
        *(3 - turn == mark ? &p->wins : &p->losses) += chance;
        return;
    }
    for (int i = 0; i < CELLS; i++)
        free_cells += !b[i];
    if (!free_cells)
        return;
    if (turn == mark) {
        uint8_t legal[CELLS];
        const int32_t state = number_of(b);
        int32_t action = -1;
        for (int i = 0; i < CELLS; i++)
            legal[i] = !b[i];
        kt_ok(p->table->act(p->self, 1, &state, legal, &action, kt_diag()));
        kt_true(action >= 0 && action < CELLS && !b[action]);
        good[action] = 1;
    } else {
        const int best = perfect ? minimax(b, turn) : 0;
        for (int i = 0; i < CELLS; i++)
            if (!b[i]) {
                b[i] = turn;
                good[i] = !perfect || -minimax(b, 3 - turn) == best;
                b[i] = 0;
            }
    }
    int choices = 0;
    for (int i = 0; i < CELLS; i++)
        choices += good[i];
    for (int i = 0; i < CELLS; i++)
        if (good[i]) {
            b[i] = turn;
            play(p, b, 3 - turn, mark, perfect, chance / choices);
            b[i] = 0;
        }
}

KT_TEST(learns_noughts_and_crosses_from_itself)
{
    KT_NEEDS(KAON_ENVIRONMENT, "tictactoe");
    const kaon_part *agent = kt_part(KAON_AGENT, "qlearning", "episodes: 100000");
    const kaon_part *game = kt_part(KAON_ENVIRONMENT, "tictactoe", "");
    player p = {.table = agent->table, .self = train(agent, game)};
    int board[CELLS] = {0};
    play(&p, board, 1, 1, 1, 1); // X, then O, against all perfect games
    play(&p, board, 1, 2, 1, 1);
    kt_near(p.losses, 0, 0);
    p.wins = 0;
    play(&p, board, 1, 1, 0, 1); // X against random moves, all of them
    printf("wins as X against random moves: %.4f\n", p.wins);
    kt_near(p.losses, 0, 0);
    kt_true(p.wins >= 0.97);
    p.table->destroy(p.self);
}

/* --- walks ------------------------------------------------------------------------------------ */

// Mean return of the greedy agent over `count` episodes.
static double mean_return(const kaon_agent *table, void *self, const kaon_part *environment,
                          int64_t count)
{
    const kaon_environment *env = environment->table;
    void *world = NULL;
    double sum = 0;
    int32_t *cells = calloc((size_t)count, sizeof *cells), *ways = calloc((size_t)count, 4);
    float *rewards = calloc((size_t)count, sizeof *rewards);
    uint8_t *ends = calloc((size_t)count, 1);
    kt_true(cells && ways && rewards && ends);
    kt_ok(env->create(kt_host(), environment->settings, count, 77, &world, kt_diag()));
    kt_ok(env->reset(world, NULL, cells, kt_diag()));
    const kaon_outcome out = {sizeof out, 0, cells, rewards, ends};
    for (int step = 0; step < 100; step++) {
        memset(rewards, 0, (size_t)count * sizeof *rewards);
        kt_ok(table->act(self, count, cells, NULL, ways, kt_diag()));
        kt_ok(env->step(world, ways, &out, kt_diag()));
        for (int64_t i = 0; i < count; i++)
            sum += rewards[i];
    }
    env->destroy(world);
    free(cells);
    free(ways);
    free(rewards);
    free(ends);
    return sum / (double)count;
}

KT_TEST(walks_along_the_cliff)
{
    KT_NEEDS(KAON_ENVIRONMENT, "gridworld");
    const kaon_part *agent = kt_part(KAON_AGENT, "qlearning", "episodes: 2000");
    const kaon_part *cliff = kt_part(KAON_ENVIRONMENT, "gridworld", "world: cliff");
    void *self = train(agent, cliff);
    kt_near(mean_return(agent->table, self, cliff, 1), -13, 0);
    kt_near((double)kt_metric_steps("return"), 2000, 0);
    ((const kaon_agent *)agent->table)->destroy(self);
}

KT_TEST(crosses_the_frozen_lake)
{
    KT_NEEDS(KAON_ENVIRONMENT, "gridworld");
    const kaon_part *agent =
        kt_part(KAON_AGENT, "qlearning",
                "episodes: 40000, alpha: 0.5, alpha_last: 0.005, epsilon: 1, epsilon_last: 0.2, "
                "gamma: 0.99");
    const kaon_part *lake = kt_part(KAON_ENVIRONMENT, "gridworld", "world: frozen_lake");
    void *self = train(agent, lake);
    const double rate = mean_return(agent->table, self, lake, 4000);
    printf("reaches the goal of the lake in %.3f of its walks\n", rate);
    kt_near(rate, 0.74, 0.04);
    ((const kaon_agent *)agent->table)->destroy(self);
}

KT_TEST(comes_back_from_a_file)
{
    KT_NEEDS(KAON_ENVIRONMENT, "gridworld");
    const kaon_part *agent = kt_part(KAON_AGENT, "qlearning", "episodes: 2000");
    const kaon_agent *table = agent->table;
    const kaon_part *cliff = kt_part(KAON_ENVIRONMENT, "gridworld", "world: cliff");
    void *self = train(agent, cliff), *copy = NULL;
    kaon_archive *file = kt_archive_new();
    kaon_world world = {.size = sizeof world};
    kt_ok(((const kaon_environment *)cliff->table)->world(cliff->settings, &world, kt_diag()));
    kt_ok(table->create(kt_host(), agent->settings, &world, 1, &copy, kt_diag()));
    kt_ok(table->save(self, file, kt_diag()));
    kt_ok(table->load(copy, file, kt_diag()));
    kt_near(mean_return(table, copy, cliff, 1), -13, 0);
    table->destroy(copy);
    world.action.n = 3;
    kt_ok(table->create(kt_host(), agent->settings, &world, 1, &copy, kt_diag()));
    kt_fails(table->load(copy, file, kt_diag()), KAON_CORRUPT);
    table->destroy(copy);
    table->destroy(self);
    kt_archive_free(file);
}

KT_TEST(refuses_continuous_worlds)
{
    const kaon_part *agent = kt_part(KAON_AGENT, "qlearning", "");
    const kaon_agent *table = agent->table;
    kaon_world world = {.size = sizeof world, .players = 1};
    void *self = NULL;
    world.observation.kind = KAON_SPACE_BOX;
    kt_fails(table->create(kt_host(), agent->settings, &world, 1, &self, kt_diag()),
             KAON_UNSUPPORTED);
    kt_says(kt_words(), "numbered states");
    kt_true(self == NULL);
}
