/* report_page.h: the page of a report: HTML from figures and from the files of a run. */
#ifndef KN_REPORT_PAGE_H
#define KN_REPORT_PAGE_H

#include <jansson.h>
#include <kaon/base.h>

#include "kernel/text.h"

typedef struct kn_report_figure {
    char *name; // of its files
    const char *title;
    kn_text svg; // empty: it was not drawn
    kn_text caption;
    kn_text note; // why not, or ""
    int32_t has_pdf;
} kn_report_figure;

typedef struct kn_report_page {
    const char *folder; // of the run: metrics.json, log.txt, lock.json, config.yaml
    int64_t figure_count;
    const kn_report_figure *figures;
    const char *note; // over all figures, or NULL
    // What metrics say of one part, with uncertainties where metrics.json has none; NULL: nothing.
    const json_t *measured;
    const char *measured_part; // "test"
} kn_report_page;

/* The whole document. Files that are not there leave their sections out. [instance] */
void kn_report_page_write(const kn_report_page *page, kn_text *out);

/* Text between tags and in attributes. */
void kn_html_add(kn_text *out, const char *text);

#endif
