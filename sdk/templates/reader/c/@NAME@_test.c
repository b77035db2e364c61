/* @NAME@_test.c: a small file written by hand, then files that are damaged. */
#include <kaon/test_reader.h>

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 2, EVENTS = 3, HEADER = 16 + 16 * COLUMNS };

typedef struct {
    char bytes[HEADER + EVENTS * COLUMNS * sizeof(float)];
} file;

static file make_file(void)
{
    const float events[EVENTS * COLUMNS] = {1, 10, 2, 20, 3, 30};
    const uint32_t columns = COLUMNS;
    file f;
    memset(&f, 0, sizeof f);
    memcpy(f.bytes, "EVENTS01", 8);
    memcpy(f.bytes + 8, &columns, 4);
    strcpy(f.bytes + 16, "px");
    strcpy(f.bytes + 32, "energy");
    memcpy(f.bytes + HEADER, events, sizeof events);
    return f;
}

KT_TEST(reads_what_was_written)
{
    const file f = make_file();
    kt_reader r = kt_reader_open("@NAME@", "", kt_file("good.events", f.bytes, sizeof f.bytes));
    int64_t count = 0;
    kt_same_text(kt_reader_schema(&r), "px:f energy:f");
    kt_true(kt_reader_rows(&r) == EVENTS);
    double *energy = kt_read_column(&r, "energy", 1, 0, &count); // from the second event
    kt_true(count == 2);
    kt_near(energy[0], 20, 0);
    kt_near(energy[1], 30, 0);
    free(energy);
    kt_reader_close(&r);
}

KT_TEST(refuses_damaged_files)
{
    file f = make_file();
    kt_reader_refuses("@NAME@", "", kt_file("cut.events", f.bytes, sizeof f.bytes - 1),
                      "ends within event 3");
    kt_reader_refuses("@NAME@", "", kt_file("head.events", f.bytes, 20), "ends within the names");
    f.bytes[0] = 'X';
    kt_reader_refuses("@NAME@", "", kt_file("other.events", f.bytes, sizeof f.bytes),
                      "does not begin with EVENTS01");
    kt_reader_refuses("@NAME@", "", "/nowhere/at/all.events", "cannot be opened");
}
