#!/bin/sh
# includes.sh ROOT: dependencies point one way, cli -> kernel -> abi <- plugins, in code and in words.
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

forbid 'a plugin includes a kernel header' '["<](\.\./)*(\.\./|kernel/)' plugins
forbid 'the command includes a kernel header' '["<](\.\./)*kernel/' cli
forbid 'a public header includes more than public headers' '"' abi
forbid 'the kernel includes a plugin' '["<](\.\./)*plugins/' kernel

# Names of private kernel headers, whatever way they are spelled.
for header in kernel/*.h; do
    [ -e "$header" ] || continue
    name=$(basename "$header")
    for folder in plugins cli; do
        hits=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"([^\"]*/)?$name\"" $folder 2>/dev/null)
        for hit in $hits; do
            file=${hit%%:*}
            [ -f "$file" ] && [ ! -e "$(dirname "$file")/$name" ] && {
                echo "$file includes $name, a header of the kernel"
                bad=1
            }
        done
    done
done

# The kernel knows mechanisms; whatever has a name from a textbook or a vendor is a plugin.
for word in adam adamw amsgrad adagrad adadelta rmsprop nesterov relu gelu selu silu softplus sigmoid \
    softmax maxout dropout dense lorentz kmeans k-means standardize qlearning q-learning tictactoe \
    tic-tac-toe gridworld cartpole toyjets csv npy npz hdf5 onnx cuda vulkan openblas lapack mkl; do
    # A word after a dot is a file's ending, which anyone may write.
    hits=$(grep -rniE --include='*.[ch]' "(^|[^.[:alnum:]_])$word([^[:alnum:]_]|\$)" kernel)
    [ -z "$hits" ] || {
        printf "the kernel names '%s':\n%s\n" "$word" "$hits"
        bad=1
    }
done
exit $bad
