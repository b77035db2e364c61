#!/bin/sh
# compare.sh KAON: runs side by side: who is best, how surely, and in what they differ.
set -u
kaon=$1
work=$(mktemp -d /tmp/kaon_compare_XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "compare.sh: $*"
    exit 1
}

cat > a.yaml <<'YAML'
data:
  reader: {toyjets: {jets: 800}}
  features: ["*"]
  target: label
  split: {train: 0.6, test: 0.4}
model:
  - standardize
  - network:
      layers: [dense: {units: 5}]
      loss: softmax_cross_entropy
      epochs: 1
      batch: 200
evaluation: {bootstrap: 20, metrics: [average_precision]}
threads: 1
report: none
YAML
"$kaon" run a.yaml --out runs/short --quiet > out.txt 2>&1 || fail "$(cat out.txt)"
grep -q '±' out.txt || fail "a run does not show its uncertainties: $(cat out.txt)"
"$kaon" run a.yaml --out runs/long --quiet --set model.network.epochs=20 > out.txt 2>&1 ||
    fail "$(cat out.txt)"
"$kaon" run a.yaml --out runs/other --quiet --set seed=5 > out.txt 2>&1 || fail "$(cat out.txt)"
grep -q '"uncertainty"' runs/short/metrics.json || fail "metrics.json has no uncertainties"
[ -s runs/short/bootstrap.json ] || fail "there is no bootstrap.json"

"$kaon" compare runs/short runs/long > out.txt 2>&1 || fail "$(cat out.txt)"
grep -q '^  auc  *0\.[0-9]* ± 0\.[0-9]*  *0\.[0-9]* ± 0\.[0-9]* \*$' out.txt || fail "$(cat out.txt)"
grep -q '^  average_precision ' out.txt || fail "a metric asked for is missing: $(cat out.txt)"
grep -q 'model.1.network.epochs  *1  *20' out.txt || fail "settings: $(cat out.txt)"
grep -q 'model.1.network.batch' out.txt && fail "settings that do not differ: $(cat out.txt)"
# twenty epochs are better than one, by many standard deviations on the same events
sigmas=$(sed -n 's/^  log_loss  *short  .* \([0-9]*\)\.[0-9]$/\1/p' out.txt)
[ "${sigmas:-0}" -ge 5 ] || fail "of the log loss: $(cat out.txt)"

# Another seed splits the data in another way: nothing is paired.
"$kaon" compare runs/short runs/other > out.txt 2>&1 || fail "$(cat out.txt)"
grep -q 'paired' out.txt && fail "different events were paired: $(cat out.txt)"
"$kaon" compare runs/short runs/other --json > out.json || fail "$(cat out.json)"
grep -q '"path": "seed"' out.json || fail "$(cat out.json)"

"$kaon" compare runs/short runs/none > out.txt 2>&1 && fail "a run that is none"
grep -q 'runs/none has no metrics.json' out.txt || fail "$(cat out.txt)"
"$kaon" compare runs/short --part validation > out.txt 2>&1 && fail "a part that is none"
grep -q 'was not judged by a validation part' out.txt || fail "$(cat out.txt)"
echo '{' > runs/other/metrics.json
"$kaon" compare runs/short runs/other > out.txt 2>&1 && fail "a broken metrics.json"
grep -q 'runs/other/metrics.json is no JSON' out.txt || fail "$(cat out.txt)"
"$kaon" compare > out.txt 2>&1
[ $? = 2 ] || fail "no run is wrong use"

# kaon eval: other metrics, and uncertainties, of a model that is there.
"$kaon" eval runs/long --metrics 'specificity, background_rejection: {signal: top}' \
    --bootstrap 20 > out.txt 2>&1 || fail "$(cat out.txt)"
grep -q '^  background_rejection_at_0.5 .*±' out.txt || fail "$(cat out.txt)"
grep -q '^  specificity ' out.txt || fail "$(cat out.txt)"
"$kaon" eval runs/long --metrics acuracy > out.txt 2>&1 && fail "a metric that is none"
grep -q "did you mean 'accuracy'" out.txt || fail "$(cat out.txt)"
