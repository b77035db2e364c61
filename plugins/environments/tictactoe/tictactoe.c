/* tictactoe.c: noughts and crosses, two players in turn.
 *
 * observation  one of 3^9 numbers: the sum of cell i (0 empty, 1 X, 2 O) times 3^i, cells row by
 * row action       the cell 0 .. 8 to mark; taken ones are illegal reward       of the player who
 * moved: 1 for three in a row, else 0
 *
 * X moves first. The game is of zero sum: what the mover wins the other loses.
 */
#include <kaon/agent.h>

#include <string.h>

enum { CELLS = 9, STATES = 19683 };

typedef struct {
    uint8_t cells[CELLS]; // 0, 1, 2
    uint8_t moves;
    uint8_t ended;
} game;

typedef struct {
    const kaon_host *host;
    int64_t count;
    game *games;
} tictactoe;

static const uint8_t lines[8][3] = {
    {0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6},
};

static int32_t number_of(const game *b)
{
    int32_t number = 0;
    for (int i = CELLS - 1; i >= 0; i--)
        number = 3 * number + b->cells[i];
    return number;
}

static int won(const game *b, int mark)
{
    for (int i = 0; i < 8; i++)
        if (b->cells[lines[i][0]] == mark && b->cells[lines[i][1]] == mark &&
            b->cells[lines[i][2]] == mark)
            return 1;
    return 0;
}

/* --- calls ------------------------------------------------------------------------------------ */

static kaon_status world(const void *settings, kaon_world *out, kaon_diag *diag)
{
    (void)settings, (void)diag;
    const kaon_space states = {.size = sizeof states, .kind = KAON_SPACE_DISCRETE, .n = STATES};
    const kaon_space cells = {.size = sizeof cells, .kind = KAON_SPACE_DISCRETE, .n = CELLS};
    out->players = 2;
    out->observation = states;
    out->action = cells;
    out->step_limit = 0;
    return KAON_OK;
}

static kaon_status create(const kaon_host *host, const void *settings, int64_t count, uint64_t seed,
                          void **self, kaon_diag *diag)
{
    (void)settings, (void)seed; // nothing is left to chance
    tictactoe *t = kaon_alloc(host, sizeof *t);
    game *games = kaon_alloc(host, (uint64_t)count * sizeof *games);
    if (!t || !games) {
        kaon_free(host, t);
        kaon_free(host, games);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld games", (long long)count);
    }
    memset(games, 0, (size_t)count * sizeof *games);
    *t = (tictactoe){host, count, games};
    *self = t;
    return KAON_OK;
}

static void destroy(void *self)
{
    tictactoe *t = self;
    if (!t)
        return;
    kaon_free(t->host, t->games);
    kaon_free(t->host, t);
}

static kaon_status reset(void *self, const uint8_t *mask, void *observations, kaon_diag *diag)
{
    const tictactoe *t = self;
    int32_t *states = observations;
    (void)diag;
    for (int64_t i = 0; i < t->count; i++) {
        if (!mask || mask[i])
            t->games[i] = (game){{0}, 0, 0};
        states[i] = number_of(&t->games[i]);
    }
    return KAON_OK;
}

static kaon_status step(void *self, const void *actions, const kaon_outcome *out, kaon_diag *diag)
{
    const tictactoe *t = self;
    const int32_t *cells = actions;
    int32_t *states = out->observations;
    for (int64_t i = 0; i < t->count; i++) {
        game *b = &t->games[i];
        if (b->ended)
            continue;
        if (cells[i] < 0 || cells[i] >= CELLS || b->cells[cells[i]])
            return kaon_fail(
                diag, KAON_INVALID, "game %lld: cell %d %s", (long long)i, (int)cells[i],
                cells[i] < 0 || cells[i] >= CELLS ? "does not exist, 0 to 8 do" : "is taken");
        const int mark = 1 + b->moves % 2;
        b->cells[cells[i]] = (uint8_t)mark;
        b->moves++;
        const int win = won(b, mark);
        b->ended = win || b->moves == CELLS;
        states[i] = number_of(b);
        out->rewards[i] = (float)win;
        out->ends[i] = b->ended ? KAON_TERMINATED : KAON_GOES_ON;
    }
    return KAON_OK;
}

static kaon_status legal(void *self, uint8_t *legal_cells, kaon_diag *diag)
{
    const tictactoe *t = self;
    (void)diag;
    for (int64_t i = 0; i < t->count; i++)
        for (int j = 0; j < CELLS; j++)
            legal_cells[i * CELLS + j] = !t->games[i].ended && !t->games[i].cells[j];
    return KAON_OK;
}

static kaon_status player(void *self, int32_t *players, kaon_diag *diag)
{
    const tictactoe *t = self;
    (void)diag;
    for (int64_t i = 0; i < t->count; i++)
        players[i] = t->games[i].moves % 2;
    return KAON_OK;
}

static kaon_status show(void *self, int64_t index, char **text, kaon_diag *diag)
{
    const tictactoe *t = self;
    if (index < 0 || index >= t->count)
        return kaon_fail(diag, KAON_INVALID, "there is no game %lld", (long long)index);
    char *at = *text = kaon_alloc(t->host, 16);
    if (!at)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a board");
    for (int i = 0; i < CELLS; i++) {
        *at++ = ".XO"[t->games[index].cells[i]];
        if (i % 3 == 2)
            *at++ = '\n';
    }
    *at = 0;
    return KAON_OK;
}

static kaon_status suspend(void *self, kaon_archive *into, kaon_diag *diag)
{
    const tictactoe *w = self;
    const int64_t bytes = w->count * (int64_t)sizeof(game);
    return kaon_put_bytes(into, "environment/games", w->games, bytes, diag);
}

static kaon_status resume(void *self, kaon_archive *from, kaon_diag *diag)
{
    const tictactoe *w = self;
    const int64_t bytes = w->count * (int64_t)sizeof(game);
    return kaon_get_bytes(from, "environment/games", w->games, bytes, diag);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_environment environment = {
    .size = sizeof environment,
    .help = "noughts and crosses",
    .world = world,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = step,
    .legal = legal,
    .player = player,
    .show = show,
    .suspend = suspend,
    .resume = resume,
};

#define ITEMS(item) item(KAON_ENVIRONMENT, "tictactoe", &environment)

KAON_PLUGIN("tictactoe", "1.0.0", "Apache-2.0", "noughts and crosses", ITEMS, NULL)
