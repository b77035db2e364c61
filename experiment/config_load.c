/* config_load.c: the file of an experiment with what it includes, and its variables put in. */
#include "experiment/config_load.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/config_tree.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum {
    INCLUDE_DEPTH = 16,
    VARIABLE_DEPTH = 16, // of variables in variables
    VARIABLE_TEXT = 4096 // bytes of one text with variables in it
};

kn_config *kn_config_take(kn_config *map, const char *key)
{
    kn_config *before = NULL, *child = map && map->kind == KN_CONFIG_MAP ? map->first : NULL;
    for (; child && strcmp(child->key, key); child = child->next)
        before = child;
    if (!child)
        return NULL;
    if (before)
        before->next = child->next;
    else
        map->first = child->next;
    if (map->last == child)
        map->last = before;
    map->count--;
    child->next = NULL;
    return child;
}

const char *kn_nearest_file(const char *path, char *out, size_t room)
{
    const char *name = kn_path_name(path);
    const int length = (int)(name - path);
    char folder[1024];
    snprintf(folder, sizeof folder, "%.*s", length ? length : 1, length ? path : ".");
    kn_nearest near = {.word = name};
    DIR *entries = opendir(folder);
    *out = 0;
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        kn_nearest_offer(&near, entry->d_name);
        if (near.best == entry->d_name) {
            snprintf(out, room, "%.*s%s", length, path, entry->d_name);
            near.best = out; // the entry's name is gone with the next one
        }
    }
    if (entries)
        closedir(entries);
    return *out ? out : NULL;
}

/* --- includes --------------------------------------------------------------------------------- */

// One file being read, and those that include it.
typedef struct chain {
    const char *path; // as realpath gives it
    const struct chain *outer;
    int32_t depth;
} chain;

typedef struct {
    kn_config_tree *tree;
    const kn_schema *schema;
    kn_faults *faults;
    int32_t failed; // an included file is missing
} loader;

// `over` goes before what stands in `base`.
static void merge(loader *l, kn_config *base, kn_config *over, const kn_schema *schema)
{
    for (kn_config *child = over->first, *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        kn_config *old = kn_config_get(base, child->key);
        const kn_schema *below = schema ? kn_section_find(schema->sections, child->key) : NULL;
        const int32_t is_section = below || !strcmp(child->key, "vars");
        if (is_section && old && old->kind == KN_CONFIG_MAP && child->kind == KN_CONFIG_MAP) {
            old->place = child->place;
            old->key_place = child->key_place;
            merge(l, old, child, below);
        } else if (old) {
            const kn_place key_place = child->key_place;
            kn_config_replace(old, child);
            child->key_place = key_place;
        } else {
            kn_config_append(base, child);
        }
    }
}

static kn_config *load(loader *l, const char *path, const kn_config *asked, const chain *outer);

static kn_config *include_one(loader *l, const kn_config *entry, const chain *from)
{
    if (entry->kind != KN_CONFIG_SCALAR) {
        kn_fault_add(l->faults, KN_FAULT_INCLUDE, entry->place,
                     "'include' is the name of a file or a list of them");
        l->failed = 1;
        return NULL;
    }
    const char *base = entry->place.source->name;
    const size_t length = (size_t)(kn_path_name(base) - base);
    char *folder = kn_copy_bytes(base, length);
    char *path = folder ? kn_path_join(*folder ? folder : NULL, entry->text) : NULL;
    kn_config *found = path ? load(l, path, entry, from) : NULL;
    l->faults->failed |= !path;
    l->failed |= !found;
    kn_free(path);
    kn_free(folder);
    return found;
}

// What a file includes, later ones before earlier ones, then the file itself.
static kn_config *include_all(loader *l, kn_config *root, const chain *here)
{
    kn_config *include = kn_config_take(root, "include");
    kn_config *base = NULL;
    if (!include || include->kind == KN_CONFIG_NULL)
        return root;
    const int32_t list = include->kind == KN_CONFIG_LIST;
    for (kn_config *at = list ? include->first : include; at; at = list ? at->next : NULL) {
        kn_config *more = include_one(l, at, here);
        if (more && more->kind == KN_CONFIG_MAP && base)
            merge(l, base, more, l->schema);
        else if (more && more->kind == KN_CONFIG_MAP)
            base = more;
        else if (more && more->kind != KN_CONFIG_NULL)
            kn_fault_add(l->faults, KN_FAULT_INCLUDE, at->place,
                         "'%s' holds no keys and values to include", at->text);
    }
    if (!base)
        return root;
    merge(l, base, root, l->schema);
    base->place = root->place;
    return base;
}

// Where the reader found something wrong, what it could not know.
static kn_config *read_file(loader *l, const char *path)
{
    kn_config *root = kn_config_read(l->tree, path, l->faults);
    const kn_fault *last = root || !l->faults->count || l->faults->count > KN_FAULTS_SHOWN
                               ? NULL
                               : &l->faults->at[l->faults->count - 1];
    if (last && last->code == KN_FAULT_SYNTAX && last->excerpt && strstr(last->excerpt, "${"))
        kn_fault_hint(l->faults,
                      "within braces and brackets a variable stands in quotes: \"${name}\"");
    return root;
}

static kn_config *not_there(loader *l, const char *path, const kn_config *asked)
{
    char near[1024];
    if (asked)
        kn_fault_add(l->faults, KN_FAULT_INCLUDE, asked->place, "there is no file '%s'", path);
    kn_config *root = asked ? NULL : read_file(l, path); // a pipe has no path and can be read
    if (!root && kn_nearest_file(path, near, sizeof near))
        kn_fault_hint(l->faults, "did you mean '%s'?", near);
    return root;
}

static kn_config *load(loader *l, const char *path, const kn_config *asked, const chain *outer)
{
    char *real = realpath(path, NULL);
    const chain here = {real, outer, outer ? outer->depth + 1 : 0};
    kn_config *root = NULL;
    const chain *same = outer;
    while (real && same && strcmp(same->path, real))
        same = same->outer;
    if (!real)
        root = not_there(l, path, asked);
    else if (same)
        kn_fault_add(l->faults, KN_FAULT_INCLUDE, asked->place,
                     "'%s' includes itself, through this line", path);
    else if (here.depth > INCLUDE_DEPTH)
        kn_fault_add(l->faults, KN_FAULT_INCLUDE, asked->place,
                     "files include each other deeper than %d", INCLUDE_DEPTH);
    else
        root = read_file(l, path);
    if (root && root->kind == KN_CONFIG_MAP)
        root = include_all(l, root, &here);
    free(real);
    return root;
}

kn_config *kn_config_load(kn_config_tree *tree, const char *path, const kn_schema *schema,
                          kn_faults *faults)
{
    loader l = {.tree = tree, .schema = schema, .faults = faults};
    kn_config *root = load(&l, path, NULL, NULL);
    // Without an included file most of what is said afterwards would be wrong.
    return l.failed ? NULL : root;
}

/* --- variables -------------------------------------------------------------------------------- */

typedef struct {
    kn_config_tree *tree;
    const kn_config *vars;
    kn_faults *faults;
    int32_t depth;
    int32_t visited; // values, also those put in: variables in variables multiply
} variables;

static void put_below(variables *v, kn_config *node);

static void undefined(variables *v, kn_place place, const char *name)
{
    kn_nearest near = {.word = name};
    kn_text names = {0};
    kn_fault_add(v->faults, KN_FAULT_VARIABLE, place, "there is no variable '%s'", name);
    for (const kn_config *at = v->vars ? v->vars->first : NULL; at; at = at->next) {
        kn_nearest_offer(&near, at->key);
        kn_text_format(&names, "%s%s", names.length ? ", " : "", at->key);
    }
    if (near.best)
        kn_fault_hint(v->faults, "did you mean '%s'?", near.best);
    if (names.length)
        kn_fault_note(v->faults, "variables: %s", kn_text_get(&names));
    else
        kn_fault_note(v->faults, "define it at the top of the file: vars: {%s: ...}", name);
    kn_text_fini(&names);
}

// The value of a variable, with the variables in it put in. NULL: said in `faults`.
static kn_config *value_of(variables *v, kn_place place, const char *name)
{
    const kn_config *found = kn_config_get(v->vars, name);
    if (!found) {
        undefined(v, place, name);
        return NULL;
    }
    if (v->visited > KN_CONFIG_NODES)
        return NULL; // was said
    if (v->depth == VARIABLE_DEPTH) {
        kn_fault_add(v->faults, KN_FAULT_VARIABLE, place,
                     "the variable '%s' stands for itself, or too deep in others", name);
        return NULL;
    }
    kn_config *value = kn_config_copy(v->tree, found);
    if (!value) {
        v->faults->failed = 1;
        return NULL;
    }
    v->depth++;
    put_below(v, value);
    v->depth--;
    return value;
}

// What stands between the "${" at `at` and its brace, into `name`; its length, 0: no brace follows.
static size_t name_length(const char *at, char name[64])
{
    const size_t length = strcspn(at + 2, "}");
    if (!at[2 + length] || !length || length >= 64)
        return 0;
    snprintf(name, 64, "%.*s", (int)length, at + 2);
    return length + 3;
}

// "${units}" alone: the value itself, of whatever form.
static void put_whole(variables *v, kn_config *node, const char *name)
{
    const kn_config *value = value_of(v, node->place, name);
    if (!value)
        return;
    node->kind = value->kind;
    node->quoted = value->quoted;
    node->text = value->text;
    node->first = value->first;
    node->last = value->last;
    node->count = value->count;
    for (kn_config *child = node->first; child; child = child->next)
        child->parent = node;
}

// Variables in a text: one after the other, then the text takes the old one's place.
static void put_parts(variables *v, kn_config *node)
{
    char name[64];
    kn_text text = {0};
    for (const char *at = node->text; *at && text.length < VARIABLE_TEXT;) {
        const int32_t escaped = !strncmp(at, "$${", 3);
        const size_t length = !escaped && !strncmp(at, "${", 2) ? name_length(at, name) : 0;
        if (!length) {
            at += escaped;
            kn_text_add_bytes(&text, at++, 1);
            continue;
        }
        const kn_config *value = value_of(v, node->place, name);
        if (value && value->kind != KN_CONFIG_SCALAR)
            kn_fault_add(v->faults, KN_FAULT_VARIABLE, node->place,
                         "the variable '%s' is no text or number, so it cannot stand within one",
                         name);
        kn_text_add(&text, value ? value->text : "");
        at += length;
    }
    if (text.length >= VARIABLE_TEXT)
        kn_fault_add(v->faults, KN_FAULT_LARGE, node->place,
                     "with its variables put in the text is longer than %d", VARIABLE_TEXT);
    const char *made = text.failed ? NULL : kn_arena_text(&v->tree->arena, kn_text_get(&text));
    kn_text_fini(&text);
    v->faults->failed |= !made;
    node->text = made ? made : "";
}

static void put_below(variables *v, kn_config *node)
{
    char name[64];
    if (++v->visited == KN_CONFIG_NODES)
        kn_fault_add(v->faults, KN_FAULT_LARGE, node->place,
                     "with its variables put in the file has too many values");
    for (kn_config *child = node->first; child; child = child->next)
        put_below(v, child);
    if (node->kind != KN_CONFIG_SCALAR || !strstr(node->text, "${"))
        return;
    if (!strncmp(node->text, "${", 2) && name_length(node->text, name) == strlen(node->text))
        put_whole(v, node, name);
    else
        put_parts(v, node);
}

void kn_config_put_vars(kn_config_tree *tree, kn_config *root, kn_faults *faults)
{
    const kn_config *vars = kn_config_take(root, "vars");
    variables v = {.tree = tree, .vars = vars, .faults = faults};
    if (vars && vars->kind != KN_CONFIG_MAP && vars->kind != KN_CONFIG_NULL)
        kn_fault_add(faults, KN_FAULT_VARIABLE, vars->place,
                     "'vars' are names and values: {units: 64}");
    put_below(&v, root);
}

static int32_t is_echo(const kn_faults *faults, int32_t index)
{
    const kn_fault *f = &faults->at[index];
    for (int32_t i = 0; i < index; i++)
        if (faults->at[i].code == KN_FAULT_VARIABLE && f->code != KN_FAULT_VARIABLE &&
            ((kn_text_same(faults->at[i].file, f->file) && faults->at[i].line == f->line &&
              faults->at[i].column == f->column) ||
             (f->message && strstr(f->message, "'${"))))
            return 1;
    return 0;
}

void kn_config_drop_echoes(kn_faults *faults)
{
    int32_t kept = 0;
    if (faults->count > KN_FAULTS_SHOWN)
        return;
    for (int32_t i = 0; i < faults->count; i++) {
        const kn_fault f = faults->at[i];
        if (is_echo(faults, i)) {
            kn_fault_fini(&faults->at[i]);
            continue;
        }
        faults->at[i] = (kn_fault){0};
        faults->at[kept++] = f;
    }
    faults->count = kept;
}
