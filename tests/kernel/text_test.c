/* text_test.c: growing texts, UTF-8, and what somebody meant. */
#include "kernel/memory.h"
#include "kernel/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void grows(void **state)
{
    (void)state;
    kn_text text = {0};
    assert_string_equal(kn_text_get(&text), "");
    for (int i = 0; i < 1000; i++)
        kn_text_format(&text, "%d,", i);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_true(kn_text_starts(kn_text_get(&text), "0,1,2,"));
    kn_text_clear(&text);
    kn_text_add(&text, "a");
    kn_text_add_bytes(&text, "bcd", 2);
    char *taken = kn_text_take(&text);
    assert_string_equal(taken, "abc");
    kn_free(taken);
    taken = kn_text_take(&text);
    assert_string_equal(taken, "");
    kn_free(taken);
}

static void keeps_a_failure(void **state)
{
    (void)state;
    const int64_t blocks = kn_memory_count().blocks;
    kn_text text = {0};
    kn_text_add(&text, "some");
    kn_memory_fail(1, KN_FAIL_ONCE);
    for (int i = 0; i < 100; i++)
        kn_text_add(&text, "more and more");
    assert_int_equal(kn_memory_failed(), 1);
    assert_null(kn_text_take(&text));
    assert_int_equal(kn_memory_count().blocks, blocks);
}

static void knows_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"};
    // Overlong, a lone continuation, cut off, a surrogate, above U+10FFFF, bytes that never occur.
    static const char *const bad[] = {"\xc0\xaf",
                                      "\xe0\x80\xaf",
                                      "\x80",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xff",
                                      "\xf0\x80\x80\xaf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(kn_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kn_utf8_valid(bad[i], strlen(bad[i])));
    assert_false(kn_utf8_valid("a\0b", 3));
}

static void measures_distance(void **state)
{
    (void)state;
    assert_int_equal(kn_text_distance("", "abc"), 3);
    assert_int_equal(kn_text_distance("kitten", "sitting"), 3);
    assert_int_equal(kn_text_distance("batch_sze", "batch_size"), 1);
    assert_int_equal(kn_text_distance("dnese", "dense"), 1); // one exchange of neighbours
    assert_int_equal(kn_text_distance("ca", "abc"), 3);      // no edit inside an exchange
    assert_int_equal(kn_text_distance("PT", "pt"), 0);
    assert_int_equal(kn_text_distance("abc", "xyz"), 3);
    // Symmetric, and zero only for the same word.
    assert_int_equal(kn_text_distance("flaw", "lawn"), kn_text_distance("lawn", "flaw"));
}

static void suggests(void **state)
{
    (void)state;
    static const char *const words[] = {"batch", "epochs", "learning_rate", "layers", "loss"};
    const size_t count = sizeof words / sizeof *words;
    assert_string_equal(kn_suggest("epoch", words, count), "epochs");
    assert_string_equal(kn_suggest("lerning_rat", words, count), "learning_rate");
    assert_string_equal(kn_suggest("lsos", words, count), "loss");
    assert_string_equal(kn_suggest("batch", (const char *const[]){"batch_rows", "match"}, 2),
                        "match");
    assert_string_equal(kn_suggest("loss_function", words, count), "loss");
    assert_null(kn_suggest("momentum", words, count));
    assert_null(kn_suggest("x", words, count));
    assert_null(kn_suggest("", words, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),      cmocka_unit_test(keeps_a_failure),
        cmocka_unit_test(knows_utf8), cmocka_unit_test(measures_distance),
        cmocka_unit_test(suggests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
