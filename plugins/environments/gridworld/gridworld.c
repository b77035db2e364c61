/* gridworld.c: walks on a map: 4 x 4 with terminal corners, the frozen lake, the cliff, or one's
 * own.
 *
 * observation  the cell, row * columns + column
 * action       0 up, 1 right, 2 down, 3 left; against an edge or a wall one stays
 *
 *   S  start; without any, starts are spread evenly over F     F  floor
 *   T  end     G  end with the goal's reward     H  end with the hole's
 *   C  cliff: its reward, and back to a start    #  wall
 *
 * On slippery ground each step goes the wanted way or to either side of it, with a third each.
 * Corners: Sutton, Barto, "Reinforcement Learning", example 4.1; cliff: example 6.6.
 */
#include <kaon/agent.h>
#include <kaon/random.h>

#include <string.h>

// ORDER world
enum { CORNERS, FROZEN_LAKE, CLIFF };
static const char *const world_names[] = {"corners", "frozen_lake", "cliff", NULL};

typedef struct {
    const char *const *map; // ends with NULL
    int32_t slippery;
    double step;
    double goal;
    double hole;
    double cliff;
    int64_t limit; // steps
} preset;

static const char *const corners_map[] = {"TFFF", "FFFF", "FFFF", "FFFT", NULL};
static const char *const lake_map[] = {"SFFF", "FHFH", "FFFH", "HFFG", NULL};
static const char *const cliff_map[] = {"FFFFFFFFFFFF", "FFFFFFFFFFFF", "FFFFFFFFFFFF",
                                        "SCCCCCCCCCCG", NULL};

// clang-format off
static const preset presets[] = {
    // map         slippery  step  goal  hole  cliff  limit
    { corners_map, 0,        -1,   -1,   -1,   -100,  0   },
    { lake_map,    1,        0,    1,    0,    0,     100 },
    { cliff_map,   0,        -1,   -1,   -1,   -100,  0   },
};
// clang-format on

enum { AS_WORLD, YES, NO };
static const char *const slip_names[] = {"as_world", "yes", "no", NULL};

typedef struct {
    int32_t world;
    kaon_texts map;
    int32_t slippery;
    int64_t step_limit;
} config;

static const kaon_option options[] = {
    KAON_CHOICE(config, world, CORNERS, world_names, .help = "map and rewards"),
    KAON_TEXTS(config, map, "[]", .max_count = 256,
               .help = "a map of one's own, row by row, with the rewards of `world`"),
    KAON_CHOICE(config, slippery, AS_WORLD, slip_names, .help = "whether steps may go astray"),
    KAON_INT(config, step_limit, -1, .min = -1, .max = 1e9,
             .help = "steps of an episode; 0: any number; -1: as the world has it"),
    {0},
};

typedef struct {
    int32_t cell;
    int32_t ended;
    int64_t steps;
    kaon_random_stream random;
} walk;

typedef struct {
    const kaon_host *host;
    preset rules;
    int32_t rows;
    int32_t columns;
    char *cells;     // (rows, columns)
    int32_t *starts; // cells
    int32_t start_count;
    int64_t count;
    walk *walks;
} grid;

/* --- the map ---------------------------------------------------------------------------------- */

static const char *map_row(const config *c, int64_t i)
{
    if (c->map.count > 0)
        return i < c->map.count ? c->map.at[i] : NULL;
    return presets[c->world].map[i];
}

// Sizes of the map; every letter is checked.
static kaon_status measure(const config *c, int32_t *rows, int32_t *columns, kaon_diag *diag)
{
    *rows = 0;
    *columns = (int32_t)strlen(map_row(c, 0));
    int64_t starts = 0;
    for (const char *row; (row = map_row(c, *rows)); (*rows)++) {
        const size_t good = strspn(row, "SFTGHC#");
        if (row[good])
            return kaon_fail(diag, KAON_INVALID,
                             "row %d of the map has '%c': S, F, T, G, H, C and # are known",
                             (int)*rows + 1, row[good]);
        if ((int32_t)good != *columns || good == 0 || good > 1024)
            return kaon_fail(diag, KAON_INVALID,
                             "row %d of the map has %zu cells, the first has %d: all need the same "
                             "number, 1 to 1024",
                             (int)*rows + 1, good, (int)*columns);
        starts += strpbrk(row, "SF") != NULL;
    }
    if (!starts)
        return kaon_fail(diag, KAON_INVALID, "the map has neither S nor F to start from");
    return KAON_OK;
}

static int64_t limit_of(const config *c)
{
    return c->step_limit < 0 ? presets[c->world].limit : c->step_limit;
}

static kaon_status world(const void *settings, kaon_world *out, kaon_diag *diag)
{
    const config *c = settings;
    int32_t rows, columns;
    KAON_TRY(measure(c, &rows, &columns, diag));
    const kaon_space cells = {
        .size = sizeof cells, .kind = KAON_SPACE_DISCRETE, .n = (int64_t)rows * columns};
    const kaon_space ways = {.size = sizeof ways, .kind = KAON_SPACE_DISCRETE, .n = 4};
    out->players = 1;
    out->observation = cells;
    out->action = ways;
    out->step_limit = limit_of(c);
    return KAON_OK;
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    grid *w = self;
    if (!w)
        return;
    kaon_free(w->host, w->cells);
    kaon_free(w->host, w->starts);
    kaon_free(w->host, w->walks);
    kaon_free(w->host, w);
}

static void read_map(grid *w, const config *c)
{
    const int32_t size = w->rows * w->columns;
    for (int32_t i = 0; i < w->rows; i++)
        memcpy(w->cells + i * w->columns, map_row(c, i), (size_t)w->columns);
    const char letter = memchr(w->cells, 'S', (size_t)size) ? 'S' : 'F';
    for (int32_t i = 0; i < size; i++)
        if (w->cells[i] == letter)
            w->starts[w->start_count++] = i;
}

static kaon_status create(const kaon_host *host, const void *settings, int64_t count, uint64_t seed,
                          void **self, kaon_diag *diag)
{
    const config *c = settings;
    int32_t rows, columns;
    KAON_TRY(measure(c, &rows, &columns, diag));
    grid *w = kaon_alloc(host, sizeof *w);
    if (!w)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a grid");
    *w = (grid){.host = host, .rules = presets[c->world], .rows = rows, .columns = columns};
    w->rules.limit = limit_of(c);
    if (c->slippery != AS_WORLD)
        w->rules.slippery = c->slippery == YES;
    w->count = count;
    w->cells = kaon_alloc(host, (uint64_t)rows * (uint64_t)columns);
    w->starts = kaon_alloc(host, (uint64_t)rows * (uint64_t)columns * sizeof *w->starts);
    w->walks = kaon_alloc(host, (uint64_t)count * sizeof *w->walks);
    if (!w->cells || !w->starts || !w->walks) {
        destroy(w);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld walks", (long long)count);
    }
    read_map(w, c);
    for (int64_t i = 0; i < count; i++)
        w->walks[i] = (walk){.ended = 1, .random = {.seed = seed, .stream = (uint64_t)i}};
    *self = w;
    return KAON_OK;
}

/* --- walking ---------------------------------------------------------------------------------- */

static int32_t start(const grid *w, walk *k)
{
    return w->starts[kaon_random_below(&k->random, (uint32_t)w->start_count)];
}

static kaon_status reset(void *self, const uint8_t *mask, void *observations, kaon_diag *diag)
{
    const grid *w = self;
    int32_t *cells = observations;
    (void)diag;
    for (int64_t i = 0; i < w->count; i++) {
        walk *k = &w->walks[i];
        if (!mask || mask[i]) {
            k->cell = start(w, k);
            k->steps = 0;
            k->ended = 0;
        }
        cells[i] = k->cell;
    }
    return KAON_OK;
}

static int32_t neighbour(const grid *w, int32_t cell, int32_t way)
{
    static const int32_t down[] = {-1, 0, 1, 0};
    static const int32_t right[] = {0, 1, 0, -1};
    const int32_t row = cell / w->columns + down[way];
    const int32_t column = cell % w->columns + right[way];
    if (row < 0 || row >= w->rows || column < 0 || column >= w->columns)
        return cell;
    const int32_t next = row * w->columns + column;
    return w->cells[next] == '#' ? cell : next;
}

// Enters the cell the walk stands on; returns the reward.
static double enter(const grid *w, walk *k)
{
    const preset *rules = &w->rules;
    switch (w->cells[k->cell]) {
    case 'G':
        k->ended = KAON_TERMINATED;
        return rules->goal;
    case 'H':
        k->ended = KAON_TERMINATED;
        return rules->hole;
    case 'T':
        k->ended = KAON_TERMINATED;
        return rules->step;
    case 'C':
        k->cell = start(w, k);
        return rules->cliff;
    default:
        return rules->step;
    }
}

static kaon_status step(void *self, const void *actions, const kaon_outcome *out, kaon_diag *diag)
{
    const grid *w = self;
    const int32_t *ways = actions;
    int32_t *cells = out->observations;
    for (int64_t i = 0; i < w->count; i++) {
        walk *k = &w->walks[i];
        if (k->ended)
            continue;
        if (ways[i] < 0 || ways[i] > 3)
            return kaon_fail(diag, KAON_INVALID, "walk %lld: there is no way %d, 0 to 3 there are",
                             (long long)i, (int)ways[i]);
        int32_t way = ways[i];
        if (w->rules.slippery)
            way = (way + 3 + (int32_t)kaon_random_below(&k->random, 3)) % 4;
        k->cell = neighbour(w, k->cell, way);
        k->steps++;
        out->rewards[i] = (float)enter(w, k);
        if (!k->ended && w->rules.limit && k->steps >= w->rules.limit)
            k->ended = KAON_TRUNCATED;
        cells[i] = k->cell;
        out->ends[i] = (uint8_t)k->ended;
    }
    return KAON_OK;
}

static kaon_status show(void *self, int64_t index, char **text, kaon_diag *diag)
{
    const grid *w = self;
    if (index < 0 || index >= w->count)
        return kaon_fail(diag, KAON_INVALID, "there is no walk %lld", (long long)index);
    char *at = *text = kaon_alloc(w->host, (uint64_t)w->rows * ((uint64_t)w->columns + 1) + 1);
    if (!at)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a map");
    for (int32_t i = 0; i < w->rows * w->columns; i++) {
        *at++ = i == w->walks[index].cell ? '@' : w->cells[i];
        if (i % w->columns == w->columns - 1)
            *at++ = '\n';
    }
    *at = 0;
    return KAON_OK;
}

static kaon_status suspend(void *self, kaon_archive *into, kaon_diag *diag)
{
    const grid *w = self;
    const int64_t bytes = w->count * (int64_t)sizeof(walk);
    return kaon_put_bytes(into, "environment/walks", w->walks, bytes, diag);
}

static kaon_status resume(void *self, kaon_archive *from, kaon_diag *diag)
{
    const grid *w = self;
    const int64_t bytes = w->count * (int64_t)sizeof(walk);
    return kaon_get_bytes(from, "environment/walks", w->walks, bytes, diag);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_environment environment = {
    .size = sizeof environment,
    .settings_size = sizeof(config),
    .options = options,
    .help = "walks on a map",
    .world = world,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = step,
    .show = show,
    .suspend = suspend,
    .resume = resume,
};

#define ITEMS(item) item(KAON_ENVIRONMENT, "gridworld", &environment)

KAON_PLUGIN("gridworld", "1.0.0", "Apache-2.0", "walks on a map", ITEMS, NULL)
