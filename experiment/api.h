/* api.h: what stands behind the handles of the public host API: shared by the api_*.c files.
 *
 * Every public call that can fail has one shape: work with a kn_diag and a list of faults, and hand
 * both to the caller's kaon_error at the end (kn_api_end).
 */
#ifndef KN_API_H
#define KN_API_H

#include <jansson.h>
#include <kaon/host_api.h>
#include <stdatomic.h>

#include "kernel/diag.h"
#include "kernel/faults.h"
#include "kernel/host.h"
#include "kernel/kernel.h"
#include "experiment/model.h"
#include "experiment/run_log.h"

struct kaon_error {
    kn_diag diag; // first: kaon_error_diag
    int32_t usage;
    char *text; // for people, ends with a new line
    char *json;
    char *faults; // their JSON array, NULL: none
};

struct kaon_kernel {
    kn_kernel *kernel;
    kn_host *host; // of the program itself
    atomic_int stop;
    kn_run_log log;
    void (*user_log)(void *context, int32_t level, const char *text);
    void *user_context;
};

struct kaon_model {
    kaon_kernel *kernel;
    kn_model *model;
    char *folder; // of the file
};

// One public call at work.
typedef struct kn_api {
    kaon_error *error;
    kn_diag fault;
    kn_faults faults;
} kn_api;

void kn_api_begin(kn_api *call, kaon_error *error);

/* Fills the error on failure, frees the faults, returns `status`. */
kaon_status kn_api_end(kn_api *call, kaon_status status);

/* JSON as a text of the public API, two blanks of indentation; releases `json`. */
kaon_status kn_api_json(json_t *json, char **out, kaon_diag *diag);

/* The program's own host. */
const kaon_host *kn_api_host(const kaon_kernel *kernel);

#endif
