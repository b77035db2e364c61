#!/bin/sh
# plugins.sh FOLDER SANITIZERS ASSERTIONS: each plugin exports its entry alone and needs no part of Kaon.
folder=$1
sanitizers=$2
assertions=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/forbidden.sh"
bad=0
found=0

complain()
{
    echo "$(basename "$plugin"): $*"
    bad=1
}

# excused PLUGIN: a driver is looked for with dlopen; a compiler of shaders, linked in, could print and
# abort, which the plugin's own sources may not.
excused()
{
    case $(basename "$1") in
    kaon_vulkan.so) echo 'dlopen|abort|puts|__printf_chk|stdout|stderr' ;;
    *) echo 'none' ;;
    esac
}

for plugin in "$folder"/*.so; do
    [ -e "$plugin" ] || continue
    found=$((found + 1))
    exports=$(nm -D --defined-only "$plugin" | sed 's/.* //' | tr '\n' ' ')
    [ "$exports" = "kaon_plugin_entry " ] || complain "exports '$exports', allowed is kaon_plugin_entry alone"
    hits=$(readelf -d "$plugin" | grep -E 'NEEDED.*libkaon')
    [ -z "$hits" ] || complain "links libkaon"
    hits=$(nm -D --undefined-only "$plugin" | grep -E ' (kaon|kn|kt)_' | tr '\n' ' ')
    [ -z "$hits" ] || complain "needs symbols of the host: $hits"
    hits=$(readelf -d "$plugin" | grep -E 'RPATH|RUNPATH')
    [ -z "$hits" ] || complain "carries a search path: $hits"
    readelf -SW "$plugin" | grep -q '\.note\.kaon' || complain "has no note .note.kaon"
    hits=$(murderers "$plugin" 'pthread_create thrd_create fork sigaction signal dlopen' "$sanitizers" "$assertions" |
        grep -vxE "$(excused "$plugin")" | tr '\n' ' ')
    [ -z "$hits" ] || complain "calls what a plugin may not: $hits"
    [ "$sanitizers" != none ] || {
        hits=$(ldd -r "$plugin" 2>&1 | grep -E 'undefined symbol|not found')
        [ -z "$hits" ] || complain "cannot be resolved: $hits"
    }
done
echo "$found plugins"
exit $bad
