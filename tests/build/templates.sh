#!/bin/sh
# templates.sh BUILD KIND LANGUAGE: a project made by `kaon plugin new` outside the tree builds against the
# installed headers alone, passes its own tests and `kaon plugin check`, and trains from YAML.
build=$1
kind=$2
language=$3
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
        echo "$words fails for a $kind in $language"
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
step 'kaon plugin new' "$kaon" plugin new "$kind" $name --language "$language"

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
refused 'exists' "$kind" $name --language "$language"
refused 'lower case letter' layer 9lives
refused 'lower case letter' layer ../up
refused 'there are:' layer other --language cobol
refused 'there are:' horoscope other

step 'configuring the project' cmake -S $name -B $name/build -DCMAKE_PREFIX_PATH="$work/prefix"
step 'building the project' cmake --build $name/build
if grep -q 'warning' "$work/log"; then
    cat "$work/log"
    echo "the $kind project in $language compiles with warnings"
    exit 1
fi
step "the project's own test" ctest --test-dir $name/build --output-on-failure --no-tests=error
step 'kaon plugin check' "$kaon" plugin check "$work/$name/build/lib/kaon/plugins/kaon_$name.so"
step 'kaon run' env -C $name "$kaon" run example.yaml --plugins build/lib/kaon/plugins --out "$work/run"
[ -s "$work/run/metrics.json" ] || {
    echo "kaon run left no metrics.json for a $kind in $language"
    exit 1
}
