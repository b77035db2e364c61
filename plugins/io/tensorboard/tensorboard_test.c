/* tensorboard_test.c: byte for byte what the tensorboard package writes. */
#include <kaon/sink.h>
#include <kaon/test.h>

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference.h"

static const kaon_sink *table(void)
{
    return kt_part(KAON_SINK, "tensorboard", "")->table;
}

// The only file of a folder, read and removed with it; its size.
static size_t take_file(const char *folder, unsigned char *content, size_t room)
{
    char path[1024] = "";
    DIR *list = opendir(folder);
    kt_true(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        if (!strncmp(entry->d_name, "events.out.tfevents.", 20))
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    closedir(list);
    FILE *file = fopen(path, "rb");
    kt_true(file != NULL);
    const size_t bytes = fread(content, 1, room, file);
    fclose(file);
    unlink(path);
    rmdir(folder);
    return bytes;
}

KT_TEST(bytes_of_the_tensorboard_package)
{
    char folder[] = "/tmp/kaon_tensorboard_XXXXXX";
    unsigned char content[4096];
    void *self = NULL;
    kt_true(mkdtemp(folder) != NULL);
    kt_ok(table()->open(kt_host(), NULL, folder, 1700000000, &self, kt_diag()));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        kt_ok(table()->number(self, numbers[i].name, numbers[i].step, numbers[i].wall_time,
                              numbers[i].value, kt_diag()));
    kt_ok(table()->flush(self, kt_diag()));
    table()->close(self);
    const size_t bytes = take_file(folder, content, sizeof content);
    kt_near((double)bytes, sizeof reference, 0);
    for (size_t i = 0; i < bytes; i++)
        kt_near(content[i], reference[i], 0);
}

// What was flushed can be read while the run goes on.
KT_TEST(readable_after_a_flush)
{
    char folder[] = "/tmp/kaon_tensorboard_XXXXXX";
    unsigned char content[4096];
    void *self = NULL;
    kt_true(mkdtemp(folder) != NULL);
    kt_ok(table()->open(kt_host(), NULL, folder, 1, &self, kt_diag()));
    kt_ok(table()->number(self, "loss", 1, 2, 3, kt_diag()));
    kt_ok(table()->flush(self, kt_diag()));
    kt_true(take_file(folder, content, sizeof content) > 60);
    table()->close(self);
}

KT_TEST(long_names_are_cut)
{
    char folder[] = "/tmp/kaon_tensorboard_XXXXXX", name[2000];
    unsigned char content[4096];
    void *self = NULL;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    kt_true(mkdtemp(folder) != NULL);
    kt_ok(table()->open(kt_host(), NULL, folder, 1, &self, kt_diag()));
    kt_ok(table()->number(self, name, -1, 2, 3, kt_diag()));
    table()->close(self);
    kt_true(take_file(folder, content, sizeof content) < 400);
}

KT_TEST(no_folder)
{
    void *self = NULL;
    kt_fails(table()->open(kt_host(), NULL, "/nowhere/at/all", 1, &self, kt_diag()), KAON_IO);
    kt_says(kt_words(), "cannot write /nowhere/at/all/events.out.tfevents.");
    kt_true(self == NULL);
}
