/* plugin_effects.c: the state of a process that loading a plugin must leave alone.
 *
 * Arithmetic is observed by what it computes, not by reading control registers, so that one code
 * serves all processors. The file mode mask is read from /proc, because umask() would change it for
 * a moment under other threads.
 */
#define _GNU_SOURCE // feenableexcept, O_PATH
#include "kernel/plugin_effects.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <fcntl.h>
#include <fenv.h>
#include <float.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNALS = 65 }; // 1 .. 64 on Linux
enum { LOCALE_BYTES = 1024 };

// Results that differ between modes of rounding, of subnormals and of precision.
typedef struct {
    int traps; // FE_* that raise a signal
    int rounding;
    double sums[2];       // 1 + e/4, -1 - e/4: tell the four directions apart
    double subnormal_out; // 0: results are flushed to zero
    double subnormal_in;  // 0: operands are taken as zero
    long double long_sum; // 1: the x87 unit rounds to less than it has
} arithmetic;

struct kn_effects {
    arithmetic sums;
    fenv_t mode;
    struct sigaction actions[SIGNALS];
    char locale[LOCALE_BYTES];
    int folder; // open on the working folder, -1 if it cannot be opened
    struct stat folder_facts;
    int64_t mask;       // -1: unknown
    char **environment; // copies; ends with NULL
};

/* --- looking ---------------------------------------------------------------------------------- */

static void look_at_arithmetic(arithmetic *a)
{
    memset(a, 0, sizeof *a); // padding too: it is compared as bytes
    a->traps = fegetexcept();
    fedisableexcept(FE_ALL_EXCEPT); // or looking would raise what it looks for
    a->rounding = fegetround();

    const volatile double one = 1, quarter = DBL_EPSILON / 4;
    const volatile double least = DBL_MIN, tiny = DBL_TRUE_MIN, four = 4, large = 0x1p100;
    const volatile long double long_one = 1, long_step = LDBL_EPSILON;
    volatile double result = one + quarter;
    a->sums[0] = result;
    result = -one - quarter;
    a->sums[1] = result;
    result = least / four;
    a->subnormal_out = result;
    result = tiny * large;
    a->subnormal_in = result;
    volatile long double long_result = long_one + long_step;
    a->long_sum = long_result - long_one;
    if (a->traps)
        feenableexcept(a->traps);
}

static int32_t same_arithmetic(const arithmetic *a, const arithmetic *b)
{
    return a->traps == b->traps && a->rounding == b->rounding && a->sums[0] == b->sums[0] &&
           a->sums[1] == b->sums[1] && (a->subnormal_out == 0) == (b->subnormal_out == 0) &&
           (a->subnormal_in == 0) == (b->subnormal_in == 0) && a->long_sum == b->long_sum;
}

static void look_at_signals(struct sigaction *actions)
{
    for (int i = 1; i < SIGNALS; i++) {
        memset(&actions[i], 0, sizeof actions[i]);
        if (sigaction(i, NULL, &actions[i]))
            actions[i].sa_flags = -1; // one of the C library's own: not to be asked about
    }
}

static int32_t same_action(const struct sigaction *a, const struct sigaction *b)
{
    if (a->sa_flags != b->sa_flags)
        return 0;
    return a->sa_flags == -1 || (a->sa_flags & SA_SIGINFO ? a->sa_sigaction == b->sa_sigaction
                                                          : a->sa_handler == b->sa_handler);
}

static void look_at_locale(char *text)
{
    const char *locale = setlocale(LC_ALL, NULL);
    snprintf(text, LOCALE_BYTES, "%s", locale ? locale : "C");
}

static int64_t look_at_mask(void)
{
    char text[4096];
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    text[bytes > 0 ? bytes : 0] = 0;
    const char *row = strstr(text, "\nUmask:");
    return row ? (int64_t)strtol(row + strlen("\nUmask:"), NULL, 8) : -1;
}

static size_t environment_length(char *const *variables)
{
    size_t count = 0;
    while (variables && variables[count])
        count++;
    return count;
}

static char **copy_environment(void)
{
    const size_t count = environment_length(environ);
    char **copy = kn_alloc_array(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = kn_copy_text(environ[i]);
        if (!copy[i]) {
            for (size_t j = 0; j < i; j++)
                kn_free(copy[j]);
            kn_free(copy);
            return NULL;
        }
    }
    return copy;
}

kaon_status kn_effects_new(kn_effects **out, kaon_diag *diag)
{
    *out = NULL;
    kn_effects *now = kn_alloc_zero(sizeof *now);
    char **environment = copy_environment();
    if (!now || !environment) {
        kn_free(environment);
        kn_free(now);
        return kn_no_memory(diag, "loading a plugin");
    }
    now->environment = environment;
    look_at_arithmetic(&now->sums);
    fegetenv(&now->mode);
    look_at_signals(now->actions);
    look_at_locale(now->locale);
    now->mask = look_at_mask();
    now->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (now->folder >= 0 && fstat(now->folder, &now->folder_facts))
        memset(&now->folder_facts, 0, sizeof now->folder_facts);
    *out = now;
    return KAON_OK;
}

void kn_effects_free(kn_effects *effects)
{
    if (!effects)
        return;
    if (effects->folder >= 0)
        close(effects->folder);
    for (char **row = effects->environment; *row; row++)
        kn_free(*row);
    kn_free(effects->environment);
    kn_free(effects);
}

/* --- putting back: each returns what had been changed, NULL for nothing ----------------------- */

static const char *restore_arithmetic(const kn_effects *before)
{
    arithmetic now;
    look_at_arithmetic(&now);
    if (same_arithmetic(&now, &before->sums))
        return NULL;
    fesetenv(&before->mode);
    return now.traps != before->sums.traps ? "the floating-point traps"
           : now.rounding != before->sums.rounding ||
                   memcmp(now.sums, before->sums.sums, sizeof now.sums) != 0
               ? "the rounding mode"
           : now.long_sum != before->sums.long_sum
               ? "the precision of the x87 unit"
               : "the floating-point mode (subnormal numbers are flushed to zero, as -Ofast and "
                 "-ffast-math do at link time)";
}

static const char *restore_signals(const kn_effects *before)
{
    struct sigaction now[SIGNALS];
    const char *changed = NULL;
    look_at_signals(now);
    for (int i = 1; i < SIGNALS; i++) {
        if (same_action(&now[i], &before->actions[i]))
            continue;
        sigaction(i, &before->actions[i], NULL);
        changed = "a signal handler";
    }
    return changed;
}

static const char *restore_locale(const kn_effects *before)
{
    char now[LOCALE_BYTES];
    look_at_locale(now);
    if (strcmp(now, before->locale) == 0)
        return NULL;
    setlocale(LC_ALL, before->locale);
    return "the locale";
}

static const char *restore_folder(const kn_effects *before)
{
    struct stat now;
    if (before->folder < 0 || (stat(".", &now) == 0 && now.st_dev == before->folder_facts.st_dev &&
                               now.st_ino == before->folder_facts.st_ino))
        return NULL;
    if (fchdir(before->folder))
        return "the working folder, which cannot be set back,";
    return "the working folder";
}

static const char *restore_mask(const kn_effects *before)
{
    const int64_t now = look_at_mask();
    if (now == before->mask || before->mask < 0)
        return NULL;
    umask((mode_t)before->mask);
    return "the file mode mask";
}

// The variable of that name in a list; NULL if there is none. `row` is "NAME=value".
static const char *find_variable(char *const *list, const char *row)
{
    const size_t bytes = strcspn(row, "=");
    for (; list && *list; list++)
        if (strncmp(*list, row, bytes) == 0 && (*list)[bytes] == '=')
            return *list;
    return NULL;
}

// Takes away the first variable that was not there before; 1 if there was one.
static int32_t drop_variable(const kn_effects *before)
{
    char name[256];
    for (char **row = environ; row && *row; row++) {
        const size_t bytes = strcspn(*row, "=");
        if (find_variable(before->environment, *row) || bytes == 0 || bytes >= sizeof name)
            continue;
        memcpy(name, *row, bytes);
        name[bytes] = 0;
        unsetenv(name);
        return 1;
    }
    return 0;
}

static int32_t set_variables(const kn_effects *before)
{
    int32_t changed = 0;
    for (char **row = before->environment; *row; row++) {
        const char *now = find_variable(environ, *row);
        char *equals = strchr(*row, '=');
        if ((now && strcmp(now, *row) == 0) || !equals)
            continue;
        *equals = 0;
        setenv(*row, equals + 1, 1);
        *equals = '=';
        changed = 1;
    }
    return changed;
}

static const char *restore_environment(const kn_effects *before)
{
    int32_t changed = set_variables(before);
    while (drop_variable(before))
        changed = 1;
    return changed ? "the environment" : NULL;
}

kaon_status kn_effects_restore(kn_effects *before, kaon_diag *diag)
{
    static const char *(*const parts[])(const kn_effects *) = {
        restore_arithmetic, restore_signals, restore_locale,
        restore_folder,     restore_mask,    restore_environment,
    };
    char text[KAON_TEXT_MAX] = "";
    size_t length = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *changed = parts[i](before);
        if (!changed || length >= sizeof text)
            continue;
        const int more =
            snprintf(text + length, sizeof text - length, "%s%s", length ? " and " : "", changed);
        length += more > 0 ? (size_t)more : 0;
    }
    return length ? kaon_fail(diag, KAON_INVALID, "it changed %s", text) : KAON_OK;
}
