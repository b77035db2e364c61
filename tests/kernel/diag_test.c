/* diag_test.c: words of failures, with the places they happened in. */
#include "kernel/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void gathers_places(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    kaon_diag *diag = &fault.diag;
    kaon_status status = kaon_fail(diag, KAON_CORRUPT, "chunk %d fails its checksum", 17);
    assert_int_equal(status, KAON_CORRUPT);
    status = kaon_context(diag, status, "dataset '%s'", "x");
    status = kaon_context(diag, status, "reading jets.h5");
    status = kaon_context(diag, status, "epoch 3");
    assert_int_equal(status, KAON_CORRUPT);
    assert_int_equal(fault.status, KAON_CORRUPT);
    assert_string_equal(fault.text, "epoch 3 / reading jets.h5 / dataset 'x': "
                                    "chunk 17 fails its checksum");
    assert_ptr_equal(diag->api->text(diag), fault.text);

    // The next failure replaces all of it.
    kaon_fail(diag, KAON_INVALID, "no");
    assert_string_equal(fault.text, "no");
    assert_int_equal(kaon_context(diag, KAON_OK, "nowhere"), KAON_OK);
    assert_string_equal(fault.text, "no");
}

static void bears_no_diag(void **state)
{
    (void)state;
    assert_int_equal(kaon_fail(NULL, KAON_IO, "x"), KAON_IO);
    assert_int_equal(kaon_context(NULL, KAON_IO, "x"), KAON_IO);
}

static void cuts_what_is_too_long(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    char text[2 * KN_DIAG_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    (fault.diag.api->fail)(&fault.diag, KAON_IO, text);
    assert_int_equal(strlen(fault.text), KN_DIAG_BYTES - 1);
    assert_string_equal(fault.text + KN_DIAG_BYTES - 4, "...");

    // A place cannot push out the message, whatever its length.
    (fault.diag.api->fail)(&fault.diag, KAON_IO, "the message");
    fault.diag.api->context(&fault.diag, KAON_IO, text);
    assert_non_null(strstr(fault.text, ": the message"));
}

static void never_splits_a_character(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    char text[2 * KN_DIAG_BYTES];
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xc3\xa9", 2);
        text[sizeof text - 1] = 0;
        (fault.diag.api->fail)(&fault.diag, KAON_IO, text);
        const size_t length = strlen(fault.text);
        assert_true(length <= KN_DIAG_BYTES - 1);
        assert_int_equal((unsigned char)fault.text[length - 4], 0xa9);
    }
}

static void keeps_terminals_safe(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    kaon_fail(&fault.diag, KAON_INVALID, "column '%s'", "a\x1b[2J\nb");
    assert_string_equal(fault.text, "column 'a [2J b'");
}

static void passes_on(void **state)
{
    (void)state;
    kn_diag from, to;
    kn_diag_init(&from);
    kn_diag_init(&to);
    assert_int_equal(kn_diag_pass(&from, &to.diag), KAON_OK);
    kaon_fail(&from.diag, KAON_DEVICE, "lost");
    assert_int_equal(kn_diag_pass(&from, &to.diag), KAON_DEVICE);
    assert_string_equal(to.text, "lost");
    assert_int_equal(kn_diag_pass(&from, NULL), KAON_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gathers_places),        cmocka_unit_test(bears_no_diag),
        cmocka_unit_test(cuts_what_is_too_long), cmocka_unit_test(never_splits_a_character),
        cmocka_unit_test(keeps_terminals_safe),  cmocka_unit_test(passes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
