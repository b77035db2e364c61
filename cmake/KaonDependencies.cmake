# KaonDependencies.cmake: the libraries the kernel and its tests stand on, as imported targets.
# Plugins look for their own libraries in their own CMakeLists.txt.

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)

# libltdl ships no pkg-config file.
find_path(LTDL_INCLUDE_DIR ltdl.h)
find_library(LTDL_LIBRARY ltdl)
if(NOT LTDL_INCLUDE_DIR OR NOT LTDL_LIBRARY)
    message(FATAL_ERROR "libltdl is missing: `./bootstrap build` installs what Kaon needs "
                        "(Debian package libltdl-dev)")
endif()
add_library(kaon_ltdl INTERFACE)
target_include_directories(kaon_ltdl SYSTEM INTERFACE ${LTDL_INCLUDE_DIR})
target_link_libraries(kaon_ltdl INTERFACE ${LTDL_LIBRARY} ${CMAKE_DL_LIBS})

if(KAON_TESTS)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
