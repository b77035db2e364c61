/* dataset_stage.h: for tests: one `data` section and what comes of it, on readers that are
 * installed.
 */
#ifndef DATASET_STAGE_H
#define DATASET_STAGE_H

#include "data/dataset.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "data/source.h"
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// One section and what comes of it.
typedef struct stage {
    kn_kernel *kernel;
    kn_config_tree *tree;
    kn_faults faults;
    kn_settings settings;
    kn_dataset_plan *plan;
    kn_config *resolved;
    kn_dataset *data;
    kn_diag fault;
} stage;

static char folder[64];

static inline void needs(kn_kernel *kernel, const char *reader)
{
    const kn_item *item = NULL;
    kn_diag ignored;
    kn_diag_init(&ignored);
    if (kn_item_find(kernel, KAON_READER, reader, &item, &ignored.diag) == KAON_OK)
        return;
    print_message("skipped: there is no reader '%s'\n", reader);
    skip();
}

static inline void plan(stage *s, const char *reader, const char *yaml)
{
    memset(s, 0, sizeof *s);
    kn_diag_init(&s->fault);
    assert_int_equal(kn_kernel_new(NULL, &s->kernel, &s->fault.diag), KAON_OK);
    needs(s->kernel, reader);
    s->tree = kn_config_tree_new();
    kn_settings_init(&s->settings, s->kernel, s->tree, &s->faults);
    const kn_config *node = kn_config_parse(s->tree, "test.yaml", yaml, strlen(yaml), &s->faults);
    assert_non_null(node);
    s->plan = kn_dataset_plan_new(&s->settings, node, &s->resolved);
}

static inline kn_dataset_load loading(void)
{
    return (kn_dataset_load){.folder = folder, .seed = 3, .float_type = KAON_F32};
}

static inline void load(stage *s, const char *reader, const char *yaml)
{
    const kn_dataset_load how = loading();
    plan(s, reader, yaml);
    if (s->faults.count)
        fail_msg("%s", s->faults.at[0].message);
    if (kn_dataset_load_parts(s->plan, &how, &s->data, &s->fault.diag))
        fail_msg("%s", s->fault.text);
}

static inline void leave(stage *s)
{
    kn_dataset_free(s->data);
    kn_settings_fini(&s->settings);
    kn_config_tree_free(s->tree);
    kn_faults_fini(&s->faults);
    kn_kernel_free(s->kernel);
}

static inline void write_file(const char *name, const char *text)
{
    kn_diag fault;
    kn_diag_init(&fault);
    char *path = kn_path_join(folder, name);
    assert_int_equal(kn_file_write(path, text, strlen(text), &fault.diag), KAON_OK);
    kn_free(path);
}

static inline kaon_column column(const kaon_table *t, int32_t role)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(t, role, &c), KAON_OK);
    return c;
}

static inline int64_t rows_of(const stage *s, int32_t part)
{
    return s->data->part[part] ? kn_table_rows(s->data->part[part]) : 0;
}

static inline int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kaon_dataset_XXXXXX");
    return mkdtemp(folder) == NULL;
}

static inline int tear_down(void **state)
{
    static const char *const names[] = {
        "part_1.csv", "part_2.csv", "numbers.csv", "train.csv",   "test.csv",   "first.csv",
        "other.csv",  "bad.csv",    "few.csv",     "strange.qqq", "memory.csv", "s1.csv",
        "s2.csv",     "s3.csv",     "s4.csv",      "runs.csv",    "key.csv",    "turned.csv"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = kn_path_join(folder, names[i]);
        unlink(path);
        kn_free(path);
    }
    return rmdir(folder);
}

#endif
