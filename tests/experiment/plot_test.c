/* plot_test.c: figures as programs for gnuplot and as tables, and gnuplot in all its moods. */
#include "experiment/monitor.h"
#include "experiment/plot.h"
#include "kernel/files.h"
#include "kernel/memory.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const double x[] = {0, 1, 2, 3}, y[] = {1, 2, 4, 8}, low[] = {0.5, 1, 3, 7},
                    high[] = {1.5, 3, 5, 9};
static char folder[] = "/tmp/kaon-plot-XXXXXX";
static char *path_before;
static kn_diag fault;

static void begin(kn_plot *p, const kaon_panel *panel)
{
    kaon_panel own = *panel;
    own.size = sizeof own;
    kn_plot_init(p);
    p->plot.api->panel(&p->plot, &own);
}

static void add(kn_plot *p, kaon_series s)
{
    s.size = sizeof s;
    p->plot.api->series(&p->plot, &s);
}

static void one_line(kn_plot *p)
{
    begin(p, &(kaon_panel){.x = {.label = "momentum", .unit = "GeV"}, .y = {.label = "events"}});
    add(p, (kaon_series){.label = "data", .count = 4, .x = x, .y = y});
}

/* --- the program ------------------------------------------------------------------------------ */

// Written anew where KAON_WRITE is set; read the difference then.
static void the_program_is_known(void **state)
{
    static const char reference[] = "tests/experiment/reference/plot.gp";
    kn_plot p;
    kn_text script = {0};
    void *expected = NULL;
    size_t bytes = 0;
    (void)state;
    begin(&p, &(kaon_panel){.title = "a panel",
                            .x = {.label = "momentum", .unit = "GeV"},
                            .y = {.label = "events", .log = 1}});
    add(&p, (kaon_series){.label = "data",
                          .kind = KAON_SERIES_POINTS,
                          .count = 4,
                          .x = x,
                          .y = y,
                          .low = low,
                          .high = high});
    add(&p, (kaon_series){.label = "cut",
                          .kind = KAON_SERIES_UPRIGHT,
                          .count = 1,
                          .x = x + 1,
                          .colour = KAON_COLOUR_GREY});
    p.plot.api->panel(&p.plot, &(kaon_panel){.size = sizeof(kaon_panel)});
    add(&p, (kaon_series){.kind = KAON_SERIES_HISTOGRAM, .count = 3, .x = x, .y = y});
    kn_plot_script(&p, &script);
    if (getenv("KAON_WRITE"))
        assert_int_equal(kn_file_write(reference, script.at, script.length, &fault.diag), KAON_OK);
    if (kn_file_read(reference, 0, &expected, &bytes, &fault.diag))
        fail_msg("%s", fault.text);
    assert_string_equal(kn_text_get(&script), expected);
    kn_free(expected);
    kn_text_fini(&script);
    kn_plot_fini(&p);
}

static void names_stay_names(void **state)
{
    kn_plot p;
    kn_text script = {0};
    (void)state;
    begin(&p, &(kaon_panel){.x = {.label = "it's `ls`\nset output 'gone'"},
                            .y = {.label = "\xff\xfe"}});
    add(&p, (kaon_series){.label = "'.system('ls').'", .count = 4, .x = x, .y = y});
    add(&p, (kaon_series){.kind = KAON_SERIES_TEXT,
                          .count = 1,
                          .x = x,
                          .y = y,
                          .texts = (const char *const[]){"a\"b\\"}});
    kn_plot_script(&p, &script);
    const char *text = kn_text_get(&script);
    assert_non_null(strstr(text, "set xlabel 'it''s `ls` set output ''gone'''\n"));
    assert_non_null(strstr(text, "title '''.system(''ls'').'''"));
    assert_non_null(strstr(text, "set ylabel '\?\?'\n"));
    assert_non_null(strstr(text, " \"a'b'\"\n"));
    kn_text_fini(&script);
    kn_plot_fini(&p);
}

static void long_names_are_cut(void **state)
{
    char name[1000];
    kn_plot p;
    (void)state;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    begin(&p, &(kaon_panel){.x = {.label = name}});
    assert_int_equal(strlen(p.first->at.x.label), 163);
    kn_plot_fini(&p);
}

/* --- the table -------------------------------------------------------------------------------- */

static void expect_table(kn_plot *p, const char *expected)
{
    kn_text table = {0};
    assert_int_equal(kn_plot_status(p, &fault.diag), KAON_OK);
    kn_plot_table(p, &table);
    assert_string_equal(kn_text_get(&table), expected);
    kn_text_fini(&table);
    kn_plot_fini(p);
}

static void columns_say_what_they_are(void **state)
{
    kn_plot p;
    (void)state;
    begin(&p, &(kaon_panel){.x = {.label = "momentum", .unit = "GeV"}, .y = {.label = "events"}});
    add(&p, (kaon_series){.kind = KAON_SERIES_STEPS,
                          .label = "a, b",
                          .count = 2,
                          .x = x,
                          .y = y,
                          .low = low,
                          .high = high});
    expect_table(&p, "series,momentum from [GeV],momentum to [GeV],events,low,high\n"
                     "\"a, b\",0,1,1,0.5,1.5\n\"a, b\",1,2,2,1,3\n");
    begin(&p, &(kaon_panel){
                  .x = {.label = "said", .name_count = 2, .names = (const char *const[]){"b", "s"}},
                  .y = {.label = "true"},
                  .z = {.label = "share"}});
    add(&p, (kaon_series){.kind = KAON_SERIES_HEAT, .count = 2, .rows = 1, .x = x, .y = x, .z = y});
    expect_table(&p, "said,true,share\nb,0,1\ns,0,2\n");
    begin(&p, &(kaon_panel){.x = {.label = "cut"}, .y = {.label = "events"}});
    add(&p, (kaon_series){.count = 2,
                          .x = x,
                          .y = (const double[]){NAN, 0.1},
                          .also = y,
                          .also_name = "threshold",
                          .undrawn = 1});
    add(&p, (kaon_series){.count = 2, .x = x, .y = y, .hidden = 1});
    expect_table(&p, "cut,events,threshold\n0,,1\n1,0.1,2\n");
}

/* --- refusals --------------------------------------------------------------------------------- */

static void mistakes_are_told(void **state)
{
    static const struct {
        kaon_series series;
        const char *words;
    } cases[] = {
        {{.kind = 99, .count = 1, .x = x, .y = y}, "of a kind this host cannot draw"},
        {{.kind = KAON_SERIES_BAND, .count = 1, .x = x}, "'band' lacks some of its numbers"},
        {{.count = -1, .x = x, .y = y}, "more numbers than can be drawn"},
        {{.count = INT64_MAX, .x = x, .y = y}, "more numbers than can be drawn"},
        {{.kind = KAON_SERIES_HEAT, .count = 1 << 15, .rows = 1 << 15, .x = x, .y = y, .z = y},
         "more numbers than can be drawn"},
    };
    kn_plot p;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&p, &(kaon_panel){0});
        add(&p, cases[i].series);
        assert_int_equal(kn_plot_status(&p, &fault.diag), KAON_INVALID);
        assert_non_null(strstr(fault.text, cases[i].words));
        kn_plot_fini(&p);
    }
    kn_plot_init(&p);
    assert_int_equal(kn_plot_status(&p, &fault.diag), KAON_INVALID); // no panel
    add(&p, (kaon_series){.count = 1, .x = x, .y = y});
    assert_int_equal(kn_plot_status(&p, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "before the first panel"));
    kn_plot_fini(&p);
}

static void survives_without_memory(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    for (int64_t n = 1, failed = 1; failed; n++) {
        kn_plot p;
        kn_text script = {0}, table = {0};
        kn_memory_fail(n, KN_FAIL_ONCE);
        one_line(&p);
        p.plot.api->caption(&p.plot, "words");
        kn_plot_script(&p, &script);
        kn_plot_table(&p, &table);
        failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        assert_true(!failed || kn_plot_status(&p, NULL) || script.failed || table.failed);
        kn_text_fini(&script);
        kn_text_fini(&table);
        kn_plot_fini(&p);
        assert_int_equal(kn_memory_count().blocks, before);
    }
}

/* --- gnuplot ---------------------------------------------------------------------------------- */

// A program of that name which does as it is told, first on the PATH; NULL: there is none.
static void set_gnuplot(const char *script)
{
    char program[64];
    snprintf(program, sizeof program, "%s/gnuplot", folder);
    unlink(program);
    if (script) {
        assert_int_equal(kn_file_write(program, script, strlen(script), &fault.diag), KAON_OK);
        assert_int_equal(chmod(program, 0755), 0);
    }
    setenv("PATH", folder, 1);
}

static kaon_status draw(double seconds, kn_text *svg, kn_text *pdf)
{
    kn_plot p;
    kn_drawing d;
    *svg = *pdf = (kn_text){0};
    kn_diag_clear(&fault);
    one_line(&p);
    kaon_status status = kn_drawing_start(&d, &p, folder, &fault.diag);
    kn_plot_fini(&p);
    if (status)
        return status;
    d.deadline = kn_seconds() + seconds;
    return kn_drawing_finish(&d, svg, pdf, &fault.diag);
}

static void expect_failure(kaon_status status, const char *words)
{
    kn_text svg, pdf;
    assert_int_equal(draw(status == KAON_IO && strstr(words, "too long") ? 0.2 : 30, &svg, &pdf),
                     status);
    if (!strstr(fault.text, words))
        fail_msg("'%s' says nothing of '%s'", fault.text, words);
    kn_text_fini(&svg);
    kn_text_fini(&pdf);
}

// Nothing but the false program lies in the folder afterwards.
static int64_t left_behind(void)
{
    DIR *all = opendir(folder);
    int64_t count = 0;
    for (struct dirent *entry; all && (entry = readdir(all));)
        count += entry->d_name[0] == '.' && strlen(entry->d_name) > 2;
    closedir(all);
    return count;
}

static void troubles_of_gnuplot(void **state)
{
    (void)state;
    set_gnuplot(NULL);
    expect_failure(KAON_NOT_FOUND, "not installed (Debian package gnuplot-nox)");
    set_gnuplot("#!/bin/sh\necho '\"plot.gp\" line 3: no such terminal' >&2; exit 3\n");
    expect_failure(KAON_IO, "gnuplot failed (status 3): line 3: no such terminal");
    set_gnuplot("#!/bin/sh\nexit 0\n");
    expect_failure(KAON_IO, "wrote no plot.svg");
    set_gnuplot("#!/bin/sh\n: >plot.svg; : >plot.pdf\n");
    expect_failure(KAON_IO, "empty");
    set_gnuplot("#!/bin/sh\nexec /bin/sleep 1000\n");
    expect_failure(KAON_IO, "too long");
    set_gnuplot("#!/bin/sh\nkill -SEGV $$\n");
    expect_failure(KAON_IO, "status 139");
    assert_int_equal(left_behind(), 0);
}

static void given_up(void **state)
{
    kn_plot p;
    kn_drawing d;
    (void)state;
    set_gnuplot("#!/bin/sh\nexec /bin/sleep 1000\n");
    one_line(&p);
    assert_int_equal(kn_drawing_start(&d, &p, folder, &fault.diag), KAON_OK);
    kn_drawing_finish(&d, NULL, NULL, NULL);
    assert_null(d.folder);
    assert_int_equal(left_behind(), 0);
    kn_plot_fini(&p);
}

static void draws_the_same_twice(void **state)
{
    kn_text svg[2], pdf[2];
    (void)state;
    setenv("PATH", path_before, 1);
    const kaon_status status = draw(60, &svg[0], &pdf[0]);
    if (status == KAON_NOT_FOUND)
        skip();
    if (status || draw(60, &svg[1], &pdf[1]))
        fail_msg("%s", fault.text);
    assert_non_null(strstr(kn_text_get(&svg[0]), "<svg"));
    assert_non_null(strstr(kn_text_get(&svg[0]), "momentum [GeV]"));
    assert_memory_equal(pdf[0].at, "%PDF", 4);
    assert_string_equal(kn_text_get(&svg[0]), kn_text_get(&svg[1]));
    assert_int_equal(pdf[0].length, pdf[1].length);
    assert_memory_equal(pdf[0].at, pdf[1].at, pdf[0].length);
    for (int i = 0; i < 2; i++) {
        kn_text_fini(&svg[i]);
        kn_text_fini(&pdf[i]);
    }
}

static int set_up(void **state)
{
    (void)state;
    kn_diag_init(&fault);
    const char *path = getenv("PATH");
    path_before = kn_copy_text(path ? path : "/usr/bin:/bin");
    return !path_before || !mkdtemp(folder);
}

static int tear_down(void **state)
{
    (void)state;
    set_gnuplot(NULL);
    kn_free(path_before);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_is_known), cmocka_unit_test(names_stay_names),
        cmocka_unit_test(long_names_are_cut),   cmocka_unit_test(columns_say_what_they_are),
        cmocka_unit_test(mistakes_are_told),    cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(troubles_of_gnuplot),  cmocka_unit_test(given_up),
        cmocka_unit_test(draws_the_same_twice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
