/* plugin.c: kaon plugin: lists, pins, checks and makes plugins. */
#include "command.h"
#include "plugin_new.h"
#include "subcommands.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    common_options common;
    int why;
    const char *language;
    const char *folder;
} options;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* --- list ------------------------------------------------------------------------------------- */

static int is_usable(const json_t *plugin)
{
    return !strcmp(text_of(plugin, "state"), "used") ||
           !strcmp(text_of(plugin, "state"), "available");
}

// "layer dense, relu; loss mse"
static void add_items(table *t, const json_t *plugin)
{
    size_t i;
    json_t *item;
    char text[400] = "";
    const char *before = "";
    json_array_foreach(json_object_get(plugin, "items"), i, item)
    {
        const size_t used = strlen(text);
        const int same = !strcmp(before, text_of(item, "kind"));
        if (used + 60 > sizeof text) {
            snprintf(text + used, sizeof text - used, ", ...");
            break;
        }
        snprintf(text + used, sizeof text - used, "%s%s%s%s", i ? same ? ", " : "; " : "",
                 same ? "" : text_of(item, "kind"), same ? "" : " ", text_of(item, "name"));
        before = text_of(item, "kind");
    }
    table_cell(t, "%s", text);
}

static void print_short(const json_t *list)
{
    size_t i;
    json_t *plugin;
    int hidden = 0;
    table *t = table_new(3);
    json_array_foreach(list, i, plugin)
    {
        if (!is_usable(plugin)) {
            hidden++;
            continue;
        }
        table_cell(t, "%s", text_of(plugin, "name"));
        table_cell(t, "%s", text_of(plugin, "version"));
        add_items(t, plugin);
    }
    table_print(t, stdout, 0, 0);
    table_free(t);
    if (hidden)
        fprintf(stderr, "%d file%s not used; kaon plugin list --why tells the reason\n", hidden,
                hidden == 1 ? " is" : "s are");
}

static void print_why(const json_t *list)
{
    size_t i;
    json_t *plugin;
    json_array_foreach(list, i, plugin)
    {
        const char *reason = text_of(plugin, "reason");
        printf("%-12s %s\n", text_of(plugin, "state"), text_of(plugin, "path"));
        if (*text_of(plugin, "name"))
            printf("             %s %s (%s): %s\n", text_of(plugin, "name"),
                   text_of(plugin, "version"), text_of(plugin, "license"),
                   text_of(plugin, "summary"));
        if (*reason)
            printf("             %s\n", reason);
    }
}

// What --lock reads: the plugins as they are now.
static void print_lock(const json_t *list)
{
    size_t i;
    json_t *plugin;
    puts("# name  sha256");
    json_array_foreach(list, i, plugin)
    {
        if (is_usable(plugin))
            printf("%s  %s\n", text_of(plugin, "name"), text_of(plugin, "sha256"));
    }
}

static int list_plugins(const session *s, const options *o, int lock)
{
    char *json = NULL;
    if (kaon_plugins(s->kernel, &json, s->error))
        return session_fail(s);
    int code = EXIT_OK;
    if (o->common.json) {
        code = print_json(json);
    } else {
        json_t *list = json_loads(json, 0, NULL);
        (lock ? print_lock : o->why ? print_why : print_short)(list);
        json_decref(list);
    }
    kaon_text_free(json);
    return code;
}

/* --- check ------------------------------------------------------------------------------------ */

static int print_checks(const char *json)
{
    size_t i;
    json_t *root = json_loads(json, 0, NULL), *check;
    const json_t *plugin = json_object_get(root, "plugin");
    const int failed = (int)json_integer_value(json_object_get(root, "failed"));
    const int colour = wants_colour(fileno(stdout));
    printf("%s %s  %s\n", text_of(plugin, "name"), text_of(plugin, "version"),
           text_of(plugin, "path"));
    json_array_foreach(json_object_get(root, "checks"), i, check)
    {
        const int passed = json_is_true(json_object_get(check, "passed"));
        printf("  %s%s%s  %s%s%s\n", colour ? passed ? "\033[32m" : "\033[31m" : "",
               passed ? "ok    " : "FAILED", colour ? "\033[0m" : "", text_of(check, "what"),
               passed ? "" : ": ", text_of(check, "why"));
    }
    printf("%zu checks, %d failed\n", json_array_size(json_object_get(root, "checks")), failed);
    json_decref(root);
    return failed ? EXIT_FAILED : EXIT_OK;
}

static int check_plugin(const session *s, const char *path)
{
    char *json = NULL;
    if (kaon_plugin_check(s->kernel, path, &json, s->error))
        return session_fail(s);
    int code;
    if (s->common->json) {
        json_t *root = json_loads(json, 0, NULL);
        print_json(json);
        code = json_integer_value(json_object_get(root, "failed")) ? EXIT_FAILED : EXIT_OK;
        json_decref(root);
    } else {
        code = print_checks(json);
    }
    kaon_text_free(json);
    return code;
}

/* --- new -------------------------------------------------------------------------------------- */

static int make_plugin(const command *self, const options *o, int count, char **words)
{
    char templates[PATH_MAX], message[2048];
    if (count != 2)
        return wrong_use(self, "say what to make: kaon plugin new layer NAME");
    const plugin_new_request request = {
        .templates = templates,
        .kind = words[0],
        .language = o->language ? o->language : "c",
        .name = words[1],
        .folder = o->folder ? o->folder : words[1],
    };
    if (plugin_new_templates(templates, sizeof templates, message, sizeof message) ||
        plugin_new(&request, message, sizeof message)) {
        fprintf(stderr, "kaon plugin new: %s\n", message);
        return EXIT_FAILED;
    }
    printf("made %s/; next:\n  cd %s && cmake -B build && cmake --build build && ctest --test-dir "
           "build\n",
           request.folder, request.folder);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

int plugin_main(int argc, char **argv)
{
    options o = {0};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"why", 'w', TAKES_NOTHING, NULL, "list: every file, and what became of it", &o.why},
        {"language", 'l', TAKES_TEXT, "NAME", "new: c, cxx or fortran", &o.language},
        {"folder", 0, TAKES_TEXT, "DIR", "new: where; else ./NAME", &o.folder},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("plugin");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    const char *what = first < argc ? argv[first] : "";
    const int count = argc - first - 1;
    if (!strcmp(what, "new"))
        return make_plugin(self, &o, count, argv + first + 1);
    const int lock = !strcmp(what, "lock");
    if (strcmp(what, "list") && strcmp(what, "check") && !lock)
        return wrong_use(self, "say what to do: list, lock, check or new");
    if (!strcmp(what, "check") && count != 1)
        return wrong_use(self, "name the plugin's file");
    code = session_open(&s, &o.common);
    if (!code)
        code = strcmp(what, "check") ? list_plugins(&s, &o, lock)
                                     : check_plugin(&s, argv[first + 1]);
    session_close(&s);
    return code;
}
