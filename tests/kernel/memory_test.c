/* memory_test.c: blocks are aligned, counted, and fail when a test asks for it. */
#include "kernel/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void aligns_and_counts(void **state)
{
    (void)state;
    const kn_memory_counts before = kn_memory_count();
    void *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = kn_alloc(i * i);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % KN_MEMORY_ALIGN, 0);
        assert_int_equal(kn_block_bytes(blocks[i]), i * i);
        memset(blocks[i], 1, i * i);
    }
    const kn_memory_counts full = kn_memory_count();
    assert_int_equal(full.blocks - before.blocks, 100);
    assert_int_equal(full.bytes - before.bytes, 328350); // sum of i^2 below 100
    assert_int_equal(full.total - before.total, 100);
    for (size_t i = 0; i < 100; i++)
        kn_free(blocks[i]);
    kn_free(NULL);
    assert_int_equal(kn_memory_count().blocks, before.blocks);
    assert_int_equal(kn_memory_count().bytes, before.bytes);
}

static void resizes(void **state)
{
    (void)state;
    unsigned char *block = kn_resize(NULL, 10);
    for (int i = 0; i < 10; i++)
        block[i] = (unsigned char)i;
    block = kn_resize(block, 100000);
    assert_int_equal((uintptr_t)block % KN_MEMORY_ALIGN, 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(block[i], i);
    block = kn_resize(block, 4);
    assert_int_equal(block[3], 3);
    assert_int_equal(kn_block_bytes(block), 4);
    kn_free(block);
}

static void clears_and_copies(void **state)
{
    (void)state;
    unsigned char *zero = kn_alloc_zero(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zero[i], 0);
    kn_free(zero);
    char *text = kn_copy_text("jets");
    assert_string_equal(text, "jets");
    kn_free(text);
    assert_null(kn_copy_text(NULL));
    text = kn_copy_bytes("jets", 2);
    assert_string_equal(text, "je");
    kn_free(text);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    assert_null(kn_alloc(SIZE_MAX));
    assert_null(kn_alloc(SIZE_MAX - 64));
    assert_null(kn_alloc_array(SIZE_MAX / 2, 3));
    char *block = kn_alloc(4);
    assert_null(kn_resize(block, SIZE_MAX));
    assert_null(kn_resize_array(block, SIZE_MAX / 4, 8));
    kn_free(block);
}

static void fails_when_asked(void **state)
{
    (void)state;
    kn_memory_fail(3, KN_FAIL_ONCE);
    void *blocks[5];
    for (int i = 0; i < 5; i++)
        blocks[i] = kn_alloc(1);
    assert_int_equal(kn_memory_failed(), 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(blocks[i] == NULL, i == 2);
        kn_free(blocks[i]);
    }

    char *kept = kn_copy_text("kept");
    kn_memory_fail(2, KN_FAIL_ON);
    void *first = kn_alloc(1);
    assert_non_null(first);
    assert_null(kn_alloc(1));
    assert_null(kn_resize(kept, 100));
    assert_null(kn_copy_text("x"));
    assert_int_equal(kn_memory_failed(), 3);
    kn_memory_fail(0, KN_FAIL_ONCE);
    assert_string_equal(kept, "kept");
    kn_free(first);
    kn_free(kept);
    void *again = kn_alloc(1);
    assert_non_null(again);
    kn_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_and_counts), cmocka_unit_test(resizes),
        cmocka_unit_test(clears_and_copies), cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(fails_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
