/* asha_test.c: who goes on, and when. */
#include <kaon/search.h>
#include <kaon/test.h>

#include <math.h>

static const int64_t levels[1];

static void *open_search(const char *settings, int64_t trials, const kaon_search **table)
{
    const kaon_search_task task = {
        .size = sizeof task, .axis_count = 1, .levels = levels, .trials = trials, .seed = 1};
    const kaon_part *part = kt_part(KAON_SEARCH, "asha", settings);
    void *self = NULL;
    *table = part->table;
    kt_ok((*table)->create(kt_host(), part->settings, &task, &self, kt_diag()));
    return self;
}

// Nine trials, one after the other, trial 0 the best, 8 the worst: three climb, one to the top.
KT_TEST(the_best_third_goes_on)
{
    static const int order[][2] = {{0, 1}, {1, 1}, {2, 1}, {0, 3}, {3, 1}, {4, 1}, {5, 1},
                                   {1, 3}, {6, 1}, {7, 1}, {8, 1}, {2, 3}, {0, 9}};
    const kaon_search *table = NULL;
    double point, first = 0;
    kaon_proposal p = {.size = sizeof p, .point = &point};
    void *self = open_search("{min: 1, max: 9}", 9, &table);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        kt_near((double)p.trial, order[i][0], 0);
        kt_near(p.budget, order[i][1], 0);
        if (i == 0)
            first = point;
        if (p.trial == 0)
            kt_near(point, first, 0); // a trial keeps its point
        kt_ok(table->tell(self, p.trial, p.budget, (double)p.trial, kt_diag()));
    }
    kt_fails(table->ask(self, &p, kt_diag()), KAON_END);
    table->destroy(self);
}

KT_TEST(waits_only_when_nothing_is_left_to_begin)
{
    const kaon_search *table = NULL;
    double point;
    kaon_proposal p = {.size = sizeof p, .point = &point};
    void *self = open_search("{min: 1, max: 3}", 3, &table);
    for (int i = 0; i < 3; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        kt_true(!p.wait);
    }
    kt_ok(table->ask(self, &p, kt_diag()));
    kt_true(p.wait);
    kt_ok(table->tell(self, 2, 1, 0.1, kt_diag()));
    kt_ok(table->tell(self, 0, 1, NAN, kt_diag())); // it failed
    kt_ok(table->ask(self, &p, kt_diag()));
    kt_true(p.wait);
    kt_ok(table->tell(self, 1, 1, 0.2, kt_diag()));
    kt_ok(table->ask(self, &p, kt_diag()));
    kt_true(!p.wait && p.trial == 2 && p.budget == 3);
    table->destroy(self);
}

// What failed never goes on, even if nothing else is left.
KT_TEST(failures_stay_where_they_are)
{
    const kaon_search *table = NULL;
    double point;
    kaon_proposal p = {.size = sizeof p, .point = &point};
    void *self = open_search("{min: 1, max: 3}", 3, &table);
    for (int i = 0; i < 3; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        kt_ok(table->tell(self, i, 1, NAN, kt_diag()));
    }
    kt_fails(table->ask(self, &p, kt_diag()), KAON_END);
    table->destroy(self);
}

KT_TEST(refuses_nonsense)
{
    const kaon_search *table = NULL;
    void *self = open_search("", 1, &table), *other = NULL;
    kt_fails(table->tell(self, 0, 1, 0, kt_diag()), KAON_INVALID);
    table->destroy(self);
    const kaon_search_task task = {.size = sizeof task, .axis_count = 1, .levels = levels};
    const kaon_part *part = kt_part(KAON_SEARCH, "asha", "{min: 9, max: 3}");
    kt_fails(table->create(kt_host(), part->settings, &task, &other, kt_diag()), KAON_INVALID);
    kt_says(kt_words(), "min is 9, which is above max, 3");
}
