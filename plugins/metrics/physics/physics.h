/* physics.h: what the sources of this plugin share. */
#ifndef PHYSICS_H
#define PHYSICS_H

#include <kaon/metric.h>

/* The class that counts as signal: the one named or, of two classes, the second. */
kaon_status find_signal(const kaon_scores *s, const char *name, int64_t *out, kaon_diag *diag);

extern const kaon_metric s_over_sqrt_b, s_over_sqrt_sb, asimov_significance;

#endif
