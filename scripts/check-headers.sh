#!/usr/bin/env bash
# Compiles the public headers in every way a firmware may meet them; links and runs nothing.
#
#   each header alone, twice, and before and after each other one: C99 and C++11, gcc and clang;
#   layouts, values and prototypes as published by the SDK: LP64 and ILP32;
#   for each SDK release, the includes and symbols of its CoAP example, with its include path;
#   the examples of c_examples/.
#
# Needs gcc, g++, clang and, on x86-64, the 32-bit C headers (Debian: gcc-multilib).
set -euo pipefail

cd "$(dirname "$0")/.."
include=include
tests=tests/c/headers

for tool in gcc g++ clang clang++ nm; do
    command -v "$tool" >/dev/null || { echo "check-headers: $tool is not installed" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jobs=$work/jobs
: >"$jobs"

# Queues one compiler run. Its words may not contain blanks.
job() { echo "$*" >>"$jobs"; }

strict="-Wall -Wextra -pedantic -Werror"
flat="-I$include"
staged="-I$include -I$include/exports -I$include/imports"

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

headers=$(cd "$include" && find . -name '*.h' | sed 's|^\./||' | sort)

# --- each header alone, twice, and in both orders with every other one ---
for a in $headers; do
    stem=${a//\//-}
    mkdir -p "$work/$stem"
    unit "$work/$stem/alone.c" "$a"
    for b in $headers; do
        unit "$work/$stem/then-${b//\//-}.c" "$a" "$b"
    done
    # The same file under two names, as firmware for SDK 2.21 and 2.30 has it.
    unit "$work/$stem/staged.c" "${a##*/}" "$a"
    while read -r cc; do
        job "$cc" $strict -fsyntax-only $staged "$work/$stem/staged.c"
        job "$cc" $strict -fsyntax-only $flat "$work/$stem/alone.c" "$work/$stem/then-$stem.c"
    done < <(compilers)
    job gcc -std=c99 $strict -fsyntax-only $flat "$work/$stem/then-*.c"
done

# --- layouts, values, prototypes ---
models="-m64 -m32"
if [ "$(uname -m)" != x86_64 ]; then
    echo "check-headers: on $(uname -m) only the native data model is checked"
    models=" "
elif ! echo '#include <stdio.h>' | gcc -m32 -fsyntax-only -x c - 2>/dev/null; then
    echo "check-headers: no 32-bit C headers; install gcc-multilib" >&2
    exit 1
fi
for unit in layout values errno macros prototypes; do
    for model in $models; do
        job gcc -std=c11 $strict "$model" -fsyntax-only $flat "$tests/$unit.c"
        job clang -std=c11 $strict "$model" -fsyntax-only $flat "$tests/$unit.c"
    done
    job g++ -std=c++11 -x c++ $strict -c -o "$work/$unit.o" $flat "$tests/$unit.c"
done
for header in $headers; do
    for model in $models; do
        job gcc -std=c99 $strict "$model" -fsyntax-only $flat "$work/${header//\//-}/alone.c"
    done
done

# --- the includes and symbols of each release's example ---
# What newer compilers refuse by default, and -O2 for the warnings that need data flow.
app="-Wall -Werror -O2 -c -o /dev/null"
app_c="$app -Werror=incompatible-pointer-types -Werror=int-conversion"
app_c="$app_c -Werror=implicit-function-declaration"

release() {
    local source=$tests/release_$1.c path=$2
    shift 2
    job gcc $app_c $path "$@" "$source"
    job clang $app_c $path "$@" "$source"
    job g++ -x c++ $app $path "$@" "$source"
}

linux_2x="-D_PLATFORM_IS_LINUX_ -DCOAP_COMM_ENABLED -DCOAP_DTLS_SUPPORT"
linux_3x="-DPLATFORM_HAS_STDINT -DCOAP_CLIENT -DCOAP_DTLS_SUPPORT -DINFRA_LOG"
for version in 2_00 2_01 2_03 2_1; do
    release $version "$flat" $linux_2x
done
for version in 2_21 2_30; do
    release $version "$staged" $linux_2x
done
for version in 3_01 3_10 3_2_0; do
    release $version "$flat"
    release $version "$flat" $linux_3x
done

# --- our own examples ---
for source in c_examples/*.c; do
    job gcc -std=gnu99 -Wall -Wextra -Werror -O2 -c -o /dev/null $flat "$source"
    job clang -std=gnu99 -Wall -Wextra -Werror -O2 -c -o /dev/null $flat "$source"
done

# The inner shell expands the wildcard of the pairs; xargs stops with an error if one job fails.
xargs -d '\n' -n 1 -P "$(getconf _NPROCESSORS_ONLN)" \
    sh -c '$0 || { echo "check-headers: failed: $0" >&2; exit 1; }' <"$jobs"

# C++ must see every function with C linkage.
if nm -u "$work/prototypes.o" | grep ' _Z'; then
    echo "check-headers: declared without extern \"C\"" >&2
    exit 1
fi

echo "check-headers: $(wc -w <<<"$headers") headers, $(wc -l <"$jobs") compiler runs, no complaint"
