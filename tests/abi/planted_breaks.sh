#!/bin/sh
# planted_breaks.sh ABI LAYOUT_TEST COMPILER: with each break of the ABI below planted into a copy of the
# headers, the layout test must not compile or must fail; with untouched headers it must pass.
set -eu
abi=$1 test=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

holds()
{
    "$compiler" -std=c11 -D_DEFAULT_SOURCE -I"$work" "$test" -o "$work/layout" 2>/dev/null &&
        "$work/layout" >"$work/words"
}

fresh()
{
    rm -rf "$work/kaon"
    cp -r "$abi/kaon" "$work/kaon"
}

# plant WORDS HEADER SED-SCRIPT
plant()
{
    fresh
    sed -i "$3" "$work/kaon/$2"
    if cmp -s "$work/kaon/$2" "$abi/kaon/$2"; then
        echo "the break '$1' no longer fits $2: mend this test"
        exit 1
    fi
    if holds; then
        echo "the gate let a break through: $1"
        exit 1
    fi
}

fresh
holds || {
    echo "the layout test fails with the headers as they are"
    exit 1
}
plant 'a field is removed' layer.h '/^    int32_t target; \/\/ KAON_TARGET/d'
plant 'a field is inserted in the middle' option.h 's|^    uint32_t offset; // of the field.*|&\n    uint64_t planted;|'
plant 'a field changes its type' base.h 's|^    uint32_t flags;         // KAON_VIEW.*|    uint64_t flags;|'
plant 'two fields change places' plugin.h '/^    const char \*version; \/\/ "1.0.0"/{h;d};/^    const char \*license;/{G}'
plant 'a call is removed from a table' learner.h '/^    void (\*destroy)(void \*self);/d'
plant 'a field is appended to a struct that may never grow' base.h 's|^    const int64_t \*strides; // rank numbers.*|&\n    void *planted;|'
plant 'the number of a status changes' base.h 's|X(NOT_FOUND, 2,|X(NOT_FOUND, 3,|'
plant 'the number of a type changes' base.h 's|X(F16, 2, "f16"|X(F16, 3, "f16"|'
plant 'the number of a role changes' table.h 's|KAON_ROLE_WEIGHT = 3|KAON_ROLE_WEIGHT = 6|'
plant 'an interface changes its name' layer.h 's|"kaon.loss/1"|"kaon.loss/2"|'
echo "every planted break was caught"
