/* report.c: kaon report: a run's figures and page, made anew. */
#include "command.h"
#include "subcommands.h"

#include <stdio.h>
#include <string.h>

static int print_report(const char *json)
{
    json_t *made = json_loads(json, 0, NULL), *text;
    size_t i;
    json_array_foreach(json_object_get(made, "notes"), i, text)
    {
        fprintf(stderr, "note: %s\n", json_string_value(text));
    }
    const json_t *figures = json_object_get(made, "figures");
    printf("%s: %zu figure%s", json_string_value(json_object_get(made, "report")),
           json_array_size(figures), json_array_size(figures) == 1 ? "" : "s");
    json_array_foreach(figures, i, text)
    {
        printf("%s%s", i ? ", " : ": ", json_string_value(text));
    }
    putchar('\n');
    json_decref(made);
    return EXIT_OK;
}

int report_main(int argc, char **argv)
{
    common_options common = {0};
    session s;
    char *json = NULL;
    int first = 0;
    const option_row rows[] = {COMMON_ROWS(common), {0}};
    const command *self = find_command("report");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc == first)
        return wrong_use(self, "name the folder of a run");
    const kaon_report_request request = {.size = sizeof request,
                                         .folder = argv[first],
                                         .figure_count = argc - first - 1,
                                         .figures = (const char *const *)argv + first + 1};
    code = session_open(&s, &common);
    if (!code)
        code = kaon_report(s.kernel, &request, &json, s.error) ? session_fail(&s) : EXIT_OK;
    if (json)
        code = common.json ? print_json(json) : print_report(json);
    kaon_text_free(json);
    session_close(&s);
    return code;
}
