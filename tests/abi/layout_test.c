/* layout_test.c: nothing in the ABI moves: every offset, size and number is asserted while compiling,
 * as C and as C++; names of interfaces when it runs.
 */
#include <kaon/agent.h>
#include <kaon/backend.h>
#include <kaon/collective.h>
#include <kaon/figure.h>
#include <kaon/files.h>
#include <kaon/host_api.h>
#include <kaon/io.h>
#include <kaon/items.h>
#include <kaon/layer.h>
#include <kaon/metric.h>
#include <kaon/parallel.h>
#include <kaon/program.h>
#include <kaon/random.h>
#include <kaon/search.h>
#include <kaon/sink.h>
#include <kaon/tensor.h>

#include <string.h>

#ifdef __cplusplus
#define HOLDS(what) static_assert(what, #what)
#else
#define HOLDS(what) _Static_assert(what, #what)
#endif

#if UINTPTR_MAX == 0xffffffffffffffffu
#define STRUCT(type, bytes) HOLDS(sizeof(type) == bytes);
#define FIELD(type, field, at, bytes)                                                              \
    HOLDS(offsetof(type, field) == at);                                                            \
    HOLDS(sizeof(((type *)0)->field) == bytes);
#include "layout.inc"
#endif

// The head of every table is the same, so that one piece of code reads options of all items.
#define HEAD(type)                                                                                 \
    HOLDS(offsetof(type, size) == offsetof(kaon_head, size));                                      \
    HOLDS(offsetof(type, settings_size) == offsetof(kaon_head, settings_size));                    \
    HOLDS(offsetof(type, options) == offsetof(kaon_head, options));                                \
    HOLDS(offsetof(type, help) == offsetof(kaon_head, help));
HEAD(kaon_layer)
HEAD(kaon_loss)
HEAD(kaon_penalty)
HEAD(kaon_optimizer)
HEAD(kaon_schedule)
HEAD(kaon_average)
HEAD(kaon_learner)
HEAD(kaon_agent)
HEAD(kaon_environment)
HEAD(kaon_reader)
HEAD(kaon_writer)
HEAD(kaon_op)
HEAD(kaon_backend)
HEAD(kaon_collective)
HEAD(kaon_metric)
HEAD(kaon_search)
HEAD(kaon_sink)
HEAD(kaon_figure)

#define VALUE(name, number) HOLDS((name) == (number));
#define NAME(name, text)
#include "values.inc"
#undef VALUE
#undef NAME

int main(void)
{
    const char *const names[] = {
#define VALUE(name, number)
#define NAME(name, text) name, text,
#include "values.inc"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i += 2) {
        if (strcmp(names[i], names[i + 1])) {
            printf("an interface is called %s, it was %s\n", names[i], names[i + 1]);
            return 1;
        }
    }
    puts("the layout of the ABI holds");
    return 0;
}
