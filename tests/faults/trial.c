/* trial.c: one small experiment, run whole, in pieces, in a process of its own. */
#define _XOPEN_SOURCE 700 // nftw
#include "trial.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

trial trial_at;

static const char *const needed[] = {
    "reader:toyjets", "learner:standardize", "learner:network",           "layer:dense",
    "layer:dropout",  "optimizer:adam",      "loss:softmax_cross_entropy"};

static int installed(void)
{
    kaon_kernel *kernel = NULL;
    int found = kaon_open(NULL, &kernel, NULL) == KAON_OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && found; i++) {
        char *json = NULL;
        found = kaon_item_json(kernel, needed[i], &json, NULL) == KAON_OK;
        kaon_text_free(json);
    }
    kaon_close(kernel);
    return found;
}

static int write_config(const char *checkpoint, int epochs)
{
    FILE *file = fopen(trial_at.config, "w");
    if (!file)
        return 0;
    fprintf(
        file,
        "data: {reader: {toyjets: {jets: 160}}, target: label, features: [mass, multiplicity],\n"
        "       split: {train: 0.5, validation: 0.25, test: 0.25}}\n"
        "model: [standardize, network: {layers: [dense: {units: 6}, dropout: {rate: 0.3},\n"
        "        dense: {units: 5}], loss: softmax_cross_entropy, batch: 16, epochs: %d}]\n"
        "report: none\n"
        "checkpoint: %s\n",
        epochs, checkpoint);
    return fclose(file) == 0;
}

int trial_open(const char *checkpoint, int epochs)
{
    // In memory, where the system has such a place: these are hundreds of runs.
    strcpy(trial_at.folder, "/dev/shm/kaon-faults-XXXXXX");
    if (!mkdtemp(trial_at.folder)) {
        strcpy(trial_at.folder, "/tmp/kaon-faults-XXXXXX");
        if (!mkdtemp(trial_at.folder))
            return 0;
    }
    setenv("XDG_CACHE_HOME", trial_at.folder, 1); // caches there too
    snprintf(trial_at.config, PATH, "%.100s/run.yaml", trial_at.folder);
    snprintf(trial_at.whole, PATH, "%.100s/whole", trial_at.folder);
    snprintf(trial_at.parts, PATH, "%.100s/parts", trial_at.folder);
    char text[256] = "";
    if (installed() && write_config(checkpoint, epochs) && !trial_run(trial_at.whole, 0, text))
        return 1;
    printf("skipped: the plugins for a small network are not installed %s\n", text);
    trial_close();
    return 0;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
    (void)facts, (void)kind, (void)at;
    return remove(path);
}

void trial_remove(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void trial_close(void)
{
    trial_remove(trial_at.folder);
}

kaon_status trial_run(const char *folder, uint32_t flags, char text[256])
{
    kaon_kernel *kernel = NULL;
    kaon_error *error = kaon_error_new();
    char *json = NULL;
    const kaon_open_settings settings = {.size = sizeof settings, .threads = 1};
    kaon_status status = error ? kaon_open(&settings, &kernel, error) : KAON_NO_MEMORY;
    const kaon_run_request request = {.size = sizeof request,
                                      .flags = flags,
                                      .config_path = trial_at.config,
                                      .folder = folder,
                                      .threads = 1};
    if (!status)
        status = kaon_run(kernel, &request, &json, error);
    if (text)
        snprintf(text, 256, "%s", error ? kaon_error_text(error) : "");
    kaon_text_free(json);
    kaon_close(kernel);
    kaon_error_free(error);
    return status;
}

int trial_fork(const char *folder, uint32_t flags, void (*before)(void))
{
    int state = 0;
    const pid_t child = fork();
    if (child == 0) {
        if (before)
            before();
        _exit(trial_run(folder, flags, NULL));
    }
    if (child < 0 || waitpid(child, &state, 0) != child)
        return -1;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

/* --- comparing -------------------------------------------------------------------------------- */

// All of a file, without the seconds in it; freed by the caller.
static char *content(const char *folder, const char *name, size_t *bytes)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    *bytes = 0;
    if (!file)
        return NULL;
    char *text = calloc(1, 1 << 20);
    *bytes = text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    fclose(file);
    for (char *at = text; at && (at = strstr(at, "\"seconds\": "));) {
        const size_t word = strcspn(at, ",\n");
        memmove(at, at + word, *bytes - (size_t)(at - text) - word + 1);
        *bytes -= word;
    }
    return text;
}

const char *trial_difference(void)
{
    static const char *const names[] = {"model.safetensors", "metrics.json", "metrics.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bytes = 0, other = 0;
        char *a = content(trial_at.whole, names[i], &bytes);
        char *b = content(trial_at.parts, names[i], &other);
        const int same = a && b && bytes == other && memcmp(a, b, bytes) == 0;
        free(a);
        free(b);
        if (!same)
            return names[i];
    }
    return NULL;
}

int trial_all(void)
{
    const char *wish = getenv("KAON_FAULTS");
    return wish && strcmp(wish, "all") == 0;
}
