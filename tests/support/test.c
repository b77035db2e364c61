/* test.c: main() of plugin tests, checks, and the one kernel they share. */
#include <kaon/test.h>

#include <kaon/host_api.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { TESTS = 256, USES = 16384, TEXT = 4096 };

// What a test program is: its tests, its kernel, and the items it used. Constructors fill the first
// before main(), so this is static.
static struct {
    struct CMUnitTest tests[TESTS];
    void (*functions[TESTS])(void);
    int test_count;
    kaon_kernel *kernel;
    kaon_error *error;
    kaon_use *uses[USES];
    int use_count;
} kit;

/* --- tests ------------------------------------------------------------------------------------ */

static void run_one(void **state)
{
    void (*const *function)(void) = *state;
    (*function)();
}

void kt_register(const char *name, void (*test)(void))
{
    if (kit.test_count == TESTS)
        abort(); // a mistake of the test's author, before main()
    kit.functions[kit.test_count] = test;
    kit.tests[kit.test_count] = (struct CMUnitTest){
        .name = name,
        .test_func = run_one,
        .initial_state = &kit.functions[kit.test_count],
    };
    kit.test_count++;
}

static void close_kernel(void)
{
    while (kit.use_count)
        kaon_use_free(kit.uses[--kit.use_count]);
    kaon_close(kit.kernel);
    kaon_error_free(kit.error);
    kit.kernel = NULL;
    kit.error = NULL;
}

int main(void)
{
    const int failed =
        _cmocka_run_group_tests("plugin", kit.tests, (size_t)kit.test_count, NULL, NULL);
    close_kernel();
    return failed;
}

/* --- checks ----------------------------------------------------------------------------------- */

void kt_check_near(double got, double expected, double tolerance, const char *what,
                   const char *file, int line)
{
    const int same = isnan(expected)   ? isnan(got)
                     : isinf(expected) ? got == expected
                                       : fabs(got - expected) <= tolerance;
    if (same)
        return;
    print_error("%s is %.17g, expected %.17g within %g (off by %g)\n", what, got, expected,
                tolerance, got - expected);
    _fail(file, line);
}

void kt_check_true(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    print_error("not so: %s\n", what);
    _fail(file, line);
}

void kt_check_text(const char *got, const char *expected, const char *file, int line)
{
    if (got && expected && strcmp(got, expected) == 0)
        return;
    print_error("got '%s', expected '%s'\n", got ? got : "nothing",
                expected ? expected : "nothing");
    _fail(file, line);
}

void kt_check_says(const char *got, const char *text, const char *file, int line)
{
    if (got && strstr(got, text))
        return;
    print_error("'%s' does not say '%s'\n", got ? got : "", text);
    _fail(file, line);
}

void kt_check_status(kaon_status got, kaon_status expected, const char *what, const char *file,
                     int line)
{
    if (got == expected)
        return;
    print_error("%s gives status %d, expected %d: %s\n", what, (int)got, (int)expected,
                got ? kt_words() : "it succeeds");
    _fail(file, line);
}

void kt_skip(const char *reason)
{
    print_message("skipped: %s\n", reason);
    _skip(__FILE__, __LINE__);
}

/* --- the host --------------------------------------------------------------------------------- */

// Opens the kernel at the first call. No probing: a plugin that crashes here is what a test finds.
static kaon_kernel *kernel(void)
{
    if (kit.kernel)
        return kit.kernel;
    kit.error = kaon_error_new();
    const kaon_open_settings settings = {
        .size = sizeof settings,
        .flags = KAON_OPEN_NO_CACHE | KAON_OPEN_NO_PROBE,
        .threads = 2,
    };
    if (kit.error && kaon_open(&settings, &kit.kernel, kit.error) == KAON_OK)
        return kit.kernel;
    print_error("cannot open the kernel: %s\n", kt_words());
    _fail(__FILE__, __LINE__);
    return NULL;
}

const kaon_host *kt_host(void)
{
    return kaon_kernel_host(kernel());
}

const void *kt_service(const char *id)
{
    const kaon_host *host = kt_host();
    const void *table = host->service(host, id);
    if (!table) {
        print_error("the host has no service '%s'\n", id);
        _fail(__FILE__, __LINE__);
    }
    return table;
}

kaon_diag *kt_diag(void)
{
    kernel();
    return kaon_error_diag(kit.error);
}

const char *kt_words(void)
{
    return kit.error ? kaon_error_text(kit.error) : "out of memory";
}

static kaon_status find(void *context, const char *interface_id, const char *name)
{
    (void)interface_id;
    return strcmp(context, name) == 0 ? KAON_END : KAON_OK;
}

int kt_has(const char *interface_id, const char *name)
{
    const kaon_items_api *items = kt_service(KAON_ITEMS_SERVICE);
    return items->each(kt_host(), interface_id, find, (void *)name, kt_diag()) == KAON_END;
}

const char *kt_shared(const char *path)
{
    static char full[TEXT];
    const char *folders[] = {getenv("KAON_SHARED"), "../shared", "../../../../shared", NULL};
    for (int i = 0; i < 3; i++) {
        struct stat info;
        snprintf(full, sizeof full, "%s/%s", folders[i] ? folders[i] : "", path);
        if (folders[i] && stat(full, &info) == 0)
            return full;
    }
    kt_skip(path);
    return NULL;
}

static kaon_use *use(const char *interface_id, const char *name, const char *settings)
{
    kaon_use *made = NULL;
    if (kaon_use_new(kernel(), interface_id, name, settings, &made, kit.error))
        return NULL;
    if (kit.use_count == USES)
        abort();
    kit.uses[kit.use_count++] = made;
    return made;
}

const kaon_part *kt_part(const char *interface_id, const char *name, const char *settings)
{
    const kaon_use *made = use(interface_id, name, settings);
    if (!made) {
        print_error("%s %s: %s\n", interface_id, name, kt_words());
        _fail(__FILE__, __LINE__);
    }
    return kaon_use_part(made);
}

void kt_refuses_settings(const char *interface_id, const char *name, const char *settings,
                         const char *text)
{
    if (use(interface_id, name, settings)) {
        print_error("%s takes '%s'\n", name, settings);
        _fail(__FILE__, __LINE__);
    }
    kt_says(kt_words(), text);
}
