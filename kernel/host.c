/* host.c: the kaon_host table each plugin gets, and the services behind it. */
#include "kernel/host.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <kaon/parallel.h>

#include <pthread.h>
#include <stdatomic.h>

struct kn_host {
    kaon_host table; // first: a kaon_host * of ours is a kn_host *
    char *plugin;
    _Atomic int64_t bytes;
};

/* The living kernels, oldest first. Process-wide because plugins are: one may keep its host from a
 * kernel that is gone and must then reach the next. */
static struct {
    pthread_mutex_t lock;
    kn_kernel *kernels[KN_MAX_KERNELS];
    int32_t count;
    _Atomic(kn_kernel *) oldest;
} living = {.lock = PTHREAD_MUTEX_INITIALIZER};

const void *kn_service_find(const char *id)
{
    for (const kn_service *row = kn_services; id && row->id; row++)
        if (kn_text_same(row->id, id))
            return row->table;
    return NULL;
}

static const void *service(const kaon_host *host, const char *id)
{
    (void)host;
    return kn_service_find(id);
}

static kn_host *own(const kaon_host *host)
{
    return (kn_host *)(uintptr_t)host; // made by kn_host_new, so it may be written to
}

static void *resize(const kaon_host *host, void *memory, uint64_t bytes)
{
    kn_host *self = own(host);
    const int64_t before = (int64_t)kn_block_bytes(memory);

    if (bytes == 0) {
        kn_free(memory);
        atomic_fetch_sub_explicit(&self->bytes, before, memory_order_relaxed);
        return NULL;
    }
    if (bytes > SIZE_MAX)
        return NULL;
    void *resized = kn_resize(memory, (size_t)bytes);
    if (resized)
        atomic_fetch_add_explicit(&self->bytes, (int64_t)bytes - before, memory_order_relaxed);
    return resized;
}

static void write_log(const kaon_host *host, int32_t level, const char *text)
{
    kn_log(kn_host_kernel(host), level, "%s: %s", kn_host_plugin(host), text ? text : "");
}

kn_host *kn_host_new(const char *plugin_name)
{
    kn_host *host = kn_alloc_zero(sizeof *host);
    if (!host)
        return NULL;
    host->plugin = kn_copy_text(plugin_name);
    if (!host->plugin) {
        kn_free(host);
        return NULL;
    }
    host->table = (kaon_host){
        .size = sizeof host->table,
        .abi = KAON_ABI,
        .service = service,
        .resize = resize,
        .log = write_log,
    };
    return host;
}

void kn_host_free(kn_host *host)
{
    if (!host)
        return;
    kn_free(host->plugin);
    kn_free(host);
}

const kaon_host *kn_host_table(const kn_host *host)
{
    return &host->table;
}

kn_kernel *kn_host_kernel(const kaon_host *host)
{
    (void)host;
    return atomic_load_explicit(&living.oldest, memory_order_acquire);
}

const char *kn_host_plugin(const kaon_host *host)
{
    return own(host)->plugin;
}

int64_t kn_host_bytes(const kaon_host *host)
{
    return atomic_load_explicit(&own(host)->bytes, memory_order_relaxed);
}

static void elect(void)
{
    atomic_store_explicit(&living.oldest, living.count ? living.kernels[0] : NULL,
                          memory_order_release);
}

kaon_status kn_host_attach(kn_kernel *kernel, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    pthread_mutex_lock(&living.lock);
    if (living.count == KN_MAX_KERNELS)
        status = kaon_fail(diag, KAON_UNSUPPORTED, "at most %d kernels can live in one process",
                           KN_MAX_KERNELS);
    else
        living.kernels[living.count++] = kernel;
    elect();
    pthread_mutex_unlock(&living.lock);
    return status;
}

void kn_host_detach(const kn_kernel *kernel)
{
    pthread_mutex_lock(&living.lock);
    int32_t kept = 0;
    for (int32_t i = 0; i < living.count; i++)
        if (living.kernels[i] != kernel)
            living.kernels[kept++] = living.kernels[i];
    living.count = kept;
    elect();
    pthread_mutex_unlock(&living.lock);
}

void kn_host_orphan(void)
{
    atomic_store(&living.oldest, NULL);
}
