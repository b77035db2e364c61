/* plot.h: figures as plain data, drawn by gnuplot: panels, axes and series in, SVG, PDF and a table
 * of numbers out.
 *
 * The same data give the same bytes: nothing in a drawing depends on the time or the user's files.
 */
#ifndef KN_PLOT_H
#define KN_PLOT_H

#include <kaon/figure.h>

#include "kernel/arena.h"
#include "kernel/diag.h"
#include "kernel/text.h"

enum { KN_PLOT_SERIES = 256, KN_PLOT_PANELS = 256, KN_PLOT_POINTS = 1 << 20 };

typedef struct kn_plot_series kn_plot_series;
struct kn_plot_series {
    kaon_series at; // arrays and texts lie in the arena
    int32_t number; // of all series of the plot: 0, 1, ...
    int32_t colour; // of the palette, from 0; or KAON_COLOUR_GREY, KAON_COLOUR_BLACK
    kn_plot_series *next;
};

typedef struct kn_plot_panel kn_plot_panel;
struct kn_plot_panel {
    kaon_panel at;
    kn_plot_series *first;
    kn_plot_series *last;
    int32_t colours; // given away so far
    kn_plot_panel *next;
};

typedef struct kn_plot {
    kaon_plot plot; // first: what a figure gets
    kn_arena arena;
    kn_plot_panel *first;
    kn_plot_panel *last;
    int32_t panels;
    int32_t series;
    int32_t columns; // 0: as it fits
    kn_text caption;
    kn_diag fault; // the first one
} kn_plot;

/* On the caller's storage; fini in any case. [any] */
void kn_plot_init(kn_plot *plot);
void kn_plot_fini(kn_plot *plot);

/* What the calls of kaon_plot_api found wrong; also a plot without a panel. [instance] */
kaon_status kn_plot_status(const kn_plot *plot, kaon_diag *diag);

/* Panels per row, and rows. */
void kn_plot_layout(const kn_plot *plot, int32_t *columns, int32_t *rows);

/* The program for gnuplot that writes plot.svg and plot.pdf where it runs. [any] */
void kn_plot_script(const kn_plot *plot, kn_text *out);

/* The numbers of all series, separated by commas, a line of names first. [any] */
void kn_plot_table(const kn_plot *plot, kn_text *out);

/* Writes folder/name.ending (".csv"); a text that ran out of memory is a failure. [any] */
kaon_status kn_plot_file(const char *folder, const char *name, const char *ending,
                         const kn_text *text, kaon_diag *diag);

/* --- drawing ---------------------------------------------------------------------------------- */

enum { KN_DRAW_SECONDS = 60 }; // for one figure

// A figure being drawn by a process of its own.
typedef struct kn_drawing {
    char *folder; // made for it; NULL: nothing is being drawn
    int32_t child;
    double deadline; // kn_seconds()
} kn_drawing;

/* Starts gnuplot in a new folder below `folder`; returns at once. KAON_NOT_FOUND: there is no
 * gnuplot. [any] */
kaon_status kn_drawing_start(kn_drawing *d, const kn_plot *plot, const char *folder,
                             kaon_diag *diag);

/* Waits and hands over both drawings (kn_text_fini); gnuplot's own words where it failed, "took
 * longer than" where it had to be ended. Nothing of it is left. Call it once after a start, also
 * with svg and pdf NULL: to give up. [instance] */
kaon_status kn_drawing_finish(kn_drawing *d, kn_text *svg, kn_text *pdf, kaon_diag *diag);

#endif
