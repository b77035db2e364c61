/* lloyd.c: k-means by Lloyd's rounds from k-means++ starts.
 *
 * A round gives each point to its nearest centre, then moves each centre to the mean of its points;
 * neither can raise the inertia. Points are worked on in blocks of a fixed size, each with sums of
 * its own that are added in the order of the blocks, so that the result does not depend on threads.
 * Lloyd, doi:10.1109/TIT.1982.1056489; Arthur, Vassilvitskii, "k-means++", SODA 2007, with the best
 * of 2 + log k candidates for each centre, as they advise.
 */
#include "lloyd.h"

#include <kaon/parallel.h>
#include <kaon/random.h>

#include <math.h>
#include <string.h>

enum { BLOCK = 512 }; // points

/* --- distances -------------------------------------------------------------------------------- */

static double distance2(int64_t width, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t j = 0; j < width; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

// Squared distances of one point to all centres, given transposed (width, clusters): the inner loop
// runs over centres, which vectorises without changing the order of any sum.
static void distances(int64_t width, int64_t clusters, const double *point,
                      const double *transposed, double *restrict out)
{
    for (int64_t k = 0; k < clusters; k++)
        out[k] = 0;
    for (int64_t j = 0; j < width; j++) {
        const double *row = transposed + j * clusters;
        const double x = point[j];
        for (int64_t k = 0; k < clusters; k++)
            out[k] += (x - row[k]) * (x - row[k]);
    }
}

// The first of equals; a point of NaN goes to 0.
static int32_t nearest(int64_t clusters, const double *distance)
{
    int32_t best = 0;
    for (int32_t k = 1; k < clusters; k++)
        if (distance[k] < distance[best])
            best = k;
    return best;
}

void lloyd_assign(int64_t rows, int64_t width, int64_t clusters, const double *points,
                  const double *centres, int32_t *owners)
{
    for (int64_t i = 0; i < rows; i++) {
        const double *point = points + i * width;
        double best = INFINITY;
        owners[i] = 0;
        for (int32_t k = 0; k < clusters; k++) {
            const double d = distance2(width, point, centres + k * width);
            if (d < best) {
                best = d;
                owners[i] = k;
            }
        }
    }
}

/* --- a round ---------------------------------------------------------------------------------- */

// What a block adds up: sums of points (clusters, width), masses (clusters), inertia, changes, and
// the costliest point, in case a centre has to be found a new place.
typedef struct {
    double *sums;
    double *masses;
    double inertia;
    int64_t changes;
    int64_t far;
    double far_cost;
} block_sums;

typedef struct {
    const lloyd_task *task;
    lloyd_result *result;
    const double *transposed;
    double *scratch; // (blocks, clusters): distances
    block_sums *blocks;
} round_work;

static void do_block(void *context, int64_t index, int32_t lane)
{
    const round_work *work = context;
    const lloyd_task *t = work->task;
    block_sums *b = &work->blocks[index];
    double *distance = work->scratch + index * t->clusters;
    (void)lane;
    memset(b->sums, 0, (size_t)(t->clusters * t->width) * sizeof *b->sums);
    memset(b->masses, 0, (size_t)t->clusters * sizeof *b->masses);
    b->inertia = 0;
    b->changes = 0;
    b->far = -1;
    b->far_cost = 0;
    const int64_t end = (index + 1) * BLOCK < t->rows ? (index + 1) * BLOCK : t->rows;
    for (int64_t i = index * BLOCK; i < end; i++) {
        const double *point = t->points + i * t->width;
        const double w = t->weights[i];
        distances(t->width, t->clusters, point, work->transposed, distance);
        const int32_t k = nearest(t->clusters, distance);
        b->changes += work->result->owners[i] != k;
        work->result->owners[i] = k;
        b->inertia += w * distance[k];
        b->masses[k] += w;
        double *sum = b->sums + k * t->width;
        for (int64_t j = 0; j < t->width; j++)
            sum[j] += w * point[j];
        if (w * distance[k] > b->far_cost) {
            b->far_cost = w * distance[k];
            b->far = i;
        }
    }
}

static void transpose(const lloyd_task *t, const double *centres, double *transposed)
{
    for (int64_t k = 0; k < t->clusters; k++)
        for (int64_t j = 0; j < t->width; j++)
            transposed[j * t->clusters + k] = centres[k * t->width + j];
}

// A centre without points goes to the costliest point: that lowers the inertia too. The next one
// without points takes the costliest of another block.
static void place_empty(const lloyd_task *t, block_sums *blocks, int64_t count, double *centre)
{
    block_sums *worst = &blocks[0];
    for (int64_t i = 1; i < count; i++)
        if (blocks[i].far_cost > worst->far_cost)
            worst = &blocks[i];
    if (worst->far < 0)
        return; // all points lie on centres
    memcpy(centre, t->points + worst->far * t->width, (size_t)t->width * sizeof *centre);
    worst->far_cost = 0;
    worst->far = -1;
}

// Adds up the blocks, in order; moves the centres if `move`. Returns how many points changed owner.
static int64_t finish_round(const lloyd_task *t, block_sums *blocks, int64_t count, int move,
                            lloyd_result *r)
{
    int64_t changes = 0;
    r->inertia = 0;
    memset(r->masses, 0, (size_t)t->clusters * sizeof *r->masses);
    for (int64_t i = 0; i < count; i++) {
        r->inertia += blocks[i].inertia;
        changes += blocks[i].changes;
        for (int64_t k = 0; k < t->clusters; k++)
            r->masses[k] += blocks[i].masses[k];
    }
    for (int64_t k = 0; k < t->clusters && move && changes; k++) {
        double *centre = r->centres + k * t->width;
        if (!(r->masses[k] > 0)) {
            place_empty(t, blocks, count, centre);
            continue;
        }
        memset(centre, 0, (size_t)t->width * sizeof *centre);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < t->width; j++)
                centre[j] += blocks[i].sums[k * t->width + j];
        for (int64_t j = 0; j < t->width; j++)
            centre[j] /= r->masses[k];
    }
    return changes;
}

static kaon_status rounds(const round_work *work, int64_t count, double *transposed,
                          kaon_diag *diag)
{
    const lloyd_task *t = work->task;
    lloyd_result *r = work->result;
    const kaon_parallel_api *pool = t->host->service(t->host, KAON_PARALLEL_SERVICE);
    double before = INFINITY;
    for (r->rounds = 1;; r->rounds++) {
        transpose(t, r->centres, transposed);
        pool->run(t->host, count, do_block, (void *)work);
        const int last = r->rounds > t->iterations;
        const int64_t changes = finish_round(t, work->blocks, count, !last, r);
        if (!isfinite(r->inertia))
            return kaon_fail(diag, KAON_NOT_FINITE, "the points hold NaN or infinity");
        // Both halves of a round round: 1e-9 of the inertia is far above that.
        if (r->inertia > before * (1 + 1e-9))
            return kaon_fail(diag, KAON_INTERNAL,
                             "the inertia rose from %.17g to %.17g in round "
                             "%lld",
                             before, r->inertia, (long long)r->rounds);
        before = r->inertia;
        if (!changes || last)
            return KAON_OK;
    }
}

/* --- the start -------------------------------------------------------------------------------- */

// A point drawn with probability proportional to cost; the sum of costs is `total`.
static int64_t draw(const double *cost, int64_t rows, double total, kaon_random_stream *r)
{
    double left = kaon_random_uniform(r) * total;
    int64_t last = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (!(cost[i] > 0))
            continue;
        last = i;
        left -= cost[i];
        if (left < 0)
            return i;
    }
    return last;
}

// cost[i] becomes what it is with one more centre at point `at`; returns the sum.
static double cost_with(const lloyd_task *t, const double *cost, int64_t at, double *with)
{
    const double *centre = t->points + at * t->width;
    double total = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const double d = t->weights[i] * distance2(t->width, t->points + i * t->width, centre);
        with[i] = d < cost[i] ? d : cost[i];
        total += with[i];
    }
    return total;
}

// cost, trial, best: (rows) each.
static void plus_plus(const lloyd_task *t, kaon_random_stream *r, double *cost, double *trial,
                      double *best, double *centres)
{
    const int tries = 2 + (int)log((double)t->clusters);
    double total = 0;
    for (int64_t i = 0; i < t->rows; i++)
        total += t->weights[i];
    int64_t chosen = draw(t->weights, t->rows, total, r);
    for (int64_t i = 0; i < t->rows; i++)
        cost[i] = INFINITY;
    total = cost_with(t, cost, chosen, cost);
    memcpy(centres, t->points + chosen * t->width, (size_t)t->width * sizeof *centres);
    for (int64_t k = 1; k < t->clusters; k++) {
        double least = INFINITY;
        for (int n = 0; n < tries; n++) {
            const int64_t candidate = draw(cost, t->rows, total, r);
            const double sum = cost_with(t, cost, candidate, trial);
            if (n > 0 && !(sum < least))
                continue;
            least = sum;
            chosen = candidate;
            memcpy(best, trial, (size_t)t->rows * sizeof *best);
        }
        memcpy(cost, best, (size_t)t->rows * sizeof *cost);
        total = least;
        memcpy(centres + k * t->width, t->points + chosen * t->width,
               (size_t)t->width * sizeof *centres);
    }
}

/* --- a search --------------------------------------------------------------------------------- */

kaon_status lloyd_search(const lloyd_task *t, uint64_t seed, uint64_t restart, lloyd_result *result,
                         kaon_diag *diag)
{
    const int64_t count = (t->rows + BLOCK - 1) / BLOCK;
    const int64_t per_block = t->clusters * t->width + 2 * t->clusters; // sums, masses, scratch
    const int64_t numbers = count * per_block + t->clusters * t->width + 3 * t->rows;
    double *memory = kaon_alloc(t->host, (uint64_t)numbers * sizeof *memory);
    block_sums *blocks = kaon_alloc(t->host, (uint64_t)count * sizeof *blocks);
    kaon_status status = KAON_OK;
    if (!memory || !blocks) {
        status =
            kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld points", (long long)t->rows);
        goto done;
    }
    double *next = memory;
    for (int64_t i = 0; i < count; i++) {
        blocks[i].sums = next;
        blocks[i].masses = next + t->clusters * t->width;
        next += t->clusters * t->width + t->clusters;
    }
    double *scratch = next;
    double *transposed = scratch + count * t->clusters;
    double *costs = transposed + t->clusters * t->width;
    kaon_random_stream stream = {.seed = seed, .stream = restart};
    plus_plus(t, &stream, costs, costs + t->rows, costs + 2 * t->rows, result->centres);
    for (int64_t i = 0; i < t->rows; i++)
        result->owners[i] = -1;
    const round_work work = {t, result, transposed, scratch, blocks};
    status = rounds(&work, count, transposed, diag);

done:
    kaon_free(t->host, blocks);
    kaon_free(t->host, memory);
    return status;
}
