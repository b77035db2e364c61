/* plot.c: what figures describe, copied and checked. */
#include "experiment/plot.h"
#include "kernel/files.h"

#include <string.h>

#include "kernel/memory.h"
#include "kernel/structs.h"

enum { LABEL_BYTES = 160, MAX_NAMES = 4096 };

// What each kind of series must have. ORDER series
static const struct {
    const char *name;
    int32_t x, y, z, low, high, texts;
} needs[KAON_SERIES_COUNT] = {
    // clang-format off
    //                           name         x  y  z  low high texts
    [KAON_SERIES_LINE]      = { "line",       1, 1, 0, 0,  0,   0 },
    [KAON_SERIES_STEPS]     = { "steps",      1, 1, 0, 0,  0,   0 },
    [KAON_SERIES_HISTOGRAM] = { "histogram",  1, 1, 0, 0,  0,   0 },
    [KAON_SERIES_BAND]      = { "band",       1, 0, 0, 1,  1,   0 },
    [KAON_SERIES_POINTS]    = { "points",     1, 1, 0, 0,  0,   0 },
    [KAON_SERIES_BARS]      = { "bars",       1, 1, 0, 0,  0,   0 },
    [KAON_SERIES_HEAT]      = { "heat",       1, 1, 1, 0,  0,   0 },
    [KAON_SERIES_TEXT]      = { "text",       1, 1, 0, 0,  0,   1 },
    [KAON_SERIES_UPRIGHT]   = { "upright",    1, 0, 0, 0,  0,   0 },
    [KAON_SERIES_LEVEL]     = { "level",      0, 1, 0, 0,  0,   0 },
    // clang-format on
};

static void fail(kn_plot *p, kaon_status status, const char *text)
{
    if (!p->fault.status)
        kaon_fail(&p->fault.diag, status, "%s", text);
}

/* --- copies ----------------------------------------------------------------------------------- */

// One line without control characters, of well-formed UTF-8, of a length that fits a figure.
static const char *copy_text(kn_plot *p, const char *from)
{
    if (!from)
        return NULL;
    char line[LABEL_BYTES + 4];
    size_t length = strlen(from);
    const int32_t valid = kn_utf8_valid(from, length), cut = length > LABEL_BYTES;
    if (cut)
        for (length = LABEL_BYTES; length && (from[length] & 0xc0) == 0x80;)
            length--;
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)from[i];
        line[i] = c < ' ' || c == 127 ? ' ' : c >= 128 && !valid ? '?' : (char)c;
    }
    memcpy(line + length, cut ? "..." : "", cut ? 4 : 1);
    const char *copy = kn_arena_text(&p->arena, line);
    if (!copy)
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
    return copy;
}

static const double *copy_numbers(kn_plot *p, const double *from, int64_t count)
{
    static const double none[1] = {0};
    if (!from || !count)
        return from ? none : NULL;
    const double *copy = kn_arena_copy(&p->arena, from, (size_t)count * sizeof *from);
    if (!copy)
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
    return copy;
}

static const char *const *copy_texts(kn_plot *p, const char *const *from, int64_t count)
{
    if (!from)
        return NULL;
    const char **copy = kn_arena_array(&p->arena, (size_t)count + 1, sizeof *copy);
    if (!copy)
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
    for (int64_t i = 0; copy && i < count; i++)
        copy[i] = copy_text(p, from[i] ? from[i] : "");
    return copy;
}

static void copy_axis(kn_plot *p, kaon_axis *axis)
{
    axis->label = copy_text(p, axis->label);
    axis->unit = copy_text(p, axis->unit);
    if (axis->name_count < 0 || axis->name_count > MAX_NAMES || !axis->names)
        axis->name_count = 0;
    axis->names = copy_texts(p, axis->name_count ? axis->names : NULL, axis->name_count);
}

/* --- the calls of a figure -------------------------------------------------------------------- */

static void columns(kaon_plot *plot, int32_t count)
{
    ((kn_plot *)plot)->columns = count > 0 ? count : 0;
}

static void panel(kaon_plot *plot, const kaon_panel *given)
{
    kn_plot *p = (kn_plot *)plot;
    kn_plot_panel *made = NULL;
    if (p->fault.status)
        return;
    if (p->panels == KN_PLOT_PANELS)
        fail(p, KAON_INVALID, "a figure has more panels than fit a page");
    else if (!(made = kn_arena_take(&p->arena, sizeof *made)))
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
    if (!made || kn_struct_take(&made->at, sizeof made->at, given, "kaon_panel", &p->fault.diag))
        return;
    made->at.title = copy_text(p, made->at.title);
    copy_axis(p, &made->at.x);
    copy_axis(p, &made->at.y);
    copy_axis(p, &made->at.z);
    *(p->last ? &p->last->next : &p->first) = made;
    p->last = made;
    p->panels++;
}

static int32_t is_complete(kn_plot *p, const kaon_series *s)
{
    char text[128];
    if (s->kind < 0 || s->kind >= KAON_SERIES_COUNT)
        return fail(p, KAON_INVALID, "a figure has a series of a kind this host cannot draw"), 0;
    const char *name = needs[s->kind].name;
    const int32_t lacks = (needs[s->kind].x && !s->x) || (needs[s->kind].y && !s->y) ||
                          (needs[s->kind].z && !s->z) || (needs[s->kind].low && !s->low) ||
                          (needs[s->kind].high && !s->high) || (needs[s->kind].texts && !s->texts);
    const int64_t rows = s->kind == KAON_SERIES_HEAT ? s->rows : 1;
    snprintf(text, sizeof text, "a series of the kind '%s' %s", name,
             !p->last ? "stands before the first panel"
             : lacks  ? "lacks some of its numbers"
                      : "has more numbers than can be drawn");
    const int32_t fits = s->count >= 0 && rows >= 0 && s->count <= KN_PLOT_POINTS &&
                         rows <= KN_PLOT_POINTS && s->count * rows <= KN_PLOT_POINTS;
    if (!p->last || lacks || !fits || p->series == KN_PLOT_SERIES)
        return fail(p, KAON_INVALID, text), 0;
    return 1;
}

static void copy_series(kn_plot *p, kaon_series *s)
{
    const int32_t heat = s->kind == KAON_SERIES_HEAT;
    const int32_t edges = s->kind == KAON_SERIES_STEPS || s->kind == KAON_SERIES_HISTOGRAM;
    const int64_t cells = heat ? s->count * s->rows : s->count;
    s->label = copy_text(p, s->label);
    s->also_name = copy_text(p, s->also_name);
    s->x = copy_numbers(p, s->x, s->count + edges);
    s->y = copy_numbers(p, s->y, heat ? s->rows : s->count);
    s->z = copy_numbers(p, heat ? s->z : NULL, cells);
    s->low = copy_numbers(p, s->high ? s->low : NULL, s->count);
    s->high = copy_numbers(p, s->low ? s->high : NULL, s->count);
    s->also = copy_numbers(p, s->also_name ? s->also : NULL, s->count);
    s->texts = copy_texts(p, s->texts, cells);
}

static void series(kaon_plot *plot, const kaon_series *given)
{
    kn_plot *p = (kn_plot *)plot;
    kn_plot_series *made = p->fault.status ? NULL : kn_arena_take(&p->arena, sizeof *made);
    if (!made) {
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
        return;
    }
    if (kn_struct_take(&made->at, sizeof made->at, given, "kaon_series", &p->fault.diag) ||
        !is_complete(p, &made->at))
        return;
    copy_series(p, &made->at);
    kn_plot_panel *in = p->last;
    const int32_t colour = made->at.colour;
    made->number = p->series++;
    made->colour = colour > 0 ? colour - 1 : colour == KAON_COLOUR_NEXT ? in->colours++ : colour;
    *(in->last ? &in->last->next : &in->first) = made;
    in->last = made;
}

static void caption(kaon_plot *plot, const char *text)
{
    kn_plot *p = (kn_plot *)plot;
    if (p->caption.length)
        kn_text_add(&p->caption, " ");
    kn_text_add(&p->caption, text);
    if (p->caption.failed)
        fail(p, KAON_NO_MEMORY, "out of memory for a figure");
}

static const kaon_plot_api api = {
    .size = sizeof api,
    .columns = columns,
    .panel = panel,
    .series = series,
    .caption = caption,
};

/* --- its life --------------------------------------------------------------------------------- */

void kn_plot_init(kn_plot *plot)
{
    *plot = (kn_plot){.plot = {.api = &api}};
    kn_diag_init(&plot->fault);
}

void kn_plot_fini(kn_plot *plot)
{
    kn_text_fini(&plot->caption);
    kn_arena_free(&plot->arena);
}

kaon_status kn_plot_status(const kn_plot *plot, kaon_diag *diag)
{
    if (plot->fault.status)
        return kn_diag_pass(&plot->fault, diag);
    return plot->panels ? KAON_OK : kaon_fail(diag, KAON_INVALID, "the figure has no panel");
}

void kn_plot_layout(const kn_plot *plot, int32_t *columns, int32_t *rows)
{
    int32_t wide = plot->columns;
    for (wide = wide ? wide : 1; !plot->columns && wide * wide < plot->panels && wide < 4;)
        wide++;
    *columns = wide < plot->panels ? wide : plot->panels;
    *rows = *columns ? (plot->panels + *columns - 1) / *columns : 0;
}

kaon_status kn_plot_file(const char *folder, const char *name, const char *ending,
                         const kn_text *text, kaon_diag *diag)
{
    kn_text file = {0};
    kn_text_format(&file, "%s%s", name, ending);
    char *path = file.failed ? NULL : kn_path_join(folder, kn_text_get(&file));
    const kaon_status status = path && !text->failed
                                   ? kn_file_write(path, kn_text_get(text), text->length, diag)
                                   : kn_no_memory(diag, "a figure");
    kn_free(path);
    kn_text_fini(&file);
    return status;
}
