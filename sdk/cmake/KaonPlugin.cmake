# KaonPlugin.cmake: one plugin, one line. The same function serves the tree and projects outside it
# (find_package(Kaon) includes this file).
#
#   kaon_plugin(NAME
#       SOURCES <file>...                 C, C++ or Fortran
#       [TESTS <file>...]                 each becomes a program linked with cmocka and a ctest case
#       [LIBS <library>...]               targets or libraries this plugin needs
#       [FLAGS <flag>...]                 compile flags for all its sources
#       [ISA <source> <flag>... ]...      extra flags for single sources
#       [VARIANTS <source>[=<v>+<v>...]...]  sources compiled once per instruction set
#       [NO_INSTALL])
#
# The module is kaon_NAME.so; it exports kaon_plugin_entry and nothing else, and may include only
# <kaon/...> and system headers.
#
# A source under VARIANTS is compiled once for each of baseline, avx2 and avx512 (or those named after
# `=`; also avx512bf16 and amx) with KAON_VARIANT set to that word, so that
#     #define KAON_NAME_(f, v) f##_##v
# gives each its own names. Where the processor family has no such set, only baseline is compiled and
# KAON_VARIANTS_X86 stays undefined.

set(KAON_FLAGS_baseline "")
set(KAON_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi -mbmi2)
set(KAON_FLAGS_avx512 ${KAON_FLAGS_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl
    -mprefer-vector-width=512)
set(KAON_FLAGS_avx512bf16 ${KAON_FLAGS_avx512} -mavx512bf16)
set(KAON_FLAGS_amx ${KAON_FLAGS_avx512bf16} -mamx-tile -mamx-bf16 -mamx-int8)
set(KAON_EXPORT_MAP ${CMAKE_CURRENT_LIST_DIR}/kaon_plugin.map)

# Compiles `source` once per variant into objects of `target`.
function(kaon_plugin_variants target source variants)
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
        set(variants baseline)
    else()
        target_compile_definitions(${target} PRIVATE KAON_VARIANTS_X86=1)
    endif()
    get_filename_component(stem ${source} NAME_WE)
    foreach(variant IN LISTS variants)
        if(NOT DEFINED KAON_FLAGS_${variant})
            message(FATAL_ERROR "kaon_plugin: ${source} asks for the unknown variant '${variant}'; "
                                "known: baseline avx2 avx512 avx512bf16 amx")
        endif()
        set(objects ${target}_${stem}_${variant})
        add_library(${objects} OBJECT ${source})
        target_compile_definitions(${objects} PRIVATE KAON_VARIANT=${variant} _DEFAULT_SOURCE
            $<$<BOOL:${KAON_VARIANTS_X86}>:KAON_VARIANTS_X86=1>)
        target_compile_options(${objects} PRIVATE ${plugin_FLAGS} ${KAON_FLAGS_${variant}})
        target_link_libraries(${objects} PRIVATE Kaon::abi ${plugin_LIBS})
        set_target_properties(${objects} PROPERTIES
            C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
    endforeach()
endfunction()

# Gives single sources their own flags: a word without a leading dash starts the next source.
function(kaon_plugin_isa)
    foreach(word IN LISTS ARGN)
        if(word MATCHES "^-")
            set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS ${word})
        else()
            set(source ${word})
        endif()
    endforeach()
endfunction()

# A test program and its ctest case. The plugin under test is found like any other, by search path.
function(kaon_plugin_test plugin source)
    get_filename_component(stem ${source} NAME_WE)
    set(program kaon_test_${plugin}_${stem})
    add_executable(${program} ${source})
    set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    target_compile_definitions(${program} PRIVATE _DEFAULT_SOURCE)
    target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${program} PRIVATE Kaon::test ${plugin_LIBS} m)
    add_dependencies(${program} kaon_plugin_${plugin})
    add_test(NAME ${plugin}.${stem} COMMAND ${program})
    # An installed Kaon brings its own plugins (a backend, at least) along in KAON_BUILTIN_PLUGINS.
    set(environment ${KAON_TEST_ENVIRONMENT}
        KAON_PLUGIN_PATH=${KAON_PLUGIN_OUTPUT}$<$<BOOL:${KAON_BUILTIN_PLUGINS}>::${KAON_BUILTIN_PLUGINS}>)
    set_tests_properties(${plugin}.${stem} PROPERTIES
        TIMEOUT 300 WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} ENVIRONMENT "${environment}")
endfunction()

function(kaon_plugin name)
    cmake_parse_arguments(PARSE_ARGV 1 plugin "NO_INSTALL" ""
                          "SOURCES;TESTS;LIBS;FLAGS;ISA;VARIANTS")
    if(plugin_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "kaon_plugin(${name}): '${plugin_UNPARSED_ARGUMENTS}' is not understood; "
                            "allowed: SOURCES TESTS LIBS FLAGS ISA VARIANTS NO_INSTALL")
    endif()
    if(NOT plugin_SOURCES)
        message(FATAL_ERROR "kaon_plugin(${name}): SOURCES is missing")
    endif()
    if(NOT KAON_PLUGIN_OUTPUT)
        set(KAON_PLUGIN_OUTPUT ${PROJECT_BINARY_DIR}/lib/kaon/plugins)
    endif()

    set(target kaon_plugin_${name})
    add_library(${target} MODULE ${plugin_SOURCES})
    set_target_properties(${target} PROPERTIES
        PREFIX "" OUTPUT_NAME kaon_${name} SUFFIX .so
        LIBRARY_OUTPUT_DIRECTORY ${KAON_PLUGIN_OUTPUT}
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        INSTALL_RPATH "" SKIP_BUILD_RPATH ON
        LINK_DEPENDS ${KAON_EXPORT_MAP})
    target_compile_definitions(${target} PRIVATE $<$<COMPILE_LANGUAGE:C,CXX>:_DEFAULT_SOURCE>)
    # Without -fno-gnu-unique a C++ plugin cannot leave the process again.
    target_compile_options(${target} PRIVATE ${plugin_FLAGS}
        $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
    target_link_libraries(${target} PRIVATE Kaon::abi ${plugin_LIBS} m)
    target_link_options(${target} PRIVATE
        -Wl,-z,now -Wl,--as-needed -Wl,--version-script=${KAON_EXPORT_MAP})
    # A stray kernel symbol must fail the build; sanitizer run-times are left to the program.
    if(NOT KAON_SANITIZE AND NOT KAON_FUZZ AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
        target_link_options(${target} PRIVATE -Wl,--no-undefined)
    endif()

    kaon_plugin_isa(${plugin_ISA})
    foreach(entry IN LISTS plugin_VARIANTS)
        set(variants baseline avx2 avx512)
        if(entry MATCHES "^([^=]+)=(.+)$")
            set(entry ${CMAKE_MATCH_1})
            string(REPLACE "+" ";" variants ${CMAKE_MATCH_2})
        endif()
        kaon_plugin_variants(${target} ${entry} "${variants}")
    endforeach()

    if(plugin_TESTS AND TARGET Kaon::test AND (NOT DEFINED KAON_TESTS OR KAON_TESTS))
        foreach(source IN LISTS plugin_TESTS)
            kaon_plugin_test(${name} ${source})
        endforeach()
    endif()
    if(NOT plugin_NO_INSTALL)
        install(TARGETS ${target} LIBRARY DESTINATION ${KAON_PLUGIN_DIR})
    endif()
    set_property(GLOBAL APPEND PROPERTY KAON_PLUGINS ${target})
endfunction()
