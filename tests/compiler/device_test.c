/* device_test.c: which backend runs the programs. */
#include "compiler/device.h"
#include "kernel/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_kernel *open_kernel(const char *backend, kn_diag *fault)
{
    kn_kernel *kernel = NULL;
    const kn_kernel_settings settings = {.flags = KN_NO_PROBE, .backend = backend};
    kn_diag_init(fault);
    assert_int_equal(kn_kernel_new(&settings, &kernel, &fault->diag), KAON_OK);
    return kernel;
}

static void chosen_by(const char *setting, const char *environment, const char *wanted)
{
    kn_diag fault;
    kn_kernel *kernel = open_kernel(setting, &fault);
    kn_device *device = NULL;
    if (environment)
        setenv("KAON_BACKEND", environment, 1);
    else
        unsetenv("KAON_BACKEND");
    if (kn_device_get(kernel, &device, &fault.diag))
        fail_msg("%s", fault.text);
    assert_string_equal(device->name, wanted);
    kn_device *again = NULL;
    assert_int_equal(kn_device_get(kernel, &again, &fault.diag), KAON_OK);
    assert_ptr_equal(device, again);
    kn_kernel_free(kernel);
    unsetenv("KAON_BACKEND");
}

static void order_of_choice(void **state)
{
    (void)state;
    chosen_by("null", "cpu", "null"); // the setting before the environment
    chosen_by(NULL, "null", "null");
    chosen_by("null:0", NULL, "null");
    chosen_by(NULL, NULL, "cpu"); // the highest rank of the two
}

static void change(void **state)
{
    (void)state;
    kn_diag fault;
    kn_kernel *kernel = open_kernel("cpu", &fault);
    kn_device *first = NULL, *second = NULL;
    assert_int_equal(kn_device_get(kernel, &first, &fault.diag), KAON_OK);
    assert_int_equal(kn_device_select(kernel, "null", &fault.diag), KAON_OK);
    assert_int_equal(kn_device_get(kernel, &second, &fault.diag), KAON_OK);
    assert_string_equal(second->name, "null");
    assert_string_equal(first->name, "cpu"); // still open
    kn_kernel_free(kernel);
}

static void refuses(const char *backend, kaon_status status, const char *words)
{
    kn_diag fault;
    kn_kernel *kernel = open_kernel(backend, &fault);
    kn_device *device = NULL;
    assert_int_equal(kn_device_get(kernel, &device, &fault.diag), status);
    assert_null(device);
    if (!strstr(fault.text, words))
        fail_msg("'%s' does not say '%s'", fault.text, words);
    kn_kernel_free(kernel);
}

static void refusals(void **state)
{
    (void)state;
    refuses("nulll", KAON_NOT_FOUND, "null");
    refuses("null:1", KAON_NOT_FOUND, "one device");
    refuses("null:", KAON_INVALID, "'null:' is no device");
    refuses("null:x", KAON_INVALID, "is no device");
    refuses(":0", KAON_INVALID, "is no device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_choice),
        cmocka_unit_test(change),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
