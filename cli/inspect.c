/* inspect.c: kaon inspect: looks into models and at what is installed. */
#include "command.h"
#include "subcommands.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* --- a model ---------------------------------------------------------------------------------- */

// Lines of a text, indented.
static void print_lines(const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        printf("      %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void print_list(const char *title, const json_t *names)
{
    const size_t count = json_array_size(names);
    if (!count)
        return;
    printf("%-10s", title);
    for (size_t i = 0; i < count && i < 20; i++)
        printf("%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
    printf("%s\n", count > 20 ? ", ..." : "");
}

static void print_tensors(const json_t *root)
{
    size_t i, k;
    json_t *tensor, *extent;
    char count[32];
    table *t = table_new(3);
    json_array_foreach(json_object_get(root, "tensors"), i, tensor)
    {
        char shape[128] = "";
        json_array_foreach(json_object_get(tensor, "shape"), k, extent)
        {
            const size_t used = strlen(shape);
            snprintf(shape + used, sizeof shape - used, "%s%lld", k ? ", " : "",
                     (long long)json_integer_value(extent));
        }
        table_cell(t, "%s", text_of(tensor, "name"));
        table_cell(t, "%s", text_of(tensor, "dtype"));
        table_cell(t, "(%s)", shape);
    }
    printf("\n%s numbers in %zu tensors\n",
           long_count(json_integer_value(json_object_get(root, "numbers")), count),
           json_array_size(json_object_get(root, "tensors")));
    table_print(t, stdout, 2, 0);
    table_free(t);
}

static int print_model(const char *json)
{
    size_t i;
    json_t *root = json_loads(json, 0, NULL), *learner;
    print_list("features", json_object_get(root, "features"));
    if (*text_of(root, "target"))
        printf("%-10s%s\n", "target", text_of(root, "target"));
    print_list("classes", json_object_get(root, "classes"));
    printf("\n");
    json_array_foreach(json_object_get(root, "learners"), i, learner)
    {
        printf("  %zu %s  (plugin %s %s)\n", i, text_of(learner, "name"),
               text_of(learner, "plugin"), text_of(learner, "version"));
        print_lines(text_of(learner, "text"));
    }
    print_tensors(root);
    json_decref(root);
    return EXIT_OK;
}

static int inspect_model(const session *s, const char *path)
{
    kaon_model *model = NULL;
    char *json = NULL;
    kaon_status status = kaon_model_load(s->kernel, path, &model, s->error);
    if (!status)
        status = kaon_model_json(model, &json, s->error);
    const int code = status            ? session_fail(s)
                     : s->common->json ? print_json(json)
                                       : print_model(json);
    kaon_text_free(json);
    kaon_model_free(model);
    return code;
}

/* --- an item ---------------------------------------------------------------------------------- */

static void print_default(table *t, const json_t *option)
{
    char number[32];
    const json_t *value = json_object_get(option, "default");
    if (json_is_true(json_object_get(option, "required")))
        table_cell(t, "required");
    else if (json_is_string(value))
        table_cell(t, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        table_cell(t, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_number(value))
        table_cell(t, "%s", short_number(json_number_value(value), number));
    else
        table_cell(t, "%s", "none");
}

static void print_options(const json_t *options)
{
    size_t i;
    json_t *option;
    table *t = table_new(4);
    table_cell(t, "option");
    table_cell(t, "default");
    table_cell(t, "values");
    table_cell(t, "%s", "");
    // Two rounds: what only experts touch stands last.
    for (int expert = 0; expert < 2; expert++)
        json_array_foreach(options, i, option)
        {
            if (json_is_true(json_object_get(option, "expert")) != expert)
                continue;
            table_cell(t, "%s", text_of(option, "name"));
            print_default(t, option);
            table_cell(t, "%s", text_of(option, "values"));
            table_cell(t, "%s", text_of(option, "help"));
        }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
}

static int print_item(const char *json)
{
    json_t *root = json_loads(json, 0, NULL);
    const json_t *options = json_object_get(root, "options");
    printf("%s %s: %s\n", text_of(root, "kind"), text_of(root, "name"), text_of(root, "help"));
    if (*text_of(root, "plugin"))
        printf("plugin %s %s (%s): %s\n", text_of(root, "plugin"), text_of(root, "version"),
               text_of(root, "license"), text_of(root, "summary"));
    if (json_array_size(options))
        print_options(options);
    else
        printf("\nno options\n");
    json_decref(root);
    return EXIT_OK;
}

static int print_items(const char *json)
{
    size_t i;
    json_t *list = json_loads(json, 0, NULL), *item;
    const char *before = "";
    table *t = table_new(3);
    json_array_foreach(list, i, item)
    {
        table_cell(t, "%s", strcmp(before, text_of(item, "kind")) ? text_of(item, "kind") : "");
        table_cell(t, "%s", text_of(item, "name"));
        table_cell(t, "%s %s", text_of(item, "plugin"), text_of(item, "version"));
        before = text_of(item, "kind");
    }
    table_print(t, stdout, 0, 0);
    table_free(t);
    json_decref(list);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

static int is_path(const char *name)
{
    struct stat facts;
    return stat(name, &facts) == 0 || strchr(name, '/') || strstr(name, ".safetensors");
}

// The words of kinds come from the library: what it does not know as a kind is an item.
static int inspect_named(const session *s, const char *name)
{
    char *json = NULL;
    const int all = !strcmp(name, "items");
    int code;
    if (all || !kaon_items(s->kernel, name, &json, NULL)) {
        if (all && kaon_items(s->kernel, NULL, &json, s->error))
            code = session_fail(s);
        else
            code = s->common->json ? print_json(json) : print_items(json);
    } else if (kaon_item_json(s->kernel, name, &json, s->error)) {
        code = session_fail(s);
    } else {
        code = s->common->json ? print_json(json) : print_item(json);
    }
    kaon_text_free(json);
    return code;
}

int inspect_main(int argc, char **argv)
{
    common_options common = {0};
    session s;
    int first = 0;
    const option_row rows[] = {COMMON_ROWS(common), {0}};
    const command *self = find_command("inspect");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1)
        return wrong_use(self, "name one model, item or kind of items");
    code = session_open(&s, &common);
    if (!code)
        code =
            is_path(argv[first]) ? inspect_model(&s, argv[first]) : inspect_named(&s, argv[first]);
    session_close(&s);
    return code;
}
