/* predictions_file.h: predictions into a file, some rows after the others.
 *
 *     kn_predictions_file f = {.settings = s, .host = host, .path = "scores.csv"};
 *     kn_predictions_add(&f, predicted, class_count, classes, diag);   // as often as need be
 *     kn_predictions_finish(&f, diag);
 *     kn_predictions_fini(&f);
 */
#ifndef KN_PREDICTIONS_FILE_H
#define KN_PREDICTIONS_FILE_H

#include <jansson.h>
#include <kaon/io.h>
#include <kaon/table.h>

#include "kernel/settings.h"

/* On the caller's storage; the first four fields are given. The file appears under its name only
 * when it is finished. */
typedef struct kn_predictions_file {
    kn_settings *settings; // where the writer's are made
    const kaon_host *host; // whose memory the columns take; NULL: the writer's
    const char *path;      // its ending chooses the writer; NULL: only the head is kept
    int64_t head_rows;     // so many of the first rows are kept
    json_t *columns;       // names
    json_t *head;          // rows
    int64_t rows;          // all
    const kaon_writer *writer;
    void *self;
} kn_predictions_file;

/* The columns of a table with predictions: predictions.h. [instance] */
kaon_status kn_predictions_add(kn_predictions_file *f, const kaon_table *predicted,
                               int64_t class_count, const char *const *classes, kaon_diag *diag);
kaon_status kn_predictions_finish(kn_predictions_file *f, kaon_diag *diag);
void kn_predictions_fini(kn_predictions_file *f);

#endif
