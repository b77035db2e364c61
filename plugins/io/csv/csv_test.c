/* csv_test.c: what is found by looking, what is read, what is refused, and real files. */
#include <kaon/test_reader.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <locale.h>
#include <zlib.h>

// A reader of this text.
static kt_reader open_text(const char *settings, const char *text)
{
    return kt_reader_open("csv", settings, kt_text_file("text.csv", text));
}

static void check_schema(const char *settings, const char *text, const char *schema)
{
    kt_reader r = open_text(settings, text);
    kt_same_text(kt_reader_schema(&r), schema);
    kt_reader_close(&r);
}

static void check_column(const char *settings, const char *text, const char *column, int64_t count,
                         const double *expected)
{
    kt_reader r = open_text(settings, text);
    int64_t length = 0;
    double *values = kt_read_column(&r, column, 0, 0, &length);
    kt_true(length == count);
    kt_true(kt_reader_rows(&r) == count);
    for (int64_t i = 0; i < count; i++)
        kt_near(values[i], expected[i], 0);
    free(values);
    kt_reader_close(&r);
}

#define COLUMN(settings, text, column, ...)                                                        \
    check_column(settings, text, column, sizeof((double[]){__VA_ARGS__}) / sizeof(double),         \
                 (const double[]){__VA_ARGS__})

KT_TEST(header_types_and_values)
{
    const char *text = "run,pt,kind\n1,2.5,mu\n2,-3e1,e\n";
    check_schema("", text, "run:l pt:g kind:u");
    check_schema("float_type: f32", text, "run:l pt:f kind:u");
    COLUMN("", text, "run", 1, 2);
    COLUMN("", text, "pt", 2.5, -30);
    kt_reader r = open_text("", text);
    kt_same_text(kt_read_text(&r, "kind", 0), "mu");
    kt_same_text(kt_read_text(&r, "kind", 1), "e");
    kt_reader_close(&r);
}

KT_TEST(header_found_or_told)
{
    check_schema("", "1,2\n3,4\n", "c0:l c1:l");
    check_schema("", "M,0.4\nF,0.3\n", "c0:u c1:g");
    check_schema("", "name,place\nada,london\n", "name:u place:u");
    check_schema("header: 'false'", "name,place\nada,london\n", "c0:u c1:u");
    check_schema("header: 'true'", "1,2\n3,4\n", "1:l 2:l");
    check_schema("names: [x, y]", "1,2\n3,4\n", "x:l y:l");
    check_schema("names: [x, y]", "a,b\n3,4\n", "x:l y:l");
    check_schema("", "# x y\n1 2\n3 4\n", "x:l y:l");
    check_schema("", "# made in 1999 by me\n1 2\n", "c0:l c1:l");
    check_schema("", "a,a,a_2\n1,2,3\n", "a:l a_2:l a_2_2:l");
    check_schema("", ",pt\n0,1.5\n1,2.5\n", "c0:l pt:g");
    check_schema("", "pt,eta,\n1,2,\n3,4,\n", "pt:l eta:l"); // a comma too many in each line
}

KT_TEST(separators_found_or_told)
{
    check_schema("", "a;b\n1;2\n", "a:l b:l");
    check_schema("", "a\tb\n1\t2\n", "a:l b:l");
    check_schema("", "a|b\n1|2\n", "a:l b:l");
    check_schema("", "  1   2.5\n 10   3.5\n", "c0:l c1:g");
    check_schema("", "a, b, c\n1, 2, 3\n", "a:l b:l c:l");
    check_schema("", "1\n2\n", "c0:l");
    check_schema("separator: semicolon", "a,b;c\n1,5;2\n", "a,b:u c:l");
    COLUMN("", "1749;01;1749.042;  96.7; -1.0;   -1;1\n1750;02;1749.123; 104.3; -1.0;   -1;1\n",
           "c3", 96.7, 104.3);
    COLUMN("", " 1 \t2\t\n 3 \t4\n", "c1", 2, 4);
    COLUMN("separator: space", "\t1  2\n3\t4  \r\n", "c1", 2, 4);
}

KT_TEST(line_ends_comments_blank_lines)
{
    COLUMN("", "a,b\r\n1,2\r\n3,4\r\n", "b", 2, 4);
    COLUMN("", "a,b\r1,2\r3,4", "b", 2, 4);
    COLUMN("", "a,b\n1,2\n3,4", "b", 2, 4);
    COLUMN("", "\n# first\na,b\n\n1,2\n# between\n  \n3,4\n\n", "b", 2, 4);
    COLUMN("skip: 2", "junk, junk, junk\nmore\na,b\n1,2\n", "b", 2);
    COLUMN("comment: ''", "a,b\n1,2\n", "b", 2);
    COLUMN("comment: '%'", "% no\na,b\n1,2\n", "b", 2);
    COLUMN("",
           "\xEF\xBB\xBF"
           "a,b\n1,2\n",
           "a", 1);
}

KT_TEST(missing_values)
{
    const char *text = "a,b,c\n1,,x\n2,nan,\n3,NA,y\n4,5,?\n,?,z\n";
    check_schema("", text, "a:g b:g c:u"); // whole numbers with a gap become floats
    COLUMN("", text, "a", 1, 2, 3, 4, NAN);
    COLUMN("", text, "b", NAN, NAN, NAN, 5, NAN);
    COLUMN("missing: ['-1']", "a\n1\n-1\n2.5\n", "a", 1, -1, 2.5); // a number stays one
    COLUMN("missing: [none]", "a\n1\nNone\n2.5\n", "a", 1, NAN, 2.5);
    check_schema("", "a,b\n,1\n,2\n", "a:g b:l"); // named, though all are missing
}

KT_TEST(quotes)
{
    const char *text = "\"a, b\",c\n\"x \"\"y\"\"\", \"7\" \n\"two\nlines\",8\n";
    check_schema("", text, "a, b:u c:l");
    COLUMN("", text, "c", 7, 8);
    kt_reader r = open_text("", text);
    kt_same_text(kt_read_text(&r, "a, b", 0), "x \"y\"");
    kt_same_text(kt_read_text(&r, "a, b", 1), "two\nlines");
    kt_reader_close(&r);
    r = open_text("", "a,b\n5\" pipe,1\n6\" pipe,2\n"); // quotes that open nothing
    kt_same_text(kt_read_text(&r, "a", 1), "6\" pipe");
    kt_reader_close(&r);
    check_schema("text: [id]", "id,v\n007,1\n", "id:u v:l");
}

KT_TEST(rows_in_ranges_and_batches)
{
    char *text = malloc(1 << 20), *at = text;
    for (int i = 0; i < 60000; i++)
        at += sprintf(at, "%s%d,%d.5\n", i % 1000 ? "" : "# thousand\n\n", i, i);
    kt_reader r = open_text("", text);
    int64_t length = 0;
    kt_true(kt_reader_rows(&r) == 60000);
    for (int64_t first = 0; first < 60000; first += 7919) {
        double *values = kt_read_column(&r, "c1", first, 1234, &length);
        kt_true(length == 1234 || first + length == 60000);
        for (int64_t i = 0; i < length; i++)
            kt_near(values[i], (double)(first + i) + 0.5, 0);
        free(values);
    }
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    const kaon_read what = {.size = sizeof what, .batch_rows = 999};
    kt_ok(r.table->scan(r.self, &what, &stream, kt_diag()));
    int64_t rows = 0;
    while (stream.get_next(&stream, &array) == 0 && array.release) {
        kt_true(array.length == 999 || rows + array.length == 60000);
        kt_near((double)((const int64_t *)array.children[0]->buffers[1])[0], (double)rows, 0);
        rows += array.length;
        array.release(&array);
    }
    kt_true(rows == 60000);
    stream.release(&stream);
    kt_reader_close(&r);
    free(text);
}

// A file of several blocks, quotes and line ends in it, gives what its small parts give.
KT_TEST(large_files_stream)
{
    const int rows = 900000;
    char *text = malloc(64 << 20), *at = text;
    at += sprintf(at, "i,half,name\n");
    for (int i = 0; i < rows; i++)
        at += sprintf(at,
                      i % 3 ? "%d,%d.5,event number %d of a long run\n"
                            : "%d,%d.5,\"event, number\n%d\"\n",
                      i, i, i);
    const char *path = kt_text_file("large.csv", text);
    kt_true(at - text > 32 << 20); // many blocks
    kt_reader r = kt_reader_open("csv", "", path);
    int64_t length = 0;
    kt_true(kt_reader_rows(&r) == rows); // known, since whole numbers are looked at to the end
    double *values = kt_read_column(&r, "half", 0, 0, &length);
    kt_true(length == rows);
    for (int i = 0; i < rows; i++)
        if (values[i] != i + 0.5)
            kt_near(values[i], i + 0.5, 0);
    kt_same_text(kt_read_text(&r, "name", 600000), "event, number\n600000");
    free(values);
    free(text);
    kt_reader_close(&r);
}

KT_TEST(gzipped)
{
    const char *path = kt_path("z.csv.gz");
    gzFile file = gzopen(path, "wb");
    gzputs(file, "a,b\n1,2.5\n3,4.5\n");
    gzclose(file);
    kt_reader r = kt_reader_open("csv", "", path);
    int64_t length = 0;
    double *values = kt_read_column(&r, "b", 0, 0, &length);
    kt_true(length == 2);
    kt_near(values[1], 4.5, 0);
    free(values);
    kt_reader_close(&r);

    char bytes[200];
    FILE *in = fopen(path, "rb");
    const size_t count = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    kt_reader_refuses("csv", "", kt_file("cut.csv.gz", bytes, count - 6), "cut off");
    bytes[count - 7] ^= 0x40; // of the checksum
    kt_reader_refuses("csv", "", kt_file("bad.csv.gz", bytes, count), "damaged");
}

// Nothing is looked up in steps that grow with what was read before.
KT_TEST(wide_tables_and_many_quotes)
{
    const int columns = 200000;
    char *text = malloc(8 << 20), *at = text;
    for (int i = 0; i < columns; i++)
        at += sprintf(at, "x,");
    at += sprintf(at, "y\n");
    for (int i = 0; i < columns; i++)
        at += sprintf(at, "\"1\",");
    at += sprintf(at, "2\n");
    kt_reader r = kt_reader_open("csv", "", kt_file("wide.csv", text, (size_t)(at - text)));
    int64_t count = 0;
    double *values = kt_read_column(&r, "x_200000", 0, 0, &count);
    kt_near(values[0], 1, 0);
    free(values);
    kt_true(kt_reader_try("csv", "", kt_path("wide.csv")) == KAON_OK);
    kt_reader_close(&r);
    free(text);
}

KT_TEST(every_locale)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        kt_skip("needs a locale with a decimal comma");
    COLUMN("", "a\n1.5\n2.22507385850720113605e-308\n", "a", 1.5, 2.2250738585072011e-308);
    setlocale(LC_NUMERIC, "C");
}

KT_TEST(what_it_refuses)
{
#define REFUSES(text, words) kt_reader_refuses("csv", "", kt_text_file("bad.csv", text), words)
    REFUSES("", "no data");
    REFUSES("# nothing\n\n", "no data");
    REFUSES("a,b\n1,2\n3\n", "line 3: there are 1 fields, expected 2");
    REFUSES("a,b\n1,2\n3,4,5\n", "line 3: there are more than 2 fields, expected 2");
    REFUSES("a,b\n1,\"2\n3,4\n", "line 2: a quote is not closed");
    REFUSES("a,b\n1,\"2\"x\n", "line 2: text follows a closing quote");
    REFUSES("a,b\n1,\"two\nlines\"\n3\n", "line 4: there are 1 fields");
#undef REFUSES
    kt_reader_refuses("csv", "", kt_file("zero.csv", "a,b\n1,\0002\n", 9), "byte 6 is zero");
    kt_reader_refuses("csv", "", kt_text_file("latin.csv", "a\nd\xe9j\xe0\n"),
                      "line 2: column 'a' is not UTF-8");
    kt_reader_refuses("csv", "", "/nowhere/file.csv", "cannot be opened");
    kt_reader_refuses("csv", "", "/tmp", "not a regular file");
    kt_reader_refuses("csv", "names: [x]", kt_text_file("two.csv", "1,2\n"), "2 columns");
    kt_refuses_settings(KAON_READER, "csv", "separator: dots", "cannot be 'dots'");
}

// Beyond what was looked at for types, a row that contradicts is refused with its place; whole
// numbers are looked at to the end.
KT_TEST(late_surprises)
{
    const int rows = 400000;
    char *text = malloc(16 << 20), *at = text;
    for (int i = 0; i < rows; i++)
        at += sprintf(at, "%d,%d.25\n", i, i);
    sprintf(at, "0.5,1\n");
    kt_reader r = kt_reader_open("csv", "", kt_text_file("late.csv", text));
    kt_same_text(kt_reader_schema(&r), "c0:g c1:g");
    kt_true(kt_reader_rows(&r) == rows + 1);
    kt_reader_close(&r);
    sprintf(at, "1,word\n");
    const char *path = kt_text_file("late.csv", text);
    kt_reader_refuses("csv", "", path, "line 400001: column 'c1' has 'word', expected a number");
    r = kt_reader_open("csv", "text: [c1]", path);
    kt_same_text(kt_read_text(&r, "c1", rows), "word");
    kt_reader_close(&r);
    free(text);
}

KT_TEST(truncated_anywhere)
{
    const char *text = "a,\"b c\",d\n1,\"x \"\"y\",2.5\n# no\n3,\"z\nw\",-1e5\n";
    char *part = malloc(strlen(text) + 1);
    for (size_t bytes = 0; bytes <= strlen(text); bytes++) {
        memcpy(part, text, bytes);
        const char *path = kt_file("part.csv", part, bytes);
        kt_reader_try("csv", "", path); // whatever it says, it says it politely
    }
    free(part);
}

/* --- the writer ------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "rb");
    kt_true(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

KT_TEST(written_text_reads_back)
{
    kt_reader r = open_text("", "i,x,name\n1,0.1,plain\n-2,1e300,\"a, \"\"b\"\"\"\n3,nan,\n");
    const char *path = kt_path("out.csv");
    kt_copy(&r, "csv", "", path);
    kt_same_text(read_file(path),
                 "i,x,name\n1,0.1,plain\n-2,1e+300,\"a, \"\"b\"\"\"\n3,nan,\"\"\n");
    kt_copy(&r, "csv", "{separator: tab, header: false}", path);
    kt_same_text(read_file(path), "1\t0.1\tplain\n-2\t1e+300\t\"a, \"\"b\"\"\"\n3\tnan\t\"\"\n");
    kt_reader_close(&r);
}

KT_TEST(numbers_keep_their_bits)
{
    char text[20000], *at = text + sprintf(text, "x\n");
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 500; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at += sprintf(at, "%.17g\n", (double)(state >> 11) * 0x1p-53);
    }
    kt_reader r = open_text("", text);
    const char *path = kt_path("copy.csv");
    kt_copy(&r, "csv", "", path);
    kt_reader back = kt_reader_open("csv", "", path);
    int64_t n = 0, m = 0;
    double *a = kt_read_column(&r, "x", 0, 0, &n), *b = kt_read_column(&back, "x", 0, 0, &m);
    kt_true(n == 500 && m == 500 && !memcmp(a, b, 500 * sizeof *a));
    free(a);
    free(b);
    kt_reader_close(&back);
    kt_reader_close(&r);
}

KT_TEST(a_writer_that_does_not_finish_leaves_nothing)
{
    const kaon_part *part = kt_part(KAON_WRITER, "csv", "");
    const kaon_writer *table = part->table;
    const char *path = kt_text_file("kept.csv", "old\n");
    kt_reader r = open_text("", "a\n1\n");
    struct ArrowSchema schema;
    void *self = NULL;
    kt_ok(r.table->schema(r.self, &schema, kt_diag()));
    kt_ok(table->open(kt_host(), part->settings, path, &schema, &self, kt_diag()));
    table->close(self);
    kt_same_text(read_file(path), "old\n");
    schema.release(&schema);
    kt_reader_close(&r);
}

/* --- real files ------------------------------------------------------------------------------- */

static void check_real(const char *path, int64_t rows, const char *column, double sum)
{
    kt_reader r = kt_reader_open("csv", "", kt_shared(path));
    int64_t length = 0;
    double *values = kt_read_column(&r, column, 0, 0, &length), total = 0;
    kt_true(length == rows);
    for (int64_t i = 0; i < length; i++)
        total += isnan(values[i]) ? 0 : values[i];
    kt_near(total, sum, 1e-9 * fabs(sum));
    free(values);
    kt_reader_close(&r);
}

// Sums of a column of each, as a plain script adds them up. A sum of thousands of numbers of both
// signs is good to 1e-9 of itself.
KT_TEST(real_files)
{
    check_real("data/tabular/magic04.data", 19020, "c0", 1012817.9277);
    check_real("data/tabular/wdbc.data", 569, "c2", 8038.429);
    check_real("data/tabular/optdigits.tra", 3823, "c64", 17193.0);
    check_real("data/tabular/banknote_authentication.csv", 1372, "c3", -1634.9527455);
    check_real("data/tabular/abalone.csv", 4177, "c8", 41493.0);
    check_real("data/tabular/california_housing.csv", 20640, "total_bedrooms", 10990309.0);
    check_real("data/tabular/wine.csv", 178, "c7", 64.41);
    check_real("data/cms/Zmumu_Run2011A.csv", 10583, "iso2", 18148.660933);
    check_real("data/cms/4mu_2012.csv", 95, "M", 18803.1319);
    check_real("data/higgs/higgsml_train_8000.csv", 8000, "DER_mass_MMC", -116170.924);
    check_real("data/series/SN_m_tot_V2.0.csv", 3296, "c3", 269400.2);
    check_real("data/series/daily-min-temperatures.csv", 3650, "Temp", 40798.8);
    check_real("data/series/GW150914_fig1-observed-H.txt", 3441, "c1", -5.217154699109793);
    check_real("physics/data/breast-cancer.csv", 569, "f3", 372631.9);
    check_real("physics/data/toyjets-hlf-20k.csv.gz", 20000, "mass", 2409338.4828);
}
