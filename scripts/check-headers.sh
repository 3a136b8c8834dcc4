#!/usr/bin/env bash
# Compiles the public headers in every way a firmware may meet them; links and runs nothing.
#
#   each header alone, twice, and before and after all others: C99 and C++11, gcc and clang;
#   layouts, values and prototypes as published by the SDK: LP64 and ILP32;
#   the probes of all SDK releases with those releases' include paths, in C and C++;
#   the examples of c_examples/, and the C sources of the libraries, whose own builds let warnings pass;
#   declarations against abi/symbols.txt: every export has one, and all else that is declared is the platform's.
#
# Needs gcc, g++, clang and, on x86-64, the 32-bit C headers (Debian: gcc-multilib).
set -euo pipefail

cd "$(dirname "$0")/.."
include=include
tests=tests/c/headers

export LC_ALL=C
for tool in gcc g++ clang clang++ nm; do
    command -v "$tool" >/dev/null || { echo "check-headers: $tool is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jobs=$work/jobs
: >"$jobs"

# Queues one compiler run.
job() {
    printf '%q ' "$@" >>"$jobs"
    echo >>"$jobs"
}

strict=(-Wall -Wextra -pedantic -Werror -fsyntax-only)
flat=("-I$include")
staged=("-I$include" "-I$include/exports" "-I$include/imports")

# An empty header is not a translation unit in ISO C.
unit() {
    local file=$1
    shift
    printf '#include "%s"\n' "$@" >"$file"
    echo 'extern int translation_unit;' >>"$file"
}

compilers() {
    echo "gcc -std=c99 -x c"
    echo "clang -std=c99 -x c"
    echo "g++ -std=c++11 -x c++"
    echo "clang++ -std=c++11 -x c++"
}

mapfile -t headers < <(cd "$include" && find . -name '*.h' | sed 's|^\./||' | sort)

# --- each header alone, twice, and in both orders with the others ---
for header in "${headers[@]}"; do
    stem=${header//\//-}
    mkdir -p "$work/$stem"
    unit "$work/$stem/alone.c" "$header"
    unit "$work/$stem/twice.c" "$header" "$header"
    # Each header comes before every other one in its own unit, and behind it in the other's.
    unit "$work/$stem/first.c" "$header" "${headers[@]}"
    # The same file under two names, as firmware for SDK 2.21 and 2.30 has it.
    unit "$work/$stem/staged.c" "${header##*/}" "$header"
    while read -r -a cc; do
        job "${cc[@]}" "${strict[@]}" "${staged[@]}" "$work/$stem/staged.c"
        job "${cc[@]}" "${strict[@]}" "${flat[@]}" "$work/$stem"/{alone,twice}.c
    done < <(compilers)
    job gcc -std=c99 "${strict[@]}" "${flat[@]}" "$work/$stem/first.c"
done

# --- layouts, values, prototypes ---
models=(-m64 -m32)
if [ "$(uname -m)" != x86_64 ]; then
    echo "check-headers: on $(uname -m) only the native data model is checked"
    models=(-O0) # says nothing about the data model
elif ! echo '#include <stdio.h>' | gcc -m32 -fsyntax-only -x c - 2>/dev/null; then
    echo "check-headers: no 32-bit C headers; install gcc-multilib" >&2
    exit 1
fi
for unit in layout values errno macros prototypes; do
    for model in "${models[@]}"; do
        job gcc -std=c11 "${strict[@]}" "$model" "${flat[@]}" "$tests/$unit.c"
        job clang -std=c11 "${strict[@]}" "$model" "${flat[@]}" "$tests/$unit.c"
    done
    job g++ -std=c++11 -x c++ "${strict[@]}" "${flat[@]}" "$tests/$unit.c"
done
for header in "${headers[@]}"; do
    for model in "${models[@]}"; do
        job gcc -std=c99 "${strict[@]}" "$model" "${flat[@]}" "$work/${header//\//-}/alone.c"
    done
done

# --- the probes of the releases ---
# Built and run by tests/c/probes/CMakeLists.txt; here other compilers see them, each with the least include path of its
# release. -O2 for the warnings that need data flow.
app=(-Wall -Werror -O2 -c -o /dev/null)
app_c=("${app[@]}" -std=gnu99
    -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=implicit-function-declaration)

probe() {
    local source=tests/c/probes/$1.c
    shift
    job gcc "${app_c[@]}" "$@" "$source"
    job clang "${app_c[@]}" "$@" "$source"
    job g++ -x c++ "${app[@]}" "$@" "$source"
}

linux_2x=(-D_PLATFORM_IS_LINUX_ -DCOAP_COMM_ENABLED -DCOAP_DTLS_SUPPORT)
linux_3x=(-DPLATFORM_HAS_STDINT -DCOAP_CLIENT -DCOAP_DTLS_SUPPORT -DINFRA_LOG)
for version in 2_00 2_01 2_03 2_1; do
    probe "release_$version" "${flat[@]}" "${linux_2x[@]}"
    probe "release_$version" "${flat[@]}" -DTEST_COAP_DAILY
done
for version in 2_21 2_30; do
    probe "release_$version" "${staged[@]}" "${linux_2x[@]}"
done
for version in 3_01 3_10 3_2_0; do
    probe "release_$version" "${flat[@]}"
    probe "release_$version" "${flat[@]}" "${linux_3x[@]}"
done
probe habit_event_loop "${flat[@]}"
probe habit_modem "${staged[@]}" "${linux_2x[@]}"
probe habit_ota "${flat[@]}" "${linux_2x[@]}"
probe habit_ota "${flat[@]}" "${linux_2x[@]}" -DPROBE_PLATFORM_IDENTITY

# --- our own examples ---
own=(-std=gnu99 -Wall -Wextra -Werror -O2 -c -o /dev/null)
for source in c_examples/*.c; do
    job gcc "${own[@]}" "${flat[@]}" "$source"
    job clang "${own[@]}" "${flat[@]}" "$source"
done


# --- the C in the libraries ---
for source in src/hal_default/shim.c src/hal_default/port/*.c compat/*.c; do
    for cc in gcc clang; do
        job "$cc" -std=c99 -Wall -Wextra -pedantic -Werror -O2 -c -o /dev/null "${flat[@]}" "$source"
    done
done

# xargs stops with an error if one job fails. The inner shell is the one to expand $0, a queued line.
# shellcheck disable=SC2016
xargs -d '\n' -n 1 -P "$(getconf _NPROCESSORS_ONLN)" \
    bash -c 'eval "$0" || { echo "check-headers: failed: $0" >&2; exit 1; }' <"$jobs"

# --- declarations and exports ---
# What prototypes.c refers to. In C++ a function without extern "C" has another name.
g++ -std=c++11 -x c++ -c -o "$work/prototypes.o" "${flat[@]}" "$tests/prototypes.c"
nm -u "$work/prototypes.o" | awk '{ print $NF }' | sort >"$work/checked"
unit "$work/all.c" "${headers[@]}"
gcc -std=c99 -E -P "${flat[@]}" "$work/all.c" |
    grep -oE '\b(IOT|HAL|iotx)_[A-Za-z0-9_]+\(' | tr -d '(' | sort -u >"$work/declared"
awk '!/^#/ && NF { print $1 }' abi/symbols.txt | sort >"$work/exported"

complain() { # FILE MESSAGE: fails if FILE names any symbol
    if [ -s "$1" ]; then
        echo "check-headers: $2:" >&2
        sed 's/^/    /' "$1" >&2
        return 1
    fi
}
comm -13 "$work/declared" "$work/exported" >"$work/undeclared"
comm -23 "$work/declared" "$work/exported" | { grep -v '^HAL_' || true; } >"$work/unexported"
comm -3 "$work/declared" "$work/checked" | tr -d '\t' >"$work/unchecked"
bad=0
complain "$work/undeclared" "exported, but not declared" || bad=1
complain "$work/unexported" "declared, but not exported, and not for the platform to define" || bad=1
complain "$work/unchecked" "declared, but not in $tests/prototypes.c, or not extern \"C\", or the reverse" || bad=1
[ "$bad" -eq 0 ] || exit 1

echo "check-headers: ${#headers[@]} headers, $(wc -l <"$jobs") compiler runs, no complaint"
