/* classes.c: class numbers from texts or whole numbers. */
#include "data/classes.h"

#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// One value that was seen.
typedef struct value {
    int64_t number; // or the index of the text in `texts`
    char *text;     // also of numbers, once settled
    int64_t place;  // class number in the end
} value;

struct kn_classes {
    int32_t of_text;
    int32_t named; // numbers are indices of names given beforehand
    value *values; // distinct, in the order they came
    int64_t count;
    int64_t room;
    int64_t *slots; // hash table of indices + 1, a power of two of them
    int64_t slot_count;
    int64_t last;  // value of the row before: most files come in runs
    int64_t *rows; // index of a value, or -1; the memory of `block`
    int64_t row_count;
    kn_block block;
    const char **names;
};

kn_classes *kn_classes_new(int32_t of_text, kn_spill *spill)
{
    kn_classes *c = kn_alloc_zero(sizeof *c);
    if (c) {
        c->of_text = of_text;
        c->block.spill = spill;
    }
    return c;
}

void kn_classes_free(kn_classes *c)
{
    if (!c)
        return;
    for (int64_t i = 0; i < c->count; i++)
        kn_free(c->values[i].text);
    kn_free(c->values);
    kn_free(c->slots);
    kn_block_free(&c->block);
    kn_free(c->names);
    kn_free(c);
}

/* --- distinct values -------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text, size_t bytes, int64_t number)
{
    return text ? kn_checksum(text, bytes)
                : ((uint64_t)number ^ (uint64_t)number >> 32) * 0x9E3779B97F4A7C15u;
}

static int same_value(const value *v, const char *text, size_t bytes, int64_t number)
{
    if (!text)
        return v->number == number;
    return strlen(v->text) == bytes && !memcmp(v->text, text, bytes);
}

static uint64_t slot_of(const kn_classes *c, uint64_t hash, const char *text, size_t bytes,
                        int64_t number)
{
    const uint64_t mask = (uint64_t)c->slot_count - 1;
    uint64_t at = (hash ^ hash >> 29) & mask;
    while (c->slots[at] && !same_value(&c->values[c->slots[at] - 1], text, bytes, number))
        at = (at + 1) & mask;
    return at;
}

static int grow_slots(kn_classes *c)
{
    const int64_t count = c->slot_count ? 2 * c->slot_count : 64;
    int64_t *slots = kn_alloc_array((size_t)count, sizeof *slots);
    if (!slots)
        return 0;
    kn_free(c->slots);
    c->slots = slots;
    c->slot_count = count;
    for (int64_t i = 0; i < c->count; i++) {
        const value *v = &c->values[i];
        const size_t bytes = v->text ? strlen(v->text) : 0;
        c->slots[slot_of(c, hash_of(v->text, bytes, v->number), v->text, bytes, v->number)] = i + 1;
    }
    return 1;
}

// The index of a value, added if it is new.
static kaon_status intern(kn_classes *c, const char *text, size_t bytes, int64_t number,
                          int64_t *index, kaon_diag *diag)
{
    if (2 * (c->count + 1) > c->slot_count && !grow_slots(c))
        return kn_no_memory(diag, "classes");
    const uint64_t at = slot_of(c, hash_of(text, bytes, number), text, bytes, number);
    if (c->slots[at]) {
        *index = c->slots[at] - 1;
        return KAON_OK;
    }
    if (c->count == KN_MOST_CLASSES)
        return kaon_fail(diag, KAON_INVALID,
                         "it has more than %d different values, too many for classes; if they are "
                         "amounts, set `task: regression`",
                         KN_MOST_CLASSES);
    if (c->count == c->room) {
        const int64_t room = c->room ? 2 * c->room : 32;
        value *values = kn_resize_array(c->values, (size_t)room, sizeof *values);
        if (!values)
            return kn_no_memory(diag, "classes");
        c->values = values;
        c->room = room;
    }
    value v = {.number = number};
    if (text && !(v.text = kn_copy_bytes(text, bytes)))
        return kn_no_memory(diag, "classes");
    c->values[c->count] = v;
    c->slots[at] = *index = c->count++;
    c->slots[at]++;
    return KAON_OK;
}

kaon_status kn_classes_name(kn_classes *c, const char *names, size_t bytes, kaon_diag *diag)
{
    const char *end = names + bytes;
    int64_t number = 0;
    for (const char *at = names; at <= end && bytes; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        int64_t index = 0;
        KAON_TRY(intern(c, NULL, 0, number, &index, diag));
        c->values[index].text = kn_copy_bytes(at, (size_t)(stop - at));
        if (!c->values[index].text)
            return kn_no_memory(diag, "classes");
        at = stop + 1;
    }
    c->named = 1;
    return KAON_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static kaon_status need_rows(kn_classes *c, int64_t count, kaon_diag *diag)
{
    const size_t needed = (size_t)(c->row_count + count) * sizeof *c->rows;
    if (c->block.bytes >= needed)
        return KAON_OK;
    KAON_TRY(kn_block_resize(&c->block, 2 * needed + 64 * sizeof *c->rows, "classes", diag));
    c->rows = c->block.at;
    return KAON_OK;
}

kaon_status kn_classes_add_text(kn_classes *c, const char *text, size_t bytes, kaon_diag *diag)
{
    KAON_TRY(need_rows(c, 1, diag));
    if (!c->count || !same_value(&c->values[c->last], text, bytes, 0))
        KAON_TRY(intern(c, text, bytes, 0, &c->last, diag));
    c->rows[c->row_count++] = c->last;
    return KAON_OK;
}

// Numbers that were named beforehand have texts too, but are found by number.
kaon_status kn_classes_add_numbers(kn_classes *c, const int64_t *numbers, int64_t count,
                                   kaon_diag *diag)
{
    KAON_TRY(need_rows(c, count, diag));
    for (int64_t i = 0; i < count; i++) {
        if (c->named && (numbers[i] < 0 || numbers[i] >= c->count))
            return kaon_fail(
                diag, KAON_CORRUPT, "row %lld has the class %lld; the file names classes 0 to %lld",
                (long long)c->row_count, (long long)numbers[i], (long long)c->count - 1);
        if (c->named)
            c->last = numbers[i];
        else if (!c->count || c->values[c->last].number != numbers[i])
            KAON_TRY(intern(c, NULL, 0, numbers[i], &c->last, diag));
        c->rows[c->row_count++] = c->last;
    }
    return KAON_OK;
}

kaon_status kn_classes_add_missing(kn_classes *c, kaon_diag *diag)
{
    KAON_TRY(need_rows(c, 1, diag));
    c->rows[c->row_count++] = -1;
    return KAON_OK;
}

/* --- settling --------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const value *p = *(value *const *)a, *q = *(value *const *)b;
    return (p->number > q->number) - (p->number < q->number);
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(value *const *)a)->text, (*(value *const *)b)->text);
}

static kaon_status name_numbers(kn_classes *c, kaon_diag *diag)
{
    for (int64_t i = 0; i < c->count; i++) {
        char text[32];
        if (c->values[i].text)
            continue;
        snprintf(text, sizeof text, "%" PRId64, c->values[i].number);
        c->values[i].text = kn_copy_text(text);
        if (!c->values[i].text)
            return kn_no_memory(diag, "classes");
    }
    return KAON_OK;
}

static kaon_status place_found(kn_classes *c, kaon_diag *diag)
{
    value **sorted = kn_alloc_array((size_t)c->count, sizeof *sorted);
    c->names = kn_alloc_array((size_t)c->count, sizeof *c->names);
    if (!sorted || !c->names) {
        kn_free(sorted);
        return kn_no_memory(diag, "classes");
    }
    for (int64_t i = 0; i < c->count; i++)
        sorted[i] = &c->values[i];
    if (c->count)
        qsort(sorted, (size_t)c->count, sizeof *sorted, c->of_text ? by_text : by_number);
    for (int64_t i = 0; i < c->count; i++) {
        sorted[i]->place = i;
        c->names[i] = sorted[i]->text;
    }
    kn_free(sorted);
    return KAON_OK;
}

static void list_names(const char *const *names, int64_t count, kn_text *out)
{
    for (int64_t i = 0; i < count && i < 20; i++)
        kn_text_format(out, "%s%s", i ? ", " : "", names[i]);
    if (count > 20)
        kn_text_add(out, ", ...");
}

static kaon_status refuse_value(const kn_classes *c, int64_t index, const char *const *given,
                                int64_t given_count, kaon_diag *diag)
{
    kn_text known = {0};
    int64_t row = 0;
    while (c->rows[row] != index)
        row++;
    list_names(given, given_count, &known);
    const kaon_status status =
        kaon_fail(diag, KAON_INVALID, "row %lld has the class '%s'; the classes are %s",
                  (long long)row, c->values[index].text, kn_text_get(&known));
    kn_text_fini(&known);
    return status;
}

static kaon_status place_given(kn_classes *c, const char *const *given, int64_t given_count,
                               kaon_diag *diag)
{
    c->names = kn_alloc_array((size_t)given_count, sizeof *c->names);
    if (!c->names)
        return kn_no_memory(diag, "classes");
    for (int64_t i = 0; i < c->count; i++)
        c->values[i].place = -1;
    for (int64_t i = 0; i < given_count; i++) {
        c->names[i] = given[i];
        for (int64_t j = 0; j < c->count; j++)
            if (!strcmp(c->values[j].text, given[i]))
                c->values[j].place = i;
    }
    // A name that no row has need not be among those given.
    for (int64_t row = 0; row < c->row_count; row++)
        if (c->rows[row] >= 0 && c->values[c->rows[row]].place < 0)
            return refuse_value(c, c->rows[row], given, given_count, diag);
    return KAON_OK;
}

kaon_status kn_classes_settle(kn_classes *c, const char *const *given, int64_t given_count,
                              kn_block *numbers, const char *const **names, int64_t *count,
                              kaon_diag *diag)
{
    KAON_TRY(name_numbers(c, diag));
    KAON_TRY(given_count ? place_given(c, given, given_count, diag) : place_found(c, diag));
    KAON_TRY(need_rows(c, 1, diag)); // so that there is a block even without rows
    for (int64_t row = 0; row < c->row_count; row++)
        if (c->rows[row] >= 0)
            c->rows[row] = c->values[c->rows[row]].place;
    KAON_TRY(
        kn_block_resize(&c->block, (size_t)(c->row_count + 1) * sizeof *c->rows, "classes", diag));
    *numbers = c->block;
    c->block = (kn_block){0};
    *names = c->names;
    *count = given_count ? given_count : c->count;
    c->rows = NULL;
    return KAON_OK;
}
