#!/bin/sh
# signals.sh KAON: a run that is told to stop saves, exits with 75, and goes on to the same bits.
kaon=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0

for item in reader:toyjets learner:network learner:standardize layer:dense optimizer:adam \
    loss:softmax_cross_entropy; do
    "$kaon" inspect $item >/dev/null 2>&1 || {
        echo "skipped: $item is not installed"
        exit 0
    }
done

cat >jets.yaml <<'YAML'
data: {reader: {toyjets: {jets: 3000}}, target: label, split: {train: 0.7, validation: 0.15, test: 0.15}}
model:
  - standardize
  - network: {layers: [dense: {units: 32, activation: relu}, dense: {units: 5}],
              loss: softmax_cross_entropy, epochs: 150, batch: 16}
report: none
YAML

# fails WORDS: what went wrong.
fails()
{
    echo "$1"
    bad=1
}

# until_trained DIR: waits for the first epoch.
until_trained()
{
    tries=0
    until [ -s "$1/metrics.jsonl" ] || [ $tries -gt 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

# ended CODE WHAT: the run in the background must end so.
ended()
{
    wait $run
    got=$?
    [ $got -eq "$1" ] || fails "$2: exit code $got, not $1"
}

# same DIR: as the run nobody disturbed.
same()
{
    cmp -s whole/model.safetensors "$1/model.safetensors" || fails "$1: another model"
    cmp -s whole/metrics.json "$1/metrics.json" || fails "$1: other metrics"
}

"$kaon" run jets.yaml --out whole --quiet >/dev/null || fails 'the whole run fails'

for signal in TERM INT USR1; do
    # A shell without job control starts commands in the background with INT ignored.
    "$kaon" run jets.yaml --out $signal --quiet >out 2>&1 &
    run=$!
    until_trained $signal
    kill -$signal $run
    ended 75 $signal
    grep -q "kaon resume $signal" out || fails "$signal: it does not say how to go on"
    grep -q '"interrupted"' $signal/run.json || fails "$signal: run.json does not tell"
    "$kaon" resume $signal --quiet >/dev/null 2>&1 || fails "$signal: it does not go on"
    same $signal
    [ ! -e $signal/checkpoints ] || fails "$signal: checkpoints are left"
done

# A time limit, again and again: longer and longer ones, since a slow build takes long to begin.
code=75
"$kaon" run jets.yaml --out limited --time-limit 0.3s --quiet >/dev/null 2>&1 || code=$?
for limit in 0.4s 0.5s 0.5s 1s 2s 4s 8s 16s 32s 64s; do
    [ $code -eq 75 ] || break
    code=0
    "$kaon" resume limited --time-limit $limit --quiet >/dev/null 2>&1 || code=$?
done
[ $code -eq 0 ] || fails "time limits: exit code $code at last"
same limited

# The folder of a run at work is its own.
"$kaon" run jets.yaml --out busy --quiet >/dev/null 2>&1 &
run=$!
until_trained busy
"$kaon" resume busy >out 2>&1 && fails 'two processes work in one folder'
grep -q 'another process is at work' out || fails 'it does not say that the folder is busy'
kill -9 $run
wait $run 2>/dev/null
"$kaon" resume busy --quiet >/dev/null 2>&1 || fails 'killed: it does not go on'
same busy

"$kaon" resume whole 2>&1 | grep -q 'finished already' || fails 'a finished run is not left alone'
"$kaon" run jets.yaml --time-limit soon >out 2>&1
[ $? -eq 2 ] || fails 'a time limit of "soon" is taken'
grep -q '2h, 90min' out || fails 'it does not say what a time limit is'
exit $bad
