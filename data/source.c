/* source.c: files or generators behind one reader, as one run of Arrow arrays. */
#include "data/source.h"

#include "data/derive.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

#include <kaon/arrow_build.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct kn_source {
    const kaon_reader *reader;
    const void *settings;
    const kaon_host *host;
    const char *reader_name;
    char **paths;
    int32_t *given; // number of the path in the list that was given
    int64_t count;  // of paths; 0: a generator
    char *name;
    struct ArrowSchema schema;
    struct kn_derive *derive; // NULL: columns and rows as they are in the files
    // The one file open, path `at`.
    void *open;
    int64_t at;
};

/* --- which reader ----------------------------------------------------------------------------- */

static const char *const *extensions_of(const char *interface_id, const void *table)
{
    return kn_text_same(interface_id, KAON_READER) ? ((const kaon_reader *)table)->extensions
                                                   : ((const kaon_writer *)table)->extensions;
}

static const char *interface_word(const char *interface_id)
{
    return kn_text_same(interface_id, KAON_READER) ? "reader" : "writer";
}

// Length of the longest extension that ends `path`, 0: none; case does not count.
static size_t fit(const char *const *extensions, const char *path)
{
    const size_t length = strlen(path);
    size_t best = 0;
    for (; extensions && *extensions; extensions++) {
        const size_t bytes = strlen(*extensions);
        if (bytes > best && bytes < length && !strcasecmp(path + length - bytes, *extensions))
            best = bytes;
    }
    return best;
}

typedef struct search {
    kn_kernel *kernel;
    const char *path;
    char best[64]; // name of an item
    size_t length; // of its extension
    kn_text known; // endings, for the message
} search;

// A plugin that cannot be loaded is no reason to fail: it is told by `kaon plugin list`.
static kaon_status consider(void *context, const kn_item_note *note)
{
    search *s = context;
    const kn_item *item = NULL;
    kn_diag ignored;
    kn_diag_init(&ignored);
    if (kn_item_find(s->kernel, note->interface_id, note->name, &item, &ignored.diag))
        return KAON_OK;
    const char *const *extensions = extensions_of(note->interface_id, item->table);
    for (const char *const *e = extensions; e && *e; e++)
        kn_text_format(&s->known, "%s%s", kn_text_get(&s->known)[0] ? ", " : "", *e);
    const size_t length = fit(extensions, s->path);
    if (length <= s->length)
        return KAON_OK;
    s->length = length;
    snprintf(s->best, sizeof s->best, "%s", note->name);
    return KAON_OK;
}

// Most items bear the name of their extension: then no other plugin is loaded for the question.
static int32_t guess(search *s, const char *interface_id)
{
    char word[64];
    snprintf(word, sizeof word, "%s", kn_path_name(s->path));
    char *dot = strrchr(word, '.');
    if (dot && dot > word && (!strcasecmp(dot, ".gz"))) {
        *dot = 0;
        dot = strrchr(word, '.');
    }
    if (!dot || dot == word)
        return 0;
    kn_item_note note = {.interface_id = interface_id, .name = dot + 1};
    consider(s, &note);
    return s->length > 0;
}

static kaon_status find_part(kn_settings *s, const char *interface_id, const char *path,
                             const kaon_part **out, kaon_diag *diag)
{
    search found = {.kernel = s->kernel, .path = path};
    kaon_status status = KAON_OK;
    if (!guess(&found, interface_id))
        status = kn_item_each(s->kernel, interface_id, consider, &found, diag);
    if (!status && !found.length)
        status = kaon_fail(diag, KAON_UNSUPPORTED,
                           "no %s knows the ending of '%s'; known are %s; choose a %s by its name",
                           interface_word(interface_id), path,
                           kn_text_get(&found.known)[0] ? kn_text_get(&found.known) : "none",
                           interface_word(interface_id));
    kn_text_fini(&found.known);
    if (status)
        return status;
    kn_config *node = kn_config_scalar_new(s->tree, found.best, 0);
    if (!node)
        return kn_no_memory(diag, "settings");
    *out = kn_settings_part(s, interface_id, node, NULL);
    return *out ? KAON_OK : kn_faults_status(s->faults, diag);
}

kaon_status kn_reader_for(kn_settings *s, const char *path, const kaon_part **out, kaon_diag *diag)
{
    return find_part(s, KAON_READER, path, out, diag);
}

kaon_status kn_writer_for(kn_settings *s, const char *path, const kaon_part **out, kaon_diag *diag)
{
    return find_part(s, KAON_WRITER, path, out, diag);
}

/* --- paths ------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static kaon_status add_path(kn_source *source, const char *path, int64_t given, kaon_diag *diag)
{
    char **paths = kn_resize_array(source->paths, (size_t)source->count + 1, sizeof *paths);
    if (!paths)
        return kn_no_memory(diag, "paths");
    source->paths = paths;
    int32_t *all = kn_resize_array(source->given, (size_t)source->count + 1, sizeof *all);
    if (!all)
        return kn_no_memory(diag, "paths");
    source->given = all;
    all[source->count] = (int32_t)given;
    paths[source->count] = kn_copy_text(path);
    if (!paths[source->count])
        return kn_no_memory(diag, "paths");
    source->count++;
    return KAON_OK;
}

static kaon_status add_matches(kn_source *source, const char *pattern, int64_t given,
                               kaon_diag *diag)
{
    glob_t found;
    const int error = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (error == GLOB_NOSPACE)
        return kn_no_memory(diag, "paths");
    if (error)
        return kaon_fail(diag, KAON_NOT_FOUND, "no file matches '%s'", pattern);
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, by_name);
    kaon_status status = KAON_OK;
    for (size_t i = 0; !status && i < found.gl_pathc; i++)
        status = add_path(source, found.gl_pathv[i], given, diag);
    globfree(&found);
    return status;
}

static kaon_status add_pattern(kn_source *source, const char *folder, const char *path,
                               int64_t given, kaon_diag *diag)
{
    struct stat facts;
    char *whole = kn_path_join(folder, path);
    if (!whole)
        return kn_no_memory(diag, "paths");
    kaon_status status = KAON_OK;
    if (stat(whole, &facts) == 0)
        status = add_path(source, whole, given, diag);
    else if (strpbrk(whole, "*?["))
        status = add_matches(source, whole, given, diag);
    else
        status = kaon_fail(diag, KAON_NOT_FOUND, "there is no file '%s'", whole);
    kn_free(whole);
    return status;
}

/* --- files ------------------------------------------------------------------------------------ */

// Wherever a reader fails, the words begin with the file.
static kaon_status placed(const kn_source *source, kaon_status status, kaon_diag *diag)
{
    if (source->count == 0)
        return kaon_context(diag, status, "%s", source->reader_name);
    return kaon_context(diag, status, "reading %s", source->paths[source->at]);
}

static void close_file(kn_source *source)
{
    if (source->open)
        source->reader->close(source->open);
    source->open = NULL;
}

static kaon_status open_file(kn_source *source, int64_t index, kaon_diag *diag)
{
    if (source->open && source->at == index)
        return KAON_OK;
    close_file(source);
    source->at = index;
    const char *path = source->count ? source->paths[index] : NULL;
    void *self = NULL;
    const kaon_status status =
        source->reader->open(source->host, source->settings, path, &self, diag);
    if (status)
        return placed(source, status, diag);
    source->open = self;
    return KAON_OK;
}

static kaon_status set_name(kn_source *source, kaon_diag *diag)
{
    kn_text name = {0};
    if (source->count == 0)
        kn_text_add(&name, source->reader_name);
    else
        kn_text_add(&name, kn_path_name(source->paths[0]));
    if (source->count > 1)
        kn_text_format(&name, " and %lld more", (long long)source->count - 1);
    source->name = kn_text_take(&name);
    return source->name ? KAON_OK : kn_no_memory(diag, "paths");
}

static kaon_status check_schema(const struct ArrowSchema *schema, kaon_diag *diag)
{
    if (!schema->format || strcmp(schema->format, "+s") || schema->n_children < 1)
        return kaon_fail(diag, KAON_CORRUPT, "there are no columns");
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!schema->children[i]->name || !schema->children[i]->format)
            return kaon_fail(diag, KAON_CORRUPT, "column %lld has no name", (long long)i + 1);
    return KAON_OK;
}

static kaon_status begin(kn_source *source, kaon_diag *diag)
{
    KAON_TRY(open_file(source, 0, diag));
    KAON_TRY(placed(source, source->reader->schema(source->open, &source->schema, diag), diag));
    KAON_TRY(placed(source, check_schema(&source->schema, diag), diag));
    return set_name(source, diag);
}

kaon_status kn_source_open(kn_settings *s, const kaon_part *reader, const char *folder,
                           const char *const *paths, int64_t path_count, kn_source **out,
                           kaon_diag *diag)
{
    if (!reader && path_count == 0)
        return kaon_fail(diag, KAON_INVALID, "there is neither a reader nor a path");
    if (!reader)
        KAON_TRY(kn_reader_for(s, paths[0], &reader, diag));
    const kn_item *item = NULL;
    KAON_TRY(kn_item_find(s->kernel, KAON_READER, reader->name, &item, diag));
    if (path_count == 0 && ((const kaon_reader *)item->table)->extensions)
        return kaon_fail(diag, KAON_INVALID, "the reader '%s' reads files: give it a path",
                         item->name);
    kn_source *source = kn_alloc_zero(sizeof *source);
    if (!source)
        return kn_no_memory(diag, "a source");
    source->reader = item->table;
    source->settings = reader->settings;
    source->host = item->host;
    source->reader_name = item->name;
    kaon_status status = KAON_OK;
    for (int64_t i = 0; !status && i < path_count; i++)
        status = add_pattern(source, folder, paths[i], i, diag);
    if (!status)
        status = begin(source, diag);
    if (status) {
        kn_source_close(source);
        return status;
    }
    *out = source;
    return KAON_OK;
}

void kn_source_close(kn_source *source)
{
    if (!source)
        return;
    kn_derive_free(source->derive);
    if (source->schema.release)
        source->schema.release(&source->schema);
    close_file(source);
    for (int64_t i = 0; i < source->count; i++)
        kn_free(source->paths[i]);
    kn_free(source->paths);
    kn_free(source->given);
    kn_free(source->name);
    kn_free(source);
}

void kn_source_derive(kn_source *source, struct kn_derive *derive)
{
    kn_derive_free(source->derive);
    source->derive = derive;
}

kn_cut_counts kn_source_cut(const kn_source *source)
{
    return source->derive ? kn_derive_counts(source->derive) : (kn_cut_counts){0};
}

const struct ArrowSchema *kn_source_schema(const kn_source *source)
{
    return source->derive ? kn_derive_schema(source->derive) : &source->schema;
}

const char *kn_source_name(const kn_source *source)
{
    return source->name;
}

int64_t kn_source_path_count(const kn_source *source)
{
    return source->count;
}

const char *kn_source_path(const kn_source *source, int64_t index)
{
    return source->paths[index];
}

int64_t kn_source_at(const kn_source *source)
{
    return source->at;
}

/* --- scanning --------------------------------------------------------------------------------- */

static int64_t file_count(const kn_source *source)
{
    return source->count ? source->count : 1;
}

static kaon_status stream_fault(struct ArrowArrayStream *stream, int error, kaon_diag *diag)
{
    const char *words = stream->get_last_error(stream);
    return kaon_fail(diag, kaon_arrow_status(error), "%s",
                     words && *words ? words : strerror(error));
}

// The arrays of one stream; *rows counts what was visited.
static kaon_status drain(struct ArrowArrayStream *stream, kn_source_visit *visit, void *context,
                         int64_t *rows, kaon_diag *diag)
{
    struct ArrowSchema schema = {0};
    int error = stream->get_schema(stream, &schema);
    if (error)
        return stream_fault(stream, error, diag);
    kaon_status status = check_schema(&schema, diag);
    while (!status) {
        struct ArrowArray array = {0};
        error = stream->get_next(stream, &array);
        if (error)
            status = stream_fault(stream, error, diag);
        if (error || !array.release)
            break;
        if (array.n_children != schema.n_children)
            status = kaon_fail(diag, KAON_INTERNAL, "an array of %lld columns, announced were %lld",
                               (long long)array.n_children, (long long)schema.n_children);
        *rows += array.length;
        if (!status)
            status = visit(context, &schema, &array, diag);
        array.release(&array);
    }
    schema.release(&schema);
    return status;
}

static kaon_status scan_file(kn_source *source, int64_t index, const kaon_read *what,
                             kn_source_visit *visit, void *context, int64_t *rows, kaon_diag *diag)
{
    struct ArrowArrayStream stream = {0};
    KAON_TRY(open_file(source, index, diag));
    KAON_TRY(placed(source, source->reader->scan(source->open, what, &stream, diag), diag));
    const kaon_status status = drain(&stream, visit, context, rows, diag);
    stream.release(&stream);
    return status == KAON_END ? status : placed(source, status, diag);
}

static kaon_status visit_nothing(void *context, const struct ArrowSchema *schema,
                                 const struct ArrowArray *array, kaon_diag *diag)
{
    (void)context, (void)schema, (void)array, (void)diag;
    return KAON_OK;
}

// Where the reader does not know, one column is read to count its rows.
static kaon_status count_rows(kn_source *source, int64_t index, int64_t *out, kaon_diag *diag)
{
    KAON_TRY(open_file(source, index, diag));
    KAON_TRY(placed(source, source->reader->rows(source->open, out, diag), diag));
    if (*out >= 0)
        return KAON_OK;
    const kaon_read first_column = {
        .size = sizeof first_column,
        .column_count = 1,
        .columns = &source->schema.children[0]->name,
    };
    *out = 0;
    return scan_file(source, index, &first_column, visit_nothing, NULL, out, diag);
}

kaon_status kn_source_rows(kn_source *source, int64_t *out, kaon_diag *diag)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < file_count(source); i++) {
        int64_t rows = -1;
        KAON_TRY(open_file(source, i, diag));
        KAON_TRY(placed(source, source->reader->rows(source->open, &rows, diag), diag));
        if (rows < 0) {
            *out = -1;
            return KAON_OK;
        }
        sum += rows;
    }
    *out = sum;
    return KAON_OK;
}

static kaon_status scan_files(kn_source *source, kaon_read part, kn_source_visit *visit,
                              void *context, kaon_diag *diag)
{
    const int32_t limited = part.row_count > 0;
    int64_t skip = part.first_row, left = part.row_count;
    for (int64_t i = 0; i < file_count(source); i++) {
        int64_t rows = 0;
        const int32_t is_last = i + 1 == file_count(source);
        if (skip && !is_last) {
            int64_t all = 0;
            KAON_TRY(count_rows(source, i, &all, diag));
            if (all <= skip) {
                skip -= all;
                continue;
            }
        }
        part.first_row = skip;
        part.row_count = left;
        KAON_TRY(scan_file(source, i, &part, visit, context, &rows, diag));
        skip = 0;
        left -= limited ? rows : 0;
        if (limited && left <= 0)
            break;
    }
    return KAON_OK;
}

// What stands between the files and who asked for them.
typedef struct deriving {
    const kn_source *source;
    kn_source_visit *visit;
    void *context;
} deriving;

static kaon_status visit_derived(void *context, const struct ArrowSchema *schema,
                                 const struct ArrowArray *array, kaon_diag *diag)
{
    const deriving *to = context;
    const kn_source *source = to->source;
    const int64_t file = source->count ? source->given[source->at] : 0;
    const struct ArrowSchema *derived_schema = NULL;
    const struct ArrowArray *derived = NULL;
    KAON_TRY(kn_derive_array(source->derive, file, schema, array, &derived_schema, &derived, diag));
    return derived->length ? to->visit(to->context, derived_schema, derived, diag) : KAON_OK;
}

static kaon_status scan_derived(kn_source *source, kaon_read part, kn_source_visit *visit,
                                void *context, kaon_diag *diag)
{
    deriving to = {source, visit, context};
    int64_t count = 0;
    KAON_TRY(
        kn_derive_begin(source->derive, part.columns, part.column_count, part.first_row, diag));
    kn_derive_raw(source->derive, &part.columns, &count);
    part.column_count = (int32_t)count;
    return scan_files(source, part, visit_derived, &to, diag);
}

kaon_status kn_source_scan(kn_source *source, const kaon_read *what, kn_source_visit *visit,
                           void *context, kaon_diag *diag)
{
    const struct ArrowSchema *schema = kn_source_schema(source);
    kaon_read part = {.size = sizeof part};
    if (what)
        part = *what;
    // All files give the columns of the first, whatever else they hold.
    const char **names = NULL;
    if (!part.column_count) {
        names = kn_alloc_array((size_t)schema->n_children, sizeof *names);
        if (!names)
            return kn_no_memory(diag, "column names");
        for (int64_t i = 0; i < schema->n_children; i++)
            names[i] = schema->children[i]->name;
        part.columns = names;
        part.column_count = (int32_t)schema->n_children;
    }
    const kaon_status status = source->derive ? scan_derived(source, part, visit, context, diag)
                                              : scan_files(source, part, visit, context, diag);
    kn_free(names);
    return status == KAON_END ? KAON_OK : status;
}
