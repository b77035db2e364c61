/* tensorboard.c: the numbers of a run as an event file TensorBoard reads.
 *
 * events.out.tfevents.<seconds>.<host> in the run folder: `tensorboard --logdir runs` shows all
 * runs. The file is a row of TFRecords: length (u64), its masked CRC-32C, data, their masked
 * CRC-32C, all little-endian. The data are protobuf messages (tensorflow/core/util/event.proto,
 * summary.proto): Event   {1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary
 * summary} Summary {1: Value {1: string tag, 2: float simple_value}}
 */
#include <kaon/sink.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, TAG_BYTES = 256, RECORD_BYTES = TAG_BYTES + 64 };

typedef struct {
    const kaon_host *host;
    FILE *file;
    char path[PATH_BYTES];
} sink;

/* --- records ---------------------------------------------------------------------------------- */

typedef struct {
    size_t count;
    uint8_t at[RECORD_BYTES];
} bytes;

static void add(bytes *b, const void *data, size_t count)
{
    memcpy(b->at + b->count, data, count);
    b->count += count;
}

static void add_fixed(bytes *b, uint64_t bits, int count)
{
    for (int i = 0; i < count; i++)
        b->at[b->count++] = (uint8_t)(bits >> 8 * i);
}

static void add_varint(bytes *b, uint64_t value)
{
    for (; value > 127; value >>= 7)
        b->at[b->count++] = (uint8_t)(value | 128);
    b->at[b->count++] = (uint8_t)value;
}

static void add_double(bytes *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_fixed(b, bits, 8);
}

static void add_float(bytes *b, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_fixed(b, bits, 4);
}

// Field `number` of a message: 0 varint, 1 eight bytes, 2 bytes after their count, 5 four bytes.
static void add_key(bytes *b, int number, int type)
{
    b->at[b->count++] = (uint8_t)(number << 3 | type);
}

static void add_bytes(bytes *b, int number, const void *data, size_t count)
{
    add_key(b, number, 2);
    add_varint(b, count);
    add(b, data, count);
}

// CRC-32C (Castagnoli), bit by bit: an event has some fifty bytes.
static uint32_t crc32c(const uint8_t *data, size_t count)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < count; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

// As TFRecord has it: a sum over data that hold sums would be weak.
static uint32_t masked_crc(const uint8_t *data, size_t count)
{
    const uint32_t crc = crc32c(data, count);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static kaon_status write_record(sink *s, const bytes *data, kaon_diag *diag)
{
    bytes head = {0}, tail = {0};
    add_fixed(&head, data->count, 8);
    add_fixed(&head, masked_crc(head.at, 8), 4);
    add_fixed(&tail, masked_crc(data->at, data->count), 4);
    if (fwrite(head.at, head.count, 1, s->file) != 1 ||
        fwrite(data->at, data->count, 1, s->file) != 1 ||
        fwrite(tail.at, tail.count, 1, s->file) != 1)
        return kaon_fail(diag, KAON_IO, "cannot write %s: %s", s->path, strerror(errno));
    return KAON_OK;
}

/* --- the sink --------------------------------------------------------------------------------- */

static kaon_status write_number(void *self, const char *name, int64_t step, double wall_time,
                                double value, kaon_diag *diag)
{
    bytes entry = {0}, summary = {0}, event = {0};
    const size_t length = strlen(name);
    add_bytes(&entry, 1, name, length < TAG_BYTES ? length : TAG_BYTES);
    add_key(&entry, 2, 5);
    add_float(&entry, (float)value);
    add_bytes(&summary, 1, entry.at, entry.count);
    add_key(&event, 1, 1);
    add_double(&event, wall_time);
    if (step) { // what is zero is left out
        add_key(&event, 2, 0);
        add_varint(&event, (uint64_t)step);
    }
    add_bytes(&event, 5, summary.at, summary.count);
    return write_record(self, &event, diag);
}

static kaon_status write_version(sink *s, double wall_time, kaon_diag *diag)
{
    static const char version[] = "brain.Event:2";
    bytes event = {0};
    add_key(&event, 1, 1);
    add_double(&event, wall_time);
    add_bytes(&event, 3, version, sizeof version - 1);
    return write_record(s, &event, diag);
}

static kaon_status flush(void *self, kaon_diag *diag)
{
    sink *s = self;
    if (fflush(s->file))
        return kaon_fail(diag, KAON_IO, "cannot write %s: %s", s->path, strerror(errno));
    return KAON_OK;
}

static void close_sink(void *self)
{
    sink *s = self;
    if (!s)
        return;
    if (s->file)
        fclose(s->file);
    kaon_free(s->host, s);
}

static kaon_status open_file(sink *s, const char *folder, double wall_time, kaon_diag *diag)
{
    char machine[256] = "";
    if (gethostname(machine, sizeof machine - 1) || !*machine)
        snprintf(machine, sizeof machine, "localhost");
    const int length = snprintf(s->path, PATH_BYTES, "%s/events.out.tfevents.%010lld.%s", folder,
                                (long long)wall_time, machine);
    if (length >= PATH_BYTES)
        return kaon_fail(diag, KAON_INVALID, "the path of the run folder is too long: %s", folder);
    s->file = fopen(s->path, "ab"); // a run that goes on within the second adds to it
    if (!s->file)
        return kaon_fail(diag, KAON_IO, "cannot write %s: %s", s->path, strerror(errno));
    return write_version(s, wall_time, diag);
}

static kaon_status open_sink(const kaon_host *host, const void *settings, const char *folder,
                             double wall_time, void **self, kaon_diag *diag)
{
    (void)settings;
    *self = NULL;
    sink *s = kaon_alloc(host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for an event file");
    memset(s, 0, sizeof *s);
    s->host = host;
    const kaon_status status = open_file(s, folder, wall_time, diag);
    if (status)
        close_sink(s);
    else
        *self = s;
    return status;
}

static const kaon_sink tensorboard = {
    .size = sizeof tensorboard,
    .help = "event files in the run folder, for tensorboard --logdir runs",
    .open = open_sink,
    .number = write_number,
    .flush = flush,
    .close = close_sink,
};

#define ITEMS(item) item(KAON_SINK, "tensorboard", &tensorboard)

KAON_PLUGIN("tensorboard", "1.0.0", "Apache-2.0", "numbers of a run for TensorBoard", ITEMS, NULL)
