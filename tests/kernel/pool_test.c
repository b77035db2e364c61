/* pool_test.c: every item runs once, on a lane of its own, also nested, also from several threads.
 */
#include "kernel/diag.h"
#include "kernel/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 1000, LANES = 4 };

static kn_pool *open_pool(int32_t threads)
{
    kn_diag fault;
    kn_diag_init(&fault);
    kn_pool *pool = NULL;
    assert_int_equal(kn_pool_new(threads, &pool, &fault.diag), KAON_OK);
    return pool;
}

typedef struct {
    kn_pool *pool;
    _Atomic int32_t done[ITEMS];
    _Atomic int32_t busy[LANES];
    _Atomic int32_t shared; // a lane was used by two at a time
} tally;

static void count_item(void *context, int64_t index, int32_t lane)
{
    tally *t = context;
    if (atomic_fetch_add(&t->busy[lane], 1))
        atomic_store(&t->shared, 1);
    atomic_fetch_add(&t->done[index], 1);
    atomic_fetch_sub(&t->busy[lane], 1);
}

static void check_tally(tally *t, int32_t times)
{
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(t->done[i], times);
    assert_int_equal(t->shared, 0);
}

static void every_item_once(void **state)
{
    (void)state;
    static tally t;
    memset(&t, 0, sizeof t);
    kn_pool *pool = open_pool(LANES);
    assert_int_equal(kn_pool_lanes(pool), LANES);
    for (int32_t job = 1; job <= 200; job++) {
        kn_pool_run(pool, ITEMS, count_item, &t);
        check_tally(&t, job);
    }
    kn_pool_free(pool);
}

static void none_and_one(void **state)
{
    (void)state;
    static tally t;
    memset(&t, 0, sizeof t);
    kn_pool *pool = open_pool(LANES);
    kn_pool_run(pool, 0, count_item, &t);
    assert_int_equal(t.done[0], 0);
    kn_pool_run(pool, 1, count_item, &t);
    assert_int_equal(t.done[0], 1);
    kn_pool_run(NULL, 2, count_item, &t);
    assert_int_equal(t.done[0], 2);
    assert_int_equal(t.done[1], 1);
    kn_pool_free(pool);
}

typedef struct {
    kn_pool *pool;
    _Atomic int64_t sum;
    _Atomic int32_t strayed; // an inner item ran on another lane than the outer one
} nest;

typedef struct {
    nest *outer;
    int32_t lane;
} inner_place;

static void inner_item(void *context, int64_t index, int32_t lane)
{
    inner_place *at = context;
    if (lane != at->lane)
        atomic_store(&at->outer->strayed, 1);
    atomic_fetch_add(&at->outer->sum, index);
}

static void outer_item(void *context, int64_t index, int32_t lane)
{
    nest *n = context;
    inner_place at = {n, lane};
    (void)index;
    kn_pool_run(n->pool, 10, inner_item, &at);
}

static void nesting_runs_inline(void **state)
{
    (void)state;
    nest n = {.pool = open_pool(LANES)};
    kn_pool_run(n.pool, 100, outer_item, &n);
    assert_int_equal(n.sum, 100 * 45); // 0 + 1 + ... + 9 = 45
    assert_int_equal(n.strayed, 0);
    kn_pool_free(n.pool);
}

static void *call_often(void *argument)
{
    tally *t = argument;
    for (int i = 0; i < 50; i++)
        kn_pool_run(t->pool, ITEMS, count_item, t);
    return NULL;
}

static void callers_take_turns(void **state)
{
    (void)state;
    static tally t;
    memset(&t, 0, sizeof t);
    t.pool = open_pool(LANES);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &t), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    check_tally(&t, 150);
    kn_pool_free(t.pool);
}

static void refuses_absurd_numbers(void **state)
{
    (void)state;
    kn_diag fault;
    kn_diag_init(&fault);
    kn_pool *pool = NULL;
    assert_int_equal(kn_pool_new(-1, &pool, &fault.diag), KAON_INVALID);
    assert_int_equal(kn_pool_new(KN_MAX_LANES + 1, &pool, &fault.diag), KAON_INVALID);
    assert_null(pool);
    assert_non_null(strstr(fault.text, "257"));
    pool = open_pool(0);
    assert_true(kn_pool_lanes(pool) >= 1);
    kn_pool_free(pool);
    kn_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),        cmocka_unit_test(none_and_one),
        cmocka_unit_test(nesting_runs_inline),    cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(refuses_absurd_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
