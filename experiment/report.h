/* report.h: report.html of a run and, in figures/, each figure as PDF and its numbers as a table.
 *
 * The page needs no server, network or script: SVG and style stand in it. It is written in one step
 * and is the same bytes for the same run. Without gnuplot, or where a figure fails, the page says
 * so in one line and the numbers are written all the same.
 */
#ifndef KN_REPORT_H
#define KN_REPORT_H

#include <jansson.h>
#include <kaon/option.h>

#include "data/dataset.h"
#include "experiment/model.h"
#include "kernel/settings.h"

// What `report:` asks for.
enum {
    KN_REPORT_DEFAULT = 0, // every installed figure that has something to say of the run
    KN_REPORT_ALL = 1,     // also those that are drawn on request only
    KN_REPORT_NONE = 2,    // no report
    KN_REPORT_LISTED = 3
};

typedef struct kn_report_wish {
    int32_t mode;       // KN_REPORT_*
    kaon_parts figures; // of KN_REPORT_LISTED, in this order
} kn_report_wish;

/* Checks the section: a word, or a list of figures. Faults go where those of `s` go. [instance] */
kn_report_wish kn_report_plan(kn_settings *s, const kn_config *node, kn_config **resolved);

typedef struct kn_report_job {
    kn_settings *settings; // of the plan
    kn_report_wish wish;
    const char *folder;  // of the run: all else the report shows lies in its files
    kn_dataset *dataset; // NULL: an agent's run
    kn_model *model;     // NULL: likewise
    kaon_parts metrics;  // of the configuration
    int64_t bootstrap;   // 0: as many replicas as curves need for bands
    uint64_t seed;
} kn_report_job;

/* *out (may be NULL): {"report": path, "figures": [names], "notes": [sentences]}. A figure that
 * cannot be drawn is a note, not a failure. [instance] */
kaon_status kn_report_make(const kn_report_job *job, json_t **out, kaon_diag *diag);

#endif
