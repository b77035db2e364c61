/* files.h: files written so that a crash leaves the old one or the new one, service "kaon.files/1".
 *
 * What is added goes to a file beside the target; commit makes it durable and gives it its name.
 */
#ifndef KAON_FILES_H
#define KAON_FILES_H

#include <kaon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_FILES_SERVICE "kaon.files/1"

typedef struct kaon_file kaon_file;

typedef struct kaon_files_api {
    uint32_t size;
    uint32_t reserved;
    kaon_status (*create)(const kaon_host *host, const char *path, kaon_file **out,
                          kaon_diag *diag); // [any]
    kaon_status (*add)(kaon_file *file, const void *data, uint64_t bytes,
                       kaon_diag *diag); // [instance]
    // Bytes added so far. [instance]
    uint64_t (*bytes)(const kaon_file *file);
    // Overwrites bytes that were added: a header filled in last. [instance]
    kaon_status (*patch)(kaon_file *file, uint64_t at, const void *data, uint64_t bytes,
                         kaon_diag *diag);
    // Puts the file in place. Whether it succeeds or not, close follows. [instance]
    kaon_status (*commit)(kaon_file *file, kaon_diag *diag);
    // Without a commit before, nothing is left behind. Takes NULL.
    void (*close)(kaon_file *file);
} kaon_files_api;

#ifdef __cplusplus
}
#endif
#endif
