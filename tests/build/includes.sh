#!/bin/sh
# includes.sh ROOT: dependencies point one way, in code and in words:
# cli -> libkaon (experiment -> data -> compiler -> graph -> kernel) -> abi <- plugins.
cd "$1" || exit 1
bad=0

# forbid WORDS PATTERN FOLDER...: no source below the folders has such an include.
forbid()
{
    words=$1
    pattern=$2
    shift 2
    hits=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*$pattern" "$@" 2>/dev/null)
    if [ -n "$hits" ]; then
        printf '%s:\n%s\n' "$words" "$hits"
        bad=1
    fi
}

forbid 'a plugin includes a private header' '["<](\.\./)*(\.\./|kernel/|graph/|compiler/|data/|experiment/)' plugins
forbid 'the command includes a private header' '["<](\.\./)*(kernel|graph|compiler|data|experiment)/' cli
forbid 'the kernel includes a layer above it' '["<](\.\./)*(graph|compiler|data|experiment)/' kernel
forbid 'the graph includes a layer above it' '["<](\.\./)*(compiler|data|experiment)/' graph
forbid 'the compiler includes a layer above it' '["<](\.\./)*(data|experiment)/' compiler
forbid 'the data layer includes the layer above it' '["<](\.\./)*experiment/' data
forbid 'a public header includes more than public headers' '"' abi
forbid 'libkaon includes a plugin' '["<](\.\./)*plugins/' kernel graph compiler data experiment

# Names of private headers, whatever way they are spelled.
for header in kernel/*.h graph/*.h compiler/*.h data/*.h experiment/*.h; do
    [ -e "$header" ] || continue
    name=$(basename "$header")
    for folder in plugins cli; do
        hits=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"([^\"]*/)?$name\"" $folder 2>/dev/null)
        for hit in $hits; do
            file=${hit%%:*}
            [ -f "$file" ] && [ ! -e "$(dirname "$file")/$name" ] && {
                echo "$file includes $name, a private header of libkaon"
                bad=1
            }
        done
    done
done

# Sources of libkaon and of plugins neither print nor end the process; what a library linked into one of
# them could do is looked at by plugins.sh.
hits=$(grep -rnE --include='*.[ch]' --exclude='*_test.c' '(^|[^[:alnum:]_>.])(exit|_exit|abort|printf|puts|putchar|perror)[[:space:]]*\(' \
    kernel graph compiler data experiment plugins | grep -vE ':[[:space:]]*(\*|//|/\*)|//.*(exit|abort|printf)')
[ -z "$hits" ] || {
    printf 'a library prints or ends the process:\n%s\n' "$hits"
    bad=1
}

# libkaon knows mechanisms; whatever has a name from a textbook or a vendor is a plugin.
for word in adam adamw amsgrad adagrad adadelta rmsprop nesterov relu gelu selu silu softplus sigmoid \
    softmax maxout dropout dense lorentz kmeans k-means standardize qlearning q-learning tictactoe \
    tic-tac-toe gridworld cartpole toyjets csv npy npz hdf5 onnx cuda vulkan openblas lapack mkl; do
    # A word after a dot is a file's ending, which anyone may write.
    hits=$(grep -rniE --include='*.[ch]' "(^|[^.[:alnum:]_])$word([^[:alnum:]_]|\$)" kernel graph compiler data experiment)
    [ -z "$hits" ] || {
        printf "libkaon names '%s':\n%s\n" "$word" "$hits"
        bad=1
    }
done
exit $bad
