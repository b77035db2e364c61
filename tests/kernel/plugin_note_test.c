/* plugin_note_test.c: notes written by hand, and the one the compiler makes of KAON_PLUGIN. */
#include "zoo.h"

#include "kernel/plugin_note.h"

static kaon_status parse(const char *text, size_t bytes, kn_note *note, kn_diag *fault)
{
    kn_diag_init(fault);
    return kn_note_parse(KAON_ABI, text, bytes, note, &fault->diag);
}

static void reads_all_texts(void **state)
{
    (void)state;
    static const char text[] = "calo\0"
                               "1.2.3\0MIT\0cells of a calorimeter\0kaon.layer/1\0cells\0"
                               "org.exp.calo-map/2\0calo\0";
    kn_note note;
    kn_diag fault;
    assert_int_equal(parse(text, sizeof text, &note, &fault), KAON_OK);
    assert_string_equal(note.name, "calo");
    assert_string_equal(note.version, "1.2.3");
    assert_string_equal(note.license, "MIT");
    assert_string_equal(note.summary, "cells of a calorimeter");
    assert_int_equal(note.item_count, 2);
    assert_string_equal(note.items[0].interface_id, "kaon.layer/1");
    assert_string_equal(note.items[0].name, "cells");
    assert_string_equal(note.items[1].interface_id, "org.exp.calo-map/2");
    assert_string_equal(note.items[1].name, "calo");
    kn_note_fini(&note);

    // Without the literal's own last byte it is the same.
    assert_int_equal(parse(text, sizeof text - 1, &note, &fault), KAON_OK);
    assert_int_equal(note.item_count, 2);
    kn_note_fini(&note);
}

static void refuses_every_cut(void **state)
{
    (void)state;
    static const char text[] = "calo\0001\0MIT\0cells\0kaon.layer/1\0cells";
    kn_note note;
    kn_diag fault;
    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        assert_int_equal(parse(text, bytes, &note, &fault), KAON_CORRUPT);
        assert_true(fault.text[0] != 0);
        assert_null(note.text);
    }
    assert_int_equal(parse(text, sizeof text, &note, &fault), KAON_OK);
    kn_note_fini(&note);

    // A whole item and the beginning of another: a fuzzer found room for the first one only.
    static const char more[] = "calo\0001\0MIT\0cells\0kaon.layer/1\0cells\0kaon.layer/1";
    assert_int_equal(parse(more, sizeof more - 1, &note, &fault), KAON_CORRUPT);
    zoo_expect("note", fault.text, "its note ends within item 2");
}

static void knows_good_names(void **state)
{
    (void)state;
    assert_true(kn_name_valid("a", 1));
    assert_true(kn_name_valid("lorentz_2", 9));
    static const char *const bad[] = {"", "2a", "_a", "A", "a-b", "a b", "a/b", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kn_name_valid(bad[i], strlen(bad[i])));
    char longest[KN_NAME_BYTES + 2];
    memset(longest, 'a', sizeof longest);
    assert_true(kn_name_valid(longest, KN_NAME_BYTES));
    assert_false(kn_name_valid(longest, KN_NAME_BYTES + 1));

    assert_true(kn_id_valid("kaon.layer/1", 12));
    static const char *const bad_ids[] = {"",      "kaon.layer",   "kaon.layer/",  "/1",
                                          "a/1/2", "kaon.layer/x", "Kaon.layer/1", "a b/1"};
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++)
        assert_false(kn_id_valid(bad_ids[i], strlen(bad_ids[i])));
    assert_true(kn_line_valid("d\xc3\xa9j\xc3\xa0 vu", 9));
    assert_false(kn_line_valid("two\nlines", 9));
    assert_false(kn_line_valid("\x1b[2J", 4));
    assert_false(kn_line_valid("\xc3", 1));
}

static void explains_other_abis(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    assert_int_equal(kn_abi_check(KAON_ABI, &fault.diag), KAON_OK);
    assert_int_equal(kn_abi_check(KAON_ABI_VERSION(3, 7), &fault.diag), KAON_INCOMPATIBLE);
    zoo_expect("abi", fault.text, "it was built for ABI 3.7 and this kernel has ABI");
    zoo_expect("abi", fault.text, "KAON_ABI_TARGET");
}

// The reader sees in a real object what its source says.
static void reads_a_real_object(void **state)
{
    (void)state;
    size_t bytes;
    kn_note note, same;
    kn_diag fault;
    kn_diag_init(&fault);
    char *data = zoo_read(KAON_ZOO "/kaon_sound.so", &bytes);
    const kn_note_source source = {.memory = data, .bytes = bytes};
    assert_int_equal(kn_note_read(&source, &note, &fault.diag), KAON_OK);
    assert_string_equal(note.name, "sound");
    assert_int_equal(note.item_count, 1);
    assert_string_equal(note.items[0].interface_id, KAON_LAYER);

    FILE *file = fopen(KAON_ZOO "/kaon_sound.so", "rb");
    assert_non_null(file);
    const kn_note_source open_file = {.file = fileno(file), .bytes = bytes};
    assert_int_equal(kn_note_read(&open_file, &same, &fault.diag), KAON_OK);
    assert_int_equal(note.text_bytes, same.text_bytes);
    assert_memory_equal(note.text, same.text, note.text_bytes);
    kn_note_fini(&same);

    fclose(file);
    kn_note_fini(&note);
    kn_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_texts),     cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(knows_good_names),    cmocka_unit_test(explains_other_abis),
        cmocka_unit_test(reads_a_real_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
