/* formulas.c: the words of the `data` section that are formulas, or files that are classes. */
#include "data/formulas.h"

#include "data/selection.h"
#include "kernel/memory.h"
#include "kernel/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the section ------------------------------------------------------------------------------ */

typedef struct class_files {
    kaon_texts path;
    double weight;
} class_files;

static const kaon_option class_options[] = {
    KAON_TEXTS(class_files, path, NULL, .help = "files of this class; * and ? stand for any text"),
    KAON_FLOAT(class_files, weight, 1, .help = "of each of its events, beside their own"),
    {0},
};

const kn_schema kn_class_files_schema = {
    .what = "files",
    .more = "experiment:data",
    .options = class_options,
    .size = sizeof(class_files),
};

static void read_definitions(kn_settings *s, const kn_config *define, kn_formulas *out)
{
    if (!define || define->kind == KN_CONFIG_NULL)
        return;
    if (define->kind != KN_CONFIG_MAP) {
        kn_fault_add(s->faults, KN_FAULT_TYPE, define->place,
                     "'define' is a map of names and formulas");
        kn_fault_hint(s->faults, "write define: {pt: \"sqrt(px**2 + py**2)\"}");
        return;
    }
    kn_definition *list = kn_arena_array(&s->arena, (size_t)define->count + 1, sizeof *list);
    s->faults->failed |= !list;
    for (const kn_config *child = define->first; list && child; child = child->next) {
        char found[96];
        if (child->kind != KN_CONFIG_SCALAR) {
            kn_fault_add(s->faults, KN_FAULT_TYPE, child->place, "'%s' is a formula, found %s",
                         child->key, kn_config_say(child, found, sizeof found));
            continue;
        }
        list[out->definition_count++] =
            (kn_definition){child->key, {child->text, child->place}, child->key_place};
    }
    out->definitions = list;
}

// Syntax needs no file.
static void check_syntax(kn_settings *s, const kn_formulas *out)
{
    kn_arena arena = {0};
    kn_expression e;
    for (int64_t i = 0; i < out->definition_count; i++)
        kn_expression_parse(&out->definitions[i].formula, &arena, s->faults, &e);
    if (out->cut.text)
        kn_expression_parse(&out->cut, &arena, s->faults, &e);
    kn_arena_free(&arena);
}

// A file, a list of them, or both with their weight.
static const class_files *read_class(kn_settings *s, const kn_config *node)
{
    if (node->kind == KN_CONFIG_MAP)
        return kn_settings_fill(s, &kn_class_files_schema, node, NULL);
    kn_config *map = kn_config_map_new(s->tree);
    if (!map || !kn_config_put(s->tree, map, "path", kn_config_copy(s->tree, node)))
        return NULL;
    map->place = node->place;
    return kn_settings_fill(s, &kn_class_files_schema, map, NULL);
}

typedef struct filling {
    const char **paths;
    int32_t *class_of;
    double *weight_of;
    int64_t count;
} filling;

static int64_t count_paths(const kn_config *files)
{
    int64_t count = 0;
    for (const kn_config *child = files->first; child; child = child->next) {
        const kn_config *path = child->kind == KN_CONFIG_MAP ? kn_config_get(child, "path") : child;
        count += path && path->kind == KN_CONFIG_LIST ? path->count : 1;
    }
    return count;
}

static void read_classes(kn_settings *s, const kn_config *files, const char **names, filling *f,
                         kn_formulas *out)
{
    int32_t weighted = 0;
    for (const kn_config *child = files->first; child; child = child->next) {
        const class_files *of = read_class(s, child);
        if (of && !of->path.count)
            kn_fault_add(s->faults, KN_FAULT_COUNT, child->key_place, "class '%s' has no files",
                         child->key);
        for (int64_t i = 0; of && i < of->path.count; i++) {
            f->paths[f->count] = of->path.at[i];
            f->class_of[f->count] = (int32_t)out->class_count;
            f->weight_of[f->count++] = of->weight;
            weighted |= of->weight != 1;
        }
        names[out->class_count++] = child->key;
    }
    out->weight_of = weighted ? f->weight_of : NULL;
}

static void read_files(kn_settings *s, const kn_config *files, kn_formulas *out)
{
    if (!files || files->kind == KN_CONFIG_NULL)
        return;
    if (files->kind != KN_CONFIG_MAP || !files->count) {
        kn_fault_add(s->faults, KN_FAULT_TYPE, files->place,
                     "'files' is a map of classes to files");
        kn_fault_hint(s->faults, "write files: {signal: a.csv, background: b.csv}");
        return;
    }
    const size_t count = (size_t)count_paths(files) + 1;
    const char **names = kn_arena_array(&s->arena, (size_t)files->count, sizeof *names);
    filling f = {kn_arena_array(&s->arena, count, sizeof *f.paths),
                 kn_arena_array(&s->arena, count, sizeof *f.class_of),
                 kn_arena_array(&s->arena, count, sizeof *f.weight_of), 0};
    if (!names || !f.paths || !f.class_of || !f.weight_of) {
        s->faults->failed = 1;
        return;
    }
    read_classes(s, files, names, &f, out);
    out->classes = names;
    out->class_of = f.class_of;
    out->paths = (kaon_texts){f.count, f.paths};
}

void kn_formulas_read(kn_settings *s, const kn_config *node, const kn_config *define,
                      const char *cut, const kn_config *files, kn_formulas *out)
{
    const kn_config *at = kn_config_get(node, "cut");
    *out = (kn_formulas){.node = node};
    out->cut.text = cut && *cut ? cut : NULL;
    out->cut.place = at ? at->place : node->place;
    read_definitions(s, define, out);
    read_files(s, files, out);
    check_syntax(s, out);
}

/* --- words ------------------------------------------------------------------------------------ */

typedef struct resolver {
    const kn_formulas *formulas;
    kn_settings *s;
    const struct ArrowSchema *raw;
    kn_derive *derive;
    const char **words; // of one list
    int64_t count;
    int64_t room;
} resolver;

// Where a word of a list stands in the file.
static kn_formula formula_of(const resolver *r, const char *key, const char *word)
{
    const kn_config *node = kn_config_get(r->formulas->node, key);
    kn_formula formula = {.text = word, .place = node ? node->place : (kn_place){0}};
    for (const kn_config *child = node ? node->first : NULL; child; child = child->next)
        if (child->kind == KN_CONFIG_SCALAR && !strcmp(child->text, word))
            formula.place = child->place;
    return formula;
}

static int is_column(const resolver *r, const char *name)
{
    for (int64_t i = 0; i < r->raw->n_children; i++)
        if (!strcmp(r->raw->children[i]->name, name))
            return 1;
    for (int64_t i = 0; i < r->formulas->definition_count; i++)
        if (!strcmp(r->formulas->definitions[i].name, name))
            return 1;
    return 0;
}

static int is_place(const char *word)
{
    word += *word == '-';
    return *word && strspn(word, "0123456789") == strlen(word);
}

// Places count the columns of the file: "-1" is its last one. Other words stay.
static const char *by_place(const resolver *r, const char *word)
{
    if (!word || is_column(r, word) || !is_place(word))
        return word;
    int64_t at = strtoll(word, NULL, 10);
    at += at < 0 ? r->raw->n_children : 0;
    const int inside = at >= 0 && at < r->raw->n_children;
    const char *name = inside ? kn_arena_text(&r->s->arena, r->raw->children[at]->name) : NULL;
    return name ? name : word;
}

static int has_pattern(const char *word)
{
    return strpbrk(word, "*?") != NULL;
}

static int fits_something(const resolver *r, const char *pattern)
{
    const struct ArrowSchema *schema = kn_derive_schema(r->derive);
    for (int64_t i = 0; i < schema->n_children; i++)
        if (kn_pattern_fits(pattern, schema->children[i]->name))
            return 1;
    return 0;
}

static int is_formula(const char *word)
{
    const kn_formula formula = {.text = word};
    kn_arena arena = {0};
    kn_expression e;
    const int parsed = kn_expression_parse(&formula, &arena, NULL, &e) == KAON_OK;
    kn_arena_free(&arena);
    return parsed;
}

// A word the selection of columns understands by itself: "px*py" is a pattern where it fits a
// column.
static int is_plain(const resolver *r, const char *word)
{
    if (is_column(r, word) || is_place(word) || word[0] == '-' || kn_expression_is_name(word))
        return 1;
    if (has_pattern(word) && !strpbrk(word, "[]() "))
        return fits_something(r, word) || !is_formula(word);
    return 0;
}

static kaon_status push(resolver *r, const char *word, kaon_diag *diag)
{
    if (r->count == r->room) {
        const int64_t room = r->room * 2 + 16;
        const char **words = kn_arena_array(&r->s->arena, (size_t)room, sizeof *words);
        if (!words)
            return kn_no_memory(diag, "names of columns");
        if (r->count)
            memcpy(words, r->words, (size_t)r->count * sizeof *words);
        r->words = words;
        r->room = room;
    }
    r->words[r->count] = kn_arena_text(&r->s->arena, word);
    return r->words[r->count++] ? KAON_OK : kn_no_memory(diag, "names of columns");
}

// "jet_*[:10]": the same slice of each list that fits.
static kaon_status expand(resolver *r, const kn_formula *word, const char *bracket, kaon_diag *diag)
{
    const struct ArrowSchema *schema = kn_derive_schema(r->derive);
    const int64_t columns = schema->n_children;
    const int64_t before = r->count;
    char *pattern = kn_arena_text(&r->s->arena, word->text);
    if (!pattern)
        return kn_no_memory(diag, "names of columns");
    pattern[bracket - word->text] = 0;
    for (int64_t i = 0; i < columns; i++) {
        const char *name = kn_derive_schema(r->derive)->children[i]->name;
        kn_arrow_kind kind;
        if (!kn_pattern_fits(pattern, name) || strchr(name, '[') ||
            kn_arrow_kind_of(kn_derive_schema(r->derive)->children[i], &kind, NULL) ||
            kind.dtype == KN_TEXT_COLUMN || (!kind.jagged && kind.rank != 1))
            continue;
        kn_text text = {0};
        const char *quote = kn_expression_is_name(name) ? "" : "`";
        kn_text_format(&text, "%s%s%s%s", quote, name, quote, bracket);
        const kn_formula one = {.text = kn_arena_text(&r->s->arena, kn_text_get(&text)),
                                .place = word->place};
        kn_text_fini(&text);
        if (!one.text)
            return kn_no_memory(diag, "names of columns");
        KAON_TRY(kn_derive_add(r->derive, one.text, &one, diag));
        KAON_TRY(push(r, one.text, diag));
    }
    if (r->count > before)
        return KAON_OK;
    kn_expression_fault(r->s->faults, KN_FAULT_DATA, word, 0, (int32_t)(bracket - word->text),
                        "no column of lists fits '%s'", pattern);
    return kn_faults_status(r->s->faults, diag);
}

// "fixed acidty" is no formula, but nearly the name of a column.
static kaon_status add_formula(resolver *r, const kn_formula *formula, kaon_diag *diag)
{
    kn_nearest near = {.word = formula->text};
    for (int64_t i = 0; i < r->raw->n_children; i++)
        kn_nearest_offer(&near, r->raw->children[i]->name);
    if (!near.best || is_formula(formula->text))
        return kn_derive_add(r->derive, formula->text, formula, diag);
    kn_fault_add(r->s->faults, KN_FAULT_DATA, formula->place, "there is no column '%s'",
                 formula->text);
    kn_fault_hint(r->s->faults, "did you mean '%s'?", near.best);
    return kn_faults_status(r->s->faults, diag);
}

static kaon_status resolve_word(resolver *r, const char *key, const char *word, kaon_diag *diag)
{
    const kn_formula formula = formula_of(r, key, word);
    const char *bracket = strchr(word, '[');
    if (is_plain(r, word))
        return push(r, by_place(r, word), diag);
    if (bracket && bracket > word && has_pattern(word) &&
        strcspn(word, "*?") < (size_t)(bracket - word) && !strpbrk(word, "() ") &&
        strspn(bracket, "[]:-0123456789") == strlen(bracket))
        return expand(r, &formula, bracket, diag);
    KAON_TRY(add_formula(r, &formula, diag));
    return push(r, word, diag);
}

// All faults are told, not only the first: what cannot go on is memory.
static void keep_first(kaon_status *first, kaon_status next)
{
    if (!*first || (*first == KAON_INVALID && next && next != KAON_INVALID))
        *first = next;
}

static kaon_status resolve_list(resolver *r, const char *key, int64_t *count,
                                const char *const **words, kaon_diag *diag)
{
    r->words = NULL;
    r->count = r->room = 0;
    kaon_status first = KAON_OK;
    for (int64_t i = 0; i < *count; i++)
        keep_first(&first, resolve_word(r, key, (*words)[i], diag));
    *count = r->count;
    *words = r->words;
    return first;
}

static kaon_status hide(resolver *r, kn_want *want, int64_t count, const char *const *names,
                        kaon_diag *diag)
{
    const int64_t all = want->hidden_count + count;
    const char **hidden = kn_arena_array(&r->s->arena, (size_t)all + 1, sizeof *hidden);
    if (!hidden)
        return kn_no_memory(diag, "names of columns");
    for (int64_t i = 0; i < all; i++) {
        const int64_t at = i - want->hidden_count;
        hidden[i] = at < 0 ? want->hidden[i] : kn_arena_text(&r->s->arena, names[at]);
        if (!hidden[i])
            return kn_no_memory(diag, "names of columns");
    }
    want->hidden = hidden;
    want->hidden_count = all;
    return KAON_OK;
}

static kaon_status hide_sources(resolver *r, const char *word, kn_want *want, kaon_diag *diag)
{
    const char *const *sources = NULL;
    int64_t count = 0;
    KAON_TRY(kn_derive_sources(r->derive, word, &sources, &count, diag));
    return hide(r, want, count, sources, diag);
}

// Target or weight: a name, a place or a formula. What it is made from is no feature by accident.
static kaon_status resolve_single(resolver *r, const char *key, const char *word, kn_want *want,
                                  kaon_diag *diag)
{
    if (!word)
        return KAON_OK;
    if (!is_column(r, word) && !is_place(word) && !kn_expression_is_name(word)) {
        const kn_formula formula = formula_of(r, key, word);
        KAON_TRY(add_formula(r, &formula, diag));
    }
    return hide_sources(r, word, want, diag);
}

static int is_among(const char *name, int64_t count, const char *const *names)
{
    for (int64_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return 1;
    return 0;
}

// A definition that is made from the target, or from what the target is made from, tells it.
static kaon_status hide_definitions(resolver *r, kn_want *want, kaon_diag *diag)
{
    const int64_t hidden = want->hidden_count;
    for (int64_t i = 0; want->target && i < r->formulas->definition_count; i++) {
        const char *name = r->formulas->definitions[i].name;
        const char *const *sources = NULL;
        int64_t count = 0, tells = 0;
        KAON_TRY(kn_derive_sources(r->derive, name, &sources, &count, diag));
        for (int64_t k = 0; k < count; k++)
            tells +=
                !strcmp(sources[k], want->target) || is_among(sources[k], hidden, want->hidden);
        if (tells)
            KAON_TRY(hide(r, want, 1, &name, diag));
    }
    return KAON_OK;
}

/* --- classes and weights of files ------------------------------------------------------------- */

int32_t kn_is_file_weight(const char *word)
{
    return word && strstr(word, KN_FILE_WEIGHT) != NULL;
}

// With `files`, the target is the class of the file unless it names something else.
static kaon_status add_class(resolver *r, kn_want *want, kaon_diag *diag)
{
    const kn_formula formula = {.text = "`" KN_FILE_CLASS "`"};
    if (!r->formulas->class_count || (want->target && is_column(r, want->target)) ||
        (want->target && !kn_expression_is_name(want->target)))
        return KAON_OK;
    if (!want->target && is_column(r, "class")) {
        const kn_config *files = kn_config_get(r->formulas->node, "files");
        kn_fault_add(r->s->faults, KN_FAULT_CLASH, files ? files->key_place : (kn_place){0},
                     "the files have a column 'class' themselves");
        kn_fault_hint(r->s->faults, "set 'target': class, or a new name for the class of the file");
        return kn_faults_status(r->s->faults, diag);
    }
    want->target = want->target ? want->target : "class";
    want->classes = r->formulas->classes;
    want->class_count = r->formulas->class_count;
    return kn_derive_add(r->derive, want->target, &formula, diag);
}

// Weights of files multiply those of events.
static kaon_status add_weight(resolver *r, kn_want *want, kaon_diag *diag)
{
    if (!r->formulas->weight_of || kn_is_file_weight(want->weight))
        return KAON_OK;
    kn_text text = {0};
    const char *word = want->weight;
    const int quoted = word && is_column(r, word) && !kn_expression_is_name(word);
    if (word)
        kn_text_format(&text, quoted ? "`%s` * " : "(%s) * ", word);
    kn_text_add(&text, "`" KN_FILE_WEIGHT "`");
    want->weight = kn_arena_text(&r->s->arena, kn_text_get(&text));
    kn_text_fini(&text);
    return want->weight ? KAON_OK : kn_no_memory(diag, "the weight");
}

/* --- the whole -------------------------------------------------------------------------------- */

static kaon_status keep_also(resolver *r, kn_want *want, const char *name, kaon_diag *diag)
{
    const int64_t count = want->keep_count;
    const char **keep = kn_arena_array(&r->s->arena, (size_t)count + 1, sizeof *keep);
    if (!keep)
        return kn_no_memory(diag, "names of columns");
    if (count)
        memcpy(keep, want->keep, (size_t)count * sizeof *keep);
    keep[want->keep_count++] = name;
    want->keep = keep;
    return KAON_OK;
}

// Prediction asks for no target and no weight, and for what was to be carried along if it is there.
static kaon_status only_features(resolver *r, kn_want *want, kaon_diag *diag)
{
    const char *const *given = want->keep;
    const int64_t count = want->keep_count;
    const char *target = want->target;
    want->keep_count = 0;
    want->target = want->weight = NULL;
    want->class_count = 0;
    for (int64_t i = 0; i < count; i++) // what is made of columns that are not there is a fault
        if (is_column(r, given[i]) || !is_plain(r, given[i]))
            KAON_TRY(keep_also(r, want, given[i], diag));
    return target && is_column(r, target) ? keep_also(r, want, target, diag) : KAON_OK;
}

static kaon_status keep_rows(resolver *r, kn_want *want, kaon_diag *diag)
{
    const kn_formula row = {.text = "`" KN_ROW_NUMBER "`"};
    const char *name = is_column(r, "row") ? "row_number" : "row";
    if (!r->formulas->cut.text && want->missing != KN_MISSING_DROP)
        return KAON_OK;
    KAON_TRY(kn_derive_add(r->derive, name, &row, diag));
    return keep_also(r, want, name, diag);
}

// 1 if the source as it is has all that is wanted.
static int needs_none(const resolver *r)
{
    return !r->formulas->cut.text && kn_derive_schema(r->derive)->n_children == r->raw->n_children;
}

static kaon_status resolve(resolver *r, const kn_formulas_use *use, kn_want *want, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    if (use->only_features)
        KAON_TRY(only_features(r, want, diag));
    else {
        KAON_TRY(add_class(r, want, diag));
        KAON_TRY(add_weight(r, want, diag));
    }
    if (use->row_numbers)
        KAON_TRY(keep_rows(r, want, diag));
    want->target = by_place(r, want->target);
    want->weight = by_place(r, want->weight);
    keep_first(&status, resolve_single(r, "target", want->target, want, diag));
    keep_first(&status, hide_definitions(r, want, diag));
    keep_first(&status, resolve_single(r, "weight", want->weight, want, diag));
    keep_first(&status, resolve_list(r, "features", &want->feature_count, &want->features, diag));
    keep_first(&status, resolve_list(r, "keep", &want->keep_count, &want->keep, diag));
    keep_first(&status, resolve_list(r, "split", &want->aside_count, &want->aside, diag));
    return status;
}

// What a pattern passes over is worth a line.
static void tell_hidden(const resolver *r, const kn_want *want)
{
    int patterns = want->feature_count == 0;
    for (int64_t i = 0; i < want->feature_count; i++)
        patterns |= has_pattern(want->features[i]) && is_plain(r, want->features[i]);
    for (int64_t i = 0; patterns && i < want->hidden_count; i++)
        kn_log(r->s->kernel, KAON_LOG_INFO,
               "column '%s' has to do with target or weight: patterns pass it over",
               want->hidden[i]);
}

kaon_status kn_formulas_apply(const kn_formulas *given, const kn_formulas_use *use,
                              kn_source *source, kn_want *want, kaon_diag *diag)
{
    kn_settings *s = use->s;
    kn_formulas own = *given;
    const kn_formulas *formulas = &own;
    if (use->other_files) {
        own.class_count = 0;
        own.weight_of = NULL;
    }
    resolver r = {.formulas = formulas, .s = s, .raw = kn_source_schema(source)};
    const kn_derive_spec spec = {
        .kernel = s->kernel,
        .faults = s->faults,
        .definition_count = formulas->definition_count,
        .definitions = formulas->definitions,
        .cut = formulas->cut,
        .pad = use->pad,
        .sentinels = want->sentinels,
        .sentinel_count = want->sentinel_count,
        .class_count = formulas->class_count,
        .classes = formulas->classes,
        .class_of = formulas->class_of,
        .weight_of = formulas->weight_of,
    };
    KAON_TRY(kn_derive_new(&spec, r.raw, &r.derive, diag));
    const kaon_status status = resolve(&r, use, want, diag);
    if (!status)
        tell_hidden(&r, want);
    if (status || needs_none(&r)) {
        kn_derive_free(r.derive);
        return status;
    }
    kn_source_derive(source, r.derive);
    return KAON_OK;
}
