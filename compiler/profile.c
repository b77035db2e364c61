/* profile.c: where the time of a run goes. */
#include "compiler/profile.h"

#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_EVENTS = 100000, MAX_BOOKED = 16384 };

typedef struct {
    char *name;
    char *text;
    double flops;
    double bytes;
    _Atomic int64_t calls;
    _Atomic int64_t nanoseconds;
    _Atomic int64_t best; // of one call; 0: none yet
} booked;

typedef struct {
    int32_t number;
    int32_t lane;
    int64_t start; // ns since the profile began
    int64_t length;
} event;

struct kn_profile {
    kn_resident resident; // first
    int64_t began;
    booked *launches;
    _Atomic int32_t launch_count;
    event *events;
    _Atomic int64_t event_count;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void profile_free(kn_resident *self)
{
    kn_profile *p = (kn_profile *)self;
    if (!p)
        return;
    for (int32_t i = 0; p->launches && i < p->launch_count; i++) {
        kn_free(p->launches[i].name);
        kn_free(p->launches[i].text);
    }
    kn_free(p->launches);
    kn_free(p->events);
    kn_free(p);
}

kaon_status kn_profile_start(kn_kernel *kernel, kaon_diag *diag)
{
    kn_profile_stop(kernel);
    kn_profile *p = kn_alloc_zero(sizeof *p);
    if (!p)
        return kn_no_memory(diag, "a profile");
    p->launches = kn_alloc_array(MAX_BOOKED, sizeof *p->launches);
    p->events = kn_alloc_array(MAX_EVENTS, sizeof *p->events);
    if (!p->launches || !p->events) {
        profile_free(&p->resident);
        return kn_no_memory(diag, "a profile");
    }
    p->began = now();
    p->resident.free = profile_free;
    kernel->profile = p;
    return KAON_OK;
}

void kn_profile_stop(kn_kernel *kernel)
{
    profile_free((kn_resident *)kernel->profile);
    kernel->profile = NULL;
}

int32_t kn_profile_book(kn_profile *p, const kn_launch_note *notes, int32_t count)
{
    const int32_t first = atomic_fetch_add(&p->launch_count, count);
    if (first + count > MAX_BOOKED) {
        atomic_fetch_sub(&p->launch_count, count);
        return -1;
    }
    for (int32_t i = 0; i < count; i++) {
        booked *b = &p->launches[first + i];
        b->name = kn_copy_text(notes[i].name);
        b->text = kn_copy_text(notes[i].text);
        b->flops = notes[i].flops;
        b->bytes = notes[i].bytes;
    }
    return first;
}

// Where launches only hand work over, the device says how long it took, or is waited for.
static kaon_status time_launch(const kn_device *d, const kn_launch *l, int64_t *length,
                               kaon_diag *diag)
{
    uint64_t ns = 0;
    if (!d->shares_host)
        KAON_TRY(d->backend->wait(d->handle, diag));
    const int32_t has_clock =
        !d->shares_host && !d->backend->elapsed(d->handle, &ns, NULL); // from here on
    const int64_t start = now();
    KAON_TRY(l->launch(l->state, &l->call, diag));
    if (has_clock)
        KAON_TRY(d->backend->elapsed(d->handle, &ns, diag));
    else if (!d->shares_host)
        KAON_TRY(d->backend->wait(d->handle, diag));
    *length = has_clock ? (int64_t)ns : now() - start;
    return KAON_OK;
}

kaon_status kn_profile_launch(kn_profile *p, int32_t number, const kn_device *device,
                              const kn_launch *l, kaon_diag *diag)
{
    const int64_t start = now();
    int64_t length = 0;
    const kaon_status status = time_launch(device, l, &length, diag);
    if (number < 0 || status)
        return status;
    atomic_fetch_add_explicit(&p->launches[number].calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->launches[number].nanoseconds, length, memory_order_relaxed);
    int64_t best = atomic_load_explicit(&p->launches[number].best, memory_order_relaxed);
    if (best == 0 || length < best) // a lost race costs a little precision
        atomic_store_explicit(&p->launches[number].best, length, memory_order_relaxed);
    const int64_t at = atomic_fetch_add_explicit(&p->event_count, 1, memory_order_relaxed);
    if (at < MAX_EVENTS)
        p->events[at] = (event){number, l->call.lane, start - p->began, length};
    return status;
}

/* --- what it says ----------------------------------------------------------------------------- */

static const char *name_of(const booked *b)
{
    return b->name ? b->name : "?";
}

kaon_status kn_profile_write(const kn_kernel *kernel, const char *path, kaon_diag *diag)
{
    const kn_profile *p = kernel->profile;
    kn_text out = {0};
    kn_text_add(&out, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [");
    const int64_t made = p ? p->event_count : 0;
    const int64_t count = made < MAX_EVENTS ? made : MAX_EVENTS;
    for (int64_t i = 0; i < count; i++) {
        const event *e = &p->events[i];
        const booked *b = &p->launches[e->number];
        kn_text_format(&out,
                       "%s\n{\"name\": \"%s\", \"ph\": \"X\", \"pid\": 1, \"tid\": %d, "
                       "\"ts\": %.3f, \"dur\": %.3f, \"args\": {\"step\": \"%s\"}}",
                       i ? "," : "", name_of(b), (int)e->lane, (double)e->start * 1e-3,
                       (double)e->length * 1e-3, b->text ? b->text : "");
    }
    kn_text_add(&out, "\n]}\n");
    if (out.failed) {
        kn_text_fini(&out);
        return kn_no_memory(diag, "a trace");
    }
    const kaon_status status = kn_file_write(path, kn_text_get(&out), out.length, diag);
    kn_text_fini(&out);
    return status;
}

static int slower_first(const void *a, const void *b)
{
    const booked *const *x = a, *const *y = b;
    const int64_t m = (*x)->nanoseconds, n = (*y)->nanoseconds;
    return m < n ? 1 : -(m > n);
}

static void write_row(kn_text *out, const booked *b, double total)
{
    const double ns = (double)b->nanoseconds, calls = (double)b->calls;
    kn_text_format(
        out, "%10.3f ms %5.1f %% %9lld x %9.2f us, best %8.2f us, %7.1f Gflop/s %7.1f GB/s  %s\n",
        ns * 1e-6, 100 * ns / total, (long long)b->calls, ns / calls * 1e-3, (double)b->best * 1e-3,
        b->flops / (double)b->best, b->bytes / (double)b->best, b->text ? b->text : name_of(b));
}

char *kn_profile_text(const kn_kernel *kernel)
{
    const kn_profile *p = kernel->profile;
    const int32_t count = p ? p->launch_count : 0;
    const booked **sorted = kn_alloc_array((size_t)count + 1, sizeof *sorted);
    if (!sorted)
        return NULL;
    double total = 0;
    int32_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!p->launches[i].calls)
            continue;
        sorted[used++] = &p->launches[i];
        total += (double)p->launches[i].nanoseconds;
    }
    qsort(sorted, (size_t)used, sizeof *sorted, slower_first);
    kn_text out = {0};
    kn_text_add(&out, "");
    for (int32_t i = 0; i < used; i++)
        write_row(&out, sorted[i], total > 0 ? total : 1);
    kn_free(sorted);
    return out.at ? kn_text_take(&out) : kn_copy_text("");
}
