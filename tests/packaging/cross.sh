#!/usr/bin/env bash
# From a CMake toolchain file, or IOTX_RUST_TARGET, to `cargo --target`.
#
# There need be no cross toolchain here: for other machines only the configuration is looked at, with clang for a compiler. For
# this one the libraries are built and used; in Debug, which nothing else here does.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

quietly cmake -P "$source_dir/tests/packaging/rust_target.cmake"

# configure NAME ARGUMENT...: into ${work}/NAME
configure() {
    local name=$1
    shift
    cmake -S "$source_dir" -B "$work/$name" -DIOTX_BUILD_EXAMPLES=OFF "$@"
}
# expect NAME WORDS...: the configured build will run a command with these words in it.
expect() {
    local name=$1 rules
    shift
    rules=$(cat "$work/$name"/CMakeFiles/iotx_cargo.dir/build.make)
    for words in "$@"; do
        [[ $rules == *"$words"* ]] || fail "$name: no '$words' in: $(grep cargo <<<"$rules")"
    done
}

toolchain() { # TRIPLE PROCESSOR
    cat <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $2)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET $1)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
END
}
# In place of the binutils that a cross compiler comes with.
binutils=()
for tool in ld objcopy readelf; do
    binutils+=("-DIOTX_GNU_${tool^^}=$(command -v $tool)")
done
while read -r triple processor target; do
    toolchain "$triple" "$processor" >"$work/$triple.cmake"
    quietly configure "$triple" -DCMAKE_TOOLCHAIN_FILE="$work/$triple.cmake" -G "Unix Makefiles" "${binutils[@]}"
    name=${target//-/_}
    expect "$triple" "--target $target" "CC_$name=" "AR_$name=" "CFLAGS_$name=--target=$triple" \
        "CARGO_TARGET_${name^^}_LINKER=" "${name^^}_OPENSSL_LIB_DIR=" "${name^^}_OPENSSL_INCLUDE_DIR=" \
        "cargo/$target/release/libiotx_coap.a"
done <<'END'
aarch64-linux-gnu   aarch64 aarch64-unknown-linux-gnu
arm-linux-gnueabihf armv7l  armv7-unknown-linux-gnueabihf
riscv64-linux-gnu   riscv64 riscv64gc-unknown-linux-gnu
END

toolchain hexagon-linux-musl hexagon >"$work/unknown.cmake"
must_fail 'Set IOTX_RUST_TARGET' configure unknown -DCMAKE_TOOLCHAIN_FILE="$work/unknown.cmake"
quietly configure unknown -DCMAKE_TOOLCHAIN_FILE="$work/unknown.cmake" -G "Unix Makefiles" "${binutils[@]}" \
    -DIOTX_RUST_TARGET=hexagon-unknown-linux-musl
expect unknown "--target hexagon-unknown-linux-musl"

host=$(rustc --version --verbose | sed -n 's/^host: //p')
quietly configure native -G "Unix Makefiles"
expect native "--target $host" "cargo/$host/release/libiotx_coap.a"

# CMake takes LLVM's tools beside clang, which do not do the same. They announce themselves as "compatible with GNU objcopy".
cat >"$work/llvm-objcopy" <<'END'
#!/bin/sh
echo "llvm-objcopy, compatible with GNU objcopy"
END
chmod +x "$work/llvm-objcopy"
quietly configure llvm -G "Unix Makefiles" -DCMAKE_OBJCOPY="$work/llvm-objcopy"
grep -q 'OBJCOPY=[^ ]*llvm-objcopy' "$work/llvm/CMakeFiles/iotx_object.dir/build.make" && fail "llvm-objcopy is taken for GNU's"

# Whatever else the user's environment, or a configuration above the source tree, would have cargo build for: the command
# line comes first.
export CARGO_BUILD_TARGET=wasm32-unknown-unknown
quietly configure host -DCMAKE_BUILD_TYPE=Debug -DIOTX_BUILD_EXAMPLES=ON -DIOTX_CARGO_TARGET_DIR="$build_dir/cargo"
quietly cmake --build "$work/host" --parallel 2
[ -f "$build_dir/cargo/$host/debug/libiotx_coap.a" ] || fail "cargo did not build for $host"
readelf --sections "$work/host/libiot_sdk.a" | grep '\.debug_info' >/dev/null || fail "Debug without debug information"
deliver "$work/host/coap-example"
deliver "$work/host/coap-example-shared"
