/* interfaces.h: the kinds of items this kernel knows, and what a table of each must hold. */
#ifndef KN_INTERFACES_H
#define KN_INTERFACES_H

#include <kaon/plugin.h>

typedef void kn_call(void); // stands for a function of any type

// What happens where a plugin left a slot out.
enum {
    KN_MUST = 0, // the plugin is refused
    KN_STUB = 1, // `stub` takes its place
    KN_MAY = 2   // it stays NULL: its absence means something to the caller
};

typedef struct kn_slot {
    const char *name;
    uint32_t offset; // of a pointer in the table
    int32_t need;    // KN_MUST, KN_STUB, KN_MAY
    kn_call *stub;
} kn_slot;

typedef struct kn_interface {
    const char *id;       // "kaon.layer/1"
    const char *word;     // "layer", for messages
    uint32_t size;        // of a full table
    const kn_slot *slots; // ends with a row without a name
} kn_interface;

extern const kn_interface kn_interfaces[]; // ends with {0}

/* NULL if this kernel knows no such interface. [any] */
const kn_interface *kn_interface_find(const char *id);

/* "layer" for "kaon.layer/1", also for interfaces this kernel does not know: into `room` bytes,
 * which it returns. [any] */
const char *kn_interface_word(const char *id, char *word, size_t room);

/* Copies a plugin's table into `full`, of interface->size bytes, and fills what is absent. Refuses
 * tables without a mandatory slot, and longer ones whose unknown tail is not zero. [any] */
kaon_status kn_interface_fill(const kn_interface *interface, const void *table, void *full,
                              kaon_diag *diag);

#endif
