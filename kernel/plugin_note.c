/* plugin_note.c: a bounded reader of ELF, for one note and what would crash the system's loader.
 *
 * The file is untrusted: every offset is checked against the file's size before it is used, counts
 * are capped, and no more is read than the headers and the notes. Layouts are those of <elf.h>;
 * sections are not looked at, because the loader does not do so either and strip may remove them.
 */
#include "kernel/plugin_note.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_SEGMENT_COUNT = 256 };

#if UINTPTR_MAX == UINT64_MAX
typedef Elf64_Ehdr file_head;
typedef Elf64_Phdr segment;
enum { OUR_CLASS = ELFCLASS64 };
#else
typedef Elf32_Ehdr file_head;
typedef Elf32_Phdr segment;
enum { OUR_CLASS = ELFCLASS32 };
#endif

#if defined(__x86_64__)
enum { OUR_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OUR_MACHINE = EM_AARCH64 };
#elif defined(__powerpc64__)
enum { OUR_MACHINE = EM_PPC64 };
#elif defined(__riscv)
enum { OUR_MACHINE = EM_RISCV };
#else
enum { OUR_MACHINE = EM_NONE }; // not checked; the system's loader will
#endif

static int our_order(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first ? ELFDATA2LSB : ELFDATA2MSB;
}

// Copies bytes of the file; those beyond its end are an error.
static kaon_status look(const kn_note_source *source, uint64_t at, void *to, size_t bytes,
                        const char *what, kaon_diag *diag)
{
    if (at > source->bytes || bytes > source->bytes - at)
        return kaon_fail(diag, KAON_CORRUPT, "it is cut off: %s lies beyond its %llu bytes", what,
                         (unsigned long long)source->bytes);
    if (source->memory) {
        if (bytes)
            memcpy(to, (const char *)source->memory + at, bytes);
        return KAON_OK;
    }
    for (size_t done = 0; done < bytes;) {
        const ssize_t got =
            pread(source->file, (char *)to + done, bytes - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return kaon_fail(diag, KAON_IO, "its %s cannot be read: %s", what,
                             got ? strerror(errno) : "it became shorter");
        done += (size_t)got;
    }
    return KAON_OK;
}

/* --- texts ------------------------------------------------------------------------------------ */

int32_t kn_name_valid(const char *text, size_t bytes)
{
    if (bytes == 0 || bytes > KN_NAME_BYTES || text[0] < 'a' || text[0] > 'z')
        return 0;
    for (size_t i = 0; i < bytes; i++) {
        const char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return 0;
    }
    return 1;
}

int32_t kn_id_valid(const char *text, size_t bytes)
{
    size_t slashes = 0;
    if (bytes == 0 || bytes > KN_ID_BYTES)
        return 0;
    for (size_t i = 0; i < bytes; i++) {
        const char c = text[i];
        const int32_t digit = c >= '0' && c <= '9';
        const int32_t word = (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
        if (slashes ? !digit : !digit && !word && c != '/')
            return 0;
        slashes += c == '/';
    }
    return slashes == 1 && text[0] != '/' && text[bytes - 1] != '/';
}

int32_t kn_line_valid(const char *text, size_t bytes)
{
    if (bytes > KN_LINE_BYTES || !kn_utf8_valid(text, bytes))
        return 0;
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return 0;
    return 1;
}

typedef struct {
    const char *at;
    size_t left;
} cursor;

// The next text; NULL if its zero byte is missing.
static const char *next_text(cursor *c, size_t *bytes)
{
    const char *text = c->at;
    const char *end = memchr(c->at, 0, c->left);
    if (!end)
        return NULL;
    *bytes = (size_t)(end - text);
    c->left -= *bytes + 1;
    c->at = end + 1;
    return text;
}

static kaon_status parse_head(cursor *c, kn_note *note, kaon_diag *diag)
{
    const char **fields[] = {&note->name, &note->version, &note->license, &note->summary};
    static const char *const names[] = {"name", "version", "licence", "summary"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t bytes = 0;
        const char *text = next_text(c, &bytes);
        if (!text)
            return kaon_fail(diag, KAON_CORRUPT, "its note ends within its %s", names[i]);
        if (!(i ? kn_line_valid(text, bytes) : kn_name_valid(text, bytes)))
            return kaon_fail(diag, KAON_CORRUPT,
                             i ? "the %s in its note is not one line of UTF-8 of at most %d bytes"
                               : "the %s in its note is not lower case letters, digits and "
                                 "underscores, at most %d",
                             names[i], i ? KN_LINE_BYTES : KN_NAME_BYTES);
        *fields[i] = text;
    }
    return KAON_OK;
}

static kaon_status parse_item(cursor *c, kn_note_pair *item, int64_t number, kaon_diag *diag)
{
    size_t id_bytes = 0, name_bytes = 0;
    item->interface_id = next_text(c, &id_bytes);
    item->name = item->interface_id ? next_text(c, &name_bytes) : NULL;
    if (!item->name)
        return kaon_fail(diag, KAON_CORRUPT, "its note ends within item %lld", (long long)number);
    if (!kn_id_valid(item->interface_id, id_bytes))
        return kaon_fail(diag, KAON_CORRUPT,
                         "item %lld in its note has no interface of the form 'kaon.layer/1'",
                         (long long)number);
    if (!kn_name_valid(item->name, name_bytes))
        return kaon_fail(diag, KAON_CORRUPT,
                         "the name of item %lld in its note is not lower case letters, digits and "
                         "underscores, at most %d",
                         (long long)number, KN_NAME_BYTES);
    return KAON_OK;
}

// The literal behind the note ends with one zero byte more than its last text.
static int32_t at_end(const cursor *c)
{
    return c->left == 0 || (c->left == 1 && c->at[0] == 0);
}

// The number of items these texts can hold, one that is cut off included.
static size_t room_for_items(cursor c)
{
    size_t texts = 0;
    for (size_t i = 0; i < c.left; i++)
        texts += c.at[i] == 0;
    return texts / 2 + 1;
}

static kaon_status parse_items(cursor *c, kn_note *note, kaon_diag *diag)
{
    const size_t room = room_for_items(*c);
    if (at_end(c))
        return kaon_fail(diag, KAON_CORRUPT, "its note names no items");
    if (room > KN_NOTE_ITEMS + 1)
        return kaon_fail(diag, KAON_CORRUPT, "its note names more than %d items", KN_NOTE_ITEMS);
    note->items = kn_alloc_array(room, sizeof *note->items);
    if (!note->items)
        return kn_no_memory(diag, "a plugin's note");
    for (; !at_end(c); note->item_count++)
        KAON_TRY(parse_item(c, &note->items[note->item_count], note->item_count + 1, diag));
    return KAON_OK;
}

kaon_status kn_note_parse(uint32_t abi, const char *text, size_t bytes, kn_note *out,
                          kaon_diag *diag)
{
    *out = (kn_note){.abi = abi};
    if (bytes > KN_NOTE_BYTES)
        return kaon_fail(diag, KAON_CORRUPT, "its note has more than %d bytes", KN_NOTE_BYTES);
    out->text = kn_copy_bytes(text, bytes);
    out->text_bytes = (uint32_t)bytes;
    if (!out->text)
        return kn_no_memory(diag, "a plugin's note");

    cursor c = {out->text, bytes};
    kaon_status status = parse_head(&c, out, diag);
    if (!status)
        status = parse_items(&c, out, diag);
    if (status)
        kn_note_fini(out);
    return status;
}

void kn_note_fini(kn_note *note)
{
    kn_free(note->items);
    kn_free(note->text);
    *note = (kn_note){0};
}

kaon_status kn_abi_check(uint32_t abi, kaon_diag *diag)
{
    const uint32_t major = KAON_ABI_MAJOR(abi), minor = KAON_ABI_MINOR(abi);
    const uint32_t our_major = KAON_ABI_MAJOR(KAON_ABI), our_minor = KAON_ABI_MINOR(KAON_ABI);

    if (major == our_major && minor <= our_minor)
        return KAON_OK;
    return kaon_fail(diag, KAON_INCOMPATIBLE,
                     "it was built for ABI %u.%u and this kernel has ABI %u.%u: %s", major, minor,
                     our_major, our_minor,
                     major < our_major ? "it must be rebuilt with this kernel's headers"
                                       : "it needs a newer kernel, or a build with a lower "
                                         "KAON_ABI_TARGET");
}

/* --- ELF -------------------------------------------------------------------------------------- */

static kaon_status check_head(const kn_note_source *source, file_head *head, kaon_diag *diag)
{
    if (source->bytes < sizeof *head)
        return kaon_fail(diag, KAON_CORRUPT, "it is no shared object: it has %llu bytes",
                         (unsigned long long)source->bytes);
    KAON_TRY(look(source, 0, head, sizeof *head, "the ELF header", diag));
    if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0)
        return kaon_fail(diag, KAON_CORRUPT,
                         "it is no shared object: it does not begin with \\177ELF");
    if (head->e_ident[EI_CLASS] != OUR_CLASS || head->e_ident[EI_DATA] != our_order())
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "it was built for another word size or byte order");
    if (OUR_MACHINE != EM_NONE && head->e_machine != OUR_MACHINE)
        return kaon_fail(diag, KAON_INCOMPATIBLE,
                         "it was built for another processor (ELF machine %u, this one is %d)",
                         head->e_machine, OUR_MACHINE);
    if (head->e_type != ET_DYN || head->e_version != EV_CURRENT)
        return kaon_fail(diag, KAON_CORRUPT, "it is an ELF file, but no shared object");
    if (head->e_phentsize != sizeof(segment) || head->e_phnum == 0 ||
        head->e_phnum > LARGEST_SEGMENT_COUNT)
        return kaon_fail(
            diag, KAON_CORRUPT,
            "its ELF header claims %u segments of %u bytes; allowed are 1 to %d of %zu",
            head->e_phnum, head->e_phentsize, LARGEST_SEGMENT_COUNT, sizeof(segment));
    return KAON_OK;
}

// 1 if `bytes` bytes at `at` lie within the file.
static int32_t inside(const kn_note_source *source, uint64_t at, uint64_t bytes)
{
    return at <= source->bytes && bytes <= source->bytes - at;
}

// What lies beyond the end of the file would be a bus error once the system's loader has mapped it.
static kaon_status check_segment(const kn_note_source *source, const segment *s, kaon_diag *diag)
{
    if (s->p_type == PT_GNU_STACK && (s->p_flags & PF_X))
        return kaon_fail(diag, KAON_INVALID,
                         "it asks for an executable stack; link it with -Wl,-z,noexecstack");
    const int32_t used = s->p_type == PT_LOAD || s->p_type == PT_DYNAMIC || s->p_type == PT_NOTE;
    if (!used)
        return KAON_OK;
    if (!inside(source, s->p_offset, s->p_filesz))
        return kaon_fail(diag, KAON_CORRUPT, "it is cut off: a segment lies beyond its %llu bytes",
                         (unsigned long long)source->bytes);
    if (s->p_type == PT_LOAD && s->p_filesz > s->p_memsz)
        return kaon_fail(diag, KAON_CORRUPT, "a segment is larger in the file than in memory");
    return KAON_OK;
}

// The section table stands last, so its absence tells of a file cut off anywhere.
static kaon_status check_sections(const kn_note_source *source, const file_head *head,
                                  kaon_diag *diag)
{
    const uint64_t bytes = (uint64_t)head->e_shnum * head->e_shentsize;
    if (head->e_shoff == 0 || inside(source, head->e_shoff, bytes))
        return KAON_OK;
    return kaon_fail(diag, KAON_CORRUPT,
                     "it is cut off: its section table lies beyond its %llu bytes",
                     (unsigned long long)source->bytes);
}

static kaon_status take_note(const char *description, uint32_t bytes, kn_note *out, kaon_diag *diag)
{
    uint32_t abi;
    if (out->text)
        return kaon_fail(diag, KAON_CORRUPT, "it has more than one Kaon note");
    if (bytes < sizeof abi)
        return kaon_fail(diag, KAON_CORRUPT, "its Kaon note is too short");
    memcpy(&abi, description, sizeof abi);
    // The ABI comes first: another one's note may well look different.
    KAON_TRY(kn_abi_check(abi, diag));
    return kn_note_parse(abi, description + sizeof abi, bytes - sizeof abi, out, diag);
}

static size_t round_up(size_t bytes, size_t align)
{
    return (bytes + align - 1) / align * align;
}

// Walks the notes of one segment: head, owner, description, the latter two padded.
static kaon_status walk_notes(const char *notes, size_t bytes, size_t align, kn_note *out,
                              kaon_diag *diag)
{
    size_t at = 0;
    while (bytes - at >= 3 * sizeof(uint32_t)) {
        uint32_t head[3]; // bytes of the owner, bytes of the description, type
        memcpy(head, notes + at, sizeof head);
        const size_t owner_at = at + sizeof head;
        if (head[0] > bytes - owner_at)
            return kaon_fail(diag, KAON_CORRUPT, "a note's owner lies beyond its segment");
        const size_t text_at = round_up(owner_at + head[0], align);
        if (text_at > bytes || head[1] > bytes - text_at)
            return kaon_fail(diag, KAON_CORRUPT, "a note lies beyond its segment");
        if (head[2] == KAON_NOTE_TYPE && head[0] == sizeof KAON_NOTE_OWNER &&
            memcmp(notes + owner_at, KAON_NOTE_OWNER, sizeof KAON_NOTE_OWNER) == 0)
            KAON_TRY(take_note(notes + text_at, head[1], out, diag));
        at = round_up(text_at + head[1], align);
        if (at > bytes)
            break; // the last one's padding need not be there
    }
    return KAON_OK;
}

static kaon_status read_notes(const kn_note_source *source, const segment *s, kn_note *out,
                              kaon_diag *diag)
{
    if (s->p_filesz > KN_NOTE_BYTES)
        return kaon_fail(diag, KAON_CORRUPT, "its notes have %llu bytes, at most %d are allowed",
                         (unsigned long long)s->p_filesz, KN_NOTE_BYTES);
    const size_t bytes = (size_t)s->p_filesz;
    char *notes = kn_alloc(bytes);
    if (!notes)
        return kn_no_memory(diag, "a plugin's note");
    kaon_status status = look(source, s->p_offset, notes, bytes, "a note", diag);
    if (!status)
        status = walk_notes(notes, bytes, s->p_align == 8 ? 8 : 4, out, diag);
    kn_free(notes);
    return status;
}

static kaon_status read_segments(const kn_note_source *source, const file_head *head, kn_note *out,
                                 kaon_diag *diag)
{
    segment s;
    for (unsigned i = 0; i < head->e_phnum; i++) {
        const uint64_t at = head->e_phoff + (uint64_t)i * sizeof s;
        if (at < head->e_phoff)
            return kaon_fail(diag, KAON_CORRUPT, "its segment table lies beyond its end");
        KAON_TRY(look(source, at, &s, sizeof s, "its segment table", diag));
        KAON_TRY(check_segment(source, &s, diag));
        if (s.p_type == PT_NOTE)
            KAON_TRY(read_notes(source, &s, out, diag));
    }
    return KAON_OK;
}

kaon_status kn_note_read(const kn_note_source *source, kn_note *out, kaon_diag *diag)
{
    file_head head;
    *out = (kn_note){0};
    KAON_TRY(check_head(source, &head, diag));
    kaon_status status = read_segments(source, &head, out, diag);
    if (!status)
        status = check_sections(source, &head, diag);
    if (!status && !out->text)
        status = kaon_fail(diag, KAON_INVALID,
                           "it carries no Kaon note: it is no plugin, or was built without "
                           "KAON_PLUGIN");
    if (status)
        kn_note_fini(out);
    return status;
}
