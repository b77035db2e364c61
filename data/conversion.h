/* conversion.h: what was read once is kept, named by its content, and mapped the next time.
 *
 * The name is a hash of all that decides what comes of reading: the bytes of the files, the reader
 * and its settings, the selection, the versions of Kaon and of the reader's plugin. So a file that
 * was changed, by whomever and whenever, is read anew, and nothing else is.
 */
#ifndef KN_CONVERSION_H
#define KN_CONVERSION_H

#include "data/dataset_plan.h"
#include "data/source.h"
#include "data/table_file.h"

typedef struct kn_conversion {
    char *path; // of the kept file; NULL: none is wanted
} kn_conversion;

/* Hash of a resolved section, before anything in it was settled by what is read. */
uint64_t kn_conversion_digest(const kn_config *section);

/* Where a set of files would be kept. `limit`: rows that are read. A failure is not the reader's
 * concern: it is logged, and nothing is kept. [instance] */
void kn_conversion_init(kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                        const kn_source *source, int64_t limit);
void kn_conversion_fini(kn_conversion *c);

/* 1: it was there, sound, and is in `out`. What is damaged is logged and removed. [instance] */
int32_t kn_conversion_get(const kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                          const kn_source *source, kn_harvest *out);

/* Keeps it, if it can; a full disk is logged and no failure. Where memory has a limit, the columns
 * of the kept file take the place of those given. [instance] */
void kn_conversion_put(const kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                       kn_harvest *harvest);

/* The folder of kept and spilled files: the section's `cache`, else data/ below Kaon's cache
 * folder. kn_free it; NULL: there is none. */
char *kn_conversion_folder(const kn_dataset_plan *plan);

#endif
