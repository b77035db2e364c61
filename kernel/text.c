/* text.c: growing texts, UTF-8, and "did you mean". */
#include "kernel/text.h"

#include "kernel/memory.h"

#include <string.h>

enum { FIRST_CAPACITY = 128, LONGEST_WORD = 64 };

// Makes room for `more` bytes and the zero byte after them.
static int32_t reserve(kn_text *text, size_t more)
{
    size_t need;
    if (text->failed)
        return 0;
    if (kn_add_size(text->length, more, &need) && kn_add_size(need, 1, &need)) {
        if (need <= text->capacity)
            return 1;
        const size_t twice = text->capacity > SIZE_MAX / 2 ? need : 2 * text->capacity;
        size_t capacity = twice > need ? twice : need;
        if (capacity < FIRST_CAPACITY)
            capacity = FIRST_CAPACITY;
        char *grown = kn_resize(text->at, capacity);
        if (grown) {
            text->at = grown;
            text->capacity = capacity;
            return 1;
        }
    }
    text->failed = 1;
    return 0;
}

void kn_text_add(kn_text *text, const char *more)
{
    kn_text_add_bytes(text, more, strlen(more));
}

void kn_text_add_bytes(kn_text *text, const char *more, size_t bytes)
{
    if (!reserve(text, bytes))
        return;
    if (bytes)
        memcpy(text->at + text->length, more, bytes);
    text->length += bytes;
    text->at[text->length] = 0;
}

void kn_text_format(kn_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        text->failed = 1;
    if (reserve(text, length < 0 ? 0 : (size_t)length)) {
        vsnprintf(text->at + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

const char *kn_text_get(const kn_text *text)
{
    return text->at ? text->at : "";
}

void kn_text_clear(kn_text *text)
{
    text->length = 0;
    text->failed = 0;
    if (text->at)
        text->at[0] = 0;
}

char *kn_text_take(kn_text *text)
{
    kn_text_add_bytes(text, "", 0); // even an empty text is a block of its own
    char *taken = text->failed ? NULL : text->at;
    if (!taken)
        kn_free(text->at);
    *text = (kn_text){0};
    return taken;
}

void kn_text_fini(kn_text *text)
{
    kn_free(text->at);
    *text = (kn_text){0};
}

// Length of the well-formed sequence at `at` (the table of the Unicode standard, 3-7); 0: none.
static size_t utf8_sequence(const unsigned char *at, size_t left)
{
    const unsigned char first = at[0];
    const size_t length = first < 0x80   ? 1
                          : first < 0xc2 ? 0
                          : first < 0xe0 ? 2
                          : first < 0xf0 ? 3
                          : first < 0xf5 ? 4
                                         : 0;
    if (first == 0 || length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
        (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

int32_t kn_utf8_valid(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    while (bytes) {
        const size_t length = utf8_sequence(at, bytes);
        if (!length)
            return 0;
        at += length;
        bytes -= length;
    }
    return 1;
}

int32_t kn_text_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int32_t kn_text_starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

// Rows of the usual table of prefixes; only the last three are kept.
int32_t kn_text_distance(const char *a, const char *b)
{
    int32_t rows[3][LONGEST_WORD + 1];
    const int32_t na = (int32_t)strnlen(a, LONGEST_WORD), nb = (int32_t)strnlen(b, LONGEST_WORD);
    int32_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (int32_t j = 0; j <= nb; j++)
        last[j] = j;
    for (int32_t i = 1; i <= na; i++) {
        row[0] = i;
        for (int32_t j = 1; j <= nb; j++) {
            const char ca = lower(a[i - 1]), cb = lower(b[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == lower(b[j - 2]) && lower(a[i - 2]) == cb)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        int32_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[nb];
}

// 1 if one is how the other begins, and long enough for that to mean something: batch, batch_size.
static int32_t begins_alike(const char *a, const char *b)
{
    const size_t na = strlen(a), nb = strlen(b), shorter = na < nb ? na : nb;
    return shorter >= 4 && !strncmp(a, b, shorter);
}

void kn_nearest_offer(kn_nearest *nearest, const char *candidate)
{
    const int32_t length = (int32_t)strnlen(nearest->word, LONGEST_WORD);
    const int32_t enough = length / 3 > 1 ? length / 3 : 1;
    int32_t distance = kn_text_distance(nearest->word, candidate);
    if (distance > enough && begins_alike(nearest->word, candidate))
        distance = enough + 1; // a true misspelling is nearer
    else if (distance > enough)
        return;
    if (nearest->best && distance >= nearest->distance)
        return;
    nearest->best = candidate;
    nearest->distance = distance;
}

const char *kn_suggest(const char *word, const char *const *words, size_t count)
{
    kn_nearest nearest = {.word = word};
    for (size_t i = 0; i < count; i++)
        kn_nearest_offer(&nearest, words[i]);
    return nearest.best;
}
