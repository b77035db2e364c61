/* compare.c: kaon compare: finished runs side by side. */
#include "command.h"
#include "subcommands.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_RUNS = 64 };

typedef struct {
    common_options common;
    const char *part;
} options;

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t whole_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

// The part of a path behind the last slash, if that tells the runs apart.
static const char *run_title(const json_t *runs, size_t at)
{
    const char *full = text_of(json_array_get(runs, at), "folder"), *name = strrchr(full, '/');
    if (!name || !name[1])
        return full;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const char *other = text_of(json_array_get(runs, i), "folder");
        const char *other_name = strrchr(other, '/');
        if (i != at && !strcmp(name + 1, other_name ? other_name + 1 : other))
            return full;
    }
    return name + 1;
}

/* --- metrics ---------------------------------------------------------------------------------- */

// "0.9123 ± 0.0012 *": value, uncertainty, the best.
static void add_value(table *t, const json_t *run, const char *name, int best)
{
    char number[32], sigma[32];
    const json_t *spread = json_object_get(json_object_get(run, "uncertainty"), name);
    metric_number(json_object_get(json_object_get(run, "metrics"), name), number);
    table_cell(t, "%s%s%s%s", number, spread ? " ± " : "",
               spread ? metric_number(spread, sigma) : "", best ? " *" : "  ");
}

static void print_metrics(const json_t *root)
{
    const json_t *runs = json_object_get(root, "runs");
    json_t *metric;
    size_t i;
    table *t = table_new((int)json_array_size(runs) + 1);
    table_cell(t, "%s", "");
    for (size_t k = 0; k < json_array_size(runs); k++)
        table_cell(t, "%s", run_title(runs, k));
    json_array_foreach(json_object_get(root, "metrics"), i, metric)
    {
        const char *name = text_of(metric, "name");
        table_cell(t, "%s", name);
        for (size_t k = 0; k < json_array_size(runs); k++)
            add_value(t, json_array_get(runs, k), name, whole_of(metric, "best") == (int64_t)k);
    }
    table_print(t, stdout, 2, 1);
    table_free(t);
    printf("  * the best");
    if (*text_of(json_array_get(runs, 0), "part"))
        printf("; each judged by its %s part", text_of(json_array_get(runs, 0), "part"));
    printf("\n");
}

// How sure it is that the best is better, where that is known.
static void print_pairs(const json_t *root)
{
    const json_t *runs = json_object_get(root, "runs"), *pairs = json_object_get(root, "pairs");
    char difference[32], sigma[32];
    json_t *pair;
    size_t i;
    if (!json_array_size(pairs))
        return;
    table *t = table_new(5);
    table_cell(t, "%s", "to the best");
    table_cell(t, "%s", "run");
    table_cell(t, "%s", "difference");
    table_cell(t, "%s", "±");
    table_cell(t, "%s", "sigmas");
    json_array_foreach(pairs, i, pair)
    {
        const double d = number_of(pair, "difference"), s = number_of(pair, "sigma");
        table_cell(t, "%s", text_of(pair, "metric"));
        table_cell(t, "%s", run_title(runs, (size_t)whole_of(pair, "run")));
        table_cell(t, "%s", short_number(d, difference));
        table_cell(t, "%s", short_number(s, sigma));
        if (s > 0)
            table_cell(t, "%.1f", fabs(d) / s);
        else
            table_cell(t, "%s", "-");
    }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
    printf("  paired bootstrap: both judged by the same events\n");
}

static void print_settings(const json_t *root)
{
    const json_t *runs = json_object_get(root, "runs");
    const json_t *settings = json_object_get(root, "settings");
    json_t *row, *value;
    size_t i, k;
    if (!json_array_size(settings))
        return;
    table *t = table_new((int)json_array_size(runs) + 1);
    table_cell(t, "%s", "settings that differ");
    for (k = 0; k < json_array_size(runs); k++)
        table_cell(t, "%s", run_title(runs, k));
    json_array_foreach(settings, i, row)
    {
        table_cell(t, "%s", text_of(row, "path"));
        json_array_foreach(json_object_get(row, "values"), k, value)
            table_cell(t, "%s", json_is_string(value) ? json_string_value(value) : "-");
    }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
}

/* --- the command ------------------------------------------------------------------------------ */

static int compare(const session *s, const options *o, int count, char **paths)
{
    char *json = NULL;
    const kaon_compare_request request = {
        .size = sizeof request,
        .path_count = count,
        .paths = (const char *const *)paths,
        .part = o->part,
    };
    if (kaon_compare(s->kernel, &request, &json, s->error))
        return session_fail(s);
    if (o->common.json) {
        print_json(json);
    } else {
        json_t *root = json_loads(json, 0, NULL);
        print_metrics(root);
        print_pairs(root);
        print_settings(root);
        json_decref(root);
    }
    kaon_text_free(json);
    return EXIT_OK;
}

int compare_main(int argc, char **argv)
{
    options o = {0};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"part", 0, TAKES_TEXT, "PART",
         "compare train, validation or test; else the part each was judged by", &o.part},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("compare");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc == first)
        return wrong_use(self, "name the folders of finished runs");
    if (argc - first > MOST_RUNS)
        return wrong_use(self, "at most %d runs at a time", MOST_RUNS);
    code = session_open(&s, &o.common);
    if (!code)
        code = compare(&s, &o, argc - first, argv + first);
    session_close(&s);
    return code;
}
