#!/usr/bin/env bash
# The Debian packages: what they say of themselves, then what is in them, unpacked in a directory, and with CI=true, for root,
# installed on this system and removed again.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if ! command -v dpkg >/dev/null; then
    echo "skipped: not a Debian system"
    exit 77
fi
quietly "$source_dir/scripts/package-deb.sh" "$build_dir" "$work/packages"
arch=$(dpkg --print-architecture)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source_dir/Cargo.toml" | head -n 1)
runtime=$work/packages/libiot-sdk${version%%.*}_$version-1_$arch.deb
development=$work/packages/libiot-sdk-dev_$version-1_$arch.deb

field() { dpkg-deb --field "$@"; }
for library in libc6 libssl libgcc-s1; do # dpkg-shlibdeps found them
    grep -q "$library" <<<"$(field "$runtime" Depends)" || fail "the library's package does not depend on $library"
done
grep -q "libiot-sdk${version%%.*} (= $version-1)" <<<"$(field "$development" Depends)" ||
    fail "the -dev package may be combined with another library"
grep -q 'libssl-dev' <<<"$(field "$development" Depends)" || fail "the static library comes without OpenSSL"
multiarch=usr/lib/$(cc -print-multiarch)
for file in libiot_sdk.so.${version%%.*} libiot_sdk.so."$version"; do
    grep -q " \./$multiarch/$file\( \|\$\)" <<<"$(dpkg-deb --contents "$runtime")" || fail "no $file in $multiarch"
done
[ "$(wc -l < <(dpkg-deb --fsys-tarfile "$runtime" | tar t | grep -v -e '/$' -e /doc/))" -eq 2 ] ||
    fail "more than the library in its package"

copy_examples

# build_and_deliver NAME FLAG...: both ways of linking by pkg-config, and by CMake.
build_and_deliver() {
    local name=$1 linkage
    local -a cflags libs
    shift
    read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"
    read -r -a libs <<<"$(pkg-config --libs iot_sdk)"
    quietly "$cc" -Wall -Werror -o "$work/$name" "${cflags[@]}" "$examples"/*.c "${libs[@]}"
    needs_shared "$work/$name" || fail "$name is not linked with the shared library"
    deliver "$work/$name"
    for linkage in iot_sdk iot_sdk_static; do
        quietly cmake -S "$source_dir/samples/cmake" -B "$work/$name-$linkage" -DEXAMPLES="$examples" \
            -DIOT_SDK_LIBRARY="iot_sdk::$linkage" "$@"
        quietly cmake --build "$work/$name-$linkage"
        deliver "$work/$name-$linkage/firmware"
    done
}

root=$work/root
dpkg-deb --extract "$runtime" "$root"
dpkg-deb --extract "$development" "$root"
for package in "libiot-sdk${version%%.*}" libiot-sdk-dev; do # whose code is in them
    for words in common-licenses/Apache-2.0 "coap-lite " "minicbor .*BlueOak" "Copyright (c) 2018 Carl Lerche"; do
        grep -q "$words" "$root/usr/share/doc/$package/copyright" || fail "no '$words' in the copyright file of $package"
    done
done
(
    export LD_LIBRARY_PATH=$root/$multiarch PKG_CONFIG_PATH=$root/$multiarch/pkgconfig
    build_and_deliver unpacked -DCMAKE_PREFIX_PATH="$root/usr"
)

if [ "${CI-}" != true ] || [ "$(id -u)" -ne 0 ]; then
    echo "not tried without CI=true and root: dpkg --install"
    exit 0
fi
if dpkg-query --show 'libiot-sdk*' >/dev/null 2>&1; then
    fail "an installed libiot-sdk is in the way"
fi
remove() { dpkg --purge libiot-sdk-dev "libiot-sdk${version%%.*}"; }
trap 'remove >/dev/null 2>&1; cleanup' EXIT
quietly dpkg --install "$runtime" "$development"
build_and_deliver installed
quietly remove
trap cleanup EXIT
[ -z "$(find /usr -name 'libiot_sdk*' -o -path '*/iot_sdk' -prune -print)" ] || fail "dpkg --purge left something behind"
if "$work/installed" -h >"$work/output" 2>&1; then
    fail "the program finds a library that has been removed"
fi
