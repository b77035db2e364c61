/* config_write.c: a tree as block YAML, for people, and as JSON on one line, for files. */
#include "experiment/config_write.h"

#include <string.h>

#include "kernel/decimal.h"

enum { INDENT = 2, FLOW_WIDTH = 72, ORIGIN_COLUMN = 48 };

/* --- scalars ---------------------------------------------------------------------------------- */

static void write_quoted(const char *text, kn_text *out)
{
    kn_text_add(out, "\"");
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            kn_text_format(out, "\\%c", c);
        else if (c == '\n')
            kn_text_add(out, "\\n");
        else if (c == '\t')
            kn_text_add(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            kn_text_format(out, "\\u%04x", c);
        else
            kn_text_add_bytes(out, text, 1);
    }
    kn_text_add(out, "\"");
}

// 1 if the text means itself without quotes, wherever it stands.
static int32_t is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_./+*^()<>=-";
    static const char first[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+(-";
    if (!*text || !strchr(first, *text) || strspn(text, safe) != strlen(text))
        return 0;
    if (*text == '-' && (text[1] < '0' || text[1] > '9') && text[1] != '.')
        return 0;
    return strcmp(text, "null") && strcmp(text, "Null") && strcmp(text, "NULL");
}

// 1 if the text would be taken for a number or for true or false.
static int32_t is_ambiguous(const char *text)
{
    double number;
    int32_t truth;
    const kn_config bare = {.kind = KN_CONFIG_SCALAR, .text = text};
    return kn_parse_double(text, &number) || kn_config_bool(&bare, &truth);
}

static void write_scalar(const kn_config *node, kn_text *out)
{
    if (node->kind == KN_CONFIG_NULL)
        kn_text_add(out, "null");
    else if (is_plain(node->text) && !(node->quoted && is_ambiguous(node->text)))
        kn_text_add(out, node->text);
    else
        write_quoted(node->text, out);
}

static void write_key(const char *key, kn_text *out)
{
    if (is_plain(key))
        kn_text_add(out, key);
    else
        write_quoted(key, out);
}

/* --- YAML ------------------------------------------------------------------------------------- */

static int32_t is_leaf(const kn_config *node)
{
    return node->kind <= KN_CONFIG_SCALAR || !node->count;
}

// 1 if a list or map is short enough for one line and holds nothing but scalars.
static int32_t fits_line(const kn_config *node)
{
    size_t width = 0;
    if (node->kind == KN_CONFIG_MAP && node->count > 1)
        return 0;
    for (const kn_config *child = node->first; child; child = child->next) {
        if (!is_leaf(child) || child->is_default != node->first->is_default)
            return 0;
        width += strlen(child->text) + 4 + (child->key ? strlen(child->key) : 0);
    }
    return width < FLOW_WIDTH;
}

static void write_flow(const kn_config *node, kn_text *out)
{
    if (node->kind <= KN_CONFIG_SCALAR) {
        write_scalar(node, out);
        return;
    }
    const int32_t list = node->kind == KN_CONFIG_LIST;
    kn_text_add(out, list ? "[" : "{");
    for (const kn_config *child = node->first; child; child = child->next) {
        kn_text_add(out, child == node->first ? "" : ", ");
        if (!list) {
            write_key(child->key, out);
            kn_text_add(out, ": ");
        }
        write_flow(child, out);
    }
    kn_text_add(out, list ? "]" : "}");
}

static void write_blanks(int32_t count, kn_text *out)
{
    kn_text_format(out, "%*s", (int)count, "");
}

// Behind a value: "# default", or where it came from.
static void write_comment(const kn_config *node, size_t line, int32_t origins, kn_text *out)
{
    const int32_t inside = node->first && node->first->is_default && fits_line(node);
    const kn_place *place = &node->place;
    const int32_t is_default = node->is_default || inside;
    if (is_default || (origins && place->source)) {
        const size_t length = out->length - line;
        const int blanks = origins && length < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - length) : 2;
        kn_text_format(out, "%*s# ", blanks, "");
    }
    if (is_default)
        kn_text_add(out, "default");
    else if (origins && place->source && *place->source->name == '-')
        kn_text_format(out, "%s %s", place->source->name, place->source->text);
    else if (origins && place->source)
        kn_text_format(out, "%s:%d", place->source->name, (int)place->line);
    kn_text_add(out, "\n");
}

static void write_block(const kn_config *node, int32_t indent, int32_t origins, kn_text *out);

// What stands behind "key:" or "-"; `step` is the indentation of what lies below, `line` where the
// line begins.
static void write_value(const kn_config *node, size_t line, int32_t step, int32_t origins,
                        kn_text *out)
{
    if (is_leaf(node) || fits_line(node)) {
        kn_text_add(out, " ");
        write_flow(node, out);
        write_comment(node, line, origins, out);
        return;
    }
    if (origins)
        write_comment(node, line, origins, out);
    else
        kn_text_add(out, node->is_default ? "  # default\n" : "\n");
    write_block(node, step, origins, out);
}

static void write_block(const kn_config *node, int32_t indent, int32_t origins, kn_text *out)
{
    const int32_t list = node->kind == KN_CONFIG_LIST;
    for (const kn_config *child = node->first; child; child = child->next) {
        const size_t line = out->length;
        write_blanks(indent, out);
        if (!list) {
            write_key(child->key, out);
            kn_text_add(out, ":");
            write_value(child, line, indent + INDENT, origins, out);
        } else if (child->kind == KN_CONFIG_MAP && child->count && !fits_line(child)) {
            // The first key of a map follows the dash: "- network:".
            kn_text block = {0};
            write_block(child, indent + INDENT, origins, &block);
            kn_text_add(out, "- ");
            kn_text_add(out, kn_text_get(&block) + (block.length ? indent + INDENT : 0));
            out->failed |= block.failed;
            kn_text_fini(&block);
        } else {
            kn_text_add(out, "-");
            write_value(child, line, indent + INDENT, origins, out);
        }
    }
}

static void write_yaml(const kn_config *node, int32_t origins, kn_text *out)
{
    if (is_leaf(node)) {
        write_flow(node, out);
        kn_text_add(out, "\n");
        return;
    }
    write_block(node, 0, origins, out);
}

void kn_config_write_yaml(const kn_config *node, kn_text *out)
{
    write_yaml(node, 0, out);
}

void kn_config_write_origins(const kn_config *node, kn_text *out)
{
    write_yaml(node, 1, out);
}

/* --- JSON ------------------------------------------------------------------------------------- */

// Exactly JSON's grammar of numbers: YAML reads more than JSON does.
static int32_t is_json_number(const char *text)
{
    const char *at = text + (*text == '-');
    const size_t whole = strspn(at, "0123456789");
    if (!whole || (whole > 1 && *at == '0'))
        return 0;
    at += whole;
    if (*at == '.') {
        const size_t digits = strspn(++at, "0123456789");
        if (!digits)
            return 0;
        at += digits;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        const size_t digits = strspn(at, "0123456789");
        if (!digits)
            return 0;
        at += digits;
    }
    return !*at;
}

void kn_config_write_json(const kn_config *node, kn_text *out)
{
    if (node->kind == KN_CONFIG_NULL) {
        kn_text_add(out, "null");
        return;
    }
    if (node->kind == KN_CONFIG_SCALAR) {
        const int32_t bare =
            !node->quoted && (is_json_number(node->text) || !strcmp(node->text, "true") ||
                              !strcmp(node->text, "false"));
        if (bare)
            kn_text_add(out, node->text);
        else
            write_quoted(node->text, out);
        return;
    }
    const int32_t list = node->kind == KN_CONFIG_LIST;
    kn_text_add(out, list ? "[" : "{");
    for (const kn_config *child = node->first; child; child = child->next) {
        kn_text_add(out, child == node->first ? "" : ", ");
        if (!list) {
            write_quoted(child->key, out);
            kn_text_add(out, ": ");
        }
        kn_config_write_json(child, out);
    }
    kn_text_add(out, list ? "]" : "}");
}
