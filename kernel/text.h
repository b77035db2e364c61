/* text.h: growing texts, UTF-8, and "did you mean". */
#ifndef KN_TEXT_H
#define KN_TEXT_H

#include <kaon/base.h>

/* A text that grows. Start with {0}. A failed allocation is kept: later calls do nothing, and
 * kn_text_take returns NULL; so a row of calls needs one check. [instance] */
typedef struct kn_text {
    char *at; // ends with a zero byte once anything was added; NULL before
    size_t length;
    size_t capacity;
    int32_t failed;
} kn_text;

void kn_text_add(kn_text *text, const char *more);
void kn_text_add_bytes(kn_text *text, const char *more, size_t bytes);
KAON_PRINTF(2, 3) void kn_text_format(kn_text *text, const char *format, ...);

/* The text, "" if nothing was added. Borrowed. */
const char *kn_text_get(const kn_text *text);

/* Empties it and keeps the memory. */
void kn_text_clear(kn_text *text);

/* Hands over the text (kn_free it); NULL if memory ran out on the way. The builder is {0} again. */
char *kn_text_take(kn_text *text);

void kn_text_fini(kn_text *text);

/* 1 if the bytes are well-formed UTF-8 without zero bytes. [any] */
int32_t kn_utf8_valid(const char *text, size_t bytes);

/* 1 if a equals b; NULL equals only NULL. [any] */
int32_t kn_text_same(const char *a, const char *b);

/* 1 if `text` begins with `start`. [any] */
int32_t kn_text_starts(const char *text, const char *start);

/* Damerau-Levenshtein distance (optimal string alignment), case ignored; texts longer than 64 bytes
 * are compared by their first 64. [any] */
int32_t kn_text_distance(const char *a, const char *b);

/* The nearest of the words offered one by one. Start with {.word = word}; `best` is NULL as long as
 * none is near enough to be what was meant (a third of the word's length, at least 1; or one begins
 * the other). A tie keeps the first. */
typedef struct kn_nearest {
    const char *word;
    const char *best; // borrowed
    int32_t distance;
} kn_nearest;

void kn_nearest_offer(kn_nearest *nearest, const char *candidate);

/* The same for an array of `count` words; NULL if none is near enough. [any] */
const char *kn_suggest(const char *word, const char *const *words, size_t count);

#endif
