/* kills_test.c: kill -9 at random times while a network is trained and checkpoints are written
 * after every epoch: it always goes on, and ends with the same bits.
 */
#include "trial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { KILLS = 30, ALL_KILLS = 500 };

static int ready;
static double seconds; // of an undisturbed run

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Starts or goes on, and kills it after so many seconds; 1: it was killed, 0: it had ended before.
static int killed_after(uint32_t flags, double wait)
{
    int state = 0;
    const pid_t child = fork();
    if (child == 0)
        _exit(trial_run(trial_at.parts, flags, NULL));
    assert_true(child > 0);
    usleep((useconds_t)(wait * 1e6));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &state, 0), child);
    if (WIFSIGNALED(state))
        return 1;
    // Before config.yaml is there, there is nothing to go on with.
    if (WEXITSTATUS(state) == KAON_NOT_FOUND && flags)
        return killed_after(0, wait);
    if (WEXITSTATUS(state))
        fail_msg("a run that was killed does not go on: status %d", WEXITSTATUS(state));
    return 0;
}

static void random_kills(void **state)
{
    uint32_t random = 12345;
    const int wanted = trial_all() ? ALL_KILLS : KILLS;
    (void)state;
    if (!ready)
        skip();
    for (int kills = 0; kills < wanted;) {
        uint32_t flags = 0;
        trial_remove(trial_at.parts);
        for (int again = 1; again;) {
            random = random * 1664525u + 1013904223u;
            again = killed_after(flags, seconds * (double)(random >> 8) / (1 << 24));
            kills += again;
            flags = KAON_RUN_RESUME;
            if (kills >= wanted && again) { // enough: now undisturbed
                int status = trial_fork(trial_at.parts, flags, NULL);
                if (status == KAON_NOT_FOUND)
                    status = trial_fork(trial_at.parts, 0, NULL);
                assert_int_equal(status, KAON_OK);
                again = 0;
            }
        }
        const char *name = trial_difference();
        if (name)
            fail_msg("after %d kills %s differs", kills, name);
    }
}

static int set_up(void **state)
{
    (void)state;
    ready = trial_open("{epochs: 1, keep: 2}", 12);
    const double began = now();
    if (ready && trial_run(trial_at.parts, 0, NULL))
        return 1;
    seconds = now() - began;
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_kills)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
