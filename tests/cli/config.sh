#!/bin/sh
# config.sh KAON ZOO: check, render, schema, doctor and plugin check as people use them; ZOO holds broken
# plugins.
kaon=$1
zoo=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0

complain()
{
    echo "$*"
    bad=1
}

# expect CODE WORDS COMMAND...: the exit code must be CODE and the output hold WORDS.
expect()
{
    code=$1
    words=$2
    shift 2
    text=$(NO_COLOR=1 "$@" 2>&1)
    got=$?
    [ $got -eq "$code" ] || complain "$*: exit code $got, not $code: $text"
    case "$text" in
    *"$words"*) ;;
    *) complain "$* does not say '$words': $text" ;;
    esac
}

items=" $("$kaon" inspect items --json | sed -n 's/.*"name": "\(.*\)",/\1/p' | tr '\n' ' ') "
for need in csv standardize network dense adam softmax_cross_entropy; do
    case "$items" in
    *" $need "*) ;;
    *)
        echo "passed over, there is no $need"
        exit 0
        ;;
    esac
done

awk 'BEGIN { print "a,b,copy,kind"; for (i = 0; i < 90; i++) print i, i * 7 % 5, i % 3, substr("xyz", i % 3 + 1, 1) }' |
    tr ' ' , >points.csv
mkdir lib
cat >lib/base.yaml <<'YAML'
vars: {units: 3, rate: 0.01}
seed: 11
data: {path: points.csv, target: kind, features: [a, b]}
YAML
cat >one.yaml <<'YAML'
include: lib/base.yaml
vars: {rate: 0.02}
model:
  - standardize
  - network:
      layers: [dense: {units: "${units}"}]
      loss: softmax_cross_entropy
      optimizer: {adam: {learning_rate: "${rate}"}}
      epochs: 2
YAML

# --- check ----------------------------------------------------------------------------------------------
expect 0 'one.yaml is right: 2 features, 3 classes; standardize -> network' "$kaon" check one.yaml
expect 0 '"right": true' "$kaon" check one.yaml --json
expect 2 "did you mean 'one.yaml'?" "$kaon" check on.yaml
expect 2 'C0120' "$kaon" check one.yaml --set vars.units=2
expect 2 "did you mean 'kind'?" "$kaon" check one.yaml --set data.target=knd
expect 0 "feature 'copy' alone tells the target" "$kaon" check one.yaml --set 'data.features=["*"]'
expect 2 'one.yaml is right' "$kaon" check one.yaml absent.yaml
[ ! -e runs ] || complain 'a check left a folder'
start=$(date +%s%N)
"$kaon" check --quiet one.yaml
end=$(date +%s%N)
echo "a check takes $(((end - start) / 1000000)) ms"
[ $(((end - start) / 1000000)) -lt 3000 ] || complain 'a check takes too long'

# --- render ---------------------------------------------------------------------------------------------
expect 0 '# lib/base.yaml:2' "$kaon" render one.yaml
expect 0 '# --set seed=4' "$kaon" render one.yaml --set seed=4
expect 0 '# default' "$kaon" render one.yaml
"$kaon" render one.yaml | grep -q 'learning_rate: 0.02 *# one.yaml:8' || complain 'a variable has no value or place'
# What is rendered is the same experiment, and renders to itself.
"$kaon" render one.yaml >rendered.yaml
expect 0 'rendered.yaml is right: 2 features, 3 classes' "$kaon" check rendered.yaml
"$kaon" render rendered.yaml >again.yaml
sed 's/ *#.*//' rendered.yaml | sort >a && sed 's/ *#.*//' again.yaml | sort >b
cmp -s a b || complain 'rendered twice it is another experiment'
"$kaon" run --quiet one.yaml --out r1 >/dev/null 2>&1 && "$kaon" run --quiet rendered.yaml --out r2 >/dev/null 2>&1
cmp -s r1/model.safetensors r2/model.safetensors || complain 'the rendered file trains another model'

# --- schema, explain, suggestions -----------------------------------------------------------------------
expect 0 'json-schema.org/draft/2020-12' "$kaon" schema
expect 2 "there is no code 'C0999'" "$kaon" explain C0999
expect 0 '"code": "C0107"' "$kaon" explain 107 --json
expect 2 "did you mean 'check'?" "$kaon" chekc one.yaml
expect 2 "did you mean 'render'?" "$kaon" rende one.yaml
expect 0 'experiment:split' "$kaon" inspect experiment:split

# --- doctor ---------------------------------------------------------------------------------------------
expect 0 'all is well' env -u KAON_PLUGIN_PATH "$kaon" doctor
expect 0 '"area": "backends"' env -u KAON_PLUGIN_PATH "$kaon" doctor --json
mkdir -m 755 more && printf 'no plugin' >more/kaon_broken.so
expect 1 'kaon_broken.so' env KAON_PLUGIN_PATH="$work/more" "$kaon" doctor
mkdir open && chmod 777 open
expect 1 'open' env KAON_PLUGIN_PATH="$work/open" "$kaon" doctor
printf 'bakend: x\n' >site.yaml
expect 2 "did you mean 'backend'" env KAON_SITE="$work/site.yaml" "$kaon" doctor

# --- plugin check: derivatives --------------------------------------------------------------------------
plugins=$(dirname "$kaon")/../lib/kaon/plugins
expect 0 'layer dense has true derivatives' "$kaon" plugin check "$plugins/kaon_dense.so"
[ ! -e "$zoo/kaon_false_slope.so" ] ||
    expect 1 'differences give' "$kaon" plugin check "$zoo/kaon_false_slope.so"
exit $bad
