#!/bin/sh
# golden.sh KAON FOLDER [--write]: what people read when a configuration is wrong, word for word.
#
# Each FOLDER/x.yaml must fail with exit code 2 and the text of FOLDER/x.expected. Lists of what is
# installed, and of the keys of plugins, change with every plugin: they are left out. A first line
# "# needs a b" names items without which a file is passed over. --write makes the .expected files.
kaon=$1
folder=$2
write=$3
bad=0
seen=0
cd "$folder" || exit 1
items=" $("$kaon" inspect items --json 2>/dev/null | sed -n 's/.*"name": "\(.*\)",/\1/p' | tr '\n' ' ') "

clean()
{
    awk '/^ *= installed: / { next }
         held != "" && !/, kaon inspect / { print held }
         { held = "" }
         /^ *= keys here: / { held = $0; next }
         { print }
         END { if (held != "") print held }'
}

for file in *.yaml; do
    for need in $(sed -n '1s/^# needs //p' "$file"); do
        case "$items" in
        *" $need "*) ;;
        *)
            echo "$file: passed over, there is no $need"
            continue 2
            ;;
        esac
    done
    text=$(NO_COLOR=1 "$kaon" check "$file" 2>&1)
    code=$?
    text=$(printf '%s\n' "$text" | clean)
    [ "$write" = --write ] && printf '%s\n' "$text" >"${file%.yaml}.expected"
    seen=$((seen + 1))
    if [ $code -ne 2 ]; then
        echo "$file: exit code $code, not 2"
        bad=1
    fi
    if [ "$text" != "$(cat "${file%.yaml}.expected")" ]; then
        echo "$file: the text differs:"
        printf '%s\n' "$text" | diff - "${file%.yaml}.expected"
        bad=1
    fi
done
echo "$seen files"
[ $seen -gt 10 ] || bad=1
exit $bad
