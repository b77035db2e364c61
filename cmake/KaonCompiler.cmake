# KaonCompiler.cmake: language level, warnings, hardening and instrumentation of everything in the tree.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

# The libraries are C11 plus POSIX; strict -std=c11 would hide the latter (and M_PI).
add_compile_definitions(_DEFAULT_SOURCE)

set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
add_compile_options("$<$<COMPILE_LANGUAGE:C>:${warnings};-Wmissing-prototypes>"
                    "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")
if(KAON_WERROR)
    add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-Werror>")
endif()

# Assertions guard against our own mistakes while developing; an installed library never aborts.
if(KAON_ASSERTIONS)
    foreach(kind RELWITHDEBINFO RELEASE)
        string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${kind} "${CMAKE_C_FLAGS_${kind}}")
    endforeach()
endif()

if(KAON_SANITIZE)
    add_compile_options(-fsanitize=${KAON_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${KAON_SANITIZE})
    # Instrumented loops need not be vector code.
    if(CMAKE_C_COMPILER_ID MATCHES Clang)
        add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wno-pass-failed>)
    endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fstack-protector-strong>)
    add_compile_definitions($<$<COMPILE_LANGUAGE:C,CXX>:_FORTIFY_SOURCE=2>)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

if(KAON_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "KAON_FUZZ needs clang; use `cmake --preset fuzz`")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

if(KAON_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()

find_program(KAON_CCACHE ccache)
mark_as_advanced(KAON_CCACHE)
if(KAON_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${KAON_CCACHE})
endif()
