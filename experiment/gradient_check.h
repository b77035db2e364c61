/* gradient_check.h: derivatives of what an item builds, against central differences. */
#ifndef KN_GRADIENT_CHECK_H
#define KN_GRADIENT_CHECK_H

#include <kaon/option.h>

enum { KN_GRADIENT_WHY = 256 };

/* Whether `part` is of a kind that is checked: a layer, a loss, a penalty. [any] */
int32_t kn_gradient_applies(const kaon_part *part);

/* Builds it in double precision for inputs it takes, compares each derivative by its input and its
 * parameters with differences. 1: they agree, 0: they do not, as `why` tells; -1: it could not be
 * tried, as `why` tells. [instance] */
int32_t kn_gradient_check(const kaon_host *host, const kaon_part *part, char why[KN_GRADIENT_WHY]);

#endif
