/* shower.c: one jet: hard prongs, emissions, hadrons, underlying event.
 *
 * Lengths are in (eta, phi), angles small; momenta in GeV. Emissions fill the Lund plane evenly, as
 * the leading logarithm has it: Dreyer, Salam, Soyez, arXiv:1807.04758.
 */
#include "jets.h"

#include <kaon/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double radius = 0.8;
static const double alpha_s = 0.12;
static const double theta_min = 0.01;
static const double z_min = 0.005;
static const double pt_min = 0.5; // GeV, of partons that hadronise and of hadrons
static const double mass_w = 80.4;
static const double mass_z = 91.2;
static const double mass_top = 173;
static const double color_gluon = 3;
static const double color_quark = 4. / 3;

typedef struct particle {
    double pt, eta, phi;
} particle;

typedef struct maker {
    uint32_t key[2];
    uint32_t stream[2];
    uint32_t block; // of the stream
    uint32_t words[4];
    int32_t left; // of words
    int32_t count;
    particle particles[MOST_PARTICLES];
} maker;

/* --- draws ------------------------------------------------------------------------------------ */

static uint32_t word(maker *m)
{
    if (m->left == 0) {
        const uint32_t counter[4] = {m->block++, 0, m->stream[0], m->stream[1]};
        kaon_philox(counter, m->key, m->words);
        m->left = 4;
    }
    return m->words[4 - m->left--];
}

// Uniform in [0, 1).
static double uniform(maker *m)
{
    const uint32_t high = word(m);
    return kaon_uniform_f64(high, word(m));
}

static double uniform_in(maker *m, double low, double high)
{
    return low + (high - low) * uniform(m);
}

static double log_uniform_in(maker *m, double low, double high)
{
    return low * exp(uniform(m) * log(high / low));
}

static double exponential(maker *m)
{
    return -log1p(-uniform(m)); // 1 - u is never 0
}

// By inversion: the means here are below 20.
static int32_t poisson(maker *m, double mean)
{
    double u = uniform(m), chance = exp(-mean);
    int32_t n = 0;
    while (u >= chance && n < MOST_PARTICLES) {
        u -= chance;
        chance *= mean / ++n;
    }
    return n;
}

// Two at once (Box and Muller), as hadrons need them.
static void normal_pair(maker *m, double *a, double *b)
{
    const double r = sqrt(2 * exponential(m));
    const double angle = 2 * M_PI * uniform(m);
    *a = r * cos(angle);
    *b = r * sin(angle);
}

/* --- from partons to particles ---------------------------------------------------------------- */

static void add(maker *m, double pt, double eta, double phi)
{
    if (m->count < MOST_PARTICLES)
        m->particles[m->count++] = (particle){pt, eta, phi};
}

static void hadronise(maker *m, const particle *parton)
{
    double share[MOST_PARTICLES], sum = 0;
    if (parton->pt < pt_min)
        return;
    int32_t n = 1 + poisson(m, 1.5 * log1p(parton->pt));
    n = n < MOST_PARTICLES ? n : MOST_PARTICLES;
    for (int32_t i = 0; i < n; i++)
        sum += share[i] = exponential(m);
    for (int32_t i = 0; i < n; i++) {
        const double pt = sum > 0 ? parton->pt * share[i] / sum : parton->pt / n;
        if (pt < pt_min)
            continue;
        double to_eta, to_phi;
        normal_pair(m, &to_eta, &to_phi);
        const double width = fmin(0.3, 0.3 / pt);
        add(m, pt, parton->eta + width * to_eta, parton->phi + width * to_phi);
    }
}

// Primary emissions, even in ln theta and ln z; the prong recoils.
static void shower(maker *m, particle prong, double color, double theta_0)
{
    const double area =
        theta_0 > theta_min ? log(theta_0 / theta_min) * log(0.5 / z_min) : 0; // of the Lund plane
    const int32_t n = poisson(m, 2 * alpha_s * color * area / M_PI);
    for (int32_t i = 0; i < n; i++) {
        const double theta = log_uniform_in(m, theta_min, theta_0);
        const double z = log_uniform_in(m, z_min, 0.5);
        const double azimuth = uniform_in(m, 0, 2 * M_PI);
        const double to_eta = theta * cos(azimuth), to_phi = theta * sin(azimuth);
        const particle emission = {z * prong.pt, prong.eta + (1 - z) * to_eta,
                                   prong.phi + (1 - z) * to_phi};
        prong.pt *= 1 - z;
        prong.eta -= z * to_eta;
        prong.phi -= z * to_phi;
        hadronise(m, &emission);
    }
    hadronise(m, &prong);
}

/* --- hard processes --------------------------------------------------------------------------- */

// Two daughters of shares z and 1 - z, `opening` apart, at a random azimuth.
static void split(maker *m, const particle *mother, double z, double opening, particle *first,
                  particle *second)
{
    const double azimuth = uniform_in(m, 0, 2 * M_PI);
    const double to_eta = opening * cos(azimuth), to_phi = opening * sin(azimuth);
    *first =
        (particle){z * mother->pt, mother->eta + (1 - z) * to_eta, mother->phi + (1 - z) * to_phi};
    *second = (particle){(1 - z) * mother->pt, mother->eta - z * to_eta, mother->phi - z * to_phi};
}

static void boson(maker *m, const particle *mother, double mass)
{
    particle quarks[2];
    const double z = fmin(fmax(uniform(m), 0.02), 0.98);
    const double opening = mass / (mother->pt * sqrt(z * (1 - z)));
    split(m, mother, z, opening, &quarks[0], &quarks[1]);
    shower(m, quarks[0], color_quark, opening);
    shower(m, quarks[1], color_quark, opening);
}

static void top(maker *m, const particle *mother)
{
    const double e_w = (mass_top * mass_top + mass_w * mass_w) / (2 * mass_top);
    const double p_w = (mass_top * mass_top - mass_w * mass_w) / (2 * mass_top);
    double z, q2;
    do {
        z = (e_w + p_w * uniform_in(m, -1, 1)) / mass_top;
        q2 = mass_top * mass_top - mass_w * mass_w / z;
    } while (q2 <= 0 || z > 0.98);
    particle w, bottom;
    const double opening = sqrt(q2 / (z * (1 - z))) / mother->pt;
    split(m, mother, z, opening, &w, &bottom);
    boson(m, &w, mass_w);
    shower(m, bottom, color_quark, opening);
}

// ORDER class
static void hard_process(maker *m, int64_t kind)
{
    const particle mother = {uniform_in(m, 800, 1200), 0, 0};
    switch (kind) {
    case 0:
        shower(m, mother, color_gluon, radius);
        return;
    case 1:
        shower(m, mother, color_quark, radius);
        return;
    case 2:
        boson(m, &mother, mass_w);
        return;
    case 3:
        boson(m, &mother, mass_z);
        return;
    default:
        top(m, &mother);
    }
}

static void underlying_event(maker *m)
{
    const int32_t n = poisson(m, 3);
    for (int32_t i = 0; i < n; i++) {
        const double pt = 0.5 + exponential(m);
        const double eta = uniform_in(m, -radius, radius);
        add(m, pt, eta, uniform_in(m, -radius, radius));
    }
}

/* --- the jet ---------------------------------------------------------------------------------- */

// Ties, which doubles hardly ever have, by direction: the order must not depend on the library.
static int by_pt(const void *a, const void *b)
{
    const particle *p = a, *q = b;
    if (p->pt != q->pt)
        return p->pt < q->pt ? 1 : -1;
    if (p->eta != q->eta)
        return p->eta < q->eta ? 1 : -1;
    return 0;
}

static void recentre(maker *m)
{
    double pt = 0, eta = 0, phi = 0;
    for (int32_t i = 0; i < m->count; i++) {
        pt += m->particles[i].pt;
        eta += m->particles[i].pt * m->particles[i].eta;
        phi += m->particles[i].pt * m->particles[i].phi;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < m->count; i++) {
        particle p = m->particles[i];
        p.eta -= eta / pt;
        p.phi -= phi / pt;
        if (p.eta * p.eta + p.phi * p.phi < radius * radius)
            m->particles[kept++] = p;
    }
    m->count = kept;
}

void jet_make(uint64_t seed, int64_t index, jet *out)
{
    maker m;
    m.key[0] = (uint32_t)seed;
    m.key[1] = (uint32_t)(seed >> 32);
    m.stream[0] = (uint32_t)index;
    m.stream[1] = (uint32_t)((uint64_t)index >> 32);
    m.block = 0;
    m.left = 0;
    m.count = 0;
    hard_process(&m, index % CLASSES);
    underlying_event(&m);
    recentre(&m);
    qsort(m.particles, (size_t)m.count, sizeof *m.particles, by_pt);

    out->count = m.count;
    for (int32_t i = 0; i < m.count; i++) {
        const particle *p = &m.particles[i];
        out->pt[i] = (float)p->pt;
        out->eta[i] = (float)p->eta;
        out->phi[i] = (float)p->phi;
        out->e[i] = (float)(p->pt * cosh(p->eta));
    }
}
