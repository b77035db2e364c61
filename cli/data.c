/* data.c: kaon data: looks at files and generators. */
#include "command.h"
#include "subcommands.h"

#include <stdio.h>
#include <string.h>

enum { CELL = 48, LIST_SHOWN = 4 };

typedef struct {
    common_options common;
    const char *reader;
    int64_t rows;
} options;

/* --- head ------------------------------------------------------------------------------------- */

static void value_text(const json_t *value, char *out, size_t room);

// "[1, 2, 3, 4, ... 40]": the first few and how many there are.
static void list_text(const json_t *list, char *out, size_t room)
{
    const size_t count = json_array_size(list);
    size_t used = (size_t)snprintf(out, room, "[");
    for (size_t i = 0; i < count && i < LIST_SHOWN && used < room; i++) {
        char entry[CELL];
        value_text(json_array_get(list, i), entry, sizeof entry);
        used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "", entry);
    }
    if (used < room)
        snprintf(out + used, room - used, count > LIST_SHOWN ? ", ... %zu]" : "]", count);
}

static void value_text(const json_t *value, char *out, size_t room)
{
    char number[32];
    if (json_is_array(value))
        list_text(value, out, room);
    else if (json_is_string(value))
        snprintf(out, room, "%s", json_string_value(value));
    else if (json_is_number(value))
        snprintf(out, room, "%s", short_number(json_number_value(value), number));
    else
        snprintf(out, room, "%s",
                 json_is_true(value)    ? "true"
                 : json_is_false(value) ? "false"
                                        : "-");
}

static int print_head(const char *json)
{
    size_t i, k;
    json_t *root = json_loads(json, 0, NULL), *column, *row, *value;
    const json_t *columns = json_object_get(root, "columns");
    table *t = table_new((int)json_array_size(columns));
    json_array_foreach(columns, i, column)
        table_cell(t, "%s", json_string_value(json_object_get(column, "name")));
    json_array_foreach(json_object_get(root, "rows"), i, row) json_array_foreach(row, k, value)
    {
        char text[CELL * 2];
        value_text(value, text, sizeof text);
        table_cell(t, "%s", text);
    }
    table_print(t, stdout, 0, 1);
    table_free(t);
    json_decref(root);
    return EXIT_OK;
}

/* --- info ------------------------------------------------------------------------------------- */

static void add_number(table *t, const json_t *object, const char *key)
{
    char number[32];
    const json_t *value = json_object_get(object, key);
    table_cell(t, "%s",
               json_is_number(value) ? short_number(json_number_value(value), number) : "");
}

static int print_info(const char *json)
{
    static const char *const heads[] = {"column", "type", "min",     "max",
                                        "mean",   "std",  "missing", "entries per row"};
    char count[32];
    size_t i;
    json_t *root = json_loads(json, 0, NULL), *column;
    const json_t *columns = json_object_get(root, "columns");
    printf("%s: %s rows, %zu columns\n\n", json_string_value(json_object_get(root, "source")),
           long_count(json_integer_value(json_object_get(root, "rows")), count),
           json_array_size(columns));
    // The last column is for lists: most files have none.
    int lists = 0;
    json_array_foreach(columns, i, column) lists |= json_object_get(column, "longest") != NULL;
    table *t = table_new(7 + lists);
    for (i = 0; i < 7 + (size_t)lists; i++)
        table_cell(t, "%s", heads[i]);
    json_array_foreach(columns, i, column)
    {
        table_cell(t, "%s", json_string_value(json_object_get(column, "name")));
        table_cell(t, "%s", json_string_value(json_object_get(column, "type")));
        for (int k = 2; k < 7; k++)
            add_number(t, column, heads[k]);
        const json_t *longest = json_object_get(column, "longest");
        if (longest)
            table_cell(t, "%lld to %lld",
                       (long long)json_integer_value(json_object_get(column, "shortest")),
                       (long long)json_integer_value(longest));
        else if (lists)
            table_cell(t, "%s", "");
    }
    table_print(t, stdout, 2, 1);
    table_free(t);
    json_decref(root);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

static int look(const session *s, const options *o, const char *path, int info)
{
    char *json = NULL;
    const kaon_data_request request = {
        .size = sizeof request, .path = path, .reader = o->reader, .rows = o->rows};
    const kaon_status status =
        (info ? kaon_data_info : kaon_data_head)(s->kernel, &request, &json, s->error);
    const int code = status           ? session_fail(s)
                     : o->common.json ? print_json(json)
                     : info           ? print_info(json)
                                      : print_head(json);
    kaon_text_free(json);
    return code;
}

int data_main(int argc, char **argv)
{
    options o = {.rows = 10};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"reader", 'r', TAKES_TEXT, "NAME", "how to read it; else by the file's ending", &o.reader},
        {"rows", 'n', TAKES_NUMBER, "N", "of the head; 10", &o.rows},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("data");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    const char *what = first < argc ? argv[first] : "";
    if (strcmp(what, "head") && strcmp(what, "info"))
        return wrong_use(self, "say what to show: head or info");
    if (argc - first > 2 || (argc - first < 2 && !o.reader))
        return wrong_use(self, "name one file, or a generator with --reader");
    code = session_open(&s, &o.common);
    if (!code)
        code = look(&s, &o, argc - first == 2 ? argv[first + 1] : NULL, !strcmp(what, "info"));
    session_close(&s);
    return code;
}
