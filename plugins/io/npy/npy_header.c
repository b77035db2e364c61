/* npy_header.c: the header of NumPy's array files, versions 1 to 3 (NEP 1).
 *
 * It is a Python dictionary of three known keys; this reads that much of Python and no more:
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (100, 16), }
 */
#include "npy.h"

#include <stdlib.h>
#include <string.h>

// clang-format off
const npy_type npy_types[] = {
    // kind  bytes  Arrow
    { 'b',   1,     "b" },
    { 'i',   1,     "c" },
    { 'i',   2,     "s" },
    { 'i',   4,     "i" },
    { 'i',   8,     "l" },
    { 'u',   1,     "C" },
    { 'u',   2,     "S" },
    { 'u',   4,     "I" },
    { 'u',   8,     "L" },
    { 'f',   2,     "e" },
    { 'f',   4,     "f" },
    { 'f',   8,     "g" },
    { 'S',   0,     "u" },
    { 'U',   0,     "u" },
    { 0 },
};
// clang-format on

uint64_t npy_header_bytes(const uint8_t prefix[NPY_PREFIX], uint64_t *prefix_bytes)
{
    static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (memcmp(prefix, magic, sizeof magic) || prefix[6] < 1 || prefix[6] > 3)
        return 0;
    const uint64_t two = prefix[8] | (uint64_t)prefix[9] << 8;
    *prefix_bytes = prefix[6] == 1 ? 10 : 12;
    return prefix[6] == 1 ? two : two | (uint64_t)prefix[10] << 16 | (uint64_t)prefix[11] << 24;
}

static const char *skip(const char *at)
{
    return at + strspn(at, " \t\n");
}

// Takes `what` if it comes next.
static int took(const char **at, const char *what)
{
    *at = skip(*at);
    const size_t bytes = strlen(what);
    if (strncmp(*at, what, bytes))
        return 0;
    *at += bytes;
    return 1;
}

// A quoted text into `into`; 0 where there is none or it is too long.
static int took_text(const char **at, char *into, size_t room)
{
    *at = skip(*at);
    const char quote = **at;
    if (quote != '\'' && quote != '"')
        return 0;
    const char *end = strchr(*at + 1, quote);
    if (!end || (size_t)(end - *at) > room)
        return 0;
    const size_t bytes = (size_t)(end - *at) - 1;
    memcpy(into, *at + 1, bytes);
    into[bytes] = 0;
    *at = end + 1;
    return 1;
}

static kaon_status read_type(const char *descr, npy_array *out, kaon_diag *diag)
{
    const char order = descr[0];
    if (!order || !strchr("<>|=", order) || !descr[1])
        return kaon_fail(diag, KAON_CORRUPT, "its element type is '%s'", descr);
    char *end;
    const unsigned long bytes = strtoul(descr + 2, &end, 10);
    const npy_type *t = npy_types;
    while (t->kind && (t->kind != descr[1] || (t->bytes && t->bytes != bytes)))
        t++;
    if (*end || end == descr + 2 || !t->kind || !bytes || bytes > 65536)
        return kaon_fail(
            diag, KAON_UNSUPPORTED,
            "elements of type '%s' are not read; allowed are bool, int and uint of 8 to "
            "64 bits, float of 16 to 64 bits and texts (S, U)",
            descr);
    out->type = t;
    out->item_bytes = descr[1] == 'U' ? 4 * (uint64_t)bytes : bytes;
    out->swapped = order == '>';
    return KAON_OK;
}

static kaon_status read_descr(const char **at, npy_array *out, kaon_diag *diag)
{
    char descr[64];
    if (took_text(at, descr, sizeof descr)) {
        if (descr[0] == '|' && descr[1] == 'O')
            return kaon_fail(diag, KAON_UNSUPPORTED,
                             "it holds Python objects, which are code when read; save numbers");
        return read_type(descr, out, diag);
    }
    if (**at == '[')
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "it holds records of several fields; save one array per field, as npz");
    return kaon_fail(diag, KAON_CORRUPT, "its header has no element type");
}

static kaon_status read_shape(const char **at, npy_array *out, kaon_diag *diag)
{
    if (!took(at, "("))
        return kaon_fail(diag, KAON_CORRUPT, "its header has no shape");
    out->rank = 0;
    while (!took(at, ")")) {
        char *end;
        *at = skip(*at);
        const long long size = **at >= '0' && **at <= '9' ? strtoll(*at, &end, 10) : -1;
        if (size < 0 || size > INT64_MAX / 2)
            return kaon_fail(diag, KAON_CORRUPT, "its shape cannot be read");
        if (out->rank == KAON_MAX_RANK)
            return kaon_fail(diag, KAON_UNSUPPORTED, "it has more than %d axes", KAON_MAX_RANK);
        *at = end;
        took(at, "L"); // of Python 2
        out->shape[out->rank++] = size;
        if (!took(at, ",") && *skip(*at) != ')')
            return kaon_fail(diag, KAON_CORRUPT, "its shape cannot be read");
    }
    return KAON_OK;
}

kaon_status npy_header_read(const char *text, npy_array *out, kaon_diag *diag)
{
    const char *at = text;
    char key[32];
    int seen = 0;
    memset(out, 0, sizeof *out);
    if (!took(&at, "{"))
        return kaon_fail(diag, KAON_CORRUPT, "its header is no dictionary");
    while (!took(&at, "}")) {
        if (!took_text(&at, key, sizeof key) || !took(&at, ":"))
            return kaon_fail(diag, KAON_CORRUPT, "its header cannot be read");
        if (!strcmp(key, "descr")) {
            KAON_TRY(read_descr(&at, out, diag));
            seen |= 1;
        } else if (!strcmp(key, "fortran_order")) {
            out->fortran = took(&at, "True");
            if (!out->fortran && !took(&at, "False"))
                return kaon_fail(diag, KAON_CORRUPT, "its fortran_order is no truth value");
            seen |= 2;
        } else if (!strcmp(key, "shape")) {
            KAON_TRY(read_shape(&at, out, diag));
            seen |= 4;
        } else {
            return kaon_fail(diag, KAON_CORRUPT, "its header has an unknown key '%s'", key);
        }
        took(&at, ",");
    }
    if (seen != 7)
        return kaon_fail(diag, KAON_CORRUPT, "its header lacks descr, fortran_order or shape");
    if (out->fortran && out->rank < 2)
        out->fortran = 0;
    return KAON_OK;
}

static uint64_t product(const npy_array *a, int32_t from)
{
    uint64_t bytes = a->item_bytes;
    for (int32_t i = from; i < a->rank; i++) {
        const uint64_t size = (uint64_t)a->shape[i];
        if (size && bytes > (uint64_t)INT64_MAX / size)
            return UINT64_MAX;
        bytes *= size;
    }
    return bytes;
}

uint64_t npy_row_bytes(const npy_array *a)
{
    return product(a, 1);
}

uint64_t npy_all_bytes(const npy_array *a)
{
    return product(a, 0);
}
