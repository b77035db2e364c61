/* interfaces.c: one row per slot of each table a plugin may offer.
 *
 * A table is copied into a full one when its plugin is loaded, so that no later call has to look at
 * sizes or NULLs. Adding a call to an interface means: append it to the struct in abi/, and a row
 * here.
 */
#include "kernel/interfaces.h"

#include "kernel/text.h"

#include <kaon/agent.h>
#include <kaon/backend.h>
#include <kaon/collective.h>
#include <kaon/figure.h>
#include <kaon/io.h>
#include <kaon/layer.h>
#include <kaon/learner.h>
#include <kaon/metric.h>
#include <kaon/op.h>
#include <kaon/search.h>
#include <kaon/sink.h>

#include <stddef.h>
#include <string.h>

enum { LARGEST_TABLE = 1 << 16 };

/* --- stubs, in the order of the tables below -------------------------------------------------- */

static void do_nothing(void *self)
{
    (void)self;
}

static int32_t no_rank(void)
{
    return INT32_MIN;
}

static void free_nothing(void *device, void *recording)
{
    (void)device;
    (void)recording;
}

static kaon_status have_waited(void *device, kaon_diag *diag)
{
    (void)device;
    (void)diag;
    return KAON_OK; // a backend that works within its calls has nothing to wait for
}

static kaon_node *predict_output(kaon_graph *g, const void *settings, kaon_node *output)
{
    (void)g;
    (void)settings;
    return output;
}

static kaon_status keep_facts(void *self, kaon_task_facts *facts, kaon_diag *diag)
{
    (void)self;
    (void)facts;
    (void)diag;
    return KAON_OK;
}

static kaon_status no_save(void *self, kaon_archive *into, kaon_diag *diag)
{
    (void)self;
    (void)into;
    return kaon_fail(diag, KAON_UNSUPPORTED, "its plugin offers no way to save it");
}

static kaon_status no_load(void *self, kaon_archive *from, kaon_diag *diag)
{
    (void)self;
    (void)from;
    return kaon_fail(diag, KAON_UNSUPPORTED, "its plugin offers no way to load it");
}

static kaon_status no_text(void *self, char **text, kaon_diag *diag)
{
    (void)self;
    *text = NULL;
    return kaon_fail(diag, KAON_UNSUPPORTED, "its plugin has nothing to tell about it");
}

static kaon_status unknown_rows(void *self, int64_t *out, kaon_diag *diag)
{
    (void)self;
    (void)diag;
    *out = -1;
    return KAON_OK;
}

static kaon_status hear_nothing(void *self, int64_t trial, double budget, double value,
                                kaon_diag *diag)
{
    (void)self;
    (void)trial;
    (void)budget;
    (void)value;
    (void)diag;
    return KAON_OK; // a search that goes its way whatever comes out
}

static kaon_status no_show(void *self, int64_t index, char **text, kaon_diag *diag)
{
    (void)self;
    (void)index;
    *text = NULL;
    return kaon_fail(diag, KAON_UNSUPPORTED, "its plugin offers no way to show it");
}

/* --- the tables ------------------------------------------------------------------------------- */

#define MUST(type, field)                                                                          \
    {                                                                                              \
#        field, offsetof(type, field), KN_MUST, NULL                                               \
    }
#define MAY(type, field)                                                                           \
    {                                                                                              \
#        field, offsetof(type, field), KN_MAY, NULL                                                \
    }
#define STUB(type, field, call)                                                                    \
    {                                                                                              \
#        field, offsetof(type, field), KN_STUB, (kn_call *)(call)                                  \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0, NULL                                                                           \
    }

// clang-format off
static const kn_slot layer[] = {
    MUST(kaon_layer, build),
    END,
};

static const kn_slot loss[] = {
    MUST(kaon_loss, build),
    STUB(kaon_loss, predict, predict_output),
    END,
};

static const kn_slot penalty[] = {
    MUST(kaon_penalty, build),
    END,
};

static const kn_slot optimizer[] = {
    MUST(kaon_optimizer, build),
    MAY (kaon_optimizer, point),
    END,
};

static const kn_slot schedule[] = {
    MUST(kaon_schedule, build),
    END,
};

static const kn_slot average[] = {
    MUST(kaon_average, build),
    END,
};

static const kn_slot op[] = {
    MUST(kaon_op, decompose),
    MAY (kaon_op, derivative),
    MAY (kaon_op, codes),
    END,
};

static const kn_slot learner[] = {
    MUST(kaon_learner, create),
    STUB(kaon_learner, destroy, do_nothing),
    MUST(kaon_learner, fit),
    MUST(kaon_learner, apply),
    STUB(kaon_learner, facts, keep_facts),
    STUB(kaon_learner, save, no_save),
    STUB(kaon_learner, load, no_load),
    STUB(kaon_learner, describe, no_text),
    MAY (kaon_learner, build),
    END,
};

static const kn_slot agent[] = {
    MUST(kaon_agent, create),
    STUB(kaon_agent, destroy, do_nothing),
    MUST(kaon_agent, train),
    MUST(kaon_agent, act),
    STUB(kaon_agent, save, no_save),
    STUB(kaon_agent, load, no_load),
    END,
};

static const kn_slot environment[] = {
    MUST(kaon_environment, world),
    MUST(kaon_environment, create),
    STUB(kaon_environment, destroy, do_nothing),
    MUST(kaon_environment, reset),
    MUST(kaon_environment, step),
    MAY (kaon_environment, legal),
    MAY (kaon_environment, player),
    STUB(kaon_environment, show, no_show),
    STUB(kaon_environment, suspend, no_save),
    STUB(kaon_environment, resume, no_load),
    END,
};

static const kn_slot reader[] = {
    MAY (kaon_reader, extensions),
    MUST(kaon_reader, open),
    STUB(kaon_reader, close, do_nothing),
    MUST(kaon_reader, schema),
    STUB(kaon_reader, rows, unknown_rows),
    MUST(kaon_reader, scan),
    END,
};

static const kn_slot writer[] = {
    MUST(kaon_writer, extensions),
    MUST(kaon_writer, open),
    MUST(kaon_writer, write),
    MUST(kaon_writer, finish),
    STUB(kaon_writer, close, do_nothing),
    END,
};

static const kn_slot backend[] = {
    MUST(kaon_backend, open),
    STUB(kaon_backend, close, do_nothing),
    MUST(kaon_backend, facts),
    MUST(kaon_backend, alloc),
    MUST(kaon_backend, free),
    MUST(kaon_backend, copy),
    MUST(kaon_backend, supports),
    MUST(kaon_backend, prepare),
    STUB(kaon_backend, wait, have_waited),
    MAY (kaon_backend, capture_begin),
    MAY (kaon_backend, capture_end),
    MAY (kaon_backend, replay),
    STUB(kaon_backend, recording_free, free_nothing),
    MAY (kaon_backend, elapsed),
    STUB(kaon_backend, rank_here, no_rank),
    END,
};

static const kn_slot collective[] = {
    MUST(kaon_collective, open),
    STUB(kaon_collective, close, do_nothing),
    MUST(kaon_collective, rank),
    MUST(kaon_collective, members),
    MUST(kaon_collective, sum),
    MUST(kaon_collective, broadcast),
    MUST(kaon_collective, barrier),
    END,
};

static const kn_slot metric[] = {
    MUST(kaon_metric, measure),
    END,
};

static const kn_slot search[] = {
    MUST(kaon_search, create),
    STUB(kaon_search, destroy, do_nothing),
    MUST(kaon_search, ask),
    STUB(kaon_search, tell, hear_nothing),
    END,
};

static const kn_slot sink[] = {
    MUST(kaon_sink, open),
    MUST(kaon_sink, number),
    STUB(kaon_sink, flush, have_waited),
    STUB(kaon_sink, close, do_nothing),
    END,
};

static const kn_slot figure[] = {
    MUST(kaon_figure, title),
    MUST(kaon_figure, draw),
    END,
};

const kn_interface kn_interfaces[] = {
    // id               word           full table                slots
    { KAON_LAYER,       "layer",       sizeof(kaon_layer),       layer },
    { KAON_LOSS,        "loss",        sizeof(kaon_loss),        loss },
    { KAON_PENALTY,     "penalty",     sizeof(kaon_penalty),     penalty },
    { KAON_OPTIMIZER,   "optimizer",   sizeof(kaon_optimizer),   optimizer },
    { KAON_SCHEDULE,    "schedule",    sizeof(kaon_schedule),    schedule },
    { KAON_AVERAGE,     "average",     sizeof(kaon_average),     average },
    { KAON_OP,          "op",          sizeof(kaon_op),          op },
    { KAON_LEARNER,     "learner",     sizeof(kaon_learner),     learner },
    { KAON_AGENT,       "agent",       sizeof(kaon_agent),       agent },
    { KAON_ENVIRONMENT, "environment", sizeof(kaon_environment), environment },
    { KAON_READER,      "reader",      sizeof(kaon_reader),      reader },
    { KAON_WRITER,      "writer",      sizeof(kaon_writer),      writer },
    { KAON_BACKEND,     "backend",     sizeof(kaon_backend),     backend },
    { KAON_COLLECTIVE,  "collective",  sizeof(kaon_collective),  collective },
    { KAON_METRIC,      "metric",      sizeof(kaon_metric),      metric },
    { KAON_SEARCH,      "search",      sizeof(kaon_search),      search },
    { KAON_SINK,        "sink",        sizeof(kaon_sink),        sink },
    { KAON_FIGURE,      "figure",      sizeof(kaon_figure),      figure },
    { NULL, NULL, 0, NULL },
};
// clang-format on

const kn_interface *kn_interface_find(const char *id)
{
    for (const kn_interface *row = kn_interfaces; row->id; row++)
        if (kn_text_same(row->id, id))
            return row;
    return NULL;
}

const char *kn_interface_word(const char *id, char *word, size_t room)
{
    const kn_interface *known = kn_interface_find(id);
    const char *start = kn_text_starts(id, "kaon.") ? id + strlen("kaon.") : id;
    const int length = (int)strcspn(start, "/");
    snprintf(word, room, "%.*s", known ? (int)strlen(known->word) : length,
             known ? known->word : start);
    return word;
}

// Fields beyond what this kernel knows may be there, but must not ask for anything.
static int32_t all_zero(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return 0;
    return 1;
}

static kaon_status fill_slots(const kn_interface *interface, char *full, kaon_diag *diag)
{
    for (const kn_slot *slot = interface->slots; slot->name; slot++) {
        char *at = full + slot->offset;
        if (slot->need == KN_MAY || !all_zero(at, sizeof(void *)))
            continue;
        if (slot->need == KN_MUST)
            return kaon_fail(diag, KAON_INCOMPATIBLE, "its table lacks '%s', which every %s needs",
                             slot->name, interface->word);
        memcpy(at, &slot->stub, sizeof slot->stub);
    }
    return KAON_OK;
}

kaon_status kn_interface_fill(const kn_interface *interface, const void *table, void *full,
                              kaon_diag *diag)
{
    const uint32_t size = ((const kaon_head *)table)->size;
    const uint32_t known = size < interface->size ? size : interface->size;

    if (size < sizeof(kaon_head) || size > LARGEST_TABLE || size % sizeof(uint32_t))
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "its table claims %u bytes; allowed are %zu to %d, in steps of four", size,
                         sizeof(kaon_head), LARGEST_TABLE);
    if (!all_zero((const char *)table + known, size - known))
        return kaon_fail(diag, KAON_TOO_NEW,
                         "its table uses calls this kernel does not know (it has %u bytes, this "
                         "kernel knows %u); rebuild it with KAON_ABI_TARGET set to %u.%u",
                         size, interface->size, KAON_ABI_MAJOR(KAON_ABI), KAON_ABI_MINOR(KAON_ABI));
    memset(full, 0, interface->size);
    memcpy(full, table, known);
    ((kaon_head *)full)->size = interface->size;
    return fill_slots(interface, full, diag);
}
