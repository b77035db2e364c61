/* split_test.c: fractions, ranges, every k-th row, classes held, the same rows for the same seed.
 */
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "data/split.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

static kn_split make(const kn_split_spec *spec, int64_t rows, const int64_t *classes)
{
    kn_split out;
    kn_diag_init(&fault);
    const kn_split_rows known = {.count = rows, .classes = classes};
    const kaon_status status = kn_split_make(spec, &known, &out, &fault.diag);
    if (status)
        print_error("%s\n", fault.text);
    assert_int_equal(status, KAON_OK);
    return out;
}

static void refuses(const kn_split_spec *spec, int64_t rows, const char *words)
{
    kn_split out;
    kn_diag_init(&fault);
    const kn_split_rows known = {.count = rows};
    assert_int_not_equal(kn_split_make(spec, &known, &out, &fault.diag), KAON_OK);
    if (!strstr(fault.text, words))
        fail_msg("'%s' does not say '%s'", fault.text, words);
    for (int i = 0; i < KN_PARTS; i++)
        assert_null(out.rows[i]);
}

static kn_share fraction(double f)
{
    return (kn_share){.kind = KN_SHARE_FRACTION, .fraction = f};
}

static kn_share range(int64_t first, int64_t last)
{
    return (kn_share){.kind = KN_SHARE_RANGE, .first = first, .last = last};
}

static const kn_share rest = {.kind = KN_SHARE_REST};

static void check_counts(const kn_split *s, int64_t train, int64_t validation, int64_t test)
{
    assert_int_equal(s->count[KN_TRAIN], train);
    assert_int_equal(s->count[KN_VALIDATION], validation);
    assert_int_equal(s->count[KN_TEST], test);
}

// Each row at most once, rising in each part.
static void check_apart(const kn_split *s, int64_t rows, int64_t taken)
{
    char seen[1000] = {0};
    int64_t sum = 0;
    for (int part = 0; part < KN_PARTS; part++) {
        for (int64_t i = 0; i < s->count[part]; i++, sum++) {
            assert_in_range(s->rows[part][i], 0, rows - 1);
            assert_int_equal(seen[s->rows[part][i]]++, 0);
            assert_true(i == 0 || s->rows[part][i] > s->rows[part][i - 1]);
        }
    }
    assert_int_equal(sum, taken);
}

static void fractions_at_random(void **state)
{
    (void)state;
    kn_split_spec spec = {.share = {rest, fraction(0.15), fraction(0.15)}, .shuffle = 1, .seed = 4};
    kn_split a = make(&spec, 1000, NULL), b = make(&spec, 1000, NULL);
    check_counts(&a, 700, 150, 150);
    check_apart(&a, 1000, 1000);
    assert_memory_equal(a.rows[KN_TEST], b.rows[KN_TEST], 150 * sizeof(int64_t));
    kn_split_fini(&b);
    spec.seed = 5;
    b = make(&spec, 1000, NULL);
    assert_memory_not_equal(a.rows[KN_TEST], b.rows[KN_TEST], 150 * sizeof(int64_t));
    kn_split_fini(&a);
    kn_split_fini(&b);
}

static void fractions_in_file_order(void **state)
{
    (void)state;
    const kn_split_spec spec = {.share = {fraction(0.5), fraction(0.2), fraction(0.2)}};
    kn_split s = make(&spec, 10, NULL);
    check_counts(&s, 5, 2, 2);
    check_apart(&s, 10, 9);
    assert_int_equal(s.rows[KN_VALIDATION][0], 5);
    assert_int_equal(s.rows[KN_TEST][1], 8);
    kn_split_fini(&s);
}

static void every_fifth_row(void **state)
{
    (void)state;
    const kn_split_spec spec = {.share = {rest, fraction(0.25), {0}}, .every = 5, .shuffle = 1};
    kn_split s = make(&spec, 150, NULL);
    check_counts(&s, 90, 30, 30);
    check_apart(&s, 150, 150);
    for (int64_t i = 0; i < 30; i++)
        assert_int_equal(s.rows[KN_TEST][i], 5 * i);
    kn_split_fini(&s);
}

static void ranges_of_the_file(void **state)
{
    (void)state;
    const kn_split_spec spec = {.share = {range(0, 15), {0}, range(15, -1)}};
    kn_split s = make(&spec, 20, NULL);
    check_counts(&s, 15, 0, 5);
    assert_int_equal(s.rows[KN_TEST][0], 15);
    kn_split_fini(&s);
    // Fractions are of what no range takes.
    const kn_split_spec both = {.share = {rest, fraction(0.1), range(5, 10)}};
    s = make(&both, 25, NULL);
    check_counts(&s, 18, 2, 5);
    check_apart(&s, 25, 25);
    kn_split_fini(&s);
}

static void classes_are_held(void **state)
{
    (void)state;
    int64_t classes[1000], counts[2] = {0};
    for (int i = 0; i < 1000; i++)
        classes[i] = i % 10 == 3;
    const kn_split_spec spec = {
        .share = {rest, {0}, fraction(0.2)}, .shuffle = 1, .stratify = 1, .seed = 1};
    kn_split s = make(&spec, 1000, classes);
    check_counts(&s, 800, 0, 200);
    check_apart(&s, 1000, 1000);
    for (int64_t i = 0; i < 200; i++)
        counts[classes[s.rows[KN_TEST][i]]]++;
    assert_int_equal(counts[1], 20);
    kn_split_fini(&s);
}

static kn_split make_of(const kn_split_spec *spec, const kn_split_rows *known)
{
    kn_split out;
    kn_diag_init(&fault);
    if (kn_split_make(spec, known, &out, &fault.diag))
        fail_msg("%s", fault.text);
    return out;
}

// One row weighs as much as all others of its class: half of the weight is one row.
static void stratified_by_weight(void **state)
{
    (void)state;
    int64_t classes[200];
    double weights[200];
    for (int i = 0; i < 200; i++) {
        classes[i] = i % 2;
        weights[i] = i == 40 ? -99 : 1; // of a negative weight its size counts
    }
    const kn_split_spec spec = {
        .share = {rest, {0}, fraction(0.5)}, .shuffle = 1, .stratify = 1, .seed = 3};
    const kn_split_rows known = {.count = 200, .classes = classes, .weights = weights};
    kn_split s = make_of(&spec, &known);
    double odd = 0, even = 0;
    for (int64_t i = 0; i < s.count[KN_TEST]; i++)
        *(classes[s.rows[KN_TEST][i]] ? &odd : &even) += weights[s.rows[KN_TEST][i]] < 0 ? 99 : 1;
    assert_true(odd == 50);
    assert_true(fabs(even - 99) <= 49.5); // of 198, to half of the heaviest row
    assert_int_equal(s.count[KN_TEST] + s.count[KN_TRAIN], 200);
    check_apart(&s, 200, 200);
    kn_split_fini(&s);
    // No weight at all: by number.
    memset(weights, 0, sizeof weights);
    s = make_of(&spec, &known);
    check_counts(&s, 100, 0, 100);
    kn_split_fini(&s);
}

static void rows_that_say_where_they_belong(void **state)
{
    (void)state;
    int8_t parts[20];
    for (int i = 0; i < 20; i++)
        parts[i] = i < 5 ? KN_TEST : KN_FREE;
    const kn_split_spec spec = {.share = {rest, fraction(0.2), {.kind = KN_SHARE_NAMED}}};
    const kn_split_rows known = {.count = 20, .parts = parts};
    kn_split s = make_of(&spec, &known);
    check_counts(&s, 12, 3, 5);
    assert_int_equal(s.rows[KN_TEST][4], 4);
    assert_int_equal(s.rows[KN_VALIDATION][0], 5);
    kn_split_fini(&s);
    const kn_split_spec both = {.share = {range(0, 3), {0}, {.kind = KN_SHARE_NAMED}}};
    kn_diag_init(&fault);
    assert_int_not_equal(kn_split_make(&both, &known, &s, &fault.diag), KAON_OK);
    assert_non_null(strstr(fault.text, "row 0 is claimed by both test and train"));
}

static void keys_stay_together(void **state)
{
    (void)state;
    uint64_t keys[1000];
    int parts[10] = {0};
    for (uint64_t i = 0; i < 1000; i++)
        keys[i] = (i % 10) * UINT64_C(0x1999999999999999); // 0, 0.1, 0.2 ... of the whole range
    const kn_split_spec spec = {.share = {rest, fraction(0.25), fraction(0.3)}, .shuffle = 1};
    const kn_split_rows known = {.count = 1000, .keys = keys};
    kn_split s = make_of(&spec, &known);
    check_counts(&s, 400, 300, 300); // below 0.25: 0 0.1 0.2; below 0.55: 0.3 0.4 0.5
    check_apart(&s, 1000, 1000);
    for (int part = 0; part < KN_PARTS; part++)
        for (int64_t i = 0; i < s.count[part]; i++)
            parts[s.rows[part][i] % 10] |= 1 << part;
    for (int k = 0; k < 10; k++)
        assert_int_equal(parts[k], k < 3 ? 1 << KN_VALIDATION : k < 6 ? 1 << KN_TEST : 1);
    kn_split_fini(&s);
}

// Each row tests once and never trains the model that it tests.
static void check_folds(kn_split_spec spec, const kn_split_rows *known, int64_t least, int64_t most)
{
    char tested[1000] = {0};
    for (spec.fold = 0; spec.fold < spec.folds; spec.fold++) {
        kn_split s = make_of(&spec, known);
        assert_in_range(s.count[KN_TEST], least, most);
        check_apart(&s, known->count, known->count);
        for (int64_t i = 0; i < s.count[KN_TEST]; i++)
            tested[s.rows[KN_TEST][i]]++;
        const double share = spec.share[KN_VALIDATION].fraction;
        if (!known->keys)
            assert_true(labs((long)s.count[KN_VALIDATION] -
                             lround(share * (double)(known->count - s.count[KN_TEST]))) <= 4);
        kn_split_fini(&s);
    }
    for (int64_t i = 0; i < known->count; i++)
        assert_int_equal(tested[i], 1);
}

static void folds(void **state)
{
    (void)state;
    int64_t classes[1000];
    uint64_t keys[1000];
    for (uint64_t i = 0; i < 1000; i++) {
        classes[i] = i % 3 == 0;
        keys[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    }
    kn_split_spec spec = {.share = {rest, {0}, {0}}, .shuffle = 1, .folds = 7, .seed = 2};
    const kn_split_rows plain = {.count = 1000}, of_classes = {.count = 1000, .classes = classes},
                        of_keys = {.count = 1000, .keys = keys};
    check_folds(spec, &plain, 142, 143);
    spec.share[KN_VALIDATION] = fraction(0.2);
    check_folds(spec, &plain, 142, 143);
    spec.stratify = 1;
    check_folds(spec, &of_classes, 142, 144);
    spec.stratify = 0;
    check_folds(spec, &of_keys, 120, 165);
    spec.shuffle = 0;
    check_folds(spec, &plain, 142, 143);
    spec.fold = 0;
    spec.share[KN_VALIDATION] = fraction(0);
    kn_split s = make_of(&spec, &plain);
    assert_int_equal(s.rows[KN_TEST][142], 142);
    kn_split_fini(&s);
}

static void no_rows_and_one(void **state)
{
    (void)state;
    const kn_split_spec spec = {.share = {rest, fraction(0.15), fraction(0.15)}, .shuffle = 1};
    kn_split s = make(&spec, 0, NULL);
    check_counts(&s, 0, 0, 0);
    kn_split_fini(&s);
    s = make(&spec, 1, NULL);
    check_counts(&s, 1, 0, 0);
    kn_split_fini(&s);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    const kn_split_spec more = {.share = {fraction(0.7), fraction(0.5), {0}}};
    refuses(&more, 10, "more than all");
    const kn_split_spec outside = {.share = {range(0, 11), {0}, {0}}};
    refuses(&outside, 10, "rows 0..11 of 10");
    const kn_split_spec overlap = {.share = {range(0, 6), {0}, range(5, 10)}};
    refuses(&overlap, 10, "row 5 is claimed by both train and test");
    const kn_split_spec twice = {.share = {rest, rest, {0}}};
    refuses(&twice, 10, "cannot both take the rest");
    const kn_split_spec negative = {.share = {fraction(-0.1), {0}, {0}}};
    refuses(&negative, 10, "must be 0 to 1");
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    const kn_split_spec spec = {.share = {rest, fraction(0.3), fraction(0.3)}, .shuffle = 1};
    const int64_t before = kn_memory_count().blocks;
    int failures = 0;
    for (int64_t n = 1;; n++, failures++) {
        kn_split out;
        kn_diag_init(&fault);
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status =
            kn_split_make(&spec, &(kn_split_rows){.count = 100}, &out, &fault.diag);
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_split_fini(&out);
        assert_int_equal(kn_memory_count().blocks, before);
        if (!status)
            break;
        assert_int_equal(status, KAON_NO_MEMORY);
    }
    assert_int_equal(failures, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fractions_at_random),
        cmocka_unit_test(fractions_in_file_order),
        cmocka_unit_test(every_fifth_row),
        cmocka_unit_test(ranges_of_the_file),
        cmocka_unit_test(classes_are_held),
        cmocka_unit_test(stratified_by_weight),
        cmocka_unit_test(rows_that_say_where_they_belong),
        cmocka_unit_test(keys_stay_together),
        cmocka_unit_test(folds),
        cmocka_unit_test(no_rows_and_one),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
