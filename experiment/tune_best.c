/* tune_best.c: the best result of a search so far. */
#include "experiment/config_write.h"
#include "experiment/tune_own.h"
#include "kernel/files.h"
#include "kernel/memory.h"

// A result is better if more was spent on it, then by its value.
static int32_t is_better(const kn_tuning *t, const json_t *a, const json_t *b)
{
    const json_t *value = json_object_get(a, "value"), *other = json_object_get(b, "value");
    if (!json_is_number(value))
        return 0;
    if (!json_is_number(other))
        return 1;
    const double spent = json_number_value(json_object_get(a, "budget")),
                 other_spent = json_number_value(json_object_get(b, "budget"));
    if (spent != other_spent)
        return spent > other_spent;
    return t->direction * (json_number_value(value) - json_number_value(other)) > 0;
}

const json_t *kn_tune_best(const kn_tuning *t)
{
    const json_t *best = NULL;
    size_t i;
    json_t *told;
    json_array_foreach(t->told, i, told)
    {
        if (is_better(t, told, best))
            best = told;
    }
    return best;
}

/* best.yaml: the trial's configuration, with the report the user wants. The tree is its own: what
 * stands in it is read from a file and written again. */
static kaon_status write_as_best(const kn_tuning *t, const char *from, kaon_diag *diag)
{
    kn_faults faults = {0};
    kn_text text = {0};
    kn_config_tree *tree = kn_config_tree_new();
    char *to = kn_path_join(t->folder, "best.yaml");
    kn_config *root = tree && to ? kn_config_read(tree, from, &faults) : NULL;
    if (root) {
        kn_config_put(tree, root, "report",
                      kn_config_copy(tree, kn_config_get(t->plan.resolved, "report")));
        kn_text_format(&text, "# the best settings kaon tune found for %s\n",
                       kn_path_name(t->request->config_path));
        kn_config_write_yaml(root, &text);
    }
    kaon_status status = kn_faults_status(&faults, diag);
    if (!status)
        status = !root || text.failed ? kn_no_memory(diag, "best.yaml")
                                      : kn_file_write(to, kn_text_get(&text), text.length, diag);
    kn_text_fini(&text);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    kn_free(to);
    return status;
}

kaon_status kn_tune_write_best(const kn_tuning *t, kaon_diag *diag)
{
    const char *name = json_string_value(json_object_get(kn_tune_best(t), "folder"));
    kn_text path = {0};
    if (!name)
        return KAON_OK;
    kn_text_format(&path, "%s/%s/config.yaml", t->folder, name);
    const kaon_status status =
        path.failed ? kn_no_memory(diag, "a path") : write_as_best(t, kn_text_get(&path), diag);
    kn_text_fini(&path);
    return status;
}
