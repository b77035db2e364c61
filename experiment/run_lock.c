/* run_lock.c: lock.json of a run: what its numbers depend on beside its configuration. */
#include "experiment/run_lock.h"

#include <kaon/backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "data/file_sum.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/registry.h"
#include "kernel/text.h"

void kn_text_sum(const void *text, size_t bytes, char hex[KN_SHA256_HEX])
{
    kn_sha256 sum;
    kn_sha256_init(&sum);
    kn_sha256_add(&sum, text, bytes);
    kn_sha256_hex(&sum, hex);
}

/* --- making ----------------------------------------------------------------------------------- */

// The first processor's name, as Linux tells it; "" elsewhere.
static void cpu_name(char *out, size_t room)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    *out = 0;
    while (file && !*out && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon)
            continue;
        snprintf(out, room, "%s", colon + 1 + strspn(colon + 1, " "));
        out[strcspn(out, "\n")] = 0;
    }
    if (file)
        fclose(file);
}

static json_t *machine_json(void)
{
    struct utsname system = {0};
    char cpu[128], words[sizeof system.sysname + sizeof system.release + sizeof system.machine];
    uname(&system);
    cpu_name(cpu, sizeof cpu);
    snprintf(words, sizeof words, "%s %s %s", system.sysname, system.release, system.machine);
    return json_pack("{s:s, s:s, s:s, s:i}", "host", system.nodename, "system", words, "cpu", cpu,
                     "cores", (int)sysconf(_SC_NPROCESSORS_ONLN));
}

// The process may have loaded more than this run needs.
static int32_t is_needed(const kn_run_lock_facts *facts, const kn_plugin_info *plugin)
{
    if (plugin->state != KN_PLUGIN_USED)
        return 0;
    for (const kn_config *item = facts->items ? facts->items->first : NULL; item; item = item->next)
        if (!strcmp(kn_config_text(item, "plugin", ""), plugin->name))
            return 1;
    for (int64_t i = 0; i < plugin->item_count && facts->backend; i++)
        if (!strcmp(plugin->items[i].interface_id, KAON_BACKEND) &&
            !strcmp(plugin->items[i].name, facts->backend))
            return 1;
    return 0;
}

typedef struct {
    const kn_run_lock_facts *facts;
    json_t *list;
} plugin_list;

static kaon_status add_plugin(void *context, const kn_plugin_info *plugin)
{
    const plugin_list *plugins = context;
    if (!is_needed(plugins->facts, plugin))
        return KAON_OK;
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s}", "name", plugin->name, "version",
                              plugin->version, "sha256", plugin->sha256, "path", plugin->path);
    return json_array_append_new(plugins->list, entry) ? KAON_NO_MEMORY : KAON_OK;
}

static kaon_status add_files(json_t *list, const kn_run_lock_facts *facts, kaon_diag *diag)
{
    for (int64_t i = 0; i < facts->file_count; i++) {
        uint64_t bytes = 0;
        char hex[KN_FILE_SUM_HEX];
        KAON_TRY(kn_file_sum(facts->files[i], &bytes, hex, diag));
        char *path = realpath(facts->files[i], NULL); // the same from wherever it is resumed
        json_t *entry = json_pack("{s:s, s:I, s:s}", "path", path ? path : facts->files[i], "bytes",
                                  (json_int_t)bytes, "xxh3", hex);
        free(path);
        if (json_array_append_new(list, entry))
            return kn_no_memory(diag, "a lock file");
    }
    return KAON_OK;
}

kaon_status kn_run_lock_make(const kn_run_lock_facts *facts, json_t **out, kaon_diag *diag)
{
    char abi[24];
    snprintf(abi, sizeof abi, "%u.%u", KAON_ABI_MAJOR(KAON_ABI), KAON_ABI_MINOR(KAON_ABI));
    json_t *plugins = json_array(), *data = json_array();
    json_t *lock = json_pack(
        "{s:s, s:s, s:s, s:I, s:s?, s:s, s:o, s:O?, s:O?}", "format", "kaon.lock/1", "kaon",
        KAON_VERSION, "abi", abi, "seed", (json_int_t)facts->seed, "backend", facts->backend,
        "config", facts->config, "machine", machine_json(), "plugins", plugins, "data", data);
    kaon_status status = lock && plugins && data ? KAON_OK : kn_no_memory(diag, "a lock file");
    plugin_list needed = {facts, plugins};
    if (!status)
        status = kn_plugin_report(facts->kernel, add_plugin, &needed, diag);
    if (!status)
        status = add_files(data, facts, diag);
    json_decref(plugins);
    json_decref(data);
    if (status)
        json_decref(lock);
    *out = status ? NULL : lock;
    return status;
}

/* --- comparing -------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const json_t *entry_of(const json_t *list, const char *key, const char *value)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(text_of(json_array_get(list, i), key), value))
            return json_array_get(list, i);
    return NULL;
}

static void differs(kn_text *out, const char *format, const char *a, const char *b, const char *c)
{
    kn_text_add(out, out->length ? "; " : "");
    kn_text_format(out, format, a, b, c);
}

// What names an entry of a list, and what must be the same in it.
typedef struct {
    const char *list;
    const char *name;
    const char *sum;
    const char *word;
} locked;

static void compare_list(const locked *what, const json_t *then, const json_t *now, kn_text *out)
{
    const json_t *before = json_object_get(then, what->list);
    const json_t *after = json_object_get(now, what->list);
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *old = json_array_get(before, i);
        const char *name = text_of(old, what->name);
        const json_t *same = entry_of(after, what->name, name);
        if (!same)
            differs(out, "%s '%s' is not used any more%s", what->word, name, "");
        else if (strcmp(text_of(same, what->sum), text_of(old, what->sum)))
            differs(out, "%s '%s' has changed%s", what->word, name, "");
    }
    for (size_t i = 0; i < json_array_size(after); i++) {
        const char *name = text_of(json_array_get(after, i), what->name);
        if (!entry_of(before, what->name, name))
            differs(out, "%s '%s' is new%s", what->word, name, "");
    }
}

kaon_status kn_run_lock_compare(const json_t *then, const json_t *now, kaon_diag *diag)
{
    static const locked lists[] = {{"plugins", "name", "sha256", "plugin"},
                                   {"data", "path", "xxh3", "data file"}};
    static const char *const texts[] = {"kaon", "backend"};
    kn_text out = {0};
    if (strcmp(text_of(then, "config"), text_of(now, "config")))
        differs(&out, "%s%s%s", "config.yaml has changed", "", "");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(text_of(then, texts[i]), text_of(now, texts[i])))
            differs(&out, "%s was %s and is %s", texts[i], text_of(then, texts[i]),
                    text_of(now, texts[i]));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        compare_list(&lists[i], then, now, &out);
    kaon_status status = out.failed ? kn_no_memory(diag, "a lock file") : KAON_OK;
    if (!status && out.length)
        status = kaon_fail(diag, KAON_INCOMPATIBLE,
                           "since this run began %s: what it would give is neither the old result "
                           "nor the new; put it back, begin anew, or go on all the same with "
                           "--force",
                           kn_text_get(&out));
    kn_text_fini(&out);
    return status;
}
