#!/usr/bin/env bash
# make install with DESTDIR, as package builders do it, and uninstall; in directories with blanks.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

type=$(sed -n 's/^CMAKE_BUILD_TYPE:STRING=//p' "$build_dir/CMakeCache.txt")
build=$work/a\ build
quietly cmake -S "$source_dir" -B "$build" -DCMAKE_BUILD_TYPE="$type" -DCMAKE_INSTALL_PREFIX="/opt/iot sdk" \
    -DIOTX_CARGO_TARGET_DIR="$build_dir/cargo" -DIOTX_BUILD_EXAMPLES=OFF -G "Unix Makefiles"
quietly cmake --build "$build" --parallel 2
export DESTDIR=$work/dest\ dir
quietly make -C "$build" install

root="$DESTDIR/opt/iot sdk"
[ -z "$(find "$DESTDIR" -type f -not -path "$root/*")" ] || fail "files outside of the prefix"
# Nothing of the place where it lies before it is packed, and nothing of where it was built.
for file in "$root"/lib*/pkgconfig/*.pc "$root"/lib*/cmake/iot_sdk/*.cmake; do
    for place in "$work" "$source_dir" "$build_dir"; do
        if grep -q -F "$place" "$file"; then
            fail "${file##*/} tells of $place"
        fi
    done
done
if readelf --dynamic "$root"/lib*/libiot_sdk.so | grep -E 'RPATH|RUNPATH'; then
    fail "the library looks for others where it was built"
fi

# The tree as its users see it, and its way out. What is not ours stays.
copy_examples
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name iot_sdk.pc)")
export PKG_CONFIG_PATH
declare -a flags
eval "flags=($(pkg-config --cflags --libs iot_sdk))" # quoted by pkg-config, for a shell
quietly "$cc" -Wall -Werror -o "$work/firmware" "$examples"/*.c "${flags[@]}"
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name libiot_sdk.so)") deliver "$work/firmware"
touch "$root/include/iot_sdk/notes"
quietly make -C "$build" uninstall
[ "$(find "$DESTDIR" -not -type d)" = "$root/include/iot_sdk/notes" ] || fail "left behind: $(find "$DESTDIR" -not -type d)"
rm "$root/include/iot_sdk/notes"
quietly make -C "$build" install
quietly make -C "$build" uninstall
[ -z "$(find "$DESTDIR" -name '*iot?sdk*' -not -path "$root")" ] || fail "left behind: $(find "$DESTDIR" -name '*iot?sdk*')"
