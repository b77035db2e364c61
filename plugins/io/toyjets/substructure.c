/* substructure.c: energy correlation functions of a jet and what is made of them.
 *
 * With z_i = pt_i / sum pt and theta_ij the distance in (eta, phi):
 *   e2 = sum_{i<j} z_i z_j theta_ij^beta
 *   e3 = sum_{i<j<k} z_i z_j z_k (theta_ij theta_ik theta_jk)^beta
 *   1e3, 2e3: the same with the smallest theta^beta, with the product of the two smallest.
 * C_1 = e2, C_2 = e3 / e2^2 (Larkoski, Salam, Thaler, arXiv:1305.0007), D_2 = e3 / e2^3 (Larkoski,
 * Moult, Neill, arXiv:1409.6298), M_2 = 1e3 / e2, N_2 = 2e3 / e2^2 (Moult, Necib, Thaler,
 * arXiv:1609.07483). A ratio whose denominator is zero is zero.
 */
#include "jets.h"

#include <math.h>
#include <string.h>

enum { LANES = 8 };

// ORDER sum
enum { E3_1, E3_2, SMALL_1, SMALL_2, PAIR_1, PAIR_2, SUMS };

/* Triples of one i: in float over eight fixed lanes (their order is part of the result), then in
 * double. Rows of theta and z end with zeros, which add nothing. */
static void triples_of(const jet_scratch *s, int32_t n, int32_t i, double sums[SUMS])
{
    float lane[SUMS][LANES] = {{0}};
    const float *theta_i = s->theta[i];
    for (int32_t j = i + 1; j < n - 1; j++) {
        const float *theta_j = s->theta[j];
        const float a = theta_i[j], zz = s->z[i] * s->z[j];
        for (int32_t k = j + 1; k < n; k += LANES) {
            for (int32_t l = 0; l < LANES; l++) {
                const float b = theta_i[k + l], c = theta_j[k + l];
                const float weight = zz * s->z[k + l];
                const float ab = a * b, ac = a * c, bc = b * c, all = ab * c;
                const float small_ab = a < b ? a : b, small = c < small_ab ? c : small_ab;
                const float pair_a = ab < ac ? ab : ac, pair = bc < pair_a ? bc : pair_a;
                const float w3 = weight * all, w1 = weight * small, w2 = weight * pair;
                lane[E3_1][l] += w3;
                lane[E3_2][l] += w3 * all;
                lane[SMALL_1][l] += w1;
                lane[SMALL_2][l] += w1 * small;
                lane[PAIR_1][l] += w2;
                lane[PAIR_2][l] += w2 * pair;
            }
        }
    }
    for (int sum = 0; sum < SUMS; sum++)
        for (int l = 0; l < LANES; l++)
            sums[sum] += lane[sum][l];
}

static void fill_scratch(const jet *j, double total, jet_scratch *s)
{
    const int32_t n = j->count;
    for (int32_t i = 0; i < n; i++)
        s->z[i] = (float)(j->pt[i] / total);
    memset(s->z + n, 0, LANES * sizeof *s->z);
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < n; k++) {
            const float eta = j->eta[i] - j->eta[k], phi = j->phi[i] - j->phi[k];
            s->theta[i][k] = sqrtf(eta * eta + phi * phi);
        }
        memset(s->theta[i] + n, 0, LANES * sizeof *s->theta[i]);
    }
}

static void pairs(const jet_scratch *s, int32_t n, double e2[3])
{
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = i + 1; j < n; j++) {
            const double zz = (double)s->z[i] * s->z[j], theta = s->theta[i][j];
            e2[0] += zz;
            e2[1] += zz * theta;
            e2[2] += zz * theta * theta;
        }
    }
}

static double mass(const jet *j)
{
    double e = 0, x = 0, y = 0, z = 0;
    for (int32_t i = 0; i < j->count; i++) {
        e += j->pt[i] * cosh(j->eta[i]);
        z += j->pt[i] * sinh(j->eta[i]);
        x += j->pt[i] * cos(j->phi[i]);
        y += j->pt[i] * sin(j->phi[i]);
    }
    const double squared = e * e - x * x - y * y - z * z;
    return squared > 0 ? sqrt(squared) : 0;
}

static float ratio(double above, double below)
{
    return below > 0 ? (float)(above / below) : 0;
}

void jet_features(const jet *j, jet_scratch *s, float out[FEATURES])
{
    double total = 0, zlogz = 0, e2[3] = {0}, e3[SUMS] = {0};
    for (int32_t i = 0; i < j->count; i++)
        total += j->pt[i];
    fill_scratch(j, total > 0 ? total : 1, s);
    for (int32_t i = 0; i < j->count; i++)
        zlogz += s->z[i] > 0 ? s->z[i] * log(s->z[i]) : 0;
    pairs(s, j->count, e2);
    for (int32_t i = 0; i < j->count - 2; i++)
        triples_of(s, j->count, i, e3);

    const double d2_mixed = e2[2] > 0 ? pow(e2[2], 1.5) : 0; // 3 alpha / beta = 3 / 2
    const float all[FEATURES] = {
        (float)zlogz,
        (float)e2[0],
        (float)e2[1],
        (float)e2[2],
        ratio(e3[E3_1], e2[1] * e2[1]),
        ratio(e3[E3_2], e2[2] * e2[2]),
        ratio(e3[E3_1], e2[1] * e2[1] * e2[1]),
        ratio(e3[E3_2], e2[2] * e2[2] * e2[2]),
        ratio(e3[E3_1], e2[1] * e2[1] * e2[1]),
        ratio(e3[E3_1], d2_mixed),
        ratio(e3[SMALL_1], e2[1]),
        ratio(e3[SMALL_2], e2[2]),
        ratio(e3[PAIR_1], e2[1] * e2[1]),
        ratio(e3[PAIR_2], e2[2] * e2[2]),
        (float)mass(j),
        (float)j->count,
    };
    memcpy(out, all, sizeof all);
}
