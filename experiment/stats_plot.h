/* stats_plot.h: distributions of columns as figures. */
#ifndef KN_STATS_PLOT_H
#define KN_STATS_PLOT_H

#include "data/statistics.h"

/* Writes columns-1, columns-2, ... (a dozen histograms each) and correlation into `folder`, made if
 * need be: .svg, .pdf and the numbers as .csv. Without gnuplot the numbers alone, and
 * KAON_NOT_FOUND. [any] */
kaon_status kn_stats_plot(const kn_statistics *s, const char *folder, kaon_diag *diag);

#endif
