/* sink.h: "kaon.sink/1": where the numbers of a run go beside metrics.jsonl, for other people's
 * tools.
 */
#ifndef KAON_SINK_H
#define KAON_SINK_H

#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_SINK "kaon.sink/1"

typedef struct kaon_sink {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // `folder`: of the run; it exists. `wall_time`: seconds since 1970, of the beginning. [any]
    kaon_status (*open)(const kaon_host *host, const void *settings, const char *folder,
                        double wall_time, void **self, kaon_diag *diag);
    // A number of one epoch or round: ("network/loss", 12, ..., 0.31). [instance]
    kaon_status (*number)(void *self, const char *name, int64_t step, double wall_time,
                          double value, kaon_diag *diag);
    // What was given so far can be read by others. Absent: after each number. [instance]
    kaon_status (*flush)(void *self, kaon_diag *diag);
    void (*close)(void *self); // takes NULL
} kaon_sink;

#ifdef __cplusplus
}
#endif
#endif
