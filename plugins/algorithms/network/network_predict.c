/* network_predict.c: predictions for tables, in blocks of rows.
 *
 * A program has a fixed number of rows. There are four sizes, compiled at first use; whole blocks
 * are read from the table and written to the result where they lie, the last one goes through a
 * buffer.
 */
#include "network.h"

#include <kaon/tensor.h>

#include <string.h>

static const int64_t bucket_rows[BUCKETS] = {1, 64, 1024, 16384};

// The smallest size that holds `rows`, or the largest there is.
static int bucket_for(int64_t rows)
{
    int i = 0;
    while (i < BUCKETS - 1 && bucket_rows[i] < rows)
        i++;
    return i;
}

static kaon_status predictor(network *n, int bucket, kaon_program **out, kaon_diag *diag)
{
    if (!n->predictors[bucket])
        KAON_TRY(network_compile_prediction(n, bucket_rows[bucket], &n->predictors[bucket], diag));
    *out = n->predictors[bucket];
    return KAON_OK;
}

// The rows left over: padded with copies of the first one, whose results are dropped.
static kaon_status predict_rest(network *n, int64_t rows, const char *in, char *out,
                                kaon_diag *diag)
{
    const int bucket = bucket_for(rows);
    const size_t bytes = kaon_dtype_bytes(n->float_type);
    const size_t in_row = (size_t)n->feature_count * bytes;
    const size_t out_row = (size_t)n->out_count * bytes;
    const size_t block = (size_t)bucket_rows[bucket];
    kaon_program *program = NULL;
    KAON_TRY(predictor(n, bucket, &program, diag));
    char *memory = kaon_alloc(n->host, block * (in_row + out_row));
    if (!memory)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a block of %zu rows", block);

    char *results = memory + block * in_row;
    memcpy(memory, in, (size_t)rows * in_row);
    for (size_t i = (size_t)rows; i < block; i++)
        memcpy(memory + i * in_row, in, in_row);
    const void *inputs[] = {memory};
    void *outputs[] = {results};
    const kaon_status status = n->programs->run(program, inputs, outputs, 0, diag);
    if (!status)
        memcpy(out, results, (size_t)rows * out_row);
    kaon_free(n->host, memory);
    return status;
}

static kaon_status predict(network *n, int64_t rows, const char *in, char *out, kaon_diag *diag)
{
    const size_t bytes = kaon_dtype_bytes(n->float_type);
    const size_t in_row = (size_t)n->feature_count * bytes;
    const size_t out_row = (size_t)n->out_count * bytes;
    int64_t done = 0;
    while (done < rows) {
        const int bucket = bucket_for(rows - done);
        if (bucket_rows[bucket] > rows - done)
            return predict_rest(n, rows - done, in, out, diag);
        kaon_program *program = NULL;
        const void *inputs[] = {in};
        void *outputs[] = {out};
        KAON_TRY(predictor(n, bucket, &program, diag));
        KAON_TRY(n->programs->run(program, inputs, outputs, 0, diag));
        done += bucket_rows[bucket];
        in += (size_t)bucket_rows[bucket] * in_row;
        out += (size_t)bucket_rows[bucket] * out_row;
    }
    return KAON_OK;
}

static kaon_status check_features(const network *n, const kaon_table *table, kaon_column *out,
                                  kaon_diag *diag)
{
    out->size = sizeof *out;
    if (n->tables->column_of(table, KAON_ROLE_FEATURES, out))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    int same = out->view.rank == n->feature_rank + 1;
    for (int32_t i = 0; same && i < n->feature_rank; i++)
        same = out->view.shape[i + 1] == n->feature_shape[i];
    if (same)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID,
                     "the network was made for %lld numbers in %d axes per event, the table has %d "
                     "axes, the first of %lld",
                     (long long)n->feature_count, (int)n->feature_rank, (int)out->view.rank - 1,
                     out->view.rank > 1 ? (long long)out->view.shape[1] : 1);
}

static kaon_status add_prediction(network *n, int64_t rows, const char *features, kaon_table *out,
                                  kaon_diag *diag)
{
    int64_t shape[KAON_MAX_RANK] = {rows};
    memcpy(shape + 1, n->out_shape, (size_t)n->out_rank * sizeof *shape);
    kaon_column column = {
        .size = sizeof column,
        .role = KAON_ROLE_PREDICTION,
        .name = "prediction",
        .view = {.size = sizeof(kaon_view),
                 .dtype = n->float_type,
                 .device_type = KAON_DEVICE_CPU,
                 .rank = n->out_rank + 1,
                 .shape = shape},
    };
    KAON_TRY(n->tables->column_add(out, &column, diag));
    return predict(n, rows, features, column.view.data, diag);
}

kaon_status network_apply(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag)
{
    network *n = self;
    const kaon_tensor_api *tensors = n->host->service(n->host, KAON_TENSOR_SERVICE);
    kaon_column features = {.size = sizeof features};
    kaon_tensor *copy = NULL;
    kaon_table *made = NULL;
    KAON_TRY(check_features(n, in, &features, diag));
    if (features.view.dtype != n->float_type) {
        if (!tensors)
            return kaon_fail(diag, KAON_INCOMPATIBLE, "this host has no tensors");
        KAON_TRY(tensors->copy(n->host, &features.view, n->float_type, &copy, diag));
    }
    kaon_view view = features.view;
    kaon_status status = copy ? tensors->view(copy, &view, diag) : KAON_OK;
    if (!status)
        status = n->tables->without(in, KAON_ROLE_PREDICTION, &made, diag);
    if (!status)
        status = add_prediction(n, n->tables->rows(in), view.data, made, diag);
    if (copy)
        tensors->release(copy);
    if (status)
        n->tables->release(made);
    else
        *out = made;
    return status;
}
