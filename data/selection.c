/* selection.c: which columns of a source become features, target, weight or are kept. */
#include "data/selection.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <kaon/arrow_build.h>

#include <stdlib.h>
#include <string.h>

int32_t kn_pattern_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *mark = NULL; // the last star, and what it has taken up to
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            mark = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++mark;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int is_pattern(const char *text)
{
    return strpbrk(text, "*?") != NULL;
}

/* --- finding ---------------------------------------------------------------------------------- */

static kaon_status unknown_column(const struct ArrowSchema *schema, const char *what,
                                  const char *name, kaon_diag *diag)
{
    kn_nearest near = {.word = name};
    kn_text list = {0};
    for (int64_t i = 0; i < schema->n_children; i++) {
        kn_nearest_offer(&near, schema->children[i]->name);
        if (i < 30)
            kn_text_format(&list, "%s%s", i ? ", " : "", schema->children[i]->name);
    }
    if (schema->n_children > 30)
        kn_text_format(&list, " and %lld more", (long long)schema->n_children - 30);
    const kaon_status status =
        kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s' for the %s%s%s%s; there are %s",
                  name, what, near.best ? " (did you mean '" : "", near.best ? near.best : "",
                  near.best ? "'?)" : "", kn_text_get(&list));
    kn_text_fini(&list);
    return status;
}

static int64_t find_name(const struct ArrowSchema *schema, const char *name)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!strcmp(schema->children[i]->name, name))
            return i;
    return -1;
}

// A name, or where there is none of that name a place: 0 the first column, -1 the last one.
static int64_t find_column(const struct ArrowSchema *schema, const char *name)
{
    char *end = NULL;
    const int64_t at = find_name(schema, name);
    if (at >= 0)
        return at;
    long long place = strtoll(name, &end, 10);
    if (!*name || *end)
        return -1;
    place += place < 0 ? schema->n_children : 0;
    return place >= 0 && place < schema->n_children ? place : -1;
}

/* --- choosing --------------------------------------------------------------------------------- */

// What a column of the schema is taken for.
enum { FREE = 0, AS_FEATURE = 1, AS_TARGET = 2, AS_WEIGHT = 3, AS_KEPT = 4, AS_ASIDE = 5 };

typedef struct choice {
    const struct ArrowSchema *schema;
    int8_t *taken;  // per column
    int64_t *order; // features in the order they were named
    int64_t count;  // of them
    int8_t *hidden; // from patterns, per column
    int64_t target; // or -1
    int64_t weight; // or -1
} choice;

static kaon_status take_single(choice *c, const char *name, int32_t optional, int8_t as,
                               const char *what, int64_t *out, kaon_diag *diag)
{
    *out = -1;
    if (!name)
        return KAON_OK;
    const int64_t at = find_column(c->schema, name);
    if (at < 0)
        return optional ? KAON_OK : unknown_column(c->schema, what, name, diag);
    if (c->taken[at])
        return kaon_fail(diag, KAON_INVALID, "column '%s' is both target and weight",
                         c->schema->children[at]->name);
    c->taken[at] = as;
    *out = at;
    return KAON_OK;
}

static int is_number(const struct ArrowSchema *column, kn_arrow_kind *kind)
{
    return kn_arrow_kind_of(column, kind, NULL) == KAON_OK && kind->dtype != KN_TEXT_COLUMN;
}

static void add_feature(choice *c, int64_t column)
{
    if (c->taken[column] == AS_FEATURE)
        return;
    c->taken[column] = AS_FEATURE;
    c->order[c->count++] = column;
}

// A pattern takes what can be stacked: numbers; jagged ones only if it fits no others.
static kaon_status add_pattern(choice *c, const char *pattern, kaon_diag *diag)
{
    const int64_t before = c->count;
    int64_t fitting = 0;
    for (int32_t jagged = 0; jagged < 2 && fitting == 0; jagged++) {
        for (int64_t i = 0; i < c->schema->n_children; i++) {
            kn_arrow_kind kind;
            const struct ArrowSchema *column = c->schema->children[i];
            if (!kn_pattern_fits(pattern, column->name) || !is_number(column, &kind) ||
                kind.jagged != jagged)
                continue;
            if (c->hidden[i] || (c->taken[i] != FREE && c->taken[i] != AS_FEATURE))
                continue;
            fitting++;
            add_feature(c, i);
        }
    }
    if (fitting == 0 && c->count == before)
        return kaon_fail(diag, KAON_NOT_FOUND,
                         "no column of numbers fits '%s' (target and weight aside)", pattern);
    return KAON_OK;
}

static kaon_status add_named(choice *c, const char *name, kaon_diag *diag)
{
    const int64_t at = find_column(c->schema, name);
    if (at < 0)
        return unknown_column(c->schema, "features", name, diag);
    if (c->taken[at] == AS_TARGET || c->taken[at] == AS_WEIGHT)
        return kaon_fail(diag, KAON_INVALID, "column '%s' is the %s and cannot be a feature too",
                         c->schema->children[at]->name,
                         c->taken[at] == AS_TARGET ? "target" : "weight");
    if (c->taken[at] == AS_ASIDE)
        return kaon_fail(diag, KAON_INVALID, "column '%s' splits the rows and cannot be a feature",
                         c->schema->children[at]->name);
    add_feature(c, at);
    return KAON_OK;
}

// Columns that split the rows say nothing about an event: patterns pass them over.
static kaon_status set_aside(choice *c, const kn_want *want, kaon_diag *diag)
{
    for (int64_t i = 0; i < want->aside_count; i++) {
        const int64_t at = find_column(c->schema, want->aside[i]);
        if (at < 0)
            return unknown_column(c->schema, "split", want->aside[i], diag);
        if (c->taken[at] == FREE)
            c->taken[at] = AS_ASIDE;
    }
    return KAON_OK;
}

static kaon_status take_away(choice *c, const char *pattern, kaon_diag *diag)
{
    int64_t fitting = 0, kept = 0;
    const int64_t single = is_pattern(pattern) ? -1 : find_column(c->schema, pattern);
    for (int64_t i = 0; i < c->schema->n_children; i++) {
        if (i != single && !kn_pattern_fits(pattern, c->schema->children[i]->name))
            continue;
        fitting++;
        if (c->taken[i] == AS_FEATURE)
            c->taken[i] = FREE;
    }
    for (int64_t i = 0; i < c->count; i++)
        if (c->taken[c->order[i]] == AS_FEATURE)
            c->order[kept++] = c->order[i];
    c->count = kept;
    return fitting ? KAON_OK : unknown_column(c->schema, "features", pattern, diag);
}

static kaon_status choose_features(choice *c, const kn_want *want, kaon_diag *diag)
{
    const int64_t count = want->feature_count;
    if (count == 0 || want->features[0][0] == '-')
        KAON_TRY(add_pattern(c, "*", diag));
    for (int64_t i = 0; i < count; i++) {
        const char *word = want->features[i];
        if (word[0] == '-' && find_name(c->schema, word) < 0)
            KAON_TRY(take_away(c, word + 1, diag));
        else if (is_pattern(word) && find_name(c->schema, word) < 0)
            KAON_TRY(add_pattern(c, word, diag));
        else
            KAON_TRY(add_named(c, word, diag));
    }
    if (c->count == 0)
        return kaon_fail(diag, KAON_INVALID, "no features are left");
    return KAON_OK;
}

/* --- the result ------------------------------------------------------------------------------- */

static kaon_status describe(const struct ArrowSchema *column, int32_t role, kn_chosen *out,
                            kaon_diag *diag)
{
    out->role = role;
    KAON_TRY(kaon_context(diag, kn_arrow_kind_of(column, &out->kind, diag), "column '%s'",
                          column->name));
    if (out->kind.dtype == KN_TEXT_COLUMN && role != KAON_ROLE_TARGET && role != KAON_ROLE_NONE)
        return kaon_fail(diag, KAON_UNSUPPORTED, "column '%s' holds text and cannot be a %s",
                         column->name, role == KAON_ROLE_WEIGHT ? "weight" : "feature");
    if ((out->kind.jagged || out->kind.rank) && role == KAON_ROLE_WEIGHT)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "column '%s' holds more than one number per row and cannot be a weight",
                         column->name);
    if (out->kind.jagged && role == KAON_ROLE_TARGET)
        return kaon_fail(diag, KAON_UNSUPPORTED, "column '%s' is jagged and cannot be the target",
                         column->name);
    size_t bytes = 0;
    const char *labels = kn_arrow_metadata(column->metadata, KAON_ARROW_LABELS, &bytes);
    out->name = kn_copy_text(column->name);
    out->labels = labels ? kn_copy_bytes(labels, bytes) : NULL;
    out->label_bytes = bytes;
    return out->name && (!labels || out->labels) ? KAON_OK : kn_no_memory(diag, "columns");
}

static kaon_status add_chosen(kn_selection *s, const choice *c, int64_t column, int32_t role,
                              kaon_diag *diag)
{
    kn_chosen *chosen = &s->at[s->count++];
    KAON_TRY(describe(c->schema->children[column], role, chosen, diag));
    s->names[s->count - 1] = chosen->name;
    return KAON_OK;
}

static kaon_status collect_kept(kn_selection *s, const choice *c, const char *const *names,
                                int64_t count, kaon_diag *diag)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = find_column(c->schema, names[i]);
        if (at < 0)
            return unknown_column(c->schema, "columns to keep", names[i], diag);
        if (c->taken[at] != FREE && c->taken[at] != AS_ASIDE)
            continue; // a feature, target or weight is there anyway
        c->taken[at] = AS_KEPT;
        KAON_TRY(add_chosen(s, c, at, KAON_ROLE_NONE, diag));
    }
    return KAON_OK;
}

static kaon_status collect(const choice *c, const kn_want *want, kn_selection *s, kaon_diag *diag)
{
    const size_t room = (size_t)(c->count + 2 + want->keep_count + want->aside_count);
    s->at = kn_alloc_array(room, sizeof *s->at);
    s->names = kn_alloc_array(room, sizeof *s->names);
    if (!s->at || !s->names)
        return kn_no_memory(diag, "columns");
    for (int64_t i = 0; i < c->count; i++)
        KAON_TRY(add_chosen(s, c, c->order[i], KAON_ROLE_FEATURES, diag));
    s->feature_count = s->count;
    if (c->target >= 0)
        KAON_TRY(add_chosen(s, c, c->target, KAON_ROLE_TARGET, diag));
    if (c->weight >= 0)
        KAON_TRY(add_chosen(s, c, c->weight, KAON_ROLE_WEIGHT, diag));
    KAON_TRY(collect_kept(s, c, want->keep, want->keep_count, diag));
    return collect_kept(s, c, want->aside, want->aside_count, diag);
}

kaon_status kn_select(const struct ArrowSchema *schema, const kn_want *want, kn_selection *out,
                      kaon_diag *diag)
{
    choice c = {.schema = schema};
    memset(out, 0, sizeof *out);
    c.taken = kn_alloc_array((size_t)schema->n_children, sizeof *c.taken);
    c.order = kn_alloc_array((size_t)schema->n_children, sizeof *c.order);
    c.hidden = kn_alloc_array((size_t)schema->n_children, sizeof *c.hidden);
    kaon_status status = c.taken && c.order && c.hidden ? KAON_OK : kn_no_memory(diag, "columns");
    for (int64_t i = 0; !status && i < want->hidden_count; i++) {
        const int64_t at = find_name(schema, want->hidden[i]);
        if (at >= 0)
            c.hidden[at] = 1;
    }
    if (!status)
        status = take_single(&c, want->target, want->target_optional, AS_TARGET, "target",
                             &c.target, diag);
    if (!status)
        status = take_single(&c, want->weight, want->weight_optional, AS_WEIGHT, "weight",
                             &c.weight, diag);
    if (!status)
        status = set_aside(&c, want, diag);
    if (!status)
        status = choose_features(&c, want, diag);
    if (!status)
        status = collect(&c, want, out, diag);
    kn_free(c.taken);
    kn_free(c.order);
    kn_free(c.hidden);
    if (status)
        kn_selection_fini(out);
    return status;
}

void kn_selection_fini(kn_selection *s)
{
    for (int64_t i = 0; s->at && i < s->count; i++) {
        kn_free(s->at[i].name);
        kn_free(s->at[i].labels);
    }
    kn_free(s->at);
    kn_free(s->names);
    memset(s, 0, sizeof *s);
}
