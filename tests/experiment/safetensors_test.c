/* safetensors_test.c: files of tensors: round trips, files of others, everything that can be wrong.
 */
#include "experiment/archive.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "experiment/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/kaon-safetensors-XXXXXX";
static kn_diag fault;

static kaon_view view_of(int32_t dtype, int32_t rank, const int64_t *shape, const void *data)
{
    return (kaon_view){.size = sizeof(kaon_view),
                       .dtype = dtype,
                       .device_type = KAON_DEVICE_CPU,
                       .rank = rank,
                       .shape = shape,
                       .data = (void *)(uintptr_t)data};
}

static void comes_back(void **state)
{
    static const float f[] = {1, 2, 3, 4, 5, 6};
    static const double d[] = {0.1};
    static const uint8_t b[] = {7, 8, 9};
    const int64_t two_three[] = {2, 3}, three[] = {3}, none[] = {0, 5};
    (void)state;
    kn_safetensors *file = kn_safetensors_new();
    const kaon_view views[] = {view_of(KAON_U8, 1, three, b), view_of(KAON_F32, 2, two_three, f),
                               view_of(KAON_F64, 0, NULL, d), view_of(KAON_I16, 2, none, f)};
    static const char *const names[] = {"bytes", "matrix", "scalar", "nothing"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(kn_safetensors_put(file, names[i], &views[i], &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_put_text(file, "words", "a \"b\" \n é", &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_write(file, path, &fault.diag), KAON_OK);
    kn_safetensors_free(file);

    assert_int_equal(kn_safetensors_read(path, &file, &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_count(file), 4);
    assert_string_equal(kn_safetensors_text(file, "words"), "a \"b\" \n é");
    assert_null(kn_safetensors_text(file, "word"));
    kaon_view got;
    assert_int_equal(kn_safetensors_get(file, "matrix", &got, &fault.diag), KAON_OK);
    assert_int_equal(got.rank, 2);
    assert_int_equal(got.shape[1], 3);
    assert_memory_equal(got.data, f, sizeof f);
    assert_int_equal(kn_safetensors_get(file, "bytes", &got, &fault.diag), KAON_OK);
    assert_memory_equal(got.data, b, sizeof b);
    assert_int_equal(kn_safetensors_get(file, "nothing", &got, &fault.diag), KAON_OK);
    assert_int_equal(kaon_view_count(&got), 0);
    assert_int_equal(kn_safetensors_get(file, "x", &got, &fault.diag), KAON_NOT_FOUND);
    kn_safetensors_free(file);
}

static void strided_values_are_copied_in_order(void **state)
{
    static const int32_t m[] = {1, 2, 3, 4, 5, 6}; // (2, 3), seen as its transpose (3, 2)
    static const int32_t expected[] = {1, 4, 2, 5, 3, 6};
    const int64_t shape[] = {3, 2}, strides[] = {1, 3};
    (void)state;
    kn_safetensors *file = kn_safetensors_new();
    kaon_view view = view_of(KAON_I32, 2, shape, m), got;
    view.strides = strides;
    assert_int_equal(kn_safetensors_put(file, "t", &view, &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_get(file, "t", &got, &fault.diag), KAON_OK);
    assert_memory_equal(got.data, expected, sizeof expected);
    assert_int_equal(kn_safetensors_put(file, "t", &view, &fault.diag), KAON_INVALID);
    kn_safetensors_free(file);
}

/* --- files made by hand ----------------------------------------------------------------------- */

static kaon_status parse(const char *header, size_t data_bytes, kn_safetensors **out)
{
    const size_t n = strlen(header), bytes = 8 + n + data_bytes;
    unsigned char *data = kn_alloc_zero(bytes);
    for (int i = 0; i < 8; i++)
        data[i] = (unsigned char)((uint64_t)n >> (8 * i));
    memcpy(data + 8, header, n);
    kn_diag_clear(&fault);
    return kn_safetensors_parse(data, bytes, out, &fault.diag);
}

static void check(const char *header, size_t data_bytes, const char *words)
{
    kn_safetensors *file = NULL;
    const kaon_status status = parse(header, data_bytes, &file);
    if (!status)
        fail_msg("%s was accepted", header);
    assert_null(file);
    if (!strstr(fault.text, words))
        fail_msg("'%s' does not say '%s'", fault.text, words);
}

static void reads_files_of_others(void **state)
{
    kn_safetensors *file = NULL;
    kaon_view view;
    (void)state;
    // Values at an odd address: a header of 67 bytes.
    assert_int_equal(
        parse("{\"w\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}   ", 16, &file),
        KAON_OK);
    assert_int_equal(kn_safetensors_get(file, "w", &view, &fault.diag), KAON_OK);
    assert_int_equal((uintptr_t)view.data % 8, 0);
    kn_safetensors_free(file);
    assert_int_equal(parse("{}", 0, &file), KAON_OK);
    assert_int_equal(kn_safetensors_count(file), 0);
    kn_safetensors_free(file);
}

static void refuses(void **state)
{
    (void)state;
    check("{", 0, "not JSON");
    check("[]", 0, "no JSON object");
    check("{\"a\":1}", 0, "no description");
    check("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "shape and type");
    check("{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'F33'");
    check("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "cut off");
    check("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "cannot be");
    check("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}", 4,
          "cannot be");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
          "8 axes");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, "no place");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, "hole");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
          "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
          3, "overlaps");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 3, "2 bytes follow");
    check("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
          "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
          1, "not JSON: duplicate");
    check("{\"__metadata__\":{\"a\":1}}", 0, "is no text");
}

static void refuses_headers_that_lie(void **state)
{
    static const unsigned char huge[] = {255, 255, 255, 255, 255, 255, 255, 255, '{', '}'};
    static const unsigned char cut[] = {100, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    kn_safetensors *file = NULL;
    (void)state;
    void *copy = kn_copy_bytes((const char *)huge, sizeof huge);
    assert_int_equal(kn_safetensors_parse(copy, sizeof huge, &file, &fault.diag), KAON_CORRUPT);
    copy = kn_copy_bytes((const char *)cut, sizeof cut);
    assert_int_equal(kn_safetensors_parse(copy, sizeof cut, &file, &fault.diag), KAON_CORRUPT);
    copy = kn_copy_bytes("abc", 3);
    assert_int_equal(kn_safetensors_parse(copy, 3, &file, &fault.diag), KAON_CORRUPT);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void *whole(size_t *bytes)
{
    void *data = NULL;
    assert_int_equal(kn_file_read(path, KN_READ_ALL, &data, bytes, &fault.diag), KAON_OK);
    return data;
}

// Each bit flipped, each length: refused, or (blanks of the header) the same as before.
static void every_flipped_bit_is_noticed(void **state)
{
    size_t bytes;
    (void)state;
    char *data = whole(&bytes);
    int64_t accepted = 0;
    for (size_t i = 0; i < bytes * 8; i++) {
        kn_safetensors *file = NULL;
        char *copy = kn_copy_bytes(data, bytes);
        copy[i / 8] = (char)(copy[i / 8] ^ (1 << (i % 8)));
        if (!kn_safetensors_parse(copy, bytes, &file, &fault.diag)) {
            accepted++;
            assert_int_equal(kn_safetensors_count(file), 4);
        }
        kn_safetensors_free(file);
    }
    kn_free(data);
    // A blank behind the header may become another blank, and a key of our own may lose its sense:
    // then there is no checksum to compare with. Nothing else may pass.
    assert_true(accepted < 8 * 40);
}

static void every_truncation_is_noticed(void **state)
{
    size_t bytes;
    (void)state;
    char *data = whole(&bytes);
    for (size_t n = 0; n < bytes; n++) {
        kn_safetensors *file = NULL;
        char *copy = kn_copy_bytes(data, n);
        assert_int_not_equal(kn_safetensors_parse(copy, n, &file, &fault.diag), KAON_OK);
    }
    kn_free(data);
}

// A write that fails leaves the old file.
static void old_file_survives_failing_writes(void **state)
{
    size_t before, after;
    (void)state;
    kn_free(whole(&before));
    kn_safetensors *file = kn_safetensors_new();
    assert_int_equal(kn_safetensors_put_text(file, "a", "b", &fault.diag), KAON_OK);
    for (int64_t n = 1;; n++) {
        kn_files_fail(n, 5);
        const kaon_status status = kn_safetensors_write(file, path, &fault.diag);
        const int64_t calls = kn_files_calls();
        kn_files_fail(0, 0);
        if (!status)
            break;
        kn_free(whole(&after));
        // The rename may have happened when the folder's sync fails.
        assert_true(after == before || n == calls);
        assert_true(n < 50);
    }
    kn_safetensors_free(file);
}

static void archives_have_their_own_names(void **state)
{
    static const float one[] = {1};
    const int64_t shape[] = {1};
    const kaon_view value = view_of(KAON_F32, 1, shape, one);
    kn_archive a, b;
    kaon_view got;
    const char *text;
    (void)state;
    kn_safetensors *file = kn_safetensors_new();
    kn_archive_init(&a, file, "model.0.x/");
    kn_archive_init(&b, file, "model.1.x/");
    assert_int_equal(a.archive.api->put(&a.archive, "w", &value, &fault.diag), KAON_OK);
    assert_int_equal(b.archive.api->put(&b.archive, "w", &value, &fault.diag), KAON_OK);
    assert_int_equal(b.archive.api->put(&b.archive, "v/u", &value, &fault.diag), KAON_OK);
    assert_int_equal(a.archive.api->put_text(&a.archive, "t", "words", &fault.diag), KAON_OK);
    assert_int_equal(a.archive.api->count(&a.archive), 1);
    assert_int_equal(b.archive.api->count(&b.archive), 2);
    assert_string_equal(b.archive.api->name_at(&b.archive, 1), "v/u");
    assert_null(b.archive.api->name_at(&b.archive, 2));
    assert_int_equal(a.archive.api->get(&a.archive, "w", &got, &fault.diag), KAON_OK);
    assert_int_equal(a.archive.api->get(&a.archive, "v/u", &got, &fault.diag), KAON_NOT_FOUND);
    assert_int_equal(a.archive.api->get_text(&a.archive, "t", &text, &fault.diag), KAON_OK);
    assert_string_equal(text, "words");
    assert_int_equal(b.archive.api->get_text(&b.archive, "t", &text, &fault.diag), KAON_NOT_FOUND);
    kn_safetensors_free(file);
}

static int make_file(void **state)
{
    (void)state;
    kn_diag_init(&fault);
    const int file = mkstemp(path);
    return file < 0 || close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(strided_values_are_copied_in_order),
        cmocka_unit_test(reads_files_of_others),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_headers_that_lie),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(every_truncation_is_noticed),
        cmocka_unit_test(old_file_survives_failing_writes),
        cmocka_unit_test(archives_have_their_own_names),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
