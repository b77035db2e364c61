/* fallback.h: kernels for steps, from the device or, where it has none, from the processor. */
#ifndef KN_FALLBACK_H
#define KN_FALLBACK_H

#include "compiler/device.h"

/* As kaon_backend.prepare. */
kaon_status kn_prepare(kn_device *device, const kaon_step *step, kaon_kernel *out, kaon_diag *diag);

/* 1 if it would succeed. */
int32_t kn_can_prepare(kn_device *device, const kaon_step *step);

#endif
