/* memory_test.c: sets several times larger than the memory a process may have: read, divided,
 * standardised, shuffled and applied in pieces, with the same numbers as without a limit.
 *
 * The limit is RLIMIT_DATA: private memory, heap and stacks of threads. Pages of files are not in
 * it, since the system may drop them at any time.
 */
#include "data/batches.h"
#include "data/dataset.h"
#include "data/table.h"
#include "experiment/model.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

#include <kaon/io.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1 // their shadow memory alone is beyond any limit
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZED 1
#    endif
#endif
#ifndef SANITIZED
#    define SANITIZED 0
#endif

enum { WIDTH = 16, NPY_ROWS = 1000000, CSV_ROWS = 300000, ROOM = 12 << 20, CSV_ROOM = 24 << 20 };

static char folder[] = "/tmp/kaon-memory-XXXXXX";

static char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// 64 MB of (rows, 16) f32.
static void write_npy(void)
{
    char head[129];
    uint32_t state = 1;
    FILE *file = fopen(path_of("big.npy"), "wb");
    assert_non_null(file);
    const int used =
        snprintf(head + 10, 118, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }",
                 NPY_ROWS, WIDTH);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(head + 10 + used, ' ', (size_t)(117 - used));
    head[127] = '\n';
    fwrite(head, 1, 128, file);
    for (int i = 0; i < NPY_ROWS; i++) {
        float row[WIDTH];
        for (int k = 0; k < WIDTH; k++)
            row[k] = (float)(next(&state) % 1000) + (float)k;
        fwrite(row, sizeof *row, WIDTH, file);
    }
    assert_int_equal(fclose(file), 0);
}

// Numbers, a class as text, a weight.
static void write_csv(void)
{
    uint32_t state = 2;
    FILE *file = fopen(path_of("big.csv"), "w");
    assert_non_null(file);
    fputs("a,b,c,d,e,f,g,h,w,kind\n", file);
    for (int i = 0; i < CSV_ROWS; i++) {
        for (int k = 0; k < 8; k++)
            fprintf(file, "%u.%u,", next(&state) % 10000, next(&state) % 100000);
        fprintf(file, "%d,%s\n", 1 + i % 3, next(&state) % 3 ? "background" : "signal");
    }
    assert_int_equal(fclose(file), 0);
}

// Private memory now, in bytes.
static uint64_t private_memory(void)
{
    unsigned long long kilobytes = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmData: %llu", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return (uint64_t)kilobytes << 10;
}

// What the work comes to, bit by bit.
typedef struct outcome {
    uint64_t sums[4];
} outcome;

static uint64_t sum_of(const void *data, size_t bytes, uint64_t before)
{
    return (before ^ kn_checksum(data, bytes)) * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t sum_epoch(kaon_table *table, kn_diag *fault)
{
    const kaon_batch_spec spec = {.size = sizeof spec,
                                  .shuffle = 1,
                                  .rows = 256,
                                  .seed = 3,
                                  .float_type = KAON_F32,
                                  .normalize = 1};
    kaon_batches *b = NULL;
    kaon_batch batch = {.size = sizeof batch};
    const int64_t width = kn_table_column_count(table) > 1 ? 8 : WIDTH;
    uint64_t sum = 0;
    if (kn_batches_open(table, &spec, &b, &fault->diag))
        return 0;
    while (kn_batches_next(b, 0, &batch, &fault->diag) == KAON_OK)
        sum += sum_of(batch.features, (size_t)(batch.rows * width) * sizeof(float), 1);
    kn_batches_close(b);
    return sum;
}

static uint64_t sum_table(const kaon_table *table)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < kn_table_column_count(table); i++) {
        kaon_column c = {.size = sizeof c};
        kn_table_column_at(table, i, &c, NULL);
        sum = sum_of(c.view.data, (size_t)kaon_view_count(&c.view) * kaon_dtype_bytes(c.view.dtype),
                     sum);
    }
    return sum;
}

static kaon_status standardize(kn_settings *s, const kn_dataset *d, outcome *out, kn_diag *fault)
{
    kn_model *model = NULL;
    kn_config *written = NULL;
    kaon_table *made = NULL;
    const kn_config *list = kn_config_scalar_new(s->tree, "standardize", 0);
    const kaon_parts parts = kn_settings_parts(s, KAON_LEARNER, list, &written);
    KAON_TRY(kn_model_new(s, parts, written, &model, &fault->diag));
    const kn_model_fit fit = {.train = d->part[KN_TRAIN], .seed = 1, .float_type = KAON_F32};
    kaon_status status = kn_model_fit_tables(model, &fit, &fault->diag);
    if (!status)
        status = kn_model_apply(model, d->part[KN_TRAIN], &made, &fault->diag);
    if (!status)
        out->sums[2] = sum_table(made);
    if (!status && kn_table_spill_of(made)) // without a limit, all rows are one window
        out->sums[3] = sum_epoch(made, fault);
    kn_table_release(made);
    kn_model_free(model);
    return status;
}

static kaon_status work(kn_kernel *kernel, const char *yaml, outcome *out, kn_diag *fault)
{
    kn_faults faults = {0};
    kn_settings s;
    kn_dataset *d = NULL;
    kn_config_tree *tree = kn_config_tree_new();
    const kn_dataset_load load = {.folder = folder, .seed = 1, .float_type = KAON_F32};
    kn_settings_init(&s, kernel, tree, &faults);
    const kn_config *node = kn_config_parse(tree, "test", yaml, strlen(yaml), &faults);
    kn_dataset_plan *plan = node ? kn_dataset_plan_new(&s, node, NULL) : NULL;
    kaon_status status = kn_faults_status(&faults, &fault->diag);
    if (!status)
        status = kn_dataset_load_parts(plan, &load, &d, &fault->diag);
    if (!status) {
        out->sums[0] = sum_table(d->part[KN_TRAIN]);
        out->sums[1] = sum_table(d->part[KN_TEST]);
        status = standardize(&s, d, out, fault);
    }
    kn_dataset_free(d);
    kn_settings_fini(&s);
    kn_config_tree_free(tree);
    kn_faults_fini(&faults);
    return status;
}

// In a process of its own, with `room` bytes more than it has at its beginning; 0: no limit.
static outcome in_child(const char *yaml, uint64_t room)
{
    outcome got = {{0}};
    int ends[2], how = 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        kn_kernel *kernel = NULL;
        kn_diag fault;
        kn_diag_init(&fault);
        const kn_kernel_settings settings = {.threads = 2};
        kaon_status status = kn_kernel_new(&settings, &kernel, &fault.diag);
        const struct rlimit limit = {private_memory() + room, private_memory() + room};
        if (!status && room)
            setrlimit(RLIMIT_DATA, &limit);
        if (!status)
            status = work(kernel, yaml, &got, &fault);
        if (status)
            fprintf(stderr, "%s\n", fault.text);
        _exit(write(ends[1], &got, sizeof got) == sizeof got && !status ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t bytes = read(ends[0], &got, sizeof got);
    close(ends[0]);
    waitpid(child, &how, 0);
    assert_int_equal(bytes, sizeof got);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    return got;
}

// The same parts and the same standardised numbers; with a limit twice, the second time mapped.
static void check(const char *section, uint64_t room)
{
    char yaml[200];
    snprintf(yaml, sizeof yaml, "{%s}", section);
    const outcome free_of_limits = in_child(yaml, 0);
    snprintf(yaml, sizeof yaml, "{%s, memory: 4MiB, cache: %s/kept}", section, folder);
    const outcome first = in_child(yaml, room), second = in_child(yaml, room);
    assert_memory_equal(free_of_limits.sums, first.sums, 3 * sizeof(uint64_t));
    assert_memory_equal(first.sums, second.sums, sizeof first.sums);
    assert_true(first.sums[0] && first.sums[3]);
}

static int is_installed(const char *interface_id, const char *name)
{
    kn_kernel *kernel = NULL;
    const kn_item *item = NULL;
    const int there = kn_kernel_new(NULL, &kernel, NULL) == KAON_OK &&
                      kn_item_find(kernel, interface_id, name, &item, NULL) == KAON_OK;
    kn_kernel_free(kernel);
    return there;
}

static void npy_of_64_megabytes_in_12(void **state)
{
    (void)state;
    if (SANITIZED || !is_installed(KAON_READER, "npy") ||
        !is_installed(KAON_LEARNER, "standardize"))
        skip();
    write_npy();
    check("path: big.npy, split: {test: 0.2}", ROOM);
}

static void csv_with_classes(void **state)
{
    (void)state;
    if (SANITIZED || !is_installed(KAON_READER, "csv") ||
        !is_installed(KAON_LEARNER, "standardize"))
        skip();
    write_csv();
    check("path: big.csv, target: kind, weight: w, split: {test: 0.2, stratify: true}", CSV_ROOM);
}

static int remove_all(void **state)
{
    (void)state;
    char path[400];
    snprintf(path, sizeof path, "%s/kept", folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/kept/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    snprintf(path, sizeof path, "%s/kept", folder);
    rmdir(path);
    unlink(path_of("big.npy"));
    unlink(path_of("big.csv"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_of_64_megabytes_in_12),
        cmocka_unit_test(csv_with_classes),
    };
    return mkdtemp(folder) ? cmocka_run_group_tests(tests, NULL, remove_all) : 1;
}
