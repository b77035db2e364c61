/* plot_script.c: a figure as a program for gnuplot (5.4 or later).
 *
 * Whatever users named stands in single quotes, where gnuplot expands nothing, and the terminals
 * are told to take texts as they are. Ranges are worked out here, so that one look holds for all
 * figures. Colours: Okabe, Ito, "Color universal design", 2008; heat maps in viridis, and blue to
 * red about zero.
 */
#include "experiment/plot.h"

#include <math.h>
#include <string.h>

#include "kernel/decimal.h"

enum {
    PANEL_WIDTH = 430, // of a panel alone, in units of the drawing (1/100 inch on paper)
    PANEL_HEIGHT = 330,
    SMALL_WIDTH = 310, // of one among several in a row
    SMALL_HEIGHT = 245,
    PALETTE = 8,
    LONG_NAMES = 24, // letters: more are written aslant
    NAME_SHOWN = 28, // letters of a name on an axis
    MANY_CELLS = 9   // in a row: more need a larger panel and smaller numbers
};

static const char *const palette[PALETTE] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                             "#E69F00", "#56B4E9", "#000000", "#B8A600"};

// Lines with a bar at each end: gnuplot's own error bars erase what lies around their points.
#define ERROR_BARS "with vectors heads size graph 0.007,90 lw 1.1 lc rgb '%s' notitle"

static const char viridis[] = "defined (0 '#440154', 1 '#472D7B', 2 '#3B528B', 3 '#2C728E', "
                              "4 '#21918C', 5 '#28AE80', 6 '#5EC962', 7 '#ADDC30', 8 '#FDE725')";
static const char diverging[] = "defined (0 '#2166AC', 1 '#67A9CF', 2 '#D1E5F0', 3 '#F7F7F7', "
                                "4 '#FDDBC7', 5 '#EF8A62', 6 '#B2182B')";

/* --- words ------------------------------------------------------------------------------------ */

static void add_number(kn_text *out, double value)
{
    char text[KN_NUMBER_BYTES];
    kn_text_add(out, isfinite(value) ? kn_format_digits(value, 7, text) : "NaN");
}

static void add_quoted(kn_text *out, const char *text)
{
    kn_text_add(out, "'");
    for (const char *at = text ? text : ""; *at; at++)
        kn_text_add_bytes(out, *at == '\'' ? "''" : at, *at == '\'' ? 2 : 1);
    kn_text_add(out, "'");
}

// In a block of data, where a quote has no way to stand in quotes.
static void add_cell(kn_text *out, const char *text)
{
    kn_text_add(out, " \"");
    for (const char *at = text; *at; at++)
        kn_text_add_bytes(out, *at == '"' || *at == '\\' ? "'" : at, 1);
    kn_text_add(out, "\"");
}

static const char *colour_of(const kn_plot_series *s)
{
    if (s->colour == KAON_COLOUR_GREY)
        return "#808080";
    return s->colour < 0 ? "#000000" : palette[s->colour % PALETTE];
}

/* --- ranges ----------------------------------------------------------------------------------- */

typedef struct {
    double low, high, least; // least: the smallest number above zero
    int32_t any;
} range;

static void take(range *r, const double *values, int64_t count)
{
    for (int64_t i = 0; values && i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        r->low = r->any ? fmin(r->low, values[i]) : values[i];
        r->high = r->any ? fmax(r->high, values[i]) : values[i];
        if (values[i] > 0)
            r->least = fmin(r->least, values[i]);
        r->any = 1;
    }
}

// Centres of cells lie half a cell from the edges.
static void take_cells(range *r, const double *centres, int64_t count)
{
    const double half = count > 1 ? (centres[1] - centres[0]) / 2 : 0.5;
    if (count)
        take(r, (const double[]){centres[0] - half, centres[count - 1] + half}, 2);
}

static range x_range(const kn_plot_panel *panel)
{
    range r = {.least = INFINITY};
    for (const kn_plot_series *s = panel->first; s; s = s->next) {
        const int32_t edges =
            s->at.kind == KAON_SERIES_STEPS || s->at.kind == KAON_SERIES_HISTOGRAM;
        if (s->at.undrawn || s->at.kind == KAON_SERIES_LEVEL)
            continue;
        if (s->at.kind == KAON_SERIES_HEAT)
            take_cells(&r, s->at.x, s->at.count);
        else
            take(&r, s->at.x, s->at.count + edges);
        if (s->at.kind == KAON_SERIES_BARS) {
            take(&r, s->at.low, s->at.count);
            take(&r, s->at.high, s->at.count);
            take(&r, (const double[]){0}, 1);
        }
    }
    return r;
}

static range y_range(const kn_plot_panel *panel)
{
    range r = {.least = INFINITY};
    for (const kn_plot_series *s = panel->first; s; s = s->next) {
        const int32_t kind = s->at.kind;
        if (s->at.undrawn || kind == KAON_SERIES_UPRIGHT)
            continue;
        if (kind == KAON_SERIES_HEAT)
            take_cells(&r, s->at.y, s->at.rows);
        else if (kind != KAON_SERIES_BAND)
            take(&r, s->at.y, s->at.count);
        if (kind == KAON_SERIES_BAND || kind == KAON_SERIES_POINTS) {
            take(&r, s->at.low, s->at.count);
            take(&r, s->at.high, s->at.count);
        }
        // Bars grow from nothing.
        if (!panel->at.y.log && (kind == KAON_SERIES_STEPS || kind == KAON_SERIES_HISTOGRAM))
            take(&r, (const double[]){0}, 1);
    }
    return r;
}

static int32_t has_kind(const kn_plot_panel *panel, int32_t kind)
{
    for (const kn_plot_series *s = panel->first; s; s = s->next)
        if (s->at.kind == kind)
            return 1;
    return 0;
}

static void widen(range *r, const kaon_axis *axis, double below, double above)
{
    if (axis->log) {
        const double low = isfinite(r->least) ? r->least : 1;
        const double high = fmax(r->high, low);
        const double decades = fmax(log10(high / low), 0.3);
        r->low = low * pow(10, -below * decades);
        r->high = high * pow(10, above * decades);
        return;
    }
    double span = r->high - r->low;
    if (!(span > 0))
        span = r->high != 0 ? fabs(r->high) : 1;
    // Numbers that are never negative need no room below zero.
    r->low = r->low >= 0 && r->low - below * span < 0 ? 0 : r->low - below * span;
    r->high += above * span;
}

static range add_range(kn_text *out, const char *axis, const kaon_axis *a, range r, int32_t down,
                       double below, double above)
{
    if (a->low != a->high && !(a->log && a->low <= 0)) {
        r.low = a->low;
        r.high = a->high;
    } else if (a->name_count) {
        r.low = -0.5;
        r.high = a->name_count - 0.5;
    } else {
        if (!r.any)
            r = (range){.low = 0, .high = 1, .least = 1};
        widen(&r, a, below, above);
    }
    kn_text_format(out, "set %srange [", axis);
    add_number(out, down ? r.high : r.low);
    kn_text_add(out, ":");
    add_number(out, down ? r.low : r.high);
    kn_text_add(out, "]\n");
    return r;
}

/* --- axes ------------------------------------------------------------------------------------- */

static void add_label(kn_text *out, const char *axis, const kaon_axis *a)
{
    kn_text text = {0};
    kn_text_add(&text, a->label ? a->label : "");
    if (a->unit && *a->unit)
        kn_text_format(&text, "%s[%s]", text.length ? " " : "", a->unit);
    kn_text_format(out, "set %slabel ", axis);
    add_quoted(out, kn_text_get(&text));
    kn_text_add(out, "\n");
    out->failed |= text.failed;
    kn_text_fini(&text);
}

// Letters all names take together, if they stand side by side.
static int32_t name_letters(const kaon_axis *a)
{
    size_t letters = 0;
    for (int32_t i = 0; i < a->name_count; i++)
        letters += strlen(a->names[i]) + 1;
    return (int32_t)(letters < 10000 ? letters : 10000);
}

// Names that would push the panel off the page are cut.
static void add_names(kn_text *out, const kaon_axis *a)
{
    char name[4 * NAME_SHOWN + 4];
    for (int32_t i = 0; i < a->name_count; i++) {
        size_t bytes = 0;
        int32_t letters = 0;
        for (const char *at = a->names[i]; *at && letters <= NAME_SHOWN; at++, bytes++)
            letters += (*at & 0xc0) != 0x80;
        const int32_t cut = letters > NAME_SHOWN;
        snprintf(name, sizeof name, "%.*s%s", (int)(cut ? bytes - 1 : bytes), a->names[i],
                 cut ? "..." : "");
        kn_text_add(out, i ? ", " : "");
        add_quoted(out, name);
        kn_text_format(out, " %d", i);
    }
}

// 1, 2 and 5 times each power of ten where there are too few powers of ten to read a scale by.
static void add_log_tics(kn_text *out, const char *axis, range r)
{
    static const double steps[] = {1, 2, 5};
    int32_t count = 0;
    kn_text_format(out, "set %stics mirror norotate ", axis);
    if (!(r.low > 0) || r.high > 300 * r.low) {
        kn_text_add(out, "autofreq\n");
        return;
    }
    for (int32_t power = (int32_t)floor(log10(r.low)); pow(10, power) <= r.high; power++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            const double at = steps[i] * pow(10, power);
            if (at < r.low * 0.999 || at > r.high * 1.001)
                continue;
            kn_text_add(out, count++ ? ", " : "(");
            add_number(out, at);
        }
    kn_text_add(out, count ? ")\n" : "autofreq\n");
}

// The step of 1, 2, 2.5, 5 that gives about `wanted` intervals.
static double tic_step(range r, int32_t wanted)
{
    const double least = (r.high - r.low) / wanted, decade = pow(10, floor(log10(least)));
    const double share = least / decade;
    return decade * (share <= 1.001 ? 1
                     : share <= 2   ? 2
                     : share <= 2.5 ? 2.5
                     : share <= 5   ? 5
                                    : 10);
}

static void add_tics(kn_text *out, const char *axis, const kaon_axis *a, range r, int32_t wanted)
{
    const int32_t aslant = *axis == 'x' && name_letters(a) > LONG_NAMES;
    if (a->name_count) {
        kn_text_format(out, "unset m%stics\nset %stics nomirror scale 0 %s (", axis, axis,
                       aslant ? "rotate by 40 right" : "norotate");
        add_names(out, a);
        kn_text_add(out, ")\n");
        return;
    }
    if (a->log)
        add_log_tics(out, axis, r);
    else if (r.high > r.low) {
        kn_text_format(out, "set %stics mirror norotate ", axis);
        add_number(out, tic_step(r, wanted));
        kn_text_add(out, "\n");
    } else
        kn_text_format(out, "set %stics mirror norotate autofreq\n", axis);
    kn_text_format(out, "set m%stics %s\nset format %s '%%g'\n", axis, a->log ? "" : "2", axis);
}

static void add_scale(kn_text *out, const char *axis, const kaon_axis *a)
{
    kn_text_format(out, "%s logscale %s\n", a->log ? "set" : "unset", axis);
}

// ORDER legend
static const char *const legends[] = {
    "set key on inside top right Right noreverse vertical",
    "set key on inside top left Left reverse vertical",
    "set key on inside bottom right Right noreverse vertical",
    "set key on inside bottom left Left reverse vertical",
    "unset key",
    "set key on outside top center horizontal Left reverse",
};

static void add_colours(kn_text *out, const kn_plot_panel *panel)
{
    const kaon_axis *z = &panel->at.z;
    range r = {.least = INFINITY};
    if (!has_kind(panel, KAON_SERIES_HEAT)) {
        kn_text_add(out, "unset colorbox\n");
        return;
    }
    for (const kn_plot_series *s = panel->first; s; s = s->next)
        if (s->at.kind == KAON_SERIES_HEAT)
            take(&r, s->at.z, s->at.count * s->at.rows);
    kn_text_format(out, "set palette %s\nset colorbox\n",
                   z->low < 0 && z->low == -z->high ? diverging : viridis);
    add_scale(out, "cb", z);
    r = add_range(out, "cb", z, r, 0, 0, 0);
    add_label(out, "cb", z);
    if (z->log)
        add_log_tics(out, "cb", r);
    else
        kn_text_add(out, "set cbtics autofreq\n");
    kn_text_add(out, "set cbtics scale 0.5\nset format cb '%g'\n");
}

// Room above the numbers, where a legend stands over them.
static double head_room(const kn_plot_panel *panel, int32_t legend, int32_t shown)
{
    if (has_kind(panel, KAON_SERIES_HEAT))
        return 0;
    return legend == KAON_LEGEND_TOP_RIGHT || legend == KAON_LEGEND_TOP_LEFT
               ? fmin(0.1 + 0.09 * shown, 0.5)
               : 0.06;
}

static void add_axes(kn_text *out, const kn_plot_panel *panel, int32_t tics)
{
    const kaon_panel *p = &panel->at;
    const int32_t legend = p->legend >= 0 && p->legend <= KAON_LEGEND_ABOVE ? p->legend : 0;
    const int32_t heat = has_kind(panel, KAON_SERIES_HEAT);
    const int32_t points = has_kind(panel, KAON_SERIES_POINTS) && !p->y.log;
    const double aside = has_kind(panel, KAON_SERIES_BARS) ? 0.05 : 0;
    int32_t shown = 0;
    for (const kn_plot_series *s = panel->first; s; s = s->next)
        shown += s->at.label && !s->at.undrawn;
    kn_text_format(out, "%s\n", shown ? legends[legend] : "unset key");
    kn_text_add(out, "set title ");
    add_quoted(out, p->title);
    kn_text_format(out, "\nset size %s\n", p->square ? "square" : "nosquare");
    add_scale(out, "x", &p->x);
    add_scale(out, "y", &p->y);
    const range x = add_range(out, "x", &p->x, x_range(panel), 0, 0, aside);
    const range y = add_range(out, "y", &p->y, y_range(panel), p->down,
                              heat     ? 0
                              : points ? 0.06
                                       : 0.03,
                              head_room(panel, legend, shown));
    add_label(out, "x", &p->x);
    add_label(out, "y", &p->y);
    add_tics(out, "x", &p->x, x, tics);
    add_tics(out, "y", &p->y, y, tics);
    add_colours(out, panel);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void add_row(kn_text *out, int32_t count, const double *values)
{
    for (int32_t i = 0; i < count; i++) {
        kn_text_add(out, i ? " " : "");
        add_number(out, values[i]);
    }
    kn_text_add(out, "\n");
}

// The outline of a histogram, corner by corner.
static void add_outline(kn_text *out, const kaon_series *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        add_row(out, 2, (const double[]){s->x[i], s->y[i]});
        add_row(out, 2, (const double[]){s->x[i + 1], s->y[i]});
    }
}

static void add_cells(kn_text *out, const kaon_series *s, const kaon_axis *z)
{
    double low = z->low, high = z->high;
    range r = {.least = INFINITY};
    take(&r, s->z, s->count * s->rows);
    if (low == high) {
        low = r.low;
        high = r.high;
    }
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < s->count; k++) {
            const double value = s->z[i * s->count + k], at = (value - low) / (high - low);
            // Black on bright cells and white on dark ones, in both palettes.
            const int32_t dark = low < 0 && low == -high ? fabs(at - 0.5) > 0.36 : at < 0.55;
            add_row(out, 3, (const double[]){s->x[k], s->y[i], value});
            if (!s->texts)
                continue;
            out->length--; // the text stands in the same line
            kn_text_format(out, " %s", dark ? "16777215" : "0");
            add_cell(out, s->texts[i * s->count + k]);
            kn_text_add(out, "\n");
        }
}

static void add_bars(kn_text *out, const kaon_series *s)
{
    for (int64_t i = 0; i < s->count; i++)
        add_row(out, 8,
                (const double[]){s->x[i], s->y[i], fmin(0, s->x[i]), fmax(0, s->x[i]),
                                 s->y[i] - 0.36, s->y[i] + 0.36, s->low ? s->low[i] : s->x[i],
                                 s->high ? s->high[i] : s->x[i]});
}

static void add_points(kn_text *out, const kaon_series *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        const double x = s->x ? s->x[i] : 0, y = s->y ? s->y[i] : 0;
        if (s->kind == KAON_SERIES_BAND)
            add_row(out, 3, (const double[]){x, s->low[i], s->high[i]});
        else
            add_row(out, s->low ? 4 : 2,
                    (const double[]){x, y, s->low ? s->low[i] : 0, s->high ? s->high[i] : 0});
        if (s->texts) {
            out->length--;
            add_cell(out, s->texts[i]);
            kn_text_add(out, "\n");
        }
    }
}

static void add_block(kn_text *out, const kn_plot_series *s, const kaon_axis *z)
{
    kn_text_format(out, "$d%d << END\n", s->number);
    if (s->at.kind == KAON_SERIES_STEPS || s->at.kind == KAON_SERIES_HISTOGRAM)
        add_outline(out, &s->at);
    else if (s->at.kind == KAON_SERIES_HEAT)
        add_cells(out, &s->at, z);
    else if (s->at.kind == KAON_SERIES_BARS)
        add_bars(out, &s->at);
    else
        add_points(out, &s->at);
    kn_text_add(out, "END\n");
}

/* --- series ----------------------------------------------------------------------------------- */

// Lines across the panel are arrows; their entry in the legend is a series without a point.
static int32_t is_rule(const kn_plot_series *s)
{
    return s->at.kind == KAON_SERIES_UPRIGHT || s->at.kind == KAON_SERIES_LEVEL;
}

static void add_rules(kn_text *out, const kn_plot_panel *panel)
{
    kn_text_add(out, "unset arrow\n");
    for (const kn_plot_series *s = panel->first; s; s = s->next)
        for (int64_t i = 0; is_rule(s) && i < s->at.count && !s->at.undrawn; i++) {
            const int32_t upright = s->at.kind == KAON_SERIES_UPRIGHT;
            const double at = upright ? s->at.x[i] : s->at.y[i];
            if (!isfinite(at))
                continue;
            kn_text_add(out, upright ? "set arrow from first " : "set arrow from graph 0, first ");
            add_number(out, at);
            kn_text_add(out, upright ? ", graph 0 to first " : " to graph 1, first ");
            add_number(out, at);
            kn_text_format(out, "%s nohead back lw 1.2 dt %d lc rgb '%s'\n",
                           upright ? ", graph 1" : "", s->at.dash + 1, colour_of(s));
        }
}

static void add_style(kn_text *out, const kn_plot_series *s)
{
    const char *colour = colour_of(s);
    const int32_t dash = s->at.dash + 1, faint = s->at.behind;
    switch (s->at.kind) {
    case KAON_SERIES_HISTOGRAM:
        kn_text_format(
            out, "using 1:2 with filledcurves x1 fs transparent solid %s noborder lc rgb '%s'",
            faint ? "0.15" : "0.35", colour);
        break;
    case KAON_SERIES_BAND:
        kn_text_format(
            out, "using 1:2:3 with filledcurves fs transparent solid 0.25 noborder lc rgb '%s'",
            colour);
        break;
    case KAON_SERIES_POINTS:
        kn_text_format(out, "using 1:2 with points pt %d ps 0.5 lw 1.2 lc rgb '%s'", faint ? 6 : 7,
                       colour);
        break;
    case KAON_SERIES_BARS:
        kn_text_format(out, "using 1:2:3:4:5:6 with boxxyerror fs solid 0.6 noborder lc rgb '%s'",
                       colour);
        break;
    case KAON_SERIES_HEAT:
        kn_text_add(out, "using 1:2:3 with image pixels");
        break;
    case KAON_SERIES_TEXT:
        kn_text_format(out, "using 1:2:3 with labels tc rgb '%s'", colour);
        break;
    default:
        kn_text_format(out, "using 1:2 with lines lw %s dt %d lc rgb '%s'", faint ? "0.8" : "1.8",
                       dash, colour);
    }
}

static void add_title(kn_text *out, const char *label)
{
    kn_text_add(out, label ? " title " : " notitle");
    if (label)
        add_quoted(out, label);
}

static void add_series(kn_text *out, const kn_plot_series *s, int32_t *first)
{
    if (s->at.undrawn || (is_rule(s) && !s->at.label) || (!is_rule(s) && !s->at.count))
        return;
    kn_text_add(out, *first ? "plot " : ", \\\n     ");
    *first = 0;
    if (is_rule(s)) {
        kn_text_format(out, "NaN with lines lw 1.2 dt %d lc rgb '%s'", s->at.dash + 1,
                       colour_of(s));
        add_title(out, s->at.label);
        return;
    }
    kn_text_format(out, "$d%d ", s->number);
    add_style(out, s);
    add_title(out, s->at.kind == KAON_SERIES_TEXT ? NULL : s->at.label);
    const int32_t n = s->number;
    const char *const more = ", \\\n     $d%d using ";
    if (s->at.kind == KAON_SERIES_HEAT && s->at.texts) {
        kn_text_format(out, more, n);
        kn_text_format(out, "1:2:5:4 with labels%s tc rgb variable notitle",
                       s->at.count > MANY_CELLS ? " font ',9'" : "");
    } else if (s->at.kind == KAON_SERIES_BARS && s->at.low) {
        kn_text_format(out, more, n);
        kn_text_format(out, "7:2:($8-$7):(0) " ERROR_BARS, "#000000");
    } else if (s->at.kind == KAON_SERIES_POINTS && s->at.low) {
        kn_text_format(out, more, n);
        kn_text_format(out, "1:3:(0):($4-$3) " ERROR_BARS, colour_of(s));
    } else if (s->at.kind == KAON_SERIES_HISTOGRAM) {
        kn_text_format(out, more, n);
        kn_text_format(out, "1:2 with lines lw 1.2 lc rgb '%s' notitle", colour_of(s));
    }
}

static void add_panel(kn_text *out, const kn_plot_panel *panel, int32_t tics)
{
    int32_t first = 1;
    add_axes(out, panel, tics);
    add_rules(out, panel);
    for (const kn_plot_series *s = panel->first; s; s = s->next)
        add_series(out, s, &first);
    kn_text_add(out, first ? "plot NaN notitle\n" : "\n");
}

static void add_page(kn_text *out, const kn_plot *plot)
{
    int32_t columns, rows;
    kn_plot_layout(plot, &columns, &rows);
    kn_text_format(out, "set multiplot layout %d,%d\n", rows, columns);
    for (const kn_plot_panel *panel = plot->first; panel; panel = panel->next)
        add_panel(out, panel, columns < 2 ? 6 : 4);
    kn_text_add(out, "unset multiplot\nset output\n");
}

// Of the page. Matrices and bars with many names need more than others.
static void page_size(const kn_plot *plot, int32_t *width, int32_t *height)
{
    int32_t columns, rows, most = 0, is_matrix = 0;
    kn_plot_layout(plot, &columns, &rows);
    for (const kn_plot_panel *p = plot->first; p; p = p->next) {
        most = p->at.y.name_count > most ? p->at.y.name_count : most;
        is_matrix |= p->at.x.name_count > MANY_CELLS;
    }
    const int32_t more = most > MANY_CELLS ? most - MANY_CELLS : 0;
    *width = columns < 2 ? PANEL_WIDTH + is_matrix * more * 24 : columns * SMALL_WIDTH;
    *height =
        columns < 2 ? rows * (PANEL_HEIGHT + more * (is_matrix ? 22 : 12)) : rows * SMALL_HEIGHT;
}

void kn_plot_script(const kn_plot *plot, kn_text *out)
{
    int32_t width, height, columns, rows;
    kn_plot_layout(plot, &columns, &rows);
    page_size(plot, &width, &height);
    const int32_t small = columns > 1;
    kn_text_add(out, "set encoding utf8\nset border 15 lw 1\n"
                     "set tics in front scale 0.8,0.4\nset bars 0.4\n"
                     "set xlabel offset 0,0.4\nset title offset 0,-0.4\n"
                     "set key samplen 1.6 spacing 1.1 width 0 height 0.2 noautotitle\n");
    for (const kn_plot_panel *panel = plot->first; panel; panel = panel->next)
        for (const kn_plot_series *s = panel->first; s; s = s->next)
            if (!is_rule(s) && !s->at.undrawn)
                add_block(out, s, &panel->at.z);
    kn_text_format(out,
                   "set terminal svg size %d,%d noenhanced font 'Helvetica,%s' "
                   "background '#ffffff'\nset output 'plot.svg'\n",
                   width, height, small ? "11" : "12");
    add_page(out, plot);
    kn_text_format(out,
                   "set terminal pdfcairo size %.2fin,%.2fin noenhanced font 'Helvetica,%s' "
                   "lw 0.8\nset output 'plot.pdf'\n",
                   width / 100.0, height / 100.0, small ? "7.9" : "8.6");
    add_page(out, plot);
}
