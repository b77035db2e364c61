# KaonTesting.cmake: the environment every test of the tree runs in.

# Nothing a developer has installed may change a result.
set(KAON_TEST_HOME ${PROJECT_BINARY_DIR}/home)
file(MAKE_DIRECTORY ${KAON_TEST_HOME})
set(KAON_TEST_ENVIRONMENT
    HOME=${KAON_TEST_HOME} XDG_CACHE_HOME=${KAON_TEST_HOME}/.cache
    XDG_CONFIG_HOME=${KAON_TEST_HOME}/.config LC_ALL=C.UTF-8
    ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    UBSAN_OPTIONS=print_stacktrace=1)
