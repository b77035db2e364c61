/* bench.h: one contestant of bench/run: set up, then measure once per line "go". */
#ifndef KAON_BENCH_H
#define KAON_BENCH_H

#include <kaon/host_api.h>
#include <kaon/layer.h>
#include <kaon/parallel.h>
#include <kaon/program.h>

typedef struct bench {
    int32_t threads;
    kaon_kernel *kernel;
    const kaon_host *host;
    kaon_error *error;
    kaon_diag *diag;
    const kaon_program_api *programs;
    const kaon_parallel_api *parallel;
    void *state;
    double check; // some number that depends on all the work
} bench;

// One unit of work, called over and over for a while.
typedef void bench_work(bench *b);

typedef struct bench_row {
    const char *name;
    kaon_status (*set_up)(bench *b); // may be NULL
    bench_work *work;
    double units;   // of the figure, per call of work
    int32_t invert; // 1: nanoseconds per unit instead of units per second
} bench_row;

extern const bench_row bench_programs[]; // programs.c, ends with {0}
extern const bench_row bench_plain[];    // plain.c, ends with {0}

// Uniform numbers in [-1, 1), the same everywhere.
void bench_fill(float *at, int64_t count, uint64_t stream);

#endif
