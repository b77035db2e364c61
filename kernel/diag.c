/* diag.c: the words of a failure, gathered on its way up, in a buffer of fixed size.
 *
 * Nothing here allocates, so that running out of memory can be told. Texts come from plugins and
 * files; control characters are replaced, so that no message can move a terminal's cursor.
 */
#include "kernel/diag.h"

#include <string.h>

static const char cut_mark[] = "...";

// A kaon_diag that the host hands out is the first member of a kn_diag.
static kn_diag *own(kaon_diag *diag)
{
    return (kn_diag *)(void *)diag;
}

// The largest cut <= length that does not split a UTF-8 sequence.
static size_t whole_characters(const char *text, size_t length)
{
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

// Copies `text` to fault->text + at, as far as it goes, and ends it.
static void put(kn_diag *fault, size_t at, const char *text)
{
    const size_t room = sizeof fault->text - 1 - at;
    size_t length = strlen(text);
    const int32_t cut = length > room;

    if (cut)
        length = whole_characters(text, room - (sizeof cut_mark - 1));
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        fault->text[at + i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    fault->text[at + length] = 0;
    if (cut)
        memcpy(fault->text + at + length, cut_mark, sizeof cut_mark);
}

static kaon_status fail(kaon_diag *diag, kaon_status status, const char *text)
{
    kn_diag *fault = own(diag);
    fault->status = status;
    fault->places = 0;
    put(fault, 0, text ? text : "");
    return status;
}

static kaon_status context(kaon_diag *diag, kaon_status status, const char *text)
{
    kn_diag *fault = own(diag);
    if (status == KAON_OK)
        return status;

    // A place longer than half the buffer would push out what went wrong.
    char place[KN_DIAG_BYTES / 2];
    char before[KN_DIAG_BYTES];
    size_t length = strlen(text ? text : "");
    if (length > sizeof place - 1)
        length = whole_characters(text, sizeof place - 1);
    if (length)
        memcpy(place, text, length);
    place[length] = 0;
    memcpy(before, fault->text, sizeof before);

    const char *joint = !before[0] ? "" : fault->places ? " / " : ": ";
    put(fault, 0, place);
    length = strlen(fault->text);
    put(fault, length, joint);
    put(fault, length + strlen(joint), before);
    fault->status = status;
    fault->places++;
    return status;
}

static const char *text_of(const kaon_diag *diag)
{
    return ((const kn_diag *)(const void *)diag)->text;
}

static const kaon_diag_api diag_api = {
    .size = sizeof diag_api,
    .fail = fail,
    .context = context,
    .text = text_of,
};

void kn_diag_init(kn_diag *fault)
{
    fault->diag.api = &diag_api;
    kn_diag_clear(fault);
}

void kn_diag_clear(kn_diag *fault)
{
    fault->status = KAON_OK;
    fault->places = 0;
    fault->text[0] = 0;
}

kaon_status kn_diag_pass(const kn_diag *from, kaon_diag *to)
{
    if (!to || !from->status)
        return from->status;
    return to->api->fail(to, from->status, from->text);
}
