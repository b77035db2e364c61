/* action.c: a sound plugin whose code does something it must not: AT_LOAD in a constructor, AT_INIT
 * in its init, AT_ENTRY in its entry. */
#define _GNU_SOURCE // feenableexcept
#include "broken.h"

#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef AT_LOAD
#    define AT_LOAD nothing
#endif
#ifndef AT_INIT
#    define AT_INIT nothing
#endif

SPARE static void nothing(void)
{
}

SPARE static void crash(void)
{
    *(volatile int *)8 = 1;
}

SPARE static void give_up(void)
{
    abort();
}

SPARE static void hang(void)
{
    for (;;)
        pause();
}

SPARE static void leave(void)
{
    exit(0);
}

SPARE static void leave_at_once(void)
{
    _exit(0);
}

SPARE static void start_a_child(void)
{
    if (fork() == 0) {
        alarm(1); // in a trial it is killed at once
        for (;;)
            pause();
    }
}

SPARE static void print(void)
{
    ssize_t ignored = write(1, "printed by a plugin\n", 20);
    (void)ignored;
}

SPARE static void round_up(void)
{
    fesetround(FE_UPWARD);
}

SPARE static void trap(void)
{
    feenableexcept(FE_DIVBYZERO);
}

SPARE static void set_locale(void)
{
    setlocale(LC_ALL, "C.UTF-8");
}

SPARE static void go_elsewhere(void)
{
    int ignored = chdir("/");
    (void)ignored;
}

static void handler(int number)
{
    (void)number;
}

SPARE static void catch_signal(void)
{
    signal(SIGUSR2, handler);
}

SPARE static void open_masks(void)
{
    umask(0);
}

SPARE static void set_variable(void)
{
    setenv("KAON_BROKEN", "1", 1);
    unsetenv("KAON_WHOLE");
}

__attribute__((constructor)) static void start(void)
{
    AT_LOAD();
}

static kaon_status init(const kaon_host *host, kaon_diag *diag)
{
    (void)host;
    (void)diag;
    AT_INIT();
    return KAON_OK;
}

#define ITEMS(item) item(KAON_LAYER, NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, init)
