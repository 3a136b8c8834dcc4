#!/usr/bin/env bash
# Prints where the bytes of the shipped libraries are: the tables of docs/size.md.
#
#   size.sh BUILD_DIR
#
# BUILD_DIR is where `make` has built for Release. CC is the compiler that links the programs to compare.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ $# -ne 1 ]; then
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

size_of() { stat --dereference --format=%s "$1"; }

echo "Files, in bytes"
for name in libiot_sdk.so libiot_sdk.a libiot_sdk_core.a; do
    printf '%10d  %s\n' "$(size_of "$build/$name")" "$name"
done

echo
echo "What a program grows by, stripped, with the system's OpenSSL as a shared library"
echo 'int main(void) { return 0; }' >"$work/nothing.c"
includes=(-I"$source_dir/include" -I"$source_dir/include/exports" -I"$source_dir/include/imports")
libraries=(-lssl -lcrypto -lpthread -ldl)
link() { # NAME ARGUMENTS...
    "$cc" -O2 "${includes[@]}" -o "$work/$1" "${@:2}" -s
}
link nothing "$work/nothing.c"
example=("$source_dir/c_examples/coap-example.c" "$source_dir/c_examples/app_entry.c")
link all "${example[@]}" "$build/libiot_sdk.a" "${libraries[@]}"
link reached "${example[@]}" -Wl,--gc-sections "$build/libiot_sdk.a" "${libraries[@]}"
base=$(size_of "$work/nothing")
printf '%10d  coap-example.c with libiot_sdk.a\n' $(($(size_of "$work/all") - base))
printf '%10d  the same with -Wl,--gc-sections\n' $(($(size_of "$work/reached") - base))

echo
echo "Sections of libiot_sdk.so, from 1,000 bytes on"
readelf --sections --wide "$build/libiot_sdk.so" |
    sed -n 's/^ *\[ *[0-9]*\] \(\.[^ ]*\) *\([A-Z_]*\) *[0-9a-f]* *[0-9a-f]* \([0-9a-f]*\) .*/\1 \2 \3/p' |
    while read -r name kind hex; do
        [ "$kind" = NOBITS ] || printf '%10d  %s\n' "0x$hex" "$name"
    done | awk '$1 >= 1000' | sort -rn

echo
echo "Code by crate, from 1,000 bytes on (\"C\": exports, with what is inlined into them, and the C shim)"
# scripts/short-names.awk has left "crate.function.17" of a Rust function's name.
readelf --symbols --wide "$build/iot_sdk.o" |
    awk '$4 == "FUNC" && $7 ~ /^[0-9]+$/ {
            crate = $8 ~ /iotx_coap/ ? "iotx_coap" : $8 ~ /\./ ? $8 : "C"
            sub(/\..*/, "", crate)
            bytes[crate] += $3
        }
        END { for (crate in bytes) if (bytes[crate] >= 1000) printf "%10d  %s\n", bytes[crate], crate }' | sort -rn
