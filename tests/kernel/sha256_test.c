/* sha256_test.c: the published vectors of FIPS 180-4. */
#include "kernel/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void published_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sum;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kn_sha256 sum;
        char hex[KN_SHA256_HEX];
        kn_sha256_init(&sum);
        kn_sha256_add(&sum, rows[i].text, strlen(rows[i].text));
        kn_sha256_hex(&sum, hex);
        assert_string_equal(hex, rows[i].sum);
    }
}

// A million times "a", in pieces of all lengths.
static void a_million_bytes(void **state)
{
    (void)state;
    char piece[1000];
    memset(piece, 'a', sizeof piece);
    kn_sha256 sum;
    char hex[KN_SHA256_HEX];
    kn_sha256_init(&sum);
    size_t left = 1000000;
    for (size_t bytes = 0; left; bytes = (bytes + 1) % 1000) {
        const size_t part = bytes < left ? bytes : left;
        kn_sha256_add(&sum, piece, part);
        left -= part;
    }
    kn_sha256_hex(&sum, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(a_million_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
