/* tune_plan.c: the section `tune` of an experiment. */
#include "experiment/tune_plan.h"

#include <kaon/search.h>
#include <math.h>

#include "experiment/config_write.h"
#include "kernel/decimal.h"

enum {
    FEW_VALUES = 16, // a whole range with no more is a list of choices to a search
    DIGITS = 6       // of a number tried
};

static const char *const directions[] = {"own", "higher", "lower", NULL}; // ORDER tune_direction
static const char *const scales[] = {"linear", "log", NULL};

// clang-format off
static const kaon_option options[] = {
    KAON_TEXT(kn_tune_settings, metric, NULL, .flags = KAON_OPTION_REQUIRED,
              .help = "what to make better: of the validation part (auc), or told by epoch (validation_loss)"),
    KAON_CHOICE(kn_tune_settings, direction, KN_TUNE_OWN, directions,
                .help = "which is better; own: as the metric itself says"),
    KAON_PART(kn_tune_settings, search, KAON_SEARCH, "random", .help = "which settings to try next"),
    KAON_INT(kn_tune_settings, trials, 0, .min = 0, .max = 1e6,
             .help = "at most this many; 0: as the search has it"),
    KAON_INT(kn_tune_settings, parallel, 1, .min = 1, .max = 256,
             .help = "trials at work at a time; they share the threads"),
    KAON_TEXT(kn_tune_settings, budget, NULL,
              .help = "the setting a search may shorten: model.network.epochs"),
    KN_TREE(kn_tune_settings, space, .flags = KAON_OPTION_REQUIRED,
            .help = "paths of settings, each with a list of values or a range {min, max, scale, whole}"),
    {0},
};

static const kaon_option range_options[] = {
    KAON_FLOAT(kn_tune_range, min, 0, .flags = KAON_OPTION_REQUIRED, .help = "smallest value"),
    KAON_FLOAT(kn_tune_range, max, 0, .flags = KAON_OPTION_REQUIRED, .help = "largest value"),
    KAON_CHOICE(kn_tune_range, scale, KN_TUNE_LINEAR, scales, .help = "log: each decade alike"),
    KAON_BOOL(kn_tune_range, whole, 0, .help = "whole numbers only"),
    {0},
};
// clang-format on

const kn_schema kn_tune_schema = {.what = "tune",
                                  .more = "experiment:tune",
                                  .options = options,
                                  .size = sizeof(kn_tune_settings)};

static const kn_schema range_schema = {
    .what = "a range", .options = range_options, .size = sizeof(kn_tune_range)};

/* --- reading ---------------------------------------------------------------------------------- */

static void check_range(kn_settings *s, const kn_config *node, const kn_tune_range *r)
{
    if (!kn_config_get(node, "min") || !kn_config_get(node, "max"))
        return; // said already
    if (!(r->min < r->max))
        kn_fault_add(s->faults, KN_FAULT_RANGE, node->place, "the range is empty: min %g, max %g",
                     r->min, r->max);
    else if (r->scale == KN_TUNE_LOG && !(r->min > 0))
        kn_fault_add(s->faults, KN_FAULT_RANGE, node->place,
                     "a logarithmic range begins above 0, not at %g", r->min);
}

static void read_axis(kn_settings *s, const kn_config *node, kn_tune_axis *axis)
{
    char found[64];
    axis->path = node->key;
    if (node->kind == KN_CONFIG_LIST && node->count) {
        axis->choices = node;
    } else if (node->kind == KN_CONFIG_MAP) {
        axis->range = kn_settings_fill(s, &range_schema, node, NULL);
        if (axis->range)
            check_range(s, node, axis->range);
    } else {
        kn_fault_add(s->faults, KN_FAULT_FORM, node->place, "'%s' has %s to vary", node->key,
                     kn_config_say(node, found, sizeof found));
        kn_fault_note(s->faults, "allowed are a list of values and a range {min: 1, max: 9}");
    }
}

static void read_space(kn_settings *s, const kn_config *space, kn_tune_plan *plan)
{
    if (!space)
        return; // said already
    if (space->kind != KN_CONFIG_MAP || !space->count) {
        kn_fault_add(s->faults, KN_FAULT_FORM, space->key_place, "the space to search is empty");
        kn_fault_hint(s->faults, "name settings: {model.network.batch: [32, 64]}");
        return;
    }
    plan->axes = kn_arena_array(&s->arena, (size_t)space->count, sizeof *plan->axes);
    if (!plan->axes) {
        s->faults->failed = 1;
        return;
    }
    for (const kn_config *child = space->first; child; child = child->next)
        read_axis(s, child, &plan->axes[plan->axis_count++]);
}

kn_tune_plan *kn_tune_plan_new(kn_settings *s, const kn_config *node)
{
    kn_tune_plan *plan = kn_arena_array(&s->arena, 1, sizeof *plan);
    if (!plan)
        return NULL;
    plan->settings = kn_settings_fill(s, &kn_tune_schema, node, &plan->resolved);
    if (!plan->settings)
        return NULL;
    read_space(s, plan->settings->space, plan);
    return plan;
}

/* --- values ----------------------------------------------------------------------------------- */

int64_t kn_tune_levels(const kn_tune_axis *axis)
{
    if (axis->choices)
        return axis->choices->count;
    const kn_tune_range *r = axis->range;
    const double count = floor(r->max) - ceil(r->min) + 1;
    return r->whole && r->scale == KN_TUNE_LINEAR && count <= FEW_VALUES ? (int64_t)count : 0;
}

static double number_at(const kn_tune_range *r, double u)
{
    const double low = r->whole ? ceil(r->min) : r->min, high = r->whole ? floor(r->max) : r->max;
    if (r->whole && r->scale == KN_TUNE_LINEAR)
        return fmin(low + floor(u * (high - low + 1)), high);
    const double value = r->scale == KN_TUNE_LOG ? exp(log(low) + u * (log(high) - log(low)))
                                                 : low + u * (high - low);
    return fmin(fmax(r->whole ? round(value) : value, low), high);
}

void kn_tune_edit(const kn_tune_axis *axis, double u, kn_text *out)
{
    char number[KN_NUMBER_BYTES];
    kn_text_format(out, "%s=", axis->path);
    if (axis->range) {
        kn_text_add(out, axis->range->whole
                             ? kn_format_double(number_at(axis->range, u), number)
                             : kn_format_digits(number_at(axis->range, u), DIGITS, number));
        return;
    }
    const int64_t count = axis->choices->count;
    int64_t at = (int64_t)(u * (double)count);
    const kn_config *choice = axis->choices->first;
    for (at = at < count ? at : count - 1; at > 0; at--)
        choice = choice->next;
    kn_config_write_json(choice, out);
}
