/* toyjets_test.c: the reader, the figures of the note. */
#include <kaon/test_reader.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 5 };

KT_TEST(columns_and_labels)
{
    kt_reader r = kt_reader_open("toyjets", "jets: 7", NULL);
    int64_t count = 0;
    kt_says(kt_reader_schema(&r), "label:l zlogz:f");
    kt_says(kt_reader_schema(&r), "multiplicity:f pt:+l<f> eta:+l<f> phi:+l<f> e:+l<f>");
    kt_true(kt_reader_rows(&r) == 7);
    double *label = kt_read_column(&r, "label", 0, 0, &count);
    kt_true(count == 7);
    for (int64_t i = 0; i < count; i++)
        kt_near(label[i], (double)(i % 5), 0);
    free(label);
    kt_reader_close(&r);
}

// Constituents: as many as the multiplicity says, hardest first, inside the cone, massless.
KT_TEST(constituents_fit_the_features)
{
    kt_reader r = kt_reader_open("toyjets", "{jets: 200, seed: 5}", NULL);
    int64_t rows = 0, count = 0;
    int64_t *lengths = kt_read_lengths(&r, "pt", &rows);
    double *multiplicity = kt_read_column(&r, "multiplicity", 0, 0, &rows);
    double *pt = kt_read_column(&r, "pt", 0, 0, &count);
    double *eta = kt_read_column(&r, "eta", 0, 0, &count);
    double *phi = kt_read_column(&r, "phi", 0, 0, &count);
    double *e = kt_read_column(&r, "e", 0, 0, &count);
    int64_t at = 0;
    kt_true(rows == 200);
    for (int64_t row = 0; row < rows; row++) {
        kt_near((double)lengths[row], multiplicity[row], 0);
        for (int64_t i = 0; i < lengths[row]; i++, at++) {
            kt_true(i == 0 || pt[at] <= pt[at - 1]);
            kt_true(hypot(eta[at], phi[at]) < 0.8 + 1e-6);
            kt_near(e[at], pt[at] * cosh(eta[at]), 1e-5 * e[at]);
        }
    }
    kt_true(at == count);
    free(lengths);
    free(multiplicity);
    free(pt);
    free(eta);
    free(phi);
    free(e);
    kt_reader_close(&r);
}

// Jet i is the same alone, in a range, and with another first jet.
KT_TEST(each_jet_depends_on_seed_and_number_alone)
{
    kt_reader all = kt_reader_open("toyjets", "{jets: 20000, seed: 9}", NULL);
    kt_reader later = kt_reader_open("toyjets", "{jets: 300, seed: 9, first: 17001}", NULL);
    kt_reader other = kt_reader_open("toyjets", "{jets: 300, seed: 10, first: 17001}", NULL);
    int64_t count = 0, part_count = 0;
    double *mass = kt_read_column(&all, "mass", 0, 0, &count);
    double *range = kt_read_column(&all, "mass", 17001, 300, &part_count);
    kt_true(count == 20000 && part_count == 300);
    double *alone = kt_read_column(&later, "mass", 0, 0, &part_count);
    double *else_where = kt_read_column(&other, "mass", 0, 0, &part_count);
    int same = 0;
    for (int64_t i = 0; i < 300; i++) {
        kt_near(range[i], mass[17001 + i], 0);
        kt_near(alone[i], mass[17001 + i], 0);
        same += else_where[i] == alone[i];
    }
    kt_true(same == 0);
    free(mass);
    free(range);
    free(alone);
    free(else_where);
    kt_reader_close(&all);
    kt_reader_close(&later);
    kt_reader_close(&other);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Every fifth number from `kind` on, sorted (free it).
static double *of_class(const double *values, int64_t count, int kind, int64_t *length)
{
    double *part = calloc((size_t)count, sizeof *part);
    *length = 0;
    for (int64_t i = kind; i < count; i += CLASSES)
        part[(*length)++] = values[i];
    qsort(part, (size_t)*length, sizeof *part, ascending);
    return part;
}

// Median masses and mean multiplicities of g, q, W, Z, t as stated with the generator.
KT_TEST(figures_of_the_classes)
{
    static const double masses[CLASSES] = {109, 62, 95, 105, 182};
    static const double multiplicities[CLASSES] = {40, 26, 35, 35, 47};
    kt_reader r = kt_reader_open("toyjets", "{jets: 20000, seed: 2}", NULL);
    int64_t count = 0, length = 0;
    double *mass = kt_read_column(&r, "mass", 0, 0, &count);
    double *multiplicity = kt_read_column(&r, "multiplicity", 0, 0, &count);
    for (int kind = 0; kind < CLASSES; kind++) {
        double *part = of_class(mass, count, kind, &length);
        kt_near(part[length / 2], masses[kind], 0.03 * masses[kind]);
        free(part);
        part = of_class(multiplicity, count, kind, &length);
        double sum = 0;
        for (int64_t i = 0; i < length; i++)
            sum += part[i];
        kt_near(sum / (double)length, multiplicities[kind], 0.6);
        free(part);
    }
    free(mass);
    free(multiplicity);
    kt_reader_close(&r);
}

KT_TEST(what_it_refuses)
{
    kt_refuses_settings(KAON_READER, "toyjets", "jets: -1", "jets");
    kt_reader_refuses("toyjets", "", "some.file", "reads no file");
    kt_reader r = kt_reader_open("toyjets", "jets: 3", NULL);
    struct ArrowArrayStream stream;
    const char *const unknown[] = {"energy"}, *const twice[] = {"pt", "pt"};
    kaon_read what = {.size = sizeof what, .column_count = 1, .columns = unknown};
    kt_fails(r.table->scan(r.self, &what, &stream, kt_diag()), KAON_NOT_FOUND);
    kt_says(kt_words(), "no column 'energy'");
    what.column_count = 2;
    what.columns = twice;
    kt_fails(r.table->scan(r.self, &what, &stream, kt_diag()), KAON_INVALID);
    kt_reader_close(&r);
}

KT_TEST(no_jets_are_fine)
{
    kt_reader r = kt_reader_open("toyjets", "jets: 0", NULL);
    int64_t count = 1;
    free(kt_read_column(&r, "mass", 0, 0, &count));
    kt_true(count == 0);
    free(kt_read_column(&r, "pt", 5, 3, &count));
    kt_true(count == 0);
    kt_reader_close(&r);
}
