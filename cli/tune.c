/* tune.c: kaon tune: tries settings of an experiment and keeps the best. */
#include "command.h"
#include "progress.h"
#include "subcommands.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIALS_SHOWN = 10 };

typedef struct {
    common_options common;
    const char *folder;
    const char *backend;
    int64_t parallel;
    int64_t trials;
    text_list sets;
} options;

/* --- the result ------------------------------------------------------------------------------- */

static double value_of(const json_t *trial)
{
    const json_t *value = json_object_get(trial, "value");
    return json_is_number(value) ? json_number_value(value) : NAN;
}

typedef struct {
    const json_t *trial;
    double rank; // larger is better
} ranked;

static int by_rank(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->rank, y = ((const ranked *)b)->rank;
    return (x < y) - (x > y);
}

// The best first; what failed is left out.
static ranked *rank_trials(const json_t *result, size_t *count)
{
    const json_t *trials = json_object_get(result, "trials");
    const char *direction = json_string_value(json_object_get(result, "direction"));
    const double sign = direction && !strcmp(direction, "lower") ? -1 : 1;
    ranked *all = calloc(json_array_size(trials) + 1, sizeof *all);
    *count = 0;
    for (size_t i = 0; all && i < json_array_size(trials); i++) {
        const json_t *trial = json_array_get(trials, i);
        if (!isnan(value_of(trial)))
            all[(*count)++] = (ranked){trial, sign * value_of(trial)};
    }
    if (all)
        qsort(all, *count, sizeof *all, by_rank);
    return all;
}

// "model.network.optimizer.adam.learning_rate=0.01" as "learning_rate 0.01".
static void add_settings(table *t, const json_t *set)
{
    char line[512] = "";
    size_t i, length = 0;
    json_t *edit;
    json_array_foreach(set, i, edit)
    {
        const char *text = json_string_value(edit), *value = strchr(text, '=');
        const char *name = text;
        for (const char *at = text; value && at < value; at++)
            if (*at == '.')
                name = at + 1;
        if (value && length < sizeof line)
            length += (size_t)snprintf(line + length, sizeof line - length, "%s%.*s %s",
                                       length ? ", " : "", (int)(value - name), name, value + 1);
    }
    table_cell(t, "%s", line);
}

static void print_trials(const json_t *result)
{
    char number[32], time[32];
    size_t count = 0;
    ranked *all = rank_trials(result, &count);
    table *t = table_new(4);
    table_cell(t, "trial");
    table_cell(t, "%s", json_string_value(json_object_get(result, "metric")));
    table_cell(t, "time");
    table_cell(t, "settings");
    for (size_t i = 0; i < count && i < TRIALS_SHOWN; i++) {
        const json_t *trial = all[i].trial;
        table_cell(t, "%lld", (long long)json_integer_value(json_object_get(trial, "trial")));
        table_cell(t, "%s", metric_number(json_object_get(trial, "value"), number));
        table_cell(t, "%s", duration(json_number_value(json_object_get(trial, "seconds")), time));
        add_settings(t, json_object_get(trial, "set"));
    }
    printf("\n");
    table_print(t, stdout, 2, 1);
    table_free(t);
    free(all);
    if (count > TRIALS_SHOWN)
        printf("  ... the best %d of %zu\n", TRIALS_SHOWN, count);
}

static void print_result(const char *json, int status)
{
    char time[32], number[32];
    json_t *result = json_loads(json, 0, NULL);
    const json_t *best = json_object_get(result, "best");
    const char *folder = json_string_value(json_object_get(result, "folder"));
    if (json_is_object(best)) {
        print_trials(result);
        printf("\nbest: trial %lld, %s %s, in %s/%s\n",
               (long long)json_integer_value(json_object_get(best, "trial")),
               json_string_value(json_object_get(result, "metric")),
               metric_number(json_object_get(best, "value"), number), folder,
               json_string_value(json_object_get(best, "folder")));
        printf("its settings: %s/best.yaml\n", folder);
    }
    printf("%s after %s with %zu results in %s\n", status ? "stopped" : "done",
           duration(json_number_value(json_object_get(result, "seconds")), time),
           json_array_size(json_object_get(result, "trials")), folder);
    json_decref(result);
}

/* --- signals ---------------------------------------------------------------------------------- */

// A signal handler can reach nothing else.
static kaon_kernel *volatile searching;

static void on_signal(int number)
{
    static const char words[] = "\nstopping; trials that have not ended begin anew next time\n";
    if (searching)
        kaon_stop(searching);
    const ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written;
    signal(number, SIG_DFL);
}

static void catch_signals(kaon_kernel *kernel)
{
    searching = kernel;
    signal(SIGINT, kernel ? on_signal : SIG_DFL);
    signal(SIGTERM, kernel ? on_signal : SIG_DFL);
}

/* --- the command ------------------------------------------------------------------------------ */

static int tune_file(session *s, options *o, const char *path)
{
    progress p;
    char *json = NULL;
    progress_init(&p, o->common.quiet || o->common.json, NULL);
    const kaon_tune_request request = {
        .size = sizeof request,
        .threads = (int32_t)o->common.threads,
        .config_path = path,
        .folder = o->folder,
        .backend = o->backend,
        .parallel = o->parallel,
        .trials = o->trials,
        .set_count = o->sets.count,
        .sets = o->sets.at,
        .event = progress_event,
        .event_context = &p,
    };
    s->progress = &p;
    catch_signals(s->kernel);
    const kaon_status status = kaon_tune(s->kernel, &request, &json, s->error);
    catch_signals(NULL);
    progress_end(&p);
    s->progress = NULL;
    const int code = status ? session_fail(s) : EXIT_OK;
    if (json && o->common.json && !status)
        print_json(json);
    else if (json && !o->common.json)
        print_result(json, status);
    kaon_text_free(json);
    return code;
}

int tune_main(int argc, char **argv)
{
    options o = {0};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"out", 'o', TAKES_TEXT, "DIR", "the folder of the search; else runs/<name>-tune",
         &o.folder},
        {"trials", 'n', TAKES_NUMBER, "N", "at most this many; else as the file says", &o.trials},
        {"parallel", 'p', TAKES_NUMBER, "N", "trials at work at a time; else as the file says",
         &o.parallel},
        {"set", 's', TAKES_TEXTS, "A.B=C",
         "change the configuration of all trials; may be repeated", &o.sets},
        {"backend", 'b', TAKES_TEXT, "NAME", "where to compute; else the best there is",
         &o.backend},
        {"threads", 't', TAKES_NUMBER, "N", "at most this many, shared by the trials",
         &o.common.threads},
        {"quiet", 'q', TAKES_NOTHING, NULL, "print the results only", &o.common.quiet},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("tune");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1)
        return wrong_use(self, argc == first ? "name the YAML file of the experiment"
                                             : "one experiment at a time");
    code = session_open(&s, &o.common);
    if (!code)
        code = tune_file(&s, &o, argv[first]);
    session_close(&s);
    return code;
}
