#!/bin/sh
# help.sh KAON ROOT SHARE: what is made of the tables: explanations of codes, man pages, completion, the
# reference in docs/.
kaon=$1
root=$2
share=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

complain()
{
    echo "$*"
    bad=1
}

# --- codes: what faults.h numbers is explained, and raised somewhere ------------------------------------
sed -n 's/^ *X(\([A-Z]*\), \([0-9]*\),.*/\1 \2/p' "$root/kernel/faults.h" >"$work/codes"
[ -s "$work/codes" ] || complain 'no codes found in kernel/faults.h'
"$kaon" explain | sed 's/^C0*\([0-9]*\) .*/\1/' | sort >"$work/explained"
cut -d' ' -f2 "$work/codes" | sort | diff - "$work/explained" || complain 'codes and explanations differ'
while read -r name number; do
    grep -rq "KN_FAULT_$name\b" --include=*.c "$root/kernel" "$root/data" "$root/experiment" ||
        complain "nothing raises KN_FAULT_$name"
    text=$("$kaon" explain "C0$number") || complain "kaon explain C0$number fails"
    case $text in
    *'for example'*'what to do'*) ;;
    *) complain "kaon explain C0$number lacks an example or what to do" ;;
    esac
done <"$work/codes"

# --- man pages ------------------------------------------------------------------------------------------
for command in $("$kaon" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p'); do
    page=$share/man/man1/kaon-$command.1
    [ -s "$page" ] || complain "there is no man page of kaon $command"
    for option in $("$kaon" "$command" --help | sed -n 's/^ .*--\([a-z-]*\).*/\1/p' | sort -u); do
        grep -q -- "$(echo "$option" | sed 's/-/\\\\-/g')" "$page" ||
            complain "the man page of kaon $command has no --$option"
    done
done
if command -v groff >/dev/null; then
    for page in "$share"/man/man1/*.1; do
        [ -z "$(groff -man -ww -z "$page" 2>&1)" ] || complain "groff warns of $page"
    done
fi

# --- completion -----------------------------------------------------------------------------------------
script=$share/bash-completion/completions/kaon
# completes LINE WORD: bash offers WORD behind LINE.
completes()
{
    bash -c '
        source "$1"
        COMP_LINE=$2 COMP_POINT=${#2}
        _kaon
        printf "%s\n" "${COMPREPLY[@]}"' - "$script" "$1" | grep -qxF -- "$2" ||
        complain "'$1' is not completed by '$2'"
}
if command -v bash >/dev/null; then
    bash -n "$script" || complain 'the bash script is no bash'
    completes "$kaon " run
    completes "$kaon ins" inspect
    completes "$kaon run --thr" --threads
    completes "$kaon run --quiet --se" --seed
    completes "$kaon plugin n" new
    completes "$kaon explain C010" C0107
    completes "$kaon completion b" bash
    case $("$kaon" inspect items) in
    *dense*) completes "$kaon inspect layer:den" dense ;;
    esac
fi
command -v zsh >/dev/null && { zsh -n "$share/zsh/site-functions/_kaon" || complain 'the zsh script is no zsh'; }
command -v fish >/dev/null &&
    { fish -n "$share/fish/vendor_completions.d/kaon.fish" || complain 'the fish script is no fish'; }

# --- the reference --------------------------------------------------------------------------------------
# Each section the program writes stands so in docs/reference; what is not installed here may stand there.
"$kaon" docs reference "$work" || complain 'kaon docs reference fails'
for page in "$work"/*.md; do
    name=$(basename "$page")
    awk -v kept="$root/docs/reference/$name" -v name="$name" '
        function flush() {
            if (title != "" && !(name FS title in seen)) {
                if (title in there && there[title] != body)
                    print name ": \"" title "\" is not up to date"
                if (!(title in there))
                    print name ": \"" title "\" is missing"
            }
        }
        BEGIN {
            while ((getline line < kept) > 0) {
                if (line ~ /^## /) at = line
                there[at] = there[at] line "\n"
            }
        }
        /^## / { flush(); title = $0; body = "" }
        { body = body $0 "\n" }
        END { flush() }' "$page" >"$work/differences"
    [ -s "$work/differences" ] && {
        cat "$work/differences"
        bad=1
    }
done
[ $bad -eq 0 ] || echo 'cmake --build BUILD --target reference writes docs/reference anew'
exit $bad
