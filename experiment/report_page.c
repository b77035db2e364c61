/* report_page.c: the page of a report.
 *
 * Whatever users named (classes, columns, files) comes through kn_html_add. The drawings stand in
 * the page as they came, from their first tag on; gnuplot escapes the texts in them.
 */
#include "experiment/report_page.h"

#include <math.h>
#include <string.h>

#include "kernel/decimal.h"
#include "kernel/files.h"
#include "kernel/memory.h"

enum { LARGEST_FILE = 16 << 20, MOST_DEPTH = 8 };

static const char style[] =
    "body{font:15px/1.5 Georgia,'Times New Roman',serif;color:#1a1a1a;max-width:62em;"
    "margin:2em auto;padding:0 1.2em}\n"
    "h1,h2,nav,table,.files{font-family:Helvetica,Arial,sans-serif}\n"
    "h1{font-size:1.7em;margin:0 0 .1em}h2{font-size:1.2em;margin:2.2em 0 .5em;"
    "border-bottom:1px solid #ccc;padding-bottom:.2em}\n"
    "nav{font-size:.85em;color:#555}nav a{margin-right:.9em;white-space:nowrap}"
    "a{color:#0072B2;text-decoration:none}a:hover{text-decoration:underline}\n"
    "figure{margin:0;break-inside:avoid}figure svg{max-width:100%;height:auto;display:block}\n"
    "svg text,svg g{font-family:Helvetica,Arial,'Liberation Sans',sans-serif}\n"
    "figcaption{font-size:.92em;color:#333;max-width:46em}.files{font-size:.8em;color:#555}\n"
    "table{border-collapse:collapse;font-size:.85em}td,th{padding:.18em .9em .18em 0;"
    "text-align:left;vertical-align:top}th{font-weight:600;border-bottom:1px solid #999}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td table{margin:0}\n"
    ".note{background:#fff6e0;border-left:4px solid #E69F00;padding:.4em .8em;margin:.6em 0}\n"
    "pre{font-size:.8em;background:#f6f6f6;padding:.8em;overflow:auto}\n"
    "@media print{nav{display:none}body{margin:0;max-width:none}}\n";

/* --- words ------------------------------------------------------------------------------------ */

void kn_html_add(kn_text *out, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++)
        switch (*at) {
        case '&':
            kn_text_add(out, "&amp;");
            break;
        case '<':
            kn_text_add(out, "&lt;");
            break;
        case '>':
            kn_text_add(out, "&gt;");
            break;
        case '"':
            kn_text_add(out, "&quot;");
            break;
        case '\'':
            kn_text_add(out, "&#39;");
            break;
        default:
            kn_text_add_bytes(out, at, 1);
        }
}

static void add_heading(kn_text *out, const char *id, const char *title)
{
    kn_text_add(out, "<h2 id=\"");
    kn_html_add(out, id);
    kn_text_add(out, "\">");
    kn_html_add(out, title);
    kn_text_add(out, "</h2>\n");
}

// A value to two digits of its uncertainty; four without one.
static void add_measure(kn_text *out, double value, double sigma)
{
    char text[KN_NUMBER_BYTES];
    int32_t digits = 5;
    if (sigma > 0 && isfinite(sigma) && isfinite(value)) {
        const double size = value != 0 ? floor(log10(fabs(value))) : 0;
        digits = (int32_t)fmin(fmax(size - floor(log10(sigma)) + 2, 2), 12);
    }
    kn_text_add(out, isfinite(value) ? kn_format_digits(value, digits, text) : "&ndash;");
    if (sigma > 0 && isfinite(sigma))
        kn_text_format(out, " &plusmn; %s", kn_format_digits(sigma, 2, text));
}

/* --- files of the run ------------------------------------------------------------------------- */

static void *read_whole(const char *folder, const char *name, size_t *bytes)
{
    void *data = NULL;
    char *path = kn_path_join(folder, name);
    if (path && kn_file_read(path, LARGEST_FILE, &data, bytes, NULL))
        data = NULL;
    kn_free(path);
    return data;
}

static json_t *read_json(const char *folder, const char *name)
{
    size_t bytes = 0;
    void *data = read_whole(folder, name, &bytes);
    json_t *root = data ? json_loadb(data, bytes, 0, NULL) : NULL;
    kn_free(data);
    return root;
}

/* --- any JSON as tables ----------------------------------------------------------------------- */

static void add_json(kn_text *out, const json_t *value, int32_t depth);

static void add_object(kn_text *out, const json_t *object, int32_t depth)
{
    const char *key;
    json_t *value;
    kn_text_add(out, "<table>\n");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if ((json_is_array(value) && !json_array_size(value)) || !strcmp(key, "format"))
            continue; // nothing, or of use to programs only
        kn_text_add(out, "<tr><td>");
        kn_html_add(out, key);
        kn_text_add(out, "</td><td>");
        add_json(out, value, depth + 1);
        kn_text_add(out, "</td></tr>\n");
    }
    kn_text_add(out, "</table>\n");
}

// Objects with the same keys stand below each other.
static void add_rows(kn_text *out, const json_t *list, int32_t depth)
{
    const char *key;
    json_t *value, *head = json_array_get(list, 0);
    kn_text_add(out, "<table><tr>");
    json_object_foreach(head, key, value)
    {
        kn_text_add(out, "<th>");
        kn_html_add(out, key);
        kn_text_add(out, "</th>");
    }
    kn_text_add(out, "</tr>\n");
    for (size_t i = 0; i < json_array_size(list); i++) {
        kn_text_add(out, "<tr>");
        json_object_foreach(head, key, value)
        {
            kn_text_add(out, "<td>");
            add_json(out, json_object_get(json_array_get(list, i), key), depth + 1);
            kn_text_add(out, "</td>");
        }
        kn_text_add(out, "</tr>\n");
    }
    kn_text_add(out, "</table>\n");
}

static void add_json(kn_text *out, const json_t *value, int32_t depth)
{
    char text[KN_NUMBER_BYTES];
    if (depth > MOST_DEPTH)
        return;
    if (json_is_object(value))
        add_object(out, value, depth);
    else if (json_is_array(value) && json_is_object(json_array_get(value, 0)))
        add_rows(out, value, depth);
    else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            kn_text_add(out, i ? ", " : "");
            add_json(out, json_array_get(value, i), depth + 1);
        }
    } else if (json_is_string(value))
        kn_html_add(out, json_string_value(value));
    else if (json_is_integer(value))
        kn_text_format(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_number(value))
        kn_text_add(out, kn_format_digits(json_number_value(value), 6, text));
    else if (json_is_boolean(value))
        kn_text_add(out, json_is_true(value) ? "yes" : "no");
    else
        kn_text_add(out, "&ndash;");
}

/* --- metrics ---------------------------------------------------------------------------------- */

static const char *const part_names[] = {"test", "validation", "train"};

enum { PARTS = 3 };

static double number_or_nan(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

typedef struct {
    const char *name; // of the part
    const json_t *numbers;
    const json_t *sigmas; // by the names of numbers, or NULL
} column;

static void add_number_row(kn_text *out, const char *name, const column *columns, int32_t count)
{
    kn_text_add(out, "<tr><td>");
    kn_html_add(out, name);
    kn_text_add(out, "</td>");
    for (int32_t i = 0; i < count; i++) {
        kn_text_add(out, "<td class=n>");
        add_measure(out, number_or_nan(json_object_get(columns[i].numbers, name)),
                    number_or_nan(json_object_get(columns[i].sigmas, name)));
        kn_text_add(out, "</td>");
    }
    kn_text_add(out, "</tr>\n");
}

// Arrays with one number per class.
static void add_by_class(kn_text *out, const json_t *metrics)
{
    const json_t *classes = json_object_get(metrics, "classes");
    const size_t n = json_array_size(classes);
    const char *name;
    json_t *value;
    int32_t begun = 0;
    json_object_foreach((json_t *)(uintptr_t)metrics, name, value)
    {
        const json_t *first = json_array_get(value, 0);
        if (n < 2 || json_array_size(value) != n || !(json_is_number(first) || json_is_null(first)))
            continue;
        if (!begun++) {
            kn_text_add(out, "<p></p><table><tr><th>by class</th>");
            for (size_t i = 0; i < n; i++) {
                kn_text_add(out, "<th class=n>");
                kn_html_add(out, json_string_value(json_array_get(classes, i)));
                kn_text_add(out, "</th>");
            }
            kn_text_add(out, "</tr>\n");
        }
        kn_text_add(out, "<tr><td>");
        kn_html_add(out, name);
        kn_text_add(out, "</td>");
        for (size_t i = 0; i < n; i++) {
            kn_text_add(out, "<td class=n>");
            add_measure(out, number_or_nan(json_array_get(value, i)), 0);
            kn_text_add(out, "</td>");
        }
        kn_text_add(out, "</tr>\n");
    }
    kn_text_add(out, begun ? "</table>\n" : "");
}

static int32_t take_columns(const kn_report_page *page, const json_t *metrics, column out[PARTS])
{
    const json_t *parts = json_object_get(metrics, "parts");
    int32_t count = 0;
    for (int32_t i = 0; i < PARTS; i++)
        if (json_object_get(parts, part_names[i]))
            out[count++] = (column){part_names[i], json_object_get(parts, part_names[i]), NULL};
    if (!count)
        out[count++] = (column){"", metrics, NULL};
    for (int32_t i = 0; i < count; i++) {
        out[i].sigmas = json_object_get(out[i].numbers, "uncertainty");
        if (!out[i].sigmas && kn_text_same(out[i].name, page->measured_part))
            out[i].sigmas = json_object_get(page->measured, "uncertainty");
    }
    return count;
}

static void add_metrics(kn_text *out, const kn_report_page *page, const json_t *metrics)
{
    column columns[PARTS];
    const char *name;
    json_t *value;
    if (!json_object_size(metrics))
        return;
    const int32_t count = take_columns(page, metrics, columns);
    add_heading(out, "metrics", "Metrics");
    kn_text_add(out, "<table><tr><th></th>");
    for (int32_t i = 0; i < count; i++)
        kn_text_format(out, "<th class=n>%s</th>", columns[i].name);
    kn_text_add(out, "</tr>\n");
    json_object_foreach((json_t *)(uintptr_t)metrics, name, value)
    {
        if (json_is_number(value) || json_is_null(value))
            add_number_row(out, name, columns, count);
    }
    kn_text_add(out, "</table>\n");
    add_by_class(out, metrics);
    if (columns[0].sigmas)
        kn_text_add(out,
                    "<p class=files>&plusmn;: one standard deviation, from the bootstrap of the "
                    "rows.</p>\n");
}

/* --- figures ---------------------------------------------------------------------------------- */

static void add_link(kn_text *out, const char *name, const char *ending, const char *words)
{
    kn_text_add(out, " <a href=\"figures/");
    kn_html_add(out, name);
    kn_text_format(out, "%s\">%s</a>", ending, words);
}

static void add_figure(kn_text *out, const kn_report_figure *f)
{
    add_heading(out, f->name, f->title);
    if (f->note.length) {
        kn_text_add(out, "<p class=note>");
        kn_html_add(out, kn_text_get(&f->note));
        kn_text_add(out, "</p>\n");
    }
    const char *svg = strstr(kn_text_get(&f->svg), "<svg");
    kn_text_add(out, "<figure>\n");
    if (svg)
        kn_text_add(out, svg);
    kn_text_add(out, "<figcaption>");
    kn_html_add(out, kn_text_get(&f->caption));
    kn_text_add(out, "<span class=files>");
    if (f->has_pdf)
        add_link(out, f->name, ".pdf", "figure (PDF)");
    if (f->caption.length || f->has_pdf)
        add_link(out, f->name, ".csv", "numbers");
    kn_text_add(out, "</span></figcaption></figure>\n");
}

/* --- the page --------------------------------------------------------------------------------- */

static void add_nav(kn_text *out, const kn_report_page *page, int32_t has_metrics)
{
    kn_text_add(out, "<nav>");
    if (has_metrics)
        kn_text_add(out, "<a href=\"#metrics\">Metrics</a>\n");
    for (int64_t i = 0; i < page->figure_count; i++) {
        kn_text_add(out, "<a href=\"#");
        kn_html_add(out, page->figures[i].name);
        kn_text_add(out, "\">");
        kn_html_add(out, page->figures[i].title);
        kn_text_add(out, "</a>\n");
    }
    kn_text_add(out, "<a href=\"#environment\">Environment</a>\n<a href=\"#configuration\">"
                     "Configuration</a></nav>\n");
}

// "kaon 0.1.0, jets.yaml, 2026-03-01 12:00:00 UTC, seed 1": the first line of log.txt, after the
// time.
static void add_beginning(kn_text *out, const char *folder)
{
    size_t bytes = 0;
    char *text = read_whole(folder, "log.txt", &bytes);
    char *line = text ? strstr(text, "kaon ") : NULL;
    if (line && kn_utf8_valid(text, bytes)) {
        line[strcspn(line, "\n")] = 0;
        kn_text_add(out, "<p>");
        kn_html_add(out, line);
        kn_text_add(out, "</p>\n");
    }
    kn_free(text);
}

/* What the numbers depend on, and when they were made; not how the run stands, which changes after
 * the report was written. */
static void add_environment(kn_text *out, const char *folder)
{
    json_t *lock = read_json(folder, "lock.json");
    add_heading(out, "environment", "Environment");
    add_beginning(out, folder);
    if (lock)
        add_json(out, lock, 0);
    kn_text_format(out, "<p class=files>Drawn by Kaon %s</p>\n", KAON_VERSION);
    json_decref(lock);
}

static void add_config(kn_text *out, const char *folder)
{
    size_t bytes = 0;
    char *text = read_whole(folder, "config.yaml", &bytes);
    if (text && kn_utf8_valid(text, bytes)) {
        add_heading(out, "configuration", "Configuration");
        kn_text_add(out,
                    "<p>Every setting with the value it had (config.yaml of the run).</p>\n<pre>");
        kn_html_add(out, text);
        kn_text_add(out, "</pre>\n");
    }
    kn_free(text);
}

void kn_report_page_write(const kn_report_page *page, kn_text *out)
{
    size_t length = strlen(page->folder);
    while (length > 1 && page->folder[length - 1] == '/')
        length--;
    char *folder = kn_copy_bytes(page->folder, length);
    const char *title = folder ? kn_path_name(folder) : "run";
    json_t *metrics = read_json(page->folder, "metrics.json");
    out->failed |= !folder;
    kn_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    kn_html_add(out, title);
    kn_text_add(out, "</title>\n<style>\n");
    kn_text_add(out, style);
    kn_text_add(out, "</style></head><body>\n<h1>");
    kn_html_add(out, title);
    kn_text_add(out, "</h1>\n");
    add_nav(out, page, json_object_size(metrics) > 0);
    if (page->note) {
        kn_text_add(out, "<p class=note>");
        kn_html_add(out, page->note);
        kn_text_add(out, "</p>\n");
    }
    add_metrics(out, page, metrics);
    for (int64_t i = 0; i < page->figure_count; i++)
        add_figure(out, &page->figures[i]);
    add_environment(out, page->folder);
    add_config(out, page->folder);
    kn_text_add(out, "</body></html>\n");
    json_decref(metrics);
    kn_free(folder);
}
