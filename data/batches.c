/* batches.c: a table in batches, in an order fixed by seed and epoch, read ahead by a thread. */
#include "data/batches.h"

#include "kernel/memory.h"
#include "kernel/structs.h"
#include "data/shuffle.h"
#include "data/table.h"
#include "kernel/tensor.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    AHEAD_BYTES = 16 << 20, // of all slots, if there are more than FEWEST_SLOTS
    FEWEST_SLOTS = 4,
    MOST_SLOTS = 64,
    PREFETCH_ROWS = 24,       // rows asked of memory before they are copied
    INLINE_BYTES = 256 << 10, // of a table that stays in the core's own cache
    BLOCK_BYTES = 256 << 10   // of neighbours that stay together on the way into a window
};

// One of features, target, weight: a column and the type it is handed out in.
typedef struct field {
    const char *data; // NULL: there is no such column
    int32_t from;     // dtypes
    int32_t to;
    int64_t width;     // elements per row
    size_t from_bytes; // per row
    size_t to_bytes;
} field;

// ORDER field
enum { FEATURES = 0, TARGET = 1, WEIGHT = 2, FIELDS = 3 };

typedef struct slot {
    char *memory[FIELDS];
    const void *at[FIELDS]; // memory, or the table's own
    int64_t rows;
} slot;

struct kaon_batches {
    kaon_table *table;
    kaon_batch_spec spec;
    int64_t rows;
    int64_t per_epoch; // batches
    double weight_scale;
    field fields[FIELDS];
    char *scratch;         // rows before their conversion
    char *constant;        // weights of a full batch where the table has none
    kn_shuffler shuffle;   // no order: file order
    const uint32_t *order; // of the batch being filled
    slot *slots;
    int64_t slot_count;

    // The consumer's place.
    int64_t epoch;
    int64_t next; // batch of the epoch to hand out; 0: at its beginning

    // The thread fills the slots of sequence numbers [consumed, produced); a number is a batch of
    // the epochs one after the other, from first_epoch on.
    int32_t threaded;
    pthread_t thread;
    int64_t first_epoch;
    int64_t sequence; // of the batch to hand out
    atomic_llong produced;
    atomic_llong consumed;
    atomic_int producer_waits;
    atomic_int consumer_waits;
    atomic_int quit;
    pthread_mutex_t lock;
    pthread_cond_t space;
    pthread_cond_t ready;
};

/* --- gathering -------------------------------------------------------------------------------- */

// Rows of a size known to the compiler are copied without a call.
#define COPY_ROWS(bytes)                                                                           \
    case bytes:                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const int64_t ahead = i + PREFETCH_ROWS < count ? i + PREFETCH_ROWS : count - 1;       \
            __builtin_prefetch(from + (size_t)order[ahead] * (bytes));                             \
            memcpy(to + (size_t)i * (bytes), from + (size_t)order[i] * (bytes), bytes);            \
        }                                                                                          \
        return;

static void copy_rows(const char *from, const uint32_t *order, int64_t count, size_t row_bytes,
                      char *to)
{
    switch (row_bytes) {
        COPY_ROWS(4)
        COPY_ROWS(8)
        COPY_ROWS(16)
        COPY_ROWS(32)
        COPY_ROWS(64)
        COPY_ROWS(128)
    default:
        for (int64_t i = 0; i < count; i++) {
            const int64_t ahead = i + 4 < count ? i + 4 : count - 1;
            const char *next = from + (size_t)order[ahead] * row_bytes;
            for (size_t line = 0; line < row_bytes && line < 512; line += 64)
                __builtin_prefetch(next + line);
            memcpy(to + (size_t)i * row_bytes, from + (size_t)order[i] * row_bytes, row_bytes);
        }
    }
}

// Rows [first, first + count) of the epoch's order, into the slot or as they lie in the table.
static const void *gather(kaon_batches *b, const field *f, char *memory, int64_t first,
                          int64_t count)
{
    const char *rows = f->data + (size_t)first * f->from_bytes;
    const int32_t full = count == b->spec.rows;

    if (b->order) {
        char *to = f->from == f->to ? memory : b->scratch;
        copy_rows(f->data, b->order, count, f->from_bytes, to);
        rows = to;
    }
    if (rows == memory)
        return memory;
    if (f->from == f->to && full && f != &b->fields[WEIGHT])
        return rows; // no copy at all
    kn_convert(f->from, rows, f->to, memory, count * f->width);
    return memory;
}

static void pad(const field *f, char *memory, int64_t count, int64_t rows)
{
    for (int64_t i = count; i < rows; i++)
        memcpy(memory + (size_t)i * f->to_bytes, memory, f->to_bytes);
}

static void scale_weights(const kaon_batches *b, char *memory, int64_t count)
{
    float *single = (void *)memory;
    double *twice = (void *)memory;
    if (b->spec.float_type == KAON_F32)
        for (int64_t i = 0; i < count; i++)
            single[i] = (float)(single[i] * b->weight_scale);
    else
        for (int64_t i = 0; i < count; i++)
            twice[i] *= b->weight_scale;
}

static const void *gather_weights(kaon_batches *b, slot *s, int64_t first, int64_t count)
{
    const field *f = &b->fields[WEIGHT];
    char *memory = s->memory[WEIGHT];
    if (!f->data && count == b->spec.rows)
        return b->constant;
    if (!f->data) {
        memcpy(memory, b->constant, (size_t)count * f->to_bytes);
    } else {
        gather(b, f, memory, first, count);
        if (b->weight_scale != 1)
            scale_weights(b, memory, count);
    }
    memset(memory + (size_t)count * f->to_bytes, 0, (size_t)(b->spec.rows - count) * f->to_bytes);
    return memory;
}

// The pages of a new window are asked for before they are needed.
static void ask_for_pages(const kaon_batches *b)
{
    const field *f = &b->fields[FEATURES];
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const kn_shuffler *s = &b->shuffle;
    const int64_t count = s->window / s->block;
    for (int64_t i = 0; i < count && s->cursor - 1 - i >= 0; i++) {
        const uint64_t first = (uint64_t)s->blocks[s->cursor - 1 - i] * (uint64_t)s->block;
        const uintptr_t from = (uintptr_t)f->data + first * f->from_bytes;
        const uint64_t left = ((uint64_t)b->rows - first) * f->from_bytes;
        const uint64_t bytes = (uint64_t)s->block * f->from_bytes;
        posix_madvise((void *)(from / page * page), bytes < left ? bytes : left,
                      POSIX_MADV_WILLNEED);
    }
}

static void find_rows(kaon_batches *b, int64_t first, int64_t count)
{
    int32_t opened = 0;
    b->order =
        b->shuffle.order ? kn_shuffler_rows(&b->shuffle, first, first + count, &opened) : NULL;
    if (opened)
        ask_for_pages(b);
}

// Fills a slot with batch `index` of the epoch the shuffler is in.
static void fill(kaon_batches *b, slot *s, int64_t index)
{
    const int64_t first = index * b->spec.rows;
    const int64_t left = b->rows - first;
    const int64_t count = left < b->spec.rows ? left : b->spec.rows;

    find_rows(b, first, count);
    s->rows = count;
    for (int32_t i = FEATURES; i <= TARGET; i++) {
        const field *f = &b->fields[i];
        s->at[i] = f->data ? gather(b, f, s->memory[i], first, count) : NULL;
        if (f->data && count < b->spec.rows)
            pad(f, s->memory[i], count, b->spec.rows);
    }
    s->at[WEIGHT] = gather_weights(b, s, first, count);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void wait_for_space(kaon_batches *b)
{
    // Woken when half the slots are free, so that a wake-up pays for many batches.
    pthread_mutex_lock(&b->lock);
    atomic_store(&b->producer_waits, 1);
    while (!atomic_load(&b->quit) &&
           atomic_load(&b->produced) - atomic_load(&b->consumed) > b->slot_count / 2)
        pthread_cond_wait(&b->space, &b->lock);
    atomic_store(&b->producer_waits, 0);
    pthread_mutex_unlock(&b->lock);
}

static void *produce(void *context)
{
    kaon_batches *b = context;
    while (!atomic_load(&b->quit)) {
        const long long sequence = atomic_load(&b->produced);
        if (sequence - atomic_load(&b->consumed) >= b->slot_count) {
            wait_for_space(b);
            continue;
        }
        const int64_t index = sequence % b->per_epoch;
        if (index == 0)
            kn_shuffler_begin(&b->shuffle, b->first_epoch + sequence / b->per_epoch);
        fill(b, &b->slots[sequence % b->slot_count], index);
        atomic_store(&b->produced, sequence + 1);
        if (atomic_load(&b->consumer_waits)) {
            pthread_mutex_lock(&b->lock);
            pthread_cond_signal(&b->ready);
            pthread_mutex_unlock(&b->lock);
        }
    }
    return NULL;
}

static void stop_thread(kaon_batches *b)
{
    if (!b->threaded)
        return;
    atomic_store(&b->quit, 1);
    pthread_mutex_lock(&b->lock);
    pthread_cond_signal(&b->space);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    b->threaded = 0;
}

// From batch 0 of `epoch` on. Signals stay with the program's own threads. Where no thread can be
// had, batches are gathered by the caller.
static void start_thread(kaon_batches *b, int64_t epoch)
{
    sigset_t all, before;
    b->first_epoch = epoch;
    b->sequence = 0;
    atomic_store(&b->produced, 0);
    atomic_store(&b->consumed, 0);
    atomic_store(&b->quit, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    b->threaded = pthread_create(&b->thread, NULL, produce, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static const slot *next_from_thread(kaon_batches *b)
{
    // The batch handed out before is the reader's until now.
    atomic_store(&b->consumed, b->sequence);
    if (atomic_load(&b->producer_waits) &&
        atomic_load(&b->produced) - b->sequence <= b->slot_count / 2) {
        pthread_mutex_lock(&b->lock);
        pthread_cond_signal(&b->space);
        pthread_mutex_unlock(&b->lock);
    }
    if (atomic_load(&b->produced) <= b->sequence) {
        pthread_mutex_lock(&b->lock);
        atomic_store(&b->consumer_waits, 1);
        while (atomic_load(&b->produced) <= b->sequence)
            pthread_cond_wait(&b->ready, &b->lock);
        atomic_store(&b->consumer_waits, 0);
        pthread_mutex_unlock(&b->lock);
    }
    return &b->slots[b->sequence++ % b->slot_count];
}

/* --- the calls -------------------------------------------------------------------------------- */

// Beginning an epoch other than the one the thread reads ahead starts it anew.
static void begin(kaon_batches *b, int64_t epoch, int32_t want_thread)
{
    const int32_t foreseen =
        b->threaded && b->sequence % b->per_epoch == 0 &&
        (!b->shuffle.order || epoch == b->first_epoch + b->sequence / b->per_epoch);
    b->epoch = epoch;
    b->next = 0;
    if (foreseen)
        return;
    stop_thread(b);
    if (want_thread)
        start_thread(b, epoch);
    if (!b->threaded)
        kn_shuffler_begin(&b->shuffle, epoch);
}

kaon_status kn_batches_next(kaon_batches *b, int64_t epoch, kaon_batch *out, kaon_diag *diag)
{
    (void)diag;
    if (b->next == b->per_epoch && epoch == b->epoch) {
        b->next = 0;
        b->epoch = -1; // whoever asks again, gets the epoch again
        return KAON_END;
    }
    if (b->next == 0 || epoch != b->epoch) {
        if (b->per_epoch == 0)
            return KAON_END;
        begin(b, epoch, b->slot_count > 1);
    }
    const slot *s = &b->slots[0];
    if (b->threaded)
        s = next_from_thread(b);
    else
        fill(b, &b->slots[0], b->next);
    b->next++;

    const kaon_batch batch = {
        .size = sizeof batch,
        .last = b->next == b->per_epoch,
        .rows = s->rows,
        .features = s->at[FEATURES],
        .target = s->at[TARGET],
        .weight = s->at[WEIGHT],
    };
    kn_struct_give(out, &batch, sizeof batch);
    return KAON_OK;
}

static void fini(kaon_batches *b)
{
    for (int64_t i = 0; b->slots && i < b->slot_count; i++)
        for (int32_t j = 0; j < FIELDS; j++)
            kn_free(b->slots[i].memory[j]);
    kn_free(b->slots);
    kn_free(b->scratch);
    kn_free(b->constant);
    kn_shuffler_fini(&b->shuffle);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->space);
    pthread_cond_destroy(&b->ready);
    kn_table_release(b->table);
    kn_free(b);
}

void kn_batches_close(kaon_batches *b)
{
    if (!b)
        return;
    stop_thread(b);
    fini(b);
}

int32_t kn_batches_threaded(const kaon_batches *b)
{
    return b->slot_count > 1;
}

/* --- opening ---------------------------------------------------------------------------------- */

static kaon_status set_field(const kaon_batches *b, int32_t role, field *f, kaon_diag *diag)
{
    kaon_column c = {.size = sizeof c};
    f->to = b->spec.float_type;
    f->width = 1;
    f->to_bytes = kaon_dtype_bytes(f->to);
    if (kn_table_column_of(b->table, role, &c))
        return KAON_OK;
    if (c.offsets)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "the %s are jagged; batches need rows of one length (pad them)",
                         kn_role_text(role));
    if (role == KAON_ROLE_TARGET && !kaon_dtype_is_float(c.view.dtype))
        f->to = KAON_I64;
    for (int32_t i = 1; i < c.view.rank; i++)
        f->width *= c.view.shape[i];
    f->data = c.view.data;
    f->from = c.view.dtype;
    f->from_bytes = (size_t)f->width * kaon_dtype_bytes(f->from);
    f->to_bytes = (size_t)f->width * kaon_dtype_bytes(f->to);
    return KAON_OK;
}

// Weights add up in double, row after row.
static kaon_status set_weights(kaon_batches *b, kaon_diag *diag)
{
    const field *f = &b->fields[WEIGHT];
    // No batch of a small table is ever full: its rows then count as a full one.
    const int64_t full = b->rows < b->spec.rows ? b->rows : b->spec.rows;
    double mean = 1;
    b->weight_scale = 1;
    if (f->data && b->rows) {
        double sum = 0, value = 0;
        for (int64_t i = 0; i < b->rows; i++) {
            kn_convert(f->from, f->data + (size_t)i * f->from_bytes, KAON_F64, &value, 1);
            sum += value;
        }
        mean = sum / (double)b->rows;
    }
    if (!b->spec.normalize || !full)
        return KAON_OK;
    if (!isfinite(mean) || mean == 0)
        return kaon_fail(diag, KAON_INVALID,
                         "the weights of the table have the mean %g; to divide by it, it must be a "
                         "number other than 0",
                         mean);
    b->weight_scale = 1 / (mean * (double)full);
    return KAON_OK;
}

static kaon_status set_slots(kaon_batches *b, kaon_diag *diag)
{
    size_t bytes = 0, widest = 0, table = 0;
    for (int32_t i = 0; i < FIELDS; i++) {
        const field *f = &b->fields[i];
        size_t own = 0, raw = 0;
        if (!kn_mul_size((size_t)b->spec.rows, f->to_bytes, &own) ||
            !kn_mul_size((size_t)b->spec.rows, f->from_bytes, &raw) ||
            !kn_add_size(bytes, own, &bytes))
            return kn_no_memory(diag, "batches");
        widest = raw > widest ? raw : widest;
        table += f->data ? (size_t)b->rows * f->from_bytes : 0;
    }
    const size_t fit = AHEAD_BYTES / (bytes ? bytes : 1);
    b->slot_count = fit > MOST_SLOTS ? MOST_SLOTS : (int64_t)fit;
    if (b->slot_count < FEWEST_SLOTS)
        b->slot_count = FEWEST_SLOTS;
    if (table <= INLINE_BYTES)
        b->slot_count = 1;

    b->slots = kn_alloc_array((size_t)b->slot_count, sizeof *b->slots);
    b->scratch = kn_alloc(widest);
    b->constant = kn_alloc((size_t)b->spec.rows * b->fields[WEIGHT].to_bytes);
    int ok = b->slots && b->scratch && b->constant;
    for (int64_t i = 0; ok && i < b->slot_count; i++)
        for (int32_t j = 0; j < FIELDS; j++)
            ok &= (b->slots[i].memory[j] =
                       kn_alloc((size_t)b->spec.rows * b->fields[j].to_bytes)) != NULL;
    return ok ? KAON_OK : kn_no_memory(diag, "batches");
}

// A table that lies in files for want of memory is shuffled in windows of a quarter of what there
// is.
static kaon_status set_order(kaon_batches *b, kaon_diag *diag)
{
    const uint64_t limit = kn_spill_limit(kn_table_spill_of(b->table));
    uint64_t row = 0;
    for (int32_t i = 0; i < FIELDS; i++)
        row += b->fields[i].data ? b->fields[i].from_bytes : 0;
    int64_t window = 0, block = 1;
    if ((uint64_t)b->rows * row > limit) {
        const int64_t batches = (int64_t)(limit / 4 / row) / b->spec.rows;
        window = (batches ? batches : 1) * b->spec.rows; // so that no batch lies in two
        block = BLOCK_BYTES / (int64_t)row ? BLOCK_BYTES / (int64_t)row : 1;
        block = block > window / 8 ? (window + 7) / 8 : block;
    }
    return kn_shuffler_init(&b->shuffle, b->spec.seed, b->rows, window, block, diag);
}

static kaon_status prepare(kaon_batches *b, kaon_diag *diag)
{
    KAON_TRY(set_field(b, KAON_ROLE_FEATURES, &b->fields[FEATURES], diag));
    KAON_TRY(set_field(b, KAON_ROLE_TARGET, &b->fields[TARGET], diag));
    KAON_TRY(set_field(b, KAON_ROLE_WEIGHT, &b->fields[WEIGHT], diag));
    if (!b->fields[FEATURES].data)
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    if (b->fields[WEIGHT].width != 1)
        return kaon_fail(diag, KAON_INVALID, "the weights have %lld numbers per row; it must be 1",
                         (long long)b->fields[WEIGHT].width);
    KAON_TRY(set_weights(b, diag));
    KAON_TRY(set_slots(b, diag));
    for (int64_t i = 0; i < b->spec.rows; i++) {
        const double weight = b->weight_scale;
        kn_convert(KAON_F64, &weight, b->spec.float_type,
                   b->constant + (size_t)i * b->fields[WEIGHT].to_bytes, 1);
    }
    if (!b->spec.shuffle)
        return KAON_OK;
    return set_order(b, diag);
}

kaon_status kn_batches_open(kaon_table *table, const kaon_batch_spec *spec, kaon_batches **out,
                            kaon_diag *diag)
{
    kaon_batch_spec own;
    KAON_TRY(kn_struct_take(&own, sizeof own, spec, "kaon_batch_spec", diag));
    if (own.rows < 1)
        return kaon_fail(diag, KAON_INVALID, "batches of %lld rows", (long long)own.rows);
    if (own.float_type != KAON_F32 && own.float_type != KAON_F64)
        return kaon_fail(diag, KAON_UNSUPPORTED, "batches of %s; there are f32 and f64",
                         kaon_dtype_text(own.float_type));
    kaon_batches *b = kn_alloc_zero(sizeof *b);
    if (!b)
        return kn_no_memory(diag, "batches");
    kn_table_retain(table);
    b->table = table;
    b->spec = own;
    b->rows = kn_table_rows(table);
    b->per_epoch = b->rows / own.rows + (b->rows % own.rows != 0);
    b->epoch = -1;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->space, NULL);
    pthread_cond_init(&b->ready, NULL);
    const kaon_status status = prepare(b, diag);
    if (status) {
        fini(b);
        return status;
    }
    *out = b;
    return KAON_OK;
}
