/* profile.h: where the time of a run goes: per launch, and as a trace for Chrome's viewer.
 *
 * Off, it costs one look at a pointer per run. On, every launch is timed, those of a region in each
 * of its tiles; the numbers outlive the programs.
 */
#ifndef KN_PROFILE_H
#define KN_PROFILE_H

#include "compiler/program.h"

typedef struct kn_profile kn_profile;

/* Times all programs of the kernel from here on. Between runs only. */
kaon_status kn_profile_start(kn_kernel *kernel, kaon_diag *diag);
void kn_profile_stop(kn_kernel *kernel); // and forgets

/* {"traceEvents": [...]}: one event per launch, as many as are kept (the first hundred thousand).
 */
kaon_status kn_profile_write(const kn_kernel *kernel, const char *path, kaon_diag *diag);

/* A table: time, share, calls, mean and best time of a call, Gflop/s and GB/s of the best; the
 * slowest first; kn_free it. NULL: no memory. */
char *kn_profile_text(const kn_kernel *kernel);

/* --- for programs ----------------------------------------------------------------------------- */

/* Books the launches of a program; their numbers begin at the result, -1: no memory left. */
int32_t kn_profile_book(kn_profile *profile, const kn_launch_note *notes, int32_t count);

/* Calls a launch and notes when, by the device's clock where it has one. [any] */
kaon_status kn_profile_launch(kn_profile *profile, int32_t number, const kn_device *device,
                              const kn_launch *l, kaon_diag *diag);

#endif
