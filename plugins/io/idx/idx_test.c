/* idx_test.c: small arrays by hand, every type, and the digits of MNIST. */
#include <kaon/test_reader.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,
                                 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};

static const char *write_pair(void)
{
    kt_file("t-labels-idx1-ubyte", labels, sizeof labels);
    return kt_file("t-images-idx3-ubyte", images, sizeof images);
}

KT_TEST(images_and_their_labels)
{
    kt_reader r = kt_reader_open("idx", "", write_pair());
    int64_t count = 0;
    kt_same_text(kt_reader_schema(&r), "image:+w:1<+w:3<C>> label:C");
    kt_true(kt_reader_rows(&r) == 2);
    double *values = kt_read_column(&r, "image", 0, 0, &count);
    kt_true(count == 6);
    kt_near(values[5], 255, 0);
    free(values);
    values = kt_read_column(&r, "label", 1, 1, &count);
    kt_true(count == 1);
    kt_near(values[0], 9, 0);
    free(values);
    kt_reader_close(&r);
}

KT_TEST(labels_told_or_left_out)
{
    const char *path = write_pair();
    char settings[200];
    kt_reader r = kt_reader_open("idx", "labels: none", path);
    kt_same_text(kt_reader_schema(&r), "image:+w:1<+w:3<C>>");
    kt_reader_close(&r);
    snprintf(settings, sizeof settings, "{name: x, label_name: y, labels: %s}",
             kt_path("t-labels-idx1-ubyte"));
    r = kt_reader_open("idx", settings, path);
    kt_same_text(kt_reader_schema(&r), "x:+w:1<+w:3<C>> y:C");
    kt_reader_close(&r);
}

KT_TEST(numbers_of_all_types)
{
    static const uint8_t shorts[] = {0, 0, 0x0B, 1, 0, 0, 0, 2, 0xFF, 0xFE, 1, 0};
    static const uint8_t floats[] = {0, 0, 0x0D, 1, 0, 0, 0, 1, 0xC0, 0x20, 0, 0};
    static const uint8_t doubles[] = {0, 0, 0x0E, 1, 0, 0, 0, 1, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0};
    int64_t count = 0;
    kt_reader r = kt_reader_open("idx", "", kt_file("s.idx", shorts, sizeof shorts));
    double *values = kt_read_column(&r, "image", 0, 0, &count);
    kt_near(values[0], -2, 0);
    kt_near(values[1], 256, 0);
    free(values);
    kt_reader_close(&r);
    r = kt_reader_open("idx", "", kt_file("f.idx", floats, sizeof floats));
    values = kt_read_column(&r, "image", 0, 0, &count);
    kt_near(values[0], -2.5, 0);
    free(values);
    kt_reader_close(&r);
    r = kt_reader_open("idx", "", kt_file("d.idx", doubles, sizeof doubles));
    values = kt_read_column(&r, "image", 0, 0, &count);
    kt_near(values[0], 1.5, 0);
    free(values);
    kt_reader_close(&r);
}

KT_TEST(truncated_anywhere)
{
    kt_file("t-labels-idx1-ubyte", labels, sizeof labels);
    for (size_t bytes = 0; bytes < sizeof images; bytes++)
        kt_true(kt_reader_try("idx", "", kt_file("t-images-idx3-ubyte", images, bytes)) != KAON_OK);
    const char *path = write_pair();
    for (size_t bytes = 0; bytes < sizeof labels; bytes++) {
        kt_file("t-labels-idx1-ubyte", labels, bytes);
        kt_true(kt_reader_try("idx", "", path) != KAON_OK);
    }
}

KT_TEST(what_it_refuses)
{
    uint8_t bad[sizeof images];
    memcpy(bad, images, sizeof bad);
    bad[0] = 'P';
    kt_reader_refuses("idx", "", kt_file("b.idx", bad, sizeof bad), "is no idx file");
    bad[0] = 0;
    bad[2] = 1;
    kt_reader_refuses("idx", "", kt_file("b.idx", bad, sizeof bad), "values of type 01");
    bad[2] = 8;
    bad[3] = 9;
    kt_reader_refuses("idx", "", kt_file("b.idx", bad, sizeof bad), "has 9 axes");
    bad[3] = 3;
    bad[12] = 0xFF;
    kt_reader_refuses("idx", "", kt_file("b.idx", bad, sizeof bad), "axis 2 of");
    memcpy(bad, images, sizeof bad);
    bad[4] = 0xFF; // four billion rows, which the file does not have
    kt_reader_refuses("idx", "", kt_file("b.idx", bad, sizeof bad), "its header says");
    kt_file("t-labels-idx1-ubyte", images, sizeof images);
    kt_reader_refuses("idx", "", kt_file("t-images-idx3-ubyte", images, sizeof images),
                      "it must have 2 rows of one");
    kt_reader_refuses("idx", "", "/nowhere", "cannot be opened");
}

KT_TEST(gzipped_and_cut)
{
    const char *path = kt_path("z.idx.gz");
    char bytes[200];
    gzFile file = gzopen(path, "wb");
    gzwrite(file, images, sizeof images);
    gzclose(file);
    kt_reader r = kt_reader_open("idx", "", path);
    kt_true(kt_reader_rows(&r) == 2);
    kt_reader_close(&r);
    FILE *in = fopen(path, "rb");
    const size_t count = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    for (size_t cut = 1; cut < count - 8; cut++)
        kt_true(kt_reader_try("idx", "", kt_file("c.idx.gz", bytes, cut)) != KAON_OK);
}

// The 10,000 test digits: counts of the classes, mean of all pixels 33.7912.
KT_TEST(digits_of_mnist)
{
    static const int counts[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    kt_reader r =
        kt_reader_open("idx", "", kt_shared("physics/data/mnist-t10k-images-idx3-ubyte.gz"));
    int64_t count = 0;
    int found[10] = {0};
    double *values = kt_read_column(&r, "label", 0, 0, &count), sum = 0;
    for (int64_t i = 0; i < count; i++)
        found[(int)values[i]]++;
    kt_true(count == 10000 && !memcmp(found, counts, sizeof counts));
    free(values);
    values = kt_read_column(&r, "image", 0, 0, &count);
    kt_true(count == 7840000);
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    kt_near(sum / (double)count, 33.791224, 1e-5);
    free(values);
    kt_reader_close(&r);
}
