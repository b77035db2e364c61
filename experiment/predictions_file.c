/* predictions_file.c: predictions into a file, some rows after the others. */
#include "experiment/predictions_file.h"

#include "data/arrow_json.h"
#include "data/source.h"
#include "experiment/predictions.h"
#include "kernel/memory.h"

static kaon_status open_writer(kn_predictions_file *f, const struct ArrowSchema *schema,
                               const kaon_part *part, const kn_item *item, kaon_diag *diag)
{
    const kaon_writer *writer = part->table;
    KAON_TRY(writer->open(item->host, part->settings, f->path, schema, &f->self, diag));
    f->writer = writer;
    return KAON_OK;
}

static kaon_status keep_head(kn_predictions_file *f, const struct ArrowSchema *schema,
                             const struct ArrowArray *array, kaon_diag *diag)
{
    if (!f->columns) {
        f->columns = json_array();
        f->head = json_array();
        for (int64_t k = 0; k < schema->n_children; k++)
            json_array_append_new(f->columns, json_string(schema->children[k]->name));
    }
    for (int64_t i = 0; i < array->length && (int64_t)json_array_size(f->head) < f->head_rows;
         i++) {
        json_t *row = json_array();
        for (int64_t k = 0; k < schema->n_children; k++)
            json_array_append_new(row, kn_arrow_value(schema->children[k], array->children[k], i));
        json_array_append_new(f->head, row);
    }
    f->rows += array->length;
    return f->columns && f->head ? KAON_OK : kn_no_memory(diag, "predictions");
}

kaon_status kn_predictions_add(kn_predictions_file *f, const kaon_table *predicted,
                               int64_t class_count, const char *const *classes, kaon_diag *diag)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    const kaon_part *part = NULL;
    const kn_item *item = NULL;
    if (f->path && (!f->writer || !f->host)) {
        KAON_TRY(kn_writer_for(f->settings, f->path, &part, diag));
        KAON_TRY(kn_item_find(f->settings->kernel, KAON_WRITER, part->name, &item, diag));
    }
    f->host = f->host ? f->host : item->host;
    KAON_TRY(kn_predictions_arrow(f->host, predicted, class_count, classes, &schema, &array, diag));
    kaon_status status = keep_head(f, &schema, &array, diag);
    if (!status && f->path && !f->writer)
        status = open_writer(f, &schema, part, item, diag);
    if (!status && f->path)
        status = f->writer->write(f->self, &array, diag);
    array.release(&array);
    schema.release(&schema);
    return f->path ? kaon_context(diag, status, "%s", f->path) : status;
}

kaon_status kn_predictions_finish(kn_predictions_file *f, kaon_diag *diag)
{
    if (!f->writer)
        return KAON_OK;
    return kaon_context(diag, f->writer->finish(f->self, diag), "%s", f->path);
}

void kn_predictions_fini(kn_predictions_file *f)
{
    if (f->writer)
        f->writer->close(f->self);
    json_decref(f->columns);
    json_decref(f->head);
    *f = (kn_predictions_file){0};
}
