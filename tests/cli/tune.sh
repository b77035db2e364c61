#!/bin/sh
# tune.sh KAON SOURCES: a search that is killed again and again comes to the same trials as one that is not.
set -u
kaon=$1
work=$(mktemp -d /tmp/kaon_tune_XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "tune.sh: $*"
    exit 1
}

cat > search.yaml <<'YAML'
name: search
data:
  reader: {toyjets: {jets: 300}}
  features: ["*"]
  target: label
  split: {train: 0.6, validation: 0.2, test: 0.2}
model:
  - network:
      layers: [dense: {units: 8, activation: tanh}, dense: {units: 5}]
      loss: softmax_cross_entropy
      epochs: 2
      batch: 128
threads: 1
tune:
  metric: auc
  search: sobol
  trials: 4
  parallel: 2
  space:
    model.network.optimizer.adam.learning_rate: {min: 1e-4, max: 0.1, scale: log}
    model.network.layers.0.dense.units: [4, 16]
YAML

# trial and value of all results, sorted
values() {
    sed -n 's/.*"tell":{"trial":\([0-9]*\).*"value":\([-0-9.e]*\),"status":"ok".*/\1 \2/p' "$1" | sort -n
}

"$kaon" tune search.yaml --out whole --quiet > whole.txt || fail "a search fails: $(cat whole.txt)"
[ "$(values whole/tune.jsonl | wc -l)" = 4 ] || fail "of 4 trials: $(cat whole/tune.jsonl)"
grep -q '^best: trial [0-9], auc 0\.[0-9]*, in whole/trial-[0-9]$' whole.txt || fail "$(cat whole.txt)"
grep -q 'learning_rate: ' whole/best.yaml || fail "best.yaml: $(cat whole/best.yaml)"
"$kaon" check whole/best.yaml > check.txt 2>&1 || fail "best.yaml: $(cat check.txt)"
[ -e whole/trial-0/report.html ] && fail "a trial makes a report"
grep -q 'report: none' whole/best.yaml && fail "best.yaml makes no report"

for delay in 0.2 0.5; do
    "$kaon" tune search.yaml --out cut --quiet > cut.txt 2>&1 &
    search=$!
    sleep $delay
    kill -9 $search 2> /dev/null
    wait $search 2> /dev/null
done
"$kaon" tune search.yaml --out cut --quiet > cut.txt 2>&1 || fail "it does not go on: $(cat cut.txt)"
values whole/tune.jsonl > whole.values
values cut/tune.jsonl > cut.values
cmp -s whole.values cut.values || fail "other trials after an interruption: $(cat whole.values cut.values)"
cmp -s whole/best.yaml cut/best.yaml || fail "another best configuration after an interruption"

# Once more: nothing is left to do. More trials: only those are run.
before=$(wc -c < cut/tune.jsonl)
"$kaon" tune search.yaml --out cut --quiet > again.txt || fail "$(cat again.txt)"
[ "$(wc -c < cut/tune.jsonl)" = "$before" ] || fail "a finished search ran trials again"
"$kaon" tune search.yaml --out cut --trials 5 --quiet > again.txt || fail "$(cat again.txt)"
[ "$(values cut/tune.jsonl | wc -l)" = 5 ] || fail "of 5 trials: $(cat cut/tune.jsonl)"

# A line cut short by a crash is forgotten; what is broken elsewhere is not.
printf '{"tell":{"tri' >> cut/tune.jsonl
"$kaon" tune search.yaml --out cut --trials 5 --quiet > again.txt || fail "$(cat again.txt)"
printf 'x\n{}\n' >> cut/tune.jsonl
"$kaon" tune search.yaml --out cut --quiet > again.txt 2>&1 && fail "a broken state was accepted"
grep -q 'line [0-9]* of cut/tune.jsonl is no JSON' again.txt || fail "$(cat again.txt)"

# Another search does not mix with this one.
"$kaon" tune search.yaml --out whole --set model.network.epochs=4 > other.txt 2>&1 && fail "it mixed"
grep -q 'its experiment differs; name another folder with --out' other.txt || fail "$(cat other.txt)"

# What cannot work says so.
"$kaon" tune search.yaml --out bad --set tune.space='{model.network.bach: [1]}' > bad.txt 2>&1 &&
    fail "a setting that is none was accepted"
grep -q "did you mean 'batch'" bad.txt || fail "$(cat bad.txt)"
"$kaon" tune search.yaml --out bad2 --set tune.metric=acu --set tune.direction=higher > bad.txt 2>&1 &&
    fail "a metric that is none was accepted"
grep -q "there is no metric 'acu': the validation part has accuracy, auc" bad.txt || fail "$(cat bad.txt)"
"$kaon" tune search.yaml --out bad3 --set tune.metric=colour > bad.txt 2>&1 && fail "no direction"
grep -q "add 'direction: higher'" bad.txt || fail "$(cat bad.txt)"
"$kaon" tune search.yaml --out bad4 --set tune.search=asha > bad.txt 2>&1 && fail "no budget"
grep -q "spends a budget" bad.txt || fail "$(cat bad.txt)"

# A trial that fails, or dies, takes only itself along.
"$kaon" tune search.yaml --out big --set tune.search=grid \
    --set tune.space='{model.network.layers.0.dense.units: [4, 1000000000]}' > big.txt 2>&1 ||
    fail "one bad trial ended the search: $(cat big.txt)"
grep -q 'trial 1: failed: ' big.txt || fail "$(cat big.txt)"
grep -q '^best: trial 0' big.txt || fail "$(cat big.txt)"

"$kaon" tune search.yaml --out dies --set tune.search=grid --set tune.parallel=1 \
    --set tune.space='{model.network.epochs: [1000000, 1]}' > dies.txt 2>&1 &
search=$!
children=/proc/$search/task/$search/children
for try in $(seq 1000); do
    [ -s dies/trial-0/metrics.jsonl ] && child=$(cat $children 2> /dev/null) && [ -n "$child" ] && break
    sleep 0.01
done
[ -n "${child:-}" ] && kill -9 $child
wait $search || fail "a trial that died ended the search: $(cat dies.txt)"
grep -q 'trial 0: failed: its process was ended by signal 9' dies.txt || fail "$(cat dies.txt)"
grep -q '^best: trial 1' dies.txt || fail "$(cat dies.txt)"

# Asked to stop it says so, and goes on next time.
"$kaon" tune search.yaml --out stop --set model.network.epochs=1000000 > stop.txt 2>&1 &
search=$!
for try in $(seq 1000); do
    [ -s stop/trial-1/metrics.jsonl ] && break
    sleep 0.01
done
kill -TERM $search
wait $search
[ $? = 75 ] || fail "no exit 75 after a signal: $(cat stop.txt)"
grep -q 'stopped after' stop.txt || fail "$(cat stop.txt)"

# The example, made smaller: asha gives the best of three trials three epochs.
"$kaon" tune "$2/examples/jets-tune.yaml" --out example --set data.reader='{toyjets: {jets: 500}}' \
    --trials 3 --quiet > example.txt 2>&1 || fail "$(cat example.txt)"
grep -q '^best: trial [0-9], auc 0\.[0-9]*, in example/trial-[0-9]-3$' example.txt || fail "$(cat example.txt)"
