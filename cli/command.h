/* command.h: what the sub-commands share: rows of options that are parsed and printed, output,
 * errors.
 */
#ifndef KAON_CLI_COMMAND_H
#define KAON_CLI_COMMAND_H

#include <jansson.h>
#include <kaon/host_api.h>

// Exit codes.
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 75 };

enum { MOST_VALUES = 256 }; // of an option that may be given several times

// Where an option's value goes.
enum {
    TAKES_NOTHING = 0, // int: 1
    TAKES_TEXT = 1,    // const char *
    TAKES_NUMBER = 2,  // int64_t, not negative
    TAKES_TEXTS = 3    // text_list
};

typedef struct {
    int64_t count;
    const char *at[MOST_VALUES + 1]; // ends with NULL
} text_list;

/* One row. A table ends with {0}; it is what getopt_long reads and what --help prints. */
typedef struct {
    const char *name;  // "out"
    char letter;       // 'o', or 0
    int takes;         // TAKES_*
    const char *value; // "DIR", shown in the help
    const char *help;
    void *into;
} option_row;

typedef struct {
    const char *name;     // "run"
    const char *summary;  // one line; "": for scripts, not listed
    const char *usage;    // "FILE [options]"
    const char *examples; // lines "command  # what it does", or NULL
    int (*main)(int argc, char **argv);
} command;

extern const command commands[]; // ends with {0}

/* Reads options; what is left stands in argv[*first] .... Prints --help. -1: go on; else the exit
 * code. */
int read_options(const command *self, const option_row *rows, int argc, char **argv, int *first);

/* Shows `visit` the rows of a command's options. */
typedef void visit_rows(void *context, const command *c, const option_row *rows);
void describe_command(const command *c, visit_rows *visit, void *context);

/* Letters left out, put in, changed or swapped between two words; of the two, the best match so far
 * where it is near enough to be what was meant, else NULL. */
typedef struct {
    const char *word;
    const char *best; // NULL: none is near
    int distance;
} nearest_word;

void offer_word(nearest_word *nearest, const char *candidate);

/* The row of a sub-command by name. */
const command *find_command(const char *name);

/* Options every command has. */
typedef struct {
    int json;
    int safe;
    text_list plugin_folders;
    int64_t threads;
    const char *backend;
    const char *lock;
    int verbose;
    int quiet;
} common_options;

// clang-format off
#define COMMON_ROWS(c) \
    {"json", 0, TAKES_NOTHING, NULL, "print JSON instead of text", &(c).json}, \
    {"plugins", 0, TAKES_TEXTS, "DIR", "search this folder for plugins first; may be repeated", &(c).plugin_folders}, \
    {"lock", 0, TAKES_TEXT, "FILE", "accept only plugins with these SHA-256 sums", &(c).lock}, \
    {"safe", 0, TAKES_NOTHING, NULL, "built-in plugins only", &(c).safe}, \
    {"verbose", 'v', TAKES_NOTHING, NULL, "tell more on standard error", &(c).verbose}
// clang-format on

/* A kernel and an error to go with it; 0, or the exit code after the reason was printed. */
typedef struct {
    kaon_kernel *kernel;
    kaon_error *error;
    const common_options *common;
    struct progress *progress; // whose line messages must not tear, or NULL
} session;

int session_open(session *s, const common_options *common);
void session_close(session *s);

/* Prints what went wrong (as JSON to standard output with --json) and gives the exit code. */
int session_fail(const session *s);

/* Wrong use: a message like printf's, and how to get help. Gives EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int wrong_use(const command *self, const char *format, ...);

/* --- output ----------------------------------------------------------------------------------- */

/* 1 if standard output or error goes to a person who wants colour. */
int wants_colour(int file);

/* Prints JSON as it came. */
int print_json(const char *json);

/* A table of cells with aligned columns; numbers to the right. */
typedef struct table table;

table *table_new(int columns);
void table_free(table *t); // takes NULL
__attribute__((format(printf, 2, 3))) void table_cell(table *t, const char *format, ...);
/* Indented by so many blanks; `head`: the first row is a head, underlined in colour. */
void table_print(const table *t, FILE *to, int indent, int head);

/* A number with a few digits, as people want it: 0.7766, 12345, 1.2e-07. */
const char *short_number(double value, char out[32]);

/* A measure with four decimals, so that columns of them line up; counts as they are. */
const char *metric_number(const json_t *value, char out[32]);

/* The number of that name with its uncertainty, if it has one: "0.7766 ± 0.0012". */
void metric_cell(table *t, const json_t *metrics, const char *name);

/* 12345678 as 12,345,678. */
const char *long_count(int64_t value, char out[32]);

/* 83.4 seconds as "1 min 23 s". */
const char *duration(double seconds, char out[32]);

#endif
