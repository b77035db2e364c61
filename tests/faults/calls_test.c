/* calls_test.c: a run killed before and after each of its system calls, and refused each of them.
 *
 * Whatever happens: no checkpoint that was there is lost, the run can be taken up again, and ends
 * with the bits of one that nothing happened to. A call that fails is an error, or does no harm.
 */
#include "shim.h"
#include "trial.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ready;
static shim_plan plan;                    // for the next child
static shim_plan whole_run, whole_resume; // what was counted: write side, read side

static void arm(void)
{
    shim = plan;
    shim.folder = trial_at.parts;
}

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (!ready)                                                                                \
            skip();                                                                                \
    } while (0)

// Every point, or one in so many; the first and last ones always.
static int64_t next_point(int64_t nth, int64_t calls, int64_t one_in)
{
    return trial_all() || nth < 4 || nth > calls - 12 ? nth + 1 : nth + one_in;
}

static int64_t newest_checkpoint(void)
{
    int64_t newest = 0;
    for (int64_t i = 1; i < 64; i++) {
        char path[2 * PATH];
        snprintf(path, sizeof path, "%s/checkpoints/%06lld.safetensors", trial_at.parts,
                 (long long)i);
        if (access(path, F_OK) == 0)
            newest = i;
    }
    return newest;
}

// The checkpoint that was in place after so many calls of the whole run; 0 where it has ended well
// and needs none.
static int64_t checkpoint_after(int64_t calls)
{
    int64_t newest = 0;
    for (int64_t i = 1; i < 64; i++)
        if (whole_run.checkpoint_at[i] && whole_run.checkpoint_at[i] <= calls)
            newest = i;
    return newest;
}

// 1: run.json says that the run is finished; its checkpoints are then no longer needed.
static int finished(void)
{
    char path[2 * PATH], text[64] = "";
    snprintf(path, sizeof path, "%s/run.json", trial_at.parts);
    FILE *file = fopen(path, "r");
    if (file && !fread(text, 1, sizeof text - 1, file))
        text[0] = 0;
    if (file)
        fclose(file);
    return strstr(text, "\"ok\"") != NULL;
}

// Goes on, or begins where the run was stopped before it had a folder.
static void goes_on_to_the_same(const char *what, int64_t nth)
{
    char text[256];
    kaon_status status = trial_run(trial_at.parts, KAON_RUN_RESUME, text);
    if (status == KAON_NOT_FOUND)
        status = trial_run(trial_at.parts, 0, text);
    if (status)
        fail_msg("%s at call %lld: it does not go on: %s", what, (long long)nth, text);
    const char *name = trial_difference();
    if (name)
        fail_msg("%s at call %lld: %s differs", what, (long long)nth, name);
}

/* --- killed ----------------------------------------------------------------------------------- */

static void killed_at(int action, int64_t nth)
{
    const char *what = action == SHIM_KILL_BEFORE ? "killed before" : "killed after";
    trial_remove(trial_at.parts);
    plan = (shim_plan){.sides = SHIM_WRITES, .action = action, .nth = nth};
    if (trial_fork(trial_at.parts, 0, arm) != -1)
        fail_msg("%s call %lld: nothing was killed", what, (long long)nth);
    const int64_t had = checkpoint_after(action == SHIM_KILL_AFTER ? nth : nth - 1);
    if (!finished() && newest_checkpoint() < had)
        fail_msg("%s call %lld: checkpoint %lld is lost", what, (long long)nth, (long long)had);
    goes_on_to_the_same(what, nth);
}

static void no_kill_loses_anything(void **state)
{
    (void)state;
    NEED_PLUGINS;
    for (int64_t nth = 1; nth <= whole_run.calls; nth = next_point(nth, whole_run.calls, 9)) {
        killed_at(SHIM_KILL_BEFORE, nth);
        killed_at(SHIM_KILL_AFTER, nth);
    }
}

/* --- refused ---------------------------------------------------------------------------------- */

static void refused_at(int action, int error, int64_t nth)
{
    const char *what = action == SHIM_SHORT ? "one byte" : strerror(error);
    trial_remove(trial_at.parts);
    plan = (shim_plan){.sides = SHIM_WRITES, .action = action, .nth = nth, .error = error};
    const int status = trial_fork(trial_at.parts, 0, arm);
    if (status == -1)
        fail_msg("%s at call %lld: it crashed", what, (long long)nth);
    // Success means that all is there.
    const char *name = status == KAON_OK ? trial_difference() : NULL;
    if (name)
        fail_msg("%s at call %lld: it says all is well, and %s differs", what, (long long)nth,
                 name);
    if (action == SHIM_SHORT && status)
        fail_msg("%s at call %lld: a short write is no failure", what, (long long)nth);
    if (status)
        goes_on_to_the_same(what, nth);
}

static void no_failed_write_passes_for_success(void **state)
{
    static const int errors[] = {EIO, ENOSPC, EINTR};
    (void)state;
    NEED_PLUGINS;
    for (int i = 0; i < 3; i++)
        for (int64_t nth = 1 + i; nth <= whole_run.calls;
             nth = next_point(nth, whole_run.calls, 19))
            refused_at(SHIM_FAIL, errors[i], nth);
    for (int64_t nth = 1; nth <= whole_run.calls; nth = next_point(nth, whole_run.calls, 19))
        refused_at(SHIM_SHORT, 0, nth);
}

// A run that stopped after two checkpoints is gone on with while the nth call that reads it fails.
static void stop_after_two(void)
{
    plan = (shim_plan){
        .sides = SHIM_WRITES, .action = SHIM_KILL_AFTER, .nth = whole_run.checkpoint_at[2]};
    arm();
}

static void read_refused_at(int action, int error, int64_t nth)
{
    const char *what = action == SHIM_SHORT ? "one byte read" : strerror(error);
    trial_remove(trial_at.parts);
    assert_int_equal(trial_fork(trial_at.parts, 0, stop_after_two), -1);
    plan = (shim_plan){.sides = SHIM_READS, .action = action, .nth = nth, .error = error};
    const int status = trial_fork(trial_at.parts, KAON_RUN_RESUME, arm);
    const char *name = status == KAON_OK ? trial_difference() : NULL;
    if (status == -1 || name)
        fail_msg("%s at call %lld: %s %s", what, (long long)nth, name ? name : "it crashed",
                 name ? "differs" : "");
    if (action == SHIM_SHORT && status)
        fail_msg("%s at call %lld: a short read is no failure", what, (long long)nth);
    if (status)
        goes_on_to_the_same(what, nth);
}

static void no_failed_read_passes_for_success(void **state)
{
    (void)state;
    NEED_PLUGINS;
    assert_true(whole_resume.calls > 8);
    for (int64_t nth = 1; nth <= whole_resume.calls; nth++) {
        read_refused_at(SHIM_FAIL, EIO, nth);
        read_refused_at(SHIM_SHORT, 0, nth);
        if (nth % 4 == 0)
            read_refused_at(SHIM_FAIL, EINTR, nth);
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    ready = trial_open("{epochs: 1, keep: 2}", 3);
    if (!ready)
        return 0;
    // Counted in this process: the plan comes back.
    plan = (shim_plan){.sides = SHIM_WRITES};
    arm();
    const kaon_status status = trial_run(trial_at.parts, 0, NULL);
    whole_run = shim;
    shim = (shim_plan){0};
    if (status || trial_difference())
        return 1;
    trial_remove(trial_at.parts);
    if (trial_fork(trial_at.parts, 0, stop_after_two) != -1)
        return 1;
    plan = (shim_plan){.sides = SHIM_READS};
    arm();
    const kaon_status resumed = trial_run(trial_at.parts, KAON_RUN_RESUME, NULL);
    whole_resume = shim;
    shim = (shim_plan){0};
    printf("%lld calls that write, %lld that read\n", (long long)whole_run.calls,
           (long long)whole_resume.calls);
    return resumed || trial_difference();
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_kill_loses_anything),
        cmocka_unit_test(no_failed_write_passes_for_success),
        cmocka_unit_test(no_failed_read_passes_for_success),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
