#!/bin/sh
# blocks.sh BUILD FILE.md: runs the blocks of code of a text, in order, in an empty folder, with Kaon
# installed from BUILD.
#
#   ```yaml jets.yaml     a block whose language is followed by a name is written to that file
#   ```console            lines after `$ ` are commands; the others must stand in what the command
#                         before them printed, in this order; `...` stands for anything between
#
# A command must succeed, unless `[exit N]` is the last line under it.
build=$1
text=$2
steps=$(mktemp -d)
trap 'rm -rf "$steps"' EXIT
cmake --install "$build" --prefix "$steps/prefix" >"$steps/log" 2>&1 || {
    cat "$steps/log"
    exit 1
}
unset KAON_PLUGIN_PATH LD_LIBRARY_PATH
PATH=$steps/prefix/bin:$PATH
CMAKE_PREFIX_PATH=$steps/prefix
COLUMNS=100
export PATH CMAKE_PREFIX_PATH COLUMNS

# Each step is a folder: `file` and `name`, or `command` and `want`.
awk -v steps="$steps" '
    function begin() { n++; folder = sprintf("%s/step-%04d", steps, n); system("mkdir " folder); print FNR > (folder "/line") }
    /^```/ && inside { inside = ""; next }
    /^```/ {
        inside = $1 == "```console" ? "console" : NF > 1 ? "file" : "other"
        if (inside == "file") { begin(); print $2 > (folder "/name"); printf "" > (folder "/file") }
        next
    }
    inside == "file" { print > (folder "/file") }
    inside == "console" && /^\$ / { begin(); sub(/^\$ /, ""); print > (folder "/command"); printf "" > (folder "/want"); next }
    inside == "console" && /^> / { sub(/^> /, ""); print > (folder "/command"); next }
    inside == "console" { print > (folder "/want") }
' "$text"

fail()
{
    echo "$(basename "$text"):$(cat "$step/line"): $*"
    [ ! -f "$step/command" ] || sed 's/^/    $ /' "$step/command"
    [ ! -f "$step/printed" ] || sed 's/^/    /' "$step/printed"
    exit 1
}

mkdir "$steps/work"
cd "$steps/work" || exit 1
count=0
for step in "$steps"/step-*; do
    count=$((count + 1))
    if [ -f "$step/name" ]; then
        name=$(cat "$step/name")
        mkdir -p "$(dirname "$name")"
        cp "$step/file" "$name"
        continue
    fi
    expected=$(sed -n 's/^\[exit \([0-9]*\)\]$/\1/p' "$step/want")
    sh -e "$step/command" >"$step/printed" 2>&1 </dev/null
    code=$?
    [ $code = "${expected:-0}" ] || fail "the command ends with $code, the text says ${expected:-0}"
    # Lines of the text, spaces squeezed, in order within what was printed.
    awk 'function squeeze(line) { gsub(/[ \t]+/, " ", line); sub(/^ /, "", line); sub(/ $/, "", line); return line }
        NR == FNR { printed[++last] = squeeze($0); next }
        { line = squeeze($0) }
        line == "" || line == "..." || line ~ /^\[exit [0-9]+\]$/ { next }
        { while (++at <= last && index(printed[at], line) == 0) continue
          if (at > last) { print line; exit 1 } }
    ' "$step/printed" "$step/want" >"$step/missing" || fail "the command does not print '$(cat "$step/missing")'"
done
[ $count -gt 0 ] || {
    echo "$text has no blocks to run"
    exit 1
}
echo "$count blocks of $(basename "$text") hold"
