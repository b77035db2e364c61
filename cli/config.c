/* config.c: kaon check, render, schema, explain: what helps to write an experiment. */
#include "command.h"
#include "fault_help.h"
#include "subcommands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- check ------------------------------------------------------------------------------------ */

// What a check found out, of the head of a run: "16 features, 5 classes; standardize -> network".
static void keep_head(void *context, const kaon_event *event)
{
    json_t **head = context;
    if (event->kind != KAON_EVENT_HEAD)
        return;
    json_decref(*head);
    *head = json_loads(event->text, 0, NULL);
}

static void print_count(const json_t *head, const char *key, const char *one, const char *many,
                        int *printed)
{
    const size_t count = json_array_size(json_object_get(head, key));
    if (count)
        printf("%s%zu %s", (*printed)++ ? ", " : ": ", count, count == 1 ? one : many);
}

static void print_right(const char *path, const json_t *head)
{
    size_t i;
    json_t *name;
    int printed = 0;
    printf("%s is right", path);
    print_count(head, "features", "feature", "features", &printed);
    print_count(head, "classes", "class", "classes", &printed);
    json_array_foreach(json_object_get(head, "learners"), i, name)
    {
        printf("%s%s", i ? " -> " : "; ", json_string_value(name));
    }
    name = json_object_get(head, "agent");
    if (name)
        printf("; %s in %s", json_string_value(name),
               json_string_value(json_object_get(head, "environment")));
    printf("\n");
}

static int check_file(const session *s, const char *path, const text_list *sets)
{
    json_t *head = NULL;
    char *json = NULL;
    const kaon_run_request request = {
        .size = sizeof request,
        .flags = KAON_RUN_CHECK,
        .config_path = path,
        .set_count = sets->count,
        .sets = sets->at,
        .event = keep_head,
        .event_context = &head,
    };
    const kaon_status status = kaon_run(s->kernel, &request, &json, s->error);
    const int code = status ? session_fail(s) : EXIT_OK;
    if (!status && s->common->json) {
        json_object_set_new(head, "right", json_true());
        char *text = json_dumps(head, JSON_INDENT(2));
        print_json(text ? text : "{}");
        free(text);
    } else if (!status && !s->common->quiet) {
        print_right(path, head);
    }
    json_decref(head);
    kaon_text_free(json);
    return code;
}

static int read_files(const command *self, const option_row *rows, int argc, char **argv,
                      int *first)
{
    const int code = read_options(self, rows, argc, argv, first);
    if (code < 0 && *first == argc)
        return wrong_use(self, "name the YAML file of the experiment");
    return code;
}

int check_main(int argc, char **argv)
{
    common_options common = {0};
    text_list sets = {0};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"set", 's', TAKES_TEXTS, "A.B=C", "change the configuration; may be repeated", &sets},
        {"quiet", 'q', TAKES_NOTHING, NULL, "print what is wrong only", &common.quiet},
        COMMON_ROWS(common),
        {0},
    };
    int code = read_files(find_command("check"), rows, argc, argv, &first);
    if (code >= 0)
        return code;
    code = session_open(&s, &common);
    for (int i = first; i < argc && s.kernel; i++) {
        const int one = check_file(&s, argv[i], &sets);
        code = code ? code : one;
    }
    session_close(&s);
    return code;
}

/* --- render ----------------------------------------------------------------------------------- */

int render_main(int argc, char **argv)
{
    common_options common = {0};
    text_list sets = {0};
    session s;
    char *yaml = NULL;
    int first = 0;
    const option_row rows[] = {
        {"set", 's', TAKES_TEXTS, "A.B=C", "change the configuration; may be repeated", &sets},
        COMMON_ROWS(common),
        {0},
    };
    const command *self = find_command("render");
    int code = read_files(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1)
        return wrong_use(self, "one experiment at a time");
    const kaon_run_request request = {.size = sizeof request,
                                      .config_path = argv[first],
                                      .set_count = sets.count,
                                      .sets = sets.at};
    code = session_open(&s, &common);
    if (!code)
        code = kaon_config_render(s.kernel, &request, &yaml, s.error) ? session_fail(&s) : EXIT_OK;
    if (yaml)
        fputs(yaml, stdout);
    kaon_text_free(yaml);
    session_close(&s);
    return code;
}

/* --- schema ----------------------------------------------------------------------------------- */

int schema_main(int argc, char **argv)
{
    common_options common = {0};
    session s;
    char *json = NULL;
    int first = 0;
    const option_row rows[] = {COMMON_ROWS(common), {0}};
    const command *self = find_command("schema");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (first < argc)
        return wrong_use(self, "it takes no file: the schema is that of all experiments");
    code = session_open(&s, &common);
    if (!code)
        code = kaon_config_schema(s.kernel, &json, s.error) ? session_fail(&s) : print_json(json);
    kaon_text_free(json);
    session_close(&s);
    return code;
}

/* --- explain ---------------------------------------------------------------------------------- */

static json_t *help_json(const fault_help *h)
{
    char code[16];
    snprintf(code, sizeof code, "C%04d", h->code);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", code, "title", h->title, "text", h->text,
                     "example", h->example, "remedy", h->remedy);
}

static int print_helps_json(const fault_help *one)
{
    json_t *root = one ? help_json(one) : json_array();
    for (const fault_help *h = fault_helps; !one && h->code; h++)
        json_array_append_new(root, help_json(h));
    char *text = json_dumps(root, JSON_INDENT(2));
    const int code = text ? print_json(text) : EXIT_FAILED;
    free(text);
    json_decref(root);
    return code;
}

// Words broken into lines of at most 88 characters; every line indented.
static void print_wrapped(const char *text, int indent)
{
    int column = 0;
    while (*text) {
        const int word = (int)strcspn(text, " ");
        if (column && column + 1 + word > 88 - indent) {
            printf("\n");
            column = 0;
        }
        printf("%*s%.*s", column ? 1 : indent, "", word, text);
        column += word + (column > 0);
        text += word + (text[word] == ' ');
    }
    printf("\n");
}

static void print_help_of(const fault_help *h)
{
    printf("C%04d: %s\n\n", h->code, h->title);
    print_wrapped(h->text, 0);
    printf("\nfor example\n\n");
    for (const char *line = h->example; *line;) {
        const int length = (int)strcspn(line, "\n");
        printf("    %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
    printf("\nwhat to do\n\n");
    print_wrapped(h->remedy, 0);
}

// "C0107", "c107" or "107"; NULL: there is none.
static const fault_help *find_help(const char *word)
{
    char *end = NULL;
    const long number = strtol(word + (*word == 'C' || *word == 'c'), &end, 10);
    for (const fault_help *h = fault_helps; h->code; h++)
        if (h->code == number && !*end)
            return h;
    return NULL;
}

int explain_main(int argc, char **argv)
{
    common_options common = {0};
    int first = 0;
    const option_row rows[] = {
        {"json", 0, TAKES_NOTHING, NULL, "print JSON instead of text", &common.json},
        {0},
    };
    const command *self = find_command("explain");
    const int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first > 1)
        return wrong_use(self, "one code at a time");
    const fault_help *one = first < argc ? find_help(argv[first]) : NULL;
    if (first < argc && !one)
        return wrong_use(self, "there is no code '%s'; 'kaon explain' lists all", argv[first]);
    if (common.json)
        return print_helps_json(one);
    if (one)
        print_help_of(one);
    for (const fault_help *h = fault_helps; !one && h->code; h++)
        printf("C%04d  %s\n", h->code, h->title);
    return EXIT_OK;
}
