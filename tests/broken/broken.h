/* broken.h: a layer with nothing wrong in it, from which the broken plugins start.
 *
 * NAME is set by the build for each plugin. The descriptor and the note are written out by hand, so
 * that each can be wrong on its own.
 */
#ifndef BROKEN_H
#define BROKEN_H

#include <kaon/layer.h>

#if defined(__GNUC__)
#    define SPARE __attribute__((unused)) // each plugin uses a part of what its source holds
#endif

SPARE static kaon_node *pass(kaon_graph *g, const void *settings, kaon_node *in)
{
    (void)g;
    (void)settings;
    return in;
}

SPARE static const kaon_layer sound_layer = {
    .size = sizeof sound_layer,
    .help = "hands on what it gets",
    .build = pass,
};

// The note of a plugin with one layer, and `more` items as they stand in a note.
#define BROKEN_TEXT(more) NAME "\0001.0.0\0MIT\0for tests\0" KAON_LAYER "\0" NAME "\0" more
#define BROKEN_NOTE(more)                                                                          \
    static const struct {                                                                          \
        uint32_t owner_size, text_size, type;                                                      \
        char owner[8];                                                                             \
        uint32_t abi;                                                                              \
        char text[sizeof(BROKEN_TEXT(more))];                                                      \
    } note KAON_IN_NOTE = {                                                                        \
        sizeof KAON_NOTE_OWNER, (uint32_t)(sizeof(uint32_t) + sizeof note.text),                   \
        KAON_NOTE_TYPE,         KAON_NOTE_OWNER,                                                   \
        KAON_ABI_TARGET,        BROKEN_TEXT(more)};

// A descriptor without fault, but for what comes after.
#define SOUND                                                                                      \
    .size = sizeof(kaon_plugin), .abi = KAON_ABI_TARGET, .name = NAME, .version = "1.0.0",         \
    .license = "MIT", .summary = "for tests"

#endif
