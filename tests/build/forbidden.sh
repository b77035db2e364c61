# forbidden.sh: what no library of ours may call, for plugins.sh and library.sh to source.
# A library that prints, exits or aborts takes its user's process along; Kaon never shells out.
forbidden='exit _exit _Exit quick_exit abort printf vprintf puts putchar putc fputc_unlocked perror
    __printf_chk __vprintf_chk stdout stderr system popen setlocale chdir'

# murderers OBJECT EXTRA SANITIZERS ASSERTIONS: prints the forbidden symbols the object imports.
murderers()
{
    words="$forbidden $2"
    [ "$4" = ON ] || words="$words __assert_fail"
    # Sanitizer run-times put calls of their own into every object.
    [ "$3" = none ] || words=$2
    nm -D --undefined-only "$1" | sed 's/.* //; s/@.*//' | sort -u >"$work/imports"
    for word in $words; do
        grep -qx "$word" "$work/imports" && echo "$word"
    done
    return 0
}
