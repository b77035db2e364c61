/* report.h: tables beside the metrics, for plots: comma separated, one line of names first. */
#ifndef KN_REPORT_H
#define KN_REPORT_H

#include <kaon/option.h>
#include <kaon/table.h>

/* Writes roc.csv (class, threshold, false and true positive rate), confusion.csv, as asked; the
 * table holds predictions and target. "loss" lies in metrics.jsonl already. [any] */
kaon_status kn_report_write(kaon_texts wanted, const kaon_table *predicted, const char *folder,
                            kaon_diag *diag);

#endif
