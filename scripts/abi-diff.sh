#!/usr/bin/env bash
# Compares the shared library's interface with that of the last release: symbols, versions, and the types that exported
# functions take. Needs libabigail (Debian: abigail-tools) and xz.
#
#   abi-diff.sh BUILD_DIR             compares, after building a library with full debug information in BUILD_DIR/abi
#   abi-diff.sh --record BUILD_DIR    stores this library's interface as the one to compare with: the last act of a release
#
# The interface is kept in abi/baseline/, one file for each SONAME and machine. Exit code: 0 if programs linked with the
# last release run with this library; 1 if they may not, or on an error; 77 if there is nothing to compare with yet.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

record=no
if [ "${1-}" = --record ]; then
    record=yes
    shift
fi
if [ $# -ne 1 ]; then
    echo "usage: $0 [--record] BUILD_DIR" >&2
    exit 1
fi
major=$(sed -n 's/^version = "\([0-9]*\).*/\1/p' "$source_dir/Cargo.toml" | sed 1q)
baseline=$source_dir/abi/baseline/libiot_sdk.so.$major-$(uname -m).abi.xz
if [ "$record" = no ] && [ ! -f "$baseline" ]; then
    echo "Nothing to compare with: no release with this SONAME has been recorded on $(uname -m)."
    echo "(There is no ${baseline#"$source_dir"/}; '$0 --record BUILD_DIR' of a release makes it.)"
    exit 77
fi
for tool in abidw abidiff xz; do
    if ! command -v "$tool" >/dev/null; then
        echo "$0: $tool is missing (Debian packages abigail-tools, xz-utils)" >&2
        exit 1
    fi
done

mkdir -p "$1/abi"
work=$(cd "$1/abi" && pwd)
# The types of exported functions are known from the debug information, of which cargo's dev profile makes little here.
export CARGO_PROFILE_DEV_DEBUG=full
cmake -S "$source_dir" -B "$work" -DCMAKE_BUILD_TYPE=Debug -DIOTX_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$work" --parallel 2
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names --drop-undefined-syms --no-elf-needed \
    --out-file "$work/now.abi" "$work/libiot_sdk.so"

if [ "$record" = yes ]; then
    mkdir -p "$(dirname "$baseline")"
    xz --compress --stdout "$work/now.abi" >"$baseline"
    echo "recorded: ${baseline#"$source_dir"/}"
    exit 0
fi
xz --decompress --stdout "$baseline" >"$work/then.abi"
# What is new cannot break anybody. It is listed all the same.
abidiff --no-show-locs --added-fns --added-vars --no-unreferenced-symbols "$work/then.abi" "$work/now.abi" >"$work/added" || true
if ! abidiff --no-show-locs --no-added-syms --no-unreferenced-symbols "$work/then.abi" "$work/now.abi"; then
    echo "Programs linked with the last release may not run with this library." >&2
    exit 1
fi
cat "$work/added"
echo "Programs linked with the last release run with this library."
