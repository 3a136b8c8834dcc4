#!/usr/bin/env bash
# Makes the Debian packages libiot-sdk0 and libiot-sdk-dev:
#
#   package-deb.sh BUILD_DIR OUT_DIR
#
# BUILD_DIR is where `make` has built; cargo's part is taken from there. Paths are compiled into nothing but the place for
# the files, yet that differs: packages have their libraries in Debian's multiarch directory under /usr.
set -euo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ $# -ne 2 ]; then
    echo "usage: $0 BUILD_DIR OUT_DIR" >&2
    exit 2
fi
for tool in dpkg-deb dpkg-shlibdeps file; do
    if ! command -v "$tool" >/dev/null; then
        echo "$0: $tool is missing (Debian packages dpkg, dpkg-dev, file)" >&2
        exit 1
    fi
done
build_dir=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)

work=$(mktemp -d "${TMPDIR:-/tmp}/iot_sdk.XXXXXX")
trap 'rm -rf "$work"' EXIT
cmake -S "$source_dir" -B "$work" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
    -DIOTX_CARGO_TARGET_DIR="$build_dir/cargo" -DIOTX_BUILD_EXAMPLES=OFF
cmake --build "$work" --parallel 2
(cd "$work" && cpack -G DEB)
mv "$work"/*.deb "$out"
ls "$out"/*.deb
