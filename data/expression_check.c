/* expression_check.c: what each term of a formula is, before any data is read. */
#include "data/expression.h"

#include "kernel/text.h"

#include <math.h>
#include <string.h>

// A formula under way; definitions have their own text.
typedef struct checker {
    kn_scope *scope;
    const kn_formula *formula;
} checker;

static const struct {
    const char *name;
    double value;
    int32_t type;
} constants[] = {
    {"pi", 3.14159265358979323846, KN_IS_NUMBER},
    {"inf", INFINITY, KN_IS_NUMBER},
    {"nan", NAN, KN_IS_NUMBER},
    {"true", 1, KN_IS_TRUTH},
    {"false", 0, KN_IS_TRUTH},
};
enum { CONSTANTS = sizeof constants / sizeof *constants, CHECKED = 2, FAILED = 3, MOST_NAMES = 24 };

/* --- words ------------------------------------------------------------------------------------ */

KAON_PRINTF(4, 5)
static kaon_status refuse(checker *c, const kn_term *t, int32_t code, const char *format, ...)
{
    char message[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    kn_expression_fault(c->scope->faults, code, c->formula, t->at, t->bytes, "%s", message);
    return KAON_INVALID;
}

// The part of the formula a term is, cut where it is long.
static const char *text_of(const checker *c, const kn_term *t, char out[64])
{
    const int32_t shown = t->bytes < 40 ? t->bytes : 40;
    snprintf(out, 64, "%.*s%s", (int)shown, c->formula->text + t->at,
             shown < t->bytes ? "..." : "");
    return out;
}

static const char *kind_text(const kn_form *form)
{
    static const char *const texts[3][3] = {
        {"a number", "a list of numbers", "a list of numbers"},
        {"a condition", "a list of conditions", "a list of conditions"},
        {"a text", "a list of texts", "a list of texts"},
    };
    return texts[form->type][form->shape];
}

static kaon_status refuse_kind(checker *c, const kn_term *call, const kn_term *t, const char *needs)
{
    char text[64];
    const kaon_status status = refuse(c, t, KN_FAULT_FORMULA, "'%s' takes %s, '%s' is %s",
                                      call->text, needs, text_of(c, t, text), kind_text(&t->form));
    const int32_t condition =
        call->does->rule == KN_RULE_LOGIC || call->does->rule == KN_RULE_WHERE;
    if (c->scope->faults && condition && t->form.type == KN_IS_NUMBER && t->bytes < 30)
        kn_fault_hint(c->scope->faults, "write '%s != 0'", text_of(c, t, text));
    return status;
}

/* --- names ------------------------------------------------------------------------------------ */

kn_symbol *kn_scope_find(const kn_scope *scope, const char *name)
{
    for (int64_t i = 0; i < scope->count; i++)
        if (!strcmp(scope->known[i].name, name))
            return &scope->known[i];
    return NULL;
}

int32_t kn_scope_lane(const kn_scope *scope, int32_t lane)
{
    while (lane >= 0 && scope->lanes[lane] != lane)
        lane = scope->lanes[lane];
    return lane;
}

static kaon_status unknown_name(checker *c, const kn_term *t)
{
    kn_nearest near = {.word = t->text};
    kn_text names = {0};
    int32_t count = 0;
    for (int64_t i = 0; i < c->scope->count; i++) {
        const kn_symbol *known = &c->scope->known[i];
        if (known->from > KN_FROM_DEFINITION)
            continue;
        kn_nearest_offer(&near, known->name);
        if (count++ < MOST_NAMES)
            kn_text_format(&names, "%s%s", count > 1 ? ", " : "", known->name);
    }
    for (size_t i = 0; i < CONSTANTS; i++)
        kn_nearest_offer(&near, constants[i].name);
    refuse(c, t, KN_FAULT_DATA, "there is no column '%s'", t->text);
    if (c->scope->faults && near.best)
        kn_fault_hint(c->scope->faults, "did you mean '%s'?", near.best);
    else if (c->scope->faults && kn_function_find(t->text, 0, -1))
        kn_fault_hint(c->scope->faults, "a function is followed by its argument: %s(...)", t->text);
    if (c->scope->faults)
        kn_fault_note(c->scope->faults, "columns: %s%s", kn_text_get(&names),
                      count > MOST_NAMES ? ", ..." : "");
    kn_text_fini(&names);
    return KAON_INVALID;
}

static kaon_status check_constant(checker *c, kn_term *t)
{
    for (size_t i = 0; i < CONSTANTS; i++) {
        if (strcmp(constants[i].name, t->text))
            continue;
        t->number = constants[i].value;
        t->form = (kn_form){.type = constants[i].type};
        return KAON_OK;
    }
    return unknown_name(c, t);
}

static kaon_status check_column(checker *c, kn_term *t)
{
    const kn_arrow_kind *kind = &t->is->kind;
    char words[96];
    kn_form *form = &t->form;
    if (kind->rank > 1 || (kind->rank && kind->jagged))
        return refuse(c, t, KN_FAULT_FORMULA,
                      "column '%s' holds arrays (%s); a formula takes numbers and lists of them",
                      t->text, kn_arrow_kind_text(kind, words, sizeof words));
    form->type = kind->dtype == KN_TEXT_COLUMN ? KN_IS_TEXT
                 : kind->dtype == KAON_BOOL    ? KN_IS_TRUTH
                                               : KN_IS_NUMBER;
    form->whole = form->type == KN_IS_NUMBER && !kaon_dtype_is_float(kind->dtype);
    form->shape = kind->jagged ? KN_JAGGED : kind->rank ? KN_LIST : KN_ONE;
    form->count = kind->rank ? kind->shape[0] : 0;
    form->axis = (kn_axis){t->is->lane, "", -1};
    return KAON_OK;
}

static kaon_status check(checker *c, kn_term *t);

static kaon_status check_definition(checker *c, kn_term *t)
{
    kn_expression *of = &t->is->definition;
    checker inner = {c->scope, &of->formula};
    if (!of->root || of->root->state == FAILED)
        return KAON_INVALID; // said there
    if (of->root->state == 1)
        return refuse(c, t, KN_FAULT_FORMULA, "'%s' is defined by itself", t->text);
    KAON_TRY(check(&inner, of->root));
    t->form = of->root->form;
    return KAON_OK;
}

static kaon_status check_name(checker *c, kn_term *t)
{
    t->is = kn_scope_find(c->scope, t->text);
    if (!t->is)
        return check_constant(c, t);
    return t->is->from == KN_FROM_DEFINITION ? check_definition(c, t) : check_column(c, t);
}

int64_t kn_form_count(const kn_form *form)
{
    if (form->shape == KN_LIST)
        return form->count;
    return form->shape == KN_JAGGED && form->axis.most > 0 ? form->axis.most : 0;
}

/* --- shapes ----------------------------------------------------------------------------------- */

// From here on both lanes are one: their columns must have equal lengths in every row.
static int join_lanes(kn_scope *s, int32_t a, int32_t b)
{
    a = kn_scope_lane(s, a);
    b = kn_scope_lane(s, b);
    if (a != b && (a < 0 || b < 0))
        return 0;
    if (a != b)
        s->lanes[b] = a;
    return 1;
}

// The shape of what is made of two values entry by entry; *into begins as that of the first.
static kaon_status join_shapes(checker *c, const kn_term *call, const kn_term *first,
                               const kn_term *t, kn_form *into)
{
    char one[64], other[64];
    const kn_form *form = &t->form;
    if (form->shape == KN_ONE)
        return KAON_OK;
    if (into->shape == KN_ONE) {
        into->shape = form->shape;
        into->count = form->count;
        into->axis = form->axis;
        return KAON_OK;
    }
    if (into->shape == form->shape && form->shape == KN_LIST && into->count == form->count)
        return KAON_OK;
    if (into->shape == form->shape && form->shape == KN_JAGGED &&
        !strcmp(into->axis.chain, form->axis.chain) &&
        join_lanes(c->scope, into->axis.lane, form->axis.lane))
        return KAON_OK;
    if (into->shape == form->shape && form->shape == KN_LIST)
        return refuse(c, call, KN_FAULT_FORMULA,
                      "'%s' has %lld numbers per event and '%s' has %lld", text_of(c, first, one),
                      (long long)into->count, text_of(c, t, other), (long long)form->count);
    return refuse(c, call, KN_FAULT_FORMULA,
                  "'%s' and '%s' do not have the same entries; cut both in the same way",
                  text_of(c, first, one), text_of(c, t, other));
}

static kaon_status join_all(checker *c, kn_term *t)
{
    kn_form joined = {.shape = KN_ONE};
    const kn_term *first = NULL;
    for (int32_t i = 0; i < t->arg_count; i++) {
        if (t->args[i]->form.shape == KN_ONE)
            continue;
        KAON_TRY(join_shapes(c, t, first, t->args[i], &joined));
        first = first ? first : t->args[i];
    }
    t->form.shape = joined.shape;
    t->form.count = joined.count;
    t->form.axis = joined.axis;
    return KAON_OK;
}

/* --- calls ------------------------------------------------------------------------------------ */

static int all_whole(const kn_term *t)
{
    int whole = 1;
    for (int32_t i = 0; i < t->arg_count; i++)
        whole &= t->args[i]->form.whole || t->args[i]->form.type == KN_IS_TRUTH;
    // 2 ** -1 is no whole number.
    const kn_term *power = !strcmp(t->text, "**") ? t->args[1] : NULL;
    return whole && (!power || (power->kind == KN_TERM_NUMBER && power->number >= 0));
}

static kaon_status check_numbers(checker *c, kn_term *t)
{
    for (int32_t i = 0; i < t->arg_count; i++)
        if (t->args[i]->form.type == KN_IS_TEXT)
            return refuse_kind(c, t, t->args[i], "numbers");
    t->form.type = KN_IS_NUMBER;
    t->form.whole = t->does->whole == 2 || (t->does->whole == 1 && all_whole(t));
    return join_all(c, t);
}

static kaon_status unknown_label(checker *c, const kn_term *t, const char *labels)
{
    char word[64];
    kn_nearest near = {.word = t->text};
    char best[64] = "";
    for (const char *at = labels; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "\n"), at);
        const char *before = near.best;
        kn_nearest_offer(&near, word);
        if (near.best != before || near.best == word)
            snprintf(best, sizeof best, "%s", word);
        near.best = near.best ? best : NULL;
    }
    kn_text list = {0};
    for (const char *at = labels; *at; at++)
        kn_text_add_bytes(&list, *at == '\n' ? ", " : at, *at == '\n' ? 2 : 1);
    refuse(c, t, KN_FAULT_DATA, "no value is called '%s'; there are %s", t->text,
           kn_text_get(&list));
    kn_text_fini(&list);
    if (c->scope->faults && near.best)
        kn_fault_hint(c->scope->faults, "did you mean '%s'?", near.best);
    return KAON_INVALID;
}

// The number of a name among labels, -1: none.
static int64_t label_number(const char *labels, const char *name)
{
    int64_t number = 0;
    for (const char *at = labels; at; number++) {
        const size_t bytes = strcspn(at, "\n");
        if (bytes == strlen(name) && !memcmp(at, name, bytes))
            return number;
        at = at[bytes] ? at + bytes + 1 : NULL;
    }
    return -1;
}

// kind == 'muon': the column is a text, or a number whose values have names.
static kaon_status check_text_equality(checker *c, kn_term *t)
{
    if (t->args[0]->kind == KN_TERM_TEXT) {
        kn_term *text = t->args[0];
        t->args[0] = t->args[1];
        t->args[1] = text;
    }
    kn_term *column = t->args[0], *text = t->args[1];
    const int equality = !strcmp(t->text, "==") || !strcmp(t->text, "!=");
    if (text->kind != KN_TERM_TEXT || column->kind != KN_TERM_NAME || !equality)
        return refuse(c, t, KN_FAULT_FORMULA, "a text is compared with == or !=: column == 'text'");
    const char *labels = column->is ? column->is->labels : NULL;
    if (column->form.type == KN_IS_NUMBER && labels) {
        const int64_t number = label_number(labels, text->text);
        if (number < 0)
            return unknown_label(c, text, labels);
        text->kind = KN_TERM_NUMBER;
        text->number = (double)number;
        text->form = (kn_form){.type = KN_IS_NUMBER};
        return join_all(c, t);
    }
    if (column->form.type != KN_IS_TEXT || !column->is || column->is->from != KN_FROM_FILE)
        return refuse_kind(c, t, column, "a column of texts and a text");
    t->is = kn_arena_copy(c->scope->arena, column->is, sizeof *column->is);
    if (!t->is)
        return KAON_NO_MEMORY;
    t->is->from = KN_FROM_EQUALS;
    t->is->labels = text->text;
    return KAON_OK;
}

static kaon_status check_compare(checker *c, kn_term *t)
{
    const kn_term *a = t->args[0], *b = t->args[1];
    t->form.type = KN_IS_TRUTH;
    if (a->form.type == KN_IS_TEXT || b->form.type == KN_IS_TEXT)
        return check_text_equality(c, t);
    if (a->form.type == KN_IS_TRUTH && b->form.type == KN_IS_TRUTH && t->text[1] != '=')
        return refuse_kind(c, t, a, "numbers");
    if (a->form.type != b->form.type)
        return refuse_kind(c, t, a->form.type == KN_IS_TRUTH ? a : b, "two numbers");
    return join_all(c, t);
}

static kaon_status check_logic(checker *c, kn_term *t)
{
    t->form.type = KN_IS_TRUTH;
    for (int32_t i = 0; i < t->arg_count; i++)
        if (t->args[i]->form.type != KN_IS_TRUTH)
            return refuse_kind(c, t, t->args[i], "conditions");
    return join_all(c, t);
}

static kaon_status check_where(checker *c, kn_term *t)
{
    const kn_form *a = &t->args[1]->form, *b = &t->args[2]->form;
    if (t->args[0]->form.type != KN_IS_TRUTH)
        return refuse_kind(c, t, t->args[0], "a condition first");
    if (a->type == KN_IS_TEXT || b->type == KN_IS_TEXT)
        return refuse_kind(c, t, t->args[a->type == KN_IS_TEXT ? 1 : 2], "numbers or conditions");
    t->form.type = a->type == b->type ? a->type : KN_IS_NUMBER;
    t->form.whole = t->form.type == KN_IS_NUMBER && (a->whole || a->type == KN_IS_TRUTH) &&
                    (b->whole || b->type == KN_IS_TRUTH);
    return join_all(c, t);
}

static kaon_status check_length(checker *c, const kn_term *t)
{
    const int64_t count = kn_form_count(&t->form);
    if (count <= KN_MOST_FIXED)
        return KAON_OK;
    return refuse(c, t, KN_FAULT_FORMULA, "it has %lld numbers per event; at most %d can be kept",
                  (long long)count, KN_MOST_FIXED);
}

// What is made of a list, or of one entry each.
static kaon_status check_list(checker *c, kn_term *t)
{
    kn_term *of = t->args[0];
    const int32_t rule = t->does->rule;
    char text[64];
    if (of->form.type == KN_IS_TEXT)
        return refuse_kind(c, t, of, "a list of numbers");
    if (of->form.shape == KN_ONE)
        return refuse(c, of, KN_FAULT_FORMULA, "'%s' takes a list, '%s' is one %s per event",
                      t->text, text_of(c, of, text),
                      of->form.type == KN_IS_TRUTH ? "condition" : "number");
    if (rule == KN_RULE_JUDGE && of->form.type != KN_IS_TRUTH)
        return refuse_kind(c, t, of, "a list of conditions");
    t->form.type = rule == KN_RULE_JUDGE ? KN_IS_TRUTH : KN_IS_NUMBER;
    t->form.whole = t->does->whole == 2 || (t->does->whole == 1 && all_whole(t));
    if (rule != KN_RULE_MASK)
        return KAON_OK;
    t->form.shape = of->form.shape;
    t->form.count = of->form.count;
    t->form.axis = of->form.axis;
    if (of->form.shape == KN_JAGGED && of->form.axis.most >= 0) {
        t->form.shape = KN_LIST; // what is cut off has its zeros already
        t->form.count = of->form.axis.most;
    }
    return check_length(c, t);
}

static kaon_status unknown_function(checker *c, const kn_term *t)
{
    kn_nearest near = {.word = t->text};
    const kn_function *known = kn_function_find(t->text, 0, -1);
    if (known && known->min_args == known->max_args)
        return refuse(c, t, KN_FAULT_FORMULA, "'%s' takes %d argument%s, found %d", t->text,
                      (int)known->min_args, known->min_args == 1 ? "" : "s", (int)t->arg_count);
    if (known)
        return refuse(c, t, KN_FAULT_FORMULA, "'%s' takes %d to %d arguments, found %d", t->text,
                      (int)known->min_args, (int)known->max_args, (int)t->arg_count);
    kn_text names = {0};
    const char *last = "";
    for (const kn_function *f = kn_functions; f->name; f++) {
        if (f->is_operator || !strcmp(last, f->name))
            continue;
        kn_nearest_offer(&near, f->name);
        kn_text_format(&names, "%s%s", *last ? ", " : "", f->name);
        last = f->name;
    }
    refuse(c, t, KN_FAULT_FORMULA, "there is no function '%s'", t->text);
    if (c->scope->faults && near.best)
        kn_fault_hint(c->scope->faults, "did you mean '%s'?", near.best);
    if (c->scope->faults)
        kn_fault_note(c->scope->faults, "functions: %s", kn_text_get(&names));
    kn_text_fini(&names);
    return KAON_INVALID;
}

static kaon_status check_test(checker *c, kn_term *t)
{
    if (t->args[0]->form.type != KN_IS_NUMBER)
        return refuse_kind(c, t, t->args[0], "a number");
    t->form.type = KN_IS_TRUTH;
    return join_all(c, t);
}

static kaon_status check_call(checker *c, kn_term *t)
{
    if (!t->does)
        return unknown_function(c, t);
    for (int32_t i = 0; i < t->arg_count; i++)
        KAON_TRY(check(c, t->args[i]));
    switch (t->does->rule) {
    case KN_RULE_NUMBERS:
        return check_numbers(c, t);
    case KN_RULE_COMPARE:
        return check_compare(c, t);
    case KN_RULE_LOGIC:
        return check_logic(c, t);
    case KN_RULE_WHERE:
        return check_where(c, t);
    case KN_RULE_TEST:
        return check_test(c, t);
    default:
        return check_list(c, t);
    }
}

/* --- brackets --------------------------------------------------------------------------------- */

static kaon_status check_indexed(checker *c, kn_term *t)
{
    char text[64];
    const kn_form *of = &t->args[0]->form;
    if (of->shape != KN_ONE && of->type != KN_IS_TEXT)
        return KAON_OK;
    return refuse(c, t, KN_FAULT_FORMULA, "[ ] takes entries of a list, '%s' is %s per event",
                  text_of(c, t->args[0], text),
                  of->type == KN_IS_TEXT ? "a text"
                  : of->type             ? "one condition"
                                         : "one number");
}

static kaon_status extend_chain(checker *c, kn_term *t, int64_t most)
{
    const kn_form *of = &t->args[0]->form;
    const char *before = of->shape == KN_JAGGED ? of->axis.chain : "";
    const size_t bytes = strlen(before) + strlen(t->text) + 1;
    char *chain = kn_arena_take(c->scope->arena, bytes);
    if (!chain)
        return KAON_NO_MEMORY;
    snprintf(chain, bytes, "%s%s", before, t->text);
    // Entries of a list of n numbers are entries like others of that many.
    const int32_t lane = of->shape == KN_JAGGED ? of->axis.lane : -1 - (int32_t)of->count;
    t->form = *of;
    t->form.shape = KN_JAGGED;
    t->form.axis = (kn_axis){lane, chain, most};
    return KAON_OK;
}

static kaon_status check_index(checker *c, kn_term *t)
{
    kn_term *of = t->args[0], *index = t->args[1];
    kn_form joined = of->form;
    if (index->form.type == KN_IS_TRUTH && index->form.shape != KN_ONE) {
        KAON_TRY(join_shapes(c, t, of, index, &joined));
        return extend_chain(c, t, of->form.shape == KN_LIST ? of->form.count : of->form.axis.most);
    }
    if (index->form.type != KN_IS_NUMBER || index->form.shape != KN_ONE || !index->form.whole)
        return refuse(c, index, KN_FAULT_FORMULA,
                      "[ ] takes a whole number, a slice or a condition on the entries");
    t->form.type = of->form.type;
    t->form.whole = of->form.whole;
    const double at = index->kind == KN_TERM_NUMBER ? index->number : 0;
    if (of->form.shape == KN_LIST && (at >= (double)of->form.count || at < -(double)of->form.count))
        return refuse(c, index, KN_FAULT_FORMULA, "there are %lld entries, 0 to %lld",
                      (long long)of->form.count, (long long)of->form.count - 1);
    return KAON_OK;
}

static int64_t not_below_0(int64_t n)
{
    return n < 0 ? 0 : n;
}

// Entries a slice leaves of `most` (-1: not known) at most.
static int64_t slice_most(const kn_term *t, int64_t most)
{
    const int64_t first = t->first, last = t->last;
    int64_t left = most;
    if (first >= 0 && t->has_last && last >= 0)
        left = not_below_0(last - first);
    else if (first >= 0)
        left = most < 0 ? -1 : not_below_0(most - first);
    else if (!t->has_last || last < 0)
        left = not_below_0((t->has_last ? last : 0) - first);
    else
        left = last < -first ? last : -first;
    return most >= 0 && left > most ? most : left;
}

static kaon_status check_slice(checker *c, kn_term *t)
{
    const kn_form *of = &t->args[0]->form;
    if (of->shape == KN_LIST) {
        const int64_t n = of->count;
        int64_t first = t->first < 0 ? t->first + n : t->first;
        int64_t last = !t->has_last ? n : t->last < 0 ? t->last + n : t->last;
        t->form = *of;
        t->first = first < 0 ? 0 : first;
        t->last = last > n ? n : last;
        t->has_last = 1;
        t->form.count = t->last - t->first;
        return t->form.count > 0 ? KAON_OK
                                 : refuse(c, t, KN_FAULT_FORMULA, "the slice holds nothing");
    }
    const int64_t most = slice_most(t, of->axis.most);
    if (most == 0)
        return refuse(c, t, KN_FAULT_FORMULA, "the slice holds nothing");
    return extend_chain(c, t, most);
}

/* --- the whole -------------------------------------------------------------------------------- */

static kaon_status check_kind(checker *c, kn_term *t)
{
    switch (t->kind) {
    case KN_TERM_NUMBER:
        t->form = (kn_form){.type = KN_IS_NUMBER, .whole = t->number == floor(t->number)};
        return KAON_OK;
    case KN_TERM_TEXT:
        t->form = (kn_form){.type = KN_IS_TEXT};
        return KAON_OK;
    case KN_TERM_NAME:
        return check_name(c, t);
    case KN_TERM_CALL:
        return check_call(c, t);
    default:
        KAON_TRY(check(c, t->args[0]));
        KAON_TRY(check_indexed(c, t));
        if (t->kind == KN_TERM_SLICE)
            return check_slice(c, t);
        KAON_TRY(check(c, t->args[1]));
        return check_index(c, t);
    }
}

static kaon_status check(checker *c, kn_term *t)
{
    if (t->state == CHECKED)
        return KAON_OK;
    if (c->scope->depth == KN_DEEPEST_FORMULA)
        return refuse(c, t, KN_FAULT_FORMULA, "the formula lies too deep in itself");
    t->state = 1;
    c->scope->depth++;
    const kaon_status status = check_kind(c, t);
    c->scope->depth--;
    t->state = status ? FAILED : CHECKED;
    return status;
}

kaon_status kn_expression_check(kn_scope *scope, kn_expression *e)
{
    checker c = {scope, &e->formula};
    if (e->root->state == FAILED)
        return KAON_INVALID;
    KAON_TRY(check(&c, e->root));
    if (e->root->form.type != KN_IS_TEXT)
        return check_length(&c, e->root);
    return refuse(&c, e->root, KN_FAULT_FORMULA, "the formula gives a text, not a number");
}

void kn_expression_columns(kn_term *t, int32_t walk, kn_column_visit *visit, void *context)
{
    kn_symbol *is = t->is;
    if (is && is->from != KN_FROM_DEFINITION)
        visit(context, is);
    if (is && is->from == KN_FROM_DEFINITION && is->walk != walk) {
        is->walk = walk; // once, however often it is used
        kn_expression_columns(is->definition.root, walk, visit, context);
    }
    for (int32_t i = 0; i < t->arg_count && !(is && is->from == KN_FROM_EQUALS); i++)
        kn_expression_columns(t->args[i], walk, visit, context);
}
