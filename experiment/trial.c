/* trial.c: one run of an experiment in a process of its own. */
#include "experiment/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "experiment/experiment.h"
#include "experiment/fault_show.h"
#include "kernel/diag.h"
#include "kernel/pool.h"

/* --- in the child ----------------------------------------------------------------------------- */

static void say(int pipe, const char *words)
{
    size_t rest = strlen(words);
    while (rest) {
        const ssize_t written = write(pipe, words, rest);
        if (written < 0 && errno != EINTR)
            return; // nobody listens
        if (written > 0) {
            words += written;
            rest -= (size_t)written;
        }
    }
}

/* The pool of the parent has no workers here, and freeing it would wait for them: it is left alone.
 * Interrupts from the keyboard reach all processes; the parent decides. */
static kaon_status run_child(kn_kernel *kernel, const kaon_run_request *request, int pipe)
{
    kn_diag fault;
    kn_faults faults = {0};
    kn_run_log log;
    kn_text text = {0};
    json_t *result = NULL;
    const atomic_int stop = 0;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    kn_diag_init(&fault);
    kn_run_log_init(&log);
    kaon_status status = kn_pool_new(request->threads, &kernel->pool, &fault.diag);
    if (!status)
        status = kn_experiment_run(kernel, request, &log, &stop, &faults, &result, &fault.diag);
    if (faults.count)
        kn_faults_write(&faults, &text);
    if (status)
        say(pipe, faults.count ? kn_text_get(&text) : fault.text);
    return status;
}

/* --- in the parent ---------------------------------------------------------------------------- */

kaon_status kn_trial_start(kn_trial *t, kn_kernel *kernel, const kaon_run_request *request,
                           kaon_diag *diag)
{
    int ends[2];
    *t = (kn_trial){.pipe = -1, .started = kn_seconds()};
    if (pipe(ends))
        return kaon_fail(diag, KAON_IO, "cannot start a trial: %s", strerror(errno));
    const pid_t parent = getpid();
    const pid_t process = fork();
    if (process < 0) {
        close(ends[0]);
        close(ends[1]);
        return kaon_fail(diag, KAON_IO, "cannot start a trial: %s", strerror(errno));
    }
    if (!process) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a trial nobody waits for must not write into its folder
        close(ends[0]);
        const int lost = getppid() != parent;
        _exit(lost ? KAON_CANCELLED : run_child(kernel, request, ends[1]));
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    t->process = process;
    t->pipe = ends[0];
    return KAON_OK;
}

void kn_trial_wait(kn_trial *trials, int32_t count, int milliseconds)
{
    struct pollfd waits[256];
    nfds_t n = 0;
    for (int32_t i = 0; i < count && n < 256; i++)
        if (trials[i].process)
            waits[n++] = (struct pollfd){.fd = trials[i].pipe, .events = POLLIN};
    poll(waits, n, milliseconds); // an interruption is as good as a timeout
}

// 1 once the other end is closed.
static int32_t read_words(kn_trial *t)
{
    char rest[256];
    for (;;) {
        const size_t room = KN_TRIAL_WORDS - 1 - t->length;
        const ssize_t got =
            room ? read(t->pipe, t->words + t->length, room) : read(t->pipe, rest, sizeof rest);
        if (got <= 0)
            return got == 0 || (errno != EAGAIN && errno != EINTR);
        if (room)
            t->length += (size_t)got;
        t->words[t->length] = 0;
    }
}

static int wait_for(const kn_trial *t)
{
    int how = 0;
    while (waitpid(t->process, &how, 0) < 0 && errno == EINTR)
        ;
    return how;
}

static void forget(kn_trial *t)
{
    close(t->pipe);
    t->pipe = -1;
    t->process = 0;
}

int32_t kn_trial_ended(kn_trial *t, kaon_status *status)
{
    if (!read_words(t))
        return 0;
    const int how = wait_for(t);
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : KAON_INTERNAL;
    if (WIFSIGNALED(how))
        snprintf(t->words, sizeof t->words, "its process was ended by signal %d (%s)",
                 WTERMSIG(how), strsignal(WTERMSIG(how)));
    forget(t);
    return 1;
}

void kn_trial_kill(kn_trial *t)
{
    if (!t->process)
        return;
    kill(t->process, SIGKILL);
    wait_for(t);
    forget(t);
}
