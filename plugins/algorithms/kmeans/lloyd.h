/* lloyd.h: the search for cluster centres, apart from tables and options. */
#ifndef LLOYD_H
#define LLOYD_H

#include <kaon/learner.h>

// The points, in f64, and who may work on them.
typedef struct {
    const kaon_host *host;
    int64_t rows;
    int64_t width; // numbers of a point
    int64_t clusters;
    int64_t iterations;    // at most
    const double *points;  // (rows, width)
    const double *weights; // (rows), not negative
} lloyd_task;

// One search and what it found. All arrays are the caller's.
typedef struct {
    double *centres; // (clusters, width)
    double *masses;  // (clusters): weight of each
    int32_t *owners; // (rows)
    double inertia;  // sum of weight times squared distance to the owner
    int64_t rounds;
} lloyd_result;

/* k-means++ with the random stream (seed, restart), then Lloyd's rounds until no point changes its
 * owner. Bit-identical for any number of threads. KAON_INTERNAL if the inertia ever rose. */
kaon_status lloyd_search(const lloyd_task *task, uint64_t seed, uint64_t restart,
                         lloyd_result *result, kaon_diag *diag);

// The nearest centre of each of `rows` points.
void lloyd_assign(int64_t rows, int64_t width, int64_t clusters, const double *points,
                  const double *centres, int32_t *owners);

#endif
