/* predictor.c: a whole model as one program for a fixed number of events. */
#include "experiment/predictor.h"

#include <kaon/graph.h>
#include <kaon/program.h>
#include <string.h>

#include "kernel/host.h"
#include "kernel/memory.h"
#include "data/table.h"
#include "kernel/tensor.h"

struct kn_predictor {
    kn_model *model;
    const kaon_program_api *programs;
    kaon_program *program;     // NULL: through tables
    kaon_variables *variables; // none of ours; a program wants a set
    int32_t dtype;
    int64_t rows;
    int64_t inputs;
    int64_t outputs;
    int64_t shape[KAON_MAX_RANK]; // of the features of `rows` events
    int32_t rank;
    uint64_t runs;
    void *in;  // for the last, short block of kn_predictor_run_rows
    void *out; //
};

/* --- as one program --------------------------------------------------------------------------- */

static int32_t is_graph(const kn_model *model)
{
    for (int32_t i = 0; i < kn_model_count(model); i++) {
        const kaon_learner *learner = kn_model_part(model, i)->table;
        if (!learner->build)
            return 0;
    }
    return 1;
}

// The learners in a row, between a cast in and a cast out.
static kaon_node *chain(const kn_predictor *p, kaon_graph *g)
{
    kaon_node *node = g->api->input(g, "features", p->dtype, p->rank, p->shape);
    if (p->dtype != g->api->float_type(g))
        node = kaon_cast(g, node, g->api->float_type(g));
    for (int32_t i = 0; i < kn_model_count(p->model) && node; i++) {
        const kaon_learner *learner = kn_model_part(p->model, i)->table;
        node = learner->build(kn_model_learner(p->model, i), g, node);
    }
    return node && kaon_dtype(node) != p->dtype ? kaon_cast(g, node, p->dtype) : node;
}

// The compiled program into the log, for whoever wants to know why it takes its time.
static void log_program(const kn_predictor *p)
{
    kaon_program_facts facts = {.size = sizeof facts};
    if (p->programs->program_facts(p->program, &facts, NULL) || !facts.text)
        return;
    for (const char *line = facts.text; *line;) {
        const size_t length = strcspn(line, "\n");
        kn_log(kn_model_kernel(p->model), KAON_LOG_DEBUG, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static kaon_status compile(kn_predictor *p, const kaon_host *host, kaon_graph *g, kaon_diag *diag)
{
    kaon_node *node = chain(p, g);
    KAON_TRY(g->api->check(g, diag));
    if (!node || kaon_rank(node) < 1 || kaon_dim(node, 0) != p->rows)
        return kaon_fail(diag, KAON_INTERNAL, "the model's graph does not give one row per event");
    p->outputs = 1;
    for (int32_t axis = 1; axis < kaon_rank(node); axis++)
        p->outputs *= kaon_dim(node, axis);
    const kaon_compile_job job = {.size = sizeof job,
                                  .output_count = 1,
                                  .graph = g,
                                  .outputs = &node,
                                  .variables = p->variables};
    KAON_TRY(p->programs->compile(host, &job, &p->program, diag));
    log_program(p);
    return KAON_OK;
}

static kaon_status make_program(kn_predictor *p, const kaon_host *host, kaon_diag *diag)
{
    const kaon_graph_spec spec = {.size = sizeof spec,
                                  .float_type = kn_model_facts(p->model)->float_type};
    kaon_graph *g = NULL;
    KAON_TRY(p->programs->variables_new(host, 0, &p->variables, diag));
    KAON_TRY(p->programs->graph_new(host, &spec, &g, diag));
    const kaon_status status = compile(p, host, g, diag);
    p->programs->graph_free(g);
    return status;
}

/* --- through tables --------------------------------------------------------------------------- */

static kaon_status run_tables(const kn_predictor *p, int64_t rows, const void *features, void *out,
                              int64_t *outputs, kaon_diag *diag)
{
    kaon_table *table = NULL, *predicted = NULL;
    int64_t shape[KAON_MAX_RANK];
    kaon_column column = {.size = sizeof column, .role = KAON_ROLE_FEATURES, .name = "features"};
    memcpy(shape, p->shape, sizeof shape);
    shape[0] = rows;
    const kaon_view in = {.size = sizeof in,
                          .dtype = p->dtype,
                          .device_type = KAON_DEVICE_CPU,
                          .rank = p->rank,
                          .data = (void *)(uintptr_t)features,
                          .shape = shape};
    column.view = in;
    KAON_TRY(kn_table_new(rows, &table, diag));
    kaon_status status = kn_table_column_add(table, &column, diag);
    if (!status)
        status = kn_model_apply(p->model, table, &predicted, diag);
    kn_table_release(table);
    if (status)
        return status;
    column = (kaon_column){.size = sizeof column};
    if (kn_table_column_of(predicted, KAON_ROLE_PREDICTION, &column))
        status = kaon_fail(diag, KAON_INVALID, "the model's last learner predicts nothing");
    else {
        *outputs = kaon_view_count(&column.view) / (rows ? rows : 1);
        if (out)
            kn_view_copy(&column.view, p->dtype, out);
    }
    kn_table_release(predicted);
    return status;
}

// One event of zeros tells how many numbers come out.
static kaon_status measure_output(kn_predictor *p, kaon_diag *diag)
{
    void *zeros = kn_alloc_array((size_t)p->inputs + 1, (size_t)kaon_dtype_bytes(p->dtype));
    if (!zeros)
        return kn_no_memory(diag, "a predictor");
    const kaon_status status = run_tables(p, 1, zeros, NULL, &p->outputs, diag);
    kn_free(zeros);
    return status;
}

/* --- its life --------------------------------------------------------------------------------- */

static kaon_status make(kn_predictor *p, const kaon_host *host, kaon_diag *diag)
{
    const kaon_task_facts *facts = kn_model_facts(p->model);
    p->rank = facts->feature_rank + 1;
    p->shape[0] = p->rows;
    p->inputs = 1;
    for (int32_t i = 0; i < facts->feature_rank; i++) {
        p->shape[i + 1] = facts->feature_shape[i];
        p->inputs *= facts->feature_shape[i];
    }
    p->programs = kn_service_find(KAON_PROGRAM_SERVICE);
    KAON_TRY(p->programs && is_graph(p->model) ? make_program(p, host, diag)
                                               : measure_output(p, diag));
    const size_t bytes = (size_t)kaon_dtype_bytes(p->dtype);
    p->in = kn_alloc_array((size_t)(p->rows * p->inputs) + 1, bytes);
    p->out = kn_alloc_array((size_t)(p->rows * p->outputs) + 1, bytes);
    return p->in && p->out ? KAON_OK : kn_no_memory(diag, "a predictor");
}

kaon_status kn_predictor_new(kn_model *model, const kaon_host *host, int64_t rows, int32_t dtype,
                             kn_predictor **out, kaon_diag *diag)
{
    *out = NULL;
    if (rows < 1 || rows > INT32_MAX)
        return kaon_fail(diag, KAON_INVALID, "a predictor takes 1 or more events at a time");
    if (dtype != KAON_F32 && dtype != KAON_F64)
        return kaon_fail(diag, KAON_INVALID, "a predictor takes f32 or f64, not %s",
                         kaon_dtype_text(dtype));
    if (!kn_model_ready(model))
        return kaon_fail(diag, KAON_INVALID, "the model has not been fitted");
    kn_predictor *p = kn_alloc_zero(sizeof *p);
    if (!p)
        return kn_no_memory(diag, "a predictor");
    p->model = model;
    p->rows = rows;
    p->dtype = dtype;
    const kaon_status status = make(p, host, diag);
    if (status)
        kn_predictor_free(p);
    else
        *out = p;
    return kaon_context(diag, status, "predictor");
}

void kn_predictor_free(kn_predictor *p)
{
    if (!p)
        return;
    if (p->programs) {
        p->programs->program_free(p->program);
        p->programs->variables_release(p->variables);
    }
    kn_free(p->in);
    kn_free(p->out);
    kn_free(p);
}

int64_t kn_predictor_inputs(const kn_predictor *p)
{
    return p->inputs;
}

int64_t kn_predictor_outputs(const kn_predictor *p)
{
    return p->outputs;
}

int64_t kn_predictor_rows(const kn_predictor *p)
{
    return p->rows;
}

int32_t kn_predictor_compiled(const kn_predictor *p)
{
    return p->program != NULL;
}

/* --- running ---------------------------------------------------------------------------------- */

kaon_status kn_predictor_run(kn_predictor *p, const void *features, void *out, kaon_diag *diag)
{
    int64_t outputs;
    if (p->program)
        return p->programs->run(p->program, &features, &out, p->runs++, diag);
    return run_tables(p, p->rows, features, out, &outputs, diag);
}

kaon_status kn_predictor_run_rows(kn_predictor *p, int64_t rows, const void *features, void *out,
                                  kaon_diag *diag)
{
    const size_t bytes = (size_t)kaon_dtype_bytes(p->dtype);
    const size_t in_bytes = (size_t)p->inputs * bytes, out_bytes = (size_t)p->outputs * bytes;
    const char *from = features;
    char *to = out;
    for (; rows >= p->rows; rows -= p->rows) {
        KAON_TRY(kn_predictor_run(p, from, to, diag));
        from += (size_t)p->rows * in_bytes;
        to += (size_t)p->rows * out_bytes;
    }
    if (rows <= 0)
        return KAON_OK;
    // A program runs full blocks: what lies beyond the last event is of no consequence.
    memcpy(p->in, from, (size_t)rows * in_bytes);
    memset((char *)p->in + (size_t)rows * in_bytes, 0, (size_t)(p->rows - rows) * in_bytes);
    KAON_TRY(kn_predictor_run(p, p->in, p->out, diag));
    memcpy(to, p->out, (size_t)rows * out_bytes);
    return KAON_OK;
}
