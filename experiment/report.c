/* report.c: tables beside the metrics, for plots. */
#include "experiment/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/decimal.h"
#include "experiment/experiment_plan.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "experiment/scores.h"
#include "kernel/text.h"

enum { ROC_POINTS = 500 }; // of a curve, at most

static void add_number(kn_text *out, double value)
{
    char number[KN_NUMBER_BYTES];
    kn_text_add(out, ",");
    kn_text_add(out, kn_format_digits(value, 8, number));
}

// A name in a cell: quotes around it if it holds what separates cells.
static void add_name(kn_text *out, const kaon_scores *s, int64_t k)
{
    const char *name = s->class_names && s->class_names[k] ? s->class_names[k] : NULL;
    if (!name)
        kn_text_format(out, "%lld", (long long)k);
    else if (!strpbrk(name, ",\"\n"))
        kn_text_add(out, name);
    else {
        kn_text_add(out, "\"");
        for (const char *at = name; *at; at++)
            kn_text_format(out, "%s%c", *at == '"' ? "\"" : "", *at);
        kn_text_add(out, "\"");
    }
}

/* --- the tables ------------------------------------------------------------------------------- */

static void write_confusion(const kaon_scores *s, kn_text *out)
{
    kn_text_add(out, "true class");
    for (int64_t k = 0; k < s->classes; k++) {
        kn_text_add(out, ",");
        add_name(out, s, k);
    }
    kn_text_add(out, "\n");
    for (int64_t i = 0; i < s->classes; i++) {
        add_name(out, s, i);
        for (int64_t j = 0; j < s->classes; j++)
            add_number(out, s->confusion[i * s->classes + j]);
        kn_text_add(out, "\n");
    }
}

typedef struct {
    double score;
    double signal; // weight, if the row is of the class
    double rest;   // weight, if it is not
} cut;

static int by_score_down(const void *a, const void *b)
{
    const double x = ((const cut *)a)->score, y = ((const cut *)b)->score;
    return (x < y) - (x > y);
}

// One curve: what passes each threshold, from the highest down, thinned to ROC_POINTS.
static void write_curve(const kaon_scores *s, int64_t k, cut *cuts, kn_text *out)
{
    double signal = 0, rest = 0, passed_signal = 0, passed_rest = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        const int32_t is = s->truth[i] == k;
        cuts[i] =
            (cut){s->predicted[i * s->classes + k], is ? s->weight[i] : 0, is ? 0 : s->weight[i]};
        signal += cuts[i].signal;
        rest += cuts[i].rest;
    }
    qsort(cuts, (size_t)s->rows, sizeof *cuts, by_score_down);
    const int64_t step = s->rows / ROC_POINTS + 1;
    for (int64_t i = 0; i < s->rows; i++) {
        passed_signal += cuts[i].signal;
        passed_rest += cuts[i].rest;
        const int32_t tied = i + 1 < s->rows && cuts[i + 1].score == cuts[i].score;
        if (tied || (i % step && i + 1 < s->rows))
            continue;
        add_name(out, s, k);
        add_number(out, cuts[i].score);
        add_number(out, passed_rest / rest);
        add_number(out, passed_signal / signal);
        kn_text_add(out, "\n");
    }
}

static void write_roc(const kaon_scores *s, kn_text *out)
{
    cut *cuts = kn_alloc_array((size_t)s->rows + 1, sizeof *cuts);
    kn_text_add(out, "class,threshold,false_positive_rate,true_positive_rate\n");
    for (int64_t k = 0; cuts && k < s->classes; k++)
        write_curve(s, k, cuts, out);
    out->failed |= !cuts;
    kn_free(cuts);
}

// ORDER report
static const struct {
    const char *file;
    void (*write)(const kaon_scores *s, kn_text *out);
} tables[KN_REPORTS] = {
    [KN_REPORT_LOSS] = {NULL, NULL}, // metrics.jsonl has it
    [KN_REPORT_ROC] = {"roc.csv", write_roc},
    [KN_REPORT_CONFUSION] = {"confusion.csv", write_confusion},
};

static kaon_status write_table(const kaon_scores *s, int32_t which, const char *folder,
                               kaon_diag *diag)
{
    kn_text text = {0};
    char *path = kn_path_join(folder, tables[which].file);
    tables[which].write(s, &text);
    const kaon_status status = !path || text.failed
                                   ? kn_no_memory(diag, tables[which].file)
                                   : kn_file_write(path, kn_text_get(&text), text.length, diag);
    kn_free(path);
    kn_text_fini(&text);
    return status;
}

kaon_status kn_report_write(kaon_texts wanted, const kaon_table *predicted, const char *folder,
                            kaon_diag *diag)
{
    kn_scores s;
    if (!wanted.count)
        return KAON_OK;
    kaon_status status = kn_scores_init(&s, predicted, NULL, diag);
    for (int64_t i = 0; i < wanted.count && !status; i++)
        for (int32_t k = 0; k < KN_REPORTS && !status; k++)
            if (!strcmp(wanted.at[i], kn_report_names[k]) && tables[k].file &&
                s.at.task == KAON_CLASSIFICATION)
                status = write_table(&s.at, k, folder, diag);
    kn_scores_fini(&s);
    return kaon_context(diag, status, "report");
}
