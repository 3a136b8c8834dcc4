#!/usr/bin/env bash
# pkg-config iot_sdk, with and without --static, from a prefix that has been moved after the installation.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
cd "$examples"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source_dir/Cargo.toml" | head -n 1)
[ "$(pkg-config --modversion iot_sdk)" = "$version" ] || fail "pkg-config does not say version $version"
[ -f "$(pkg-config --variable=link_compat_dir iot_sdk)/libiot_tls.a" ] || fail "link_compat_dir leads nowhere"
[ "$(pkg-config --libs-only-l iot_sdk | xargs)" = "-liot_sdk" ] || fail "more than -liot_sdk for a shared link"

read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"
read -r -a libs <<<"$(pkg-config --libs iot_sdk)"
read -r -a static_libs <<<"$(pkg-config --libs --static iot_sdk)"

quietly "$cc" -Wall -Werror -o shared "${cflags[@]}" coap-example.c app_entry.c "${libs[@]}"
needs_shared shared || fail "not linked with the shared library"
LD_LIBRARY_PATH=$libdir deliver "$PWD/shared"

# With no shared library in sight, the same line takes the static one.
rm "$libdir"/libiot_sdk.so*
quietly "$cc" -Wall -Werror -o static "${cflags[@]}" coap-example.c app_entry.c "${static_libs[@]}"
deliver "$PWD/static"

# And nothing shared at all. glibc warns that getaddrinfo will look for shared libraries all the same.
if [ -f "$(pkg-config --variable=libdir libcrypto)/libcrypto.a" ]; then
    quietly "$cc" -Wall -static -o all-static "${cflags[@]}" coap-example.c app_entry.c "${static_libs[@]}"
    deliver "$PWD/all-static"
else
    echo "not tried: -static, there is no libcrypto.a"
fi
