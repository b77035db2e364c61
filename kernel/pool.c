/* pool.c: the one pool of threads.
 *
 * A job is open or closed by one atomic word, the gate:
 *
 *     bits 63..32  number of the job
 *     bit  31      open: workers may enter
 *     bits 30..0   workers inside
 *
 * The caller writes the job's fields while the gate is closed and nobody is inside, opens it,
 * works, closes it when no item is left and waits for those inside. A worker that wakes too late
 * finds the gate closed and stays out, so the caller never waits for a thread that has not begun.
 */
#define _GNU_SOURCE // sched_getaffinity, CPU_COUNT
#include "kernel/pool.h"

#include "kernel/float_mode.h"
#include "kernel/host.h"
#include "kernel/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GATE_OPEN         ((uint64_t)1 << 31)
#define GATE_INSIDE       (GATE_OPEN - 1)
#define GATE_NUMBER(gate) ((gate) >> 32)

enum {
    SPIN_NANOSECONDS = 100000, // before sleeping: a small step follows the last at once
    SPINS_PER_LOOK = 16,       // at the clock; one spin takes 10 to 50 ns
    PIECES_PER_LANE = 8        // items are handed out in pieces, so that lanes finish together
};

typedef struct {
    kn_pool *pool;
    int32_t lane;
    int32_t started;
    pthread_t thread;
} worker;

struct kn_pool {
    int32_t lanes;
    int32_t started; // workers were made; under `turn`
    int32_t may_spin;
    worker *workers; // lanes - 1

    pthread_mutex_t turn; // held by the caller of the running job

    // The job.
    int64_t count;
    int64_t piece;
    kaon_task *task;
    void *context;
    _Atomic int64_t next;

    _Atomic uint64_t gate;
    _Atomic int32_t stop;

    pthread_mutex_t sleep;
    pthread_cond_t wake; // for sleeping workers
    pthread_cond_t left; // for a caller that waits for those inside
    _Atomic int32_t sleepers;
    _Atomic int32_t waiting;
};

// Which item this thread is inside of: the only state a thread has to itself, because a nested call
// knows nothing but its pool.
static _Thread_local const kn_pool *inside_pool;
static _Thread_local int32_t inside_lane;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Waits a little; 1 if it was in vain.
static int32_t spun_in_vain(kn_pool *p, int32_t (*is_over)(kn_pool *p, uint64_t seen),
                            uint64_t seen)
{
    if (is_over(p, seen))
        return 0;
    const int64_t end = p->may_spin ? now() + SPIN_NANOSECONDS : 0;
    while (p->may_spin && now() < end) {
        for (int32_t i = 0; i < SPINS_PER_LOOK; i++) {
            relax();
            if (is_over(p, seen))
                return 0;
        }
    }
    return 1;
}

static int32_t usable_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int32_t)cores : 1;
}

static void work(kn_pool *p, int32_t lane)
{
    const kn_pool *outer_pool = inside_pool;
    const int32_t outer_lane = inside_lane;
    const uint32_t mode = kn_flush_begin();
    inside_pool = p;
    inside_lane = lane;
    for (;;) {
        const int64_t first = atomic_fetch_add_explicit(&p->next, p->piece, memory_order_relaxed);
        if (first >= p->count)
            break;
        const int64_t stop = first + p->piece < p->count ? first + p->piece : p->count;
        for (int64_t i = first; i < stop; i++)
            p->task(p->context, i, lane);
    }
    kn_flush_end(mode);
    inside_pool = outer_pool;
    inside_lane = outer_lane;
}

// 1 if a job newer than `seen` is open, or the pool ends.
static int32_t wanted(kn_pool *p, uint64_t seen)
{
    const uint64_t gate = atomic_load(&p->gate);
    return ((gate & GATE_OPEN) && GATE_NUMBER(gate) != seen) || atomic_load(&p->stop);
}

static void await(kn_pool *p, uint64_t seen)
{
    if (!spun_in_vain(p, wanted, seen))
        return;
    pthread_mutex_lock(&p->sleep);
    atomic_fetch_add(&p->sleepers, 1);
    while (!wanted(p, seen))
        pthread_cond_wait(&p->wake, &p->sleep);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->sleep);
}

// Enters the open job; returns its number, or `seen` where it was closed meanwhile.
static uint64_t enter(kn_pool *p, uint64_t seen)
{
    uint64_t gate = atomic_load(&p->gate);
    while ((gate & GATE_OPEN) && GATE_NUMBER(gate) != seen)
        if (atomic_compare_exchange_weak(&p->gate, &gate, gate + 1))
            return GATE_NUMBER(gate);
    return seen;
}

static void leave(kn_pool *p)
{
    const uint64_t gate = atomic_fetch_sub(&p->gate, 1) - 1;
    if ((gate & (GATE_OPEN | GATE_INSIDE)) || !atomic_load(&p->waiting))
        return;
    pthread_mutex_lock(&p->sleep);
    pthread_cond_signal(&p->left);
    pthread_mutex_unlock(&p->sleep);
}

static void *worker_main(void *argument)
{
    const worker *w = argument;
    kn_pool *p = w->pool;
    uint64_t seen = 0;
    for (;;) {
        await(p, seen);
        if (atomic_load(&p->stop))
            return NULL;
        const uint64_t job = enter(p, seen);
        if (job == seen)
            continue;
        seen = job;
        work(p, w->lane);
        leave(p);
    }
}

// A thread that cannot be made is a lane less; the caller alone can do everything.
static void start_workers(kn_pool *p)
{
    p->started = 1;
    for (int32_t i = 0; i < p->lanes - 1; i++) {
        worker *w = &p->workers[i];
        w->pool = p;
        w->lane = i + 1;
        w->started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    }
}

static void open_gate(kn_pool *p)
{
    const uint64_t number = GATE_NUMBER(atomic_load(&p->gate)) + 1;
    // 0 is what workers start with; a number that wraps around must not meet it.
    atomic_store(&p->gate, ((number & UINT32_MAX ? number : 1) << 32) | GATE_OPEN);
    if (!atomic_load(&p->sleepers))
        return;
    pthread_mutex_lock(&p->sleep);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->sleep);
}

static int32_t is_empty(kn_pool *p, uint64_t seen)
{
    (void)seen;
    return !(atomic_load(&p->gate) & GATE_INSIDE);
}

static void close_gate(kn_pool *p)
{
    atomic_fetch_and(&p->gate, ~GATE_OPEN);
    if (!spun_in_vain(p, is_empty, 0))
        return;
    pthread_mutex_lock(&p->sleep);
    atomic_store(&p->waiting, 1);
    while (atomic_load(&p->gate) & GATE_INSIDE)
        pthread_cond_wait(&p->left, &p->sleep);
    atomic_store(&p->waiting, 0);
    pthread_mutex_unlock(&p->sleep);
}

static void run_inline(int64_t count, kaon_task *task, void *context, int32_t lane)
{
    const uint32_t mode = kn_flush_begin();
    for (int64_t i = 0; i < count; i++)
        task(context, i, lane);
    kn_flush_end(mode);
}

static void set_job(kn_pool *p, int64_t count, kaon_task *task, void *context)
{
    const int64_t pieces = (int64_t)p->lanes * PIECES_PER_LANE;
    p->count = count;
    p->piece = count > pieces ? count / pieces : 1;
    p->task = task;
    p->context = context;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
}

void kn_pool_run(kn_pool *p, int64_t count, kaon_task *task, void *context)
{
    if (!p || inside_pool == p) {
        run_inline(count, task, context, p ? inside_lane : 0);
        return;
    }
    if (count <= 0)
        return;
    pthread_mutex_lock(&p->turn);
    set_job(p, count, task, context);
    const int32_t shared = p->lanes > 1 && count > 1;
    if (shared) {
        if (!p->started)
            start_workers(p);
        open_gate(p);
    }
    work(p, 0);
    if (shared)
        close_gate(p);
    pthread_mutex_unlock(&p->turn);
}

int32_t kn_pool_lanes(const kn_pool *p)
{
    return p ? p->lanes : 1;
}

static kaon_status init_locks(kn_pool *p)
{
    if (pthread_mutex_init(&p->turn, NULL))
        return KAON_NO_MEMORY;
    if (pthread_mutex_init(&p->sleep, NULL))
        goto undo_turn;
    if (pthread_cond_init(&p->wake, NULL))
        goto undo_sleep;
    if (pthread_cond_init(&p->left, NULL) == 0)
        return KAON_OK;
    pthread_cond_destroy(&p->wake);
undo_sleep:
    pthread_mutex_destroy(&p->sleep);
undo_turn:
    pthread_mutex_destroy(&p->turn);
    return KAON_NO_MEMORY;
}

kaon_status kn_pool_new(int32_t threads, kn_pool **out, kaon_diag *diag)
{
    *out = NULL;
    if (threads < 0 || threads > KN_MAX_LANES)
        return kaon_fail(diag, KAON_INVALID, "the number of threads is %d, allowed are 0 to %d",
                         (int)threads, (int)KN_MAX_LANES);
    const int32_t cores = usable_cores();
    kn_pool *p = kn_alloc_zero(sizeof *p);
    if (!p)
        return kn_no_memory(diag, "the pool of threads");
    p->lanes = threads ? threads : cores;
    if (p->lanes > KN_MAX_LANES)
        p->lanes = KN_MAX_LANES;
    // Spinning takes the core from whoever has work when there are more lanes than cores.
    p->may_spin = p->lanes <= cores;
    p->workers = kn_alloc_array((size_t)p->lanes, sizeof *p->workers);
    if (!p->workers || init_locks(p)) {
        kn_free(p->workers);
        kn_free(p);
        return kn_no_memory(diag, "the pool of threads");
    }
    *out = p;
    return KAON_OK;
}

void kn_pool_free(kn_pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, 1);
    pthread_mutex_lock(&p->sleep);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->sleep);
    for (int32_t i = 0; i < p->lanes - 1; i++)
        if (p->workers[i].started)
            pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->left);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->sleep);
    pthread_mutex_destroy(&p->turn);
    kn_free(p->workers);
    kn_free(p);
}

/* --- service ---------------------------------------------------------------------------------- */

static kn_pool *pool_of(const kaon_host *host)
{
    const kn_kernel *kernel = kn_host_kernel(host);
    return kernel ? kernel->pool : NULL;
}

static void run(const kaon_host *host, int64_t count, kaon_task *task, void *context)
{
    kn_pool_run(pool_of(host), count, task, context);
}

static int32_t lanes(const kaon_host *host)
{
    return kn_pool_lanes(pool_of(host));
}

const kaon_parallel_api kn_parallel_api = {
    .size = sizeof kn_parallel_api,
    .run = run,
    .lanes = lanes,
};
