#!/bin/sh
# relocate.sh BUILD PLUGINS: an installed tree works after a move, knows no path of its origin, and
# serves find_package(Kaon) and pkg-config from where it stands.
build=$1
plugins=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    echo "$*"
    exit 1
}

cmake --install "$build" --prefix "$work/here" >"$work/log" 2>&1 || {
    cat "$work/log"
    fail "cmake --install failed"
}
mkdir "$work/moved"
mv "$work/here" "$work/moved/there"
root=$work/moved/there
cd "$work" || exit 1
unset KAON_PLUGIN_PATH LD_LIBRARY_PATH

for path in bin/kaon lib/libkaon.so.0 include/kaon/plugin.h lib/cmake/Kaon/KaonConfig.cmake \
    lib/pkgconfig/kaon.pc share/doc/kaon/LICENSE share/man/man1/kaon.1 share/man/man1/kaon-run.1 \
    share/bash-completion/completions/kaon share/zsh/site-functions/_kaon; do
    [ -e "$root/$path" ] || fail "$path was not installed"
done
hits=$(grep -rlF -e "$work/here" -e "$build" "$root/lib/cmake" "$root/lib/pkgconfig")
[ -z "$hits" ] || fail "the package names paths of its origin: $hits"

"$root/bin/kaon" --version || fail "kaon --version fails after a move"
"$root/bin/kaon" plugin list >"$work/list" 2>&1 || {
    cat "$work/list"
    fail "kaon plugin list fails after a move"
}
for plugin in "$root/$plugins"/kaon_*.so; do
    [ -e "$plugin" ] || continue
    name=$(basename "$plugin" .so)
    grep -qw "${name#kaon_}" "$work/list" || {
        cat "$work/list"
        fail "the moved kaon does not see its plugin $name"
    }
done

export PKG_CONFIG_PATH="$root/lib/pkgconfig"
pkg-config --exists kaon || fail "pkg-config does not know kaon"
[ -d "$(pkg-config --variable=plugindir kaon)" ] || fail "pkg-config's plugindir is no folder"
printf '#include <kaon/plugin.h>\nint main(void) { return KAON_OK; }\n' >main.c
# shellcheck disable=SC2046
cc main.c -o main $(pkg-config --cflags kaon) || fail "a program does not compile with pkg-config's flags"
./main || fail "the program built with pkg-config's flags fails"

mkdir project
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(outside LANGUAGES C)
find_package(Kaon REQUIRED)
kaon_plugin(outside SOURCES outside.c)
END
cat >project/outside.c <<'END'
#include <kaon/plugin.h>
#define ITEMS(item)
KAON_PLUGIN("outside", "1.0.0", "MIT", "nothing", ITEMS, NULL)
END
{ cmake -S project -B out -DCMAKE_PREFIX_PATH="$root" && cmake --build out; } >"$work/log" 2>&1 || {
    cat "$work/log"
    fail "a project outside the tree does not build with find_package(Kaon)"
}
[ -e out/lib/kaon/plugins/kaon_outside.so ] || fail "kaon_plugin() outside the tree made no plugin"
