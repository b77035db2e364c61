/* test.h: the kit that tests of plugins are written with, in the tree and outside it.
 *
 *     #include <kaon/test.h>
 *
 *     KT_TEST(doubles_its_input)
 *     {
 *         kt_layer layer = kt_layer_open("double", "");
 *         float out;
 *         kt_run_f32(&layer, (const float[]){21}, kt_shape(1, 1), &out, 1);
 *         kt_layer_close(&layer);
 *         kt_near(out, 42, 0);
 *     }
 *
 * kaon_plugin(... TESTS x_test.c) links the kit, which brings main() and opens one kernel for all
 * tests of the program. A call that fails ends the test with the words of the failure. Settings are
 * YAML: "units: 3" or several lines of it.
 */
#ifndef KAON_TEST_H
#define KAON_TEST_H

#include <kaon/items.h>
#include <kaon/layer.h>
#include <kaon/learner.h>
#include <kaon/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- tests and checks ------------------------------------------------------------------------- */

void kt_register(const char *name, void (*test)(void));

#define KT_TEST(name)                                                                              \
    static void name(void);                                                                        \
    __attribute__((constructor)) static void kt_register_##name(void)                              \
    {                                                                                              \
        kt_register(#name, name);                                                                  \
    }                                                                                              \
    static void name(void)

// |got - expected| <= tolerance; an expected NaN or infinity must be got. Prints both.
#define kt_near(got, expected, tolerance)                                                          \
    kt_check_near(got, expected, tolerance, #got, __FILE__, __LINE__)
#define kt_true(condition)          kt_check_true((condition) != 0, #condition, __FILE__, __LINE__)
#define kt_same_text(got, expected) kt_check_text(got, expected, __FILE__, __LINE__)
// `text` stands somewhere in `got`.
#define kt_says(got, text) kt_check_says(got, text, __FILE__, __LINE__)
// The call succeeds; it takes kt_diag() as its last argument.
#define kt_ok(call)            kt_check_status((call), KAON_OK, #call, __FILE__, __LINE__)
#define kt_fails(call, status) kt_check_status((call), status, #call, __FILE__, __LINE__)

void kt_check_near(double got, double expected, double tolerance, const char *what,
                   const char *file, int line);
void kt_check_true(int holds, const char *what, const char *file, int line);
void kt_check_text(const char *got, const char *expected, const char *file, int line);
void kt_check_says(const char *got, const char *text, const char *file, int line);
void kt_check_status(kaon_status got, kaon_status expected, const char *what, const char *file,
                     int line);

// Ends the test as skipped, with the reason printed.
void kt_skip(const char *reason);

// Skips the test where an item of another plugin is not installed.
#define KT_NEEDS(interface_id, name)                                                               \
    do {                                                                                           \
        if (!kt_has(interface_id, name))                                                           \
            kt_skip("needs " interface_id " " name);                                               \
    } while (0)

int kt_has(const char *interface_id, const char *name);

// The path of a file below $KAON_SHARED, or ../shared beside the source tree; skips without it.
const char *kt_shared(const char *path);

/* --- the host --------------------------------------------------------------------------------- */

const kaon_host *kt_host(void);
const void *kt_service(const char *id); // fails the test if the host has none
kaon_diag *kt_diag(void);
const char *kt_words(void); // of the last failure

// An item with settings; it lives until the program ends.
const kaon_part *kt_part(const char *interface_id, const char *name, const char *settings);

// The settings are refused, with `text` in the words.
void kt_refuses_settings(const char *interface_id, const char *name, const char *settings,
                         const char *text);

/* --- shapes ----------------------------------------------------------------------------------- */

typedef struct kt_dims {
    int32_t rank;
    int64_t at[KAON_MAX_RANK];
} kt_dims;

// kt_shape(2, 3): rank 2. At least one number.
#ifdef __cplusplus
} // extern "C"
#    include <initializer_list>
inline kt_dims kt_dims_of(std::initializer_list<int64_t> sizes)
{
    kt_dims dims = {0, {0}};
    for (int64_t size : sizes)
        dims.at[dims.rank++] = size;
    return dims;
}
extern "C" {
#    define kt_shape(...) kt_dims_of({__VA_ARGS__})
#else
#    define KT_RANK(...)  ((int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#    define kt_shape(...) ((kt_dims){KT_RANK(__VA_ARGS__), {__VA_ARGS__}})
#endif

int64_t kt_count(kt_dims shape); // of elements

/* --- graphs ----------------------------------------------------------------------------------- */

kaon_graph *kt_graph(int32_t float_type, int training);

// Compiles for `outputs`, runs once, frees program and graph. `variables` may be NULL.
void kt_compute(kaon_graph *g, kaon_variables *variables, int32_t count, kaon_node *const *outputs,
                const void *const *inputs, void *const *results);

/* --- layers ----------------------------------------------------------------------------------- */

enum { KT_SETS = 16 };

typedef struct kt_layer {
    const kaon_part *part;
    kaon_variables *variables;
    int32_t float_type; // KAON_F32; may be changed before the first run
    int32_t training;   // 0; may be changed
    uint64_t run;       // number of the next run
    kt_dims out;        // shape of the last output
    int32_t set_count;  // values waiting for the next run
    const char *set_names[KT_SETS];
    const float *set_values[KT_SETS];
} kt_layer;

kt_layer kt_layer_open(const char *name, const char *settings);
void kt_layer_close(kt_layer *layer);

// Values of a parameter, in row-major order; borrowed until the next run.
void kt_set_f32(kt_layer *layer, const char *name, const float *values);
// After a run.
void kt_get_f32(kt_layer *layer, const char *name, float *values, int64_t count);

// One run; `count` must be the number of elements of the output.
void kt_run_f32(kt_layer *layer, const float *in, kt_dims shape, float *out, int64_t count);
void kt_run_f64(kt_layer *layer, const double *in, kt_dims shape, double *out, int64_t count);

// Gradients with respect to the input and all parameters, in f64: reverse mode against central
// differences, and forward mode against reverse mode, each to `tolerance` of the largest gradient.
void kt_check_gradients(kt_layer *layer, const double *in, kt_dims shape, double tolerance);

// The layer refuses an input of that shape, with `text` in the words.
void kt_refuses(const char *name, const char *settings, kt_dims shape, const char *text);

/* --- learners --------------------------------------------------------------------------------- */

// A table of events for tests. Absent arrays are NULL.
typedef struct kt_data {
    int64_t rows;
    int64_t width;          // features per event
    const double *features; // (rows, width)
    const int64_t *classes; // (rows): the target, or
    const double *values;   // (rows)
    const double *weights;  // (rows)
    int32_t class_count;
    int32_t dtype; // of floats in the table and of the arithmetic: KAON_F32, KAON_F64
} kt_data;

kaon_table *kt_table(const kt_data *data); // to be released

typedef struct kt_learner {
    const kaon_part *part;
    void *self;
} kt_learner;

// Made for tables like `data`, seed 1.
kt_learner kt_learner_open(const char *name, const char *settings, const kt_data *data);
void kt_learner_close(kt_learner *learner);
kaon_status kt_fit(const kt_learner *learner, const kt_data *train, const kt_data *validation);

// The column of a role after `apply`, as f64 (free it): `count` numbers in all.
double *kt_apply(const kt_learner *learner, const kt_data *data, int32_t role, int64_t *count);

// What the last fit told: the metric at a step, NAN if it was not told.
double kt_metric(const char *name, int64_t step);
int64_t kt_metric_steps(const char *name); // the last step at which it was told, 0: never

// The next fit is asked to stop at its nth call of progress; 0: never.
void kt_cancel_at(int64_t calls);

// A monitor that records, for agents.
kaon_monitor *kt_monitor(void);

// A model file in memory, to be freed.
kaon_archive *kt_archive_new(void);
void kt_archive_free(kaon_archive *archive);

// The numbers of a text file with commas, lines that are not numbers left out (free it).
double *kt_read_csv(const char *path, int64_t *rows, int64_t *columns);

#ifdef __cplusplus
}
#endif
#endif
