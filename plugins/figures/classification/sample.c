/* sample.c: samples of scores and variables, and how far two of them lie apart. */
#include "classification.h"

int sample_order(const void *a, const void *b)
{
    const double x = ((const sample *)a)->value, y = ((const sample *)b)->value;
    return (x > y) - (x < y);
}

/* --- Kolmogorov and Smirnov ------------------------------------------------------------------- */

/* Q(z): the alternating series where it converges fast, else its transform, 1 - sqrt(2 pi) / z sum
 * exp(-(2j - 1)^2 pi^2 / (8 z^2)). */
static double tail(double z)
{
    const double pi = 3.14159265358979323846;
    double sum = 0;
    if (!(z > 0))
        return isnan(z) ? NAN : 1;
    if (z < 1) {
        for (int j = 1; j < 20; j += 2)
            sum += exp(-j * j * pi * pi / (8 * z * z));
        return fmin(1, 1 - sqrt(2 * pi) / z * sum);
    }
    for (int j = 1; j < 20; j++)
        sum += (j % 2 ? 2 : -2) * exp(-2.0 * j * j * z * z);
    return fmax(0, sum);
}

static void weigh(const sample *s, int64_t count, double *sum, double *squares)
{
    *sum = *squares = 0;
    for (int64_t i = 0; i < count; i++) {
        *sum += s[i].weight;
        *squares += s[i].weight * s[i].weight;
    }
}

double ks_probability(const sample *a, int64_t a_count, const sample *b, int64_t b_count)
{
    double a_sum, b_sum, a_squares, b_squares, a_part = 0, b_part = 0, distance = 0;
    int64_t i = 0, k = 0;
    weigh(a, a_count, &a_sum, &a_squares);
    weigh(b, b_count, &b_sum, &b_squares);
    if (!(a_sum > 0 && b_sum > 0))
        return NAN;
    while (i < a_count || k < b_count) {
        // Both steps at one value are taken before the distance is looked at.
        const double at =
            k == b_count || (i < a_count && a[i].value < b[k].value) ? a[i].value : b[k].value;
        for (; i < a_count && a[i].value == at; i++)
            a_part += a[i].weight;
        for (; k < b_count && b[k].value == at; k++)
            b_part += b[k].weight;
        distance = fmax(distance, fabs(a_part / a_sum - b_part / b_sum));
    }
    const double n1 = a_sum * a_sum / a_squares, n2 = b_sum * b_sum / b_squares;
    return tail(sqrt(n1 * n2 / (n1 + n2)) * distance);
}

/* --- what a figure looks at ------------------------------------------------------------------- */

kaon_status get_classes(kaon_look *run, int32_t *part, const kaon_scores **out, kaon_diag *diag)
{
    kaon_status status = run->api->main_part(run, part);
    if (!status)
        status = run->api->scores(run, *part, out, diag);
    if (status && status != KAON_NOT_FOUND)
        return status;
    if (status || (*out)->task != KAON_CLASSIFICATION || (*out)->classes < 2 || !(*out)->rows)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no predictions of classes");
    return KAON_OK;
}

static double number_at(const kaon_view *view, int64_t i)
{
    switch (view->dtype) {
    case KAON_F64:
        return ((const double *)view->data)[i];
    case KAON_F32:
        return (double)((const float *)view->data)[i];
    case KAON_I64:
        return (double)((const int64_t *)view->data)[i];
    case KAON_I32:
        return (double)((const int32_t *)view->data)[i];
    case KAON_U8:
    case KAON_BOOL:
        return (double)((const uint8_t *)view->data)[i];
    default:
        return NAN;
    }
}

// Place of a name among the labels of a column, -1: it is not there.
static int64_t find_label(const kaon_column *column, const char *name)
{
    for (int64_t i = 0; i < column->label_count; i++)
        if (!strcmp(column->labels[i], name))
            return i;
    return -1;
}

kaon_status get_variable(kaon_scratch *m, kaon_look *run, int32_t part, const char *wanted,
                         int64_t rows, double *values, const char **name, kaon_diag *diag)
{
    const kaon_table_api *tables = m->host->service(m->host, KAON_TABLE_SERVICE);
    kaon_table *table = NULL;
    KAON_TRY(run->api->table(run, part, &table, diag));
    for (int32_t c = 0; c < tables->column_count(table) && rows; c++) {
        kaon_column column = {.size = sizeof column};
        KAON_TRY(tables->column_at(table, c, &column, diag));
        const int64_t width = kaon_view_count(&column.view) / rows;
        const int32_t features = column.role == KAON_ROLE_FEATURES;
        int64_t at = -1;
        if (features)
            at = wanted ? find_label(&column, wanted) : 0;
        else if (wanted && column.name && !strcmp(column.name, wanted))
            at = 0;
        if (column.offsets || at < 0 || at >= width)
            continue;
        *name = at < column.label_count && features ? column.labels[at] : column.name;
        for (int64_t i = 0; i < rows; i++)
            values[i] = number_at(&column.view, i * width + at);
        return KAON_OK;
    }
    return kaon_fail(diag, KAON_NOT_FOUND, "the data have no column of numbers '%s'",
                     wanted ? wanted : "features");
}
