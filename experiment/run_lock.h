/* run_lock.h: lock.json of a run: what its numbers depend on beside its configuration.
 *
 *     {"format": "kaon.lock/1", "kaon": "0.1.0", "abi": "0.1", "seed": 1, "backend": "cpu",
 *      "config": SHA-256 of config.yaml,
 *      "machine": {"host", "system", "cpu", "cores"},
 *      "plugins": [{"name", "version", "sha256", "path"}],
 *      "data": [{"path", "bytes", "xxh3"}]}
 *
 * A run that goes on must find all of it as it was, but for the machine and the places of plugins.
 */
#ifndef KN_RUN_LOCK_H
#define KN_RUN_LOCK_H

#include <jansson.h>

#include "kernel/config.h"
#include "kernel/kernel.h"
#include "kernel/sha256.h"

typedef struct kn_run_lock_facts {
    kn_kernel *kernel;
    uint64_t seed;
    const char *backend;        // NULL: none was needed
    const kn_config *items;     // of the settings: {"learner:network": {plugin, version}}
    char config[KN_SHA256_HEX]; // of config.yaml
    int64_t file_count;         // of data that were read
    const char *const *files;
} kn_run_lock_facts;

/* SHA-256 of a text. [any] */
void kn_text_sum(const void *text, size_t bytes, char hex[KN_SHA256_HEX]);

/* Reads all data once. [instance] */
kaon_status kn_run_lock_make(const kn_run_lock_facts *facts, json_t **out, kaon_diag *diag);

/* KAON_INCOMPATIBLE in words, which name everything that differs. [any] */
kaon_status kn_run_lock_compare(const json_t *then, const json_t *now, kaon_diag *diag);

#endif
