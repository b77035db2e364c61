/* arrow_table_test.c: hand-made Arrow arrays into tables: chosen, stacked, padded, made classes. */
#include "data/arrow_table.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "data/selection.h"
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

enum { ROWS = 4, MOST = 12 };

// Borrowed arrays under Arrow's structs; nothing is owned, so release only marks.
typedef struct frame {
    struct ArrowSchema schema, columns[MOST], items[MOST];
    struct ArrowSchema *column_list[MOST], *item_list[MOST];
    struct ArrowArray array, arrays[MOST], leaves[MOST];
    struct ArrowArray *array_list[MOST], *leaf_list[MOST];
    const void *buffers[MOST][3], *leaf_buffers[MOST][3];
    const void *none[1];
} frame;

static void begin(frame *f)
{
    memset(f, 0, sizeof *f);
    f->schema = (struct ArrowSchema){.format = "+s", .name = "", .children = f->column_list};
    f->array = (struct ArrowArray){
        .length = ROWS, .n_buffers = 1, .buffers = f->none, .children = f->array_list};
}

static int64_t add(frame *f, const char *name, const char *format, const void *offsets,
                   const void *values)
{
    const int64_t i = f->schema.n_children++;
    f->array.n_children++;
    f->columns[i] = (struct ArrowSchema){.format = format, .name = name};
    f->column_list[i] = &f->columns[i];
    f->buffers[i][1] = offsets ? offsets : values;
    f->buffers[i][2] = values;
    f->arrays[i] =
        (struct ArrowArray){.length = ROWS, .n_buffers = offsets ? 3 : 2, .buffers = f->buffers[i]};
    f->array_list[i] = &f->arrays[i];
    return i;
}

// The column becomes a list (jagged if there are offsets) of `length` values in all.
static void nest(frame *f, int64_t i, const char *format, const void *offsets, int64_t length)
{
    f->items[i] = f->columns[i];
    f->items[i].name = "item";
    f->columns[i].format = format;
    f->columns[i].n_children = 1;
    f->item_list[i] = &f->items[i];
    f->columns[i].children = &f->item_list[i];
    f->leaves[i] = f->arrays[i];
    f->leaves[i].length = length;
    f->leaf_buffers[i][1] = f->buffers[i][1];
    f->leaves[i].buffers = f->leaf_buffers[i];
    f->leaf_list[i] = &f->leaves[i];
    f->arrays[i].n_children = 1;
    f->arrays[i].children = &f->leaf_list[i];
    f->arrays[i].n_buffers = offsets ? 2 : 1;
    f->buffers[i][1] = offsets;
}

static const float pt[ROWS] = {1, 2, 3, 4};
static const double eta[ROWS] = {-1, -2, -3, -4};
static const int64_t kind[ROWS] = {7, 3, 7, 11};
static const char words[] = "topWgluontop";
static const int32_t word_ends[ROWS + 1] = {0, 3, 4, 9, 12};
static const int32_t hit_ends[ROWS + 1] = {0, 2, 2, 5, 6};
static const float hits[6] = {1, 2, 3, 4, 5, 6};

static void example(frame *f)
{
    begin(f);
    add(f, "pt", "f", NULL, pt);
    add(f, "eta", "g", NULL, eta);
    add(f, "kind", "l", NULL, kind);
    add(f, "word", "u", word_ends, words);
    nest(f, add(f, "hits", "f", NULL, hits), "+l", hit_ends, 6);
    nest(f, add(f, "more", "f", NULL, hits), "+l", hit_ends, 6);
}

// The columns the builder asks for, in its order.
static frame *project(const frame *from, const kn_table_builder *b)
{
    static frame to;
    const char *const *names = NULL;
    int64_t count = 0;
    kn_table_builder_columns(b, &names, &count);
    to = *from;
    to.schema.children = to.column_list;
    to.array.children = to.array_list;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        while (strcmp(from->columns[at].name, names[i]))
            at++;
        to.column_list[i] = from->column_list[at];
        to.array_list[i] = from->array_list[at];
    }
    to.schema.n_children = to.array.n_children = count;
    return &to;
}

static kaon_status try_build(const frame *f, const kn_want *want, int arrays, kaon_table **out)
{
    kn_table_builder *b = NULL;
    kn_block incomplete = {0};
    kn_diag_init(&fault);
    KAON_TRY(kn_table_builder_new(&f->schema, want, -1, &b, &fault.diag));
    const frame *part = project(f, b);
    kaon_status status = KAON_OK;
    for (int i = 0; i < arrays && !status; i++)
        status = kn_table_builder_add(b, &part->schema, &part->array, &fault.diag);
    if (!status)
        status = kn_table_builder_finish(b, out, &incomplete, &fault.diag);
    kn_table_builder_free(b);
    kn_block_free(&incomplete);
    return status;
}

static kaon_table *build(const frame *f, const kn_want *want, int arrays)
{
    kaon_table *t = NULL;
    if (try_build(f, want, arrays, &t))
        fail_msg("%s", fault.text);
    return t;
}

static void refuses(const frame *f, const kn_want *want, const char *text)
{
    kaon_table *t = NULL;
    assert_int_not_equal(try_build(f, want, 1, &t), KAON_OK);
    if (!strstr(fault.text, text))
        fail_msg("'%s' does not say '%s'", fault.text, text);
}

static kaon_column column(const kaon_table *t, int32_t role)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(t, role, &c), KAON_OK);
    return c;
}

static void numbers_are_stacked(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"*"};
    const kn_want want = {.features = features,
                          .feature_count = 1,
                          .target = "kind",
                          .weight = "pt",
                          .float_type = KAON_F32};
    kaon_table *t = build(&f, &want, 2);
    kaon_column x = column(t, KAON_ROLE_FEATURES);
    assert_int_equal(kn_table_rows(t), 2 * ROWS);
    assert_int_equal(x.view.rank, 2);
    assert_int_equal(x.view.shape[1], 1); // kind and pt have other roles, hits are jagged
    assert_string_equal(x.labels[0], "eta");
    assert_float_equal(((const float *)x.view.data)[5], -2, 0);
    assert_float_equal(((const float *)column(t, KAON_ROLE_WEIGHT).view.data)[7], 4, 0);
    kn_table_release(t);

    const char *const both[] = {"eta", "pt", "kind"};
    const kn_want stacked = {.features = both, .feature_count = 3, .float_type = KAON_F64};
    t = build(&f, &stacked, 1);
    x = column(t, KAON_ROLE_FEATURES);
    const double expected[] = {-1, 1, 7, -2, 2, 3, -3, 3, 7, -4, 4, 11};
    assert_memory_equal(x.view.data, expected, sizeof expected);
    assert_string_equal(x.labels[2], "kind");
    kn_table_release(t);
}

static void classes_are_numbered(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"pt"};
    kn_want want = {.features = features, .feature_count = 1, .target = "kind"};
    kaon_table *t = build(&f, &want, 1);
    kaon_column y = column(t, KAON_ROLE_TARGET);
    assert_memory_equal(y.view.data, ((const int64_t[]){1, 0, 1, 2}), 4 * sizeof(int64_t));
    assert_int_equal(y.label_count, 3);
    assert_string_equal(y.labels[0], "3");
    assert_string_equal(y.labels[2], "11");
    kn_table_release(t);

    want.target = "word"; // texts are sorted by their bytes
    t = build(&f, &want, 2);
    y = column(t, KAON_ROLE_TARGET);
    assert_memory_equal(y.view.data, ((const int64_t[]){2, 0, 1, 2, 2, 0, 1, 2}),
                        8 * sizeof(int64_t));
    assert_string_equal(y.labels[0], "W");
    kn_table_release(t);

    const char *const given[] = {"gluon", "top", "W", "Z"};
    want.classes = given;
    want.class_count = 4;
    t = build(&f, &want, 1);
    y = column(t, KAON_ROLE_TARGET);
    assert_memory_equal(y.view.data, ((const int64_t[]){1, 2, 0, 1}), 4 * sizeof(int64_t));
    assert_int_equal(y.label_count, 4);
    kn_table_release(t);

    want.class_count = 2;
    refuses(&f, &want, "row 1 has the class 'W'; the classes are gluon, top");
    want.class_count = 0;
    want.task = KN_TASK_REGRESSION;
    refuses(&f, &want, "target 'word' is text");
    want.target = "kind";
    t = build(&f, &want, 1);
    assert_int_equal(column(t, KAON_ROLE_TARGET).view.dtype, KAON_F32);
    kn_table_release(t);
    want.task = KN_TASK_CLASSIFICATION;
    want.target = "eta";
    t = build(&f, &want, 1);
    assert_string_equal(column(t, KAON_ROLE_TARGET).labels[0], "-4");
    kn_table_release(t);
}

// Key and value as Arrow's metadata has them.
static void classes_named_by_the_reader(void **state)
{
    (void)state;
    frame f;
    char metadata[64];
    const int32_t one = 1, key = 11, value = 10;
    static const int64_t few[ROWS] = {2, 0, 2, 0};
    memcpy(metadata, &one, 4);
    memcpy(metadata + 4, &key, 4);
    memcpy(metadata + 8, "kaon.labels", 11);
    memcpy(metadata + 19, &value, 4);
    memcpy(metadata + 23, "q\nsecond\nt", 10);
    example(&f);
    f.columns[2].metadata = metadata;
    const kn_want want = {.target = "kind"};
    refuses(&f, &want, "row 0 has the class 7; the file names classes 0 to 2");
    f.buffers[2][1] = few;
    kaon_table *t = build(&f, &want, 1);
    kaon_column y = column(t, KAON_ROLE_TARGET);
    assert_int_equal(y.label_count, 3);
    assert_string_equal(y.labels[1], "second");
    assert_memory_equal(y.view.data, few, sizeof few);
    kn_table_release(t);
}

static void jagged_features_are_padded(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"hits", "more"};
    kn_want want = {.features = features, .feature_count = 2, .pad = 2};
    kaon_table *t = build(&f, &want, 2);
    kaon_column x = column(t, KAON_ROLE_FEATURES);
    assert_int_equal(x.view.rank, 3);
    assert_int_equal(x.view.shape[0], 2 * ROWS);
    assert_int_equal(x.view.shape[1], 2);
    assert_int_equal(x.view.shape[2], 2);
    const float expected[] = {1, 1, 2, 2, 0, 0, 0, 0, 3, 3, 4, 4, 6, 6, 0, 0};
    assert_memory_equal(x.view.data, expected, sizeof expected);
    assert_memory_equal((const float *)x.view.data + 16, expected, sizeof expected);
    kn_table_release(t);

    want.pad = 0; // the longest row has three
    t = build(&f, &want, 1);
    assert_int_equal(column(t, KAON_ROLE_FEATURES).view.shape[1], 3);
    kn_table_release(t);

    const char *const mixed[] = {"hits", "pt"};
    want.features = mixed;
    refuses(&f, &want, "'hits' (jagged f32) and 'pt' (f32) cannot be stacked");
    static const int32_t others[ROWS + 1] = {0, 1, 2, 5, 6};
    want.features = features;
    f.buffers[5][1] = others;
    refuses(&f, &want, "row 0 has 2 entries of 'hits' and 1 of 'more'");
}

static void kept_columns_stay_as_they_are(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"pt"}, *const keep[] = {"hits", "kind", "word"};
    const kn_want want = {.features = features, .feature_count = 1, .keep = keep, .keep_count = 3};
    kaon_table *t = build(&f, &want, 2);
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_named(t, "hits", &c), KAON_OK);
    assert_memory_equal(c.offsets, ((const int64_t[]){0, 2, 2, 5, 6, 8, 8, 11, 12}),
                        9 * sizeof(int64_t));
    assert_int_equal(c.view.shape[0], 12);
    assert_int_equal(kn_table_column_named(t, "kind", &c), KAON_OK);
    assert_int_equal(c.view.dtype, KAON_I64);
    assert_memory_equal(c.view.data, kind, sizeof kind);
    assert_int_equal(kn_table_column_named(t, "word", &c), KAON_OK);
    assert_string_equal(c.labels[1], "gluon");
    kn_table_release(t);
    t = build(&f, &want, 0); // no rows at all
    assert_int_equal(kn_table_rows(t), 0);
    kn_table_release(t);
}

static void arrays_of_fixed_size(void **state)
{
    (void)state;
    frame f;
    static const float image[ROWS * 3] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t hot[ROWS * 3] = {0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0};
    begin(&f);
    nest(&f, add(&f, "v", "f", NULL, image), "+w:3", NULL, 12);
    nest(&f, add(&f, "hot", "C", NULL, hot), "+w:3", NULL, 12);
    add(&f, "pt", "f", NULL, pt);
    kn_want want = {.target = "hot", .task = KN_TASK_CLASSIFICATION};
    kaon_table *t = build(&f, &want, 1);
    kaon_column x = column(t, KAON_ROLE_FEATURES), y = column(t, KAON_ROLE_TARGET);
    assert_int_equal(x.view.shape[1], 4);
    assert_string_equal(x.labels[1], "v[1]");
    assert_string_equal(x.labels[3], "pt");
    assert_float_equal(((const float *)x.view.data)[6], 5, 0);
    assert_float_equal(((const float *)x.view.data)[7], 2, 0);
    assert_memory_equal(y.view.data, ((const int64_t[]){1, 0, 2, 1}), 4 * sizeof(int64_t));
    assert_int_equal(y.label_count, 3);
    kn_table_release(t);
    want.task = KN_TASK_AUTO; // a vector of numbers to be predicted
    t = build(&f, &want, 1);
    y = column(t, KAON_ROLE_TARGET);
    assert_int_equal(y.view.dtype, KAON_F32);
    assert_int_equal(y.view.shape[1], 3);
    kn_table_release(t);
}

static void missing_values(void **state)
{
    (void)state;
    frame f;
    static const float gaps[ROWS] = {1, NAN, -999, 4};
    static const double zero = -999;
    const char *const features[] = {"pt", "eta"};
    kn_want want = {.features = features,
                    .feature_count = 2,
                    .target = "kind",
                    .sentinels = &zero,
                    .sentinel_count = 1};
    example(&f);
    f.buffers[0][1] = gaps;
    refuses(&f, &want, "column 'pt' has no value in row 1 (2 values are missing");
    want.missing = KN_MISSING_KEEP;
    kaon_table *t = build(&f, &want, 1);
    const float *x = column(t, KAON_ROLE_FEATURES).view.data;
    assert_true(isnan(x[2]) && isnan(x[4]) && x[5] == -3);
    kn_table_release(t);

    kn_table_builder *b = NULL;
    kn_block incomplete = {0};
    want.missing = KN_MISSING_DROP;
    assert_int_equal(kn_table_builder_new(&f.schema, &want, 4, &b, &fault.diag), KAON_OK);
    const frame *part = project(&f, b);
    assert_int_equal(kn_table_builder_add(b, &part->schema, &part->array, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_builder_finish(b, &t, &incomplete, &fault.diag), KAON_OK);
    assert_memory_equal(incomplete.at, "\0\1\1\0", 4);
    kn_block_free(&incomplete);
    kn_table_builder_free(b);
    kn_table_release(t);

    // A null among the classes: the second and the last row.
    static const uint8_t valid = 5;
    f.buffers[2][0] = &valid;
    f.arrays[2].null_count = 2;
    f.buffers[0][1] = pt;
    want.missing = KN_MISSING_KEEP;
    refuses(&f, &want, "the target 'kind' has no value in row 1");
}

static void bits_and_offsets(void **state)
{
    (void)state;
    frame f;
    static const uint8_t bits = 0x2c; // from bit 2 on: 1 1 0 1
    begin(&f);
    add(&f, "pass", "b", NULL, &bits);
    add(&f, "pt", "f", NULL, pt - 0);
    f.arrays[0].offset = 2;
    f.arrays[1].offset = 0;
    const kn_want want = {.target = "pass"};
    kaon_table *t = build(&f, &want, 1);
    kaon_column y = column(t, KAON_ROLE_TARGET);
    assert_memory_equal(y.view.data, ((const int64_t[]){1, 1, 0, 1}), 4 * sizeof(int64_t));
    assert_string_equal(y.labels[0], "false");
    kn_table_release(t);
}

static void names_patterns_and_places(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const away[] = {"-eta"}, *const typo[] = {"ett"}, *const target[] = {"kind"},
                      *const none[] = {"q*"}, *const hit[] = {"h*"}, *const empty[] = {"pt", "-*"};
    kn_want want = {.features = away, .feature_count = 1, .target = "2"};
    kaon_table *t = build(&f, &want, 1);
    kaon_column x = column(t, KAON_ROLE_FEATURES);
    assert_int_equal(x.label_count, 1);
    assert_string_equal(x.labels[0], "pt");
    assert_string_equal(column(t, KAON_ROLE_TARGET).name, "kind");
    kn_table_release(t);
    want.target = "-4";
    t = build(&f, &want, 1);
    assert_string_equal(column(t, KAON_ROLE_TARGET).name, "kind");
    kn_table_release(t);
    want.features = hit; // nothing but jagged ones fit
    t = build(&f, &want, 1);
    assert_int_equal(column(t, KAON_ROLE_FEATURES).view.rank, 3);
    kn_table_release(t);
    want.features = typo;
    refuses(&f, &want, "no column 'ett' for the features (did you mean 'eta'?); there are pt, eta");
    want.features = target;
    refuses(&f, &want, "'kind' is the target and cannot be a feature");
    want.features = none;
    refuses(&f, &want, "no column of numbers fits 'q*'");
    want.features = empty;
    want.feature_count = 2;
    refuses(&f, &want, "no features are left");
    want.feature_count = 0;
    want.target = "nothing";
    refuses(&f, &want, "for the target");
    want.target_optional = 1;
    t = build(&f, &want, 1);
    assert_int_equal(kn_table_column_count(t), 1);
    kn_table_release(t);
}

static void patterns_fit(void **state)
{
    (void)state;
    assert_true(kn_pattern_fits("*", ""));
    assert_true(kn_pattern_fits("a*c?", "abbcd"));
    assert_false(kn_pattern_fits("a*c?", "abbc"));
    assert_true(kn_pattern_fits("*b*b", "abab"));
    assert_false(kn_pattern_fits("", "a"));
    // Patterns that hang a reader which tries all ways.
    assert_false(
        kn_pattern_fits("a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"hits"};
    const kn_want want = {.features = features, .feature_count = 1};
    static const int32_t falling[ROWS + 1] = {0, 2, 1, 5, 6}, beyond[ROWS + 1] = {0, 2, 2, 5, 7};
    f.buffers[4][1] = falling;
    refuses(&f, &want, "not sound");
    f.buffers[4][1] = beyond;
    refuses(&f, &want, "not sound");
    f.columns[0].format = "tdD";
    const char *const date[] = {"pt"};
    const kn_want dates = {.features = date, .feature_count = 1};
    refuses(&f, &dates, "column 'pt': it is of the Arrow type 'tdD'");
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    frame f;
    example(&f);
    const char *const features[] = {"pt", "eta"}, *const keep[] = {"hits", "word"};
    const kn_want want = {
        .features = features, .feature_count = 2, .target = "kind", .keep = keep, .keep_count = 2};
    const int64_t before = kn_memory_count().blocks;
    int failures = 0;
    for (int64_t n = 1;; n++, failures++) {
        kaon_table *t = NULL;
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = try_build(&f, &want, 2, &t);
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_table_release(t);
        assert_int_equal(kn_memory_count().blocks, before);
        if (!status)
            break;
        assert_int_equal(status, KAON_NO_MEMORY);
    }
    assert_in_range(failures, 20, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_stacked),
        cmocka_unit_test(classes_are_numbered),
        cmocka_unit_test(classes_named_by_the_reader),
        cmocka_unit_test(jagged_features_are_padded),
        cmocka_unit_test(kept_columns_stay_as_they_are),
        cmocka_unit_test(arrays_of_fixed_size),
        cmocka_unit_test(missing_values),
        cmocka_unit_test(bits_and_offsets),
        cmocka_unit_test(names_patterns_and_places),
        cmocka_unit_test(patterns_fit),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
