/* variables.h: the named tensors of one model, outside of programs.
 *
 * A variable stays at one place in host memory for as long as the set lives, so that programs hold
 * its address. Variables of one role (parameters, each kind of slot, other state) and dtype lie one
 * behind the other in order of creation, each at a multiple of 64 bytes: an optimizer can treat all
 * parameters as one long vector.
 *
 * Where the device has memory of its own, each variable also has a place there; `host_newer` and
 * `device_newer` tell which holds the truth.
 */
#ifndef KN_VARIABLES_H
#define KN_VARIABLES_H

#include "compiler/device.h"
#include "graph/graph.h"

typedef struct kn_variable {
    char *name; // full path
    int32_t dtype;
    int32_t rank;
    uint32_t flags; // KAON_TRAINABLE, KAON_SLOT
    int32_t index;
    int64_t shape[KAON_MAX_RANK];
    uint64_t bytes;
    void *memory;        // host, row-major
    void *device_memory; // NULL: none, or the host's
    int32_t host_newer;
    int32_t device_newer;
} kn_variable;

kaon_status kn_variables_new(kn_kernel *kernel, uint64_t seed, kaon_variables **out,
                             kaon_diag *diag);
void kn_variables_retain(kaon_variables *v);
void kn_variables_release(kaon_variables *v); // takes NULL
int32_t kn_variables_count(const kaon_variables *v);
kn_variable *kn_variables_at(kaon_variables *v, int32_t index);

/* NULL: there is none of that name. */
kn_variable *kn_variables_find(const kaon_variables *v, const char *name);

/* The variable a graph reads, made and initialised if it is not there. One that is there must have
 * the same dtype and shape. [instance] */
kaon_status kn_variables_make(kaon_variables *v, const kn_graph_variable *wanted, kn_variable **out,
                              kaon_diag *diag);

/* What a variable is for: "param", "state", or the last word of a slot's name. */
const char *kn_variable_role(const char *name, uint32_t flags);

/* Room in one piece for what a program is about to make: `bytes` more of the role `wanted` has. */
kaon_status kn_variables_reserve(kaon_variables *v, const kn_graph_variable *wanted, uint64_t bytes,
                                 kaon_diag *diag);

/* Gives the variable a place on a device with memory of its own. A set is on one device. */
kaon_status kn_variables_place(kaon_variables *v, kn_variable *variable, kn_device *device,
                               kaon_diag *diag);

/* Copies what is newer on one side to the other. */
kaon_status kn_variables_to_device(kaon_variables *v, kaon_diag *diag);
kaon_status kn_variable_to_host(kaon_variables *v, kn_variable *variable, kaon_diag *diag);

/* The calls of program.h. */
kaon_status kn_variable_info(kaon_variables *v, int32_t index, kaon_variable_info *out,
                             kaon_diag *diag);
kaon_status kn_variable_set(kaon_variables *v, const char *name, uint32_t flags,
                            const kaon_view *value, kaon_diag *diag);
kaon_status kn_variable_get(kaon_variables *v, const char *name, const kaon_view *into,
                            kaon_diag *diag);
kaon_status kn_variables_copy(const kaon_variables *from, kaon_variables *to, kaon_diag *diag);

/* --- initial.c -------------------------------------------------------------------------------- */

/* Fills a variable by its rule of graph.h, in double precision, rounded at the end. The numbers
 * come from Philox keyed by the seed and the name alone. */
kaon_status kn_initialise(const kn_graph_variable *rule, uint64_t seed, void *memory,
                          kaon_diag *diag);

#endif
