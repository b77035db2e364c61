/* sobol_test.c: scipy's points, and each part of the cube gets its share. */
#include <kaon/search.h>
#include <kaon/test.h>

#include <string.h>

#include "reference.h"

enum { AXES = 37 };

static const int64_t levels[AXES];

static void *open_search(const char *settings, int64_t axes, int64_t trials, uint64_t seed,
                         const kaon_search **table)
{
    const kaon_search_task task = {
        .size = sizeof task, .axis_count = axes, .levels = levels, .trials = trials, .seed = seed};
    const kaon_part *part = kt_part(KAON_SEARCH, "sobol", settings);
    void *self = NULL;
    *table = part->table;
    kt_ok((*table)->create(kt_host(), part->settings, &task, &self, kt_diag()));
    return self;
}

KT_TEST(points_of_scipy)
{
    const kaon_search *table = NULL;
    double point[AXES];
    kaon_proposal p = {.size = sizeof p, .point = point};
    void *self = open_search("shift: false", AXES, 64, 1, &table);
    for (int i = 0; i < 64; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        for (int k = 0; k < AXES && (i == 20 || i == 63); k++)
            kt_near(point[k] * 0x1p32, (i == 20 ? point_20 : point_63)[k], 0);
    }
    kt_fails(table->ask(self, &p, kt_diag()), KAON_END);
    table->destroy(self);
}

// Of 64 points one lies in each of 64 intervals, on every axis, shifted or not.
KT_TEST(even_on_every_axis)
{
    const kaon_search *table = NULL;
    double point[AXES];
    int hits[AXES][64];
    kaon_proposal p = {.size = sizeof p, .point = point};
    memset(hits, 0, sizeof hits);
    void *self = open_search("", AXES, 64, 7, &table);
    for (int i = 0; i < 64; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        for (int k = 0; k < AXES; k++)
            hits[k][(int)(point[k] * 64)]++;
    }
    for (int k = 0; k < AXES; k++)
        for (int i = 0; i < 64; i++)
            kt_near(hits[k][i], 1, 0);
    table->destroy(self);
}

KT_TEST(refuses_more_axes_than_it_has)
{
    static const int64_t many[AXES + 1];
    const kaon_search_task task = {.size = sizeof task, .axis_count = AXES + 1, .levels = many};
    const kaon_part *part = kt_part(KAON_SEARCH, "sobol", "");
    void *self = NULL;
    kt_fails(((const kaon_search *)part->table)
                 ->create(kt_host(), part->settings, &task, &self, kt_diag()),
             KAON_INVALID);
    kt_says(kt_words(), "up to 37 settings, there are 38");
}
