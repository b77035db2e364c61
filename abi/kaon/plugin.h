/* plugin.h: what makes a shared object a Kaon plugin.
 *
 * A plugin is one shared object, kaon_<name>.so, that exports one symbol, kaon_plugin_entry, and
 * carries the same facts in an ELF note, so that a scan runs none of its code. Both come from one
 * macro at the end of the plugin's source:
 *
 *     #define ITEMS(item)                        \
 *         item(KAON_LAYER, "lorentz", &lorentz)
 *
 *     KAON_PLUGIN("lorentz", "1.0.0", "BSD-3-Clause",
 *                 "squared masses of learned sums of four-momenta", ITEMS, NULL)
 *
 * Several items stand one after the other, without commas. The last argument is a function
 *     kaon_status init(const kaon_host *host, kaon_diag *diag)   [init]
 * called once, before any item is used, or NULL. The entry itself is pure.
 */
#ifndef KAON_PLUGIN_H
#define KAON_PLUGIN_H

#include <kaon/base.h>
#include <kaon/option.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every interface table begins with this head, so that the registry and the configuration treat all
 * items alike. It never grows. */
typedef struct kaon_head {
    uint32_t size;          // of the whole table
    uint32_t settings_size; // of the struct that `options` fills, 0 if there is none
    const kaon_option *options; // ends with {0}; NULL: none
    const char *help;           // one line, lower case, no full stop
} kaon_head;

// One thing a plugin offers. An array of items ends with {0}.
typedef struct kaon_item {
    const char *interface_id; // "kaon.layer/1"
    const char *name;         // "dense": lower case letters, digits, underscores
    const void *table;        // static; begins with kaon_head
} kaon_item;

typedef struct kaon_plugin {
    uint32_t size;
    uint32_t abi; // KAON_ABI_TARGET at its build
    const char *name;
    const char *version; // "1.0.0"
    const char *license; // SPDX
    const char *summary; // one line
    const kaon_item *items;
    kaon_status (*init)(const kaon_host *host, kaon_diag *diag); // may be NULL [init]
} kaon_plugin;

typedef const kaon_plugin *kaon_plugin_entry_fn(void);

#define KAON_ENTRY_NAME "kaon_plugin_entry"

/* The note: owner "Kaon", type 1, in section .note.kaon. Its description is the ABI as four bytes in
 * the machine's order, then texts each ended by a zero byte: name, version, licence, summary, and per
 * item its interface and its name. */
#define KAON_NOTE_SECTION ".note.kaon"
#define KAON_NOTE_OWNER   "Kaon"
#define KAON_NOTE_TYPE    1

#define KAON_NOTE_ITEM(id, name, table)  id "\0" name "\0"
#define KAON_TABLE_ITEM(id, name, table) {id, name, table},

#ifdef __cplusplus
#define KAON_EXTERN extern "C"
#else
#define KAON_EXTERN extern
#endif

#if defined(__GNUC__)
#define KAON_EXPORT    __attribute__((visibility("default")))
#define KAON_IN_NOTE   __attribute__((section(KAON_NOTE_SECTION), used, aligned(4)))
#else
#define KAON_EXPORT
#define KAON_IN_NOTE
#endif

#define KAON_PLUGIN(plugin_name, plugin_version, plugin_license, plugin_summary, list, init_call)  \
    static const kaon_item kaon_plugin_items[] = {list(KAON_TABLE_ITEM){NULL, NULL, NULL}};        \
    static const kaon_plugin kaon_plugin_self = {sizeof(kaon_plugin), KAON_ABI_TARGET,             \
                                                 plugin_name,         plugin_version,              \
                                                 plugin_license,      plugin_summary,              \
                                                 kaon_plugin_items,   init_call};                  \
    static const struct {                                                                          \
        uint32_t owner_size, text_size, type;                                                      \
        char owner[8];                                                                             \
        uint32_t abi;                                                                              \
        char text[sizeof(plugin_name "\0" plugin_version "\0" plugin_license "\0" plugin_summary   \
                                     "\0" list(KAON_NOTE_ITEM))];                                  \
    } kaon_plugin_note KAON_IN_NOTE = {                                                            \
        sizeof KAON_NOTE_OWNER,                                                                    \
        (uint32_t)sizeof(uint32_t) + (uint32_t)sizeof kaon_plugin_note.text,                       \
        KAON_NOTE_TYPE,                                                                            \
        KAON_NOTE_OWNER,                                                                           \
        KAON_ABI_TARGET,                                                                           \
        plugin_name "\0" plugin_version "\0" plugin_license "\0" plugin_summary "\0" list(         \
            KAON_NOTE_ITEM)};                                                                      \
    KAON_EXTERN KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void);                            \
    KAON_EXTERN KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void)                             \
    {                                                                                              \
        return &kaon_plugin_self;                                                                  \
    }

#ifdef __cplusplus
}
#endif
#endif
