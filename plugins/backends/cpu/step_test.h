/* step_test.h: runs single steps of the backend as it was built, on a host of a few lines.
 *
 * The host's pool runs its items one after the other from the last to the first, in three lanes:
 * what comes out must not depend on that.
 */
#ifndef CPU_STEP_TEST_H
#define CPU_STEP_TEST_H

#include <kaon/backend.h>
#include <kaon/parallel.h>

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a host ----------------------------------------------------------------------------------- */

static int32_t st_lane_count = 3;
static int32_t st_backwards = 1; // the pool's order

static void st_run(const kaon_host *host, int64_t count, kaon_task *task, void *context)
{
    (void)host;
    for (int64_t i = 0; i < count; i++) {
        const int64_t index = st_backwards ? count - 1 - i : i;
        task(context, index, (int32_t)(index % st_lane_count));
    }
}

static int32_t st_lanes(const kaon_host *host)
{
    (void)host;
    return st_lane_count;
}

static const kaon_parallel_api st_parallel = {sizeof st_parallel, 0, st_run, st_lanes};

static const void *st_service(const kaon_host *host, const char *id)
{
    (void)host;
    return strcmp(id, KAON_PARALLEL_SERVICE) ? NULL : &st_parallel;
}

static int64_t st_blocks; // of memory in use

static void *st_resize(const kaon_host *host, void *memory, uint64_t bytes)
{
    (void)host;
    void *fresh = NULL;
    if (bytes) {
        fresh = aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);
        assert_non_null(fresh);
        memset(fresh, 0xa5, (bytes + 63) & ~(uint64_t)63); // nobody may count on zeros
    }
    if (memory)
        free(memory);
    st_blocks += (fresh != NULL) - (memory != NULL);
    return fresh;
}

static void st_log(const kaon_host *host, int32_t level, const char *text)
{
    (void)host;
    (void)level;
    (void)text;
}

static const kaon_host st_host = {sizeof st_host, KAON_ABI, st_service, st_resize, st_log};

static char st_words[KAON_TEXT_MAX];

static kaon_status st_fail(kaon_diag *diag, kaon_status status, const char *text)
{
    (void)diag;
    snprintf(st_words, sizeof st_words, "%s", text);
    return status;
}

static const char *st_text(const kaon_diag *diag)
{
    (void)diag;
    return st_words;
}

static const kaon_diag_api st_diag_api = {sizeof st_diag_api, 0, st_fail, st_fail, st_text};
static kaon_diag st_diag = {&st_diag_api};

/* --- the backend ------------------------------------------------------------------------------ */

static const kaon_backend *st_backend;
static void *st_device;

static int st_open(void **state)
{
    (void)state;
    char path[4096];
    const char *folder = getenv("KAON_PLUGIN_PATH");
    snprintf(path, sizeof path, "%s/kaon_cpu.so", folder ? folder : ".");
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    union {
        void *object;
        kaon_plugin_entry_fn *function;
    } entry = {dlsym(object, KAON_ENTRY_NAME)};
    st_backend = entry.function()->items[0].table;
    return st_backend->open(&st_host, NULL, 0, &st_device, &st_diag);
}

static int st_close(void **state)
{
    (void)state;
    st_backend->close(st_device);
    return st_blocks == 0 ? 0 : -1; // everything prepared was released
}

/* --- steps ------------------------------------------------------------------------------------ */

enum { ST_MOST = 8 };

typedef struct st_step {
    kaon_step step;
    kaon_operand operands[ST_MOST];
    void *data[ST_MOST];
    kaon_attr attrs[ST_MOST];
    kaon_expression fused;
    kaon_instruction code[32];
    kaon_result results[ST_MOST];
    int64_t rows, first_row; // of the launch; rows 0: as prepared
    uint64_t run;
} st_step;

static void st_begin(st_step *s, const char *op)
{
    memset(s, 0, sizeof *s);
    s->step.size = sizeof s->step;
    s->step.op = op;
    s->step.operand_stride = sizeof(kaon_operand);
    s->step.operands = s->operands;
    s->step.attrs = s->attrs;
    s->step.attr_stride = sizeof(kaon_attr);
    s->step.in_place = -1;
}

#define ST_SHAPE(...)                                                                              \
    (const int64_t[]){__VA_ARGS__}, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / 8)

/* Adds an operand, row-major. Inputs come before outputs. */
static kaon_operand *st_add(st_step *s, int32_t is_output, int32_t dtype, const void *data,
                            const int64_t *shape, int32_t rank)
{
    kaon_operand *o = &s->operands[s->step.input_count + s->step.output_count];
    s->data[s->step.input_count + s->step.output_count] = (void *)(uintptr_t)data;
    s->step.input_count += !is_output;
    s->step.output_count += is_output;
    *o = (kaon_operand){.size = sizeof *o, .dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        o->shape[i] = shape[i];
        o->strides[i] = stride;
        stride *= shape[i];
    }
    return o;
}

static inline kaon_operand *st_in(st_step *s, int32_t dtype, const void *data, const int64_t *shape,
                                  int32_t rank)
{
    return st_add(s, 0, dtype, data, shape, rank);
}

static inline kaon_operand *st_out(st_step *s, int32_t dtype, void *data, const int64_t *shape,
                                   int32_t rank)
{
    return st_add(s, 1, dtype, data, shape, rank);
}

static inline void st_strides(kaon_operand *o, const int64_t *strides, int32_t rank)
{
    memcpy(o->strides, strides, (size_t)rank * sizeof *strides);
}

static inline void st_int(st_step *s, const char *name, int64_t value)
{
    s->attrs[s->step.attr_count++] = (kaon_attr){
        .size = sizeof(kaon_attr), .kind = KAON_ATTR_INT, .name = name, .integer = value};
}

static inline void st_ints(st_step *s, const char *name, const int64_t *at, int32_t count)
{
    s->attrs[s->step.attr_count++] = (kaon_attr){
        .size = sizeof(kaon_attr), .kind = KAON_ATTR_INTS, .name = name, .count = count, .at = at};
}

/* Begins an expression over a space; the step's operands are given with st_in and st_out. */
static inline void st_space(st_step *s, const int64_t *shape, int32_t rank)
{
    s->step.fused = &s->fused;
    s->fused.size = sizeof s->fused;
    s->fused.rank = rank;
    memcpy(s->fused.shape, shape, (size_t)rank * sizeof *shape);
    s->fused.code = s->code;
    s->fused.code_stride = sizeof *s->code;
    s->fused.results = s->results;
    s->fused.result_stride = sizeof *s->results;
}

/* Adds an instruction; register numbers as in backend.h, so inputs must be known: `inputs`. */
static inline int32_t st_code(st_step *s, int32_t inputs, int32_t op, int32_t dtype, int32_t a,
                              int32_t b, int32_t c, double number)
{
    const int32_t at = s->fused.code_count++;
    s->code[at] =
        (kaon_instruction){.op = op, .dtype = dtype, .a = a, .b = b, .c = c, .number = number};
    s->fused.input_count = inputs;
    return inputs + at;
}

static inline void st_result(st_step *s, int32_t from, int32_t how, int32_t axes)
{
    s->results[s->fused.result_count++] = (kaon_result){.from = from, .how = how, .axes = axes};
}

static int32_t st_supported(const st_step *s)
{
    return st_backend->supports(st_device, &s->step);
}

/* Prepares, launches once, releases. */
static void st_go(st_step *s)
{
    kaon_kernel kernel = {.size = sizeof kernel};
    assert_true(st_supported(s));
    const kaon_status status = st_backend->prepare(st_device, &s->step, &kernel, &st_diag);
    if (status)
        fail_msg("%s: %s", s->step.op, st_words);
    void *scratch = aligned_alloc(64, (kernel.scratch_bytes + 127) & ~(uint64_t)63);
    const int32_t first = s->step.input_count ? 0 : s->step.input_count;
    kaon_launch launch = {.size = sizeof launch, .operands = s->data, .scratch = scratch};
    launch.rows = s->rows ? s->rows : s->operands[first].rank ? s->operands[first].shape[0] : 1;
    launch.first_row = s->first_row;
    launch.run = s->run;
    assert_int_equal(kernel.launch(kernel.state, &launch, &st_diag), KAON_OK);
    free(scratch);
    if (kernel.release)
        kernel.release(kernel.state);
}

/* --- numbers ---------------------------------------------------------------------------------- */

// Small whole numbers, some of them negative, without pattern.
static inline void st_fill_f32(float *x, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)(seed >> 24) - 128) * 0.0625f;
    }
}

static inline void st_near_f32(const float *got, const float *wanted, int64_t n, double tolerance)
{
    for (int64_t i = 0; i < n; i++) {
        const double gap = fabs((double)got[i] - (double)wanted[i]);
        const int both_nan = isnan(got[i]) && isnan(wanted[i]);
        if (!both_nan && got[i] != wanted[i] && !(gap <= tolerance * (1 + fabs((double)wanted[i]))))
            fail_msg("number %lld is %.9g, not %.9g", (long long)i, (double)got[i],
                     (double)wanted[i]);
    }
}

#endif
