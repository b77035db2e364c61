/* reader_fuzz.h: a reader fed with any bytes: it reads them or says politely why not.
 *
 * The file lies in memory. What can be read must be as long as it was said to be, twice.
 */
#ifndef READER_FUZZ_H
#define READER_FUZZ_H

#define _GNU_SOURCE // memfd_create
#include "kernel/diag.h"
#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct reader_fuzz {
    kn_kernel *kernel;
    kn_config_tree *tree;
    kn_faults faults;
    kn_settings settings;
    const kaon_part *reader; // NULL: it is not installed
} reader_fuzz;

static void reader_fuzz_begin(reader_fuzz *f, const char *name)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (kn_kernel_new(NULL, &f->kernel, &fault.diag))
        abort();
    f->tree = kn_config_tree_new();
    kn_settings_init(&f->settings, f->kernel, f->tree, &f->faults);
    kn_config *node = kn_config_scalar_new(f->tree, name, 0);
    f->reader = node ? kn_settings_part(&f->settings, KAON_READER, node, NULL) : NULL;
    if (!f->reader)
        fprintf(stderr, "nothing is tried: %s\n",
                f->faults.count ? f->faults.at[0].message : "out of memory");
}

static kaon_status reader_fuzz_count(void *context, const struct ArrowSchema *schema,
                                     const struct ArrowArray *array, kaon_diag *diag)
{
    (void)diag;
    if (schema->n_children != array->n_children)
        abort();
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->length != array->length)
            abort();
    *(int64_t *)context += array->length;
    return KAON_OK;
}

static void reader_fuzz_read(reader_fuzz *f, const char *path)
{
    kn_source *source = NULL;
    kn_diag fault;
    int64_t stated = -1, first = 0, second = 0;
    kn_diag_init(&fault);
    if (kn_source_open(&f->settings, f->reader, NULL, &path, 1, &source, &fault.diag)) {
        if (!fault.text[0])
            abort(); // a failure without words
        return;
    }
    kaon_status status = kn_source_rows(source, &stated, &fault.diag);
    if (!status)
        status = kn_source_scan(source, NULL, reader_fuzz_count, &first, &fault.diag);
    if (!status) {
        const kaon_read later = {.size = sizeof later, .first_row = first / 2, .batch_rows = 7};
        if (stated >= 0 && first != stated)
            abort();
        if (kn_source_scan(source, &later, reader_fuzz_count, &second, &fault.diag) ||
            second != first - first / 2)
            abort();
    } else if (!fault.text[0]) {
        abort();
    }
    kn_source_close(source);
}

static int reader_fuzz_try(reader_fuzz *f, const char *name, const uint8_t *data, size_t size)
{
    if (!f->kernel)
        reader_fuzz_begin(f, name);
    if (!f->reader)
        return 0;
    char path[64];
    const int file = memfd_create("input", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    reader_fuzz_read(f, path);
    close(file);
    return 0;
}

#endif
