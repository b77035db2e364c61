/* random.c: independent uniform points. Bergstra, Bengio, "Random search for hyper-parameter
 * optimization", JMLR 13 (2012) 281. Trial i is a function of the seed and i alone.
 */
#include <kaon/random.h>
#include <kaon/search.h>

enum { TRIALS = 20 };

typedef struct {
    const kaon_host *host;
    int64_t axes;
    int64_t next;
    int64_t count;
    uint64_t seed;
} search;

static kaon_status create(const kaon_host *host, const void *settings, const kaon_search_task *task,
                          void **self, kaon_diag *diag)
{
    search *s = kaon_alloc(host, sizeof *s);
    (void)settings;
    *self = s;
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a search");
    *s = (search){host, task->axis_count, 0, task->trials ? task->trials : TRIALS, task->seed};
    return KAON_OK;
}

static void destroy(void *self)
{
    if (self)
        kaon_free(((search *)self)->host, self);
}

static kaon_status ask(void *self, kaon_proposal *out, kaon_diag *diag)
{
    search *s = self;
    (void)diag;
    if (s->next == s->count)
        return KAON_END;
    kaon_random_stream stream = {s->seed, (uint64_t)s->next, 0};
    out->wait = 0;
    out->budget = 0;
    out->trial = s->next++;
    for (int64_t i = 0; i < s->axes; i++)
        out->point[i] = kaon_random_uniform(&stream);
    return KAON_OK;
}

static const kaon_search table = {
    .size = sizeof table,
    .help = "independent random points; 20 unless 'trials' says otherwise",
    .create = create,
    .destroy = destroy,
    .ask = ask,
};

#define ITEMS(item) item(KAON_SEARCH, "random", &table)

KAON_PLUGIN("random", "1.0.0", "Apache-2.0", "tries settings at random", ITEMS, NULL)
