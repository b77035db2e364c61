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

// What comes through the pipe at the end: a mark, the status, then words.
enum { HEAD_MARK = 1, HEAD_BYTES = 2 };

/* --- in the child ----------------------------------------------------------------------------- */

static void say(int pipe, const char *words, size_t rest)
{
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

static void keep_log(void *context, int32_t level, const char *text)
{
    (void)level;
    kn_run_log_add(context, text);
}

/* The pool of the parent has no workers here, and freeing it would wait for them: it is left alone.
 * Interrupts from the keyboard reach all processes; the parent decides. */
static void run_child(kn_kernel *kernel, const kaon_run_request *request, int pipe)
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
    kernel->settings.log = keep_log; // into the folder of the run, not among the parent's words
    kernel->settings.log_context = &log;
    kaon_status status = kn_pool_new(request->threads, &kernel->pool, &fault.diag);
    if (!status)
        status = kn_experiment_run(kernel, request, &log, &stop, &faults, &result, &fault.diag);
    if (faults.count)
        kn_faults_write(&faults, &text);
    const char *words = faults.count ? kn_text_get(&text) : fault.text;
    const char head[HEAD_BYTES] = {HEAD_MARK, (char)status};
    say(pipe, head, sizeof head);
    say(pipe, words, status ? strlen(words) : 0);
}

/* A library ends no process, and what the parent registered to happen at its exit is not for a copy
 * of it: the child is done when it has said how it ended. */
static void disappear(void)
{
    for (;;)
        raise(SIGKILL);
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
        if (getppid() == parent)
            run_child(kernel, request, ends[1]);
        disappear();
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
    const int32_t said = t->length >= HEAD_BYTES && t->words[0] == HEAD_MARK;
    *status = said ? t->words[1] : KAON_INTERNAL;
    if (said)
        memmove(t->words, t->words + HEAD_BYTES, t->length - HEAD_BYTES + 1);
    else if (WIFSIGNALED(how))
        snprintf(t->words, sizeof t->words, "its process was ended by signal %d (%s)",
                 WTERMSIG(how), strsignal(WTERMSIG(how)));
    else
        snprintf(t->words, sizeof t->words, "its process ended without a word");
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
