/* api_data.c: the public API: a look at files and generators. */
#include "experiment/api.h"

#include <math.h>
#include <string.h>

#include "data/arrow_json.h"
#include "kernel/memory.h"
#include "data/source.h"
#include "kernel/structs.h"

enum { HEAD_ROWS = 10, COLUMN_TYPE = 160 };

// One look at a source: settings of its reader, and what is being made of it.
typedef struct {
    kn_config_tree *tree;
    kn_settings settings;
    kn_source *source;
    json_t *rows;              // of a head
    int64_t wanted;            //
    kn_arrow_summary *columns; // of an info
} look;

static void look_fini(look *l)
{
    kn_source_close(l->source);
    if (l->tree)
        kn_settings_fini(&l->settings);
    kn_config_tree_free(l->tree);
    kn_free(l->columns);
    json_decref(l->rows);
}

/* The reader a text names ("calo: {cells: 8}"), NULL for none. */
static kaon_status named_reader(look *l, const char *text, const kaon_part **out, kn_faults *faults,
                                kaon_diag *diag)
{
    *out = NULL;
    if (!text)
        return KAON_OK;
    const kn_config *node = kn_config_parse(l->tree, "--reader", text, strlen(text), faults);
    if (node)
        *out = kn_settings_part(&l->settings, KAON_READER, node, NULL);
    return kn_faults_status(faults, diag);
}

static kaon_status look_init(look *l, kaon_kernel *kernel, const kaon_data_request *q,
                             kn_faults *faults, kaon_diag *diag)
{
    const kaon_part *reader = NULL;
    *l = (look){.tree = kn_config_tree_new()};
    if (!l->tree)
        return kn_no_memory(diag, "a look at data");
    kn_settings_init(&l->settings, kernel->kernel, l->tree, faults);
    KAON_TRY(named_reader(l, q->reader, &reader, faults, diag));
    if (!q->path && !reader)
        return kaon_fail(diag, KAON_INVALID, "neither a file nor a reader was named");
    return kn_source_open(&l->settings, reader, NULL, &q->path, q->path != NULL, &l->source, diag);
}

static json_t *columns_json(const struct ArrowSchema *schema)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < schema->n_children; i++) {
        char type[COLUMN_TYPE];
        const struct ArrowSchema *child = schema->children[i];
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", child->name ? child->name : "",
                                              "type", kn_arrow_type(child, type, sizeof type)));
    }
    return list;
}

/* --- head ------------------------------------------------------------------------------------- */

static kaon_status take_rows(void *context, const struct ArrowSchema *schema,
                             const struct ArrowArray *array, kaon_diag *diag)
{
    look *l = context;
    for (int64_t i = 0; i < array->length; i++) {
        if ((int64_t)json_array_size(l->rows) >= l->wanted)
            return KAON_END;
        json_t *row = json_array();
        for (int64_t k = 0; k < schema->n_children; k++)
            json_array_append_new(row, kn_arrow_value(schema->children[k], array->children[k], i));
        if (json_array_append_new(l->rows, row))
            return kn_no_memory(diag, "rows");
    }
    return KAON_OK;
}

static kaon_status make_head(look *l, kaon_kernel *kernel, const kaon_data_request *q, kn_api *call,
                             char **json)
{
    kaon_diag *diag = &call->fault.diag;
    KAON_TRY(look_init(l, kernel, q, &call->faults, diag));
    l->rows = json_array();
    l->wanted = q->rows > 0 ? q->rows : HEAD_ROWS;
    const kaon_read what = {.size = sizeof what, .row_count = l->wanted};
    KAON_TRY(kn_source_scan(l->source, &what, take_rows, l, diag));
    json_t *root = json_pack("{s:s, s:o, s:O}", "source", kn_source_name(l->source), "columns",
                             columns_json(kn_source_schema(l->source)), "rows", l->rows);
    return kn_api_json(root, json, diag);
}

kaon_status kaon_data_head(kaon_kernel *kernel, const kaon_data_request *request, char **json,
                           kaon_error *error)
{
    kn_api call;
    look l = {0};
    kaon_data_request own;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_data_request", &call.fault.diag);
    if (!status)
        status = make_head(&l, kernel, &own, &call, json);
    look_fini(&l);
    return kn_api_end(&call, status);
}

/* --- info ------------------------------------------------------------------------------------- */

static kaon_status take_sums(void *context, const struct ArrowSchema *schema,
                             const struct ArrowArray *array, kaon_diag *diag)
{
    look *l = context;
    (void)diag;
    for (int64_t k = 0; k < schema->n_children; k++)
        kn_arrow_summarize(schema->children[k], array->children[k], &l->columns[k]);
    return KAON_OK;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *summary_json(const struct ArrowSchema *schema, const kn_arrow_summary *s)
{
    char type[COLUMN_TYPE];
    json_t *out = json_pack("{s:s, s:s, s:I, s:I}", "name", schema->name ? schema->name : "",
                            "type", kn_arrow_type(schema, type, sizeof type), "missing",
                            (json_int_t)s->missing, "zeros", (json_int_t)s->zeros);
    if (s->numbers) {
        json_object_set_new(out, "min", number(s->min));
        json_object_set_new(out, "max", number(s->max));
        json_object_set_new(out, "mean", number(s->mean));
        json_object_set_new(out, "std", number(sqrt(s->squares / (double)s->numbers)));
    }
    if (!strcmp(schema->format, "+l")) {
        json_object_set_new(out, "shortest", json_integer(s->shortest));
        json_object_set_new(out, "longest", json_integer(s->longest));
        json_object_set_new(out, "values", json_integer(s->numbers + s->missing));
    }
    return out;
}

static kaon_status make_info(look *l, kaon_kernel *kernel, const kaon_data_request *q, kn_api *call,
                             char **json)
{
    kaon_diag *diag = &call->fault.diag;
    KAON_TRY(look_init(l, kernel, q, &call->faults, diag));
    const struct ArrowSchema *schema = kn_source_schema(l->source);
    l->columns = kn_alloc_array((size_t)schema->n_children + 1, sizeof *l->columns);
    if (!l->columns)
        return kn_no_memory(diag, "columns");
    const kaon_read what = {.size = sizeof what};
    KAON_TRY(kn_source_scan(l->source, &what, take_sums, l, diag));
    json_t *list = json_array(), *paths = json_array();
    for (int64_t k = 0; k < schema->n_children; k++)
        json_array_append_new(list, summary_json(schema->children[k], &l->columns[k]));
    for (int64_t i = 0; i < kn_source_path_count(l->source); i++)
        json_array_append_new(paths, json_string(kn_source_path(l->source, i)));
    const int64_t rows = schema->n_children ? l->columns[0].rows : 0;
    json_t *root = json_pack("{s:s, s:o, s:I, s:o}", "source", kn_source_name(l->source), "files",
                             paths, "rows", (json_int_t)rows, "columns", list);
    return kn_api_json(root, json, diag);
}

kaon_status kaon_data_info(kaon_kernel *kernel, const kaon_data_request *request, char **json,
                           kaon_error *error)
{
    kn_api call;
    look l = {0};
    kaon_data_request own;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_data_request", &call.fault.diag);
    if (!status)
        status = make_info(&l, kernel, &own, &call, json);
    look_fini(&l);
    return kn_api_end(&call, status);
}
