/* variables.c: the named tensors of one model, outside of programs.
 *
 * Memory comes in slabs, one row of them per role and dtype. What is made together lies together:
 * see variables.h.
 */
#include "compiler/variables.h"

#include "kernel/files.h"
#include "kernel/element.h"
#include "kernel/memory.h"
#include "kernel/structs.h"

#include <stdatomic.h>
#include <string.h>

enum { SLAB_BYTES = 1 << 18 }; // of a slab nobody reserved; pages never touched cost nothing

typedef struct slab slab;
struct slab {
    slab *next;
    char *role; // "param", "state" or the slot's own name ("m")
    int32_t dtype;
    char *memory;
    uint64_t bytes;
    uint64_t used;
};

struct kaon_variables {
    _Atomic int32_t owners;
    kn_kernel *kernel;
    kn_device *device; // with memory of its own; NULL: none
    uint64_t seed;
    kn_variable **list;
    int32_t count;
    int32_t room;
    slab *slabs; // the last made first
};

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

kaon_status kn_variables_new(kn_kernel *kernel, uint64_t seed, kaon_variables **out,
                             kaon_diag *diag)
{
    *out = NULL;
    kaon_variables *v = kn_alloc_zero(sizeof *v);
    if (!v)
        return kn_no_memory(diag, "a set of variables");
    atomic_init(&v->owners, 1);
    v->kernel = kernel;
    v->seed = seed;
    *out = v;
    return KAON_OK;
}

void kn_variables_retain(kaon_variables *v)
{
    atomic_fetch_add(&v->owners, 1);
}

static void variable_free(kaon_variables *v, kn_variable *variable)
{
    if (variable->device_memory)
        kn_device_free(v->device, variable->device_memory);
    kn_free(variable->name);
    kn_free(variable);
}

void kn_variables_release(kaon_variables *v)
{
    if (!v || atomic_fetch_sub(&v->owners, 1) > 1)
        return;
    for (int32_t i = 0; i < v->count; i++)
        variable_free(v, v->list[i]);
    while (v->slabs) {
        slab *next = v->slabs->next;
        kn_free(v->slabs->role);
        kn_free(v->slabs->memory);
        kn_free(v->slabs);
        v->slabs = next;
    }
    kn_free(v->list);
    kn_free(v);
}

int32_t kn_variables_count(const kaon_variables *v)
{
    return v->count;
}

kn_variable *kn_variables_at(kaon_variables *v, int32_t index)
{
    return index >= 0 && index < v->count ? v->list[index] : NULL;
}

kn_variable *kn_variables_find(const kaon_variables *v, const char *name)
{
    for (int32_t i = 0; i < v->count; i++)
        if (strcmp(v->list[i]->name, name) == 0)
            return v->list[i];
    return NULL;
}

/* --- memory ----------------------------------------------------------------------------------- */

const char *kn_variable_role(const char *name, uint32_t flags)
{
    if (flags & KAON_TRAINABLE)
        return "param";
    if (!(flags & KAON_SLOT))
        return "state";
    const char *last = strrchr(name, '/');
    return last ? last + 1 : name;
}

static slab *slab_of(const kaon_variables *v, const char *role, int32_t dtype)
{
    for (slab *s = v->slabs; s; s = s->next)
        if (s->dtype == dtype && strcmp(s->role, role) == 0)
            return s;
    return NULL;
}

static slab *slab_new(kaon_variables *v, const char *role, int32_t dtype, uint64_t bytes)
{
    slab *s = kn_alloc_zero(sizeof *s);
    if (!s)
        return NULL;
    s->dtype = dtype;
    s->bytes = bytes;
    s->role = kn_copy_text(role);
    s->memory = kn_alloc((size_t)bytes);
    if (!s->role || !s->memory) {
        kn_free(s->role);
        kn_free(s->memory);
        kn_free(s);
        return NULL;
    }
    s->next = v->slabs;
    v->slabs = s;
    return s;
}

// A slab with room for `bytes` more. An older one with a rest keeps it: order would be lost.
static slab *slab_with_room(kaon_variables *v, const char *role, int32_t dtype, uint64_t bytes)
{
    slab *s = slab_of(v, role, dtype);
    if (s && s->bytes - s->used >= bytes)
        return s;
    return slab_new(v, role, dtype, bytes > SLAB_BYTES ? bytes : SLAB_BYTES);
}

static void *take(slab *s, uint64_t bytes)
{
    // The gap up to the next multiple of 64 is cleared: vectors over several variables run over it.
    void *memory = s->memory + s->used;
    memset(memory, 0, (size_t)aligned(bytes));
    s->used += aligned(bytes);
    return memory;
}

kaon_status kn_variables_reserve(kaon_variables *v, const kn_graph_variable *wanted, uint64_t bytes,
                                 kaon_diag *diag)
{
    const char *role = kn_variable_role(wanted->name, wanted->flags);
    if (!slab_with_room(v, role, wanted->dtype, bytes))
        return kn_no_memory(diag, "variables");
    return KAON_OK;
}

static kaon_status grow(kaon_variables *v, kaon_diag *diag)
{
    if (v->count < v->room)
        return KAON_OK;
    const int32_t room = v->room ? 2 * v->room : 16;
    kn_variable **list = kn_resize_array(v->list, (size_t)room, sizeof *list);
    if (!list)
        return kn_no_memory(diag, "variables");
    v->list = list;
    v->room = room;
    return KAON_OK;
}

// Adds a variable without a value.
static kaon_status add(kaon_variables *v, const kn_graph_variable *wanted, kn_variable **out,
                       kaon_diag *diag)
{
    KAON_TRY(grow(v, diag));
    uint64_t bytes = kaon_dtype_bytes(wanted->dtype);
    for (int32_t i = 0; i < wanted->rank; i++)
        bytes *= (uint64_t)wanted->shape[i];
    slab *s = slab_with_room(v, kn_variable_role(wanted->name, wanted->flags), wanted->dtype,
                             aligned(bytes));
    kn_variable *made = kn_alloc_zero(sizeof *made);
    char *name = kn_copy_text(wanted->name);
    if (!s || !made || !name) {
        kn_free(made);
        kn_free(name);
        return kn_no_memory(diag, "a variable");
    }
    made->name = name;
    made->dtype = wanted->dtype;
    made->rank = wanted->rank;
    made->flags = wanted->flags;
    made->index = v->count;
    made->bytes = bytes;
    made->host_newer = 1;
    memcpy(made->shape, wanted->shape, sizeof made->shape);
    made->memory = take(s, bytes);
    v->list[v->count++] = made;
    *out = made;
    return KAON_OK;
}

/* --- types ------------------------------------------------------------------------------------ */

static const char *type_text(char *out, size_t room, int32_t dtype, int32_t rank,
                             const int64_t *shape)
{
    size_t at = (size_t)snprintf(out, room, "%s (", kaon_dtype_text(dtype));
    for (int32_t i = 0; i < rank && at < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (at < room)
        snprintf(out + at, room - at, ")");
    return out;
}

static int32_t same_shape(const kn_variable *a, int32_t rank, const int64_t *shape)
{
    if (a->rank != rank)
        return 0;
    for (int32_t i = 0; i < rank; i++)
        if (a->shape[i] != shape[i])
            return 0;
    return 1;
}

static kaon_status refuse_type(const kn_variable *a, int32_t dtype, int32_t rank,
                               const int64_t *shape, kaon_diag *diag)
{
    char have[160], got[160];
    return kaon_fail(diag, KAON_INVALID, "variable '%s' is %s, got %s", a->name,
                     type_text(have, sizeof have, a->dtype, a->rank, a->shape),
                     type_text(got, sizeof got, dtype, rank, shape));
}

kaon_status kn_variables_make(kaon_variables *v, const kn_graph_variable *wanted, kn_variable **out,
                              kaon_diag *diag)
{
    kn_variable *found = kn_variables_find(v, wanted->name);
    if (found) {
        if (found->dtype != wanted->dtype || !same_shape(found, wanted->rank, wanted->shape))
            return refuse_type(found, wanted->dtype, wanted->rank, wanted->shape, diag);
        *out = found;
        return KAON_OK;
    }
    KAON_TRY(add(v, wanted, &found, diag));
    const kaon_status status = kn_initialise(wanted, v->seed, found->memory, diag);
    if (status) {
        variable_free(v, v->list[--v->count]);
        return status;
    }
    *out = found;
    return KAON_OK;
}

/* --- devices ---------------------------------------------------------------------------------- */

kaon_status kn_variables_place(kaon_variables *v, kn_variable *variable, kn_device *device,
                               kaon_diag *diag)
{
    if (device->shares_host || variable->device_memory)
        return KAON_OK;
    v->device = device;
    variable->host_newer = 1;
    return kn_device_alloc(device, variable->bytes, &variable->device_memory, diag);
}

kaon_status kn_variables_to_device(kaon_variables *v, kaon_diag *diag)
{
    if (!v || !v->device)
        return KAON_OK;
    for (int32_t i = 0; i < v->count; i++) {
        kn_variable *a = v->list[i];
        if (!a->host_newer || !a->device_memory)
            continue;
        KAON_TRY(v->device->backend->copy(v->device->handle, KAON_TO_DEVICE, a->device_memory,
                                          a->memory, a->bytes, diag));
        a->host_newer = 0;
    }
    return KAON_OK;
}

kaon_status kn_variable_to_host(kaon_variables *v, kn_variable *a, kaon_diag *diag)
{
    if (!a->device_newer)
        return KAON_OK;
    KAON_TRY(v->device->backend->copy(v->device->handle, KAON_TO_HOST, a->memory, a->device_memory,
                                      a->bytes, diag));
    a->device_newer = 0;
    return KAON_OK;
}

/* --- reading and writing ---------------------------------------------------------------------- */

kaon_status kn_variable_info(kaon_variables *v, int32_t index, kaon_variable_info *out,
                             kaon_diag *diag)
{
    kn_variable *a = kn_variables_at(v, index);
    if (!a)
        return kaon_fail(diag, KAON_NOT_FOUND, "there is no variable %d, only %d of them",
                         (int)index, (int)v->count);
    KAON_TRY(kn_variable_to_host(v, a, diag));
    const kaon_variable_info info = {
        .size = sizeof info,
        .flags = a->flags,
        .name = a->name,
        .view = {.size = sizeof(kaon_view),
                 .dtype = a->dtype,
                 .device_type = KAON_DEVICE_CPU,
                 .rank = a->rank,
                 .flags = KAON_VIEW_READ_ONLY,
                 .data = a->memory,
                 .shape = a->shape},
    };
    kn_struct_give(out, &info, sizeof info);
    return KAON_OK;
}

// Copies between a row-major array and a view with strides; of different floating-point types too.
static void copy_view(int32_t to_view, const kaon_view *view, int32_t dtype, void *array)
{
    const int64_t count = kaon_view_count(view);
    const size_t bytes = (size_t)kaon_dtype_bytes(dtype);
    if (!view->strides && view->dtype == dtype) {
        if (count)
            memcpy(to_view ? view->data : array, to_view ? array : view->data,
                   (size_t)count * bytes);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = view->strides ? 0 : i;
        int64_t rest = i;
        for (int32_t axis = view->rank - 1; view->strides && axis >= 0; axis--) {
            at += rest % view->shape[axis] * view->strides[axis];
            rest /= view->shape[axis];
        }
        if (view->dtype == dtype) {
            char *in_view = (char *)view->data + at * (int64_t)bytes;
            char *in_array = (char *)array + i * (int64_t)bytes;
            memcpy(to_view ? in_view : in_array, to_view ? in_array : in_view, bytes);
        } else if (to_view) {
            kn_element_put(view->dtype, view->data, at, kn_element_get(dtype, array, i));
        } else {
            kn_element_put(dtype, array, i, kn_element_get(view->dtype, view->data, at));
        }
    }
}

static kaon_status check_view(const kn_variable *a, const kaon_view *view, kaon_diag *diag)
{
    const int32_t converts = kaon_dtype_is_float(a->dtype) && kaon_dtype_is_float(view->dtype);
    if (!same_shape(a, view->rank, view->shape) || (a->dtype != view->dtype && !converts))
        return refuse_type(a, view->dtype, view->rank, view->shape, diag);
    if (view->device_type != KAON_DEVICE_CPU)
        return kaon_fail(diag, KAON_UNSUPPORTED, "variable '%s' takes host memory only", a->name);
    return KAON_OK;
}

kaon_status kn_variable_set(kaon_variables *v, const char *name, uint32_t flags,
                            const kaon_view *value, kaon_diag *diag)
{
    kn_variable *a = kn_variables_find(v, name);
    if (!a) {
        if (value->rank < 0 || value->rank > KAON_MAX_RANK)
            return kaon_fail(diag, KAON_INVALID,
                             "variable '%s' has %d axes, at most %d are allowed", name,
                             (int)value->rank, (int)KAON_MAX_RANK);
        kn_graph_variable wanted = {.dtype = value->dtype, .rank = value->rank, .flags = flags};
        for (int32_t i = 0; i < value->rank; i++)
            wanted.shape[i] = value->shape[i];
        wanted.name = (char *)name;
        KAON_TRY(add(v, &wanted, &a, diag));
    }
    KAON_TRY(check_view(a, value, diag));
    copy_view(0, value, a->dtype, a->memory);
    a->host_newer = 1;
    a->device_newer = 0;
    return KAON_OK;
}

kaon_status kn_variable_get(kaon_variables *v, const char *name, const kaon_view *into,
                            kaon_diag *diag)
{
    kn_variable *a = kn_variables_find(v, name);
    if (!a)
        return kaon_fail(diag, KAON_NOT_FOUND, "there is no variable '%s'", name);
    KAON_TRY(check_view(a, into, diag));
    KAON_TRY(kn_variable_to_host(v, a, diag));
    copy_view(1, into, a->dtype, a->memory);
    return KAON_OK;
}

kaon_status kn_variables_copy(const kaon_variables *from, kaon_variables *to, kaon_diag *diag)
{
    for (int32_t i = 0; i < from->count; i++) {
        kn_variable *a = from->list[i];
        KAON_TRY(kn_variable_to_host((kaon_variables *)from, a, diag));
        const kaon_view view = {.size = sizeof view,
                                .dtype = a->dtype,
                                .device_type = KAON_DEVICE_CPU,
                                .rank = a->rank,
                                .data = a->memory,
                                .shape = a->shape};
        KAON_TRY(kn_variable_set(to, a->name, a->flags, &view, diag));
    }
    return KAON_OK;
}
