/* memory_test.c: the nth call of malloc, calloc or realloc fails, alone or with all after it: while
 * plugins are scanned, a configuration is read, a network is made, takes its steps, is saved, and
 * is loaded again. No crash, no leak, and never a wrong result that passes for a right one.
 *
 * With a sanitizer the allocator is not ours to replace; libkaon's own allocations are then tried
 * by tests/experiment/experiment_test.c.
 */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define OWN_MALLOC 0
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define OWN_MALLOC 0
#    endif
#endif
#ifndef OWN_MALLOC
#    define OWN_MALLOC 1
#endif

static int64_t calls, nth, blocks;
static int from_then_on;

#if OWN_MALLOC

#    define SEEN __attribute__((visibility("default")))

// The C library's own, behind the names defined here.
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void __libc_free(void *memory);

static int refuses(void)
{
    const int64_t number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    return nth && (number == nth || (from_then_on && number > nth));
}

static void *counted(void *memory)
{
    if (memory)
        __atomic_add_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
    return memory;
}

SEEN void *malloc(size_t bytes)
{
    return refuses() ? NULL : counted(__libc_malloc(bytes));
}

SEEN void *calloc(size_t count, size_t bytes)
{
    return refuses() ? NULL : counted(__libc_calloc(count, bytes));
}

SEEN void *realloc(void *memory, size_t bytes)
{
    if (refuses())
        return NULL;
    void *moved = __libc_realloc(memory, bytes);
    return memory ? moved : counted(moved);
}

SEEN void free(void *memory)
{
    if (memory)
        __atomic_sub_fetch(&blocks, 1, __ATOMIC_SEQ_CST);
    __libc_free(memory);
}

#endif

static int ready;

static kaon_status load(void)
{
    char path[2 * PATH];
    kaon_kernel *kernel = NULL;
    kaon_model *model = NULL;
    const kaon_open_settings settings = {.size = sizeof settings, .threads = 1};
    snprintf(path, sizeof path, "%s/model.safetensors", trial_at.whole);
    kaon_status status = kaon_open(&settings, &kernel, NULL);
    if (!status)
        status = kaon_model_load(kernel, path, &model, NULL);
    kaon_model_free(model);
    kaon_close(kernel);
    return status;
}

// Runs and loads with the nth request refused; 1: there was such a request.
static int tried(int64_t which, int all_after)
{
    char text[256] = "";
    trial_remove(trial_at.parts);
    const int64_t before = blocks;
    calls = 0;
    from_then_on = all_after;
    nth = which;
    const kaon_status ran = trial_run(trial_at.parts, 0, text);
    const kaon_status loaded = load();
    nth = 0;
    const int64_t after = blocks;
    // jansson leaves out of metrics.json what it has no memory for, and does not say so.
    const char *name = ran ? NULL : trial_difference();
    if (name && strcmp(name, "metrics.json") != 0)
        fail_msg("request %lld: it says all is well, and %s differs", (long long)which, name);
    if (ran && !*text && ran != KAON_NO_MEMORY)
        fail_msg("request %lld: status %d, and no words", (long long)which, (int)ran);
    if (after > before)
        fail_msg("request %lld%s: %lld blocks are left (%s; load: %d)", (long long)which,
                 all_after ? " and all after it" : "", (long long)(after - before), text,
                 (int)loaded);
    return calls >= which;
}

static void no_request_is_taken_for_granted(void **state)
{
    (void)state;
    if (!ready || !OWN_MALLOC)
        skip();
    for (int i = 0; i < 3; i++) // what is kept from the first runs on
        tried(0, 0);
    const int64_t whole = calls;
    printf("%lld requests\n", (long long)whole);
    for (int all_after = 0; all_after < 2; all_after++)
        for (int64_t which = 1; tried(which, all_after);)
            which += trial_all() ? 1 : 1 + which / 8 + whole / 60;
}

static int set_up(void **state)
{
    (void)state;
    ready = trial_open("{epochs: 1}", 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (ready)
        trial_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_request_is_taken_for_granted)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
