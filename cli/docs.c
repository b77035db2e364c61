/* docs.c: kaon docs: the reference in Markdown and the man pages, from the tables the program runs
 * on.
 *
 *     kaon docs reference DIR     experiment.md, commands.md, errors.md and one file per kind of
 * item kaon docs man DIR           kaon.1 and kaon-<command>.1
 */
#include "command.h"
#include "fault_help.h"
#include "subcommands.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

// NULL after the reason was printed.
static FILE *open_page(const char *folder, const char *name, const char *ending)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    FILE *to = fopen(path, "w");
    if (!to)
        fprintf(stderr, "kaon docs: cannot write %s: %s\n", path, strerror(errno));
    return to;
}

// 0, or the exit code: a full disk shows when the file is closed.
static int close_page(FILE *to)
{
    const int failed = ferror(to);
    if (!fclose(to) && !failed)
        return EXIT_OK;
    fprintf(stderr, "kaon docs: cannot write: %s\n", strerror(errno));
    return EXIT_FAILED;
}

/* --- Markdown: options ------------------------------------------------------------------------ */

// In a cell of a table a bar must not end it.
static void put_cell(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

static void put_default(FILE *to, const json_t *option)
{
    char number[32];
    const json_t *value = json_object_get(option, "default");
    if (json_is_true(json_object_get(option, "required"))) {
        fputs("**required**", to);
        return;
    }
    if (json_is_string(value) && *json_string_value(value)) {
        fputs("`", to);
        put_cell(to, json_string_value(value));
        fputs("`", to);
    } else if (json_is_boolean(value)) {
        fprintf(to, "`%s`", json_is_true(value) ? "true" : "false");
    } else if (json_is_number(value)) {
        snprintf(number, sizeof number, "%.10g", json_number_value(value));
        fprintf(to, "`%s`", number);
    }
}

// What an option may be; of a section, where it stands.
static void put_values(FILE *to, const json_t *owner, const json_t *option)
{
    size_t i;
    json_t *section;
    json_array_foreach(json_object_get(owner, "sections"), i, section)
    {
        const char *name = strchr(json_string_value(section), ':');
        if (name && !strcmp(name + 1, text_of(option, "name"))) {
            fprintf(to, "[below](#%s)", name + 1);
            return;
        }
    }
    put_cell(to, text_of(option, "values"));
}

static void put_options(FILE *to, const json_t *owner)
{
    size_t i;
    json_t *option;
    const json_t *options = json_object_get(owner, "options");
    if (!json_array_size(options)) {
        fputs("No options.\n", to);
        return;
    }
    fputs("| option | default | values | |\n|---|---|---|---|\n", to);
    for (int expert = 0; expert < 2; expert++)
        json_array_foreach(options, i, option)
        {
            if (json_is_true(json_object_get(option, "expert")) != expert)
                continue;
            fprintf(to, "| `%s` | ", text_of(option, "name"));
            put_default(to, option);
            fputs(" | ", to);
            put_values(to, owner, option);
            fputs(" | ", to);
            put_cell(to, text_of(option, "help"));
            fputs(" |\n", to);
        }
}

/* --- Markdown: items and sections ------------------------------------------------------------- */

static json_t *look_up(const session *s, const char *name)
{
    char *json = NULL;
    if (kaon_item_json(s->kernel, name, &json, s->error))
        session_fail(s);
    json_t *found = json ? json_loads(json, 0, NULL) : NULL;
    kaon_text_free(json);
    return found;
}

static void put_section(FILE *to, const session *s, const char *name, int level)
{
    size_t i;
    json_t *section = look_up(s, name), *below;
    const char *colon = strchr(name, ':');
    fprintf(to, "\n%.*s %s\n\n", level, "####", colon ? colon + 1 : "top level");
    put_options(to, section);
    json_array_foreach(json_object_get(section, "sections"), i, below)
        put_section(to, s, json_string_value(below), level < 4 ? level + 1 : level);
    json_decref(section);
}

static int write_experiment(const session *s, const char *folder)
{
    static const char head[] =
        "# The experiment file\n\n"
        "One YAML file is one experiment: keys and values as below. `kaon check FILE` tells what "
        "is "
        "wrong with it,\n`kaon render FILE` shows it with all defaults, `kaon schema` gives an "
        "editor "
        "what it needs to complete keys.\n\n"
        "An item (a learner, a layer, a reader ...) is written as its name, or as its name with "
        "settings below it:\n\n"
        "```yaml\nlayers:\n  - flatten\n  - dense: {units: 64, activation: relu}\n"
        "  - {dense: {units: 5}, as: scores}     # with a label of yours\n```\n\n"
        "`include: [common.yaml]` takes in other files, relative to this one: sections are merged "
        "key "
        "by key, all else\nis replaced, and what stands in the including file goes before. `vars: "
        "{units: 64}` names values; `\"${units}\"`\nalone stands for the value as it is, within a "
        "text "
        "for its text, and `$${` for `${`. Last come the edits of the\ncommand line, `--set "
        "model.network.epochs=5`: keys with dots between them, entries of lists by number from 0 "
        "or "
        "by the\nname of the item.\n";
    FILE *to = open_page(folder, "experiment", ".md");
    if (!to)
        return EXIT_FAILED;
    fputs(head, to);
    put_section(to, s, "experiment", 2);
    return close_page(to);
}

static void put_item(FILE *to, const session *s, const char *kind, const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s:%s", kind, name);
    json_t *item = look_up(s, full);
    fprintf(to, "\n## %s\n\n%s", name, text_of(item, "help"));
    fprintf(to, " (plugin `%s`)\n\n", text_of(item, "plugin"));
    put_options(to, item);
    json_decref(item);
}

static int write_kind(const session *s, const char *folder, const char *kind)
{
    size_t i;
    json_t *item;
    char *json = NULL;
    if (kaon_items(s->kernel, kind, &json, s->error))
        return session_fail(s);
    json_t *list = json_loads(json, 0, NULL);
    FILE *to = open_page(folder, kind, ".md");
    if (to) {
        fprintf(to,
                "# Items of kind %s\n\nWhat comes with Kaon; `kaon inspect %s` lists what is "
                "installed, `kaon inspect %s:NAME` tells the same\nof one.\n",
                kind, kind, kind);
        json_array_foreach(list, i, item) put_item(to, s, kind, text_of(item, "name"));
    }
    json_decref(list);
    kaon_text_free(json);
    return to ? close_page(to) : EXIT_FAILED;
}

// One file for each kind of which something is installed.
static int write_kinds(const session *s, const char *folder)
{
    size_t i;
    json_t *item;
    char *json = NULL;
    char before[64] = "";
    int code = EXIT_OK;
    if (kaon_items(s->kernel, NULL, &json, s->error))
        return session_fail(s);
    json_t *list = json_loads(json, 0, NULL);
    json_array_foreach(list, i, item)
    {
        if (!code && strcmp(before, text_of(item, "kind"))) {
            snprintf(before, sizeof before, "%s", text_of(item, "kind"));
            code = write_kind(s, folder, before);
        }
    }
    json_decref(list);
    kaon_text_free(json);
    return code;
}

static int write_errors(const char *folder)
{
    FILE *to = open_page(folder, "errors", ".md");
    if (!to)
        return EXIT_FAILED;
    fputs("# Codes of errors\n\nWhat `kaon explain CODE` tells.\n", to);
    for (const fault_help *h = fault_helps; h->code; h++)
        fprintf(to, "\n## C%04d: %s\n\n%s\n\n```yaml\n%s\n```\n\n%s\n", h->code, h->title, h->text,
                h->example, h->remedy);
    return close_page(to);
}

/* --- Markdown: commands ----------------------------------------------------------------------- */

static void put_rows(void *context, const command *c, const option_row *rows)
{
    FILE *to = context;
    (void)c;
    if (!rows->name)
        return;
    fputs("\n| option | |\n|---|---|\n", to);
    for (const option_row *row = rows; row->name; row++) {
        fprintf(to, "| `--%s%s%s`", row->name, row->value ? " " : "", row->value ? row->value : "");
        if (row->letter)
            fprintf(to, ", `-%c`", row->letter);
        fputs(" | ", to);
        put_cell(to, row->help);
        fputs(" |\n", to);
    }
}

static int write_commands(const char *folder)
{
    FILE *to = open_page(folder, "commands", ".md");
    if (!to)
        return EXIT_FAILED;
    fputs("# Commands\n\nExit codes: 0 done, 1 failed, 2 wrong use or a wrong configuration, 75 "
          "interrupted with everything saved.\n",
          to);
    for (const command *c = commands; c->name; c++) {
        if (!*c->summary)
            continue;
        fprintf(to, "\n## kaon %s\n\n%c%s.\n\n```\nkaon %s %s\n```\n", c->name,
                toupper((unsigned char)*c->summary), c->summary + 1, c->name, c->usage);
        describe_command(c, put_rows, to);
        if (c->examples)
            fprintf(to, "\n```sh\n%s```\n", c->examples);
    }
    return close_page(to);
}

/* --- man pages -------------------------------------------------------------------------------- */

// Text as troff takes it: no hyphens for minus signs, no line that begins with a request.
static void put_troff(FILE *to, const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((at == text || at[-1] == '\n') && (*at == '.' || *at == '\''))
            fputs("\\&", to);
        if (*at == '\\')
            fputs("\\e", to);
        else if (*at == '-')
            fputs("\\-", to);
        else
            fputc(*at, to);
    }
}

static void put_man_row(FILE *to, const option_row *row)
{
    fputs(".TP\n", to);
    if (row->letter)
        fprintf(to, "\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", to);
    put_troff(to, row->name);
    fputs("\\fR", to);
    if (row->value)
        fprintf(to, " \\fI%s\\fR", row->value);
    fputs("\n", to);
    put_troff(to, row->help);
    fputs("\n", to);
}

static void put_man_rows(void *context, const command *c, const option_row *rows)
{
    FILE *to = context;
    (void)c;
    fputs(".SH OPTIONS\n", to);
    for (const option_row *row = rows; row->name; row++)
        put_man_row(to, row);
    put_man_row(to, &(option_row){"help", 'h', TAKES_NOTHING, NULL, "this text", NULL});
}

static void put_title(FILE *to, const char *name)
{
    fprintf(to, ".TH \"%s\" 1 \"\" \"Kaon %s\" \"Kaon\"\n.SH NAME\n", name, kaon_version());
}

static int write_man_page(const char *folder, const command *c)
{
    char name[64];
    snprintf(name, sizeof name, "kaon-%s", c->name);
    FILE *to = open_page(folder, name, ".1");
    if (!to)
        return EXIT_FAILED;
    put_title(to, name);
    put_troff(to, name);
    fputs(" \\- ", to);
    put_troff(to, c->summary);
    fprintf(to, "\n.SH SYNOPSIS\n\\fBkaon %s\\fR ", c->name);
    put_troff(to, c->usage);
    fputs("\n", to);
    describe_command(c, put_man_rows, to);
    if (c->examples) {
        fputs(".SH EXAMPLES\n.nf\n", to);
        put_troff(to, c->examples);
        fputs(".fi\n", to);
    }
    fputs(".SH EXIT STATUS\n0: done; 1: failed; 2: wrong use or a wrong configuration; 75: "
          "interrupted, "
          "with everything saved\n.SH SEE ALSO\n\\fBkaon\\fR(1)\n",
          to);
    return close_page(to);
}

static const char *const environment[][2] = {
    {"KAON_PLUGIN_PATH", "folders with further plugins, colons between them"},
    {"KAON_BACKEND", "the backend that is used where the command names none"},
    {"KAON_SITE", "the site's settings in place of /etc/kaon/site.yaml"},
    {"XDG_CACHE_HOME", "where the cache lies, in place of ~/.cache"},
    {"NO_COLOR", "no colours, whatever it holds"},
};

static int write_main_page(const char *folder)
{
    FILE *to = open_page(folder, "kaon", ".1");
    if (!to)
        return EXIT_FAILED;
    put_title(to, "kaon");
    fputs(
        "kaon \\- machine learning for physics experiments\n.SH SYNOPSIS\n\\fBkaon\\fR "
        "\\fICOMMAND\\fR ...\n.SH DESCRIPTION\nOne YAML file describes an experiment: the data, "
        "the "
        "model, what is to be reported. \\fBkaon run\\fR\ntrains and judges it and leaves a folder "
        "with the model, metrics and a report.\n.SH COMMANDS\n",
        to);
    for (const command *c = commands; c->name; c++)
        if (*c->summary) {
            fprintf(to, ".TP\n\\fBkaon\\-%s\\fR(1)\n", c->name);
            put_troff(to, c->summary);
            fputs("\n", to);
        }
    fputs(".SH ENVIRONMENT\n", to);
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++) {
        fprintf(to, ".TP\n\\fB%s\\fR\n", environment[i][0]);
        put_troff(to, environment[i][1]);
        fputs("\n", to);
    }
    fputs(
        ".SH FILES\n.TP\n/etc/kaon/site.yaml\nplugin folders, backend and pins of this site\n.TP\n"
        "~/.kaon/plugins\nplugins of your own\n",
        to);
    return close_page(to);
}

static int write_man(const char *folder)
{
    int code = write_main_page(folder);
    for (const command *c = commands; c->name && !code; c++)
        if (*c->summary)
            code = write_man_page(folder, c);
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int write_reference(const char *folder)
{
    session s;
    const common_options common = {.quiet = 1};
    int code = session_open(&s, &common);
    if (!code)
        code = write_experiment(&s, folder);
    if (!code)
        code = write_kinds(&s, folder);
    session_close(&s);
    if (!code)
        code = write_commands(folder);
    return code ? code : write_errors(folder);
}

int docs_main(int argc, char **argv)
{
    int first = 0;
    const option_row rows[] = {{0}};
    const command *self = find_command("docs");
    const int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first == 2 && !strcmp(argv[first], "reference"))
        return write_reference(argv[first + 1]);
    if (argc - first == 2 && !strcmp(argv[first], "man"))
        return write_man(argv[first + 1]);
    return wrong_use(self, "say what to write and where: reference DIR or man DIR");
}
