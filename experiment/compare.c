/* compare.c: finished runs side by side. */
#include "experiment/compare.h"

#include <math.h>
#include <string.h>

#include "experiment/config_write.h"
#include "experiment/metrics.h"
#include "kernel/config.h"
#include "kernel/files.h"
#include "kernel/memory.h"

/* --- a run ------------------------------------------------------------------------------------ */

// *out NULL where there is no such file.
static kaon_status read_json(const char *folder, const char *name, json_t **out, kaon_diag *diag)
{
    void *text = NULL;
    size_t bytes = 0;
    char *path = kn_path_join(folder, name);
    *out = NULL;
    kaon_status status =
        path ? kn_file_read(path, 0, &text, &bytes, diag) : kn_no_memory(diag, "a path");
    if (!status) {
        *out = json_loadb(text, bytes, 0, NULL);
        status = *out ? KAON_OK : kaon_fail(diag, KAON_CORRUPT, "%s is no JSON", path);
    }
    kn_free(text);
    kn_free(path);
    return status == KAON_NOT_FOUND ? KAON_OK : status;
}

// The numbers of a part, or those at the top where there are no parts.
static kaon_status choose_part(const json_t *metrics, const char *folder, const char **part,
                               const json_t **numbers, kaon_diag *diag)
{
    const json_t *parts = json_object_get(metrics, "parts");
    if (!*part)
        *part = json_string_value(json_object_get(metrics, "part"));
    *numbers = parts && *part ? json_object_get(parts, *part) : metrics;
    if (!*numbers)
        return kaon_fail(diag, KAON_NOT_FOUND, "%s was not judged by a %s part", folder, *part);
    return KAON_OK;
}

static json_t *only_numbers(const json_t *all)
{
    json_t *out = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)all, name, value)
    {
        if (json_is_number(value) && strcmp(name, "rows"))
            json_object_set(out, name, value);
    }
    return out;
}

static kaon_status read_run(const char *folder, const char *part, json_t *runs, kaon_diag *diag)
{
    json_t *metrics = NULL, *replicas = NULL;
    const json_t *numbers = NULL;
    kaon_status status = read_json(folder, "metrics.json", &metrics, diag);
    if (!status && !metrics)
        status = kaon_fail(diag, KAON_NOT_FOUND,
                           "%s has no metrics.json: is it the folder of a finished run?", folder);
    if (!status)
        status = choose_part(metrics, folder, &part, &numbers, diag);
    if (!status)
        status = read_json(folder, "bootstrap.json", &replicas, diag);
    if (!status) {
        json_t *run =
            json_pack("{s:s, s:s?, s:O?, s:o, s:O?, s:O?}", "folder", folder, "part", part, "rows",
                      json_object_get(numbers, "rows"), "metrics", only_numbers(numbers),
                      "uncertainty", json_object_get(numbers, "uncertainty"), "bootstrap",
                      part ? json_object_get(replicas, part) : NULL);
        status = run && !json_array_append_new(runs, run) ? KAON_OK : kn_no_memory(diag, "a run");
    }
    json_decref(metrics);
    json_decref(replicas);
    return status;
}

/* --- settings that differ --------------------------------------------------------------------- */

// All scalars and empty lists below a node, by path: {"model.1.network.epochs": "30"}.
static void flatten(const kn_config *node, kn_text *path, json_t *into)
{
    const size_t length = path->length;
    int64_t number = 0;
    if (!node->first) {
        kn_text value = {0};
        kn_config_write_json(node, &value);
        json_object_set_new(into, kn_text_get(path), json_string(kn_text_get(&value)));
        kn_text_fini(&value);
    }
    for (const kn_config *child = node->first; child; child = child->next, number++) {
        if (node->kind == KN_CONFIG_MAP)
            kn_text_format(path, "%s%s", length ? "." : "", child->key);
        else
            kn_text_format(path, "%s%lld", length ? "." : "", (long long)number);
        flatten(child, path, into);
        if (path->at)
            path->at[path->length = length] = 0;
    }
}

static kaon_status read_settings(const char *folder, json_t *settings, kaon_diag *diag)
{
    kn_faults faults = {0};
    kn_text path = {0};
    kn_config_tree *tree = kn_config_tree_new();
    char *file = kn_path_join(folder, "config.yaml");
    json_t *flat = json_object();
    const kn_config *root = tree && file ? kn_config_read(tree, file, &faults) : NULL;
    if (root && flat)
        flatten(root, &path, flat);
    kaon_status status = kn_faults_status(&faults, diag);
    if (!status && (!root || path.failed || json_array_append(settings, flat)))
        status = kn_no_memory(diag, "a configuration");
    json_decref(flat);
    kn_text_fini(&path);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    kn_free(file);
    return status;
}

// Where any run has another value than the first one; null: it has none.
static json_t *differences(const json_t *settings)
{
    json_t *paths = json_object(), *out = json_array(), *flat, *value;
    const char *path;
    size_t i;
    json_array_foreach(settings, i, flat) json_object_update_missing(paths, flat);
    json_object_foreach(paths, path, value)
    {
        json_t *values = json_array();
        int32_t differ = 0;
        json_array_foreach(settings, i, flat)
        {
            json_t *own = json_object_get(flat, path);
            json_array_append_new(values, own ? json_incref(own) : json_null());
            differ |= !json_equal(json_array_get(values, 0), json_array_get(values, i));
        }
        if (differ)
            json_array_append_new(out, json_pack("{s:s, s:O}", "path", path, "values", values));
        json_decref(values);
    }
    json_decref(paths);
    return out;
}

/* --- metrics ---------------------------------------------------------------------------------- */

static double number_of(const json_t *run, const char *name)
{
    const json_t *value = json_object_get(json_object_get(run, "metrics"), name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// The run with the best value, -1 where nothing is better; of equal ones the first.
static int64_t best_run(const json_t *runs, const char *name, int32_t direction)
{
    int64_t best = -1;
    double most = NAN;
    for (size_t i = 0; i < json_array_size(runs) && direction; i++) {
        const double value = direction * number_of(json_array_get(runs, i), name);
        if (value > most || (isnan(most) && !isnan(value))) {
            most = value;
            best = (int64_t)i;
        }
    }
    return best;
}

static json_t *list_metrics(kn_kernel *kernel, const json_t *runs)
{
    json_t *names = json_object(), *out = json_array(), *run, *value;
    const char *name;
    size_t i;
    json_array_foreach(runs, i, run)
        json_object_update_missing(names, json_object_get(run, "metrics"));
    json_object_foreach(names, name, value)
    {
        const int32_t direction = kn_metric_direction(kernel, name);
        json_array_append_new(out, json_pack("{s:s, s:i, s:I}", "name", name, "direction",
                                             (int)direction, "best",
                                             (json_int_t)best_run(runs, name, direction)));
    }
    json_decref(names);
    return out;
}

/* --- pairs ------------------------------------------------------------------------------------ */

static const json_t *replicas_of(const json_t *run, const char *name)
{
    const json_t *all = json_object_get(json_object_get(run, "bootstrap"), "replicas");
    return json_object_get(all, name);
}

// Standard deviation of a - b over the replicas both have; NaN of fewer than two.
static double spread_of_difference(const json_t *a, const json_t *b)
{
    double sum = 0, squares = 0, n = 0;
    const size_t count =
        json_array_size(a) < json_array_size(b) ? json_array_size(a) : json_array_size(b);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
            if (!json_is_number(x) || !json_is_number(y))
                continue;
            const double d = json_number_value(x) - json_number_value(y);
            if (pass)
                squares += (d - sum / n) * (d - sum / n);
            else {
                sum += d;
                n++;
            }
        }
    return n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

static void add_pairs(const json_t *runs, const json_t *metric, json_t *pairs)
{
    const char *name = json_string_value(json_object_get(metric, "name"));
    const json_int_t best = json_integer_value(json_object_get(metric, "best"));
    const json_t *first = best >= 0 ? json_array_get(runs, (size_t)best) : NULL;
    const json_t *data = json_object_get(json_object_get(first, "bootstrap"), "data");
    for (size_t i = 0; first && data && i < json_array_size(runs); i++) {
        const json_t *run = json_array_get(runs, i);
        const json_t *same = json_object_get(json_object_get(run, "bootstrap"), "data");
        if ((json_int_t)i == best || !json_equal(data, same))
            continue;
        const double sigma = spread_of_difference(replicas_of(run, name), replicas_of(first, name));
        const double difference = number_of(run, name) - number_of(first, name);
        if (isfinite(sigma) && isfinite(difference))
            json_array_append_new(pairs, json_pack("{s:s, s:I, s:I, s:f, s:f}", "metric", name,
                                                   "run", (json_int_t)i, "best", best, "difference",
                                                   difference, "sigma", sigma));
    }
}

kaon_status kn_compare(kn_kernel *kernel, const kaon_compare_request *request, json_t **out,
                       kaon_diag *diag)
{
    json_t *runs = json_array(), *settings = json_array(), *pairs = json_array(), *metric, *run;
    kaon_status status = runs && settings && pairs ? KAON_OK : kn_no_memory(diag, "a comparison");
    size_t i;
    *out = NULL;
    for (int64_t k = 0; k < request->path_count && !status; k++) {
        status = read_run(request->paths[k], request->part, runs, diag);
        if (!status)
            status = read_settings(request->paths[k], settings, diag);
    }
    if (!status) {
        json_t *metrics = list_metrics(kernel, runs);
        json_array_foreach(metrics, i, metric) add_pairs(runs, metric, pairs);
        json_array_foreach(runs, i, run) json_object_del(run, "bootstrap");
        *out = json_pack("{s:O, s:o, s:o, s:O}", "runs", runs, "metrics", metrics, "settings",
                         differences(settings), "pairs", pairs);
        status = *out ? KAON_OK : kn_no_memory(diag, "a comparison");
    }
    json_decref(runs);
    json_decref(settings);
    json_decref(pairs);
    return status;
}
