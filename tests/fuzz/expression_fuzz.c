/* expression_fuzz.c: anything as a formula: read, checked against columns, computed if it means
 * something. */
#include "data/derive.h"
#include "kernel/diag.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Three events: a number, a condition, a list, a vector, a text.
enum { ROWS = 3, COLUMNS = 5 };
static const double x[ROWS] = {1, -2, 0};
static const uint8_t good = 5;
static const int32_t ends[ROWS + 1] = {0, 2, 2, 5};
static const float v[5] = {5, 4, 3, 2, 1};
static const float w[ROWS * 2] = {1, 2, 3, 4, 5, 6};
static const int32_t word_ends[ROWS + 1] = {0, 1, 3, 3};
static const char words[] = "abc";

static struct ArrowSchema item = {.format = "f", .name = "item"};
static struct ArrowSchema *items[] = {&item};
static struct ArrowSchema columns[COLUMNS] = {
    {.format = "g", .name = "x"},
    {.format = "b", .name = "good"},
    {.format = "+l", .name = "v", .n_children = 1, .children = items},
    {.format = "+w:2", .name = "w", .n_children = 1, .children = items},
    {.format = "u", .name = "t"},
};
static const void *buffers[COLUMNS][3] = {
    {NULL, x}, {NULL, &good}, {NULL, ends}, {NULL}, {NULL, word_ends, words}};
static const void *leaf_buffers[2][2] = {{NULL, v}, {NULL, w}};
static struct ArrowArray leaves[2] = {
    {.length = 5, .n_buffers = 2, .buffers = leaf_buffers[0]},
    {.length = ROWS * 2, .n_buffers = 2, .buffers = leaf_buffers[1]},
};
static struct ArrowArray *leaf_lists[2][1] = {{&leaves[0]}, {&leaves[1]}};
static struct ArrowArray arrays[COLUMNS] = {
    {.length = ROWS, .n_buffers = 2, .buffers = buffers[0]},
    {.length = ROWS, .n_buffers = 2, .buffers = buffers[1]},
    {.length = ROWS,
     .n_buffers = 2,
     .buffers = buffers[2],
     .n_children = 1,
     .children = leaf_lists[0]},
    {.length = ROWS,
     .n_buffers = 1,
     .buffers = buffers[3],
     .n_children = 1,
     .children = leaf_lists[1]},
    {.length = ROWS, .n_buffers = 3, .buffers = buffers[4]},
};

// What the reader gives of the columns that are asked for.
static void project(const kn_derive *d, struct ArrowSchema *schema, struct ArrowArray *array)
{
    static struct ArrowSchema *schemas[COLUMNS];
    static struct ArrowArray *parts[COLUMNS];
    const char *const *names = NULL;
    int64_t count = 0;
    kn_derive_raw(d, &names, &count);
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < COLUMNS; k++)
            if (!strcmp(names[i], columns[k].name)) {
                schemas[i] = &columns[k];
                parts[i] = &arrays[k];
            }
    *schema =
        (struct ArrowSchema){.format = "+s", .name = "", .n_children = count, .children = schemas};
    *array = (struct ArrowArray){.length = ROWS, .n_children = count, .children = parts};
}

static void compute(kn_derive *d, const char *text)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    const struct ArrowSchema *out_schema = NULL;
    const struct ArrowArray *out = NULL;
    const char *const names[] = {text, "v"};
    kn_diag fault;
    kn_diag_init(&fault);
    kaon_status status = kn_derive_begin(d, names, 2, 0, &fault.diag);
    if (status)
        abort();
    project(d, &schema, &array);
    status = kn_derive_array(d, 0, &schema, &array, &out_schema, &out, &fault.diag);
    if (status && !*fault.text)
        abort(); // a failure without words
    if (!status && (out->n_children != 2 || out->children[0]->length != out->length))
        abort();
}

static kn_kernel *open_kernel(void)
{
    static kn_kernel *kernel;
    if (!kernel && kn_kernel_new(NULL, &kernel, NULL))
        abort();
    return kernel;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ArrowSchema *list[COLUMNS];
    struct ArrowSchema raw = {.format = "+s", .name = "", .n_children = COLUMNS, .children = list};
    kn_faults faults = {0};
    kn_derive *d = NULL;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, size ? data : (const uint8_t *)"", size);
    text[size] = 0;
    for (int k = 0; k < COLUMNS; k++)
        list[k] = &columns[k];
    // A formula of its own first, then as a cut.
    const kn_formula formula = {.text = text};
    const kn_definition twice = {.name = "twice", .formula = {.text = "2 * x"}};
    kn_derive_spec spec = {
        .kernel = open_kernel(), .faults = &faults, .definition_count = 1, .definitions = &twice};
    if (kn_derive_new(&spec, &raw, &d, NULL))
        abort();
    const kaon_status status = kn_derive_add(d, text, &formula, NULL);
    if (!status != !faults.count)
        abort(); // refused, and nobody says why
    const int32_t is_column = kn_derive_schema(d)->n_children == COLUMNS + 2;
    if (!status && is_column)
        compute(d, text);
    kn_derive_free(d);
    spec.cut = formula;
    if (!kn_derive_new(&spec, &raw, &d, NULL))
        compute(d, "x");
    kn_derive_free(d);
    kn_faults_fini(&faults);
    free(text);
    return 0;
}
