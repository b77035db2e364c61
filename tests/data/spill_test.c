/* spill_test.c: blocks that grow in memory and in pages, and tables whose columns lie in files. */
#include "data/spill.h"
#include "data/table.h"
#include "kernel/diag.h"
#include "kernel/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/kaon-spill-XXXXXX";
static kn_diag fault;

static kn_spill *make(uint64_t limit)
{
    kn_spill *spill = NULL;
    kn_diag_init(&fault);
    if (kn_spill_new(folder, limit, &spill, &fault.diag))
        fail_msg("%s", fault.text);
    return spill;
}

static void grow(kn_block *b, size_t bytes)
{
    if (kn_block_resize(b, bytes, "a test", &fault.diag))
        fail_msg("%s", fault.text);
}

static void small_blocks_stay_in_memory(void **state)
{
    (void)state;
    kn_spill *spill = make(1 << 20);
    kn_block b = {.spill = spill};
    grow(&b, 1000);
    assert_int_equal(b.mapped, 0);
    assert_int_equal(kn_spill_used(spill), 1000);
    grow(&b, 500);
    assert_int_equal(kn_spill_used(spill), 500);
    kn_block_free(&b);
    assert_int_equal(kn_spill_used(spill), 0);
    kn_spill_release(spill);
}

static void what_grows_moves_to_pages(void **state)
{
    (void)state;
    kn_spill *spill = make(1 << 20);
    kn_block b = {.spill = spill};
    for (size_t bytes = 4096; bytes <= 1 << 23; bytes *= 2) {
        grow(&b, bytes);
        for (size_t i = bytes / 2; i < bytes; i++)
            ((char *)b.at)[i] = (char)(i / 1000);
        assert_true(kn_spill_used(spill) <= 1 << 18);
    }
    assert_true(b.mapped >= 1 << 23);
    for (size_t i = 2048; i < 1 << 23; i += 37)
        assert_int_equal(((char *)b.at)[i], (char)(i / 1000));
    grow(&b, 100000);
    assert_true(b.mapped < 200000);
    assert_int_equal(((char *)b.at)[99999], 99);
    kn_block_settle(&b);
    assert_int_equal(((char *)b.at)[99999], 99);
    kn_block_free(&b);
    kn_spill_release(spill);
}

// Many small ones together are too much as well.
static void the_sum_has_a_limit(void **state)
{
    (void)state;
    kn_spill *spill = make(1 << 20);
    kn_block blocks[16] = {{0}};
    for (int i = 0; i < 16; i++) {
        blocks[i].spill = spill;
        grow(&blocks[i], 100 << 10);
        memset(blocks[i].at, i, 100 << 10);
        assert_int_equal(blocks[i].mapped != 0, i >= 10);
    }
    assert_true(kn_spill_used(spill) <= kn_spill_limit(spill));
    kn_spill_release(spill); // blocks hold it
    for (int i = 0; i < 16; i++) {
        assert_int_equal(((char *)blocks[i].at)[12345], i);
        kn_block_free(&blocks[i]);
    }
}

static void tables_hand_it_on(void **state)
{
    (void)state;
    kn_spill *spill = make(1000);
    kaon_table *table = NULL, *without = NULL, *picked = NULL;
    const int64_t shape[] = {4000}, rows[] = {3999, 0, 7};
    kaon_column c = {.size = sizeof c, .role = KAON_ROLE_WEIGHT, .name = "w"};
    c.view = (kaon_view){.size = sizeof c.view, .dtype = KAON_F64, .rank = 1, .shape = shape};
    assert_int_equal(kn_table_new(4000, &table, &fault.diag), KAON_OK);
    kn_table_spill(table, spill);
    assert_int_equal(kn_table_column_add(table, &c, &fault.diag), KAON_OK);
    for (int i = 0; i < 4000; i++) {
        assert_true(((double *)c.view.data)[i] == 0);
        ((double *)c.view.data)[i] = i;
    }
    assert_int_equal(kn_spill_used(spill), 0);
    assert_int_equal(kn_table_without(table, KAON_ROLE_TARGET, &without, &fault.diag), KAON_OK);
    assert_ptr_equal(kn_table_spill_of(without), spill);
    assert_int_equal(kn_table_pick(without, rows, 3, &picked, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_column_of(picked, KAON_ROLE_WEIGHT, &c), KAON_OK);
    assert_true(((double *)c.view.data)[0] == 3999 && ((double *)c.view.data)[2] == 7);
    kn_table_release(table);
    kn_table_release(without);
    kn_table_release(picked);
    kn_spill_release(spill);
}

static void a_folder_that_cannot_be(void **state)
{
    (void)state;
    kn_spill *spill = NULL;
    kn_diag_init(&fault);
    assert_int_equal(kn_spill_new("/proc/kaon", 10, &spill, &fault.diag), KAON_OK);
    kn_block b = {.spill = spill};
    grow(&b, 2);
    memcpy(b.at, "ab", 2);
    assert_int_not_equal(kn_block_resize(&b, 1000, "a column", &fault.diag), KAON_OK);
    assert_non_null(strstr(fault.text, "/proc/kaon"));
    assert_memory_equal(b.at, "ab", 2);
    kn_block_free(&b);
    kn_spill_release(spill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_blocks_stay_in_memory), cmocka_unit_test(what_grows_moves_to_pages),
        cmocka_unit_test(the_sum_has_a_limit),         cmocka_unit_test(tables_hand_it_on),
        cmocka_unit_test(a_folder_that_cannot_be),
    };
    if (!mkdtemp(folder))
        return 1;
    const int64_t before = kn_memory_count().blocks;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder); // fails, and the test with it, if a file was left behind
    return failed || access(folder, F_OK) == 0 || kn_memory_count().blocks != before;
}
