/* completion.c: kaon completion: scripts for shells, which ask `kaon complete` what may come next.
 */
#include "command.h"
#include "fault_help.h"
#include "subcommands.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- scripts ---------------------------------------------------------------------------------- */

// The shell breaks words at colons, too; names of items hold one.
static const char bash_script[] =
    "# bash completion of kaon\n"
    "_kaon()\n"
    "{\n"
    "    local line=\"${COMP_LINE:0:COMP_POINT}\" word found prefix\n"
    "    local -a words\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=(\"\")\n"
    "    word=${words[-1]}\n"
    "    prefix=\n"
    "    [[ $COMP_WORDBREAKS == *:* ]] && prefix=${word%\"${word##*:}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r found _; do\n"
    "        [[ $found == \"$word\"* ]] && COMPREPLY+=(\"${found#\"$prefix\"}\")\n"
    "    done < <(\"${words[0]}\" complete \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _kaon kaon\n";

static const char zsh_script[] =
    "#compdef kaon\n"
    "_kaon()\n"
    "{\n"
    "    local -a found pairs\n"
    "    local line\n"
    "    found=(\"${(@f)$(${words[1]} complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    for line in $found; do\n"
    "        [[ -n $line ]] && pairs+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    if (( ${#pairs} )); then\n"
    "        _describe kaon pairs\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _kaon \"$@\"\n"
    "else\n"
    "    compdef _kaon kaon\n"
    "fi\n";

static const char fish_script[] = "# fish completion of kaon\n"
                                  "function __kaon_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    $words[1] complete $words[2..-1] 2>/dev/null\n"
                                  "end\n"
                                  "complete -c kaon -a '(__kaon_complete)'\n";

int completion_main(int argc, char **argv)
{
    static const struct {
        const char *shell;
        const char *script;
    } shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    int first = 0;
    const option_row rows[] = {{0}};
    const command *self = find_command("completion");
    const int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < sizeof shells / sizeof *shells && argc - first == 1; i++) {
        if (strcmp(argv[first], shells[i].shell))
            continue;
        fputs(shells[i].script, stdout);
        return EXIT_OK;
    }
    return wrong_use(self, "name your shell: bash, zsh or fish");
}

/* --- what may come next ----------------------------------------------------------------------- */

static void offer(const char *word, const char *help)
{
    printf("%s\t%s\n", word, help ? help : "");
}

static void offer_items(const char *kind, int with_kind)
{
    session s;
    size_t i;
    json_t *item;
    char *json = NULL;
    const common_options common = {.quiet = 1};
    if (!session_open(&s, &common) && !kaon_items(s.kernel, kind, &json, NULL)) {
        json_t *list = json_loads(json, 0, NULL);
        json_array_foreach(list, i, item)
        {
            char name[160];
            const char *of = json_string_value(json_object_get(item, "kind"));
            snprintf(name, sizeof name, "%s%s%s", with_kind ? of : "", with_kind ? ":" : "",
                     json_string_value(json_object_get(item, "name")));
            offer(name, json_string_value(json_object_get(item, "summary")));
        }
        json_decref(list);
    }
    kaon_text_free(json);
    session_close(&s);
}

typedef struct {
    const char *before; // the word before, without its dashes; NULL: it is no option
    int letter;         // or its letter
    int is_value;       // set: the word is the value of that option
} question;

static void offer_options(void *context, const command *c, const option_row *rows)
{
    char name[64];
    (void)context;
    (void)c;
    for (const option_row *row = rows; row->name; row++) {
        snprintf(name, sizeof name, "--%s", row->name);
        offer(name, row->help);
    }
    offer("--help", "this text");
}

// Kinds of items that options name.
static void offer_value(void *context, const command *c, const option_row *rows)
{
    question *q = context;
    (void)c;
    for (const option_row *row = rows; row->name; row++) {
        const int same = q->before ? !strcmp(row->name, q->before) : row->letter == q->letter;
        if (!same || !row->takes)
            continue;
        q->is_value = 1;
        if (!strcmp(row->name, "backend") || !strcmp(row->name, "reader"))
            offer_items(row->name, 0);
    }
}

// "list|check|new ..." in the usage of a command: one of these words comes first.
static void offer_alternatives(const char *usage)
{
    const size_t length = strcspn(usage, " ");
    if (!memchr(usage, '|', length) || isupper((unsigned char)*usage))
        return;
    for (size_t at = 0; at < length;) {
        char word[32];
        const size_t end = strcspn(usage + at, "| ");
        snprintf(word, sizeof word, "%.*s", (int)end, usage + at);
        offer(word, NULL);
        at += end + 1;
    }
}

static void offer_codes(void)
{
    char code[16];
    for (const fault_help *h = fault_helps; h->code; h++) {
        snprintf(code, sizeof code, "C%04d", h->code);
        offer(code, h->title);
    }
}

static void offer_commands(void)
{
    for (const command *c = commands; c->name; c++)
        if (*c->summary)
            offer(c->name, c->summary);
}

// `words` stand behind the command's name; the last one is being written.
static void offer_next(const command *c, int count, char **words)
{
    const char *word = words[count - 1], *before = count > 1 ? words[count - 2] : "";
    question q = {.before = !strncmp(before, "--", 2) ? before + 2 : NULL,
                  .letter = before[0] == '-' && before[1] != '-' ? before[1] : -1};
    describe_command(c, offer_value, &q);
    if (q.is_value)
        return;
    if (*word == '-')
        describe_command(c, offer_options, NULL);
    else if (!strcmp(c->name, "explain"))
        offer_codes();
    else if (!strcmp(c->name, "inspect"))
        offer_items(NULL, 1);
    else if (count == 1)
        offer_alternatives(c->usage);
}

int complete_main(int argc, char **argv)
{
    const command *c = argc > 2 ? find_command(argv[1]) : NULL;
    if (argc == 1)
        return EXIT_OK; // also while it is described: it has no options
    if (argc == 2 || !strcmp(argv[1], "help"))
        offer_commands();
    else if (c && *c->summary)
        offer_next(c, argc - 2, argv + 2);
    return EXIT_OK;
}
