/* progress.h: when to stop. Pure functions, for network_fit.c and its test. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <math.h>
#include <stdint.h>

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

#endif
