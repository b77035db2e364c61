/* files_test.c: a file is the old one or the new one, whatever fails on the way. */
#include "zoo.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static int count_files(const char *folder)
{
    int count = 0;
    DIR *open_folder = opendir(folder);
    assert_non_null(open_folder);
    for (struct dirent *entry; (entry = readdir(open_folder));)
        count += entry->d_name[0] != '.';
    closedir(open_folder);
    return count;
}

static void check_content(const char *path, const char *text)
{
    size_t bytes;
    char *data = zoo_read(path, &bytes);
    assert_string_equal(data, text);
    assert_int_equal(bytes, strlen(text));
    kn_free(data);
}

static void writes_and_reads(void **state)
{
    (void)state;
    zoo z;
    char path[2 * ZOO_PATH];
    void *data;
    size_t bytes;
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/x", z.plugins);
    assert_int_equal(kn_file_write(path, "first", 5, NULL), KAON_OK);
    check_content(path, "first");
    assert_int_equal(kn_file_write(path, "", 0, NULL), KAON_OK);
    check_content(path, "");
    assert_int_equal(kn_file_write(path, "12345", 5, NULL), KAON_OK);
    assert_int_equal(kn_file_read(path, 4, &data, &bytes, &z.fault.diag), KAON_INVALID);
    zoo_expect("limit", z.fault.text, "has 5 bytes, at most 4 are allowed here");
    assert_null(data);
    assert_int_equal(kn_file_read(path, 5, &data, &bytes, &z.fault.diag), KAON_OK);
    kn_free(data);
    assert_int_equal(kn_file_read("/nowhere/x", 0, &data, &bytes, &z.fault.diag), KAON_NOT_FOUND);
    assert_string_equal(z.fault.text, "cannot open '/nowhere/x': No such file or directory");
    assert_int_equal(kn_file_read(z.plugins, 0, &data, &bytes, &z.fault.diag), KAON_INVALID);
    zoo_expect("folder", z.fault.text, "is no regular file");
    assert_int_equal(kn_file_write("/nowhere/x", "a", 1, &z.fault.diag), KAON_NOT_FOUND);
    assert_int_equal(count_files(z.plugins), 1);
    zoo_fini(&z);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    zoo z;
    char path[2 * ZOO_PATH];
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/x", z.plugins);
    assert_int_equal(kn_file_write(path, "old", 3, NULL), KAON_OK);
    kn_files_fail(0, 0);
    assert_int_equal(kn_file_write(path, "old", 3, NULL), KAON_OK);
    const int64_t calls = kn_files_calls();
    assert_true(calls >= 5); // make, write, sync, close, rename, sync of the folder
    const int64_t blocks = kn_memory_count().blocks;
    for (int64_t n = 1; n <= calls; n++)
        for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
            kn_files_fail(n, errors[e]);
            const kaon_status status = kn_file_write(path, "new", 3, &z.fault.diag);
            kn_files_fail(0, 0);
            assert_int_equal(status, KAON_IO);
            zoo_expect("fault", z.fault.text, strerror(errors[e]));
            assert_int_equal(count_files(z.plugins), 1);
            size_t bytes;
            char *data = zoo_read(path, &bytes);
            assert_true(strcmp(data, "old") == 0 || (n > 5 && strcmp(data, "new") == 0));
            kn_free(data);
            assert_int_equal(kn_memory_count().blocks, blocks);
            assert_int_equal(kn_file_write(path, "old", 3, NULL), KAON_OK);
        }
    kn_files_fail(2, EINTR); // an interrupted write goes on
    assert_int_equal(kn_file_write(path, "new", 3, &z.fault.diag), KAON_OK);
    kn_files_fail(0, 0);
    check_content(path, "new");
    zoo_fini(&z);
}

static void piece_by_piece(void **state)
{
    (void)state;
    zoo z;
    char path[2 * ZOO_PATH];
    kn_writer *writer;
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/x", z.plugins);
    assert_int_equal(kn_writer_new(path, &writer, NULL), KAON_OK);
    assert_int_equal(kn_writer_add(writer, "????", 4, NULL), KAON_OK);
    assert_int_equal(kn_writer_add(writer, "jets", 4, NULL), KAON_OK);
    assert_int_equal(kn_writer_bytes(writer), 8);
    assert_true(kn_writer_checksum(writer) == kn_checksum("????jets", 8));
    assert_int_equal(kn_writer_patch(writer, 0, "1234", 4, NULL), KAON_OK);
    assert_int_equal(kn_writer_patch(writer, 6, "1234", 4, NULL), KAON_INTERNAL);
    assert_int_equal(access(path, F_OK), -1); // not before it is whole
    assert_int_equal(kn_writer_commit(writer, NULL), KAON_OK);
    kn_writer_free(writer);
    check_content(path, "1234jets");

    assert_int_equal(kn_writer_new(path, &writer, NULL), KAON_OK);
    assert_int_equal(kn_writer_add(writer, "half", 4, NULL), KAON_OK);
    kn_writer_free(writer);
    check_content(path, "1234jets");
    assert_int_equal(count_files(z.plugins), 1);
    zoo_fini(&z);
}

static void seals(void **state)
{
    (void)state;
    static const char text[] = "one\ntwo\n";
    zoo z;
    char path[2 * ZOO_PATH];
    void *data;
    size_t bytes;
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/x", z.plugins);
    assert_int_equal(kn_file_write_sealed(path, text, sizeof text - 1, NULL), KAON_OK);
    assert_int_equal(kn_file_read_sealed(path, 0, &data, &bytes, NULL), KAON_OK);
    assert_string_equal(data, text);
    assert_int_equal(bytes, sizeof text - 1);
    kn_free(data);

    char *sealed = zoo_read(path, &bytes);
    size_t ignored;
    for (size_t cut = 0; cut < bytes; cut++) {
        zoo_write(path, sealed, cut);
        assert_int_equal(kn_file_read_sealed(path, 0, &data, &ignored, NULL), KAON_CORRUPT);
    }
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        sealed[bit / 8] ^= (char)(1 << bit % 8);
        zoo_write(path, sealed, bytes);
        assert_int_equal(kn_file_read_sealed(path, 0, &data, &ignored, &z.fault.diag),
                         KAON_CORRUPT);
        sealed[bit / 8] ^= (char)(1 << bit % 8);
    }
    zoo_expect("seal", z.fault.text, "is damaged");
    kn_free(sealed);
    zoo_fini(&z);
}

static void survives_being_killed(void **state)
{
    (void)state;
    zoo z;
    char path[2 * ZOO_PATH];
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/x", z.plugins);
    char *texts[2] = {kn_alloc(1 << 20), kn_alloc(1 << 20)};
    for (int i = 0; i < 2; i++) {
        memset(texts[i], 'a' + i, (1 << 20) - 1);
        texts[i][(1 << 20) - 1] = 0;
    }
    zoo_write(path, texts[0], (1 << 20) - 1);
    for (int i = 0; i < 40; i++) {
        const pid_t child = fork();
        if (child == 0)
            for (int j = 0;; j++)
                kn_file_write(path, texts[j % 2], (1 << 20) - 1, NULL);
        usleep((useconds_t)(500 + 300 * i));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        size_t bytes;
        char *data = zoo_read(path, &bytes);
        assert_true(strcmp(data, texts[0]) == 0 || strcmp(data, texts[1]) == 0);
        kn_free(data);
    }
    for (int i = 0; i < 2; i++)
        kn_free(texts[i]);
    zoo_fini(&z);
}

static void folders_and_paths(void **state)
{
    (void)state;
    zoo z;
    char path[2 * ZOO_PATH];
    zoo_make(&z);
    snprintf(path, sizeof path, "%s/a//b/c/", z.plugins);
    assert_int_equal(kn_folder_make(path, &z.fault.diag), KAON_OK);
    assert_int_equal(kn_folder_make(path, &z.fault.diag), KAON_OK);
    assert_int_equal(access(path, W_OK), 0);
    snprintf(path, sizeof path, "%s/file", z.plugins);
    zoo_write(path, "x", 1);
    assert_int_equal(kn_folder_make(path, &z.fault.diag), KAON_IO);
    zoo_expect("folder", z.fault.text, "Not a directory");
    zoo_fini(&z);

    static const struct {
        const char *folder, *name, *path;
    } joins[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"},
                 {"", "b", "b"},    {NULL, "b", "b"},   {"a", "/b", "/b"}};
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        char *joined = kn_path_join(joins[i].folder, joins[i].name);
        assert_string_equal(joined, joins[i].path);
        kn_free(joined);
    }
    assert_string_equal(kn_path_name("/a/b.h5"), "b.h5");
    assert_string_equal(kn_path_name("b.h5"), "b.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),      cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(piece_by_piece),        cmocka_unit_test(seals),
        cmocka_unit_test(survives_being_killed), cmocka_unit_test(folders_and_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
