/* bench.c: kaon bench: how fast a model predicts, in blocks and one event at a time. */
#include "command.h"
#include "subcommands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPEATS = 5, SINGLE_CALLS = 200000 };

typedef struct {
    common_options common;
    int64_t events;
    int64_t block;
} options;

// What was measured.
typedef struct {
    double rate;   // events per second, the best of REPEATS
    double single; // seconds per call, the best of REPEATS
    int64_t inputs, outputs;
} figures;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Numbers around zero, as standardised features are; the same ones each time.
static void fill(float *at, size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        at[i] = (float)(state >> 8) * 0x1p-23f - 1;
    }
}

static kaon_status time_blocks(kaon_model *model, const options *o, figures *f, kaon_error *error)
{
    kaon_predictor *p = NULL;
    kaon_status status = kaon_predictor_new(model, o->block, KAON_F32, &p, error);
    if (status)
        return status;
    f->inputs = kaon_predictor_inputs(p);
    f->outputs = kaon_predictor_outputs(p);
    float *in = malloc((size_t)(o->events * f->inputs) * sizeof *in);
    float *out = malloc((size_t)(o->events * f->outputs) * sizeof *out);
    if (!in || !out)
        status = kaon_fail(kaon_error_diag(error), KAON_NO_MEMORY, "out of memory for %lld events",
                           (long long)o->events);
    else
        fill(in, (size_t)(o->events * f->inputs));
    for (int i = 0; i <= REPEATS && !status; i++) { // the first one warms up
        const double began = now();
        status = kaon_predict_rows(p, o->events, in, out);
        const double seconds = now() - began;
        if (i)
            f->rate = fmax(f->rate, (double)o->events / seconds);
    }
    free(in);
    free(out);
    kaon_predictor_free(p);
    return status;
}

static kaon_status time_single(kaon_model *model, figures *f, kaon_error *error)
{
    kaon_predictor *p = NULL;
    kaon_status status = kaon_predictor_new(model, 1, KAON_F32, &p, error);
    if (status)
        return status;
    float *in = malloc((size_t)f->inputs * sizeof *in);
    float *out = malloc((size_t)f->outputs * sizeof *out);
    if (!in || !out)
        status = KAON_NO_MEMORY;
    else
        fill(in, (size_t)f->inputs);
    f->single = INFINITY;
    for (int i = 0; i <= REPEATS && !status; i++) {
        const double began = now();
        for (int k = 0; k < SINGLE_CALLS / 10 && !status; k++)
            status = kaon_predict(p, in, out);
        f->single = fmin(f->single, (now() - began) / (SINGLE_CALLS / 10));
    }
    free(in);
    free(out);
    kaon_predictor_free(p);
    return status;
}

static void print_figures(const options *o, const figures *f)
{
    char events[32];
    if (o->common.json) {
        printf("{\"events_per_second\": %.6g, \"seconds_per_call\": %.6g, \"events\": %lld, "
               "\"block\": %lld, \"inputs\": %lld, \"outputs\": %lld}\n",
               f->rate, f->single, (long long)o->events, (long long)o->block, (long long)f->inputs,
               (long long)f->outputs);
        return;
    }
    printf("%s events, %lld numbers in, %lld out, f32\n", long_count(o->events, events),
           (long long)f->inputs, (long long)f->outputs);
    printf("  in blocks of %-8lld %8.2f million events/s\n", (long long)o->block, f->rate / 1e6);
    printf("  one per call           %8.0f ns\n", f->single * 1e9);
}

static int measure(const session *s, const options *o, const char *path)
{
    kaon_model *model = NULL;
    figures f = {0};
    kaon_status status = kaon_model_load(s->kernel, path, &model, s->error);
    if (!status)
        status = time_blocks(model, o, &f, s->error);
    if (!status)
        status = time_single(model, &f, s->error);
    if (!status)
        print_figures(o, &f);
    kaon_model_free(model);
    return status ? session_fail(s) : EXIT_OK;
}

int bench_main(int argc, char **argv)
{
    options o = {.events = 1000000, .block = 65536};
    session s;
    int first = 0;
    const option_row rows[] = {
        {"events", 'n', TAKES_NUMBER, "N", "how many; a million", &o.events},
        {"block", 0, TAKES_NUMBER, "N", "events per run of the program; 65536", &o.block},
        {"threads", 't', TAKES_NUMBER, "N", "at most this many", &o.common.threads},
        COMMON_ROWS(o.common),
        {0},
    };
    const command *self = find_command("bench");
    int code = read_options(self, rows, argc, argv, &first);
    if (code >= 0)
        return code;
    if (argc - first != 1 || o.events < 1 || o.block < 1)
        return wrong_use(self, "name one model; events and block are 1 or more");
    code = session_open(&s, &o.common);
    if (!code)
        code = measure(&s, &o, argv[first]);
    session_close(&s);
    return code;
}
