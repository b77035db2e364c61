/* grid_test.c: every combination, once. */
#include <kaon/search.h>
#include <kaon/test.h>

static const kaon_search *open_search(const char *settings, const kaon_search_task *task,
                                      void **self)
{
    const kaon_part *part = kt_part(KAON_SEARCH, "grid", settings);
    const kaon_search *table = part->table;
    kt_ok(table->create(kt_host(), part->settings, task, self, kt_diag()));
    return table;
}

KT_TEST(two_choices_by_three_points)
{
    static const int64_t levels[] = {2, 0};
    static const double expected[6][2] = {{0.25, 0}, {0.25, 0.5}, {0.25, 1},
                                          {0.75, 0}, {0.75, 0.5}, {0.75, 1}};
    const kaon_search_task task = {.size = sizeof task, .axis_count = 2, .levels = levels};
    double point[2];
    void *self = NULL;
    kaon_proposal p = {.size = sizeof p, .point = point};
    const kaon_search *table = open_search("", &task, &self);
    for (int i = 0; i < 6; i++) {
        kt_ok(table->ask(self, &p, kt_diag()));
        kt_near((double)p.trial, i, 0);
        kt_near(point[0], expected[i][0], 0);
        kt_near(point[1], expected[i][1], 0);
        kt_ok(table->tell(self, i, 0, 1, kt_diag()));
    }
    kt_fails(table->ask(self, &p, kt_diag()), KAON_END);
    table->destroy(self);
}

KT_TEST(no_more_than_asked_for)
{
    static const int64_t levels[] = {0};
    const kaon_search_task task = {
        .size = sizeof task, .axis_count = 1, .levels = levels, .trials = 2};
    double point[1];
    void *self = NULL;
    kaon_proposal p = {.size = sizeof p, .point = point};
    const kaon_search *table = open_search("points: 10", &task, &self);
    kt_ok(table->ask(self, &p, kt_diag()));
    kt_ok(table->ask(self, &p, kt_diag()));
    kt_fails(table->ask(self, &p, kt_diag()), KAON_END);
    table->destroy(self);
}

KT_TEST(refuses_what_never_ends)
{
    static const int64_t levels[] = {100, 100, 100, 100};
    const kaon_search_task task = {.size = sizeof task, .axis_count = 4, .levels = levels};
    const kaon_part *part = kt_part(KAON_SEARCH, "grid", "");
    void *self = NULL;
    kt_fails(((const kaon_search *)part->table)
                 ->create(kt_host(), part->settings, &task, &self, kt_diag()),
             KAON_INVALID);
    kt_says(kt_words(), "more than 1000000 points");
    kt_refuses_settings(KAON_SEARCH, "grid", "points: 1", "2 to 1000");
}
