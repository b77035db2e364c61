/* site_test.c: the site's file: read, refused in words, or simply not there. */
#include "zoo.h"

#include "kernel/site.h"

static kaon_status read_text(zoo *z, const char *text, kn_site *site)
{
    char path[2 * ZOO_PATH];
    snprintf(path, sizeof path, "%s/site.yaml", z->base);
    zoo_write(path, text, strlen(text));
    setenv("KAON_SITE", path, 1);
    return kn_site_read(site, &z->fault.diag);
}

static void reads_all_keys(void **state)
{
    (void)state;
    zoo z;
    kn_site site;
    zoo_make(&z);
    assert_int_equal(read_text(&z,
                               "plugin_path: [/opt/a, /opt/b]\nbackend: calo\n"
                               "lock_file: /opt/kaon.lock\n",
                               &site),
                     KAON_OK);
    assert_int_equal(site.folder_count, 2);
    assert_string_equal(site.folders[1], "/opt/b");
    assert_string_equal(site.backend, "calo");
    assert_string_equal(site.lock_file, "/opt/kaon.lock");
    kn_site_fini(&site);

    assert_int_equal(read_text(&z, "plugin_path: /opt/one\nbackend: calo\n", &site), KAON_OK);
    assert_int_equal(site.folder_count, 1);
    assert_string_equal(site.folders[0], "/opt/one");
    assert_null(site.lock_file);
    kn_site_fini(&site);

    assert_int_equal(read_text(&z, "# nothing yet\n", &site), KAON_OK);
    assert_int_equal(site.folder_count, 0);
    kn_site_fini(&site);
    zoo_fini(&z);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"plugin_pth: /opt\n", "unknown key 'plugin_pth'"},
        {"plugin_pth: /opt\n", "did you mean 'plugin_path'?"},
        {"- /opt\n", "must be a map"},
        {"plugin_path: {a: b}\n", "'plugin_path' must be a list of folders"},
        {"plugin_path: [[/opt]]\n", "a plugin folder must be a text"},
        {"backend: [a]\n", "'backend' must be a text"},
        {"backend: 'a\n", "site.yaml"},
    };
    zoo z;
    kn_site site;
    const int64_t blocks = kn_memory_count().blocks;
    zoo_make(&z);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(read_text(&z, rows[i].text, &site) != KAON_OK);
        zoo_expect(rows[i].text, z.fault.text, rows[i].words);
        assert_int_equal(site.folder_count, 0);
        assert_int_equal(kn_memory_count().blocks, blocks);
    }
    setenv("KAON_SITE", "/nowhere/site.yaml", 1);
    assert_true(kn_site_read(&site, &z.fault.diag) != KAON_OK);
    unsetenv("KAON_SITE");
    if (access("/etc/kaon/site.yaml", F_OK))
        assert_int_equal(kn_site_read(&site, &z.fault.diag), KAON_OK);
    zoo_fini(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_keys),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
