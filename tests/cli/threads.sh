#!/bin/sh
# threads.sh KAON EXAMPLES: every example gives the same bits with 1, 2, 3, 4 and 8 threads. Small
# settings; examples whose data or plugins are not here are left out.
kaon=$1
examples=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
tried=0

# quick EXAMPLE: the edits that make it small.
quick()
{
    case $1 in
    gridworld | tictactoe) echo '--set agent.qlearning.episodes=300 --set evaluation.episodes=100' ;;
    *kmeans*) ;;
    *) echo '--set model.network.epochs=2' ;;
    esac
    case $1 in
    jets | jets-formulas) echo '--set data.reader.toyjets.jets=4000' ;;
    higgs | housing) echo '--set data.rows=4000' ;;
    esac
}

for file in "$examples"/*.yaml; do
    name=$(basename "$file" .yaml)
    case $name in *-tune | mnist) continue ;; esac
    for threads in 1 2 3 4 8; do
        # shellcheck disable=SC2046 # words on purpose
        "$kaon" run "$file" --threads $threads --out $name-$threads --set report=none --quiet \
            $(quick $name) >out 2>&1 || break
        [ $threads -eq 1 ] && tried=$((tried + 1))
        for part in model.safetensors fold-1.safetensors metrics.json; do
            [ -e $name-1/$part ] || [ -e $name-$threads/$part ] || continue
            cmp -s $name-1/$part $name-$threads/$part || {
                echo "$name: $part differs with $threads threads"
                bad=1
            }
        done
    done
    [ -e $name-8/metrics.json ] || {
        echo "$name is left out: $(head -n 1 out)"
        [ ! -e $name-1/metrics.json ] || bad=1
    }
    rm -rf $name-*
done
echo "$tried examples"
exit $bad
