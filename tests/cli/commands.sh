#!/bin/sh
# commands.sh KAON: each sub-command as people use it: exit codes, what is printed and what is left.
kaon=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
tried=0

# expect CODE WORDS COMMAND...: runs it; the exit code must be CODE and the output hold WORDS.
expect()
{
    code=$1
    words=$2
    shift 2
    tried=$((tried + 1))
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

# there FILE...: exists and is not empty.
there()
{
    for file in "$@"; do
        [ -s "$file" ] || {
            echo "$file is missing or empty"
            bad=1
        }
    done
}

has()
{
    "$kaon" inspect "$1" >/dev/null 2>&1
}

# --- without any plugin -----------------------------------------------------------------------------
expect 0 'kaon 0.' "$kaon" --version
expect 0 'usage: kaon COMMAND' "$kaon" --help
expect 2 'usage: kaon COMMAND' "$kaon"
expect 2 "did you mean 'run'?" "$kaon" rnu
for command in run predict eval inspect data plugin bench; do
    expect 0 "usage: kaon $command" "$kaon" $command --help
    expect 0 "usage: kaon $command" "$kaon" help $command
    expect 2 "try 'kaon $command --help'" "$kaon" $command --nonsense
done
expect 2 'did you mean --seed?' "$kaon" run --seet 4
expect 2 '--seed takes a whole number' "$kaon" run --seed x file.yaml
expect 2 'needs a value' "$kaon" run --out
expect 2 'name the YAML file' "$kaon" run
expect 2 "cannot open 'absent.yaml'" "$kaon" run absent.yaml
expect 2 'cannot open' "$kaon" inspect ./absent.safetensors
expect 2 'head, info or stats' "$kaon" data tail x
expect 2 'list, lock, check or new' "$kaon" plugin remove x
expect 0 '"options"' "$kaon" inspect experiment --json
expect 2 'there is no' "$kaon" inspect nothing_of_this_name
expect 0 '' "$kaon" plugin list --why

# --- data -------------------------------------------------------------------------------------------
if has reader:csv; then
    printf 'x,y,name\n1,2,a\n3,4,b\n5,,a\n' >small.csv
    expect 0 'small.csv: 3 rows, 3 columns' "$kaon" data info small.csv
    expect 0 'name' "$kaon" data head small.csv --rows 2
    expect 0 '"rows": 3' "$kaon" data info small.csv --json
    expect 2 'absent.csv' "$kaon" data head absent.csv
    printf 'x,y\n1,2\n3\n' >ragged.csv
    expect 1 'ragged.csv' "$kaon" data info ragged.csv
fi

# --- a model, from file to predictions --------------------------------------------------------------
if has reader:csv && has learner:standardize && has learner:network && has layer:dense; then
    awk 'BEGIN {
        print "a,b,kind"
        for (i = 0; i < 400; i++) {
            up = i % 2
            printf "%g,%g,%s\n", (up ? 2 : -2) + (i * 7 % 13) / 7, (i * 5 % 11) / 5, up ? "up" : "down"
        }
    }' >kinds.csv
    cat >kinds.yaml <<'YAML'
data: {path: kinds.csv, target: kind, split: {train: 0.6, validation: 0.2, test: 0.2}}
model:
  - standardize
  - network: {layers: [dense: {units: 2}], loss: softmax_cross_entropy, epochs: 20, batch: 32,
              optimizer: {adam: {learning_rate: 0.05}}}
report: [roc, confusion]
YAML
    expect 0 'is right' "$kaon" run --check kinds.yaml
    [ ! -e runs ] || { echo 'a check left a folder'; bad=1; }
    expect 0 'results in runs/kinds-1' "$kaon" run kinds.yaml
    expect 0 'results in runs/kinds-2' "$kaon" run kinds.yaml --seed 5
    there runs/kinds-1/model.safetensors runs/kinds-1/metrics.json runs/kinds-1/metrics.jsonl \
        runs/kinds-1/config.yaml runs/kinds-1/log.txt runs/kinds-1/figures/roc.csv \
        runs/kinds-1/figures/confusion.csv
    grep -q '^  "accuracy": 1' runs/kinds-1/metrics.json || { echo 'accuracy is not 1'; bad=1; }
    [ "$(wc -l <runs/kinds-1/metrics.jsonl)" -eq 20 ] || { echo 'not one line per epoch'; bad=1; }

    # The resolved configuration is the same experiment, wherever it lies.
    mkdir elsewhere
    expect 0 'results in' sh -c "cd elsewhere && '$kaon' run ../runs/kinds-1/config.yaml --out again"
    cmp -s runs/kinds-1/metrics.json elsewhere/again/metrics.json || { echo 'another result'; bad=1; }
    cmp -s runs/kinds-1/model.safetensors elsewhere/again/model.safetensors || {
        echo 'another model'
        bad=1
    }
    # Whatever the number of threads.
    expect 0 '' "$kaon" run kinds.yaml --threads 1 --out one
    cmp -s runs/kinds-1/model.safetensors one/model.safetensors || { echo 'threads matter'; bad=1; }

    expect 0 'done after' "$kaon" run kinds.yaml --out runs/kinds-1 --set model.network.epochs=3
    [ "$(wc -l <runs/kinds-1/metrics.jsonl)" -eq 3 ] || { echo '--set had no effect'; bad=1; }
    mkdir full && touch full/thesis.tex
    expect 2 'is no run folder' "$kaon" run kinds.yaml --out full
    expect 2 "no backend 'nonsense'" "$kaon" run kinds.yaml --backend nonsense
    expect 2 '"line": ' "$kaon" run kinds.yaml --json --set model.network.epochz=3
    expect 0 '"folder": "json"' "$kaon" run kinds.yaml --json --out json

    expect 0 'accuracy' "$kaon" eval runs/kinds-2
    expect 0 '"rows": 400' "$kaon" eval runs/kinds-2 kinds.csv --json
    expect 0 'p_down' "$kaon" predict runs/kinds-2 kinds.csv
    expect 0 '400 rows written to said.csv' "$kaon" predict runs/kinds-2/model.safetensors kinds.csv --out said.csv
    [ "$(wc -l <said.csv)" -eq 401 ] || { echo 'said.csv has not 401 lines'; bad=1; }
    printf 'b,a\n0,3\n0,-3\n' >other_order.csv
    expect 0 'up' "$kaon" predict runs/kinds-2 other_order.csv
    printf 'a,c\n0,3\n' >wrong.csv
    expect 2 "'b'" "$kaon" predict runs/kinds-2 wrong.csv
    expect 0 'standardize' "$kaon" inspect runs/kinds-2
    expect 0 '"tensors"' "$kaon" inspect runs/kinds-2 --json
    expect 0 'one per call' "$kaon" bench runs/kinds-2 --events 1000 --block 256

    # A model moved away from its run folder needs nothing else.
    mkdir alone && cp runs/kinds-2/model.safetensors alone/m.safetensors
    expect 0 'p_up' "$kaon" predict alone/m.safetensors kinds.csv

    # Damaged models.
    head -c 300 alone/m.safetensors >alone/cut.safetensors
    expect 1 'cut.safetensors' "$kaon" predict alone/cut.safetensors kinds.csv
    printf 'not a model' >alone/text.safetensors
    expect 1 'no safetensors file' "$kaon" inspect alone/text.safetensors

    # NaN ends a training, and what was good stays.
    cat >nan.yaml <<'YAML'
data: {path: kinds.csv, target: kind, split: {train: 0.8, test: 0.2}}
model:
  - network: {layers: [dense: {units: 2}], loss: softmax_cross_entropy, epochs: 50,
              optimizer: {sgd: {learning_rate: 1000}}, batch: 8}
YAML
    if has optimizer:sgd; then
        "$kaon" run nan.yaml --out nan >nan.txt 2>&1
        code=$?
        [ $code -eq 1 ] && grep -qi 'nan\|finite' nan.txt || [ $code -eq 0 ] || {
            echo "a run that diverges: exit code $code"
            cat nan.txt
            bad=1
        }
    fi

    # A signal lets the run end in order.
    cat >long.yaml <<'YAML'
data: {path: kinds.csv, target: kind, split: {train: 0.8, test: 0.2}}
model:
  - network: {layers: [dense: {units: 2}], loss: softmax_cross_entropy, epochs: 100000000, batch: 32}
YAML
    "$kaon" run long.yaml --out long >long.txt 2>&1 &
    child=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do
        [ -s long/metrics.jsonl ] && break
        sleep 0.5
    done
    kill -TERM $child
    wait $child
    code=$?
    [ $code -eq 75 ] || {
        echo "an interrupted run: exit code $code"
        cat long.txt
        bad=1
    }
    there long/model.safetensors long/metrics.json
    grep -q '"interrupted": true' long/metrics.json || { echo 'metrics.json does not say interrupted'; bad=1; }
    expect 0 'accuracy' "$kaon" eval long kinds.csv
fi

# --- an agent ---------------------------------------------------------------------------------------
if has environment:tictactoe && has agent:qlearning; then
    printf 'environment: tictactoe\nagent: {qlearning: {episodes: 3000}}\nevaluation: {episodes: 200}\n' >game.yaml
    expect 0 'wins' "$kaon" run game.yaml --out game
    there game/model.safetensors game/metrics.json game/config.yaml
fi

echo "$tried commands"
exit $bad
