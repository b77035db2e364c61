/* jets.h: one jet of the toy generator and its substructure. */
#ifndef TOYJETS_JETS_H
#define TOYJETS_JETS_H

#include <stdint.h>

enum {
    CLASSES = 5,         // gluon, quark, W, Z, top
    FEATURES = 16,       // substructure variables
    MOST_PARTICLES = 256 // five times the mean of the richest class; later ones are left out
};

/* Constituents, sorted by pt, relative to the jet's axis. */
typedef struct jet {
    int32_t count;
    float pt[MOST_PARTICLES];  // GeV
    float eta[MOST_PARTICLES]; //
    float phi[MOST_PARTICLES]; // radians
    float e[MOST_PARTICLES];   // GeV
} jet;

/* What the sums over triples work in; one per thread. */
typedef struct jet_scratch {
    float z[MOST_PARTICLES + 8];
    float theta[MOST_PARTICLES][MOST_PARTICLES + 8];
} jet_scratch;

/* Jet `index` depends on seed and index alone; its class is index mod 5. */
void jet_make(uint64_t seed, int64_t index, jet *out);

/* zlogz, C1 (0, 1, 2), C2 (1, 2), D2 (1, 2), D2 (1, 1), D2 (1, 2), M2 (1, 2), N2 (1, 2), mass in
 * GeV, multiplicity. */
void jet_features(const jet *j, jet_scratch *scratch, float out[FEATURES]);

#endif
