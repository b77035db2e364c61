/* command.c: what the sub-commands share. */
#include "command.h"
#include "progress.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- options ---------------------------------------------------------------------------------- */

enum { MOST_OPTIONS = 64, HELP_COLUMN = 26 };

static void print_row(const option_row *row)
{
    char left[64];
    const int length = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", row->letter ? '-' : ' ',
                                row->letter ? row->letter : ' ', row->letter ? ", " : "  ",
                                row->name, row->value ? " " : "", row->value ? row->value : "");
    if (length < HELP_COLUMN)
        printf("%-*s %s\n", HELP_COLUMN, left, row->help);
    else
        printf("%s\n%*s %s\n", left, HELP_COLUMN, "", row->help);
}

static void print_help(const command *self, const option_row *rows)
{
    printf("kaon %s: %s\n\nusage: kaon %s %s\n\noptions:\n", self->name, self->summary, self->name,
           self->usage);
    for (const option_row *row = rows; row->name; row++)
        print_row(row);
    print_row(&(option_row){"help", 'h', TAKES_NOTHING, NULL, "this text", NULL});
    if (self->examples)
        printf("\nexamples:\n%s", self->examples);
}

static int take_number(const command *self, const option_row *row, const char *text)
{
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0)
        return wrong_use(self, "--%s takes a whole number, 0 or more, found '%s'", row->name, text);
    *(int64_t *)row->into = value;
    return -1;
}

static int take(const command *self, const option_row *row, const char *text)
{
    text_list *list = row->into;
    switch (row->takes) {
    case TAKES_TEXT:
        *(const char **)row->into = text;
        return -1;
    case TAKES_NUMBER:
        return take_number(self, row, text);
    case TAKES_TEXTS:
        if (list->count == MOST_VALUES)
            return wrong_use(self, "--%s is given more than %d times", row->name, MOST_VALUES);
        list->at[list->count++] = text;
        return -1;
    default:
        *(int *)row->into = 1;
        return -1;
    }
}

// The rows as getopt_long wants them: long options numbered from 1000, letters in one text.
static void to_getopt(const option_row *rows, struct option *longs, char *letters)
{
    int count = 0;
    *letters++ = ':'; // tell missing values from unknown options
    for (const option_row *row = rows; row->name && count < MOST_OPTIONS; row++, count++) {
        longs[count] = (struct option){row->name, row->takes ? required_argument : no_argument,
                                       NULL, 1000 + count};
        if (row->letter)
            *letters++ = row->letter;
        if (row->letter && row->takes)
            *letters++ = ':';
    }
    longs[count++] = (struct option){"help", no_argument, NULL, 'h'};
    longs[count] = (struct option){0};
    *letters++ = 'h';
    *letters = 0;
}

static const option_row *row_of(const option_row *rows, int code)
{
    int count = 0;
    for (const option_row *row = rows; row->name; row++, count++)
        if (code == 1000 + count || (row->letter && code == row->letter))
            return row;
    return NULL;
}

/* --- what was meant --------------------------------------------------------------------------- */

enum { LONGEST_WORD = 32 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

// Optimal string alignment: the usual table, all of it.
static int distance_of(const char *a, const char *b)
{
    int rows[LONGEST_WORD + 1][LONGEST_WORD + 1];
    const int na = (int)strnlen(a, LONGEST_WORD), nb = (int)strnlen(b, LONGEST_WORD);
    for (int i = 0; i <= na; i++)
        rows[i][0] = i;
    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++)
        for (int j = 1; j <= nb; j++) {
            rows[i][j] = least(least(rows[i - 1][j], rows[i][j - 1]) + 1,
                               rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    return rows[na][nb];
}

static size_t alike(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] && a[same] == b[same])
        same++;
    return same;
}

void offer_word(nearest_word *nearest, const char *candidate)
{
    const int length = (int)strlen(nearest->word);
    int distance = distance_of(nearest->word, candidate);
    if (distance > (length < 6 ? 1 : length / 3)) {
        // "--threads-per" and "--thr" mean --threads, though many letters are missing.
        const size_t same = alike(nearest->word, candidate);
        if (same < 3 || (nearest->word[same] && candidate[same]))
            return;
        distance = length;
    }
    // Of equals the one that begins alike for longer.
    if (nearest->best && (distance > nearest->distance ||
                          (distance == nearest->distance &&
                           alike(nearest->word, candidate) <= alike(nearest->word, nearest->best))))
        return;
    nearest->best = candidate;
    nearest->distance = distance;
}

static int unknown_option(const command *self, const option_row *rows, const char *word)
{
    const char *name = word + strspn(word, "-");
    nearest_word nearest = {.word = name};
    for (const option_row *row = rows; row->name; row++)
        offer_word(&nearest, row->name);
    const char *near = nearest.best;
    return wrong_use(self, "unknown option '%s'%s%s%s", word, near ? "; did you mean --" : "",
                     near ? near : "", near ? "?" : "");
}

// Who wants to see rows instead of having them read: they lie in the functions that read into them.
static struct {
    visit_rows *visit;
    void *context;
} description;

void describe_command(const command *c, visit_rows *visit, void *context)
{
    char name[] = "kaon";
    char *words[] = {name, NULL};
    description.visit = visit;
    description.context = context;
    c->main(1, words);
    description.visit = NULL;
}

int read_options(const command *self, const option_row *rows, int argc, char **argv, int *first)
{
    struct option longs[MOST_OPTIONS + 2];
    char letters[MOST_OPTIONS * 2 + 4];
    int code;
    if (description.visit) {
        description.visit(description.context, self, rows);
        return EXIT_OK;
    }
    to_getopt(rows, longs, letters);
    opterr = 0;
    optind = 1;
    while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (code == 'h') {
            print_help(self, rows);
            return EXIT_OK;
        }
        if (code == ':')
            return wrong_use(self, "%s needs a value", argv[optind - 1]);
        const option_row *row = row_of(rows, code);
        if (!row)
            return unknown_option(self, rows, argv[optind - 1]);
        const int result = take(self, row, optarg);
        if (result >= 0)
            return result;
    }
    *first = optind;
    return -1;
}

const command *find_command(const char *name)
{
    for (const command *c = commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

int wrong_use(const command *self, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "kaon %s: ", self->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\ntry 'kaon %s --help'\n", self->name);
    return EXIT_USAGE;
}

/* --- the kernel ------------------------------------------------------------------------------- */

static void print_log(void *context, int32_t level, const char *text)
{
    static const char *const words[] = {"debug: ", "", "warning: "};
    const session *s = context;
    if (s->progress)
        progress_end(s->progress);
    if (level >= KAON_LOG_DEBUG && level <= KAON_LOG_WARNING)
        fprintf(stderr, "  %s%s\n", words[level], text);
}

int session_open(session *s, const common_options *common)
{
    *s = (session){.common = common, .error = kaon_error_new()};
    const kaon_open_settings settings = {
        .size = sizeof settings,
        .flags = common->safe ? KAON_OPEN_SAFE : 0,
        .plugin_folders = common->plugin_folders.count ? common->plugin_folders.at : NULL,
        .lock_file = common->lock,
        .threads = (int32_t)common->threads,
        .log_level = common->verbose                 ? KAON_LOG_DEBUG
                     : common->quiet || common->json ? KAON_LOG_WARNING
                                                     : KAON_LOG_INFO,
        .log = print_log,
        .log_context = s,
    };
    if (!s->error || kaon_open(&settings, &s->kernel, s->error))
        return session_fail(s);
    return 0;
}

void session_close(session *s)
{
    kaon_close(s->kernel);
    kaon_error_free(s->error);
}

// "error" in red, the underlining and its hint in yellow: line by line, as compilers do.
static void print_coloured(const char *text)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        const char *bar = memchr(text, '|', length);
        const int marks = bar && bar[strspn(bar + 1, " ") + 1] == '^';
        if (!strncmp(text, "error", 5)) {
            const size_t word = strcspn(text, ":");
            fprintf(stderr, "\033[1;31m%.*s\033[0;1m%.*s\033[0m", (int)word, text,
                    (int)(length - word), text + word);
        } else if (marks) {
            fprintf(stderr, "%.*s\033[1;33m%.*s\033[0m", (int)(bar - text + 1), text,
                    (int)(length - (size_t)(bar - text) - 1), bar + 1);
        } else {
            fprintf(stderr, "%.*s", (int)length, text);
        }
        fputc('\n', stderr);
        text += length + (text[length] == '\n');
    }
}

int session_fail(const session *s)
{
    fflush(stdout);
    if (!s->error)
        fprintf(stderr, "error: out of memory\n");
    else if (s->common->json)
        print_json(kaon_error_json(s->error));
    else if (wants_colour(STDERR_FILENO))
        print_coloured(kaon_error_text(s->error));
    else
        fputs(kaon_error_text(s->error), stderr);
    if (s->error && kaon_error_status(s->error) == KAON_CANCELLED)
        return EXIT_INTERRUPTED;
    return s->error && kaon_error_is_usage(s->error) ? EXIT_USAGE : EXIT_FAILED;
}

/* --- output ----------------------------------------------------------------------------------- */

int wants_colour(int file)
{
    const char *term = getenv("TERM");
    const char *no = getenv("NO_COLOR");
    return isatty(file) && !(no && *no) && term && strcmp(term, "dumb");
}

int print_json(const char *json)
{
    fputs(json, stdout);
    fputc('\n', stdout);
    return EXIT_OK;
}

struct table {
    int columns;
    int count; // of cells
    int room;
    char **cells;
};

table *table_new(int columns)
{
    table *t = calloc(1, sizeof *t);
    if (t)
        t->columns = columns;
    return t;
}

void table_free(table *t)
{
    for (int i = 0; t && i < t->count; i++)
        free(t->cells[i]);
    if (t)
        free(t->cells);
    free(t);
}

void table_cell(table *t, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!t)
        return;
    if (t->count == t->room) {
        const int room = t->room ? t->room * 2 : 64;
        char **more = realloc(t->cells, (size_t)room * sizeof *more);
        if (!more)
            return;
        t->cells = more;
        t->room = room;
    }
    t->cells[t->count] = strdup(text);
    t->count += t->cells[t->count] != NULL;
}

// Characters, not bytes: names may be in any alphabet.
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static int is_number(const char *text)
{
    return *text && strspn(text, "0123456789.,+-e%") == strlen(text);
}

static int column_width(const table *t, int column)
{
    int widest = 0;
    for (int i = column; i < t->count; i += t->columns) {
        const int width = width_of(t->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

// A column of numbers stands to the right, its head too.
static int is_right(const table *t, int column, int head)
{
    int numbers = 0;
    for (int i = column + (head ? t->columns : 0); i < t->count; i += t->columns) {
        if (*t->cells[i] && !is_number(t->cells[i]))
            return 0;
        numbers += is_number(t->cells[i]);
    }
    return numbers > 0;
}

void table_print(const table *t, FILE *to, int indent, int head)
{
    const int colour = head && wants_colour(fileno(to));
    for (int i = 0; t && i < t->count; i++) {
        const int column = i % t->columns;
        const int last = column == t->columns - 1 || i == t->count - 1;
        const int blanks = column_width(t, column) - width_of(t->cells[i]);
        const int right = is_right(t, column, head);
        fprintf(to, "%*s%s%*s%s%*s%s%s", column ? 2 : indent, "",
                colour && i < t->columns ? "\033[4m" : "", right ? blanks : 0, "", t->cells[i],
                right || last ? 0 : blanks, "", colour && i < t->columns ? "\033[0m" : "",
                last ? "\n" : "");
    }
}

const char *short_number(double value, char out[32])
{
    const double size = fabs(value);
    if (value != value)
        snprintf(out, 32, "-");
    else if (value == floor(value) && size < 1e15)
        snprintf(out, 32, "%.0f", value);
    else if (size >= 1e-3 && size < 1e5)
        snprintf(out, 32, size < 10 ? "%.4f" : size < 1000 ? "%.2f" : "%.1f", value);
    else
        snprintf(out, 32, "%.3e", value);
    return out;
}

const char *metric_number(const json_t *value, char out[32])
{
    const double number = json_number_value(value);
    if (json_is_integer(value))
        return long_count(json_integer_value(value), out);
    if (!json_is_number(value))
        snprintf(out, 32, "-");
    else if (number == 0 || (fabs(number) >= 1e-3 && fabs(number) < 10))
        snprintf(out, 32, "%.4f", number);
    else
        short_number(number, out);
    return out;
}

void metric_cell(table *t, const json_t *metrics, const char *name)
{
    char number[32], sigma[32];
    const json_t *spread = json_object_get(json_object_get(metrics, "uncertainty"), name);
    metric_number(json_object_get(metrics, name), number);
    if (spread)
        table_cell(t, "%s ± %s", number, metric_number(spread, sigma));
    else
        table_cell(t, "%s", number);
}

const char *long_count(int64_t value, char out[32])
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    int used = 0;
    for (int i = 0; i < length; i++) {
        out[used++] = digits[i];
        const int left = length - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            out[used++] = ',';
    }
    out[used] = 0;
    return out;
}

const char *duration(double seconds, char out[32])
{
    const long whole = (long)(seconds + 0.5);
    if (seconds < 10)
        snprintf(out, 32, "%.1f s", seconds);
    else if (whole < 60)
        snprintf(out, 32, "%ld s", whole);
    else if (whole < 3600)
        snprintf(out, 32, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(out, 32, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    return out;
}
