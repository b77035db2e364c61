/* broken_config_test.c: configurations made wrong in every way the tables of options allow.
 *
 * For each option of each section and of each installed item: slips of one letter, values of other
 * types, out of range, none of the choices, unknown items, keys left out and keys on the wrong
 * level. All must be refused, with a place; of the slips of one letter at least 95 in 100 must be
 * answered with the right word first.
 */
#include "experiment/advice.h"
#include "experiment/experiment_plan.h"
#include "kernel/diag.h"
#include "kernel/interfaces.h"
#include "kernel/registry.h"
#include "kernel/settings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLIPS = 5, DEEPEST = 8, TEXT = 4096, MOST_ITEMS = 512 };

static kn_kernel *kernel;
static int64_t made, refused, placed, slips, right;
static uint32_t draws;

static uint32_t draw(uint32_t below)
{
    draws = draws * 1664525u + 1013904223u;
    return (draws >> 8) % below;
}

// What is being broken: an item, or a section of the file.
typedef struct {
    const char *interface_id; // NULL: a section
    const char *name;
    const kn_schema *schema;
} subject;

/* --- a right value for what is required ------------------------------------------------------- */

static void add_right(kn_text *out, const kaon_option *o, int depth);

static kaon_status first_name(void *context, const kn_item_note *item)
{
    char *name = context;
    if (!*name)
        snprintf(name, 64, "%s", item->name);
    return KAON_OK;
}

static void add_required(kn_text *out, const kaon_option *options, const char *but, int depth)
{
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o)) {
        if (!(o->flags & KAON_OPTION_REQUIRED) || kn_text_same(o->name, but))
            continue;
        kn_text_format(out, "%s: ", o->name);
        add_right(out, o, depth);
        kn_text_add(out, ", ");
    }
}

static void add_item(kn_text *out, const char *interface_id, int depth)
{
    char name[64] = "";
    const kn_item *item = NULL;
    kn_item_each(kernel, interface_id, first_name, name, NULL);
    if (depth > DEEPEST || kn_item_find(kernel, interface_id, name, &item, NULL)) {
        kn_text_add(out, "none");
        return;
    }
    kn_text_format(out, "{%s: {", name);
    add_required(out, ((const kaon_head *)item->table)->options, NULL, depth + 1);
    kn_text_add(out, "}}");
}

static void add_right(kn_text *out, const kaon_option *o, int depth)
{
    const kn_limits l = kn_option_limits(o);
    if (o->interface_id)
        add_item(out, o->interface_id, depth);
    else if (o->kind == KAON_OPTION_CHOICE || (o->choices && o->choices[0]))
        kn_text_add(out, o->choices[0]);
    else if (o->kind == KAON_OPTION_TEXT || o->kind == KAON_OPTION_TEXTS)
        kn_text_add(out, "word");
    else if (o->kind == KAON_OPTION_BOOL)
        kn_text_add(out, "true");
    else
        kn_text_format(out, "%g",
                       l.has_min   ? l.min + l.open_min
                       : l.has_max ? l.max - l.open_max
                                   : 1);
}

/* --- one broken configuration ----------------------------------------------------------------- */

static int32_t has_place(const kn_faults *faults)
{
    for (int32_t i = 0; i < kn_faults_kept(faults); i++)
        if (!faults->at[i].line || faults->at[i].column < 1 || !faults->at[i].excerpt)
            return 0;
    return 1;
}

static int32_t suggests(const kn_faults *faults, int32_t code, const char *word)
{
    char quoted[96];
    snprintf(quoted, sizeof quoted, "'%s'", word);
    for (int32_t i = 0; i < kn_faults_kept(faults); i++)
        if (faults->at[i].code == code)
            return faults->at[i].hint && strstr(faults->at[i].hint, quoted);
    return 0;
}

/* Reads `body` as the subject's settings; it must be refused. `word`: what was meant, NULL: not a
 * slip of one letter. */
static void expect_refusal(const subject *s, const char *body, int32_t code, const char *word)
{
    kn_faults faults = {0};
    kn_settings settings;
    kn_text text = {0};
    kn_config_tree *tree = kn_config_tree_new();
    kn_settings_init(&settings, kernel, tree, &faults);
    settings.top = &kn_experiment_schema;
    if (s->interface_id)
        kn_text_format(&text, "%s: {%s}\n", s->name, body);
    else
        kn_text_format(&text, "{%s}\n", body);
    const kn_config *node =
        kn_config_parse(tree, "broken.yaml", kn_text_get(&text), text.length, &faults);
    if (node && s->interface_id)
        kn_settings_part(&settings, s->interface_id, node, NULL);
    else if (node)
        kn_settings_fill(&settings, s->schema, node, NULL);
    made++;
    refused += faults.count > 0;
    placed += has_place(&faults);
    slips += word != NULL;
    const int32_t found = word && suggests(&faults, code, word);
    right += found;
    if (!faults.count)
        print_message("accepted: %s", kn_text_get(&text));
    else if (!has_place(&faults))
        print_message("without a place: %s (%s)\n", kn_text_get(&text), faults.at[0].message);
    else if (word && !found && getenv("KAON_SHOW"))
        print_message("%s not suggested (%s): %s", word, faults.at[0].hint, kn_text_get(&text));
    kn_settings_fini(&settings);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    kn_text_fini(&text);
}

KAON_PRINTF(5, 6)
static void broken(const subject *s, const char *but, int32_t code, const char *word,
                   const char *format, ...)
{
    char own[TEXT];
    kn_text body = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(own, sizeof own, format, arguments);
    va_end(arguments);
    add_required(&body, s->schema->options, but, 0);
    kn_text_add(&body, own);
    expect_refusal(s, kn_text_get(&body), code, word);
    kn_text_fini(&body);
}

/* --- slips ------------------------------------------------------------------------------------ */

// One letter left out, put in, changed, or two neighbours the other way round.
static void slip(const char *word, char out[64])
{
    const uint32_t length = (uint32_t)strlen(word), at = draw(length), way = draw(4);
    const char letter = (char)('a' + draw(26));
    if (way == 0 && length > 1)
        snprintf(out, 64, "%.*s%s", (int)at, word, word + at + 1);
    else if (way == 1)
        snprintf(out, 64, "%.*s%c%s", (int)at, word, letter, word + at);
    else if (way == 2 && at + 1 < length)
        snprintf(out, 64, "%.*s%c%c%s", (int)at, word, word[at + 1], word[at], word + at + 2);
    else
        snprintf(out, 64, "%.*s%c%s", (int)at, word, letter, word + at + 1);
}

static int32_t is_option(const kaon_option *options, const char *name)
{
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (!strcmp(o->name, name))
            return 1;
    return 0;
}

static void break_key(const subject *s, const kaon_option *o)
{
    for (int i = 0; i < SLIPS; i++) {
        char wrong[64];
        slip(o->name, wrong);
        if (!is_option(s->schema->options, wrong))
            broken(s, o->name, KN_FAULT_UNKNOWN, o->name, "\"%s\": 1", wrong);
    }
}

static void break_choice(const subject *s, const kaon_option *o)
{
    for (const char *const *choice = o->choices; choice && *choice; choice++) {
        char wrong[64];
        int32_t exists = 0;
        slip(*choice, wrong);
        for (const char *const *other = o->choices; *other; other++)
            exists |= !strcmp(*other, wrong);
        if (!exists)
            broken(s, o->name, KN_FAULT_CHOICE, *choice, "%s: \"%s\"", o->name, wrong);
    }
    broken(s, o->name, KN_FAULT_CHOICE, NULL, "%s: nothing_of_the_kind", o->name);
}

/* --- values ----------------------------------------------------------------------------------- */

// What no option of a kind takes.
static const char *const other_types[][5] = {
    [KAON_OPTION_INT] = {"many", "1.5", "[1, 2]", "{a: 1}", "\"3\""},
    [KAON_OPTION_FLOAT] = {"much", "[1.5]", "{a: 1}", "\"3\"", ""},
    [KAON_OPTION_BOOL] = {"perhaps", "7", "[true]", "{a: true}", NULL},
    [KAON_OPTION_TEXT] = {"[a, b]", "{a: b}", NULL, NULL, NULL},
    [KAON_OPTION_CHOICE] = {"[a, b]", "{a: b}", NULL, NULL, NULL},
    [KAON_OPTION_INTS] = {"many", "[1, two]", "{a: 1}", "[[1]]", NULL},
    [KAON_OPTION_FLOATS] = {"much", "[1, two]", "{a: 1}", "[[1]]", NULL},
    [KAON_OPTION_TEXTS] = {"{a: b}", "[[a]]", "[{a: b}]", NULL, NULL},
    [KAON_OPTION_PART] = {"[]", "{a: 1, b: 2}", "nothing_of_the_kind", "[[a]]", NULL},
    [KAON_OPTION_PARTS] = {"[nothing_of_the_kind]", "{a: 1, b: 2}", "[[a]]", "[3]", NULL},
};

static void break_value(const subject *s, const kaon_option *o)
{
    const kn_limits l = kn_option_limits(o);
    if (o->kind < KAON_OPTION_INT || o->kind > KAON_OPTION_PARTS)
        return; // a tree: what lies below it has rows of its own
    for (int i = 0; i < 5 && other_types[o->kind][i]; i++)
        broken(s, o->name, 0, NULL, "%s: %s", o->name, other_types[o->kind][i]);
    if (l.has_min)
        broken(s, o->name, 0, NULL, "%s: %.17g", o->name,
               l.open_min ? l.min : floor(l.min) - 1 - fabs(l.min));
    if (l.has_max)
        broken(s, o->name, 0, NULL, "%s: %.17g", o->name,
               l.open_max ? l.max : ceil(l.max) + 1 + fabs(l.max));
    if (o->kind == KAON_OPTION_CHOICE || (o->kind == KAON_OPTION_TEXTS && o->choices))
        break_choice(s, o);
}

/* --- subjects --------------------------------------------------------------------------------- */

// A key that only other items or sections have.
static void break_level(const subject *s)
{
    static const char *const keys[] = {"seed", "features", "target", "split", "model", "episodes"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!is_option(s->schema->options, keys[i]))
            broken(s, NULL, KN_FAULT_UNKNOWN, NULL, "%s: 1", keys[i]);
}

static void break_subject(const subject *s)
{
    for (const kaon_option *o = s->schema->options; o && o->size; o = kn_option_next(o)) {
        break_key(s, o);
        break_value(s, o);
        if (o->flags & KAON_OPTION_REQUIRED)
            broken(s, o->name, KN_FAULT_MISSING, NULL, "%s", "");
    }
    break_level(s);
}

static void break_sections(const kn_schema *schema)
{
    break_subject(&(subject){NULL, schema->what, schema});
    for (const kn_section *at = schema->sections; at && at->key; at++)
        break_sections(at->schema);
}

typedef struct {
    char interface_id[48];
    char name[64];
} named;

typedef struct {
    named *at;
    int32_t count;
} names;

static kaon_status gather(void *context, const kn_item_note *item)
{
    names *all = context;
    if (all->count == MOST_ITEMS)
        return KAON_OK;
    named *n = &all->at[all->count++];
    snprintf(n->interface_id, sizeof n->interface_id, "%s", item->interface_id);
    snprintf(n->name, sizeof n->name, "%s", item->name);
    return KAON_OK;
}

// An item's name with a slip, where an item of its kind is asked for.
static void break_item_name(const named *n)
{
    static const kn_schema none = {.what = ""};
    char wrong[64];
    const kn_item *item = NULL;
    slip(n->name, wrong);
    if (!kn_item_find(kernel, n->interface_id, wrong, &item, NULL))
        return;
    const subject s = {n->interface_id, wrong, &none};
    expect_refusal(&s, "", KN_FAULT_ITEM, n->name);
}

static void break_items(void)
{
    static named room[MOST_ITEMS];
    names all = {room, 0};
    assert_int_equal(kn_item_each(kernel, NULL, gather, &all, NULL), KAON_OK);
    for (int32_t i = 0; i < all.count; i++) {
        const kn_item *item = NULL;
        if (kn_item_find(kernel, room[i].interface_id, room[i].name, &item, NULL))
            continue; // what this machine cannot load
        const kaon_head *head = item->table;
        const kn_schema schema = {
            .what = room[i].name, .options = head->options, .size = head->settings_size};
        break_subject(&(subject){room[i].interface_id, room[i].name, &schema});
        break_item_name(&room[i]);
    }
}

static void all_are_refused_with_a_place(void **state)
{
    (void)state;
    break_sections(&kn_experiment_schema);
    break_items();
    print_message("%lld broken, %lld refused, %lld with a place; %lld slips, %lld times the right "
                  "word (%.1f%%)\n",
                  (long long)made, (long long)refused, (long long)placed, (long long)slips,
                  (long long)right, 100 * (double)right / (double)slips);
    assert_int_equal(refused, made);
    assert_int_equal(placed, made);
    assert_true((double)right >= 0.95 * (double)slips);
    // Without plugins there is little to break.
    int64_t items = 0;
    kn_item_count(kernel, NULL, &items, NULL);
    if (items > 60)
        assert_true(made >= 1000);
}

static int open_kernel(void **state)
{
    (void)state;
    if (kn_kernel_new(NULL, &kernel, NULL))
        return 1;
    kernel->advice = &kn_settings_advice;
    return 0;
}

static int close_kernel(void **state)
{
    (void)state;
    kn_kernel_free(kernel);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_are_refused_with_a_place)};
    return cmocka_run_group_tests(tests, open_kernel, close_kernel);
}
