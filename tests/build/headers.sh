#!/bin/sh
# headers.sh ABI: every public header compiles alone, twice included, as C11 and as C++17.
abi=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
found=0

# compile COMPILER LANGUAGE STANDARD HEADER
compile()
{
    command -v "$1" >/dev/null || return 0
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" >"$work/unit.$2"
    "$1" -std="$3" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$abi" "$work/unit.$2" || {
        echo "<$4> does not compile alone with $1 -std=$3"
        bad=1
    }
}

for path in $(find "$abi/kaon" -name '*.h' | sort); do
    header=${path#"$abi"/}
    found=$((found + 1))
    compile gcc c c11 "$header"
    compile clang c c11 "$header"
    compile g++ cpp c++17 "$header"
    compile clang++ cpp c++17 "$header"
done
echo "$found headers"
[ "$found" -gt 0 ] && exit $bad
