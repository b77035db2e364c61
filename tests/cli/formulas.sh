#!/bin/sh
# formulas.sh KAON SOURCE: cuts, derived columns and files that are classes, from a file to predictions.
kaon=$1
source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0

# expect CODE WORDS COMMAND...: runs it; the exit code must be CODE and the output hold WORDS.
expect()
{
    code=$1
    words=$2
    shift 2
    text=$(NO_COLOR=1 "$@" 2>&1)
    got=$?
    if [ $got -ne "$code" ]; then
        printf '%s\n  exit code %s, not %s\n%s\n' "$*" $got "$code" "$text"
        bad=1
    fi
    case "$text" in
    *"$words"*) ;;
    *)
        printf '%s\n  does not say: %s\n%s\n' "$*" "$words" "$text"
        bad=1
        ;;
    esac
}

for item in learner:network learner:standardize reader:csv layer:dense; do
    "$kaon" inspect $item >/dev/null 2>&1 || {
        echo "skipped: there is no $item"
        exit 0
    }
done

# Signal lies at r = 5, background at r = 10; a third of the rows is cut, one for a missing value.
awk 'BEGIN { print "x,y,quality"; for (i = 0; i < 300; i++) printf "%g,%g,%d\n", 3 + i % 7 / 9, 4, i % 3 }' >signal.csv
awk 'BEGIN { print "x,y,quality"; for (i = 0; i < 299; i++) printf "%g,%g,%d\n", 6 + i % 5 / 9, 8, i % 3; print "6,8," }' >noise_1.csv
sed 's/8,/8.5,/' noise_1.csv >noise_2.csv
cat >run.yaml <<'END'
data:
  files: {signal: signal.csv, noise: {path: "noise_*.csv", weight: 0.5}}
  define: {r: "sqrt(x**2 + y**2)"}
  cut: quality > 0
  features: [r, x / r]
model:
  - standardize
  - network: {layers: [dense: {units: 2}], loss: softmax_cross_entropy, optimizer: {adam: {learning_rate: 0.05}}, epochs: 20, batch: 32}
END
expect 0 '598 of 900 rows are kept' "$kaon" run run.yaml --out run
grep -q '"kept": 598' run/metrics.json || {
    echo "metrics.json does not say how many rows were kept"
    bad=1
}
expect 0 'accuracy' "$kaon" eval run

# Files without a target, or with another one: rows are named where some are cut.
printf 'quality,y,x\n1,4,3\n0,4,3\n2,8,6\n' >new.csv
printf 'x,y,quality,class\n3,4,1,background\n6,8,2,s\n' >coded.csv
expect 0 '2 rows written' "$kaon" predict run new.csv --out new_out.csv
expect 0 'predicted' "$kaon" predict run coded.csv
[ "$(cut -d, -f3,4 new_out.csv)" = "predicted,row
signal,0
noise,2" ] || {
    echo "predictions:"
    cat new_out.csv
    bad=1
}
expect 2 "no column 'class' for the target" "$kaon" eval run new.csv
expect 2 "there is no column 'z'" "$kaon" run run.yaml --set data.cut='z > 1' --check

# The example, on few jets.
if "$kaon" inspect reader:toyjets >/dev/null 2>&1; then
    expect 0 'pt[:5]' "$kaon" run "$source/examples/jets-formulas.yaml" --out jets \
        --set data.reader.toyjets.jets=2000 --set model.network.epochs=1
fi
exit $bad
