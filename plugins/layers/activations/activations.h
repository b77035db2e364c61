/* activations.h: the activations that learn, for the table in activations.c. */
#ifndef ACTIVATIONS_H
#define ACTIVATIONS_H

#include <kaon/layer.h>

extern const kaon_layer prelu_layer;
extern const kaon_layer maxout_layer;
extern const kaon_layer radial_layer;

#endif
