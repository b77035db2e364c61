/* plot_draw.c: gnuplot at work: a child process in a folder of its own, with a deadline.
 *
 * No shell: the program is found on the PATH and started with its arguments. It reads neither the
 * user's settings nor anything but the program written for it, and its locale, time and fonts' home
 * are given, so that the same figure gives the same bytes. Several figures may be drawn at once.
 */
#define _GNU_SOURCE // posix_spawn_file_actions_addchdir_np
#include "experiment/plot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "experiment/monitor.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { LARGEST_DRAWING = 64 << 20, WORDS_SHOWN = 300, ENVIRONMENT = 4 };

/* --- its folder ------------------------------------------------------------------------------- */

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *file = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")
                         ? kn_path_join(path, entry->d_name)
                         : NULL;
        if (file)
            unlink(file);
        kn_free(file);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static kaon_status make_folder(kn_drawing *d, const char *below, kaon_diag *diag)
{
    char *path = kn_path_join(below, ".drawing-XXXXXX");
    if (!path)
        return kn_no_memory(diag, "a figure");
    if (mkdtemp(path)) {
        d->folder = path;
        return KAON_OK;
    }
    kn_free(path);
    return kaon_fail(diag, KAON_IO, "cannot make a folder in %s: %s", below, strerror(errno));
}

static kaon_status write_script(const kn_drawing *d, const kn_plot *plot, kaon_diag *diag)
{
    kn_text script = {0};
    char *path = kn_path_join(d->folder, "plot.gp");
    kn_plot_script(plot, &script);
    const kaon_status status = !path || script.failed
                                   ? kn_no_memory(diag, "a figure")
                                   : kn_file_write(path, kn_text_get(&script), script.length, diag);
    kn_free(path);
    kn_text_fini(&script);
    return status;
}

/* --- the child -------------------------------------------------------------------------------- */

// Of the user's environment only where programs and fonts are found.
static int32_t set_environment(char *rows[ENVIRONMENT + 1], char path[4096], char home[4096])
{
    const char *given[] = {getenv("PATH"), getenv("HOME")};
    rows[0] = (char *)"LC_ALL=C.UTF-8"; // never written to; the type is an old one
    rows[1] = (char *)"SOURCE_DATE_EPOCH=0";
    rows[2] = path;
    rows[3] = home;
    rows[4] = NULL;
    return snprintf(path, 4096, "PATH=%s", given[0] ? given[0] : "/usr/bin:/bin") < 4096 &&
           snprintf(home, 4096, "HOME=%s", given[1] ? given[1] : "/") < 4096;
}

// Its signals are as in a fresh process, whatever the program around us does with its own.
static int spawn(kn_drawing *d, char *const *environment)
{
    char *const arguments[] = {"gnuplot", "-d", "plot.gp", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    pid_t child = 0;
    sigfillset(&all);
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&files))
        return ENOMEM;
    int failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = posix_spawn_file_actions_addchdir_np(&files, d->folder);
        if (!failed)
            failed = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        if (!failed)
            failed = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        if (!failed)
            failed = posix_spawn_file_actions_addopen(&files, 2, "words.txt",
                                                      O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETPGROUP);
        if (!failed)
            failed = posix_spawnp(&child, "gnuplot", &files, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    d->child = (int32_t)child;
    return failed;
}

kaon_status kn_drawing_start(kn_drawing *d, const kn_plot *plot, const char *folder,
                             kaon_diag *diag)
{
    char path[4096], home[4096], *rows[ENVIRONMENT + 1];
    *d = (kn_drawing){.deadline = kn_seconds() + KN_DRAW_SECONDS};
    KAON_TRY(kn_plot_status(plot, diag));
    KAON_TRY(make_folder(d, folder, diag));
    kaon_status status = write_script(d, plot, diag);
    if (!status && !set_environment(rows, path, home))
        status = kaon_fail(diag, KAON_INVALID, "the environment's PATH or HOME is too long");
    const int failed = status ? 0 : spawn(d, rows);
    if (failed)
        status = failed == ENOENT
                     ? kaon_fail(diag, KAON_NOT_FOUND,
                                 "figures are drawn by gnuplot, which is not installed (Debian "
                                 "package gnuplot-nox)")
                     : kaon_fail(diag, KAON_IO, "cannot start gnuplot: %s", strerror(failed));
    if (!status)
        return KAON_OK;
    remove_folder(d->folder);
    kn_free(d->folder);
    d->folder = NULL;
    return status;
}

// Its exit status; -1: its time was over, or nobody wants what it draws.
static int wait_for(const kn_drawing *d, int32_t unwanted)
{
    int status = 0, end = unwanted;
    for (;;) {
        if (end)
            kill(-d->child, SIGKILL);
        const pid_t ended = waitpid(d->child, &status, end ? 0 : WNOHANG);
        if (ended < 0 && errno == EINTR)
            continue;
        if (ended)
            return end ? -1 : ended < 0 ? 0 : status; // taken by others: the files will tell
        end = kn_seconds() > d->deadline;
        if (!end)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* --- what it left ----------------------------------------------------------------------------- */

static kaon_status take_file(const kn_drawing *d, const char *name, kn_text *out, kaon_diag *diag)
{
    void *data = NULL;
    size_t bytes = 0;
    char *path = kn_path_join(d->folder, name);
    kaon_status status = path ? kn_file_read(path, LARGEST_DRAWING, &data, &bytes, diag)
                              : kn_no_memory(diag, "a figure");
    kn_free(path);
    if (status == KAON_NOT_FOUND)
        status = kaon_fail(diag, KAON_IO, "gnuplot wrote no %s", name);
    if (!status && !bytes)
        status = kaon_fail(diag, KAON_IO, "gnuplot wrote an empty file");
    if (!status)
        kn_text_add_bytes(out, data, bytes);
    kn_free(data);
    return status ? status : out->failed ? kn_no_memory(diag, "a figure") : KAON_OK;
}

// The first line that says something, of what it wrote to standard error.
static kaon_status told(const kn_drawing *d, int status, kaon_diag *diag)
{
    kn_text words = {0};
    char line[WORDS_SHOWN] = "";
    if (status == -1)
        return kaon_fail(diag, KAON_IO, "gnuplot took too long (%d s are given) and was ended",
                         KN_DRAW_SECONDS);
    if (!take_file(d, "words.txt", &words, NULL)) {
        const char *at = strstr(kn_text_get(&words), "line ");
        at = at ? at : kn_text_get(&words);
        snprintf(line, sizeof line, ": %.*s", (int)strcspn(at, "\n"), at);
    }
    kn_text_fini(&words);
    return kaon_fail(diag, KAON_IO, "gnuplot failed (status %d)%s",
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), line);
}

// The one place where the library beneath gnuplot writes the time of day: as long as it was.
static void fix_date(kn_text *pdf)
{
    static const char key[] = "/CreationDate (D:", fixed[] = "20000101000000";
    const size_t room = sizeof key - 1 + sizeof fixed - 1;
    for (size_t i = 0; pdf->length >= room && i <= pdf->length - room; i++)
        if (!memcmp(pdf->at + i, key, sizeof key - 1)) {
            memcpy(pdf->at + i + sizeof key - 1, fixed, sizeof fixed - 1);
            return;
        }
}

kaon_status kn_drawing_finish(kn_drawing *d, kn_text *svg, kn_text *pdf, kaon_diag *diag)
{
    if (!d->folder)
        return kaon_fail(diag, KAON_INTERNAL, "no figure is being drawn");
    const int ended = wait_for(d, !svg);
    kaon_status status = KAON_OK;
    if (svg && ended)
        status = told(d, ended, diag);
    if (svg && !status)
        status = take_file(d, "plot.svg", svg, diag);
    if (pdf && !status)
        status = take_file(d, "plot.pdf", pdf, diag);
    if (pdf && !status)
        fix_date(pdf);
    remove_folder(d->folder);
    kn_free(d->folder);
    *d = (kn_drawing){0};
    return status;
}
