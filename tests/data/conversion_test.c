/* conversion_test.c: what was read is kept by content, found again, and noticed when it is damaged;
 * tables beyond the limit of memory are the same tables.
 */
#include "dataset_stage.h"

#include <dirent.h>
#include <sys/stat.h>

static char kept[160]; // the one file kept

// How many files are kept; the last one's path goes to `kept`.
static int count_kept(void)
{
    char path[80];
    int count = 0;
    snprintf(path, sizeof path, "%s/kept", folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(kept, sizeof kept, "%s/%.60s", path, entry->d_name);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

static void remove_kept(void)
{
    char path[80];
    while (count_kept())
        assert_int_equal(unlink(kept), 0);
    snprintf(path, sizeof path, "%s/kept", folder);
    rmdir(path);
}

static char *section(const char *rest)
{
    static char text[400];
    snprintf(text, sizeof text, "{%s, cache: %s/kept}", rest, folder);
    return text;
}

static char logged[4096];

static void listen(void *context, int32_t level, const char *text)
{
    (void)context, (void)level;
    strncat(logged, text, sizeof logged - strlen(logged) - 2);
    strcat(logged, "\n");
}

// As load(), with an ear for the log.
static void load_heard(stage *s, const char *yaml)
{
    const kn_dataset_load how = loading();
    const kn_kernel_settings settings = {.log = listen, .log_level = KAON_LOG_INFO};
    *logged = 0;
    memset(s, 0, sizeof *s);
    kn_diag_init(&s->fault);
    assert_int_equal(kn_kernel_new(&settings, &s->kernel, &s->fault.diag), KAON_OK);
    needs(s->kernel, "csv");
    s->tree = kn_config_tree_new();
    kn_settings_init(&s->settings, s->kernel, s->tree, &s->faults);
    const kn_config *node = kn_config_parse(s->tree, "test.yaml", yaml, strlen(yaml), &s->faults);
    s->plan = kn_dataset_plan_new(&s->settings, node, &s->resolved);
    if (s->faults.count)
        fail_msg("%s", s->faults.at[0].message);
    if (kn_dataset_load_parts(s->plan, &how, &s->data, &s->fault.diag))
        fail_msg("%s", s->fault.text);
}

static void same_column(const kaon_column *a, const kaon_column *b, int64_t rows)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->view.dtype, b->view.dtype);
    assert_int_equal(a->view.rank, b->view.rank);
    assert_int_equal(a->label_count, b->label_count);
    for (int64_t i = 0; i < a->label_count; i++)
        assert_string_equal(a->labels[i], b->labels[i]);
    for (int32_t i = 0; i < a->view.rank; i++)
        assert_int_equal(a->view.shape[i], b->view.shape[i]);
    assert_memory_equal(a->view.data, b->view.data,
                        (size_t)kaon_view_count(&a->view) * kaon_dtype_bytes(a->view.dtype));
    assert_int_equal(!a->offsets, !b->offsets);
    if (a->offsets)
        assert_memory_equal(a->offsets, b->offsets, (size_t)(rows + 1) * sizeof(int64_t));
}

static void same_data(const kn_dataset *a, const kn_dataset *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->dropped, b->dropped);
    assert_int_equal(a->feature_count, b->feature_count);
    assert_string_equal(a->source, b->source);
    for (int64_t i = 0; i < a->feature_count; i++)
        assert_string_equal(a->features[i], b->features[i]);
    for (int32_t part = 0; part < KN_PARTS; part++) {
        assert_int_equal(!a->part[part], !b->part[part]);
        for (int32_t i = 0; a->part[part] && i < kn_table_column_count(a->part[part]); i++) {
            kaon_column p = {.size = sizeof p}, q = {.size = sizeof q};
            assert_int_equal(kn_table_column_at(a->part[part], i, &p, NULL), KAON_OK);
            assert_int_equal(kn_table_column_at(b->part[part], i, &q, NULL), KAON_OK);
            same_column(&p, &q, kn_table_rows(a->part[part]));
        }
    }
}

// Text classes, gaps, weights, a kept column of text.
static void write_events(const char *name, int count)
{
    kn_text text = {0};
    kn_text_add(&text, "x,y,w,kind,note\n");
    for (int i = 0; i < count; i++)
        kn_text_format(&text, "%d.5,%s,%g,%s,n%d\n", i, i % 7 == 3 ? "" : "2", 0.25 * (i % 3),
                       i % 2 ? "signal" : "background", i % 5);
    write_file(name, kn_text_get(&text));
    kn_text_fini(&text);
}

static const char selection[] =
    "path: first.csv, target: kind, weight: w, keep: [note], missing: drop";

static void a_second_time(void **state)
{
    (void)state;
    stage first, second;
    write_events("first.csv", 500);
    load_heard(&first, section(selection));
    assert_int_equal(count_kept(), 1);
    assert_null(strstr(logged, "as converted before"));
    load_heard(&second, section(selection));
    assert_non_null(strstr(logged, "as converted before"));
    assert_int_equal(count_kept(), 1);
    same_data(first.data, second.data);
    leave(&second);
    // The same bytes elsewhere are the same data; another split reads nothing anew.
    write_events("other.csv", 500);
    load_heard(&second, section("path: other.csv, target: kind, weight: w, keep: [note],"
                                " missing: drop, split: {test: 0.5}"));
    assert_non_null(strstr(logged, "as converted before"));
    assert_string_equal(second.data->source, "other.csv");
    leave(&second);
    // Other bytes, another selection are not.
    write_events("first.csv", 501);
    load_heard(&second, section(selection));
    assert_null(strstr(logged, "as converted before"));
    assert_int_equal(count_kept(), 2);
    leave(&second);
    load_heard(&second, section("path: first.csv, target: kind, missing: drop"));
    assert_int_equal(count_kept(), 3);
    leave(&second);
    leave(&first);
    remove_kept();
}

// Cut short anywhere or a bit flipped: told in one line, read anew, kept anew.
static void damage_is_noticed(void **state)
{
    (void)state;
    stage sound, s;
    struct stat facts;
    write_events("first.csv", 300);
    load_heard(&sound, section(selection));
    assert_int_equal(count_kept(), 1);
    assert_int_equal(stat(kept, &facts), 0);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(count_kept(), 1);
        const long at = i < 4 ? 8L * i + 1 : (long)facts.st_size / 12 * i + i;
        FILE *file = fopen(kept, "r+b");
        if (i % 3 == 2) {
            assert_int_equal(ftruncate(fileno(file), at), 0);
        } else {
            fseek(file, at, SEEK_SET);
            const int byte = fgetc(file);
            fseek(file, at, SEEK_SET);
            fputc(byte ^ 16, file);
        }
        fclose(file);
        load_heard(&s, section(selection));
        assert_non_null(strstr(logged, "is made anew"));
        same_data(sound.data, s.data);
        leave(&s);
        load_heard(&s, section(selection));
        assert_non_null(strstr(logged, "as converted before"));
        leave(&s);
    }
    leave(&sound);
    remove_kept();
}

static void a_folder_that_cannot_be(void **state)
{
    (void)state;
    stage s;
    write_events("first.csv", 30);
    load_heard(&s, "{path: first.csv, features: [x], cache: /proc/kaon}");
    assert_non_null(strstr(logged, "is not kept"));
    assert_int_equal(s.data->rows, 30);
    leave(&s);
}

static void jagged_and_beyond_memory(void **state)
{
    (void)state;
    static const char jets[] = "reader: {toyjets: {jets: 3000}}, target: label, pad: 30,"
                               " features: [pt, eta, phi], keep: [e], split: {stratify: true}";
    stage all, little;
    char text[300];
    plan(&all, "toyjets", "{path: x}");
    leave(&all);
    load_heard(&all, section(jets));
    snprintf(text, sizeof text, "%s, memory: 1MiB", jets);
    load_heard(&little, section(text));
    same_data(all.data, little.data);
    kn_spill *spill = kn_table_spill_of(little.data->part[KN_TRAIN]);
    assert_non_null(spill);
    assert_true(kn_spill_used(spill) <= 1 << 19);
    assert_int_equal(count_kept(), 0); // generators are not kept, files without names are gone
    leave(&all);
    leave(&little);
    // From files, and kept: the second time all is mapped.
    write_events("first.csv", 60000);
    load_heard(&all, section(selection));
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s, memory: 1.5 MB", selection);
        load_heard(&little, section(text));
        same_data(all.data, little.data);
        leave(&little);
    }
    leave(&all);
    remove_kept();
}

static void sizes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"2", "2 Gb", "-1MB", "1kB", "lots", "1..5MB", "1e99TB"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        stage s;
        char text[100];
        snprintf(text, sizeof text, "{path: a.csv, memory: %s}", wrong[i]);
        plan(&s, "csv", text);
        assert_int_equal(s.faults.count, 1);
        assert_non_null(strstr(s.faults.at[0].message, "a size of 1MiB or more"));
        leave(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_time),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(a_folder_that_cannot_be),
        cmocka_unit_test(jagged_and_beyond_memory),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
