/* run_value.c: one number of a finished run. */
#include <math.h>
#include <string.h>

#include "experiment/tune.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

static void add_names(const json_t *numbers, kn_text *names)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)numbers, name, value)
    {
        if (json_is_number(value) && strcmp(name, "rows") && strcmp(name, "step") &&
            strcmp(name, "seconds"))
            kn_text_format(names, "%s%s", names->length ? ", " : "", name);
    }
}

static kaon_status read_text(const char *folder, const char *name, char **text, kaon_diag *diag)
{
    char *path = kn_path_join(folder, name);
    size_t bytes = 0;
    const kaon_status status =
        path ? kn_file_read(path, 0, (void **)text, &bytes, diag) : kn_no_memory(diag, "a path");
    kn_free(path);
    return status;
}

// 1 if it was found; `names` grows by those there are.
static int32_t find_judged(const char *text, const char *metric, double *value, kn_text *names)
{
    json_t *root = json_loads(text, 0, NULL);
    const json_t *parts = json_object_get(root, "parts");
    const json_t *numbers = parts ? json_object_get(parts, "validation") : root;
    const json_t *found = json_object_get(numbers, metric);
    *value = json_is_number(found) ? json_number_value(found) : NAN;
    const int32_t is = json_is_number(found) || json_is_null(found);
    add_names(numbers, names);
    json_decref(root);
    return is;
}

// The best over all lines that tell it; names are those of the first line.
static int32_t find_told(char *text, const char *metric, int32_t direction, double *value,
                         kn_text *names)
{
    int32_t is = 0;
    *value = NAN;
    for (char *end, *line = text; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        json_t *numbers = json_loads(line, 0, NULL);
        const json_t *found = json_object_get(numbers, metric);
        if (line == text)
            add_names(numbers, names);
        is |= found != NULL;
        if (json_is_number(found)) {
            const double now = json_number_value(found);
            *value = isnan(*value) || direction * (now - *value) > 0 ? now : *value;
        }
        json_decref(numbers);
    }
    return is;
}

kaon_status kn_run_value(const char *folder, const char *metric, int32_t direction, double *value,
                         kaon_diag *diag)
{
    char *judged = NULL, *told = NULL;
    kn_text judged_names = {0}, told_names = {0};
    kaon_status status = read_text(folder, "metrics.json", &judged, diag);
    if (!status && !find_judged(judged, metric, value, &judged_names)) {
        status = read_text(folder, "metrics.jsonl", &told, diag);
        if (!status && !find_told(told, metric, direction, value, &told_names))
            status =
                kaon_fail(diag, KAON_NOT_FOUND,
                          "there is no metric '%s': the validation part has %s; told by epoch "
                          "are %s",
                          metric, judged_names.length ? judged_names.at : "none (is there one?)",
                          told_names.length ? told_names.at : "none");
    }
    kn_text_fini(&judged_names);
    kn_text_fini(&told_names);
    kn_free(judged);
    kn_free(told);
    return status;
}
