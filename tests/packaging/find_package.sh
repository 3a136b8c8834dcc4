#!/usr/bin/env bash
# samples/cmake, copied out of the tree, with find_package on a prefix that has been moved after the installation.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
[ -f "$prefix/share/doc/iot_sdk/THIRD-PARTY.txt" ] || fail "the licences of the crates are missing"
copy_examples
unset PKG_CONFIG_PATH
cp -r "$source_dir/samples/cmake" "$work/firmware"
cd "$work/firmware"

for library in iot_sdk iot_sdk_static; do
    quietly cmake -S . -B "$library" -DEXAMPLES="$examples" -DCMAKE_PREFIX_PATH="$prefix" \
        -DIOT_SDK_LIBRARY="iot_sdk::$library"
    quietly cmake --build "$library"
    deliver "$PWD/$library/firmware" # CMake leaves the library's directory in the program, as long as it is not installed
done
needs_shared iot_sdk/firmware || fail "iot_sdk::iot_sdk is not the shared library"
needs_shared iot_sdk_static/firmware && fail "iot_sdk::iot_sdk_static is not the static library"

# Another major version is another ABI.
mkdir other
cat >other/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(other LANGUAGES C)
find_package(iot_sdk REQUIRED)
if(NOT TARGET iot_sdk::iot_sdk_core OR NOT EXISTS "${iot_sdk_LINK_COMPAT_DIR}/libiot_tls.a")
    message(FATAL_ERROR "something is missing")
endif()
find_package(iot_sdk 99 REQUIRED)
END
must_fail 'compatible with requested version "99"' \
    cmake -S other -B other/build -DCMAKE_PREFIX_PATH="$prefix"
