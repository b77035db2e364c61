/* plugin_probe.c: a child process that loads an unknown plugin, and a parent that waits, not for
 * ever.
 *
 * The child writes one byte per stage it enters and, at the end, its verdict with words; whatever
 * cuts this short is known by the stage and by how the child died. It has no terminal, no files, no
 * core dump, no kernel, and always ends by SIGKILL, so that no exit handler of the host ever runs
 * twice.
 */
#define _GNU_SOURCE // close_range, pipe2, sigabbrev_np
#include "kernel/plugin_probe.h"

#include "kernel/diag.h"
#include "kernel/host.h"
#include "kernel/plugin_check.h"
#include "kernel/plugin_effects.h"
#include "kernel/plugin_object.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What the child is at. ORDER stage
enum { STAGE_START, STAGE_LOAD, STAGE_ENTRY, STAGE_CHECK, STAGE_INIT, STAGE_EFFECTS, STAGE_DONE };

static const char *const stage_words[] = {
    "before it was loaded",  "while it was loaded",
    ("in " KAON_ENTRY_NAME), "while its description was read",
    "in its init",           "after its init",
    "after its trial",
};

// Who speaks last in the child's pipe.
enum { SAID_SOUND = 100, SAID_HARMFUL = 101, SAID_NOT_LOADED = 102, SAID_EXIT = 103 };

enum { MESSAGE_BYTES = 64 + KN_DIAG_BYTES, STANDARD_FILES = 3, BUSY_SECONDS = 60 };

/* --- the child -------------------------------------------------------------------------------- */

// Of the child alone: its exit handler takes no argument.
static int child_pipe = -1;

static void say(unsigned char what)
{
    ssize_t ignored = write(child_pipe, &what, 1);
    (void)ignored; // if the parent is gone, so are we
}

_Noreturn static void leave(unsigned char what, const char *text)
{
    say(what);
    ssize_t ignored = write(child_pipe, text, strlen(text));
    (void)ignored;
    for (;;)
        kill(getpid(), SIGKILL);
}

// Runs before any handler of the host, because it is the last one registered.
static void on_exit_call(void)
{
    leave(SAID_EXIT, "");
}

// Nothing of the host's may be reachable: files, terminal, handlers that report crashes.
static void cut_off(int keep)
{
    const int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < STANDARD_FILES && null >= 0; i++)
        dup2(null, i);
    child_pipe = fcntl(keep, F_DUPFD, STANDARD_FILES);
    dup2(child_pipe, STANDARD_FILES);
    child_pipe = STANDARD_FILES;
    if (close_range(STANDARD_FILES + 1, ~0u, 0)) // Linux before 5.9
        for (int i = STANDARD_FILES + 1; i < 1024; i++)
            close(i);

    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setpgid(0, 0);
    kn_host_orphan();
}

static void check_effects(kn_effects *before, kn_diag *fault)
{
    if (kn_effects_restore(before, &fault->diag))
        leave(SAID_HARMFUL, fault->text);
}

// ISO C has no cast from an object to a function pointer; POSIX promises that both fit.
typedef union {
    void *object;
    kaon_plugin_entry_fn *function;
} entry_point;

_Noreturn static void try_plugin(const char *path, const kn_note *note)
{
    kn_diag fault;
    kn_effects *before = NULL;
    kn_object object = NULL;
    kaon_plugin plugin;
    kn_diag_init(&fault);
    if (kn_effects_new(&before, &fault.diag))
        leave(SAID_NOT_LOADED, fault.text);

    say(STAGE_LOAD);
    if (kn_object_open(path, &object, &fault.diag))
        leave(SAID_NOT_LOADED, fault.text);
    check_effects(before, &fault);
    const entry_point entry = {kn_object_symbol(object, KAON_ENTRY_NAME)};
    if (!entry.object)
        leave(SAID_HARMFUL, "it exports no " KAON_ENTRY_NAME);

    say(STAGE_ENTRY);
    const kaon_plugin *self = entry.function();
    say(STAGE_CHECK);
    if (kn_plugin_check(self, note, &plugin, &fault.diag))
        leave(SAID_HARMFUL, fault.text);

    say(STAGE_INIT);
    kn_host *host = plugin.init ? kn_host_new(note->name) : NULL;
    if (host) // an init that fails does so for reasons of this machine, which are told when it is
              // used
        plugin.init(kn_host_table(host), &fault.diag);
    say(STAGE_EFFECTS);
    check_effects(before, &fault);
    leave(SAID_SOUND, "");
}

/* --- the parent ------------------------------------------------------------------------------- */

typedef struct {
    char text[MESSAGE_BYTES]; // bytes the child wrote
    size_t length;
    int timed_out;
    int status; // of waitpid, -1: unknown
} report;

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// 1 if the child works or waits for a disk and has not had its seconds yet: on a machine with more
// to do than it can, time passes without a fault of the plugin's.
static int still_busy(pid_t child)
{
    char path[64], text[512] = "";
    clockid_t clock;
    struct timespec used;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)child);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    const ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    const char *after_name = bytes > 0 ? strrchr(text, ')') : NULL;
    return after_name && (after_name[2] == 'R' || after_name[2] == 'D') &&
           clock_getcpuclockid(child, &clock) == 0 && clock_gettime(clock, &used) == 0 &&
           used.tv_sec < KN_PROBE_SECONDS - 1;
}

// Collects what the child says until it ends or its time is over.
static void listen_to(pid_t child, int from, report *r)
{
    const int64_t start = milliseconds();
    int64_t deadline = start + KN_PROBE_SECONDS * 1000;
    while (r->length < sizeof r->text - 1) {
        int64_t left = deadline - milliseconds();
        if (left <= 0 && still_busy(child) && milliseconds() - start < BUSY_SECONDS * 1000) {
            left = 1000;
            deadline += left;
        }
        struct pollfd wait = {.fd = from, .events = POLLIN};
        const int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0 || left <= 0) {
            r->timed_out = 1;
            return;
        }
        if (ready == 0)
            continue;
        const ssize_t got = read(from, r->text + r->length, sizeof r->text - 1 - r->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        r->length += (size_t)got;
    }
}

// A host that ignores SIGCHLD or waits for all its children may take ours: then it has no status.
static int collect(pid_t child)
{
    int status = -1;
    siginfo_t left;
    if (waitid(P_PID, (id_t)child, &left, WEXITED | WNOHANG | WNOWAIT))
        return -1;         // taken already: its number may belong to another process by now
    kill(-child, SIGKILL); // and what it has started
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return status;
}

static kaon_status run_child(const char *path, const kn_note *note, report *r, kaon_diag *diag)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return kaon_fail(diag, KAON_IO, "it cannot be tried: no pipe: %s", strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        atexit(on_exit_call);
        cut_off(ends[1]);
        try_plugin(path, note);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return kaon_fail(diag, KAON_IO, "it cannot be tried: no child process: %s",
                         strerror(errno));
    }
    listen_to(child, ends[0], r);
    close(ends[0]);
    r->status = collect(child);
    return KAON_OK;
}

// Why the child said nothing at the end.
static void explain_death(const report *r, unsigned stage, char *reason)
{
    const char *where = stage_words[stage];
    if (r->timed_out)
        snprintf(reason, KN_DIAG_BYTES, "it hung %s (no end within %d s)", where, KN_PROBE_SECONDS);
    else if (r->status != -1 && WIFSIGNALED(r->status))
        snprintf(reason, KN_DIAG_BYTES, "it crashed %s (SIG%s, %s)", where,
                 sigabbrev_np(WTERMSIG(r->status)), sigdescr_np(WTERMSIG(r->status)));
    else
        snprintf(reason, KN_DIAG_BYTES, "it ended the process %s", where);
}

kaon_status kn_plugin_probe(const char *path, const kn_note *note, int32_t *verdict, char *reason,
                            kaon_diag *diag)
{
    report r = {.status = -1};
    unsigned stage = STAGE_START;
    size_t at = 0;

    *verdict = KN_VERDICT_NONE;
    reason[0] = 0;
    KAON_TRY(run_child(path, note, &r, diag));
    while (at < r.length && (unsigned char)r.text[at] <= STAGE_DONE)
        stage = (unsigned char)r.text[at++];
    const unsigned said = at < r.length ? (unsigned char)r.text[at] : 0;
    r.text[r.length] = 0;

    if (said == SAID_NOT_LOADED)
        return kaon_fail(diag, KAON_INCOMPATIBLE, "%s", r.text + at + 1);
    *verdict = said == SAID_SOUND ? KN_VERDICT_SOUND : KN_VERDICT_HARMFUL;
    if (said == SAID_HARMFUL)
        snprintf(reason, KN_DIAG_BYTES, "%s", r.text + at + 1);
    else if (said == SAID_EXIT)
        snprintf(reason, KN_DIAG_BYTES, "it ended the process %s", stage_words[stage]);
    else if (said != SAID_SOUND)
        explain_death(&r, stage, reason);
    return KAON_OK;
}
