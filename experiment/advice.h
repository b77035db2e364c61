/* advice.h: what was meant, where a key or an item has a name nobody knows: words of other
 * frameworks, slips, keys of other levels. */
#ifndef KN_ADVICE_H
#define KN_ADVICE_H

#include "kernel/settings.h"

/* For kn_kernel.advice. */
extern const kn_advice kn_settings_advice;

#endif
