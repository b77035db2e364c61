/* derive.c: columns a source does not have: which there are, and what they are made from. */
#include "data/derive_own.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <kaon/arrow_build.h>

#include <string.h>

enum { OWN_NAMES = 3 }; // KN_FILE_CLASS, KN_FILE_WEIGHT, KN_ROW_NUMBER

/* --- what names mean -------------------------------------------------------------------------- */

static kn_symbol *add_known(kn_derive *d, const char *name, int32_t from)
{
    kn_symbol *known = &d->scope.known[d->scope.count++];
    *known = (kn_symbol){.name = name, .from = from, .lane = -1, .input = -1, .kind = {.width = 1}};
    known->kind.dtype = KAON_I64;
    return known;
}

// Names of the values of a column, with a zero byte behind; NULL: it has none.
static const char *labels_of(kn_derive *d, const struct ArrowSchema *column)
{
    size_t bytes = 0;
    const char *labels = kn_arrow_metadata(column->metadata, KAON_ARROW_LABELS, &bytes);
    char *copy = labels ? kn_arena_take(&d->arena, bytes + 1) : NULL;
    if (copy)
        memcpy(copy, labels, bytes);
    return copy;
}

// Columns no formula can use are not known to it.
static void know_file(kn_derive *d)
{
    for (int64_t i = 0; i < d->raw->n_children; i++) {
        const struct ArrowSchema *column = d->raw->children[i];
        kn_arrow_kind kind;
        if (kn_arrow_kind_of(column, &kind, NULL))
            continue;
        kn_symbol *known = add_known(d, column->name, KN_FROM_FILE);
        known->index = i;
        known->kind = kind;
        known->labels = labels_of(d, column);
        if (!kind.jagged)
            continue;
        known->lane = d->scope.lane_count++;
        d->scope.lanes[known->lane] = known->lane;
    }
}

static const char *join_labels(kn_derive *d)
{
    kn_text all = {0};
    for (int64_t i = 0; i < d->spec.class_count; i++)
        kn_text_format(&all, "%s%s", i ? "\n" : "", d->spec.classes[i]);
    const char *copy = all.failed ? NULL : kn_arena_text(&d->arena, kn_text_get(&all));
    kn_text_fini(&all);
    return copy;
}

static kaon_status know_own(kn_derive *d, kaon_diag *diag)
{
    add_known(d, KN_ROW_NUMBER, KN_FROM_ROW);
    add_known(d, KN_FILE_WEIGHT, KN_FROM_WEIGHT)->kind.dtype = KAON_F64;
    if (!d->spec.class_count)
        return KAON_OK;
    kn_symbol *known = add_known(d, KN_FILE_CLASS, KN_FROM_CLASS);
    known->labels = join_labels(d);
    return known->labels ? KAON_OK : kn_no_memory(diag, "names of classes");
}

static kaon_status know_definitions(kn_derive *d, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    for (int64_t i = 0; i < d->spec.definition_count; i++) {
        const kn_definition *of = &d->spec.definitions[i];
        if (kn_scope_find(&d->scope, of->name)) {
            if (d->spec.faults)
                kn_fault_add(d->spec.faults, KN_FAULT_CLASH, of->place,
                             "the data have a column '%s': give the definition another name",
                             of->name);
            status = KAON_INVALID;
            continue;
        }
        kn_symbol *known = add_known(d, of->name, KN_FROM_DEFINITION);
        if (kn_expression_parse(&of->formula, &d->arena, d->spec.faults, &known->definition))
            status = KAON_INVALID;
    }
    return status ? kaon_fail(diag, status, "the definitions cannot be used") : KAON_OK;
}

/* --- schemas ---------------------------------------------------------------------------------- */

static char *put_number(char *at, size_t number)
{
    const int32_t n = (int32_t)number;
    memcpy(at, &n, sizeof n);
    return at + sizeof n;
}

// Arrow's form of one pair: their number, then lengths and bytes.
static const char *make_metadata(kn_arena *arena, const char *labels)
{
    const size_t key = strlen(KAON_ARROW_LABELS), value = strlen(labels);
    char *metadata = kn_arena_take(arena, 3 * sizeof(int32_t) + key + value);
    if (!metadata)
        return NULL;
    char *at = put_number(put_number(metadata, 1), key);
    memcpy(at, KAON_ARROW_LABELS, key);
    memcpy(put_number(at + key, value), labels, value);
    return metadata;
}

static kaon_status describe(kn_derive *d, kn_computed *c, kaon_diag *diag)
{
    const kn_form *form = &c->expression.root->form;
    const int64_t count = kn_form_count(form);
    char format[32] = "g";
    if (form->shape == KN_ONE)
        snprintf(format, sizeof format, "%s",
                 form->type == KN_IS_TRUTH ? "b"
                 : form->whole             ? "l"
                                           : "g");
    else if (count)
        snprintf(format, sizeof format, "+w:%lld", (long long)count);
    else
        snprintf(format, sizeof format, "+L");
    c->schema[1] =
        (struct ArrowSchema){.format = "g", .name = "item", .flags = ARROW_FLAG_NULLABLE};
    c->schema[0] = (struct ArrowSchema){.name = c->name, .flags = ARROW_FLAG_NULLABLE};
    c->schema[0].format = kn_arena_text(&d->arena, format);
    c->child = &c->schema[1];
    c->schema[0].n_children = form->shape != KN_ONE;
    c->schema[0].children = &c->child;
    if (c->labels)
        c->schema[0].metadata = make_metadata(&d->arena, c->labels);
    const int ok = c->schema[0].format && (!c->labels || c->schema[0].metadata);
    return ok ? KAON_OK : kn_no_memory(diag, "a column");
}

static kaon_status extend_schema(kn_derive *d, kaon_diag *diag)
{
    const int64_t count = d->raw->n_children + d->computed_count;
    struct ArrowSchema **children = kn_arena_array(&d->arena, (size_t)count, sizeof *children);
    if (!children)
        return kn_no_memory(diag, "columns");
    for (int64_t i = 0; i < count; i++)
        children[i] = i < d->raw->n_children ? d->raw->children[i]
                                             : &d->computed[i - d->raw->n_children]->schema[0];
    d->schema =
        (struct ArrowSchema){.format = "+s", .name = "", .n_children = count, .children = children};
    return KAON_OK;
}

const struct ArrowSchema *kn_derive_schema(const kn_derive *d)
{
    return &d->schema;
}

/* --- columns of formulas ---------------------------------------------------------------------- */

static kn_computed *find_computed(const kn_derive *d, const char *name)
{
    for (int64_t i = 0; i < d->computed_count; i++)
        if (!strcmp(d->computed[i]->name, name))
            return d->computed[i];
    return NULL;
}

static kaon_status push(kn_derive *d, const char *name, const kn_expression *e, kaon_diag *diag)
{
    kn_computed *c = kn_arena_take(&d->arena, sizeof *c);
    kn_computed **all =
        kn_resize_array(d->computed, (size_t)d->computed_count + 1, sizeof(kn_computed *));
    if (!c || !all)
        return kn_no_memory(diag, "a column");
    d->computed = all;
    c->expression = *e;
    c->name = kn_arena_text(&d->arena, name);
    if (e->root->kind == KN_TERM_NAME && e->root->is && e->root->is->from == KN_FROM_CLASS)
        c->labels = e->root->is->labels;
    if (!c->name)
        return kn_no_memory(diag, "a column");
    all[d->computed_count++] = c;
    return describe(d, c, diag);
}

static kaon_status refused(const kn_derive *d, const kn_formula *formula, kaon_diag *diag)
{
    if (d->spec.faults && d->spec.faults->count)
        return kn_faults_status(d->spec.faults, diag);
    return kaon_fail(diag, KAON_INVALID, "the formula '%s' cannot be used", formula->text);
}

kaon_status kn_derive_add(kn_derive *d, const char *name, const kn_formula *formula,
                          kaon_diag *diag)
{
    kn_expression e;
    if (find_computed(d, name))
        return KAON_OK;
    if (kn_expression_parse(formula, &d->arena, d->spec.faults, &e) ||
        kn_expression_check(&d->scope, &e))
        return refused(d, formula, diag);
    KAON_TRY(push(d, name, &e, diag));
    return extend_schema(d, diag);
}

static kaon_status check_definitions(kn_derive *d, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    for (int64_t i = 0; i < d->scope.count; i++) {
        kn_symbol *known = &d->scope.known[i];
        if (known->from != KN_FROM_DEFINITION)
            continue;
        if (kn_expression_check(&d->scope, &known->definition))
            status = refused(d, &known->definition.formula, diag);
        else if (!status)
            status = push(d, known->name, &known->definition, diag);
    }
    return status;
}

static kaon_status check_cut(kn_derive *d, kaon_diag *diag)
{
    const kn_formula *cut = &d->spec.cut;
    if (!cut->text)
        return KAON_OK;
    if (kn_expression_parse(cut, &d->arena, d->spec.faults, &d->cut) ||
        kn_expression_check(&d->scope, &d->cut)) {
        d->cut.root = NULL;
        return refused(d, cut, diag);
    }
    const kn_form form = d->cut.root->form;
    if (form.type == KN_IS_TRUTH && form.shape == KN_ONE)
        return KAON_OK;
    kn_expression_fault(d->spec.faults, KN_FAULT_FORMULA, cut, 0, (int32_t)strlen(cut->text),
                        "a cut is one condition per event, this is %s",
                        form.type == KN_IS_TRUTH ? "a list of conditions"
                        : form.shape == KN_ONE   ? "a number"
                                                 : "a list of numbers");
    if (d->spec.faults)
        kn_fault_hint(d->spec.faults, "%s",
                      form.type == KN_IS_TRUTH ? "take any(...) or all(...) of it"
                                               : "compare it: ... != 0");
    return refused(d, cut, diag);
}

static kaon_status begin(kn_derive *d, kaon_diag *diag)
{
    const size_t room = (size_t)d->raw->n_children + (size_t)d->spec.definition_count + OWN_NAMES;
    d->scope.arena = &d->arena;
    d->scope.faults = d->spec.faults;
    d->scope.known = kn_arena_array(&d->arena, room, sizeof *d->scope.known);
    d->scope.lanes = kn_arena_array(&d->arena, room, sizeof *d->scope.lanes);
    if (!d->scope.known || !d->scope.lanes)
        return kn_no_memory(diag, "columns");
    know_file(d);
    KAON_TRY(know_own(d, diag));
    KAON_TRY(know_definitions(d, diag));
    const kaon_status definitions = check_definitions(d, diag);
    KAON_TRY(check_cut(d, definitions ? NULL : diag));
    KAON_TRY(definitions);
    return extend_schema(d, diag);
}

kaon_status kn_derive_new(const kn_derive_spec *spec, const struct ArrowSchema *raw,
                          kn_derive **out, kaon_diag *diag)
{
    kn_derive *d = kn_alloc_zero(sizeof *d);
    *out = NULL;
    if (!d)
        return kn_no_memory(diag, "formulas");
    d->spec = *spec;
    d->raw = raw;
    kaon_status status = begin(d, diag);
    if (status == KAON_INVALID && spec->faults && spec->faults->count)
        status = kn_faults_status(spec->faults, diag);
    if (status)
        kn_derive_free(d);
    else
        *out = d;
    return status;
}

void kn_derive_free(kn_derive *d)
{
    if (!d)
        return;
    kn_derive_end(d);
    kn_buffer_fini(&d->keep);
    kn_buffer_fini(&d->cut_chunk);
    for (int64_t i = 0; i < d->computed_count; i++) {
        kn_buffer_fini(&d->computed[i]->values);
        kn_buffer_fini(&d->computed[i]->offsets);
        kn_buffer_fini(&d->computed[i]->valid);
        kn_buffer_fini(&d->computed[i]->chunk);
        kn_buffer_fini(&d->computed[i]->counts);
    }
    kn_free(d->computed);
    kn_arena_free(&d->arena);
    kn_free(d);
}

/* --- what they are made from ------------------------------------------------------------------ */

typedef struct gathering {
    const char **names;
    int64_t count;
} gathering;

static void gather(void *context, kn_symbol *column)
{
    gathering *g = context;
    for (int64_t i = 0; i < g->count; i++)
        if (!strcmp(g->names[i], column->name))
            return;
    if (column->from == KN_FROM_FILE || column->from == KN_FROM_EQUALS)
        g->names[g->count++] = column->name;
}

kaon_status kn_derive_sources(kn_derive *d, const char *name, const char *const **names,
                              int64_t *count, kaon_diag *diag)
{
    const kn_computed *c = find_computed(d, name);
    gathering g = {kn_arena_array(&d->arena, (size_t)d->scope.count + 1, sizeof *g.names), 0};
    if (!g.names)
        return kn_no_memory(diag, "columns");
    if (c)
        kn_expression_columns(c->expression.root, ++d->walks, gather, &g);
    *names = g.names;
    *count = g.count;
    return KAON_OK;
}
