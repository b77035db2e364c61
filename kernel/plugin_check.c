/* plugin_check.c: everything a plugin states about itself is checked once, here. */
#include "kernel/plugin_check.h"

#include "kernel/interfaces.h"
#include "kernel/memory.h"
#include "kernel/text.h"

#include <math.h>
#include <string.h>

enum {
    LARGEST_PLUGIN = 1 << 12,   // bytes of a descriptor
    LARGEST_OPTION = 1 << 12,   // bytes of a row
    LARGEST_SETTINGS = 1 << 20, // bytes of a settings struct
    MOST_OPTIONS = 256,
    MOST_CHOICES = 256,
    LEAST_OPTION = offsetof(kaon_option, help) + sizeof(char *) // a row of ABI 0.1 ends with its help
};

/* --- options ---------------------------------------------------------------------------------- */

// What a kind of option fills. ORDER option
static const struct {
    const char *word;
    uint32_t bytes, align;
} kinds[] = {
    {NULL, 0, 0},
    {"int", sizeof(int64_t), _Alignof(int64_t)},
    {"float", sizeof(double), _Alignof(double)},
    {"bool", sizeof(int32_t), _Alignof(int32_t)},
    {"text", sizeof(char *), _Alignof(char *)},
    {"choice", sizeof(int32_t), _Alignof(int32_t)},
    {"ints", sizeof(kaon_ints), _Alignof(kaon_ints)},
    {"floats", sizeof(kaon_floats), _Alignof(kaon_floats)},
    {"texts", sizeof(kaon_texts), _Alignof(kaon_texts)},
    {"part", sizeof(kaon_part), _Alignof(kaon_part)},
    {"parts", sizeof(kaon_parts), _Alignof(kaon_parts)},
};

static int32_t line_or_absent(const char *text)
{
    return !text || kn_line_valid(text, strnlen(text, KN_LINE_BYTES + 1));
}

static kaon_status check_field(const kaon_option *o, uint32_t settings_size, kaon_diag *diag)
{
    if (o->kind < 1 || o->kind >= (int32_t)(sizeof kinds / sizeof *kinds))
        return kaon_fail(diag, KAON_TOO_NEW,
                         "option '%s' is of kind %d, which this kernel does not know", o->name,
                         o->kind);
    const uint32_t bytes = kinds[o->kind].bytes;
    if (o->offset % kinds[o->kind].align || o->offset > settings_size ||
        bytes > settings_size - o->offset)
        return kaon_fail(diag, KAON_INVALID,
                         "option '%s' fills %u bytes at offset %u, its settings have %u bytes",
                         o->name, bytes, o->offset, settings_size);
    return KAON_OK;
}

// The limits a row sets; infinite where it sets none.
static void limits_of(const kaon_option *o, double *low, double *high)
{
    const int32_t none = o->min == 0 && o->max == 0;
    *low = none || (o->max < o->min && o->min == 0) ? -INFINITY : o->min;
    *high = none || (o->max < o->min && o->max == 0) ? INFINITY : o->max;
}

static kaon_status check_limits(const kaon_option *o, kaon_diag *diag)
{
    double low, high;
    limits_of(o, &low, &high);
    if (!(low <= high) || o->min_count < 0 || (o->max_count && o->max_count < o->min_count))
        return kaon_fail(diag, KAON_INVALID, "option '%s' has limits nothing can meet", o->name);
    const int32_t number = o->kind == KAON_OPTION_INT || o->kind == KAON_OPTION_FLOAT;
    if (!number || (o->flags & KAON_OPTION_REQUIRED))
        return KAON_OK;

    const double value = o->kind == KAON_OPTION_INT ? (double)o->integer : o->number;
    const int32_t above = value > low || (value == low && !(o->flags & KAON_OPTION_OPEN_MIN));
    const int32_t below = value < high || (value == high && !(o->flags & KAON_OPTION_OPEN_MAX));
    if ((above || isinf(low)) && (below || isinf(high)))
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID,
                     "the default %g of option '%s' is not in its range %g to %g", value, o->name,
                     low, high);
}

static kaon_status check_choices(const kaon_option *o, kaon_diag *diag)
{
    int64_t count = 0;
    if (o->kind != KAON_OPTION_CHOICE)
        return KAON_OK;
    while (o->choices && count <= MOST_CHOICES && o->choices[count]) {
        if (!o->choices[count][0] || !line_or_absent(o->choices[count]))
            return kaon_fail(diag, KAON_INVALID, "choice %lld of option '%s' is no line of UTF-8",
                             (long long)count, o->name);
        count++;
    }
    if (count == 0 || count > MOST_CHOICES)
        return kaon_fail(diag, KAON_INVALID, "option '%s' has no choices, or more than %d", o->name,
                         MOST_CHOICES);
    if (!(o->flags & KAON_OPTION_REQUIRED) && (o->integer < 0 || o->integer >= count))
        return kaon_fail(diag, KAON_INVALID, "the default of option '%s' is choice %lld of %lld",
                         o->name, (long long)o->integer, (long long)count);
    return KAON_OK;
}

static kaon_status check_texts(const kaon_option *o, kaon_diag *diag)
{
    const int32_t part = o->kind == KAON_OPTION_PART || o->kind == KAON_OPTION_PARTS;
    if (part && (!o->interface_id ||
                 !kn_id_valid(o->interface_id, strnlen(o->interface_id, KN_ID_BYTES + 1))))
        return kaon_fail(diag, KAON_INVALID, "option '%s' names no interface for its parts",
                         o->name);
    if (!o->help || !line_or_absent(o->help) || !line_or_absent(o->unit))
        return kaon_fail(diag, KAON_INVALID,
                         "option '%s' has no help, or none in one line of UTF-8", o->name);
    if (o->text && !kn_utf8_valid(o->text, strnlen(o->text, LARGEST_SETTINGS)))
        return kaon_fail(diag, KAON_INVALID, "the default of option '%s' is not UTF-8", o->name);
    return KAON_OK;
}

static const kaon_option *row_at(const kaon_option *first, uint32_t stride, int64_t index)
{
    return (const kaon_option *)(const void *)((const char *)first + index * (int64_t)stride);
}

// What the row of an older plugin lacks is zero.
static kaon_option full_row(const kaon_option *given, uint32_t stride)
{
    kaon_option full = {0};
    memcpy(&full, given, stride < sizeof full ? stride : sizeof full);
    return full;
}

// A row the kernel knows less of than the plugin does must not use what the kernel does not know.
static kaon_status check_size(const kaon_option *o, uint32_t stride, kaon_diag *diag)
{
    const char *end = (const char *)o + stride;
    if (o->size != stride)
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "a row of its options claims %u bytes; the first has %u", o->size, stride);
    for (const char *tail = (const char *)(o + 1); tail < end; tail++)
        if (*tail)
            return kaon_fail(diag, KAON_TOO_NEW,
                             "option '%s' uses fields this kernel does not know", o->name);
    return KAON_OK;
}

static kaon_status check_option(const kaon_option *options, int64_t index, uint32_t settings_size,
                                kaon_diag *diag)
{
    const uint32_t stride = options->size;
    const kaon_option full = full_row(row_at(options, stride, index), stride), *o = &full;
    if (!kn_name_valid(o->name, strnlen(o->name, KN_NAME_BYTES + 1)))
        return kaon_fail(
            diag, KAON_INVALID,
            "the name of option %lld is not lower case letters, digits and underscores",
            (long long)index + 1);
    KAON_TRY(check_size(row_at(options, stride, index), stride, diag));
    for (int64_t i = 0; i < index; i++)
        if (strcmp(row_at(options, stride, i)->name, o->name) == 0)
            return kaon_fail(diag, KAON_INVALID, "option '%s' is declared twice", o->name);
    KAON_TRY(check_field(o, settings_size, diag));
    KAON_TRY(check_limits(o, diag));
    KAON_TRY(check_choices(o, diag));
    return check_texts(o, diag);
}

kaon_status kn_options_check(const kaon_option *options, uint32_t settings_size, kaon_diag *diag)
{
    if (settings_size > LARGEST_SETTINGS)
        return kaon_fail(diag, KAON_INVALID, "its settings claim %u bytes, at most %d are allowed",
                         settings_size, LARGEST_SETTINGS);
    if (!options || !options->name)
        return KAON_OK;
    if (options->size < LEAST_OPTION || options->size > LARGEST_OPTION ||
        options->size % _Alignof(kaon_option))
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "the first row of its options claims %u bytes; allowed are %zu to %d, in "
                         "steps of %zu",
                         options->size, (size_t)LEAST_OPTION, LARGEST_OPTION,
                         _Alignof(kaon_option));
    for (int64_t i = 0; row_at(options, options->size, i)->name; i++) {
        if (i == MOST_OPTIONS)
            return kaon_fail(diag, KAON_INVALID, "it has more than %d options, or no end of them",
                             MOST_OPTIONS);
        KAON_TRY(check_option(options, i, settings_size, diag));
    }
    return KAON_OK;
}

kaon_status kn_options_fill(const kaon_option **options, kaon_diag *diag)
{
    const kaon_option *given = *options;
    if (!given || !given->name || given->size >= sizeof *given)
        return KAON_OK;
    size_t count = 0;
    while (row_at(given, given->size, (int64_t)count)->name)
        count++;
    kaon_option *full = kn_alloc_array(count + 1, sizeof *full);
    if (!full)
        return kn_no_memory(diag, "options");
    for (size_t i = 0; i < count; i++) {
        full[i] = full_row(row_at(given, given->size, (int64_t)i), given->size);
        full[i].size = sizeof *full;
    }
    *options = full;
    return KAON_OK;
}

/* --- items ------------------------------------------------------------------------------------ */

static kaon_status check_table(const kaon_item *item, kaon_diag *diag)
{
    const kaon_head *head = item->table;
    const kn_interface *interface = kn_interface_find(item->interface_id);
    if (!head)
        return kaon_fail(diag, KAON_INVALID, "it has no table");
    if (!interface)
        return KAON_OK; // for a newer kernel; of no use here, of no harm either

    void *full = kn_alloc(interface->size);
    if (!full)
        return kn_no_memory(diag, "a table");
    const kaon_status status = kn_interface_fill(interface, head, full, diag);
    kn_free(full);
    KAON_TRY(status);
    if (!head->help || !line_or_absent(head->help))
        return kaon_fail(diag, KAON_INVALID, "it has no help, or none in one line of UTF-8");
    return kn_options_check(head->options, head->settings_size, diag);
}

static kaon_status check_item(const kaon_item *item, const kn_note_pair *note, kaon_diag *diag)
{
    char word[KN_ID_BYTES];
    if (!item->interface_id || !item->name || strcmp(item->interface_id, note->interface_id) != 0 ||
        strcmp(item->name, note->name) != 0)
        return kaon_fail(diag, KAON_INVALID, "it contradicts its note, which says %s '%s'",
                         note->interface_id, note->name);
    const kaon_status status = check_table(item, diag);
    return kaon_context(diag, status, "%s '%s'",
                        kn_interface_word(note->interface_id, word, sizeof word), note->name);
}

// Two items of one kind and name in one plugin: which of them would be meant?
static kaon_status check_twice(const kn_note *note, int64_t index, kaon_diag *diag)
{
    const kn_note_pair *one = &note->items[index];
    for (int64_t i = 0; i < index; i++)
        if (strcmp(one->name, note->items[i].name) == 0 &&
            strcmp(one->interface_id, note->items[i].interface_id) == 0)
            return kaon_fail(diag, KAON_INVALID, "it offers %s '%s' twice", one->interface_id,
                             one->name);
    return KAON_OK;
}

static kaon_status check_items(const kaon_plugin *plugin, const kn_note *note, kaon_diag *diag)
{
    if (!plugin->items)
        return kaon_fail(diag, KAON_INVALID, "its descriptor has no items");
    for (int64_t i = 0; i < note->item_count; i++) {
        const kaon_item *item = &plugin->items[i];
        if (!item->interface_id)
            return kaon_fail(diag, KAON_INVALID, "it offers %lld items, its note names %lld",
                             (long long)i, (long long)note->item_count);
        KAON_TRY(check_twice(note, i, diag));
        KAON_TRY(check_item(item, &note->items[i], diag));
    }
    if (plugin->items[note->item_count].interface_id)
        return kaon_fail(diag, KAON_INVALID,
                         "it offers more items than the %lld of its note, or has no end of them",
                         (long long)note->item_count);
    return KAON_OK;
}

/* --- the descriptor --------------------------------------------------------------------------- */

static kaon_status copy_descriptor(const kaon_plugin *plugin, kaon_plugin *out, kaon_diag *diag)
{
    const uint32_t size = plugin->size;
    const size_t least = offsetof(kaon_plugin, init); // all before it is mandatory
    if (size < least || size > LARGEST_PLUGIN || size % sizeof(uint32_t))
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "its descriptor claims %u bytes; allowed are %zu to %d, in steps of four",
                         size, least, LARGEST_PLUGIN);
    const char *bytes = (const char *)plugin;
    for (size_t i = sizeof *plugin; i < size; i++)
        if (bytes[i])
            return kaon_fail(
                diag, KAON_TOO_NEW,
                "its descriptor uses fields this kernel does not know (it has %u bytes, "
                "this kernel knows %zu)",
                size, sizeof *plugin);
    memset(out, 0, sizeof *out);
    memcpy(out, plugin, size < sizeof *out ? size : sizeof *out);
    out->size = sizeof *out;
    return KAON_OK;
}

static kaon_status compare_texts(const kaon_plugin *plugin, const kn_note *note, kaon_diag *diag)
{
    const struct {
        const char *word, *said, *noted;
    } rows[] = {
        {"name", plugin->name, note->name},
        {"version", plugin->version, note->version},
        {"licence", plugin->license, note->license},
        {"summary", plugin->summary, note->summary},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].said)
            return kaon_fail(diag, KAON_INVALID, "its descriptor has no %s", rows[i].word);
        if (strncmp(rows[i].said, rows[i].noted, KN_LINE_BYTES + 1) != 0)
            return kaon_fail(diag, KAON_INVALID,
                             "its descriptor contradicts its note: the %s there is '%.64s'",
                             rows[i].word, rows[i].noted);
    }
    return KAON_OK;
}

kaon_status kn_plugin_check(const kaon_plugin *plugin, const kn_note *note, kaon_plugin *out,
                            kaon_diag *diag)
{
    if (!plugin)
        return kaon_fail(diag, KAON_INVALID, KAON_ENTRY_NAME " returned NULL");
    KAON_TRY(copy_descriptor(plugin, out, diag));
    KAON_TRY(kn_abi_check(out->abi, diag));
    if (out->abi != note->abi)
        return kaon_fail(diag, KAON_INVALID, "its descriptor contradicts its note about the ABI");
    KAON_TRY(compare_texts(out, note, diag));
    return check_items(out, note, diag);
}
