/* tictactoe_test.c: all games there are, counted through the interface. */
#include <kaon/test.h>

#include <kaon/agent.h>

#include <stdlib.h>
#include <string.h>

enum { CELLS = 9, STATES = 19683 };

// A walk through the tree of games. The interface has no way back, so each node replays its moves.
typedef struct {
    const kaon_environment *table;
    void *game;
    uint8_t seen[STATES];
    int64_t positions, games, wins[2], draws;
    double chance[3]; // of X, of O, of a draw, when both move at random
} tree;

static int32_t replay(tree *t, const int32_t *moves, int count, float *reward, uint8_t *end)
{
    int32_t state = -1;
    const kaon_outcome out = {
        .size = sizeof out, .observations = &state, .rewards = reward, .ends = end};
    kt_ok(t->table->reset(t->game, NULL, &state, kt_diag()));
    *end = KAON_GOES_ON;
    for (int i = 0; i < count; i++)
        kt_ok(t->table->step(t->game, &moves[i], &out, kt_diag()));
    return state;
}

static void visit(tree *t, int32_t *moves, int count, double chance)
{
    float reward = 0;
    uint8_t end, legal[CELLS];
    const int32_t state = replay(t, moves, count, &reward, &end);
    t->positions += !t->seen[state];
    t->seen[state] = 1;
    if (end != KAON_GOES_ON) {
        t->games++;
        if (reward > 0)
            t->wins[(count - 1) % 2]++;
        else
            t->draws++;
        t->chance[reward > 0 ? (count - 1) % 2 : 2] += chance;
        return;
    }
    int choices = 0;
    kt_ok(t->table->legal(t->game, legal, kt_diag()));
    for (int i = 0; i < CELLS; i++)
        choices += legal[i];
    for (int32_t i = 0; i < CELLS; i++)
        if (legal[i]) {
            moves[count] = i;
            visit(t, moves, count + 1, chance / choices);
        }
}

KT_TEST(all_games_there_are)
{
    const kaon_part *part = kt_part(KAON_ENVIRONMENT, "tictactoe", "");
    static tree t;
    t.table = part->table;
    int32_t moves[CELLS];
    kt_ok(t.table->create(kt_host(), part->settings, 1, 0, &t.game, kt_diag()));
    visit(&t, moves, 0, 1);
    t.table->destroy(t.game);
    kt_near((double)t.games, 255168, 0);
    kt_near((double)t.wins[0], 131184, 0);
    kt_near((double)t.wins[1], 77904, 0);
    kt_near((double)t.draws, 46080, 0);
    kt_near((double)t.positions, 5478, 0);
    kt_near(t.chance[0], 0.58492, 5e-6);
    kt_near(t.chance[1], 0.28810, 5e-6);
    kt_near(t.chance[2], 0.12698, 5e-6);
}

KT_TEST(batch_and_mask)
{
    const kaon_part *part = kt_part(KAON_ENVIRONMENT, "tictactoe", "");
    const kaon_environment *table = part->table;
    void *games = NULL;
    kt_ok(table->create(kt_host(), part->settings, 2, 0, &games, kt_diag()));
    int32_t states[2], players[2];
    float rewards[2] = {0};
    uint8_t ends[2] = {0};
    const kaon_outcome out = {sizeof out, 0, states, rewards, ends};
    kt_ok(table->reset(games, NULL, states, kt_diag()));
    // X takes the top row of the first game; the second goes on.
    const int32_t actions[5][2] = {{0, 4}, {3, 0}, {1, 1}, {4, 7}, {2, 2}};
    for (int i = 0; i < 5; i++)
        kt_ok(table->step(games, actions[i], &out, kt_diag()));
    kt_near(ends[0], KAON_TERMINATED, 0);
    kt_near(rewards[0], 1, 0);
    kt_near(ends[1], KAON_GOES_ON, 0);
    kt_near(states[0], 1 + 3 + 9 + 2 * 27 + 2 * 81, 0);
    char *text = NULL;
    kt_ok(table->show(games, 0, &text, kt_diag()));
    kt_same_text(text, "XXX\nOO.\n...\n");
    kt_host()->resize(kt_host(), text, 0);

    kt_ok(table->reset(games, (const uint8_t[]){1, 0}, states, kt_diag()));
    kt_near(states[0], 0, 0);
    kt_true(states[1] != 0);
    kt_ok(table->player(games, players, kt_diag()));
    kt_near(players[0], 0, 0);
    kt_near(players[1], 1, 0);
    kt_fails(table->step(games, (const int32_t[]){0, 4}, &out, kt_diag()), KAON_INVALID);
    kt_says(kt_words(), "game 1: cell 4 is taken");
    kt_fails(table->step(games, (const int32_t[]){9, 3}, &out, kt_diag()), KAON_INVALID);
    table->destroy(games);
}
