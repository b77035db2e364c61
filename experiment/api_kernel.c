/* api_kernel.c: the public API: errors, the kernel, running an experiment. */
#include "experiment/api.h"
#include "experiment/fault_show.h"

#include <stdlib.h>
#include <string.h>

#include "experiment/advice.h"
#include "experiment/experiment.h"
#include "kernel/memory.h"
#include "kernel/structs.h"

const char *kaon_version(void)
{
    return KAON_VERSION;
}

void kaon_text_free(char *text)
{
    kn_free(text);
}

/* --- errors ----------------------------------------------------------------------------------- */

kaon_error *kaon_error_new(void)
{
    kaon_error *error = kn_alloc_zero(sizeof *error);
    if (error)
        kn_diag_init(&error->diag);
    return error;
}

static void forget(kaon_error *error)
{
    kn_free(error->text);
    kn_free(error->json);
    kn_free(error->faults);
    error->text = error->json = error->faults = NULL;
    error->usage = 0;
}

void kaon_error_free(kaon_error *error)
{
    if (!error)
        return;
    forget(error);
    kn_free(error);
}

kaon_status kaon_error_status(const kaon_error *error)
{
    return error ? error->diag.status : KAON_OK;
}

int32_t kaon_error_is_usage(const kaon_error *error)
{
    return error && error->usage;
}

kaon_diag *kaon_error_diag(kaon_error *error)
{
    if (!error)
        return NULL;
    forget(error); // the next words come through the diag
    return &error->diag.diag;
}

const char *kaon_error_text(const kaon_error *error)
{
    if (!error)
        return "";
    return error->text ? error->text : error->diag.text;
}

static const char *status_words(kaon_status status)
{
    switch (status) {
#define STATUS_ROW(name, value, words)                                                             \
    case value:                                                                                    \
        return words;
        KAON_STATUSES(STATUS_ROW)
#undef STATUS_ROW
    default:
        return "unknown";
    }
}

const char *kaon_error_json(kaon_error *error)
{
    if (!error)
        return "{}";
    json_t *faults = error->faults ? json_loads(error->faults, 0, NULL) : NULL;
    json_t *root = json_pack("{s:s, s:s, s:b, s:o}", "status", status_words(error->diag.status),
                             "message", error->diag.text, "usage", error->usage, "faults",
                             faults ? faults : json_array());
    kn_free(error->json);
    error->json = NULL;
    kn_api_json(root, &error->json, NULL);
    return error->json ? error->json : "{}";
}

void kn_api_begin(kn_api *call, kaon_error *error)
{
    *call = (kn_api){.error = error};
    kn_diag_init(&call->fault);
}

static void fill_error(kn_api *call, kaon_status status)
{
    kaon_error *error = call->error;
    kn_text text = {0}, json = {0};
    forget(error);
    kn_diag_clear(&error->diag);
    if (!call->fault.status)
        kaon_fail(&call->fault.diag, status, "%s", status_words(status));
    kn_diag_pass(&call->fault, &error->diag.diag);
    error->usage = call->faults.count || status == KAON_INVALID || status == KAON_NOT_FOUND;
    if (call->faults.count) {
        kn_faults_write(&call->faults, &text);
        kn_faults_write_json(&call->faults, &json);
        error->faults = kn_text_take(&json);
    } else {
        kn_text_format(&text, "error: %s\n", call->fault.text);
    }
    error->text = kn_text_take(&text);
}

kaon_status kn_api_end(kn_api *call, kaon_status status)
{
    if (status && call->error)
        fill_error(call, status);
    kn_faults_fini(&call->faults);
    return status;
}

kaon_status kn_api_json(json_t *json, char **out, kaon_diag *diag)
{
    *out = NULL;
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(json);
    if (text)
        *out = kn_copy_text(text);
    free(text);
    return *out ? KAON_OK : kn_no_memory(diag, "JSON");
}

/* --- the kernel ------------------------------------------------------------------------------- */

static void on_log(void *context, int32_t level, const char *text)
{
    kaon_kernel *kernel = context;
    kn_run_log_add(&kernel->log, text);
    if (kernel->user_log)
        kernel->user_log(kernel->user_context, level, text);
}

static kaon_status open_kernel(const kaon_open_settings *given, kaon_kernel *kernel,
                               kaon_diag *diag)
{
    kaon_open_settings own, *s = given ? &own : NULL;
    if (given)
        KAON_TRY(kn_struct_take(&own, sizeof own, given, "kaon_open_settings", diag));
    kn_kernel_settings settings = {
        .log = on_log, .log_context = kernel, .log_level = KAON_LOG_INFO};
    if (s) {
        kernel->user_log = s->log;
        kernel->user_context = s->log_context;
        settings.plugin_folders = s->plugin_folders;
        settings.lock_file = s->lock_file;
        settings.threads = s->threads;
        settings.flags = s->flags; // KAON_OPEN_* are KN_*
        settings.log_level = s->log_level;
    }
    kernel->host = kn_host_new("kaon");
    if (!kernel->host)
        return kn_no_memory(diag, "a kernel");
    KAON_TRY(kn_kernel_new(&settings, &kernel->kernel, diag));
    kernel->kernel->advice = &kn_settings_advice;
    return KAON_OK;
}

kaon_status kaon_open(const kaon_open_settings *settings, kaon_kernel **out, kaon_error *error)
{
    kn_api call;
    kn_api_begin(&call, error);
    *out = NULL;
    kaon_kernel *kernel = kn_alloc_zero(sizeof *kernel);
    kaon_status status = KAON_OK;
    if (kernel) {
        kn_run_log_init(&kernel->log);
        status = open_kernel(settings, kernel, &call.fault.diag);
    } else {
        status = kn_no_memory(&call.fault.diag, "a kernel");
    }
    if (status)
        kaon_close(kernel);
    else
        *out = kernel;
    return kn_api_end(&call, status);
}

void kaon_close(kaon_kernel *kernel)
{
    if (!kernel)
        return;
    kn_kernel_free(kernel->kernel);
    kn_run_log_fini(&kernel->log);
    kn_host_free(kernel->host);
    kn_free(kernel);
}

void kaon_stop(kaon_kernel *kernel)
{
    atomic_store_explicit(&kernel->stop, 1, memory_order_relaxed);
}

const kaon_host *kn_api_host(const kaon_kernel *kernel)
{
    return kn_host_table(kernel->host);
}

const kaon_host *kaon_kernel_host(kaon_kernel *kernel)
{
    return kn_api_host(kernel);
}

/* --- running ---------------------------------------------------------------------------------- */

kaon_status kaon_run(kaon_kernel *kernel, const kaon_run_request *request, char **json,
                     kaon_error *error)
{
    kn_api call;
    kaon_run_request own;
    json_t *result = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    atomic_store(&kernel->stop, 0);
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_run_request", &call.fault.diag);
    if (!status && !own.config_path && !(own.flags & KAON_RUN_RESUME))
        status = kaon_fail(&call.fault.diag, KAON_INVALID, "no experiment was named");
    if (!status)
        status = kn_experiment_run(kernel->kernel, &own, &kernel->log, &kernel->stop, &call.faults,
                                   &result, &call.fault.diag);
    if (result) {
        const kaon_status written = kn_api_json(result, json, &call.fault.diag);
        status = status ? status : written;
    }
    return kn_api_end(&call, status);
}
