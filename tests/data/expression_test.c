/* expression_test.c: formulas against numbers one can check by hand and against plain loops. */
#include "data/derive.h"
#include "kernel/diag.h"
#include "kernel/memory.h"

#include <kaon/arrow_build.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- hand-made arrays ------------------------------------------------------------------------- */

enum { MOST = 16 };

// Borrowed arrays under Arrow's structs; nothing is owned.
typedef struct frame {
    struct ArrowSchema schema, columns[MOST], items[MOST];
    struct ArrowSchema *column_list[MOST], *item_list[MOST];
    struct ArrowArray array, arrays[MOST], leaves[MOST];
    struct ArrowArray *array_list[MOST], *leaf_list[MOST];
    const void *buffers[MOST][3], *leaf_buffers[MOST][3];
    const void *none[1];
} frame;

static void frame_begin(frame *f, int64_t rows)
{
    memset(f, 0, sizeof *f);
    f->schema = (struct ArrowSchema){.format = "+s", .name = "", .children = f->column_list};
    f->array = (struct ArrowArray){
        .length = rows, .n_buffers = 1, .buffers = f->none, .children = f->array_list};
}

static int64_t add(frame *f, const char *name, const char *format, const void *offsets,
                   const void *values)
{
    const int64_t i = f->schema.n_children++;
    f->array.n_children++;
    f->columns[i] = (struct ArrowSchema){.format = format, .name = name};
    f->column_list[i] = &f->columns[i];
    f->buffers[i][1] = offsets ? offsets : values;
    f->buffers[i][2] = values;
    f->arrays[i] = (struct ArrowArray){
        .length = f->array.length, .n_buffers = offsets ? 3 : 2, .buffers = f->buffers[i]};
    f->array_list[i] = &f->arrays[i];
    return i;
}

// The column becomes a list (jagged if there are offsets) of `length` values in all.
static void nest(frame *f, int64_t i, const char *format, const void *offsets, int64_t length)
{
    f->items[i] = f->columns[i];
    f->items[i].name = "item";
    f->columns[i].format = format;
    f->columns[i].n_children = 1;
    f->item_list[i] = &f->items[i];
    f->columns[i].children = &f->item_list[i];
    f->leaves[i] = f->arrays[i];
    f->leaves[i].length = length;
    f->leaf_buffers[i][1] = f->buffers[i][1];
    f->leaves[i].buffers = f->leaf_buffers[i];
    f->leaf_list[i] = &f->leaves[i];
    f->arrays[i].n_children = 1;
    f->arrays[i].children = &f->leaf_list[i];
    f->arrays[i].n_buffers = offsets ? 2 : 1;
    f->buffers[i][1] = offsets;
}

// Five events: numbers, jets of pt and eta (2, 0, 3, 1, 1 of them), a vector of three numbers,
// texts.
enum { ROWS = 5 };
static const double px[ROWS] = {3, -5, 8, 0, NAN};
static const float py[ROWS] = {4, 12, 15, 0, 1};
static const int32_t nmuon[ROWS] = {2, 0, 3, 1, 2};
static const int64_t event[ROWS] = {10, 11, 12, 13, 16777217}; // 2^24 + 1 is no f32
static const uint8_t good = 0x0d;                              // 1, 0, 1, 1, 0
static const int32_t jet_ends[ROWS + 1] = {0, 2, 2, 5, 6, 7};
static const float jet_pt[7] = {50, 30, 90, 60, 25, 40, 20};
static const double jet_eta[7] = {-1, 2.5, 0.5, -0.5, 3, 1, NAN};
static const int32_t mu_ends[ROWS + 1] = {0, 1, 1, 2, 4, 4};
static const float mu_pt[4] = {7, 8, 9, 10};
static const float vec[ROWS * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, -1, -2, -3};
static const char words[] = "eemumuemu";
static const int32_t word_ends[ROWS + 1] = {0, 1, 2, 4, 6, 9};
static const int32_t label[ROWS] = {0, 1, 2, 1, 0};
static char label_names[64];

static void add_labels(frame *f, int64_t column, const char *labels)
{
    const int32_t head[2] = {1, (int32_t)strlen(KAON_ARROW_LABELS)};
    const int32_t bytes = (int32_t)strlen(labels);
    memcpy(label_names, head, 8);
    memcpy(label_names + 8, KAON_ARROW_LABELS, (size_t)head[1]);
    memcpy(label_names + 8 + head[1], &bytes, 4);
    memcpy(label_names + 12 + head[1], labels, (size_t)bytes);
    f->columns[column].metadata = label_names;
}

static void events(frame *f)
{
    frame_begin(f, ROWS);
    add(f, "px", "g", NULL, px);
    add(f, "py", "f", NULL, py);
    add(f, "nmuon", "i", NULL, nmuon);
    add(f, "event", "l", NULL, event);
    add(f, "good", "b", NULL, &good);
    nest(f, add(f, "jet_pt", "f", NULL, jet_pt), "+l", jet_ends, 7);
    nest(f, add(f, "jet_eta", "g", NULL, jet_eta), "+l", jet_ends, 7);
    nest(f, add(f, "mu_pt", "f", NULL, mu_pt), "+l", mu_ends, 4);
    nest(f, add(f, "vec", "f", NULL, vec), "+w:3", NULL, ROWS * 3);
    add(f, "flavour", "u", word_ends, words);
    add(f, "fixed acidity", "f", NULL, py);
    add_labels(f, add(f, "label", "i", NULL, label), "gluon\nquark\ntop");
}

static void near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within))
        fail_msg("%.17g and not %.17g", found, expected);
}

/* --- one formula ------------------------------------------------------------------------------ */

typedef struct stage {
    kn_kernel *kernel;
    frame frame;
    kn_faults faults;
    kn_diag fault;
    kn_derive *derive;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
} stage;

static stage shared;

static int open_kernel(void **state)
{
    (void)state;
    kn_diag_init(&shared.fault);
    return kn_kernel_new(NULL, &shared.kernel, &shared.fault.diag) != KAON_OK;
}

static int close_kernel(void **state)
{
    (void)state;
    kn_kernel_free(shared.kernel);
    return 0;
}

static kaon_status derive(stage *s, const kn_derive_spec *given, const char *text)
{
    kn_derive_spec spec = given ? *given : (kn_derive_spec){0};
    const kn_formula formula = {.text = text};
    spec.kernel = s->kernel;
    spec.faults = &s->faults;
    KAON_TRY(kn_derive_new(&spec, &s->frame.schema, &s->derive, &s->fault.diag));
    return text ? kn_derive_add(s->derive, text, &formula, &s->fault.diag) : KAON_OK;
}

// The frame with the columns asked for, in their order.
static void project(stage *s, frame *to)
{
    const char *const *names = NULL;
    int64_t count = 0;
    kn_derive_raw(s->derive, &names, &count);
    *to = s->frame;
    to->schema.children = to->column_list;
    to->array.children = to->array_list;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        while (strcmp(s->frame.columns[at].name, names[i]))
            at++;
        to->column_list[i] = &s->frame.columns[at];
        to->array_list[i] = &s->frame.arrays[at];
    }
    to->schema.n_children = to->array.n_children = count;
}

static void scan(stage *s, const char *const *names, int64_t count, int64_t file)
{
    static frame part;
    if (kn_derive_begin(s->derive, names, count, 0, &s->fault.diag))
        fail_msg("%s", s->fault.text);
    project(s, &part);
    if (kn_derive_array(s->derive, file, &part.schema, &part.array, &s->schema, &s->array,
                        &s->fault.diag))
        fail_msg("%s", s->fault.text);
}

static void leave(stage *s)
{
    kn_derive_free(s->derive);
    kn_faults_fini(&s->faults);
    s->derive = NULL;
    kn_diag_clear(&s->fault);
}

static void stage_begin(stage *s)
{
    events(&s->frame);
    s->faults = (kn_faults){0};
    kn_diag_clear(&s->fault);
}

// A column of what came, as numbers; NaN where there is none.
static int64_t numbers(const stage *s, int64_t column, double *out, int64_t *offsets)
{
    kn_arrow_kind kind;
    kn_arrow_look look;
    kn_diag fault;
    kn_diag_init(&fault);
    if (kn_arrow_kind_of(s->schema->children[column], &kind, &fault.diag) ||
        kn_arrow_open(&kind, s->array->children[column], &look, &fault.diag))
        fail_msg("%s", fault.text);
    int64_t count = look.rows;
    if (kind.jagged) {
        kn_arrow_offsets(&look, 0, look.rows, offsets);
        count = look.rows ? offsets[look.rows] : 0;
    }
    kn_arrow_numbers(&look, 0, count, KAON_F64, out);
    return count * kind.width;
}

static void check(const char *text, int64_t count, const double *expected)
{
    double found[64] = {0};
    int64_t offsets[ROWS + 1];
    stage *s = &shared;
    stage_begin(s);
    if (derive(s, NULL, text))
        fail_msg("'%s': %s", text, s->fault.text);
    scan(s, &text, 1, 0);
    assert_int_equal(numbers(s, 0, found, offsets), count);
    for (int64_t i = 0; i < count; i++)
        if (isnan(expected[i]) ? !isnan(found[i]) : fabs(found[i] - expected[i]) > 1e-14)
            fail_msg("'%s' is %.17g and not %.17g in row %d", text, found[i], expected[i], (int)i);
    leave(s);
}

#define CHECK(text, ...)                                                                           \
    check(text, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

/* --- values ----------------------------------------------------------------------------------- */

static void arithmetic(void **state)
{
    (void)state;
    CHECK("sqrt(px**2 + py**2)", 5, 13, 17, 0, NAN);
    CHECK("px + py * 2", 11, 19, 38, 0, NAN);
    CHECK("(px + py) * 2", 14, 14, 46, 0, NAN);
    CHECK("py - px - 1", 0, 16, 6, -1, NAN);
    CHECK("py / 4 / 2", .5, 1.5, 1.875, 0, .125);
    CHECK("-py**2", -16, -144, -225, 0, -1);
    CHECK("2 ** -1 + 0 * py", .5, .5, .5, .5, .5);
    CHECK("2**3**2 + 0*py", 512, 512, 512, 512, 512);
    CHECK("py**0.5", 2, sqrt(12), sqrt(15), 0, 1);
    CHECK("py**3 - py*py*py + .5e1 + 2.", 7, 7, 7, 7, 7);
    CHECK("event % 3", 1, 2, 0, 1, 16777217 % 3);
    CHECK("event - 16777216", -16777206, -16777205, -16777204, -16777203, 1);
    CHECK("+nmuon - -1", 3, 1, 4, 2, 3);
    CHECK("`fixed acidity` * 10", 40, 120, 150, 0, 10);
    CHECK("pi", M_PI, M_PI, M_PI, M_PI, M_PI);
    CHECK("7", 7, 7, 7, 7, 7);
}

static void functions(void **state)
{
    (void)state;
    CHECK("abs(px)", 3, 5, 8, 0, NAN);
    CHECK("min(px, py)", 3, -5, 8, 0, NAN);
    CHECK("max(px, py, 10)", 10, 12, 15, 10, NAN);
    CHECK("atan2(py, px)", atan2(4, 3), atan2(12, -5), atan2(15, 8), 0, NAN);
    CHECK("log10(10 ** nmuon)", 2, 0, 3, 1, 2);
    CHECK("log2(2 ** nmuon)", 2, 0, 3, 1, 2);
    CHECK("log(exp(py)) - py", 0, 0, 0, 0, 0);
    CHECK("floor(py / 8) + ceil(py / 8) + round(py / 8)", 1, 5, 5, 0, 1);
    CHECK("sign(px)", 1, -1, 1, 0, NAN);
    CHECK("where(py > 4, px, -1)", -1, -5, 8, -1, -1);
    CHECK("where(px > 4, 1, 2)", 2, 2, 1, 2, NAN);
    CHECK("tanh(py) - (exp(2*py) - 1)/(exp(2*py) + 1) + cos(0*py)", 1, 1, 1, 1, 1);
}

static void conditions(void **state)
{
    (void)state;
    CHECK("nmuon >= 2", 1, 0, 1, 0, 1);
    CHECK("nmuon >= 2 && py > 4", 0, 0, 1, 0, 0);
    CHECK("nmuon == 0 || py == 4", 1, 1, 0, 0, 0);
    CHECK("!good", 0, 1, 0, 0, 1);
    CHECK("!(nmuon < 2) == good", 1, 1, 1, 0, 0);
    CHECK("good != (nmuon == 1)", 1, 0, 1, 0, 0);
    CHECK("px > 0", 1, 0, 1, 0, NAN);
    CHECK("!(px > 0)", 0, 1, 0, 1, NAN);
    CHECK("px > 0 && nmuon > 100", 0, 0, 0, 0, 0); // false whatever px is
    CHECK("px > 0 || nmuon == 2", 1, 0, 1, 0, 1);  // true whatever px is
    CHECK("px != 3", 0, 1, 1, 1, NAN);
    CHECK("isnan(px)", 0, 0, 0, 0, 1);
    CHECK("finite(1 / py)", 1, 1, 1, 0, 1);
    CHECK("(nmuon > 1) * 10 + good", 11, 0, 11, 1, 10);
    CHECK("where(good, px > 0, false)", 1, 0, 1, 0, 0);
    CHECK("1 < 2 && nmuon < 3 || 1 > 2", 1, 1, 0, 1, 1);
}

static void texts_and_names(void **state)
{
    (void)state;
    CHECK("flavour == 'e'", 1, 1, 0, 0, 0);
    CHECK("\"mu\" != flavour", 1, 1, 0, 0, 1);
    CHECK("label == 'top' || label == 'gluon'", 1, 0, 1, 0, 1);
    CHECK("label", 0, 1, 2, 1, 0);
}

static void over_lists(void **state)
{
    (void)state;
    CHECK("sum(jet_pt)", 80, 0, 175, 40, 20);
    CHECK("count(jet_pt)", 2, 0, 3, 1, 1);
    CHECK("count(jet_pt > 28)", 2, 0, 2, 1, 0);
    CHECK("mean(jet_pt)", 40, NAN, 175. / 3, 40, 20);
    CHECK("max(jet_pt)", 50, NAN, 90, 40, 20);
    CHECK("min(jet_pt)", 30, NAN, 25, 40, 20);
    CHECK("prod(jet_pt / 10)", 15, 1, 135, 4, 2);
    CHECK("argmax(jet_eta)", 1, NAN, 2, 0, 0);
    CHECK("argmin(jet_pt)", 1, NAN, 2, 0, 0);
    CHECK("any(jet_pt > 80)", 0, 0, 1, 0, 0);
    CHECK("all(jet_pt > 28)", 1, 1, 0, 1, 0);
    CHECK("any(jet_eta > 2)", 1, 0, 1, 0, NAN);
    CHECK("all(jet_eta > -2)", 1, 1, 1, 1, NAN);
    CHECK("sum(jet_pt * py)", 320, 0, 2625, 0, 20); // one per event times one per jet
    CHECK("sum(jet_pt * (abs(jet_eta) < 2))", 50, 0, 150, 40, NAN);
    CHECK("sum(where(jet_pt > 28, jet_pt, 0))", 80, 0, 150, 40, 0);
    CHECK("sum(mu_pt) + sum(jet_pt)", 87, 0, 183, 59, 20);
    CHECK("sum(vec)", 6, 15, 24, 0, -6);
    CHECK("max(vec) - min(vec)", 2, 2, 2, 0, 2);
    CHECK("argmax(vec)", 2, 2, 2, 0, 0);
    CHECK("mean(vec * vec)", 14. / 3, 77. / 3, 194. / 3, 0, 14. / 3);
}

static void entries(void **state)
{
    (void)state;
    CHECK("jet_pt[0]", 50, NAN, 90, 40, 20);
    CHECK("jet_pt[1]", 30, NAN, 60, NAN, NAN);
    CHECK("jet_pt[7]", NAN, NAN, NAN, NAN, NAN);
    CHECK("jet_pt[-1]", 30, NAN, 25, 40, 20);
    CHECK("jet_pt[-3]", NAN, NAN, 90, NAN, NAN);
    CHECK("jet_eta[argmax(jet_pt)]", -1, NAN, .5, 1, NAN);
    CHECK("jet_pt[nmuon - 1]", 30, NAN, 25, 40, NAN);
    CHECK("vec[1]", 2, 5, 8, 0, -2);
    CHECK("vec[-1]", 3, 6, 9, 0, -3);
    CHECK("vec[label]", 1, 5, 9, 0, -1);
    CHECK("(jet_pt > 40)[0]", 1, NAN, 1, 0, 0);
    CHECK("jet_pt[jet_eta < 1][0]", 50, NAN, 90, NAN, NAN);
    CHECK("jet_pt[jet_eta < 0.2][0]", 50, NAN, 60, NAN, NAN);
    CHECK("sum(jet_pt[abs(jet_eta) < 2])", 50, 0, 150, 40, 0); // what is not known is not chosen
    CHECK("count(jet_pt[jet_pt > 28])", 2, 0, 2, 1, 0);
    CHECK("argmax(jet_eta[jet_pt < 80])", 1, NAN, 1, 0, 0);
    CHECK("max(vec[vec > 2])", 3, 6, 9, NAN, NAN);
}

static void slices(void **state)
{
    (void)state;
    CHECK("sum(jet_pt[:2])", 80, 0, 150, 40, 20);
    CHECK("max(jet_eta[:2])", 2.5, NAN, .5, 1, NAN);
    CHECK("sum(jet_pt[1:])", 30, 0, 85, 0, 0);
    CHECK("sum(jet_pt[1:2])", 30, 0, 60, 0, 0);
    CHECK("sum(jet_pt[-2:])", 80, 0, 85, 40, 20);
    CHECK("sum(jet_pt[:-1])", 50, 0, 150, 0, 0);
    CHECK("sum(jet_pt[-2:-1])", 50, 0, 60, 0, 0);
    CHECK("sum(jet_pt[-3:1])", 50, 0, 90, 40, 20);
    CHECK("jet_pt[1:][0]", 30, NAN, 60, NAN, NAN);
    CHECK("sum(jet_pt[:2] * jet_eta[ :2 ])", 25, 0, 15, 40, NAN);
    CHECK("jet_pt[jet_pt < 80][:1][0]", 50, NAN, 60, 40, 20);
    CHECK("sum(vec[1:])", 5, 11, 17, 0, -5);
    // As columns: lists of a fixed length, filled up with zeros.
    CHECK("jet_pt[:2]", 50, 30, 0, 0, 90, 60, 40, 0, 20, 0);
    CHECK("jet_pt[:4] / 10", 5, 3, 0, 0, 0, 0, 0, 0, 9, 6, 2.5, 0, 4, 0, 0, 0, 2, 0, 0, 0);
    CHECK("mask(jet_pt[:2])", 1, 1, 0, 0, 1, 1, 1, 0, 1, 0);
    CHECK("jet_pt[-1:]", 30, 0, 25, 40, 20);
    CHECK("vec[:2]", 1, 2, 4, 5, 7, 8, 0, 0, -1, -2);
    // Without an end: lists as long as they are.
    CHECK("jet_pt[jet_pt > 28]", 50, 30, 90, 60, 40);
    CHECK("jet_pt * 2", 100, 60, 180, 120, 50, 80, 40);
    CHECK("jet_pt[1:]", 30, 60, 25);
    CHECK("mask(mu_pt)", 1, 1, 1, 1);
}

/* --- forms ------------------------------------------------------------------------------------ */

static void check_format(const char *text, const char *format)
{
    stage *s = &shared;
    stage_begin(s);
    if (derive(s, NULL, text))
        fail_msg("'%s': %s", text, s->fault.text);
    const struct ArrowSchema *schema = kn_derive_schema(s->derive);
    assert_string_equal(schema->children[schema->n_children - 1]->format, format);
    leave(s);
}

static void formats(void **state)
{
    (void)state;
    check_format("px + 1", "g");
    check_format("nmuon + 1", "l");
    check_format("nmuon / 2", "g");
    check_format("nmuon ** 2", "l");
    check_format("2 ** nmuon", "g");
    check_format("count(jet_pt)", "l");
    check_format("where(good, nmuon, 0)", "l");
    check_format("nmuon > 1", "b");
    check_format("jet_pt[:3]", "+w:3");
    check_format("jet_pt[2:5]", "+w:3");
    check_format("jet_pt[-2:]", "+w:2");
    check_format("jet_pt[:3][1:]", "+w:2");
    check_format("jet_pt[1:]", "+L");
    check_format("jet_pt > 3", "+L");
    check_format("vec", "+w:3");
    check_format("mask(jet_pt[:3])", "+w:3");
}

/* --- definitions, cuts ------------------------------------------------------------------------ */

static void definitions(void **state)
{
    static const kn_definition list[] = {
        {.name = "pt", .formula = {.text = "sqrt(px**2 + py**2)"}},
        {.name = "leading", .formula = {.text = "central[0]"}},
        {.name = "central", .formula = {.text = "jet_pt[abs(jet_eta) < 2]"}},
        {.name = "twice", .formula = {.text = "pt + pt"}},
    };
    const kn_derive_spec spec = {.definition_count = 4, .definitions = list};
    static const char *const names[] = {"twice", "leading", "px", "leading + 1"};
    double found[16];
    stage *s = &shared;
    (void)state;
    stage_begin(s);
    assert_int_equal(derive(s, &spec, "leading + 1"), KAON_OK);
    scan(s, names, 4, 0);
    assert_int_equal(s->array->n_children, 4);
    assert_int_equal(numbers(s, 0, found, NULL), ROWS);
    near(found[2], 34, 1e-12);
    numbers(s, 3, found, NULL);
    near(found[0], 51, 0);
    assert_true(isnan(found[1]));
    near(found[3], 41, 0);
    leave(s);
}

// All kinds of columns lose the rows that are cut, and keep the others as they are.
static void cut_rows(void **state)
{
    static const char *const names[] = {"py",  "event",   "good", "jet_pt",
                                        "vec", "flavour", "px",   "sum(jet_pt)"};
    const kn_derive_spec spec = {.cut = {.text = "px > 0 && nmuon > 1"}};
    double found[32];
    int64_t offsets[ROWS + 1];
    stage *s = &shared;
    (void)state;
    stage_begin(s);
    assert_int_equal(derive(s, &spec, "sum(jet_pt)"), KAON_OK);
    scan(s, names, 8, 0); // rows 0 and 2; nobody knows of row 4
    assert_int_equal(s->array->length, 2);
    const kn_cut_counts counts = kn_derive_counts(s->derive);
    assert_int_equal(counts.rows, ROWS);
    assert_int_equal(counts.kept, 2);
    assert_int_equal(counts.unknown, 1);
    static const double expected[8][6] = {
        {4, 15}, {10, 12}, {1, 1},   {50, 30, 90, 60, 25}, {1, 2, 3, 7, 8, 9},
        {0},     {3, 8},   {80, 175}};
    static const int64_t sizes[8] = {2, 2, 2, 5, 6, 0, 2, 2};
    for (int i = 0; i < 8; i++) {
        if (i == 5)
            continue;
        assert_int_equal(numbers(s, i, found, offsets), sizes[i]);
        for (int64_t k = 0; k < sizes[i]; k++)
            near(found[k], expected[i][k], 0);
    }
    kn_arrow_kind kind;
    kn_arrow_look look;
    size_t bytes;
    assert_int_equal(kn_arrow_kind_of(s->schema->children[5], &kind, NULL), KAON_OK);
    assert_int_equal(kn_arrow_open(&kind, s->array->children[5], &look, NULL), KAON_OK);
    assert_memory_equal(kn_arrow_text(&look, 1, &bytes), "mu", 2);
    assert_int_equal(bytes, 2);
    leave(s);
}

static void cut_all_or_none(void **state)
{
    static const char *const cuts[] = {"nmuon > 100", "nmuon >= 0"};
    static const char *const names[] = {"jet_pt", "flavour", "good"};
    stage *s = &shared;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const kn_derive_spec spec = {.cut = {.text = cuts[i]}};
        stage_begin(s);
        assert_int_equal(derive(s, &spec, NULL), KAON_OK);
        scan(s, names, 3, 0);
        assert_int_equal(s->array->length, i ? ROWS : 0);
        assert_int_equal(s->array->children[1]->length, i ? ROWS : 0);
        leave(s);
    }
}

// Columns with missing values keep what is missing.
static void nulls(void **state)
{
    static const uint8_t some = 0x1b; // row 2 is missing
    static const char *const names[] = {"nmuon + 1", "nmuon"};
    const kn_derive_spec spec = {.cut = {.text = "py > 0"}};
    double found[8];
    stage *s = &shared;
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        stage_begin(s);
        s->frame.buffers[2][0] = &some;
        s->frame.arrays[2].null_count = 1;
        assert_int_equal(derive(s, cut ? &spec : NULL, "nmuon + 1"), KAON_OK);
        scan(s, names, 2, 0);
        const int64_t rows = ROWS - cut;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(numbers(s, i, found, NULL), rows);
            assert_true(isnan(found[2]));
            near(found[rows - 1], i ? 2 : 3, 0);
        }
        leave(s);
    }
}

static void sentinels(void **state)
{
    static const double sentinel[] = {12, 1};
    const kn_derive_spec spec = {.sentinels = sentinel, .sentinel_count = 2};
    static const char *const names[] = {"py * 2"};
    double found[8];
    stage *s = &shared;
    (void)state;
    stage_begin(s);
    assert_int_equal(derive(s, &spec, names[0]), KAON_OK);
    scan(s, names, 1, 0);
    numbers(s, 0, found, NULL);
    near(found[0], 8, 0);
    assert_true(isnan(found[1]) && isnan(found[4]));
    leave(s);
}

static void classes_of_files(void **state)
{
    static const char *const classes[] = {"signal", "background"};
    static const int32_t class_of[] = {0, 1, 1};
    static const double weight_of[] = {1, 0.5, 3};
    const kn_derive_spec spec = {.class_count = 2,
                                 .classes = classes,
                                 .class_of = class_of,
                                 .weight_of = weight_of,
                                 .cut = {.text = "`class of the file` == 'background'"}};
    static const char *const names[] = {"py * `weight of the file`", "kind", "row"};
    const kn_formula kind = {.text = "`class of the file`"}, row = {.text = "`number of the row`"};
    double found[8];
    size_t bytes = 0;
    stage *s = &shared;
    (void)state;
    stage_begin(s);
    assert_int_equal(derive(s, &spec, names[0]), KAON_OK);
    assert_int_equal(kn_derive_add(s->derive, "kind", &kind, &s->fault.diag), KAON_OK);
    assert_int_equal(kn_derive_add(s->derive, "row", &row, &s->fault.diag), KAON_OK);
    scan(s, names, 3, 2);
    assert_int_equal(s->array->length, ROWS);
    numbers(s, 0, found, NULL);
    near(found[1], 36, 0);
    const char *labels =
        kn_arrow_metadata(s->schema->children[1]->metadata, KAON_ARROW_LABELS, &bytes);
    assert_int_equal(bytes, strlen("signal\nbackground"));
    assert_memory_equal(labels, "signal\nbackground", bytes);
    numbers(s, 2, found, NULL);
    near(found[3], 3, 0);
    scan(s, names, 3, 0); // a file of signal
    assert_int_equal(s->array->length, 0);
    leave(s);
}

/* --- against plain loops ---------------------------------------------------------------------- */

enum { MANY = 40000, LONGEST = 37 };

// Lists of many lengths over several chunks; every row against a loop in C.
static void many_rows(void **state)
{
    static const char text[] = "sum(v[v > a]) + max(v[:3]) * a - v[-1]";
    static const char *const names[] = {text};
    static double a[MANY], found[MANY];
    static int32_t ends[MANY + 1];
    double *v = malloc(sizeof(double) * MANY * LONGEST);
    stage *s = &shared;
    uint32_t dice = 1;
    (void)state;
    assert_non_null(v);
    for (int i = 0; i < MANY; i++) {
        dice = dice * 1664525 + 1013904223;
        a[i] = (double)(dice >> 8) / (1 << 24);
        ends[i + 1] = ends[i] + 1 + (i < MANY / 2 ? i % 3 : (int32_t)((dice >> 4) % LONGEST));
        for (int32_t k = ends[i]; k < ends[i + 1]; k++) {
            dice = dice * 1664525 + 1013904223;
            v[k] = (double)(dice >> 8) / (1 << 24) * 2 - 1;
        }
    }
    frame_begin(&s->frame, MANY);
    add(&s->frame, "a", "g", NULL, a);
    nest(&s->frame, add(&s->frame, "v", "g", NULL, v), "+l", ends, ends[MANY]);
    assert_int_equal(derive(s, NULL, text), KAON_OK);
    scan(s, names, 1, 0);
    assert_int_equal(numbers(s, 0, found, NULL), MANY);
    for (int i = 0; i < MANY; i++) {
        double sum = 0, most = -INFINITY;
        for (int32_t k = ends[i]; k < ends[i + 1]; k++) {
            sum += v[k] > a[i] ? v[k] : 0;
            most = k < ends[i] + 3 && v[k] > most ? v[k] : most;
        }
        near(found[i], sum + most * a[i] - v[ends[i + 1] - 1], 1e-12);
    }
    leave(s);
    free(v);
}

/* --- faults ----------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    const char *message;
    const char *hint; // or NULL
} faulty[] = {
    {"px +", "the formula ends where a value should stand", NULL},
    {"", "the formula ends where a value should stand", NULL},
    {"(px", "the formula ends where ')' should stand", NULL},
    {"px)", "')' stands where an operator or the end should", NULL},
    {"px py", "'py' stands where an operator or the end should", NULL},
    {"sqrt(px", "the formula ends where ',' or ')' should stand", NULL},
    {"px & py", "'&' is no operator: '&&' is the and of conditions", NULL},
    {"px ^ 2", "'^' is no operator: powers are written a ** b", NULL},
    {"px = 2", "'=' is no operator: '==' compares", NULL},
    {"px > 1 and py > 1", "'and' is no operator: write '&&'", NULL},
    {"not good", "'not' is no operator: write '!'", NULL},
    {"1 < px < 3", "comparisons do not chain: write a < b && b < c", NULL},
    {"flavour == 'e", "the closing ' is missing", NULL},
    {"`fixed acidity", "the closing ` is missing", NULL},
    {"3px", "'3' is no number", NULL},
    {"px @ 2", "'@' stands where an operator or the end should", NULL},
    {"where(good, 1, 2, 3)", "no function takes more than 3 arguments", NULL},
    {"jet_pt[1:2:3]", "':' stands where ']' should", NULL},
    {"jet_pt[:1.5]", "the ends of a slice are whole numbers", NULL},
    {"pxx + 1", "there is no column 'pxx'", "did you mean 'px'?"},
    {"sqrt", "there is no column 'sqrt'", "a function is followed by its argument: sqrt(...)"},
    {"sqr(px)", "there is no function 'sqr'", "did you mean 'sqrt'?"},
    {"sqrt(px, py)", "'sqrt' takes 1 argument, found 2", NULL},
    {"where(good)", "'where' takes 3 arguments, found 1", NULL},
    {"nmuon && good", "'&&' takes conditions, 'nmuon' is a number", "write 'nmuon != 0'"},
    {"!nmuon", "'!' takes conditions, 'nmuon' is a number", "write 'nmuon != 0'"},
    {"where(nmuon, 1, 2)", "'where' takes a condition first, 'nmuon' is a number",
     "write 'nmuon != 0'"},
    {"good > 1", "'>' takes two numbers, 'good' is a condition", NULL},
    {"flavour + 1", "'+' takes numbers, 'flavour' is a text", NULL},
    {"flavour > 'e'", "a text is compared with == or !=: column == 'text'", NULL},
    {"px == 'e'", "'==' takes a column of texts and a text, 'px' is a number", NULL},
    {"flavour", "the formula gives a text, not a number", NULL},
    {"'e'", "the formula gives a text, not a number", NULL},
    {"label == 'topp'", "no value is called 'topp'; there are gluon, quark, top",
     "did you mean 'top'?"},
    {"sum(px)", "'sum' takes a list, 'px' is one number per event", NULL},
    {"any(jet_pt)", "'any' takes a list of conditions, 'jet_pt' is a list of numbers", NULL},
    {"px[0]", "[ ] takes entries of a list, 'px' is one number per event", NULL},
    {"jet_pt[px]", "[ ] takes a whole number, a slice or a condition on the entries", NULL},
    {"jet_pt[mu_pt > 1] + jet_pt",
     "'jet_pt[mu_pt > 1]' and 'jet_pt' do not have the same entries; cut both in the same way",
     NULL},
    {"jet_pt[:2] * jet_eta",
     "'jet_pt[:2]' and 'jet_eta' do not have the same entries; cut both in the same way", NULL},
    {"vec + jet_pt", "'vec' and 'jet_pt' do not have the same entries; cut both in the same way",
     NULL},
    {"vec + vec[:2]", "'vec' has 3 numbers per event and 'vec[:2]' has 2", NULL},
    {"vec[3]", "there are 3 entries, 0 to 2", NULL},
    {"jet_pt[2:2]", "the slice holds nothing", NULL},
    {"vec[3:]", "the slice holds nothing", NULL},
    {"jet_pt[:100000]", "it has 100000 numbers per event; at most 65536 can be kept", NULL},
    {"sum(mask(jet_pt[:100000]))", "it has 100000 numbers per event; at most 65536 can be kept",
     NULL},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        char expected[512];
        stage *s = &shared;
        stage_begin(s);
        if (derive(s, NULL, faulty[i].text) == KAON_OK)
            fail_msg("'%s' was accepted", faulty[i].text);
        assert_int_equal(s->faults.count, 1);
        // A formula that stands in no file is quoted.
        snprintf(expected, sizeof expected, "%s, in '%s' at character ", faulty[i].message,
                 faulty[i].text);
        const char *found = s->faults.at[0].message;
        if (strncmp(found, expected, strlen(expected)))
            fail_msg("'%s': %s", faulty[i].text, found);
        const char *hint = s->faults.at[0].hint;
        if (!hint != !faulty[i].hint || (hint && strcmp(hint, faulty[i].hint)))
            fail_msg("'%s': hint '%s'", faulty[i].text, hint ? hint : "");
        leave(s);
    }
}

static void refused_definitions(void **state)
{
    static const kn_definition circle[] = {{.name = "a", .formula = {.text = "b + 1"}},
                                           {.name = "b", .formula = {.text = "a + 1"}}};
    static const kn_definition taken[] = {{.name = "px", .formula = {.text = "py"}}};
    static const struct {
        kn_derive_spec spec;
        const char *message;
    } rows[] = {
        {{.definition_count = 2, .definitions = circle}, "'a' is defined by itself"},
        {{.definition_count = 1, .definitions = taken},
         "the data have a column 'px': give the definition another name"},
        {{.cut = {.text = "nmuon"}}, "a cut is one condition per event, this is a number"},
        {{.cut = {.text = "jet_pt > 1"}},
         "a cut is one condition per event, this is a list of conditions"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage *s = &shared;
        stage_begin(s);
        assert_int_equal(derive(s, &rows[i].spec, NULL), KAON_INVALID);
        assert_null(s->derive);
        assert_int_equal(s->faults.count, 1);
        if (strncmp(s->faults.at[0].message, rows[i].message, strlen(rows[i].message)))
            fail_msg("%s", s->faults.at[0].message);
        leave(s);
    }
}

// Lists combined entry by entry must be equally long in every row.
static void unequal_lists(void **state)
{
    static const char *const names[] = {"sum(jet_pt * mu_pt)"};
    static frame part;
    stage *s = &shared;
    (void)state;
    stage_begin(s);
    assert_int_equal(derive(s, NULL, names[0]), KAON_OK); // the schema does not tell
    assert_int_equal(kn_derive_begin(s->derive, names, 1, 0, &s->fault.diag), KAON_OK);
    project(s, &part);
    assert_int_equal(kn_derive_array(s->derive, 0, &part.schema, &part.array, &s->schema, &s->array,
                                     &s->fault.diag),
                     KAON_INVALID);
    assert_non_null(strstr(s->fault.text, "row 0 has 1 entries of 'mu_pt' and 2 of what"));
    leave(s);
}

// Nesting has a limit, far below the one of the stack.
static void too_deep(void **state)
{
    enum { DEEP = 5000 };
    static char text[2 * DEEP + 16];
    stage *s = &shared;
    (void)state;
    memset(text, '(', DEEP);
    stage_begin(s);
    assert_int_equal(derive(s, NULL, text), KAON_INVALID);
    assert_non_null(strstr(s->faults.at[0].message, "the formula lies too deep in itself"));
    leave(s);
    for (int i = 0; i < DEEP; i++)
        memcpy(text + 2 * i, "1+", 2);
    memcpy(text + 2 * DEEP, "1", 2);
    stage_begin(s);
    assert_int_equal(derive(s, NULL, text), KAON_INVALID);
    assert_non_null(strstr(s->faults.at[0].message, "the formula lies too deep in itself"));
    leave(s);
}

// The caret stands below what is wrong, also behind letters of several bytes and in quotes.
static void places(void **state)
{
    static const struct {
        const char *yaml;
        int32_t line, column, length;
    } rows[] = {
        {"cut: px + foo * 2", 1, 11, 3},
        {"cut: \"px + foo * 2\"", 1, 12, 3},
        {"# \xc3\xa9\ncut: '`\xc3\xa9` + foo'", 2, 13, 3},
    };
    stage *s = &shared;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage_begin(s);
        add(&s->frame, "\xc3\xa9", "f", NULL, py);
        kn_config_tree *tree = kn_config_tree_new();
        const kn_config *root =
            kn_config_parse(tree, "x.yaml", rows[i].yaml, strlen(rows[i].yaml), &s->faults);
        const kn_config *cut = kn_config_get(root, "cut");
        const kn_derive_spec spec = {.cut = {.text = cut->text, .place = cut->place}};
        assert_int_equal(derive(s, &spec, NULL), KAON_INVALID);
        assert_int_equal(s->faults.at[0].line, rows[i].line);
        assert_int_equal(s->faults.at[0].column, rows[i].column);
        assert_int_equal(s->faults.at[0].length, rows[i].length);
        assert_string_equal(s->faults.at[0].message, "there is no column 'foo'");
        leave(s);
        kn_config_tree_free(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(functions),
        cmocka_unit_test(conditions),
        cmocka_unit_test(texts_and_names),
        cmocka_unit_test(over_lists),
        cmocka_unit_test(entries),
        cmocka_unit_test(slices),
        cmocka_unit_test(formats),
        cmocka_unit_test(definitions),
        cmocka_unit_test(cut_rows),
        cmocka_unit_test(cut_all_or_none),
        cmocka_unit_test(nulls),
        cmocka_unit_test(sentinels),
        cmocka_unit_test(classes_of_files),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(refusals),
        cmocka_unit_test(refused_definitions),
        cmocka_unit_test(unequal_lists),
        cmocka_unit_test(too_deep),
        cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, open_kernel, close_kernel);
}
