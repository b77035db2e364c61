/* checkpoint.c: the checkpoints of a run. */
#include "experiment/checkpoint.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/archive.h"
#include "kernel/decimal.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

static const char format_name[] = "kaon.checkpoint/1";

enum { NAME_BYTES = 64 };

static const kaon_option options[] = {
    KAON_FLOAT(kn_checkpoint_settings, minutes, 10, .min = 0, .max = 1e6, .unit = "min",
               .help = "time between two of them; 0: not by time"),
    KAON_INT(kn_checkpoint_settings, epochs, 0, .min = 0, .max = 1e9,
             .help = "epochs, rounds or reports of an agent between two; 0: not by number"),
    KAON_INT(kn_checkpoint_settings, keep, 2, .min = 1, .max = 1000,
             .help = "the newest ones that are kept until the run is finished"),
    {0},
};

const kn_schema kn_checkpoint_schema = {.what = "checkpoint",
                                        .more = "experiment:checkpoint",
                                        .options = options,
                                        .size = sizeof(kn_checkpoint_settings)};

static char *path_of(const char *folder, int64_t number)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%06lld.safetensors", (long long)number);
    return kn_path_join(folder, name);
}

// 0: no checkpoint of that name.
static int64_t number_of(const char *name)
{
    char *end = NULL;
    const long long number = strtoll(name, &end, 10);
    return number > 0 && !strcmp(end, ".safetensors") ? number : 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int32_t is_due(const kn_checkpoints *c, const kn_monitor *m)
{
    const kn_checkpoint_settings *s = c->settings;
    if (c->due && (s->epochs || s->minutes > 0))
        return 1;
    return m->stopping || (s->epochs && c->rounds >= s->epochs) ||
           (s->minutes > 0 && kn_seconds() - c->at >= 60 * s->minutes);
}

static kaon_status put_facts(kn_safetensors *file, const kn_monitor *m, uint64_t metrics,
                             kaon_diag *diag)
{
    char seconds[KN_NUMBER_BYTES];
    kn_text text = {0};
    kn_text_format(&text, "{\"seconds\": %s, \"metrics\": %llu, \"learner\": \"%s\"}",
                   kn_format_double(kn_seconds() - m->started, seconds),
                   (unsigned long long)metrics, m->what ? m->what : "");
    kaon_status status = text.failed ? kn_no_memory(diag, "a checkpoint") : KAON_OK;
    if (!status)
        status = kn_safetensors_put_text(file, "kaon.run", kn_text_get(&text), diag);
    kn_text_fini(&text);
    return status;
}

static kaon_status fill(const kn_checkpoints *c, kn_monitor *m, kaon_suspend *suspend,
                        void *context, kn_safetensors *file, kaon_diag *diag)
{
    uint64_t metrics = 0;
    kn_archive archive;
    KAON_TRY(kn_monitor_sync(m, &metrics, diag));
    KAON_TRY(kn_safetensors_put_text(file, "format", format_name, diag));
    KAON_TRY(put_facts(file, m, metrics, diag));
    if (c->collect)
        KAON_TRY(c->collect(c->context, file, diag));
    kn_archive_init(&archive, file, "state/");
    return suspend ? suspend(context, &archive.archive, diag) : KAON_OK;
}

// Those older than the last `keep`; what cannot be removed does no harm.
static void remove_older(const kn_checkpoints *c)
{
    char *path =
        c->last > c->settings->keep ? path_of(c->folder, c->last - c->settings->keep) : NULL;
    if (path)
        unlink(path);
    kn_free(path);
}

static kaon_status write_next(kn_checkpoints *c, kn_monitor *m, kaon_suspend *suspend,
                              void *context, kaon_diag *diag)
{
    kn_safetensors *file = kn_safetensors_new();
    char *path = path_of(c->folder, c->last + 1);
    kaon_status status =
        file && path ? kn_folder_make(c->folder, diag) : kn_no_memory(diag, "a checkpoint");
    if (!status)
        status = fill(c, m, suspend, context, file, diag);
    if (!status)
        status = kn_safetensors_write(file, path, diag);
    kn_safetensors_free(file);
    kn_free(path);
    if (status)
        return status;
    c->last++;
    remove_older(c);
    return KAON_OK;
}

void kn_checkpoints_offer(kn_checkpoints *c, kn_monitor *m, int32_t point, kaon_suspend *suspend,
                          void *context)
{
    c->rounds += point == KAON_POINT_ROUND;
    if (!is_due(c, m))
        return;
    kn_diag fault;
    kn_diag_init(&fault);
    const double began = kn_seconds();
    c->failed = write_next(c, m, suspend, context, &fault.diag);
    snprintf(c->why, sizeof c->why, "%.1000s", fault.text);
    // What takes long to write is written less often: at most a tenth of the time goes there.
    c->at = kn_seconds();
    c->at += 10 * (c->at - began) > 60 * c->settings->minutes ? 10 * (c->at - began) : 0;
    c->rounds = c->due = 0;
    if (c->failed)
        kn_monitor_say(m, KAON_EVENT_NOTE,
                       "no checkpoint could be written: %s; the run goes on and tries again",
                       c->why);
}

/* --- reading ---------------------------------------------------------------------------------- */

static kaon_status read_facts(const kn_safetensors *file, kn_checkpoint_facts *facts,
                              kaon_diag *diag)
{
    const char *format = kn_safetensors_text(file, "format");
    const char *text = kn_safetensors_text(file, "kaon.run");
    if (!format || !text || !kn_safetensors_text(file, "kaon.checksum"))
        return kaon_fail(diag, KAON_CORRUPT, "it is no checkpoint");
    if (strcmp(format, format_name))
        return kaon_fail(diag, KAON_TOO_NEW, "its format is '%.40s', this Kaon reads '%s'", format,
                         format_name);
    json_t *run = json_loads(text, 0, NULL);
    const json_t *metrics = json_object_get(run, "metrics");
    facts->seconds = json_number_value(json_object_get(run, "seconds"));
    facts->metrics = (uint64_t)json_integer_value(metrics);
    const int32_t right = json_is_integer(metrics) && json_integer_value(metrics) >= 0;
    json_decref(run);
    return right ? KAON_OK : kaon_fail(diag, KAON_CORRUPT, "it does not say when it was written");
}

// The largest number below `below` among the files; 0: none.
static int64_t next_older(const char *folder, int64_t below)
{
    DIR *listing = opendir(folder);
    int64_t best = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        const int64_t number = number_of(entry->d_name);
        if (number < below && number > best)
            best = number;
    }
    if (listing)
        closedir(listing);
    return best;
}

static kaon_status read_one(const kn_checkpoints *c, int64_t number, kn_safetensors **out,
                            kn_checkpoint_facts *facts, kaon_diag *diag)
{
    char *path = path_of(c->folder, number);
    *out = NULL;
    if (!path)
        return kn_no_memory(diag, "a path");
    kaon_status status = kn_safetensors_read(path, out, diag);
    kn_free(path);
    if (!status)
        status = read_facts(*out, facts, diag);
    if (status) {
        kn_safetensors_free(*out);
        *out = NULL;
    }
    return status;
}

kaon_status kn_checkpoints_newest(kn_checkpoints *c, kn_safetensors **out,
                                  kn_checkpoint_facts *facts, char *note, kaon_diag *diag)
{
    *out = NULL;
    *note = 0;
    c->last = next_older(c->folder, INT64_MAX);
    for (int64_t number = c->last; number; number = next_older(c->folder, number)) {
        kn_diag fault;
        kn_diag_init(&fault);
        const kaon_status status = read_one(c, number, out, facts, &fault.diag);
        if (!status)
            return KAON_OK;
        if (status != KAON_CORRUPT && status != KAON_INVALID)
            return kn_diag_pass(&fault, diag);
        if (!*note)
            snprintf(note, KAON_TEXT_MAX,
                     "checkpoint %lld is damaged: %.900s; an older one is used", (long long)number,
                     fault.text);
    }
    return KAON_OK;
}

/* --- removing --------------------------------------------------------------------------------- */

// Calls unlink for each name that `chosen` likes.
static void remove_each(const char *folder, int32_t (*chosen)(const char *name))
{
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));)
        if (chosen(entry->d_name))
            unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing)
        closedir(listing);
}

int32_t kn_is_leftover(const char *name)
{
    return strstr(name, ".tmp-") != NULL;
}

static int32_t is_ours(const char *name)
{
    return kn_is_leftover(name) || number_of(name);
}

void kn_checkpoints_remove(const char *folder)
{
    remove_each(folder, is_ours);
    rmdir(folder);
}

void kn_remove_leftovers(const char *folder)
{
    remove_each(folder, kn_is_leftover);
}
