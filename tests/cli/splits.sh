#!/bin/sh
# splits.sh KAON SOURCE: the examples of folds and of a key, from YAML to the run folder.
set -eu
kaon=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME="$work/cache"

fail() {
    echo "splits.sh: $1" >&2
    exit 1
}

few="--set data.reader.toyjets.jets=400 --set report=none"

$kaon run "$source/examples/jets-folds.yaml" --out folds $few --threads 1 > said 2> /dev/null
grep -q 'out of fold *mean *spread' said || fail "no table of folds: $(cat said)"
[ "$(wc -l < folds/out_of_fold.csv)" -eq 401 ] || fail "not every jet has a prediction"
for n in 1 2 3 4 5; do
    [ -s folds/fold-$n.safetensors ] || fail "fold $n left no model"
done
[ "$(cut -d, -f8 folds/out_of_fold.csv | sort -u | tr -d '\n')" = 12345fold ] ||
    fail "folds are $(cut -d, -f8 folds/out_of_fold.csv | sort -u)"
$kaon run "$source/examples/jets-folds.yaml" --out again $few --threads 3 > /dev/null 2>&1
cmp folds/out_of_fold.csv again/out_of_fold.csv || fail "other threads, other bits"
cmp folds/metrics.json again/metrics.json || fail "other threads, other metrics"

$kaon run "$source/examples/jets-by-key.yaml" --out key $few --set data.keep=[multiplicity] \
    > /dev/null 2>&1
for part in train validation test; do
    $kaon predict key --part $part --out $part.csv > /dev/null
    # The kept column stands under its name.
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "multiplicity") at = i; next }
             { print $at }' $part.csv | sort -u > $part.keys
    [ -s $part.keys ] || fail "no $part rows"
done
[ -z "$(sort train.keys validation.keys test.keys | uniq -d)" ] || fail "a key is on two sides"

$kaon data stats "$source/examples/jets-by-key.yaml" > said
grep -q 'multiplicity\|mass .*█' said || fail "stats show no histogram: $(cat said)"
grep -q 'd2_b1 and d2_a1b1: 1.000' said || fail "stats show no correlation: $(cat said)"
$kaon data stats test.csv --target label --json | grep -q '"classes"' || fail "no JSON of a file"
if command -v gnuplot >/dev/null; then
    $kaon data stats test.csv --target label --plot figures >said || fail "no figures of a file"
    for file in figures/columns-1.svg figures/columns-1.pdf figures/columns-1.csv figures/correlation.svg; do
        [ -s $file ] || fail "data stats --plot leaves no $file"
    done
    grep -q '</svg>' figures/columns-1.svg || fail "columns-1.svg is cut off"
fi
