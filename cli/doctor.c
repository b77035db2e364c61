/* doctor.c: kaon doctor: what is installed, whether it can be used, and if not, why. */
#define _GNU_SOURCE // sched_getaffinity
#include "command.h"
#include "subcommands.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

/* One line of the answer. State "ok", "note" (worth knowing) or "wrong" (something does not work).
 */
static void tell(json_t *rows, const char *area, const char *state, const char *name,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

static void tell(json_t *rows, const char *area, const char *state, const char *name,
                 const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "area", area, "state", state,
                                          "name", name, "text", text));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

// "15.6 GB" of bytes.
static const char *size_text(double bytes, char out[32])
{
    const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++)
        bytes /= 1000;
    snprintf(out, 32, bytes < 10 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return out;
}

/* --- the machine ------------------------------------------------------------------------------ */

// The value behind "key:" in a file of such lines; "" if it has none.
static void read_value(const char *path, const char *key, char *out, size_t room)
{
    char line[8192];
    FILE *file = fopen(path, "re");
    *out = 0;
    while (file && !*out && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)))
            continue;
        snprintf(out, room, "%s", colon + 1 + strspn(colon + 1, " \t"));
        out[strcspn(out, "\n")] = 0;
    }
    if (file)
        fclose(file);
}

// Of all a processor states, what makes Kaon faster where it is there.
static void tell_processor(json_t *rows)
{
    static const char *const wanted[] = {"sse4_2",      "avx",     "avx2",     "fma",
                                         "f16c",        "avx512f", "avx512bw", "avx512vl",
                                         "avx512_bf16", "amx_bf16"};
    char name[256], flags[8192], found[256] = "";
    read_value("/proc/cpuinfo", "model name", name, sizeof name);
    read_value("/proc/cpuinfo", "flags", flags, sizeof flags);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const size_t used = strlen(found), length = strlen(wanted[i]);
        for (const char *at = flags; (at = strstr(at, wanted[i])); at += length)
            if ((at == flags || at[-1] == ' ') && (at[length] == ' ' || !at[length])) {
                snprintf(found + used, sizeof found - used, "%s%s", used ? " " : "", wanted[i]);
                break;
            }
    }
    tell(rows, "machine", "ok", "processor", "%s", *name ? name : "unknown");
    if (*flags)
        tell(rows, "machine", "ok", "features", "%s", *found ? found : "none that Kaon uses");
}

static void tell_cores(json_t *rows, int lanes)
{
    cpu_set_t allowed;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int usable = sched_getaffinity(0, sizeof allowed, &allowed) ? 0 : CPU_COUNT(&allowed);
    tell(rows, "machine", "ok", "cores", "%ld, %d thread%s used by default", cores, lanes,
         lanes == 1 ? "" : "s");
    if (usable && usable < cores)
        tell(rows, "machine", "note", "affinity",
             "this process may use %d of %ld cores; give --threads %d, more would wait for each "
             "other",
             usable, cores, usable);
}

static void tell_memory(json_t *rows)
{
    char total[64], left[64], a[32], b[32];
    struct rlimit limit;
    read_value("/proc/meminfo", "MemTotal", total, sizeof total);
    read_value("/proc/meminfo", "MemAvailable", left, sizeof left);
    if (*total)
        tell(rows, "machine", strtod(left, NULL) < 5e5 ? "note" : "ok", "memory",
             "%s, %s of them free", size_text(strtod(total, NULL) * 1024, a),
             size_text(strtod(left, NULL) * 1024, b));
    if (!getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY)
        tell(rows, "machine", "note", "limit", "this process may take %s of memory (ulimit -v)",
             size_text((double)limit.rlim_cur, a));
}

static void tell_disk(json_t *rows)
{
    struct statvfs facts;
    char here[4096], room[32];
    if (!getcwd(here, sizeof here) || statvfs(here, &facts))
        return;
    const double bytes = (double)facts.f_bavail * (double)facts.f_frsize;
    tell(rows, "machine", bytes < 1e9 ? "note" : "ok", "disk", "%s free in %s",
         size_text(bytes, room), here);
    if (access(here, W_OK))
        tell(rows, "machine", "note", "folder",
             "%s cannot be written to: give runs a place with --out", here);
}

static void tell_machine(json_t *rows, const json_t *found)
{
    struct utsname system = {0};
    uname(&system);
    tell(rows, "machine", "ok", "system", "%s %s %s", system.sysname, system.release,
         system.machine);
    tell_processor(rows);
    tell_cores(rows, (int)json_integer_value(json_object_get(found, "threads")));
    tell_memory(rows);
    tell_disk(rows);
}

/* --- what the library found ------------------------------------------------------------------- */

static void tell_backends(json_t *rows, const json_t *found)
{
    size_t i;
    json_t *b;
    int usable = 0;
    json_array_foreach(json_object_get(found, "backends"), i, b)
    {
        const int fits = is_true(b, "usable");
        usable += fits;
        tell(rows, "backends", fits ? "ok" : "note", text_of(b, "name"), "%s%s",
             fits ? text_of(b, "device") : text_of(b, "why"),
             is_true(b, "chosen") ? " (taken where none is asked for)" : "");
    }
    if (!usable)
        tell(rows, "backends", "wrong", "none", "no backend can be used: nothing can be trained");
}

// Libraries plugins brought along, by a part of their names: which BLAS, which driver.
static void tell_libraries(json_t *rows)
{
    static const char *const parts[] = {"blas", "lapack", "mkl", "cuda", "cudnn", "vulkan"};
    char line[4096], last[sizeof line] = "";
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        const char *path = strchr(line, '/'), *name = path ? strrchr(path, '/') + 1 : NULL;
        int wanted = 0;
        line[strcspn(line, "\n")] = 0;
        for (size_t i = 0; name && i < sizeof parts / sizeof *parts; i++)
            wanted |= strstr(name, parts[i]) && strncmp(name, "kaon_", 5);
        if (!wanted || !strcmp(path, last)) // one file is mapped in several pieces, one by one
            continue;
        snprintf(last, sizeof last, "%s", path);
        tell(rows, "backends", "ok", "library", "%s", path);
    }
    if (maps)
        fclose(maps);
}

static void tell_plugins(json_t *rows, const char *json)
{
    size_t i;
    json_t *list = json_loads(json, 0, NULL), *p;
    json_array_foreach(list, i, p)
    {
        const char *state = text_of(p, "state"), *name = text_of(p, "name");
        const int fits = !strcmp(state, "used") || !strcmp(state, "available");
        const int broken = !strcmp(state, "quarantined") || !strcmp(state, "refused");
        if (fits)
            tell(rows, "plugins", "ok", name, "%s, %zu item%s", text_of(p, "version"),
                 json_array_size(json_object_get(p, "items")),
                 json_array_size(json_object_get(p, "items")) == 1 ? "" : "s");
        else
            tell(rows, "plugins", broken ? "wrong" : "note", *name ? name : text_of(p, "path"),
                 "%s: %s", state, text_of(p, "reason"));
    }
    json_decref(list);
}

static void tell_places(json_t *rows, const json_t *found)
{
    size_t i;
    json_t *f;
    const json_t *cache = json_object_get(found, "cache"), *site = json_object_get(found, "site");
    json_array_foreach(json_object_get(found, "folders"), i, f)
    {
        if (is_true(f, "searched") || !is_true(f, "absent"))
            tell(rows, "places", is_true(f, "searched") ? "ok" : "wrong", "plugin folder",
                 "%s (%s)%s%s", text_of(f, "path"), text_of(f, "origin"),
                 is_true(f, "searched") ? "" : ": ", text_of(f, "why"));
    }
    if (is_true(cache, "writable"))
        tell(rows, "places", "ok", "cache", "%s%s", text_of(cache, "path"),
             is_true(cache, "there") ? "" : " (will be made)");
    else
        tell(rows, "places", "note", "cache",
             "%s cannot be written: plugins are looked at anew by each start",
             *text_of(cache, "path") ? text_of(cache, "path") : "there is no home folder; a cache");
    if (!is_true(site, "right"))
        tell(rows, "places", "wrong", "site file", "%s", text_of(site, "why"));
    else if (*text_of(site, "backend") || *text_of(site, "lock_file"))
        tell(rows, "places", "ok", "site file", "backend '%s', lock file '%s'",
             text_of(site, "backend"), text_of(site, "lock_file"));
}

/* --- tools and environment -------------------------------------------------------------------- */

// Whether the shell would find a program, and where.
static int find_program(const char *name, char *out, size_t room)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        const size_t length = strcspn(at, ":");
        snprintf(out, room, "%.*s/%s", (int)length, at, name);
        if (length && access(out, X_OK) == 0)
            return 1;
        at += length + (at[length] == ':');
    }
    return 0;
}

static void tell_tools(json_t *rows)
{
    static const struct {
        const char *program;
        const char *use;
    } tools[] = {
        {"gnuplot", "figures of reports"}, {"cc", "plugins in C"},
        {"c++", "plugins in C++"},         {"gfortran", "plugins in Fortran"},
        {"cmake", "building plugins"},
    };
    char path[4096];
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        const int found = find_program(tools[i].program, path, sizeof path);
        tell(rows, "tools", found ? "ok" : "note", tools[i].program, "%s%s%s",
             found ? path : "not installed; it is for ", found ? ": " : "", tools[i].use);
    }
}

extern char **environ;

static void tell_environment(json_t *rows)
{
    static const char *const others[] = {"OMP_NUM_THREADS=", "OPENBLAS_NUM_THREADS=",
                                         "XDG_CACHE_HOME=", "LD_PRELOAD=", "LD_LIBRARY_PATH="};
    for (char **at = environ; *at; at++) {
        int shown = !strncmp(*at, "KAON_", 5);
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            shown |= !strncmp(*at, others[i], strlen(others[i]));
        if (!shown)
            continue;
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        tell(rows, "environment", "note", name, "%s", *at + strcspn(*at, "=") + 1);
    }
}

/* --- the command ------------------------------------------------------------------------------ */

static int count_state(const json_t *rows, const char *state)
{
    size_t i;
    json_t *row;
    int count = 0;
    json_array_foreach(rows, i, row) count += !strcmp(text_of(row, "state"), state);
    return count;
}

static void print_rows(const json_t *rows)
{
    size_t i;
    json_t *row;
    const char *area = "";
    const int colour = wants_colour(fileno(stdout));
    json_array_foreach(rows, i, row)
    {
        const char *state = text_of(row, "state");
        const int wrong = !strcmp(state, "wrong"), note = !strcmp(state, "note");
        if (strcmp(area, text_of(row, "area")))
            printf("%s%s\n", *area ? "\n" : "", text_of(row, "area"));
        area = text_of(row, "area");
        printf("  %s%-5s%s  %-16s %s\n",
               !colour ? ""
               : wrong ? "\033[31m"
               : note  ? "\033[33m"
                       : "\033[32m",
               state, colour ? "\033[0m" : "", text_of(row, "name"), text_of(row, "text"));
    }
    const int wrong = count_state(rows, "wrong");
    if (wrong)
        printf("\n%d thing%s wrong\n", wrong, wrong == 1 ? " is" : "s are");
    else
        printf("\nall is well\n");
}

// A doctor looks at what others ask for: warnings about it would stand twice.
static int examine(session *s, json_t *rows)
{
    char *found = NULL, *plugins = NULL;
    kaon_status status = kaon_doctor(s->kernel, &found, s->error);
    if (!status)
        status = kaon_plugins(s->kernel, &plugins, s->error);
    if (!status) {
        json_t *facts = json_loads(found, 0, NULL);
        tell(rows, "kaon", "ok", "version", "%s, ABI %u.%u", kaon_version(),
             (unsigned)KAON_ABI_MAJOR(KAON_ABI), (unsigned)KAON_ABI_MINOR(KAON_ABI));
        tell_machine(rows, facts);
        tell_backends(rows, facts);
        tell_libraries(rows);
        tell_plugins(rows, plugins);
        tell_places(rows, facts);
        tell_tools(rows);
        tell_environment(rows);
        json_decref(facts);
    }
    kaon_text_free(found);
    kaon_text_free(plugins);
    return status ? session_fail(s) : EXIT_OK;
}

int doctor_main(int argc, char **argv)
{
    common_options common = {.quiet = 1};
    session s;
    int first = 0;
    const option_row rows[] = {COMMON_ROWS(common), {0}};
    const command *self = find_command("doctor");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (first < argc)
        return wrong_use(self, "it takes no file");
    json_t *found = json_array();
    code = session_open(&s, &common);
    if (!code)
        code = examine(&s, found);
    if (!code && common.json) {
        char *text = json_dumps(found, JSON_INDENT(2));
        print_json(text ? text : "[]");
        free(text);
    } else if (!code) {
        print_rows(found);
    }
    if (!code && count_state(found, "wrong"))
        code = EXIT_FAILED;
    json_decref(found);
    session_close(&s);
    return code;
}
