/* report.c: report.html of a run: which figures, drawn side by side, and the page around them. */
#include "experiment/report.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiment/run_view.h"
#include "experiment/plot.h"
#include "experiment/report_page.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { MOST_FIGURES = 128, NAME_BYTES = 64, BANDS = 100 };

static const char *const words[] = {"default", "all", "none"}; // ORDER report

/* --- what is asked for ------------------------------------------------------------------------ */

kn_report_wish kn_report_plan(kn_settings *s, const kn_config *node, kn_config **resolved)
{
    kn_report_wish wish = {.mode = KN_REPORT_DEFAULT};
    const int32_t is_word = node && node->kind == KN_CONFIG_SCALAR;
    for (int32_t i = 0; i < KN_REPORT_LISTED; i++)
        if (!node || node->kind == KN_CONFIG_NULL || (is_word && !strcmp(node->text, words[i]))) {
            wish.mode = i;
            *resolved = kn_config_scalar_new(s->tree, words[i], 0);
            return wish;
        }
    wish.mode = KN_REPORT_LISTED;
    wish.figures = kn_settings_parts(s, KAON_FIGURE, node, resolved);
    if (!wish.figures.count && node->kind == KN_CONFIG_LIST)
        wish.mode = KN_REPORT_NONE;
    return wish;
}

/* --- the figures there are -------------------------------------------------------------------- */

typedef struct {
    const kaon_part *part;
    kn_drawing drawing;
    kn_report_figure page;
    int32_t left_out; // it has nothing to say of this run
} figure;

typedef struct {
    const kn_report_job *job;
    char *folder; // figures/
    kn_run_view view;
    kn_config *installed; // names
    int64_t count;
    figure figures[MOST_FIGURES];
    kn_diag trouble; // no figure can be drawn: there is no gnuplot
} report;

static const kaon_figure *table_of(const kaon_part *part)
{
    return part->table;
}

// Loading while the registry is being walked is not ours to do: names first.
static kaon_status keep_name(void *context, const kn_item_note *item)
{
    report *r = context;
    kn_config *node = kn_config_scalar_new(r->job->settings->tree, item->name, 0);
    if (node)
        kn_config_append(r->installed, node);
    return node ? KAON_OK : KAON_NO_MEMORY;
}

// Settings nobody gave; a figure that needs some, or does not load, is not drawn unasked.
static void add_installed(report *r, const kn_config *node)
{
    kn_settings *s = r->job->settings;
    kn_faults unheard = {0}, *faults = s->faults;
    s->faults = &unheard;
    const kaon_part *part =
        r->count < MOST_FIGURES ? kn_settings_part(s, KAON_FIGURE, node, NULL) : NULL;
    if (part && !kn_faults_status(&unheard, NULL) &&
        (r->job->wish.mode == KN_REPORT_ALL || !table_of(part)->on_request))
        r->figures[r->count++].part = part;
    s->faults = faults;
    kn_faults_fini(&unheard);
}

static int by_order(const void *a, const void *b)
{
    const kaon_part *x = ((const figure *)a)->part, *y = ((const figure *)b)->part;
    if (table_of(x)->order != table_of(y)->order)
        return table_of(x)->order < table_of(y)->order ? -1 : 1;
    return strcmp(x->name, y->name);
}

static kaon_status choose(report *r, kaon_diag *diag)
{
    const kn_report_wish *wish = &r->job->wish;
    for (int64_t i = 0; i < wish->figures.count && i < MOST_FIGURES; i++)
        r->figures[r->count++].part = wish->figures.at[i];
    if (wish->mode == KN_REPORT_LISTED)
        return KAON_OK;
    r->installed = kn_config_list_new(r->job->settings->tree);
    if (!r->installed)
        return kn_no_memory(diag, "the report");
    KAON_TRY(kn_item_each(r->job->settings->kernel, KAON_FIGURE, keep_name, r, diag));
    for (const kn_config *name = r->installed->first; name; name = name->next)
        add_installed(r, name);
    qsort(r->figures, (size_t)r->count, sizeof *r->figures, by_order);
    return KAON_OK;
}

// The name of its files: the user's for it, else its own; a second one of the same name gets a
// number.
static char *name_files(const report *r, int64_t index)
{
    const kaon_part *part = r->figures[index].part;
    char name[NAME_BYTES + 16];
    int32_t same = 0;
    snprintf(name, NAME_BYTES, "%s", part->label ? part->label : part->name);
    for (char *at = name; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *at))
            *at = '_';
    for (int64_t i = 0; i < index; i++)
        same += kn_text_starts(r->figures[i].page.name, name);
    if (same)
        snprintf(name + strlen(name), 16, "-%d", (int)same + 1);
    return kn_copy_text(name);
}

/* --- files ------------------------------------------------------------------------------------ */

// Figures of an earlier report would pass for this one's.
static void remove_old(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *ending = strrchr(entry->d_name, '.');
        char *file = ending && (!strcmp(ending, ".csv") || !strcmp(ending, ".pdf"))
                         ? kn_path_join(path, entry->d_name)
                         : NULL;
        if (file)
            unlink(file);
        kn_free(file);
    }
    if (folder)
        closedir(folder);
}

/* --- describing and drawing ------------------------------------------------------------------- */

static void add_note(figure *f, const kn_diag *fault)
{
    kn_text_format(&f->page.note, "%s: %s", f->page.name, fault->text);
}

static kaon_status start(report *r, figure *f, const kn_plot *plot)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (r->trouble.status)
        return KAON_OK;
    const kaon_status status = kn_drawing_start(&f->drawing, plot, r->folder, &fault.diag);
    if (status == KAON_NOT_FOUND)
        r->trouble = fault;
    else if (status)
        add_note(f, &fault);
    return KAON_OK;
}

static kaon_status describe(report *r, figure *f, kn_plot *plot, kaon_diag *diag)
{
    kn_diag fault;
    kn_text numbers = {0};
    const kn_item *item = NULL;
    kn_diag_init(&fault);
    KAON_TRY(kn_item_find(r->job->settings->kernel, KAON_FIGURE, f->part->name, &item, diag));
    kaon_status status = table_of(f->part)->draw(item->host, f->part->settings, &r->view.look,
                                                 &plot->plot, &fault.diag);
    if (!status)
        status = kn_plot_status(plot, &fault.diag);
    if (status == KAON_NO_MEMORY || status == KAON_CANCELLED)
        return kn_diag_pass(&fault, diag);
    f->left_out = status == KAON_UNSUPPORTED && r->job->wish.mode != KN_REPORT_LISTED;
    if (status) {
        add_note(f, &fault);
        return KAON_OK;
    }
    kn_plot_table(plot, &numbers);
    kn_text_add(&f->page.caption, kn_text_get(&plot->caption));
    status = kn_plot_file(r->folder, f->page.name, ".csv", &numbers, diag);
    kn_text_fini(&numbers);
    return status ? status : start(r, f, plot);
}

static kaon_status describe_all(report *r, kaon_diag *diag)
{
    for (int64_t i = 0; i < r->count; i++) {
        figure *f = &r->figures[i];
        kn_plot plot;
        f->page.name = name_files(r, i);
        f->page.title = f->part->label ? f->part->label : table_of(f->part)->title;
        if (!f->page.name)
            return kn_no_memory(diag, "the report");
        kn_plot_init(&plot);
        const kaon_status status = describe(r, f, &plot, diag);
        kn_plot_fini(&plot);
        if (status)
            return kaon_context(diag, status, "figure %s", f->part->name);
    }
    return KAON_OK;
}

static kaon_status collect(report *r, kaon_diag *diag)
{
    for (int64_t i = 0; i < r->count; i++) {
        figure *f = &r->figures[i];
        kn_text pdf = {0};
        kn_diag fault;
        kn_diag_init(&fault);
        if (!f->drawing.folder)
            continue;
        kaon_status status = kn_drawing_finish(&f->drawing, &f->page.svg, &pdf, &fault.diag);
        if (status) {
            add_note(f, &fault);
            kn_text_fini(&f->page.svg);
            status = KAON_OK;
        } else {
            f->page.has_pdf = 1;
            status = kn_plot_file(r->folder, f->page.name, ".pdf", &pdf, diag);
        }
        kn_text_fini(&pdf);
        KAON_TRY(status);
    }
    return KAON_OK;
}

/* --- the page --------------------------------------------------------------------------------- */

// What metrics say of the part figures are about; NULL: nothing.
static kaon_status measure(report *r, json_t **out, const char **part_name, kaon_diag *diag)
{
    const kn_measured *measured = NULL;
    int32_t part;
    *out = NULL;
    *part_name = NULL;
    if (r->view.look.api->main_part(&r->view.look, &part))
        return KAON_OK;
    KAON_TRY(kn_run_view_measure(&r->view, part, &measured, diag));
    *part_name = kn_part_text(part);
    if (measured && !(*out = kn_measured_json(measured)))
        return kn_no_memory(diag, "metrics");
    return KAON_OK;
}

static kaon_status write_page(report *r, kaon_diag *diag)
{
    kn_text page = {0};
    json_t *measured = NULL;
    kn_report_figure *shown = kn_alloc_array((size_t)r->count + 1, sizeof *shown);
    kn_report_page all = {.folder = r->job->folder,
                          .figures = shown,
                          .note = r->trouble.status ? r->trouble.text : NULL};
    kaon_status status =
        shown ? measure(r, &measured, &all.measured_part, diag) : kn_no_memory(diag, "the report");
    for (int64_t i = 0; i < r->count && !status; i++)
        if (!r->figures[i].left_out)
            shown[all.figure_count++] = r->figures[i].page;
    all.measured = measured;
    if (!status) {
        kn_report_page_write(&all, &page);
        status = kn_plot_file(r->job->folder, "report", ".html", &page, diag);
    }
    json_decref(measured);
    kn_text_fini(&page);
    kn_free(shown);
    return status;
}

static kaon_status tell(const report *r, json_t **out, kaon_diag *diag)
{
    json_t *names = json_array(), *notes = json_array();
    char *path = kn_path_join(r->job->folder, "report.html");
    if (r->trouble.status)
        json_array_append_new(notes, json_string(r->trouble.text));
    for (int64_t i = 0; i < r->count; i++) {
        const kn_report_figure *f = &r->figures[i].page;
        if (r->figures[i].left_out)
            continue;
        json_array_append_new(f->note.length ? notes : names,
                              json_string(f->note.length ? kn_text_get(&f->note) : f->name));
    }
    *out = path ? json_pack("{s:s, s:o, s:o}", "report", path, "figures", names, "notes", notes)
                : NULL;
    kn_free(path);
    return *out ? KAON_OK : kn_no_memory(diag, "the report");
}

static kaon_status make(report *r, json_t **out, kaon_diag *diag)
{
    const kn_report_job *job = r->job;
    const kn_run_view_request look = {.settings = job->settings,
                                      .dataset = job->dataset,
                                      .model = job->model,
                                      .folder = job->folder,
                                      .metrics = job->metrics,
                                      .bootstrap = job->bootstrap ? job->bootstrap : BANDS,
                                      .seed = job->seed};
    KAON_TRY(kn_folder_make(r->folder, diag));
    remove_old(r->folder);
    KAON_TRY(kn_run_view_init(&r->view, &look, diag));
    KAON_TRY(choose(r, diag));
    KAON_TRY(describe_all(r, diag));
    KAON_TRY(collect(r, diag));
    KAON_TRY(write_page(r, diag));
    return out ? tell(r, out, diag) : KAON_OK;
}

kaon_status kn_report_make(const kn_report_job *job, json_t **out, kaon_diag *diag)
{
    if (out)
        *out = NULL;
    if (job->wish.mode == KN_REPORT_NONE)
        return KAON_OK;
    report *r = kn_alloc_zero(sizeof *r);
    if (!r || !(r->folder = kn_path_join(job->folder, "figures"))) {
        kn_free(r);
        return kn_no_memory(diag, "the report");
    }
    r->job = job;
    kn_diag_init(&r->trouble);
    const kaon_status status = make(r, out, diag);
    for (int64_t i = 0; i < r->count; i++) {
        figure *f = &r->figures[i];
        if (f->drawing.folder)
            kn_drawing_finish(&f->drawing, NULL, NULL, NULL);
        kn_text_fini(&f->page.svg);
        kn_text_fini(&f->page.caption);
        kn_text_fini(&f->page.note);
        kn_free(f->page.name);
    }
    kn_run_view_fini(&r->view);
    kn_free(r->folder);
    kn_free(r);
    return kaon_context(diag, status, "report");
}
