/* training.c: figures of how a run went: loss by epoch, return by episode, time and energy by
 * stage. */
#include <kaon/figure_build.h>

enum { MOST_PANELS = 6, MOST_STAGES = 64 };

static const char validation_prefix[] = "validation_";

enum { PREFIX = sizeof validation_prefix - 1 };

/* --- loss ------------------------------------------------------------------------------------- */

static int32_t is_validation(const kaon_history *h)
{
    return !strncmp(h->name, validation_prefix, PREFIX);
}

// What one learner told under one name, with or without the prefix; 0: nothing.
static int32_t find(kaon_look *run, const char *learner, const char *prefix, const char *name,
                    kaon_history *out)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s%s", prefix, name);
    for (int64_t i = 0; !run->api->history(run, i, out); i++)
        if (!strcmp(out->learner, learner) && !strcmp(out->name, wanted))
            return 1;
    return 0;
}

// 1 if all numbers are above zero and some are far larger than others.
static int32_t spans_decades(const kaon_history *h)
{
    double low = INFINITY, high = 0;
    for (int64_t i = 0; i < h->count; i++) {
        if (!isfinite(h->value[i]))
            continue;
        low = fmin(low, h->value[i]);
        high = fmax(high, h->value[i]);
    }
    return low > 0 && high > 30 * low;
}

static void add_line(kaon_plot *plot, const kaon_history *h, const char *label, int32_t colour,
                     int32_t dash)
{
    const kaon_series line = {.size = sizeof line,
                              .kind = h->count > 1 ? KAON_SERIES_LINE : KAON_SERIES_POINTS,
                              .label = label,
                              .colour = colour,
                              .dash = dash,
                              .count = h->count,
                              .x = h->step,
                              .y = h->value};
    plot->api->series(plot, &line);
}

static void mark_best(kaon_plot *plot, const kaon_history *h)
{
    char label[64];
    int64_t best = -1;
    for (int64_t i = 0; i < h->count; i++)
        if (isfinite(h->value[i]) && (best < 0 || h->value[i] < h->value[best]))
            best = i;
    if (best < 0)
        return;
    snprintf(label, sizeof label, "best: %lld", (long long)h->step[best]);
    const kaon_series rule = {.size = sizeof rule,
                              .kind = KAON_SERIES_UPRIGHT,
                              .label = label,
                              .colour = KAON_COLOUR_GREY,
                              .dash = KAON_DASH_DOTS,
                              .count = 1,
                              .x = &h->step[best]};
    plot->api->series(plot, &rule);
}

static void add_history(kaon_plot *plot, kaon_look *run, const kaon_history *train)
{
    kaon_history validation = {.size = sizeof validation};
    const int32_t has = find(run, train->learner, validation_prefix, train->name, &validation);
    char label[160];
    snprintf(label, sizeof label, "%s (%s)", train->name + (is_validation(train) ? PREFIX : 0),
             train->learner);
    const int32_t is_loss = !strcmp(train->name, "loss");
    const kaon_panel panel = {
        .size = sizeof panel,
        .x = {.label = has || is_loss || is_validation(train) ? "epoch" : "step"},
        .y = {.label = label, .log = spans_decades(train) && (!has || spans_decades(&validation))}};
    plot->api->panel(plot, &panel);
    if (is_validation(train)) {
        add_line(plot, train, "validation", 2, KAON_DASH_LONG);
        return;
    }
    add_line(plot, train, "train", 1, KAON_DASH_NONE);
    if (!has)
        return;
    add_line(plot, &validation, "validation", 2, KAON_DASH_LONG);
    if (is_loss)
        mark_best(plot, &validation);
}

static kaon_status draw_loss(const kaon_host *host, const void *settings, kaon_look *run,
                             kaon_plot *plot, kaon_diag *diag)
{
    (void)host, (void)settings;
    kaon_history h = {.size = sizeof h};
    int32_t panels = 0;
    // First what was made small, then what was only watched.
    for (int32_t watched = 0; watched < 2; watched++)
        for (int64_t i = 0; !run->api->history(run, i, &h) && panels < MOST_PANELS; i++) {
            kaon_history train = {.size = sizeof train};
            if (!strncmp(h.name, "return", 6) || (strcmp(h.name, "loss") != 0) != watched ||
                (is_validation(&h) && find(run, h.learner, "", h.name + PREFIX, &train)))
                continue; // shown elsewhere
            add_history(plot, run, &h);
            panels++;
        }
    if (!panels)
        return kaon_fail(diag, KAON_UNSUPPORTED, "no learner told a number while it was fitted");
    kaon_caption(plot,
                 "What the learners told while they were fitted; the validation part takes no "
                 "share in the fit.");
    return KAON_OK;
}

/* --- return ----------------------------------------------------------------------------------- */

static kaon_status draw_return(const kaon_host *host, const void *settings, kaon_look *run,
                               kaon_plot *plot, kaon_diag *diag)
{
    (void)host, (void)settings;
    kaon_history h = {.size = sizeof h};
    int32_t lines = 0;
    for (int64_t i = 0; !run->api->history(run, i, &h); i++) {
        if (strncmp(h.name, "return", 6) || strstr(h.name, "std"))
            continue;
        if (!lines++)
            plot->api->panel(plot, &(kaon_panel){.size = sizeof(kaon_panel),
                                                 .legend = KAON_LEGEND_BOTTOM_RIGHT,
                                                 .x = {.label = "episode"},
                                                 .y = {.label = "return per episode"}});
        add_line(plot, &h, h.learner, KAON_COLOUR_NEXT, KAON_DASH_NONE);
    }
    if (!lines)
        return kaon_fail(diag, KAON_UNSUPPORTED, "no agent told a return while it was trained");
    kaon_caption(plot, "Mean return of the episodes played since the point before.");
    return KAON_OK;
}

/* --- time and energy -------------------------------------------------------------------------- */

// Bars by stage, the first one at the top; 0: there are none.
static int32_t add_stages(kaon_plot *plot, kaon_look *run, int32_t energy)
{
    const char *names[MOST_STAGES];
    double values[MOST_STAGES], places[MOST_STAGES];
    kaon_stage s = {.size = sizeof s};
    int32_t count = 0;
    while (count < MOST_STAGES && !run->api->stage(run, count, &s)) {
        if (energy && s.joules < 0)
            return 0;
        names[count] = s.name;
        values[count] = energy ? s.joules : s.seconds;
        places[count] = count;
        count++;
    }
    if (!count)
        return 0;
    const kaon_panel panel = {
        .size = sizeof panel,
        .legend = KAON_LEGEND_NONE,
        .down = 1,
        .x = {.label = energy ? "energy" : "time", .unit = energy ? "J" : "s"},
        .y = {.label = "stage", .name_count = count, .names = names}};
    plot->api->panel(plot, &panel);
    const kaon_series bars = {
        .size = sizeof bars, .kind = KAON_SERIES_BARS, .count = count, .x = values, .y = places};
    plot->api->series(plot, &bars);
    return 1;
}

static kaon_status draw_timing(const kaon_host *host, const void *settings, kaon_look *run,
                               kaon_plot *plot, kaon_diag *diag)
{
    (void)host, (void)settings;
    if (!add_stages(plot, run, 0))
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run kept no times");
    kaon_caption(plot, "Wall-clock time of each stage of the run.");
    return KAON_OK;
}

static kaon_status draw_energy(const kaon_host *host, const void *settings, kaon_look *run,
                               kaon_plot *plot, kaon_diag *diag)
{
    (void)host, (void)settings;
    if (!add_stages(plot, run, 1))
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "the machine did not tell the run the energy of its processors "
                         "(/sys/class/powercap, which often only root may read)");
    kaon_caption(plot, "Energy all processors of the machine took in each stage (RAPL, packages), "
                       "whatever else ran beside.");
    return KAON_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_figure loss = {
    .size = sizeof loss,
    .help = "loss and other numbers by epoch, of the train and the validation part",
    .title = "Training",
    .order = 10,
    .draw = draw_loss,
};

static const kaon_figure returns = {
    .size = sizeof returns,
    .help = "what an agent in training earned per episode",
    .title = "Return",
    .order = 12,
    .draw = draw_return,
};

static const kaon_figure timing = {
    .size = sizeof timing,
    .help = "the time each stage of the run took",
    .title = "Time",
    .order = 90,
    .draw = draw_timing,
};

static const kaon_figure energy = {
    .size = sizeof energy,
    .help = "the energy each stage of the run took, where the machine tells",
    .title = "Energy",
    .order = 91,
    .draw = draw_energy,
};

#define ITEMS(item)                                                                                \
    item(KAON_FIGURE, "loss", &loss) item(KAON_FIGURE, "return", &returns)                         \
        item(KAON_FIGURE, "timing", &timing) item(KAON_FIGURE, "energy", &energy)

KAON_PLUGIN("figures_training", "1.0.0", "Apache-2.0", "figures of how a run went", ITEMS, NULL)
