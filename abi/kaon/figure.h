/* figure.h: "kaon.figure/1": what a report shows of a run, as plain data.
 *
 * A figure looks at a finished run (read only) and describes panels, axes and series; the host
 * draws them (SVG in the report, PDF) and writes all numbers of the series as a table, so that a
 * figure never opens a file and never sees the program that draws. Weights may be negative.
 */
#ifndef KAON_FIGURE_H
#define KAON_FIGURE_H

#include <kaon/metric.h>
#include <kaon/table.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_FIGURE "kaon.figure/1"

/* --- what a figure describes ------------------------------------------------------------------ */

// Stands inside kaon_panel and therefore never grows.
typedef struct kaon_axis {
    const char *label;
    const char *unit; // "GeV", shown in brackets; NULL: none
    double low;       // of the range; low == high: as the numbers need
    double high;
    int32_t log;        // 1: logarithmic
    int32_t name_count; // > 0: names stand at 0, 1, 2, ... in place of numbers
    const char *const *names;
} kaon_axis;

enum {
    KAON_LEGEND_TOP_RIGHT = 0,
    KAON_LEGEND_TOP_LEFT = 1,
    KAON_LEGEND_BOTTOM_RIGHT = 2,
    KAON_LEGEND_BOTTOM_LEFT = 3,
    KAON_LEGEND_NONE = 4,
    KAON_LEGEND_ABOVE = 5 // outside, over the panel
};

typedef struct kaon_panel {
    uint32_t size;
    int32_t legend;    // KAON_LEGEND_*
    const char *title; // above the panel, or NULL
    kaon_axis x;
    kaon_axis y;
    kaon_axis z;    // colours of KAON_SERIES_HEAT
    int32_t square; // 1: as wide as high
    int32_t down;   // 1: y grows downwards (matrices)
} kaon_panel;

// What a series needs. Arrays have `count` numbers where nothing else is said.
enum {
    KAON_SERIES_LINE = 0,      // x, y
    KAON_SERIES_STEPS = 1,     // histogram, outline: x (count + 1 edges), y
    KAON_SERIES_HISTOGRAM = 2, // the same, filled
    KAON_SERIES_BAND = 3,      // x, low, high
    KAON_SERIES_POINTS = 4,    // x, y; low, high: ends of error bars along y, or NULL
    KAON_SERIES_BARS = 5,    // x, y: bars along x at y; low, high: ends of errors along x, or NULL
    KAON_SERIES_HEAT = 6,    // x (columns), y (rows): centres; z (rows, columns); count: columns
    KAON_SERIES_TEXT = 7,    // x, y, texts
    KAON_SERIES_UPRIGHT = 8, // x: lines from the bottom to the top
    KAON_SERIES_LEVEL = 9,   // y: lines from left to right
    KAON_SERIES_COUNT = 10
};

enum {
    KAON_COLOUR_NEXT = 0, // of the palette, one after the other in a panel
    KAON_COLOUR_GREY = -1,
    KAON_COLOUR_BLACK = -2
    // 1, 2, ...: a colour of the palette, the same in all panels; colour-blind safe
};

enum { KAON_DASH_NONE = 0, KAON_DASH_LONG = 1, KAON_DASH_DOTS = 2 };

typedef struct kaon_series {
    uint32_t size;
    int32_t kind;      // KAON_SERIES_*
    const char *label; // in the legend and in the table; NULL: none
    int32_t colour;    // KAON_COLOUR_*
    int32_t dash;      // KAON_DASH_*
    int64_t count;
    int64_t rows; // of KAON_SERIES_HEAT
    const double *x;
    const double *y;
    const double *z;
    const double *low;
    const double *high;
    const char *const
        *texts;         // of KAON_SERIES_TEXT; of KAON_SERIES_HEAT: written in the cells, or NULL
    const double *also; // another column of the table, not drawn: a threshold; or NULL
    const char *also_name;
    int32_t undrawn; // 1: in the table only
    int32_t hidden;  // 1: in the drawing only: its numbers stand in another series, or say nothing
    int32_t behind;  // 1: fainter than the others
    int32_t reserved;
} kaon_series;

typedef struct kaon_plot kaon_plot;

/* Everything is copied. The first failure is kept and told after `draw`, so that a figure is
 * mathematics, not error handling. [instance] */
typedef struct kaon_plot_api {
    uint32_t size;
    uint32_t reserved;
    // Panels side by side before the next row begins; at the start. 0: as it fits.
    void (*columns)(kaon_plot *p, int32_t columns);
    void (*panel)(kaon_plot *p, const kaon_panel *panel); // series that follow stand in it
    void (*series)(kaon_plot *p, const kaon_series *series);
    // Sentences below the figure: what it shows and how it was made.
    void (*caption)(kaon_plot *p, const char *text);
} kaon_plot_api;

struct kaon_plot {
    const kaon_plot_api *api;
};

KAON_PRINTF(2, 3)
static inline void kaon_caption(kaon_plot *p, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->api->caption(p, text);
}

/* --- what it sees ----------------------------------------------------------------------------- */

// Parts of the data. ORDER part
enum { KAON_PART_TRAIN = 0, KAON_PART_VALIDATION = 1, KAON_PART_TEST = 2, KAON_PART_COUNT = 3 };

// A number told while something learned: one line of metrics.jsonl after the other.
typedef struct kaon_history {
    uint32_t size;
    uint32_t reserved;
    const char *learner; // "network"
    const char *name;    // "validation_loss"
    int64_t count;
    const double *step; // epoch, round, episode
    const double *value;
} kaon_history;

// What a stage of the run took.
typedef struct kaon_stage {
    uint32_t size;
    uint32_t reserved;
    const char *name; // "fitting network"
    double seconds;
    double joules; // of the processors; negative: this machine does not tell
} kaon_stage;

typedef struct kaon_look kaon_look;

/* The run. What is handed out belongs to it and lives until `draw` returns. KAON_NOT_FOUND comes
 * without words: there is no such thing. [instance] */
typedef struct kaon_look_api {
    uint32_t size;
    uint32_t reserved;
    // The part figures are about: test, else validation, else train. NOT_FOUND: no data at all.
    kaon_status (*main_part)(kaon_look *l, int32_t *part);
    // Predictions beside the truth. At most so many rows of a part as the report looks at.
    kaon_status (*scores)(kaon_look *l, int32_t part, const kaon_scores **out, kaon_diag *diag);
    // The same rows as they were read: features, target, weight.
    kaon_status (*table)(kaon_look *l, int32_t part, kaon_table **out, kaon_diag *diag);
    // The index-th curve of that name metrics give for the part; *sigma: of y, or NULL.
    kaon_status (*curve)(kaon_look *l, int32_t part, const char *name, int64_t index,
                         kaon_curve *out, const double **sigma, kaon_diag *diag);
    // A measure of the part ("auc") and its uncertainty (NaN: unknown).
    kaon_status (*number)(kaon_look *l, int32_t part, const char *name, double *value,
                          double *sigma, kaon_diag *diag);
    kaon_status (*history)(kaon_look *l, int64_t index,
                           kaon_history *out); // NOT_FOUND: past the end
    kaon_status (*stage)(kaon_look *l, int64_t index, kaon_stage *out);
    // Predictions for the first `rows` rows of a part with other features (rows, feature width),
    // into (rows, classes or width) of kaon_scores.
    kaon_status (*predict)(kaon_look *l, int32_t part, int64_t rows, const double *features,
                           double *predicted, kaon_diag *diag);
    // The index-th tensor of floats the model learned, its name as in the model file.
    kaon_status (*weights)(kaon_look *l, int64_t index, const char **name, kaon_view *out,
                           kaon_diag *diag);
    // Predictions with other values in these tensors, in their order; NULL: unchanged.
    kaon_status (*predict_with)(kaon_look *l, int32_t part, int64_t rows,
                                const double *const *values, double *predicted, kaon_diag *diag);
    uint64_t (*seed)(kaon_look *l); // of the run, for whatever is drawn at random
} kaon_look_api;

struct kaon_look {
    const kaon_look_api *api;
};

/* --- the figure ------------------------------------------------------------------------------- */

typedef struct kaon_figure {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    const char *title;  // of its section: "ROC curves"
    int32_t order;      // of the sections: lower ones first
    int32_t on_request; // 1: drawn only where a report names it
    // KAON_UNSUPPORTED, with words: it says nothing about such a run; left out unless it was asked
    // for by name, then the words stand in its place. [instance]
    kaon_status (*draw)(const kaon_host *host, const void *settings, kaon_look *run,
                        kaon_plot *plot, kaon_diag *diag);
} kaon_figure;

#ifdef __cplusplus
}
#endif
#endif
