/* trial.h: one small experiment, run whole, in pieces, in a process of its own. */
#ifndef TRIAL_H
#define TRIAL_H

#include <kaon/host_api.h>

enum { PATH = 160 };

typedef struct {
    char folder[PATH]; // everything lies in it
    char config[PATH];
    char whole[PATH]; // the run nothing happened to
    char parts[PATH]; // the one that is tried
} trial;

extern trial trial_at;

/* Writes the experiment and runs it once, so that all plugins are in the process; 0: a plugin is
 * missing, the test cannot be. `checkpoint`: as in YAML. */
int trial_open(const char *checkpoint, int epochs);
void trial_close(void);

/* Runs or, with KAON_RUN_RESUME, goes on. `text`, if given, gets the error. */
kaon_status trial_run(const char *folder, uint32_t flags, char text[256]);

/* The same in a child process; what it returned, or -1 where it was killed. */
int trial_fork(const char *folder, uint32_t flags, void (*before)(void));

void trial_remove(const char *folder);

/* NULL if the tried run left what the whole one left; else the file that differs. */
const char *trial_difference(void);

/* 1 if every point is to be tried. */
int trial_all(void);

#endif
