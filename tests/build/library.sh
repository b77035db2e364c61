#!/bin/sh
# library.sh LIBKAON SANITIZERS ASSERTIONS: libkaon exports the host API alone, and kills no process.
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/forbidden.sh"
bad=0

# The loader looks at the locale around opening a plugin and puts it back.
hits=$(murderers "$library" '' "$2" "$3" | grep -vx setlocale | tr '\n' ' ')
[ -z "$hits" ] || {
    echo "libkaon calls what a library may not: $hits"
    bad=1
}

exports=$(nm -D --defined-only "$library" | sed 's/.* //')
hits=$(echo "$exports" | grep -v '^kaon_' | tr '\n' ' ')
[ -z "$hits" ] || {
    echo "libkaon exports more than kaon_ symbols: $hits"
    bad=1
}
header=abi/kaon/host_api.h
if [ -e "$header" ]; then
    for symbol in $exports; do
        grep -qw "$symbol" "$header" || {
            echo "libkaon exports $symbol, which $header does not declare"
            bad=1
        }
    done
fi
readelf -d "$library" | grep -q 'SONAME.*libkaon\.so\.[0-9]' || {
    echo "libkaon has no soname"
    bad=1
}
echo "$(echo "$exports" | wc -l) exports"
exit $bad
