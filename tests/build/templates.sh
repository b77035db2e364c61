#!/bin/sh
# templates.sh BUILD LANGUAGE: a project made by `kaon plugin new` outside the tree builds against the
# installed headers alone, passes its own tests and `kaon plugin check`, and trains from YAML.
build=$1
language=$2
name=limited_gain
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# step WORDS COMMAND...: runs the command quietly; on failure shows what it printed and ends.
step()
{
    words=$1
    shift
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log"
        echo "$words fails for $language"
        exit 1
    }
}

case $language in
cxx) command -v c++ >/dev/null || exit 77 ;;
fortran) command -v gfortran >/dev/null || exit 77 ;;
esac
unset KAON_PLUGIN_PATH LD_LIBRARY_PATH

step 'cmake --install' cmake --install "$build" --prefix "$work/prefix"
kaon=$work/prefix/bin/kaon
step 'kaon plugin new' "$kaon" plugin new layer $name --language "$language"

# refused WORDS ARGUMENT...: `kaon plugin new` says no, in these words.
refused()
{
    words=$1
    shift
    if "$kaon" plugin new "$@" >"$work/log" 2>&1 || ! grep -q "$words" "$work/log"; then
        cat "$work/log"
        echo "kaon plugin new $* was not refused with '$words'"
        exit 1
    fi
}
refused 'exists' layer $name --language "$language"
refused 'lower case letter' layer 9lives
refused 'lower case letter' layer ../up
refused 'there are:' layer other --language cobol
refused 'there are:' horoscope other

step 'configuring the project' cmake -S $name -B $name/build -DCMAKE_PREFIX_PATH="$work/prefix"
step 'building the project' cmake --build $name/build
if grep -q 'warning' "$work/log"; then
    cat "$work/log"
    echo "the $language project compiles with warnings"
    exit 1
fi
step "the project's own test" ctest --test-dir $name/build --output-on-failure --no-tests=error
step 'kaon plugin check' "$kaon" plugin check "$work/$name/build/lib/kaon/plugins/kaon_$name.so"
step 'kaon run' env KAON_PLUGIN_PATH="$work/$name/build/lib/kaon/plugins" \
    "$kaon" run $name/example.yaml --out "$work/run"
[ -s "$work/run/metrics.json" ] || {
    echo "kaon run left no metrics.json for $language"
    exit 1
}
