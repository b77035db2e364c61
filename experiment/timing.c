/* timing.c: how long each stage of a run took and, where the machine tells, its energy. */
#include "experiment/timing.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/monitor.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { LARGEST_FILE = 1 << 20 };

/* --- energy ----------------------------------------------------------------------------------- */

// A number in a file of /sys; negative: it cannot be read.
static double read_counter(int32_t package, const char *name)
{
    char path[96], text[32] = "";
    snprintf(path, sizeof path, "/sys/class/powercap/intel-rapl:%d/%s", (int)package, name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t bytes = read(file, text, sizeof text - 1);
    close(file);
    return bytes > 0 ? strtod(text, NULL) : -1;
}

static void start_energy(kn_timing *t)
{
    for (t->packages = 0; t->packages < KN_TIMING_PACKAGES; t->packages++) {
        t->at_start[t->packages] = read_counter(t->packages, "energy_uj");
        if (t->at_start[t->packages] < 0)
            return;
    }
}

// Joules since the start; negative: this machine does not tell.
static double energy(const kn_timing *t)
{
    double sum = t->packages ? 0 : -1;
    for (int32_t i = 0; i < t->packages; i++) {
        double used = read_counter(i, "energy_uj") - t->at_start[i];
        if (used < 0) // it went around once
            used += read_counter(i, "max_energy_range_uj");
        sum += used > 0 ? used * 1e-6 : 0;
    }
    return sum;
}

/* --- stages ----------------------------------------------------------------------------------- */

void kn_timing_end(kn_timing *t)
{
    if (!t->running)
        return;
    const int32_t last = t->count - 1;
    const double used = energy(t);
    t->stages[last].seconds = kn_seconds() - t->stages[last].seconds;
    t->stages[last].joules = used < 0 || t->stages[last].joules < 0 ? -1 : used;
    t->running = 0;
}

void kn_timing_begin(kn_timing *t, const char *name)
{
    if (t->running && (!strncmp(t->stages[t->count - 1].name, name, KN_TIMING_NAME - 1) ||
                       t->count == KN_TIMING_STAGES))
        return;
    kn_timing_end(t);
    if (t->count == KN_TIMING_STAGES)
        return;
    snprintf(t->stages[t->count].name, KN_TIMING_NAME, "%s", name);
    t->stages[t->count].seconds = kn_seconds();
    t->stages[t->count++].joules = 0;
    t->running = 1;
    start_energy(t);
}

/* --- the file --------------------------------------------------------------------------------- */

kaon_status kn_timing_write(const kn_timing *t, const char *path, kaon_diag *diag)
{
    json_t *stages = json_array();
    for (int32_t i = 0; i < t->count; i++)
        json_array_append_new(
            stages,
            json_pack("{s:s, s:f, s:o}", "name", t->stages[i].name, "seconds", t->stages[i].seconds,
                      "joules",
                      t->stages[i].joules < 0 ? json_null() : json_real(t->stages[i].joules)));
    json_t *root = json_pack("{s:o}", "stages", stages);
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    const kaon_status status =
        text ? kn_file_write(path, text, strlen(text), diag) : kn_no_memory(diag, "timing.json");
    free(text);
    json_decref(root);
    return status;
}

void kn_timing_read(kn_timing *t, const char *path)
{
    void *data = NULL;
    size_t bytes = 0, i;
    json_t *stage;
    *t = (kn_timing){0};
    if (kn_file_read(path, LARGEST_FILE, &data, &bytes, NULL))
        return;
    json_t *root = json_loadb(data, bytes, 0, NULL);
    kn_free(data);
    json_array_foreach(json_object_get(root, "stages"), i, stage)
    {
        const char *name = json_string_value(json_object_get(stage, "name"));
        const json_t *joules = json_object_get(stage, "joules");
        if (!name || t->count == KN_TIMING_STAGES)
            continue;
        snprintf(t->stages[t->count].name, KN_TIMING_NAME, "%s", name);
        t->stages[t->count].seconds = json_number_value(json_object_get(stage, "seconds"));
        t->stages[t->count++].joules = json_is_number(joules) ? json_number_value(joules) : -1;
    }
    json_decref(root);
}
