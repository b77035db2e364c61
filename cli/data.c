/* data.c: kaon data: looks at files and generators. */
#include "command.h"
#include "subcommands.h"

#include <stdio.h>
#include <string.h>

enum { CELL = 48, LIST_SHOWN = 4, MOST_PAIRS = 10 };

static const double close_by = 0.9; // of a correlation worth a line

typedef struct {
    common_options common;
    const char *reader;
    int64_t rows;
    const char *target;
    const char *weight;
    const char *plot;
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

/* --- stats ------------------------------------------------------------------------------------ */

// Forty bins as twenty bars.
static void bars(const json_t *counts, char out[80])
{
    static const char *const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const size_t count = json_array_size(counts) / 2;
    double values[40] = {0}, most = 0;
    *out = 0;
    for (size_t i = 0; i < count && i < 20; i++) {
        values[i] = json_number_value(json_array_get(counts, 2 * i)) +
                    json_number_value(json_array_get(counts, 2 * i + 1));
        most = values[i] > most ? values[i] : most;
    }
    for (size_t i = 0; i < count && i < 20; i++) {
        const double part = most > 0 && values[i] > 0 ? values[i] / most : 0;
        strcat(out, levels[part > 0 ? 1 + (int)(part * 7.999) : 0]);
    }
}

static void print_distributions(const json_t *columns)
{
    static const char *const heads[] = {"column", "missing", "mean", "std",
                                        "min",    "median",  "max",  "distribution"};
    size_t i;
    json_t *column;
    table *t = table_new(8);
    for (i = 0; i < 8; i++)
        table_cell(t, "%s", heads[i]);
    json_array_foreach(columns, i, column)
    {
        char text[80];
        table_cell(t, "%s", json_string_value(json_object_get(column, "name")));
        add_number(t, column, "missing");
        add_number(t, column, "mean");
        add_number(t, column, "std");
        add_number(t, column, "min");
        add_number(t, json_object_get(column, "quantiles"), "0.5");
        add_number(t, column, "max");
        bars(json_object_get(json_object_get(column, "histogram"), "counts"), text);
        table_cell(t, "%s", text);
    }
    table_print(t, stdout, 2, 1);
    table_free(t);
}

static void print_classes(const json_t *classes, int weighted)
{
    size_t i;
    json_t *entry;
    table *t = table_new(2 + weighted);
    table_cell(t, "%s", "class");
    table_cell(t, "%s", "events");
    if (weighted)
        table_cell(t, "%s", "weight");
    json_array_foreach(classes, i, entry)
    {
        table_cell(t, "%s", json_string_value(json_object_get(entry, "name")));
        add_number(t, entry, "rows");
        if (weighted)
            add_number(t, entry, "weight");
    }
    if (i) {
        printf("\n");
        table_print(t, stdout, 2, 1);
    }
    table_free(t);
}

// What hangs together closely.
static void print_pairs(const json_t *columns, const json_t *matrix)
{
    int shown = 0;
    for (size_t a = 0; a < json_array_size(matrix); a++)
        for (size_t b = 0; b < a && shown < MOST_PAIRS; b++) {
            const double r = json_number_value(json_array_get(json_array_get(matrix, a), b));
            if (r > -close_by && r < close_by)
                continue;
            printf("%s  %s and %s: %.3f\n", shown++ ? "" : "\ncorrelated\n",
                   json_string_value(json_object_get(json_array_get(columns, b), "name")),
                   json_string_value(json_object_get(json_array_get(columns, a), "name")), r);
        }
}

static int print_stats(const char *json)
{
    char count[32];
    size_t i;
    json_t *root = json_loads(json, 0, NULL), *note;
    const json_t *columns = json_object_get(root, "columns");
    const int weighted = json_is_true(json_object_get(root, "weighted"));
    printf("%s: %s rows%s\n\n", json_string_value(json_object_get(root, "source")),
           long_count(json_integer_value(json_object_get(root, "rows")), count),
           weighted ? ", weighted" : "");
    print_distributions(columns);
    print_classes(json_object_get(root, "classes"), weighted);
    print_pairs(columns, json_object_get(root, "correlation"));
    json_array_foreach(json_object_get(root, "notes"), i, note)
        printf("%s%s\n", i ? "" : "\n", json_string_value(note));
    json_decref(root);
    return EXIT_OK;
}

/* --- the command ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    kaon_status (*ask)(kaon_kernel *kernel, const kaon_data_request *request, char **json,
                       kaon_error *error);
    int (*print)(const char *json);
} looks[] = {
    {"head", kaon_data_head, print_head},
    {"info", kaon_data_info, print_info},
    {"stats", kaon_data_stats, print_stats},
};

enum { LOOKS = sizeof looks / sizeof *looks };

static int look(const session *s, const options *o, const char *path, int which)
{
    char *json = NULL;
    const kaon_data_request request = {.size = sizeof request,
                                       .path = path,
                                       .reader = o->reader,
                                       .rows = o->rows,
                                       .target = o->target,
                                       .weight = o->weight,
                                       .plots = o->plot};
    const kaon_status status = looks[which].ask(s->kernel, &request, &json, s->error);
    const int code = status           ? session_fail(s)
                     : o->common.json ? print_json(json)
                                      : looks[which].print(json);
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
        {"target", 't', TAKES_TEXT, "COLUMN", "of stats: its classes are counted", &o.target},
        {"weight", 'w', TAKES_TEXT, "COLUMN", "of stats: event weights", &o.weight},
        {"plot", 'p', TAKES_TEXT, "DIR", "of stats: histograms and correlations, SVG and PDF",
         &o.plot},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("data");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    const char *what = first < argc ? argv[first] : "";
    int which = 0;
    while (which < LOOKS && strcmp(what, looks[which].name))
        which++;
    if (which == LOOKS)
        return wrong_use(self, "say what to show: head, info or stats");
    if (argc - first > 2 || (argc - first < 2 && !o.reader))
        return wrong_use(self, "name one file, or a generator with --reader");
    code = session_open(&s, &o.common);
    if (!code)
        code = look(&s, &o, argc - first == 2 ? argv[first + 1] : NULL, which);
    session_close(&s);
    return code;
}
