/* notes_test.c: oddities of the data are told, each kind in one line, and nothing else is. */
#include "data/notes.h"
#include "data/table.h"
#include "kernel/diag.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char said[2048];
static int lines;

static void hear(void *context, const char *text)
{
    (void)context;
    strcat(strcat(said, text), "\n");
    lines++;
}

static void look(int64_t rows, int64_t width, const float *values, const char *const *names,
                 const int64_t *classes)
{
    static const char *const class_names[] = {"common", "rare"};
    kn_diag fault;
    kaon_table *t = NULL;
    const int64_t shape[] = {rows, width};
    kaon_column x = {.size = sizeof x, .role = KAON_ROLE_FEATURES, .name = "features"};
    kaon_column y = {.size = sizeof y, .role = KAON_ROLE_TARGET, .name = "y"};
    x.label_count = names ? width : 0;
    x.labels = names;
    x.view = (kaon_view){.size = sizeof x.view,
                         .dtype = KAON_F32,
                         .device_type = KAON_DEVICE_CPU,
                         .rank = 2,
                         .shape = shape,
                         .data = (void *)(uintptr_t)values};
    y.label_count = 2;
    y.labels = class_names;
    y.view = (kaon_view){.size = sizeof y.view,
                         .dtype = KAON_I64,
                         .device_type = KAON_DEVICE_CPU,
                         .rank = 1,
                         .shape = shape,
                         .data = (void *)(uintptr_t)classes};
    kn_diag_init(&fault);
    *said = 0;
    lines = 0;
    assert_int_equal(kn_table_new(rows, &t, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_column_add(t, &x, &fault.diag), KAON_OK);
    if (classes)
        assert_int_equal(kn_table_column_add(t, &y, &fault.diag), KAON_OK);
    kn_data_notes(t, hear, NULL);
    kn_table_release(t);
}

static void features(void **state)
{
    (void)state;
    static const char *const names[] = {"good", "flat", "copy", "gaps", "none"};
    const float values[] = {1, 5, 1, NAN, NAN, 2, 5, 2, 4, NAN, 3, 5, 3, 5, NAN};
    look(3, 5, values, names, NULL);
    assert_string_equal(said, "feature 'none' is empty\n"
                              "feature 'flat' is constant and tells nothing\n"
                              "feature 'copy = good' says the same twice\n"
                              "feature 'gaps' has gaps (NaN), which most learners refuse\n");
    look(3, 1, (const float[]){1, 2, 3}, names, NULL);
    assert_int_equal(lines, 0);
    look(1, 5, values, names, NULL); // of one event all is constant
    assert_int_equal(lines, 0);
    // A value that comes after gaps is the first one, not a change.
    look(3, 1, (const float[]){NAN, 2, 2}, names, NULL);
    assert_non_null(strstr(said, "constant"));
}

static void many_in_one_line(void **state)
{
    (void)state;
    float values[40];
    for (int i = 0; i < 40; i++)
        values[i] = i % 10 == 3 ? (float)i : 0;
    look(4, 10, values, NULL, NULL);
    assert_string_equal(said,
                        "9 of 10 features are constant and tell nothing: 0, 1, 2, 4, 5, ...\n");
}

static void classes(void **state)
{
    (void)state;
    float values[100];
    int64_t numbers[100] = {0};
    for (int i = 0; i < 100; i++)
        values[i] = (float)i;
    numbers[17] = 1;
    look(100, 1, values, NULL, numbers);
    assert_non_null(strstr(said, "class 'rare' has 1 of 100 events, 'common' 99"));
    for (int i = 0; i < 10; i++)
        numbers[i] = 1;
    look(100, 1, values, NULL, numbers);
    assert_int_equal(lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features),
        cmocka_unit_test(many_in_one_line),
        cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
