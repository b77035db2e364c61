/* progress.h: how the learning rate changes, and when to stop. Pure functions, for network_fit.c
 * and its test.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <math.h>
#include <stdint.h>

/* --- early stopping --------------------------------------------------------------------------- */

/* Follows the loss of each epoch. Start with {.patience = .., .delta = .., .best = INFINITY}. */
typedef struct {
    int64_t patience; // epochs without improvement before the end; 0: never
    double delta;     // an improvement is more than this
    double best;
    int64_t best_epoch;
    int64_t idle; // epochs since
} stopping;

// 1 if the epoch is the best so far.
static inline int stopping_better(stopping *s, int64_t epoch, double loss)
{
    if (loss < s->best - s->delta || (s->best_epoch == 0 && isfinite(loss))) {
        s->best = loss;
        s->best_epoch = epoch;
        s->idle = 0;
        return 1;
    }
    s->idle++;
    return 0;
}

static inline int stopping_now(const stopping *s)
{
    return s->patience > 0 && s->idle >= s->patience;
}

/* --- learning rate ---------------------------------------------------------------------------- */

// ORDER schedule
enum { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_EXPONENTIAL, SCHEDULE_COSINE, SCHEDULE_PLATEAU };

typedef struct {
    int32_t kind; // SCHEDULE_*
    double factor;
    int64_t epochs;
    int64_t total;  // epochs there will be
    double plateau; // factor reached so far by SCHEDULE_PLATEAU; starts at 1
    int64_t drops;  // idle epochs already answered by a drop
} schedule;

// What multiplies the learning rate at `at` epochs (a fraction within an epoch included).
static inline double schedule_rate(const schedule *s, double at)
{
    const double pi = 3.14159265358979323846;
    const double every = (double)s->epochs;
    switch (s->kind) {
    case SCHEDULE_STEP:
        return pow(s->factor, floor(at / every));
    case SCHEDULE_EXPONENTIAL:
        return pow(s->factor, at / every);
    case SCHEDULE_COSINE: // Loshchilov, Hutter, arXiv:1608.03983, equation 5, one period
        return s->factor + (1 - s->factor) * 0.5 * (1 + cos(pi * at / (double)s->total));
    case SCHEDULE_PLATEAU:
        return s->plateau;
    default:
        return 1;
    }
}

// After each epoch: a plateau of `epochs` idle epochs lowers the rate.
static inline void schedule_tell(schedule *s, int64_t idle)
{
    if (idle == 0)
        s->drops = 0;
    if (s->kind != SCHEDULE_PLATEAU || idle - s->drops < s->epochs)
        return;
    s->plateau *= s->factor;
    s->drops = idle;
}

#endif
