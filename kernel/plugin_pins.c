/* plugin_pins.c: a lock file that says which build of a plugin may be used. */
#include "kernel/plugin_pins.h"

#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/plugin_note.h"

#include <string.h>

enum { PINS_BYTES = 1 << 20 };

static const char blanks[] = " \t\r";

static size_t count_lines(const char *text)
{
    size_t count = 1;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

// One line, cut out of the text: empty, a comment, or a name and a sum.
static kaon_status parse_line(char *line, kn_pins *pins)
{
    line += strspn(line, blanks);
    if (*line == 0 || *line == '#')
        return KAON_OK;
    const size_t name_bytes = strcspn(line, blanks);
    const char *sum = line + name_bytes + strspn(line + name_bytes, blanks);
    const size_t sum_bytes = strspn(sum, "0123456789abcdef");
    if (!kn_name_valid(line, name_bytes) || sum_bytes != KN_SHA256_HEX - 1 ||
        sum[sum_bytes + strspn(sum + sum_bytes, blanks)])
        return KAON_INVALID;

    kn_pin *pin = &pins->at[pins->count++];
    memcpy(pin->sha256, sum, sum_bytes);
    pin->sha256[sum_bytes] = 0;
    line[name_bytes] = 0;
    pin->name = line;
    return KAON_OK;
}

static kaon_status parse(const char *path, kn_pins *pins, kaon_diag *diag)
{
    int number = 1;
    for (char *line = pins->text; line; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        if (parse_line(line, pins))
            return kaon_fail(diag, KAON_INVALID,
                             "lock file '%s' line %d: expected a plugin's name and 64 lower case "
                             "hex digits",
                             path, number);
        line = end ? end + 1 : NULL;
    }
    return KAON_OK;
}

kaon_status kn_pins_read(const char *path, kn_pins *out, kaon_diag *diag)
{
    *out = (kn_pins){0};
    if (!path)
        return KAON_OK;
    void *text;
    size_t bytes;
    KAON_TRY(kn_file_read(path, PINS_BYTES, &text, &bytes, diag));
    out->text = text;
    out->at = kn_alloc_array(count_lines(text), sizeof *out->at);
    kaon_status status = KAON_OK;
    if (!out->at)
        status = kn_no_memory(diag, "a lock file");
    if (!status && strlen(out->text) != bytes)
        status = kaon_fail(diag, KAON_INVALID, "lock file '%s' holds a zero byte", path);
    if (!status)
        status = parse(path, out, diag);
    if (status)
        kn_pins_fini(out);
    return status;
}

void kn_pins_fini(kn_pins *pins)
{
    kn_free(pins->at);
    kn_free(pins->text);
    *pins = (kn_pins){0};
}

const char *kn_pins_find(const kn_pins *pins, const char *name)
{
    for (size_t i = 0; i < pins->count; i++)
        if (strcmp(pins->at[i].name, name) == 0)
            return pins->at[i].sha256;
    return NULL;
}
