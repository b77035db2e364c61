/* registry_test.c: every way for a plugin to be broken; none harms the host, each has its own
 * words. */
#include "zoo.h"

#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

typedef struct {
    const char *plugin;
    int32_t state; // once somebody wanted it
    const char *words;
} row;

enum { Q = KN_PLUGIN_QUARANTINED, R = KN_PLUGIN_REFUSED };

// clang-format off
static const row broken[] = {
    // code that misbehaves
    {"load_crash",         Q, "it crashed while it was loaded (SIGSEGV"},
    {"load_give_up",       Q, "it crashed while it was loaded (SIGABRT"},
    {"load_leave",         Q, "it ended the process while it was loaded"},
    {"load_leave_at_once", Q, "it ended the process while it was loaded"},
    {"load_round_up",      Q, "it changed the rounding mode"},
    {"load_trap",          Q, "it changed the floating-point traps"},
    {"load_set_locale",    Q, "it changed the locale"},
    {"load_go_elsewhere",  Q, "it changed the working folder"},
    {"load_catch_signal",  Q, "it changed a signal handler"},
    {"load_open_masks",    Q, "it changed the file mode mask"},
    {"load_set_variable",  Q, "it changed the environment"},
    {"init_crash",         Q, "it crashed in its init (SIGSEGV"},
    {"init_leave",         Q, "it ended the process in its init"},
    {"init_round_up",      Q, "it changed the rounding mode"},
    {"init_go_elsewhere",  Q, "it changed the working folder"},
    {"fast_math",          Q, "subnormal numbers are flushed to zero"},
    {"init_throws",        Q, "it crashed in its init (SIGABRT"},
    {"init_fails",         R, "its init failed: there is no such device here"},

    // objects the system cannot load
    {"undefined_symbol",   R, "undefined symbol: kaon_function_that_nobody_has"},
    {"missing_library",    R, "libkaon_absent.so"},

    // files and notes
    {"exec_stack",         R, "executable stack"},
    {"no_note",            R, "it carries no Kaon note"},
    {"two_notes",          R, "more than one Kaon note"},
    {"newer_minor",        R, "it was built for ABI 0.4000 and this kernel has ABI"},
    {"newer_major",        R, "it needs a newer kernel"},
    {"note_empty",         R, "the name in its note"},
    {"note_cut",           R, "its note ends within its summary"},
    {"note_name",          R, "the name in its note is not lower case"},
    {"note_utf8",          R, "the summary in its note is not one line of UTF-8"},
    {"note_no_items",      R, "its note names no items"},
    {"note_half_item",     R, "the name of item 1 in its note"},
    {"bad_id",             R, "item 1 in its note has no interface of the form"},
    {"bad_item_name",      R, "the name of item 1 in its note"},
    {"unknown_kind_of_item", R, "this kernel knows none of its interfaces (the first is 'org.exp.calo/2')"},

    // descriptors
    {"no_entry",           Q, "it exports no kaon_plugin_entry"},
    {"d_null_entry",       Q, "kaon_plugin_entry returned NULL"},
    {"d_wild_entry",       Q, "it crashed while its description was read (SIGSEGV"},
    {"d_size_zero",        Q, "its descriptor claims 0 bytes"},
    {"d_size_small",       Q, "its descriptor claims 16 bytes"},
    {"d_size_odd",         Q, "its descriptor claims 57 bytes"},
    {"d_size_huge",        Q, "its descriptor claims 1073741824 bytes"},
    {"d_later_used",       Q, "its descriptor uses fields this kernel does not know"},
    {"d_null_name",        Q, "its descriptor has no name"},
    {"d_null_version",     Q, "its descriptor has no version"},
    {"d_other_version",    Q, "its descriptor contradicts its note: the version there is '1.0.0'"},
    {"d_null_items",       Q, "its descriptor has no items"},
    {"d_endless_items",    Q, "it offers more items than the 1 of its note"},
    {"d_other_item",       Q, "it contradicts its note, which says kaon.layer/1 'd_other_item'"},
    {"d_item_twice",       Q, "it offers kaon.layer/1 'd_item_twice' twice"},

    // tables
    {"d_null_table",       Q, "layer 'd_null_table': it has no table"},
    {"d_wild_pointer",     Q, "it crashed while its description was read (SIGSEGV"},
    {"d_null_call",        Q, "its table lacks 'build', which every layer needs"},
    {"d_short_table",      Q, "its table lacks 'build', which every layer needs"},
    {"d_tiny_table",       Q, "its table claims 8 bytes"},
    {"d_odd_table",        Q, "its table claims 33 bytes"},
    {"d_long_table",       Q, "its table uses calls this kernel does not know"},
    {"d_no_help",          Q, "it has no help"},
    {"d_bad_help",         Q, "none in one line of UTF-8"},

    // options
    {"o_default_outside",  Q, "the default 65 of option 'units' is not in its range 1 to 64"},
    {"o_default_open",     Q, "the default 0 of option 'scale' is not in its range"},
    {"o_default_nan",      Q, "the default nan of option 'scale' is not in its range"},
    {"o_crossed_limits",   Q, "option 'units' has limits nothing can meet"},
    {"o_offset_outside",   Q, "option 'far' fills 8 bytes at offset 4096"},
    {"o_offset_askew",     Q, "option 'askew' fills 8 bytes at offset 4"},
    {"o_declared_twice",   Q, "option 'units' is declared twice"},
    {"o_unknown_kind",     Q, "option 'strange' is of kind 77"},
    {"o_no_choices",       Q, "option 'choice' has no choices"},
    {"o_choice_outside",   Q, "the default of option 'choice' is choice 2 of 2"},
    {"o_wrong_row_size",   Q, "its options claims 12 bytes"},
    {"o_bad_name",         Q, "the name of option 1 is not lower case"},
    {"o_no_option_help",   Q, "option 'units' has no help"},
    {"o_part_of_nothing",  Q, "option 'part' names no interface for its parts"},
    {"o_too_many",         Q, "it has more than 256 options"},
};
// clang-format on

enum { BROKEN_COUNT = sizeof broken / sizeof *broken };

static void try_broken(const row *b)
{
    zoo z;
    const kn_item *item = NULL;
    zoo_make(&z);
    zoo_add(&z, b->plugin, b->plugin);
    zoo_open(&z, 0, NULL);
    assert_true(kn_item_find(z.kernel, KAON_LAYER, b->plugin, &item, &z.fault.diag) != KAON_OK);
    assert_null(item);
    zoo_expect_state(&z, ".so", b->state, b->words);

    // Asked again, it is still not there, and says so without another trial.
    const kaon_status again = kn_item_find(z.kernel, KAON_LAYER, b->plugin, &item, &z.fault.diag);
    assert_true(again == KAON_INCOMPATIBLE || again == KAON_NOT_FOUND); // the latter without a note
    zoo_fini(&z);
}

static void refuses_what_is_broken(void **state)
{
    (void)state;
    char folder[ZOO_PATH];
    assert_non_null(getcwd(folder, sizeof folder));
    setenv("KAON_WHOLE", "yes", 1);
    for (size_t i = 0; i < BROKEN_COUNT; i++)
        try_broken(&broken[i]);

    char now[ZOO_PATH];
    assert_string_equal(getcwd(now, sizeof now), folder);
    assert_string_equal(setlocale(LC_ALL, NULL), "C");
    assert_string_equal(getenv("KAON_WHOLE"), "yes");
    assert_null(getenv("KAON_BROKEN"));
}

static void gives_up_on_what_hangs(void **state)
{
    (void)state;
    const row hang = {"load_hang", Q, "it hung while it was loaded"};
    try_broken(&hang);
}

static const char *const accepted[] = {"sound",       "prints",        "starts_child",
                                       "d_zero_tail", "d_later_plain", "o_sound"};

static void loads_what_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        zoo z;
        const kn_item *item = NULL;
        zoo_make(&z);
        zoo_add(&z, accepted[i], accepted[i]);
        zoo_open(&z, 0, NULL);
        if (kn_item_find(z.kernel, KAON_LAYER, accepted[i], &item, &z.fault.diag))
            fail_msg("%s: %s", accepted[i], z.fault.text);
        assert_string_equal(item->name, accepted[i]);
        assert_string_equal(item->plugin->version, "1.0.0");
        const kaon_layer *layer = item->table;
        assert_int_equal(layer->size, sizeof *layer);
        int node;
        assert_ptr_equal(layer->build(NULL, NULL, (kaon_node *)&node), &node);
        zoo_expect_state(&z, ".so", KN_PLUGIN_USED, "");
        zoo_fini(&z);
    }
}

/* --- loaded without a trial: the host looks and repairs by itself ------------------------------
 */

static void repairs_what_loading_changed(void **state)
{
    (void)state;
    static const row rows[] = {
        {"load_round_up", Q, "it changed the rounding mode"},
        {"load_set_locale", Q, "it changed the locale"},
        {"load_go_elsewhere", Q, "it changed the working folder"},
        {"load_catch_signal", Q, "it changed a signal handler"},
        {"load_open_masks", Q, "it changed the file mode mask"},
        {"load_set_variable", Q, "it changed the environment"},
        {"fast_math", Q, "subnormal numbers are flushed to zero"},
        {"init_round_up", Q, "it changed the rounding mode"},
    };
    const volatile double least = 2.2250738585072014e-308, four = 4, one = 1, three = 3;
    const double third = one / three;
    char folder[ZOO_PATH], now[ZOO_PATH];
    const mode_t mask = umask(022);
    assert_non_null(getcwd(folder, sizeof folder));
    setenv("KAON_WHOLE", "yes", 1);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        zoo z;
        const kn_item *item = NULL;
        zoo_make(&z);
        zoo_add(&z, rows[i].plugin, rows[i].plugin);
        zoo_open(&z, KN_NO_PROBE, NULL);
        assert_true(kn_item_find(z.kernel, KAON_LAYER, rows[i].plugin, &item, &z.fault.diag) != 0);
        zoo_expect(rows[i].plugin, z.fault.text, rows[i].words);
        zoo_expect_state(&z, ".so", rows[i].state, rows[i].words);
        zoo_fini(&z);

        struct sigaction action;
        assert_true(least / four > 0);
        assert_true(one / three == third);
        assert_string_equal(setlocale(LC_ALL, NULL), "C");
        assert_string_equal(getcwd(now, sizeof now), folder);
        assert_int_equal(sigaction(SIGUSR2, NULL, &action), 0);
        assert_true(action.sa_handler == SIG_DFL);
        assert_string_equal(getenv("KAON_WHOLE"), "yes");
        assert_null(getenv("KAON_BROKEN"));
        assert_int_equal(umask(022), 022);
    }
    umask(mask);
}

/* --- files -------------------------------------------------------------------------------------
 */

static void cuts_and_flips(void **state)
{
    (void)state;
    zoo z;
    size_t bytes;
    char name[64], end[64];
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    char *data = zoo_read(zoo_path(&z, "sound"), &bytes);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "cut_%02d", i);
        zoo_write(zoo_path(&z, name), data, bytes * (size_t)i / 16);
    }
    const struct {
        const char *name;
        size_t at;
        char value;
        const char *words;
    } flips[] = {
        {"magic", 1, 'F', "does not begin with"},
        {"class", 4, 1, "another word size"},
        {"order", 5, 2, "byte order"},
        {"machine", 18, 8, "another processor"},
        {"kind", 16, 2, "no shared object"},
        {"head_size", 54, 1, "segments"},
        {"head_count", 57, 127, "segments"},
        {"head_place", 38, 127, "cut off"},
    };
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        const char kept = data[flips[i].at];
        data[flips[i].at] = flips[i].value;
        zoo_write(zoo_path(&z, flips[i].name), data, bytes);
        data[flips[i].at] = kept;
    }
    kn_free(data);

    zoo_open(&z, 0, NULL);
    for (int i = 0; i < 16; i++) {
        snprintf(end, sizeof end, "kaon_cut_%02d.so", i);
        zoo_expect_state(&z, end, R, i ? "it is cut off" : "it has 0 bytes");
    }
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        snprintf(end, sizeof end, "kaon_%s.so", flips[i].name);
        zoo_expect_state(&z, end, R, flips[i].words);
    }
    zoo_expect_state(&z, "kaon_sound.so", KN_PLUGIN_AVAILABLE, "");
    zoo_fini(&z);
}

static void kinds_of_files(void **state)
{
    (void)state;
    zoo z;
    char target[2 * ZOO_PATH];
    zoo_make(&z);
    zoo_add(&z, "sound", "writable");
    assert_int_equal(chmod(zoo_path(&z, "writable"), 0666), 0);
    zoo_add(&z, "sound", "group");
    assert_int_equal(chmod(zoo_path(&z, "group"), 0664), 0);
    snprintf(target, sizeof target, "%s/kaon_sound.so", KAON_ZOO);
    assert_int_equal(symlink(target, zoo_path(&z, "link")), 0);
    assert_int_equal(symlink("/nowhere", zoo_path(&z, "dangling")), 0);
    assert_int_equal(mkdir(zoo_path(&z, "folder"), 0755), 0);
    assert_int_equal(mkfifo(zoo_path(&z, "fifo"), 0644), 0);
    zoo_write(zoo_path(&z, "text"),
              "#!/bin/sh\n# This is no plugin, but long enough for a header.\n", 62);
    zoo_write(zoo_path(&z, "Upper"), "x", 1);
    snprintf(target, sizeof target, "%s/libother.so", z.plugins);
    zoo_write(target, "x", 1);
    snprintf(target, sizeof target, "%s/README", z.plugins);
    zoo_write(target, "x", 1);

    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_writable.so", R, "it can be written by others; `chmod go-w");
    zoo_expect_state(&z, "kaon_group.so", R, "it can be written by others");
    zoo_expect_state(&z, "kaon_link.so", R, "it is a symbolic link");
    zoo_expect_state(&z, "kaon_dangling.so", R, "it is a symbolic link");
    zoo_expect_state(&z, "kaon_folder.so", R, "it is no regular file");
    zoo_expect_state(&z, "kaon_fifo.so", R, "it is no regular file");
    zoo_expect_state(&z, "kaon_text.so", R, "it is no shared object");
    zoo_expect_state(&z, "kaon_Upper.so", KN_PLUGIN_SKIPPED, "its name is not of the form");
    zoo_expect_state(&z, "libother.so", KN_PLUGIN_SKIPPED, "its name is not of the form");
    assert_int_equal(zoo_report(&z, "README").state, -1);
    zoo_fini(&z);
}

static void foreign_owners(void **state)
{
    (void)state;
    zoo z;
    if (geteuid() != 0)
        skip();
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    assert_int_equal(chown(zoo_path(&z, "sound"), 12345, 12345), 0);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_sound.so", R, "it belongs to another user (12345)");
    zoo_close(&z);
    assert_int_equal(chown(zoo_path(&z, "sound"), 0, 0), 0);
    assert_int_equal(chown(z.plugins, 12345, 12345), 0);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "/plugins", R, "belongs to another user");
    assert_int_equal(zoo_report(&z, "kaon_sound.so").state, -1);
    zoo_fini(&z);
}

static void open_folders(void **state)
{
    (void)state;
    zoo z;
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    assert_int_equal(chmod(z.plugins, 0777), 0);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "/plugins", R, "can be written by others");
    assert_int_equal(zoo_report(&z, "kaon_sound.so").state, -1);
    zoo_close(&z);
    assert_int_equal(chmod(z.plugins, 0755), 0);
    assert_int_equal(chmod(z.base, 0777), 0);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "/plugins", R, "where anybody could exchange it");
    zoo_close(&z);
    zoo_fini(&z);
}

/* --- the search path ---------------------------------------------------------------------------
 */

static void searches_the_environment(void **state)
{
    (void)state;
    zoo z;
    char *kept = getenv("KAON_PLUGIN_PATH") ? strdup(getenv("KAON_PLUGIN_PATH")) : NULL;
    char path[4 * ZOO_PATH], home[ZOO_PATH + 32];
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    snprintf(home, sizeof home, "%s/.kaon/plugins", z.base);
    assert_int_equal(kn_folder_make(home, NULL), KAON_OK);
    chmod(home, 0755);
    snprintf(path, sizeof path, "relative:%s::/nowhere/plugins:%s", z.plugins, z.plugins);
    setenv("KAON_PLUGIN_PATH", path, 1);
    setenv("KAON_SITE", "/nowhere/site.yaml", 1);

    const kn_kernel_settings settings = {.cache_folder = z.cache};
    assert_int_equal(kn_kernel_new(&settings, &z.kernel, &z.fault.diag), KAON_OK);
    // A site's file that was named and is not there must not go unnoticed.
    assert_true(kn_plugin_report(z.kernel, zoo_match, &(zoo_row){.path = "x"}, &z.fault.diag));
    zoo_expect("site", z.fault.text, "/nowhere/site.yaml");

    snprintf(home, sizeof home, "%s/site.yaml", z.base);
    zoo_write(home, "plugin_path: /nowhere/site\n", 27);
    setenv("KAON_SITE", home, 1);
    zoo_expect_state(&z, "relative", R,
                     "is relative; an absolute folder is needed (from "
                     "KAON_PLUGIN_PATH)");
    zoo_expect_state(&z, "/nowhere/plugins", KN_PLUGIN_SKIPPED, "No such file");
    zoo_expect_state(&z, "/nowhere/site", KN_PLUGIN_SKIPPED, "from the site's configuration");
    zoo_expect_state(&z, "kaon_sound.so", KN_PLUGIN_AVAILABLE, "");
    zoo_close(&z);

    const kn_kernel_settings safe = {.cache_folder = z.cache, .flags = KN_SAFE};
    unsetenv("KAON_SITE");
    assert_int_equal(kn_kernel_new(&safe, &z.kernel, &z.fault.diag), KAON_OK);
    assert_int_equal(zoo_report(&z, "kaon_sound.so").state, -1);
    if (kept)
        setenv("KAON_PLUGIN_PATH", kept, 1);
    free(kept);
    zoo_fini(&z);
}

static void first_folder_wins(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    zoo_make(&z);
    zoo_add(&z, "clash_one", "clash_one");
    zoo_add(&z, "clash_two", "clash_two");
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_clash_one.so", KN_PLUGIN_AVAILABLE, "");
    zoo_expect_state(&z, "kaon_clash_two.so", R, "offers layer 'clash', and '");
    zoo_expect_state(&z, "kaon_clash_two.so", R, "kaon_clash_one.so' comes first");
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "clash", &item, &z.fault.diag), KAON_OK);
    assert_string_equal(item->plugin->name, "clash_one");
    zoo_fini(&z);
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void says_what_there_is(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    int64_t count;
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_add(&z, "sound_too", "sound_too");
    zoo_add(&z, "load_crash", "load_crash");
    zoo_open(&z, 0, NULL);

    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "suond", &item, &z.fault.diag),
                     KAON_NOT_FOUND);
    assert_string_equal(z.fault.text, "there is no layer 'suond'; did you mean 'sound'?; "
                                      "installed: load_crash, sound, sound_too");
    assert_int_equal(kn_item_find(z.kernel, KAON_LOSS, "sound", &item, &z.fault.diag),
                     KAON_NOT_FOUND);
    assert_string_equal(z.fault.text, "there is no loss 'sound' ('sound' is of kind layer); no "
                                      "plugin that offers any is installed");
    assert_int_equal(kn_item_count(z.kernel, NULL, &count, NULL), KAON_OK);
    assert_int_equal(count, 3);
    assert_int_equal(kn_plugin_load(z.kernel, "load_crash", &z.fault.diag), KAON_INCOMPATIBLE);
    assert_int_equal(kn_item_count(z.kernel, KAON_LAYER, &count, NULL), KAON_OK);
    assert_int_equal(count, 2);
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "load_crash", &item, &z.fault.diag),
                     KAON_INCOMPATIBLE);
    zoo_expect("quarantined", z.fault.text, "which is quarantined: it crashed while it was loaded");
    assert_int_equal(kn_plugin_load(z.kernel, "sond", &z.fault.diag), KAON_NOT_FOUND);
    assert_string_equal(z.fault.text, "no plugin named 'sond' is installed; did you mean 'sound'?");
    assert_int_equal(kn_plugin_load(z.kernel, "sound", &z.fault.diag), KAON_OK);
    zoo_fini(&z);
}

static void nothing_loads_unasked(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_add(&z, "sound_too", "sound_too");
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_sound.so", KN_PLUGIN_AVAILABLE, "");
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "sound", &item, &z.fault.diag), KAON_OK);
    zoo_expect_state(&z, "kaon_sound.so", KN_PLUGIN_USED, "");
    zoo_expect_state(&z, "kaon_sound_too.so", KN_PLUGIN_AVAILABLE, "");
    zoo_fini(&z);
}

/* --- the cache, quarantine, pins ---------------------------------------------------------------
 */

static void remembers_and_forgets(void **state)
{
    (void)state;
    zoo z;
    zoo_make(&z);
    zoo_add(&z, "load_crash", "load_crash");
    usleep(150000); // what has just changed is not trusted by its times
    zoo_open(&z, 0, NULL);
    assert_true(kn_plugin_load(z.kernel, "load_crash", NULL) != KAON_OK);
    zoo_close(&z);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_load_crash.so", Q, "it crashed while it was loaded");
    zoo_add(&z, "load_crash", "copy"); // the same content under another name
    zoo_close(&z);
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_copy.so", Q, "it crashed while it was loaded");
    unlink(zoo_path(&z, "copy"));
    assert_int_equal(kn_plugin_rescan(z.kernel, &z.fault.diag), KAON_OK);
    zoo_expect_state(&z, "kaon_load_crash.so", KN_PLUGIN_AVAILABLE, "");

    // Another build under the same name has a fresh start.
    assert_true(kn_plugin_load(z.kernel, "load_crash", NULL) != KAON_OK);
    zoo_add(&z, "sound", "load_crash");
    zoo_close(&z);
    zoo_open(&z, 0, NULL);
    assert_int_equal(kn_plugin_load(z.kernel, "sound", &z.fault.diag), KAON_OK);
    zoo_fini(&z);
}

static void survives_a_damaged_cache(void **state)
{
    (void)state;
    zoo z;
    char path[2 * ZOO_PATH];
    size_t bytes;
    zoo_make(&z);
    zoo_add(&z, "load_crash", "load_crash");
    usleep(150000);
    zoo_open(&z, 0, NULL);
    assert_true(kn_plugin_load(z.kernel, "load_crash", NULL) != KAON_OK);
    zoo_close(&z);
    snprintf(path, sizeof path, "%s/plugins.cache", z.cache);
    char *data = zoo_read(path, &bytes);
    for (size_t cut = 0; cut <= bytes; cut += bytes / 8 + 1) {
        zoo_write(path, data, cut);
        zoo_open(&z, 0, NULL);
        zoo_expect_state(&z, "kaon_load_crash.so", KN_PLUGIN_AVAILABLE, "");
        zoo_close(&z);
    }
    for (size_t at = 0; at < bytes; at += 7) {
        data[at] ^= 4;
        zoo_write(path, data, bytes);
        zoo_open(&z, 0, NULL);
        zoo_expect_state(&z, "kaon_load_crash.so", KN_PLUGIN_AVAILABLE, "");
        zoo_close(&z);
        data[at] ^= 4;
    }
    kn_free(data);
    zoo_fini(&z);
}

static void works_without_a_cache(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_write(z.cache, "a file where the folder should be", 33);
    zoo_open(&z, 0, NULL);
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "sound", &item, &z.fault.diag), KAON_OK);
    zoo_fini(&z);
}

static void pins_hold(void **state)
{
    (void)state;
    static const char wrong[] =
        "# pins\nsound 0000000000000000000000000000000000000000000000000000000000000000\n";
    zoo z;
    char lock[2 * ZOO_PATH];
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_add(&z, "sound_too", "sound_too");
    snprintf(lock, sizeof lock, "%s/kaon.lock", z.base);
    zoo_write(lock, wrong, sizeof wrong - 1);
    zoo_open(&z, 0, lock);
    zoo_expect_state(&z, "kaon_sound.so", R,
                     "is not the one pinned in the lock file (000000000000");
    zoo_expect_state(&z, "kaon_sound_too.so", KN_PLUGIN_AVAILABLE, "");
    zoo_close(&z);

    zoo_write(lock, wrong, sizeof wrong - 3);
    zoo_open(&z, 0, lock);
    assert_true(kn_plugin_load(z.kernel, "sound", &z.fault.diag) != KAON_OK);
    zoo_expect("lock", z.fault.text, "line 2: expected a plugin's name and 64 lower case hex");
    zoo_close(&z);
    unlink(lock);
    zoo_open(&z, 0, lock);
    assert_int_equal(kn_plugin_load(z.kernel, "sound", &z.fault.diag), KAON_NOT_FOUND);
    zoo_fini(&z);
}

static void notices_an_exchanged_file(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    zoo_make(&z);
    zoo_add(&z, "sound", "thing");
    zoo_open(&z, 0, NULL);
    zoo_expect_state(&z, "kaon_thing.so", KN_PLUGIN_AVAILABLE, "");
    zoo_add(&z, "sound_too", "thing");
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "sound", &item, &z.fault.diag),
                     KAON_NOT_FOUND);
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "sound_too", &item, &z.fault.diag),
                     KAON_OK);
    zoo_fini(&z);
}

/* --- memory, threads, time ---------------------------------------------------------------------
 */

static void fails_politely_without_memory(void **state)
{
    (void)state;
    zoo z;
    const kn_item *item;
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_add(&z, "no_note", "no_note");
    zoo_open(&z, KN_NO_PROBE, NULL);
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "sound", &item, &z.fault.diag), KAON_OK);
    zoo_close(&z);

    const int64_t blocks = kn_memory_count().blocks;
    for (int32_t mode = KN_FAIL_ONCE; mode <= KN_FAIL_ON; mode++)
        for (int64_t n = 1;; n++) {
            const char *const folders[] = {z.plugins, NULL};
            const kn_kernel_settings settings = {.plugin_folders = folders,
                                                 .cache_folder = z.cache,
                                                 .threads = 1,
                                                 .flags = KN_ONLY_GIVEN | KN_NO_PROBE};
            kn_memory_fail(n, mode);
            kn_diag_clear(&z.fault);
            kaon_status status = kn_kernel_new(&settings, &z.kernel, &z.fault.diag);
            if (!status)
                status = kn_item_find(z.kernel, KAON_LAYER, "sound", &item, &z.fault.diag);
            const int64_t failed = kn_memory_failed();
            kn_memory_fail(0, KN_FAIL_ONCE);
            zoo_close(&z);
            assert_int_equal(kn_memory_count().blocks, blocks);
            if (status && !(failed && z.fault.text[0]))
                fail_msg("allocation %d: %s", (int)n, z.fault.text);
            if (!failed)
                break;
        }
    zoo_fini(&z);
}

static void *find_often(void *context)
{
    zoo *z = context;
    const kn_item *item;
    kn_diag fault;
    kn_diag_init(&fault);
    for (int i = 0; i < 50; i++)
        if (kn_item_find(z->kernel, KAON_LAYER, i % 2 ? "sound" : "sound_too", &item, &fault.diag))
            return "failed";
    return NULL;
}

static void many_threads_ask(void **state)
{
    (void)state;
    zoo z;
    pthread_t threads[4];
    zoo_make(&z);
    zoo_add(&z, "sound", "sound");
    zoo_add(&z, "sound_too", "sound_too");
    zoo_open(&z, KN_NO_PROBE, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_often, &z), 0);
    for (int i = 0; i < 4; i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
    zoo_fini(&z);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_of_scan(zoo *z)
{
    int64_t count;
    const double start = seconds();
    zoo_open(z, 0, NULL);
    assert_int_equal(kn_item_count(z->kernel, NULL, &count, &z->fault.diag), KAON_OK);
    assert_int_equal(count, 200);
    zoo_close(z);
    return 1e3 * (seconds() - start);
}

// The name stands in the object as a text of fixed length, so copies of it can be given others.
static void two_hundred_plugins(void **state)
{
    (void)state;
    zoo z;
    size_t bytes;
    char name[24];
    zoo_make(&z);
    zoo_add(&z, "many_000", "many_000");
    char *data = zoo_read(zoo_path(&z, "many_000"), &bytes);
    for (int i = 1; i < 200; i++) {
        snprintf(name, sizeof name, "many_%03d", i);
        for (size_t at = 0; at + 8 <= bytes; at++)
            if (memcmp(data + at, "many_", 5) == 0)
                memcpy(data + at, name, 8);
        zoo_write(zoo_path(&z, name), data, bytes);
    }
    kn_free(data);
    usleep(150000);
    const double cold = time_of_scan(&z), warm = time_of_scan(&z);
    print_message("200 plugins of %zu bytes: cold scan %.1f ms, cached %.1f ms\n", bytes, cold,
                  warm);
    assert_true(warm < cold);

    const kn_item *item;
    zoo_open(&z, 0, NULL);
    assert_int_equal(kn_item_find(z.kernel, KAON_LAYER, "many_123", &item, &z.fault.diag), KAON_OK);
    zoo_fini(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_what_is_sound),
        cmocka_unit_test(refuses_what_is_broken),
        cmocka_unit_test(gives_up_on_what_hangs),
        cmocka_unit_test(repairs_what_loading_changed),
        cmocka_unit_test(cuts_and_flips),
        cmocka_unit_test(kinds_of_files),
        cmocka_unit_test(foreign_owners),
        cmocka_unit_test(open_folders),
        cmocka_unit_test(searches_the_environment),
        cmocka_unit_test(first_folder_wins),
        cmocka_unit_test(says_what_there_is),
        cmocka_unit_test(nothing_loads_unasked),
        cmocka_unit_test(remembers_and_forgets),
        cmocka_unit_test(survives_a_damaged_cache),
        cmocka_unit_test(works_without_a_cache),
        cmocka_unit_test(pins_hold),
        cmocka_unit_test(notices_an_exchanged_file),
        cmocka_unit_test(fails_politely_without_memory),
        cmocka_unit_test(many_threads_ask),
        cmocka_unit_test(two_hundred_plugins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
