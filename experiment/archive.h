/* archive.h: the part of a model file that belongs to one learner: names under its prefix. */
#ifndef KN_ARCHIVE_H
#define KN_ARCHIVE_H

#include <kaon/learner.h>

#include "experiment/safetensors.h"

enum { KN_ARCHIVE_PREFIX = 96, KN_ARCHIVE_NAME = 512 };

/* On the caller's storage; borrows the file. */
typedef struct kn_archive {
    kaon_archive archive; // first: what the learner gets
    kn_safetensors *file;
    char prefix[KN_ARCHIVE_PREFIX]; // "model.1.network/"
} kn_archive;

void kn_archive_init(kn_archive *archive, kn_safetensors *file, const char *prefix);

#endif
