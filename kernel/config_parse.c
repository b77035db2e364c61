/* config_parse.c: libyaml's events into a tree; everything a configuration has no use for is
 * refused. */
#include "kernel/config_tree.h"

#include <string.h>
#include <yaml.h>

#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

typedef struct {
    kn_config_tree *tree;
    const kn_config_source *source;
    kn_faults *faults;
    kn_config *root;
    kn_config *open; // the innermost list or map
    const char *key; // read, its value comes next
    kn_place key_place;
    int32_t depth;
    int32_t nodes;
    int32_t documents;
    int32_t failed; // stop: a fault that leaves nothing to go on with
} parser;

kn_config_source *kn_config_source_new(kn_config_tree *tree, const char *name, const char *text,
                                       size_t bytes)
{
    kn_config_source *source = kn_arena_take(&tree->arena, sizeof *source);
    char *copy = kn_arena_take(&tree->arena, bytes + 1);
    if (!source || !copy)
        return NULL;
    memcpy(copy, text, bytes);
    *source = (kn_config_source){kn_arena_text(&tree->arena, name), copy, bytes};
    return source->name ? source : NULL;
}

static kn_place place_of(const parser *p, const yaml_mark_t *start, const yaml_mark_t *end)
{
    int32_t length = 1;
    if (end->line == start->line && end->column > start->column)
        length = (int32_t)(end->column - start->column);
    return (kn_place){p->source, (int32_t)start->line + 1, (int32_t)start->column + 1, length};
}

static void stop(parser *p, int32_t code, kn_place place, const char *message)
{
    kn_fault_add(p->faults, code, place, "%s", message);
    p->failed = 1;
}

static void no_memory(parser *p)
{
    p->faults->failed = 1;
    p->failed = 1;
}

/* --- events ----------------------------------------------------------------------------------- */

static int32_t is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(text, words[i]))
            return 1;
    return 0;
}

// Hangs a node where the parser stands: as the root, into the open list or under the key just read.
static kn_config *attach(parser *p, int32_t kind, kn_place place)
{
    kn_config *node = kn_config_node_new(p->tree, kind);
    if (!node) {
        no_memory(p);
        return NULL;
    }
    if (++p->nodes > KN_CONFIG_NODES) {
        stop(p, KN_FAULT_LARGE, place, "the text has too many values");
        return NULL;
    }
    node->place = place;
    if (!p->open) {
        p->root = node;
        return node;
    }
    node->key = p->key;
    node->key_place = p->key_place;
    p->key = NULL;
    return kn_config_append(p->open, node);
}

static int32_t expects_key(const parser *p)
{
    return p->open && p->open->kind == KN_CONFIG_MAP && !p->key;
}

static void on_open(parser *p, int32_t kind, kn_place place)
{
    if (expects_key(p)) {
        stop(p, KN_FAULT_SYNTAX, place, "a list or map cannot be a key; a key is one word");
        return;
    }
    if (++p->depth > KN_CONFIG_DEPTH) {
        stop(p, KN_FAULT_DEPTH, place, "lists and maps lie deeper than 64 in each other");
        return;
    }
    kn_config *node = attach(p, kind, place);
    if (node)
        p->open = node;
}

static void on_key(parser *p, const char *text, kn_place place)
{
    if (!*text) {
        stop(p, KN_FAULT_SYNTAX, place, "a key is missing before ':'");
        return;
    }
    const kn_config *before = kn_config_get(p->open, text);
    if (before) {
        kn_fault_add(p->faults, KN_FAULT_DUPLICATE, place, "the key '%s' stands twice in one map",
                     text);
        kn_fault_hint(p->faults, "the first one is in line %d", (int)before->key_place.line);
    }
    p->key = kn_arena_text(&p->tree->arena, text);
    p->key_place = place;
    if (!p->key)
        no_memory(p);
}

static void on_scalar(parser *p, const yaml_event_t *event, kn_place place)
{
    const char *text = (const char *)event->data.scalar.value;
    const int32_t quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (strlen(text) != event->data.scalar.length) {
        stop(p, KN_FAULT_BYTES, place, "a text holds a zero byte");
        return;
    }
    if (expects_key(p)) {
        on_key(p, text, place);
        return;
    }
    const int32_t null = !quoted && is_null(text);
    kn_config *node = attach(p, null ? KN_CONFIG_NULL : KN_CONFIG_SCALAR, place);
    if (!node)
        return;
    if (null && node->key && !*text)
        node->place = node->key_place; // nothing to point at: point at the key
    node->quoted = quoted;
    node->text = kn_arena_text(&p->tree->arena, null ? "" : text);
    if (!node->text)
        no_memory(p);
}

// Anchors and tags sit on scalars, lists and maps alike.
static int32_t is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static void on_event(parser *p, const yaml_event_t *event)
{
    const kn_place place = place_of(p, &event->start_mark, &event->end_mark);
    if (is_decorated(event)) {
        stop(p, KN_FAULT_ALIAS, place, "anchors (&), aliases (*) and tags (!) are not used here");
        kn_fault_hint(p->faults, "write the value out, or put it in quotes if it is a text");
        return;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++p->documents > 1)
            stop(p, KN_FAULT_SYNTAX, place, "a second document begins; one file is one document");
        return;
    case YAML_SCALAR_EVENT:
        on_scalar(p, event, place);
        return;
    case YAML_SEQUENCE_START_EVENT:
        on_open(p, KN_CONFIG_LIST, place);
        return;
    case YAML_MAPPING_START_EVENT:
        on_open(p, KN_CONFIG_MAP, place);
        return;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        p->depth--;
        p->open = p->open->parent;
        return;
    default:
        return;
    }
}

/* --- the parser ------------------------------------------------------------------------------- */

// libyaml's words for the most common mistakes, and what to do about them.
static const struct {
    const char *problem;
    const char *hint;
} advice[] = {
    {"did not find expected key", "is this line indented as the ones beside it?"},
    {"mapping values are not allowed in this context",
     "a second ':' in one line, or the line above is not indented as it should be"},
    {"found character that cannot start any token",
     "tabs do not indent in YAML, and %, @, ` begin no plain text: use blanks, or quotes"},
    {"did not find expected ',' or ']'", "a bracket '[' is not closed, or a comma is missing"},
    {"did not find expected ',' or '}'", "a brace '{' is not closed, or a comma is missing"},
    {"could not find expected ':'", "a key is followed by ': ' and its value"},
    {"did not find expected '-' indicator", "entries of a list begin with '- ' in one column"},
    {"found unexpected end of stream", "a quote is not closed"},
    {"did not find expected node content", "a value is missing here"},
};

static void on_syntax(parser *p, const yaml_parser_t *yaml)
{
    if (yaml->error == YAML_MEMORY_ERROR) {
        no_memory(p);
        return;
    }
    const char *problem = yaml->problem ? yaml->problem : "it cannot be read";
    kn_place place = place_of(p, &yaml->problem_mark, &yaml->problem_mark);
    if (yaml->error == YAML_READER_ERROR) { // has an offset, no mark
        place.line = 1;
        place.column = 1;
        for (size_t i = 0; i < yaml->problem_offset && i < p->source->bytes; i++) {
            place.column = p->source->text[i] == '\n' ? 1 : place.column + 1;
            place.line += p->source->text[i] == '\n';
        }
    }
    kn_fault_add(p->faults, KN_FAULT_SYNTAX, place, "this is not YAML: %s", problem);
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
        if (!strcmp(advice[i].problem, problem))
            kn_fault_hint(p->faults, "%s", advice[i].hint);
    if (yaml->context && yaml->context_mark.line != yaml->problem_mark.line)
        kn_fault_note(p->faults, "%s that began in line %d", yaml->context,
                      (int)yaml->context_mark.line + 1);
    p->failed = 1;
}

static void run(parser *p, yaml_parser_t *yaml)
{
    for (int32_t done = 0; !done && !p->failed;) {
        yaml_event_t event;
        if (!yaml_parser_parse(yaml, &event)) {
            on_syntax(p, yaml);
            return;
        }
        on_event(p, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

static int32_t is_fit(parser *p, const char *text, size_t bytes)
{
    const kn_place start = {p->source, 0, 0, 0};
    if (bytes > KN_CONFIG_BYTES)
        stop(p, KN_FAULT_LARGE, start, "the text is larger than 4 MiB");
    else if (!kn_utf8_valid(text, bytes))
        stop(p, KN_FAULT_BYTES, start, "the text is not UTF-8");
    return !p->failed;
}

kn_config *kn_config_parse_source(kn_config_tree *tree, const kn_config_source *source,
                                  const char *text, size_t bytes, kn_faults *faults)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    parser p = {.tree = tree, .source = source, .faults = faults};
    yaml_parser_t yaml;
    if (!is_fit(&p, text, bytes))
        return NULL;
    if (bytes >= 3 && !memcmp(text, byte_order_mark, 3)) {
        text += 3;
        bytes -= 3;
    }
    if (!yaml_parser_initialize(&yaml)) {
        faults->failed = 1;
        return NULL;
    }
    yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&yaml, (const unsigned char *)text, bytes);
    run(&p, &yaml);
    yaml_parser_delete(&yaml);
    if (p.failed)
        return NULL;
    if (!p.root)
        p.root = kn_config_node_new(tree, KN_CONFIG_NULL);
    if (!p.root)
        faults->failed = 1;
    else if (!p.root->place.source)
        p.root->place.source = source;
    return p.root;
}

kn_config *kn_config_parse(kn_config_tree *tree, const char *name, const char *text, size_t bytes,
                           kn_faults *faults)
{
    const size_t kept = bytes > KN_CONFIG_BYTES ? 0 : bytes;
    const kn_config_source *source = kn_config_source_new(tree, name, text, kept);
    if (!source) {
        faults->failed = 1;
        return NULL;
    }
    return kn_config_parse_source(tree, source, kept == bytes ? source->text : text, bytes, faults);
}

kn_config *kn_config_read(kn_config_tree *tree, const char *path, kn_faults *faults)
{
    void *data = NULL;
    size_t bytes = 0;
    kn_diag fault;
    kn_diag_init(&fault);
    if (kn_file_read(path, KN_CONFIG_BYTES, &data, &bytes, &fault.diag)) {
        kn_fault_add(faults, KN_FAULT_FILE, (kn_place){0}, "%s", fault.text);
        return NULL;
    }
    kn_config *root = kn_config_parse(tree, path, data, bytes, faults);
    kn_free(data);
    return root;
}
