/* null.h: what the parts of the null backend share: steps at rest, tensors as the kernels see them.
 *
 * Everything is written for reading, nothing for speed: numbers are loaded one by one into a double
 * or a 64-bit integer, whatever their type, and stored rounded.
 */
#ifndef NULL_BACKEND_H
#define NULL_BACKEND_H

#include <kaon/backend.h>

// A number of any type: integers and bools in `whole`, floating point in `real`.
typedef struct {
    double real;
    int64_t whole;
} null_number;

typedef struct {
    int32_t dtype;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
    int64_t strides[KAON_MAX_RANK];
    char *data; // during a launch
} null_tensor;

typedef struct null_task null_task;
typedef void null_run(null_task *task, const kaon_launch *l);

/* A step at rest: what `prepare` was given is borrowed for that call, so it is copied. */
struct null_task {
    const kaon_host *host;
    null_run *run;
    int32_t input_count;
    int32_t output_count;
    null_tensor *operands; // inputs, then outputs
    int32_t attr_count;
    int32_t reserved;
    kaon_attr *attrs;
    kaon_expression fused;
    uint64_t seed;
    void *room; // for kernels that need some; room_bytes of it
};

// A row of the table of operations.
typedef struct {
    const char *op;
    null_run *run;
    int32_t room_axis; // 1: room for two indices per place along the attribute `axis`
} null_op;

extern const null_op null_arrays[], null_products[], null_random[];
null_run null_fused;

/* --- numbers ---------------------------------------------------------------------------------- */

int32_t null_is_float(int32_t dtype);
null_number null_load(int32_t dtype, const void *at);
void null_store(int32_t dtype, void *at, null_number value);

// A whole number or a floating-point one, as the dtype has it.
null_number null_of(int32_t dtype, double value);
double null_value(int32_t dtype, null_number n);

// -1, 0, 1; NaN comes after every number.
int null_compare(int32_t dtype, null_number a, null_number b);

/* --- tensors ---------------------------------------------------------------------------------- */

int64_t null_count(const null_tensor *t);

/* Steps `index` to the next place of a shape, in row-major order; 0 after the last. */
int32_t null_next(int32_t rank, const int64_t *shape, int64_t *index);

/* Address of an element. */
char *null_at(const null_tensor *t, const int64_t *index);

static inline const null_tensor *null_in(const null_task *t, int32_t i)
{
    return &t->operands[i];
}

static inline const null_tensor *null_out(const null_task *t, int32_t i)
{
    return &t->operands[t->input_count + i];
}

const kaon_attr *null_attr(const null_task *t, const char *name);
int64_t null_attr_int(const null_task *t, const char *name);
int64_t null_attr_at(const null_task *t, const char *name, int32_t index);

#endif
