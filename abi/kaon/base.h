/* base.h: what every Kaon header stands on: version, status, errors, the host, views of tensors.
 *
 * Rules of the whole ABI:
 *   - a plugin exports one symbol and links no part of Kaon; everything arrives through tables;
 *   - structs and tables that cross begin with `size`; fields are appended, never moved or retyped;
 *   - a struct longer than the reader knows is accepted only if the unknown tail is zero;
 *   - only fixed-width types cross; text is UTF-8 and ends with a zero byte;
 *   - pointer arguments are borrowed for the call unless a comment says otherwise;
 *   - each function states who may call it: [any] thread, [instance] one thread at a time per
 *     instance, [init] only while the plugin is being initialised.
 */
#ifndef KAON_BASE_H
#define KAON_BASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- version ---------------------------------------------------------------------------------- */

#define KAON_ABI_VERSION(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define KAON_ABI_MAJOR(abi)            ((uint32_t)(abi) >> 16)
#define KAON_ABI_MINOR(abi)            ((uint32_t)(abi)&0xffffu)

// The ABI these headers describe. Major 0: drafts, until every kind of plugin exists in earnest.
#define KAON_ABI KAON_ABI_VERSION(0, 1)

// The ABI a plugin is written for. Declarations newer than it are hidden, so that the plugin runs
// on every host from that version on. It is recorded in the plugin's note by KAON_PLUGIN.
#ifndef KAON_ABI_TARGET
#define KAON_ABI_TARGET KAON_ABI
#endif

#if defined(__GNUC__)
#define KAON_PRINTF(at, first) __attribute__((format(printf, at, first), unused))
#else
#define KAON_PRINTF(at, first)
#endif

/* --- status ----------------------------------------------------------------------------------- */

typedef int32_t kaon_status;

// X(name, value, words). Values are never reused.
#define KAON_STATUSES(X)                                                                           \
    X(OK, 0, "ok")                                                                                 \
    X(INVALID, 1, "invalid")            /* the caller's input cannot be right */                   \
    X(NOT_FOUND, 2, "not found")        /* a file, item, column or name does not exist */          \
    X(UNSUPPORTED, 3, "unsupported")    /* right, but not something this plugin does */            \
    X(NO_MEMORY, 4, "out of memory")    /* host or device */                                       \
    X(IO, 5, "input/output error")      /* the system refused a read or a write */                 \
    X(CORRUPT, 6, "corrupt")            /* a file contradicts its own format */                    \
    X(INCOMPATIBLE, 7, "incompatible")  /* wrong ABI, wrong machine, wrong model */                \
    X(TOO_NEW, 8, "too new")            /* a struct carries fields this side does not know */      \
    X(CANCELLED, 9, "cancelled")        /* a signal or a time limit asked to stop */               \
    X(NOT_FINITE, 10, "not finite")     /* NaN or infinity where a number is needed */             \
    X(DEVICE, 11, "device error")       /* a device was lost or failed */                          \
    X(INTERNAL, 12, "internal error")   /* a mistake of ours */                                    \
    X(END, 13, "end")                   /* a stream has no more; not an error */

enum {
#define KAON_STATUS_ROW(name, value, words) KAON_##name = value,
    KAON_STATUSES(KAON_STATUS_ROW)
#undef KAON_STATUS_ROW
};

// Passes a failure on where nothing needs undoing.
#define KAON_TRY(call)                                                                             \
    do {                                                                                           \
        const kaon_status kaon_try_status = (call);                                                \
        if (kaon_try_status)                                                                       \
            return kaon_try_status;                                                                \
    } while (0)

/* --- element types ---------------------------------------------------------------------------- */

// ORDER dtype. X(name, value, text, bytes, DLPack code, DLPack bits)
#define KAON_DTYPES(X)                                                                             \
    X(F32, 0, "f32", 4, 2, 32)                                                                     \
    X(F64, 1, "f64", 8, 2, 64)                                                                     \
    X(F16, 2, "f16", 2, 2, 16)                                                                     \
    X(BF16, 3, "bf16", 2, 4, 16)                                                                   \
    X(I8, 4, "i8", 1, 0, 8)                                                                        \
    X(I16, 5, "i16", 2, 0, 16)                                                                     \
    X(I32, 6, "i32", 4, 0, 32)                                                                     \
    X(I64, 7, "i64", 8, 0, 64)                                                                     \
    X(U8, 8, "u8", 1, 1, 8)                                                                        \
    X(U16, 9, "u16", 2, 1, 16)                                                                     \
    X(U32, 10, "u32", 4, 1, 32)                                                                    \
    X(U64, 11, "u64", 8, 1, 64)                                                                    \
    X(BOOL, 12, "bool", 1, 6, 8)

enum {
#define KAON_DTYPE_ROW(name, value, text, bytes, code, bits) KAON_##name = value,
    KAON_DTYPES(KAON_DTYPE_ROW)
#undef KAON_DTYPE_ROW
    KAON_DTYPE_COUNT = 13
};

// Bytes of one element, 0 for an unknown dtype. [any]
static inline uint64_t kaon_dtype_bytes(int32_t dtype)
{
    switch (dtype) {
#define KAON_DTYPE_ROW(name, value, text, bytes, code, bits)                                       \
    case value:                                                                                    \
        return bytes;
        KAON_DTYPES(KAON_DTYPE_ROW)
#undef KAON_DTYPE_ROW
    default:
        return 0;
    }
}

// "f32", or "?" for an unknown dtype. [any]
static inline const char *kaon_dtype_text(int32_t dtype)
{
    switch (dtype) {
#define KAON_DTYPE_ROW(name, value, text, bytes, code, bits)                                       \
    case value:                                                                                    \
        return text;
        KAON_DTYPES(KAON_DTYPE_ROW)
#undef KAON_DTYPE_ROW
    default:
        return "?";
    }
}

// 1 for f32, f64, f16, bf16. [any]
static inline int32_t kaon_dtype_is_float(int32_t dtype)
{
    return dtype >= KAON_F32 && dtype <= KAON_BF16;
}

/* --- views of tensors ------------------------------------------------------------------------- */

enum { KAON_MAX_RANK = 8 };

// Device kinds are DLPack's.
enum { KAON_DEVICE_CPU = 1, KAON_DEVICE_CUDA = 2, KAON_DEVICE_VULKAN = 7 };

enum { KAON_VIEW_READ_ONLY = 1 };

// A borrowed look at a tensor: whoever hands it out says how long it lives. It stands inside other
// structs and therefore never grows.
typedef struct kaon_view {
    uint32_t size;
    int32_t dtype;
    int32_t device_type;
    int32_t device_id;
    int32_t rank;
    uint32_t flags;         // KAON_VIEW_*
    void *data;             // of the first element
    const int64_t *shape;   // rank numbers
    const int64_t *strides; // rank numbers, in elements; NULL: row-major without gaps
} kaon_view;

// Number of elements. [any]
static inline int64_t kaon_view_count(const kaon_view *view)
{
    int64_t count = 1;
    for (int32_t i = 0; i < view->rank; i++)
        count *= view->shape[i];
    return count;
}

/* --- errors ----------------------------------------------------------------------------------- */

// Where a failing call leaves its words. Owned by the host, one per thread of work; every fallible
// call takes one as its last argument and fills it exactly when it returns a failure.
typedef struct kaon_diag kaon_diag;

typedef struct kaon_diag_api {
    uint32_t size;
    uint32_t reserved;
    // Replaces what was there. Copies `text`. Returns `status`. [any]
    kaon_status (*fail)(kaon_diag *diag, kaon_status status, const char *text);
    // Puts a place in front: "epoch 3 / reading jets.h5 / ...". Returns `status`. [any]
    kaon_status (*context)(kaon_diag *diag, kaon_status status, const char *text);
    // The words so far, context included; valid until the next call on this diag. [any]
    const char *(*text)(const kaon_diag *diag);
} kaon_diag_api;

struct kaon_diag {
    const kaon_diag_api *api;
};

enum { KAON_TEXT_MAX = 1024 }; // bytes of one formatted message or place

/* States a fault: the thing, what was found, what is allowed. Lower case, no full stop. [any] */
KAON_PRINTF(3, 4)
static inline kaon_status kaon_fail(kaon_diag *diag, kaon_status status, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return diag ? diag->api->fail(diag, status, text) : status;
}

/* Adds where the fault happened, on the way up. Does nothing to KAON_OK. [any] */
KAON_PRINTF(3, 4)
static inline kaon_status kaon_context(kaon_diag *diag, kaon_status status, const char *format, ...)
{
    if (status == KAON_OK)
        return status;
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return diag ? diag->api->context(diag, status, text) : status;
}

/* --- the host --------------------------------------------------------------------------------- */

enum { KAON_LOG_DEBUG = 0, KAON_LOG_INFO = 1, KAON_LOG_WARNING = 2 };

/* What a plugin gets from the kernel. One per plugin, so that memory and messages are booked to
 * it; valid for the life of the process. */
typedef struct kaon_host kaon_host;
struct kaon_host {
    uint32_t size;
    uint32_t abi; // of the host
    // The table of a service ("kaon.parallel/1"), valid for ever; NULL if this host has none. [any]
    const void *(*service)(const kaon_host *host, const char *id);
    // Like realloc, aligned to 64 bytes: memory NULL allocates, bytes 0 frees and returns NULL.
    // NULL for bytes > 0: out of memory, the old block stays. [any]
    void *(*resize)(const kaon_host *host, void *memory, uint64_t bytes);
    // One line into the run's log. [any]
    void (*log)(const kaon_host *host, int32_t level, const char *text);
};

// Memory aligned to 64 bytes, not cleared; NULL if there is none. [any]
static inline void *kaon_alloc(const kaon_host *host, uint64_t bytes)
{
    return host->resize(host, NULL, bytes ? bytes : 1);
}

// Takes NULL. [any]
static inline void kaon_free(const kaon_host *host, void *memory)
{
    if (memory)
        host->resize(host, memory, 0);
}

KAON_PRINTF(3, 4)
static inline void kaon_say(const kaon_host *host, int32_t level, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    host->log(host, level, text);
}

#ifdef __cplusplus
}
#endif
#endif
