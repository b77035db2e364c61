/* apply.c: kaon predict and kaon eval: a trained model applied to events. */
#include "command.h"
#include "subcommands.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    common_options common;
    const char *output;
    const char *reader;
    const char *part;
    const char *metrics;
    int64_t bootstrap;
    text_list sets;
} options;

/* --- output ----------------------------------------------------------------------------------- */

static void add_value(table *t, const json_t *value)
{
    char number[32];
    if (json_is_string(value))
        table_cell(t, "%s", json_string_value(value));
    else if (json_is_number(value))
        table_cell(t, "%s", short_number(json_number_value(value), number));
    else
        table_cell(t, "%s", json_is_true(value) ? "true" : json_is_false(value) ? "false" : "-");
}

static int print_predictions(const char *json)
{
    char count[32];
    size_t i, k;
    json_t *root = json_loads(json, 0, NULL), *name, *row, *value;
    const json_t *columns = json_object_get(root, "columns");
    const json_t *head = json_object_get(root, "head");
    const json_int_t rows = json_integer_value(json_object_get(root, "rows"));
    const char *output = json_string_value(json_object_get(root, "output"));
    if (output) {
        printf("%s rows written to %s\n", long_count(rows, count), output);
        json_decref(root);
        return EXIT_OK;
    }
    table *t = table_new((int)json_array_size(columns));
    json_array_foreach(columns, i, name) table_cell(t, "%s", json_string_value(name));
    json_array_foreach(head, i, row) json_array_foreach(row, k, value) add_value(t, value);
    table_print(t, stdout, 0, 1);
    table_free(t);
    if (rows > (json_int_t)json_array_size(head))
        fprintf(stderr, "the first %zu of %s rows; --out FILE writes all\n", json_array_size(head),
                long_count(rows, count));
    json_decref(root);
    return EXIT_OK;
}

// Numbers by class stand side by side; the confusion matrix follows.
static void print_by_class(const json_t *metrics)
{
    static const char *const names[] = {"auc_by_class", "precision_by_class", "recall_by_class",
                                        "f1_by_class"};
    const json_t *classes = json_object_get(metrics, "classes");
    size_t i;
    char number[32];
    json_t *class_name;
    if (!classes)
        return;
    table *t = table_new(5);
    table_cell(t, "%s", "class");
    for (int k = 0; k < 4; k++)
        table_cell(t, "%.*s", (int)strcspn(names[k], "_"), names[k]);
    json_array_foreach(classes, i, class_name)
    {
        const char *name = json_string_value(class_name);
        table_cell(t, "%s", name);
        for (int k = 0; k < 4; k++)
            table_cell(
                t, "%s",
                metric_number(json_object_get(json_object_get(metrics, names[k]), name), number));
    }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
}

static void print_confusion(const json_t *metrics)
{
    const json_t *classes = json_object_get(metrics, "classes");
    const json_t *matrix = json_object_get(metrics, "confusion");
    size_t i, k;
    json_t *name, *row, *value;
    if (!matrix || json_array_size(classes) > 12)
        return;
    table *t = table_new((int)json_array_size(classes) + 1);
    table_cell(t, "%s", "true \\ said");
    json_array_foreach(classes, i, name) table_cell(t, "%s", json_string_value(name));
    json_array_foreach(matrix, i, row)
    {
        table_cell(t, "%s", json_string_value(json_array_get(classes, i)));
        json_array_foreach(row, k, value) add_value(t, value);
    }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
}

static int print_metrics(const char *json)
{
    char count[32];
    const char *name;
    json_t *root = json_loads(json, 0, NULL), *value;
    json_t *metrics = json_object_get(root, "metrics");
    table *t = table_new(2);
    json_object_foreach(metrics, name, value)
    {
        if (!json_is_number(value) && !json_is_null(value))
            continue;
        table_cell(t, "%s", name);
        metric_cell(t, metrics, name);
    }
    printf("%s rows\n", long_count(json_integer_value(json_object_get(root, "rows")), count));
    table_print(t, stdout, 2, 0);
    table_free(t);
    print_by_class(metrics);
    print_confusion(metrics);
    json_decref(root);
    return EXIT_OK;
}

/* --- the commands ----------------------------------------------------------------------------- */

static int apply(const session *s, const options *o, int count, char **paths, int eval)
{
    kaon_model *model = NULL;
    char *json = NULL;
    const kaon_apply_request request = {
        .size = sizeof request,
        .path_count = count - 1,
        .paths = (const char *const *)(paths + 1),
        .reader = o->reader,
        .output = o->output,
        .part = o->part                            ? o->part
                : eval && count == 1 && !o->reader ? "test"
                                                   : NULL,
        .set_count = o->sets.count,
        .sets = o->sets.at,
        .metrics = o->metrics,
        .bootstrap = o->bootstrap,
    };
    kaon_status status = kaon_model_load(s->kernel, paths[0], &model, s->error);
    if (!status)
        status = (eval ? kaon_model_eval : kaon_model_predict)(model, &request, &json, s->error);
    int code = EXIT_OK;
    if (status)
        code = session_fail(s);
    else if (o->common.json)
        print_json(json);
    else
        code = eval ? print_metrics(json) : print_predictions(json);
    kaon_text_free(json);
    kaon_model_free(model);
    return code;
}

// clang-format off
#define APPLY_ROWS(o) \
    {"reader", 'r', TAKES_TEXT, "NAME", "how to read the data: csv, or 'csv: {header: false}'", &(o).reader}, \
    {"part", 0, TAKES_TEXT, "PART", "only train, validation or test, as the run split them", &(o).part}, \
    {"set", 's', TAKES_TEXTS, "A=B", "change the data section; may be repeated", &(o).sets}, \
    COMMON_ROWS((o).common)
// clang-format on

static int apply_main(const char *name, int argc, char **argv)
{
    options o = {0};
    session s;
    int first = 0;
    const int eval = !strcmp(name, "eval");
    const option_row predict_rows[] = {
        {"out", 'o', TAKES_TEXT, "FILE", "write all predictions; the ending chooses the format",
         &o.output},
        APPLY_ROWS(o),
        {0},
    };
    const option_row eval_rows[] = {
        {"metrics", 'm', TAKES_TEXT, "LIST",
         "beside the usual ones: 'specificity, background_rejection: {signal: top}'", &o.metrics},
        {"bootstrap", 0, TAKES_NUMBER, "N", "uncertainties from so many replicas: 200 is good",
         &o.bootstrap},
        APPLY_ROWS(o),
        {0},
    };
    const command *self = find_command(name);
    int code = read_options(self, eval ? eval_rows : predict_rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (first == argc)
        return wrong_use(self, "name the model: a run folder or a .safetensors file");
    code = session_open(&s, &o.common);
    if (!code)
        code = apply(&s, &o, argc - first, argv + first, eval);
    session_close(&s);
    return code;
}

int predict_main(int argc, char **argv)
{
    return apply_main("predict", argc, argv);
}

int eval_main(int argc, char **argv)
{
    return apply_main("eval", argc, argv);
}
