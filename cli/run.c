/* run.c: kaon run: trains what a YAML file describes and judges it. */
#include "run.h"
#include "progress.h"
#include "subcommands.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_SHOWN = 8 };

/* --- the head --------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

// "gluon, quark, W, Z, top", or the first few and how many there are.
static void print_names(const json_t *names)
{
    const size_t count = json_array_size(names);
    const size_t shown = count > NAMES_SHOWN + 2 ? NAMES_SHOWN : count;
    for (size_t i = 0; i < shown; i++)
        fprintf(stderr, "%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
    if (shown < count)
        fprintf(stderr, ", ... (%zu)", count);
}

static void print_rows(const json_t *head)
{
    const char *part;
    json_t *value;
    char count[32];
    int first = 1;
    fprintf(stderr, "  data        %s: ", text_of(head, "source"));
    json_object_foreach(json_object_get(head, "rows"), part, value)
    {
        fprintf(stderr, "%s%s %s", first ? "" : ", ", long_count(json_integer_value(value), count),
                part);
        first = 0;
    }
    if (number_of(head, "folds"))
        fprintf(stderr, "; %lld folds", (long long)number_of(head, "folds"));
    if (number_of(head, "dropped"))
        fprintf(stderr, " (%s rows with missing values left out)",
                long_count(number_of(head, "dropped"), count));
    fputc('\n', stderr);
}

static void print_list(const char *title, const json_t *names, const char *between)
{
    fprintf(stderr, "  %-11s ", title);
    if (!between) {
        print_names(names);
    } else {
        for (size_t i = 0; i < json_array_size(names); i++)
            fprintf(stderr, "%s%s", i ? between : "", json_string_value(json_array_get(names, i)));
    }
    fputc('\n', stderr);
}

static void print_head(const char *json)
{
    json_t *head = json_loads(json, 0, NULL);
    if (!head)
        return;
    if (json_object_get(head, "environment")) {
        fprintf(stderr, "  world       %s\n  agent       %s\n", text_of(head, "environment"),
                text_of(head, "agent"));
    } else {
        print_rows(head);
        print_list("features", json_object_get(head, "features"), NULL);
        if (*text_of(head, "target")) {
            fprintf(stderr, "  target      %s", text_of(head, "target"));
            if (json_array_size(json_object_get(head, "classes"))) {
                fprintf(stderr, ": ");
                print_names(json_object_get(head, "classes"));
            }
            fputc('\n', stderr);
        }
        print_list("model", json_object_get(head, "learners"), " -> ");
        if (*text_of(head, "backend"))
            fprintf(stderr, "  backend     %s, %lld thread%s\n", text_of(head, "backend"),
                    (long long)number_of(head, "threads"),
                    number_of(head, "threads") == 1 ? "" : "s");
    }
    json_decref(head);
}

/* --- the result ------------------------------------------------------------------------------- */

// Parts in the order people read them.
static const char *const part_names[] = {"test", "validation", "train"};

static void add_cells(table *t, const char *name, const json_t *parts, const json_t *top)
{
    table_cell(t, "%s", name);
    if (!parts) {
        metric_cell(t, top, name);
        return;
    }
    for (int i = 0; i < 3; i++) {
        const json_t *part = json_object_get(parts, part_names[i]);
        if (part)
            metric_cell(t, part, name);
    }
}

// A cross-validation: all rows out of fold, and how the folds differ.
static void print_folds(json_t *metrics)
{
    static const char *const columns[] = {"mean", "spread"};
    const char *name;
    char number[32];
    json_t *value;
    table *t = table_new(4);
    table_cell(t, "%s", "");
    table_cell(t, "%s", "out of fold");
    for (int i = 0; i < 2; i++)
        table_cell(t, "%s", columns[i]);
    json_object_foreach(json_object_get(metrics, "mean"), name, value)
    {
        table_cell(t, "%s", name);
        table_cell(t, "%s", metric_number(json_object_get(metrics, name), number));
        for (int i = 0; i < 2; i++)
            table_cell(
                t, "%s",
                metric_number(json_object_get(json_object_get(metrics, columns[i]), name), number));
    }
    table_print(t, stdout, 2, 1);
    table_free(t);
}

static void print_metrics(json_t *metrics)
{
    const json_t *parts = json_object_get(metrics, "parts");
    const char *name;
    json_t *value;
    int columns = 1;
    if (json_object_get(metrics, "folds")) {
        print_folds(metrics);
        return;
    }
    for (int i = 0; i < 3 && parts; i++)
        columns += json_object_get(parts, part_names[i]) != NULL;
    table *t = table_new(parts ? columns : 2);
    if (parts) {
        table_cell(t, "%s", "");
        for (int i = 0; i < 3; i++)
            if (json_object_get(parts, part_names[i]))
                table_cell(t, "%s", part_names[i]);
    }
    json_object_foreach(metrics, name, value)
    {
        if (json_is_number(value) && strcmp(name, "rows"))
            add_cells(t, name, parts, metrics);
    }
    table_print(t, stdout, 2, parts != NULL);
    table_free(t);
}

// Of a run that failed, what is left of it.
static void print_kept(const json_t *result)
{
    if (*text_of(result, "model"))
        printf("what was learned before is kept in %s\n", text_of(result, "model"));
    else if (*text_of(result, "folder"))
        printf("nothing was learned; %s/log.txt tells how far it got\n", text_of(result, "folder"));
}

static void print_result(const char *json, int status)
{
    char time[32];
    json_t *result = json_loads(json, 0, NULL);
    json_t *metrics = json_object_get(result, "metrics");
    if (status && status != KAON_CANCELLED) {
        print_kept(result);
        json_decref(result);
        return;
    }
    if (json_object_size(metrics)) {
        printf("\n");
        print_metrics(metrics);
    }
    printf("\n%s after %s%s%s; results in %s\n", status ? "stopped" : "done",
           duration(json_number_value(json_object_get(result, "seconds")), time),
           *text_of(result, "backend") ? " on " : "", text_of(result, "backend"),
           text_of(result, "folder"));
    if (status)
        printf("go on with: kaon resume %s\n", text_of(result, "folder"));
    json_decref(result);
}

/* --- signals and time ------------------------------------------------------------------------- */

// A signal handler can reach nothing else.
static kaon_kernel *volatile running;

// SIGUSR1 is what batch systems send some time before the end.
static const int caught[] = {SIGINT, SIGTERM, SIGUSR1};

enum { CAUGHT = sizeof caught / sizeof *caught };

/* The first signal lets the run end at a good point and save; the second one, whichever it is, ends
 * the process. */
static void on_signal(int number)
{
    static const char words[] = "\nsaving after this step; once more to stop at once\n";
    (void)number;
    if (running)
        kaon_stop(running);
    for (int i = 0; i < CAUGHT; i++)
        signal(caught[i], SIG_DFL);
    const ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written;
}

static void catch_signals(kaon_kernel *kernel)
{
    running = kernel;
    for (int i = 0; i < CAUGHT; i++)
        signal(caught[i], kernel ? on_signal : SIG_DFL);
}

static const double most_seconds = 1e9; // nobody waits longer

// "1:30:00", "2-12:00:00": fields of a clock, as batch systems write them. -1: it is none.
static double clock_seconds(const char *text)
{
    static const double day = 86400;
    double seconds = 0, days = 0;
    const char *dash = strchr(text, '-');
    char *end = NULL;
    if (dash) {
        days = strtod(text, &end);
        text = dash + 1;
    }
    for (int fields = 0; !end || end == dash || *end == ':'; fields++) {
        const char *at = end && *end == ':' ? end + 1 : text;
        const double field = strtod(at, &end);
        if (end == at || !(field >= 0 && field < most_seconds) || fields == 3)
            return -1;
        seconds = 60 * seconds + field;
    }
    return *end ? -1 : days * day + seconds;
}

double read_duration(const char *text)
{
    static const struct {
        const char *word;
        double seconds;
    } units[] = {{"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}};
    double total = 0;
    if (strchr(text, ':'))
        return clock_seconds(text);
    for (const char *at = text; *at;) {
        char *end = NULL;
        const double value = strtod(at, &end);
        const size_t letters = strspn(end + strspn(end, " "), "abcdefghijklmnopqrstuvwxyz");
        const char *word = end + strspn(end, " ");
        int unit = 0;
        while (unit < 4 && (!letters || strncmp(units[unit].word, word, letters)))
            unit++;
        if (end == at || !(value >= 0 && value < most_seconds) || unit == 4)
            return -1;
        total += value * units[unit].seconds;
        at = word + letters + strspn(word + letters, " ");
    }
    return *text ? total : -1;
}

/* --- the command ------------------------------------------------------------------------------ */

int run_request(session *s, const common_options *common, kaon_run_request *request)
{
    progress p;
    char *json = NULL;
    const int resumes = (request->flags & KAON_RUN_RESUME) != 0;
    const char *subject = resumes ? request->folder : request->config_path;
    progress_init(&p, common->quiet || common->json, print_head);
    request->event = progress_event;
    request->event_context = &p;
    if (!p.quiet)
        fprintf(stderr, "kaon %s %s\n", resumes ? "resume" : "run", subject);
    s->progress = &p;
    catch_signals(s->kernel);
    const kaon_status status = kaon_run(s->kernel, request, &json, s->error);
    catch_signals(NULL);
    progress_end(&p);
    s->progress = NULL;
    const int check = (request->flags & KAON_RUN_CHECK) != 0;
    int code = status ? session_fail(s) : EXIT_OK;
    if (json && common->json && !status)
        print_json(json);
    else if (json && !common->json && !check)
        print_result(json, status);
    else if (!status && check && !common->json)
        printf("%s is right\n", subject);
    kaon_text_free(json);
    return code;
}

typedef struct {
    common_options common;
    const char *folder;
    const char *backend;
    const char *profile;
    const char *time_limit;
    int64_t seed;
    text_list sets;
    int check, explain;
} options;

static int run_file(session *s, const options *o, const char *path)
{
    kaon_run_request request = {
        .size = sizeof request,
        .flags = (o->check ? KAON_RUN_CHECK : 0u) | (o->explain ? KAON_RUN_EXPLAIN : 0u),
        .config_path = path,
        .folder = o->folder,
        .backend = o->backend,
        .threads = (int32_t)o->common.threads,
        .has_seed = o->seed >= 0,
        .seed = (uint64_t)o->seed,
        .set_count = o->sets.count,
        .sets = o->sets.at,
        .profile = o->profile,
        .time_limit = o->time_limit ? read_duration(o->time_limit) : 0,
    };
    return run_request(s, &o->common, &request);
}

int run_main(int argc, char **argv)
{
    options o = {.seed = -1};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"out", 'o', TAKES_TEXT, "DIR", "the run folder; else the next of runs/<name>-1, -2 ...",
         &o.folder},
        {"set", 's', TAKES_TEXTS, "A.B=C", "change the configuration; may be repeated", &o.sets},
        {"seed", 0, TAKES_NUMBER, "N", "of everything random, in place of the file's", &o.seed},
        {"backend", 'b', TAKES_TEXT, "NAME", "where to compute; else the best there is",
         &o.backend},
        {"threads", 't', TAKES_NUMBER, "N", "at most this many; results do not depend on it",
         &o.common.threads},
        {"time-limit", 0, TAKES_TEXT, "TIME",
         "save and stop with exit code 75 after 2h, 90min, 1:30:00 ...", &o.time_limit},
        {"check", 0, TAKES_NOTHING, NULL, "check the file and a little of the data, train nothing",
         &o.check},
        {"explain", 0, TAKES_NOTHING, NULL, "print the compiled programs", &o.explain},
        {"profile", 0, TAKES_TEXT, "FILE", "write a Chrome trace of all launches", &o.profile},
        {"quiet", 'q', TAKES_NOTHING, NULL, "print the results only", &o.common.quiet},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("run");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1)
        return wrong_use(self, argc == first ? "name the YAML file of the experiment"
                                             : "one experiment at a time");
    if (o.time_limit && read_duration(o.time_limit) <= 0)
        return wrong_use(self, TIME_LIMIT_WRONG, o.time_limit);
    code = session_open(&s, &o.common);
    if (!code)
        code = run_file(&s, &o, argv[first]);
    session_close(&s);
    return code;
}
