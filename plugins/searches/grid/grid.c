/* grid.c: every combination of the values, the last axis fastest.
 *
 * An axis with a few values (choices, short whole ranges) takes them all, a continuous one `points`
 * values from one end to the other.
 */
#include <kaon/search.h>

#include <string.h>

typedef struct {
    int64_t points;
} config;

static const kaon_option options[] = {
    KAON_INT(config, points, 3, .min = 2, .max = 1000, .help = "of each continuous setting"),
    {0},
};

enum { MOST_TRIALS = 1000000 };

typedef struct {
    const kaon_host *host;
    int64_t axes;
    int64_t points;
    int64_t next;
    int64_t count;
    int64_t levels[]; // 0: continuous
} grid;

static int64_t values_of(const grid *g, int64_t axis)
{
    return g->levels[axis] ? g->levels[axis] : g->points;
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_search_task *task,
                          void **self, kaon_diag *diag)
{
    const size_t bytes = (size_t)task->axis_count * sizeof(int64_t);
    grid *g = kaon_alloc(host, sizeof *g + bytes);
    *self = NULL;
    if (!g)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a grid");
    *g = (grid){host, task->axis_count, ((const config *)settings)->points, 0, 1};
    if (bytes)
        memcpy(g->levels, task->levels, bytes);
    for (int64_t i = 0; i < g->axes && g->count <= MOST_TRIALS; i++)
        g->count *= values_of(g, i);
    if (g->count > MOST_TRIALS) {
        kaon_free(host, g);
        return kaon_fail(diag, KAON_INVALID,
                         "the grid has more than %d points; take fewer values, or search 'sobol'",
                         (int)MOST_TRIALS);
    }
    if (task->trials && task->trials < g->count)
        g->count = task->trials;
    *self = g;
    return KAON_OK;
}

static void destroy(void *self)
{
    if (self)
        kaon_free(((grid *)self)->host, self);
}

static kaon_status ask(void *self, kaon_proposal *out, kaon_diag *diag)
{
    grid *g = self;
    (void)diag;
    if (g->next == g->count)
        return KAON_END;
    out->wait = 0;
    out->budget = 0;
    out->trial = g->next++;
    int64_t rest = out->trial;
    for (int64_t i = g->axes - 1; i >= 0; i--) {
        const int64_t n = values_of(g, i), at = rest % n;
        out->point[i] =
            g->levels[i] ? ((double)at + 0.5) / (double)n : (double)at / (double)(n - 1);
        rest /= n;
    }
    return KAON_OK;
}

static const kaon_search table = {
    .size = sizeof table,
    .settings_size = sizeof(config),
    .options = options,
    .help = "every combination of the values",
    .create = create,
    .destroy = destroy,
    .ask = ask,
};

#define ITEMS(item) item(KAON_SEARCH, "grid", &table)

KAON_PLUGIN("grid", "1.0.0", "Apache-2.0", "tries every combination of settings", ITEMS, NULL)
