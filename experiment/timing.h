/* timing.h: how long each stage of a run took and, where the machine tells, its energy.
 *
 * Energy is that of all processor packages, from /sys/class/powercap/intel-rapl:N (microjoules that
 * wrap around; AMD processors have the same files), whatever else ran on the machine.
 */
#ifndef KN_TIMING_H
#define KN_TIMING_H

#include <kaon/base.h>

enum { KN_TIMING_STAGES = 64, KN_TIMING_NAME = 64, KN_TIMING_PACKAGES = 8 };

typedef struct kn_timing {
    int32_t count;
    int32_t running; // 1: the last one goes on
    struct {
        char name[KN_TIMING_NAME];
        double seconds; // of the clock at its begin while it runs
        double joules;  // negative: not known
    } stages[KN_TIMING_STAGES];
    int32_t packages;                    // of the machine that can be read
    double at_start[KN_TIMING_PACKAGES]; // microjoules
} kn_timing;

/* Ends the stage that runs and begins one; a stage of the same name goes on. Beyond the room they
 * count with the last one. [instance] */
void kn_timing_begin(kn_timing *timing, const char *name);
void kn_timing_end(kn_timing *timing);

/* timing.json: {"stages": [{"name", "seconds", "joules"}]}. An unreadable file is as none. */
kaon_status kn_timing_write(const kn_timing *timing, const char *path, kaon_diag *diag);
void kn_timing_read(kn_timing *timing, const char *path);

#endif
