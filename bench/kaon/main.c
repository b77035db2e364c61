/* main.c: bench_kaon NAME THREADS: what bench/run starts for each of Kaon's rows. With KAON_EXPLAIN
 * in the environment the compiled program is printed. */
#include "bench.h"

#include <kaon/random.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_fill(float *at, int64_t count, uint64_t stream)
{
    kaon_random_stream r = {1, stream, 0};
    for (int64_t i = 0; i < count; i++)
        at[i] = 2 * kaon_uniform_f32(kaon_random_word(&r)) - 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The best of three parts, so that a disturbed moment does not count.
static double calls_per_second(bench *b, bench_work *work)
{
    double best = 0;
    for (int part = 0; part < 3; part++) {
        const double start = now();
        double spent = 0;
        int64_t calls = 0, block = 1;
        while (spent < 0.13) {
            for (int64_t i = 0; i < block; i++)
                work(b);
            calls += block;
            spent = now() - start;
            if (spent < 0.01)
                block *= 2;
        }
        if ((double)calls / spent > best)
            best = (double)calls / spent;
    }
    return best;
}

static const bench_row *find(const bench_row *row, const char *name)
{
    while (row->name && strcmp(row->name, name))
        row++;
    return row->name ? row : NULL;
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_kaon NAME THREADS; names:");
    for (const bench_row *r = bench_programs; r->name; r++)
        fprintf(stderr, " %s", r->name);
    for (const bench_row *r = bench_plain; r->name; r++)
        fprintf(stderr, " %s", r->name);
    fprintf(stderr, "\n");
    return 2;
}

static int serve(bench *b, const bench_row *row)
{
    char line[64];
    printf("{\"ready\": true, \"version\": \"%s\"}\n", kaon_version());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const double rate = calls_per_second(b, row->work) * row->units;
        printf("{\"value\": %.9g, \"check\": %.9g}\n", row->invert ? 1e9 / rate : rate, b->check);
        fflush(stdout);
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return usage();
    const bench_row *row = find(bench_programs, arguments[1]);
    if (!row)
        row = find(bench_plain, arguments[1]);
    if (!row)
        return usage();

    bench b = {.threads = (int32_t)atoi(arguments[2]), .error = kaon_error_new()};
    const kaon_open_settings settings = {.size = sizeof settings, .threads = b.threads};
    b.diag = kaon_error_diag(b.error);
    kaon_status status = kaon_open(&settings, &b.kernel, b.error);
    if (!status) {
        b.host = kaon_kernel_host(b.kernel);
        b.programs = (const kaon_program_api *)b.host->service(b.host, KAON_PROGRAM_SERVICE);
        b.parallel = (const kaon_parallel_api *)b.host->service(b.host, KAON_PARALLEL_SERVICE);
        status = row->set_up ? row->set_up(&b) : KAON_OK;
    }
    if (status) {
        fprintf(stderr, "bench_kaon: %s", kaon_error_text(b.error));
        return 1;
    }
    return serve(&b, row);
}
