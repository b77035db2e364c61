/* substructure_test.c: jets of a few particles, done by hand, and sums against their plain loops.
 */
#include "jets.h"

#include <kaon/test_reader.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The code under test lies in the plugin, which exports nothing of it.
#include "shower.c"
#include "substructure.c"

enum { JETS = 20000 };

static const char *const names[FEATURES] = {
    "zlogz",   "c1_b0",   "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2",
    "d2_a1b1", "d2_a1b2", "m2_b1", "m2_b2", "n2_b1", "n2_b2", "mass",  "multiplicity"};

static void features_of(int32_t count, const float *pt, const float *eta, const float *phi,
                        float out[FEATURES])
{
    jet *j = calloc(1, sizeof *j);
    jet_scratch *scratch = calloc(1, sizeof *scratch);
    j->count = count;
    for (int32_t i = 0; i < count; i++) {
        j->pt[i] = pt[i];
        j->eta[i] = eta[i];
        j->phi[i] = phi[i];
    }
    jet_features(j, scratch, out);
    free(j);
    free(scratch);
}

// Two of 50 GeV, 0.2 apart in phi: z = 1/2 each, e2 = theta^beta / 4, m = 2 * 50 sin(0.1).
KT_TEST(two_particles)
{
    float f[FEATURES];
    features_of(2, (const float[]){50, 50}, (const float[]){0, 0}, (const float[]){-0.1f, 0.1f}, f);
    kt_near(f[0], log(0.5), 1e-6);
    kt_near(f[1], 0.25, 1e-6);
    kt_near(f[2], 0.05, 1e-6);
    kt_near(f[3], 0.01, 1e-6);
    for (int i = 4; i < 14; i++)
        kt_near(f[i], 0, 0); // there is no triple
    kt_near(f[14], 100 * sin(0.1), 1e-4);
    kt_near(f[15], 2, 0);
}

// Three of equal pt on a line, 0.1 and 0.2 apart: e2 = (0.1 + 0.2 + 0.3) / 9, e3 = 0.006 / 27,
// 1e3 = 0.1 / 27, 2e3 = 0.02 / 27.
KT_TEST(three_particles)
{
    float f[FEATURES];
    const double e2 = 0.6 / 9, e2_2 = (0.01 + 0.04 + 0.09) / 9, e3 = 0.006 / 27;
    features_of(3, (const float[]){10, 10, 10}, (const float[]){0, 0.1f, 0.3f},
                (const float[]){0, 0, 0}, f);
    kt_near(f[2], e2, 1e-6);
    kt_near(f[4], e3 / e2 / e2, 1e-6);
    kt_near(f[5], 0.006 * 0.006 / 27 / e2_2 / e2_2, 1e-6);
    kt_near(f[6], e3 / e2 / e2 / e2, 1e-5);
    kt_near(f[8], f[6], 0);
    kt_near(f[9], e3 / pow(e2_2, 1.5), 1e-5);
    kt_near(f[10], 0.1 / 27 / e2, 1e-6);
    kt_near(f[11], 0.01 / 27 / e2_2, 1e-6);
    kt_near(f[12], 0.02 / 27 / e2 / e2, 1e-6);
    kt_near(f[13], 0.0004 / 27 / e2_2 / e2_2, 1e-6);
}

KT_TEST(no_particles)
{
    float f[FEATURES];
    const float none = 0;
    features_of(0, &none, &none, &none, f);
    for (int i = 0; i < FEATURES; i++)
        kt_near(f[i], 0, 0);
}

// The sums over triples against the plain triple loop in double.
KT_TEST(triples_match_the_plain_loop)
{
    jet j;
    float f[FEATURES];
    for (int64_t number = 0; number < 20; number++) {
        jet_make(3, number, &j);
        features_of(j.count, j.pt, j.eta, j.phi, f);
        double total = 0, e2 = 0, e3 = 0, small = 0;
        for (int a = 0; a < j.count; a++)
            total += j.pt[a];
        for (int a = 0; a < j.count; a++)
            for (int b = a + 1; b < j.count; b++) {
                const double ab = hypot(j.eta[a] - j.eta[b], j.phi[a] - j.phi[b]);
                e2 += (double)j.pt[a] * j.pt[b] * ab / total / total;
                for (int c = b + 1; c < j.count; c++) {
                    const double ac = hypot(j.eta[a] - j.eta[c], j.phi[a] - j.phi[c]);
                    const double bc = hypot(j.eta[b] - j.eta[c], j.phi[b] - j.phi[c]);
                    const double z3 = (double)j.pt[a] * j.pt[b] * j.pt[c] / pow(total, 3);
                    e3 += z3 * ab * ac * bc;
                    small += z3 * fmin(ab, fmin(ac, bc));
                }
            }
        kt_near(f[4], e3 / e2 / e2, 2e-5 * f[4]); // float sums of 10,000 terms
        kt_near(f[10], small / e2, 2e-5 * f[10]);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Every fifth number from `kind` on, sorted (free it).
static double *of_class(const double *values, int64_t count, int kind, int64_t *length)
{
    double *part = calloc((size_t)count, sizeof *part);
    *length = 0;
    for (int64_t i = kind; i < count; i += CLASSES)
        part[(*length)++] = values[i];
    qsort(part, (size_t)*length, sizeof *part, ascending);
    return part;
}

// Largest distance of two distributions (Kolmogorov and Smirnov).
static double distance(const double *a, int64_t n, const double *b, int64_t m)
{
    double most = 0;
    int64_t i = 0, j = 0;
    while (i < n && j < m) {
        const double at = a[i] < b[j] ? a[i] : b[j];
        while (i < n && a[i] <= at)
            i++;
        while (j < m && b[j] <= at)
            j++;
        most = fmax(most, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return most;
}

// The variables of JETS jets (free them).
static float *make_features(uint64_t seed)
{
    float *all = calloc(JETS, FEATURES * sizeof *all);
    jet *j = calloc(1, sizeof *j);
    jet_scratch *scratch = calloc(1, sizeof *scratch);
    for (int64_t i = 0; i < JETS; i++) {
        jet_make(seed, i, j);
        jet_features(j, scratch, all + i * FEATURES);
    }
    free(j);
    free(scratch);
    return all;
}

// All 16 variables of all classes follow the reference sample. 80 comparisons at the level 1e-5 of
// one: c = sqrt(-ln(1e-5 / 2) / 2) = 2.47.
KT_TEST(distributions_of_the_reference_sample)
{
    KT_NEEDS(KAON_READER, "csv");
    const char *path = kt_shared("physics/data/toyjets-hlf-20k.csv.gz");
    kt_reader sample = kt_reader_open("csv", "", path);
    int64_t n = 0, m = 0, count = 0;
    float *ours = make_features(4);
    double *b = calloc(JETS, sizeof *b);
    for (int i = 0; i < FEATURES; i++) {
        double *a = kt_read_column(&sample, names[i], 0, 0, &count);
        for (int k = 0; k < JETS; k++)
            b[k] = ours[k * FEATURES + i];
        for (int kind = 0; kind < CLASSES; kind++) {
            double *p = of_class(a, count, kind, &n), *q = of_class(b, JETS, kind, &m);
            kt_near(distance(p, n, q, m), 0, 2.47 * sqrt(1.0 / (double)n + 1.0 / (double)m));
            free(p);
            free(q);
        }
        free(a);
    }
    free(b);
    free(ours);
    kt_reader_close(&sample);
}
