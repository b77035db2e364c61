/* resume.c: kaon resume: goes on with a run that was stopped or killed. */
#include "run.h"
#include "subcommands.h"

typedef struct {
    common_options common;
    const char *backend;
    const char *time_limit;
    text_list sets;
    int force;
} options;

int resume_main(int argc, char **argv)
{
    options o = {0};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"time-limit", 0, TAKES_TEXT, "TIME",
         "save and stop with exit code 75 after 2h, 90min, 1:30:00 ...", &o.time_limit},
        {"force", 0, TAKES_NOTHING, NULL,
         "also if configuration, data or plugins changed since the run began", &o.force},
        {"set", 's', TAKES_TEXTS, "A.B=C", "with --force: change the configuration", &o.sets},
        {"backend", 'b', TAKES_TEXT, "NAME", "with --force: compute elsewhere", &o.backend},
        {"threads", 't', TAKES_NUMBER, "N", "at most this many; results do not depend on it",
         &o.common.threads},
        {"quiet", 'q', TAKES_NOTHING, NULL, "print the results only", &o.common.quiet},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("resume");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1)
        return wrong_use(self, argc == first ? "name the run folder" : "one run at a time");
    if (o.time_limit && read_duration(o.time_limit) <= 0)
        return wrong_use(self, TIME_LIMIT_WRONG, o.time_limit);
    kaon_run_request request = {
        .size = sizeof request,
        .flags = KAON_RUN_RESUME | (o.force ? KAON_RUN_FORCE : 0u),
        .folder = argv[first],
        .backend = o.backend,
        .threads = (int32_t)o.common.threads,
        .set_count = o.sets.count,
        .sets = o.sets.at,
        .time_limit = o.time_limit ? read_duration(o.time_limit) : 0,
    };
    code = session_open(&s, &o.common);
    if (!code)
        code = run_request(&s, &o.common, &request);
    session_close(&s);
    return code;
}
