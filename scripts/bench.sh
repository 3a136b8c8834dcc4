#!/usr/bin/env bash
# Builds the bench programs beside the libraries, and compares them.
#
#   bench.sh BUILD_DIR [--quick]
#
# Prints the table, and leaves it in BUILD_DIR/bench as table.md, with all the numbers in results.json.
set -euo pipefail

if [ $# -lt 1 ]; then
    echo "usage: $0 BUILD_DIR [--quick]" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=$build/bench
mkdir -p "$out"

c() { # PROGRAM ARGUMENT...: one of benches/c
    local name=$1
    shift
    cc -std=gnu99 -Wall -Wextra -Werror -O2 -o "$out/$name" "benches/c/$name.c" "$@"
}
openssl=$(pkg-config --cflags --libs openssl)
libcoap=$(pkg-config --cflags --libs libcoap-3-openssl)
include=(-Iinclude -Iinclude/exports -Iinclude/imports)
static=("$build/libiot_sdk.a" "-Wl,--gc-sections")
# Lists of options: to be split.
# shellcheck disable=SC2086
{
    c bare_udp
    c bare_dtls $openssl
    c responder $openssl -pthread
    c libcoap $libcoap
    for name in ours idle; do
        c $name "${include[@]}" "${static[@]}" $openssl -pthread -ldl
    done
    # The example with the library inside, and with the shared library: the difference is what the static link adds.
    example=(cc -O2 "${include[@]}" c_examples/coap-example.c c_examples/app_entry.c -s)
    "${example[@]}" -o "$out/example-static" "${static[@]}" $openssl -pthread -ldl
    "${example[@]}" -o "$out/example-shared" -L"$build" -liot_sdk
}

# As the service has: RSA, 2,048 bits, signed by a root.
if ! [ -s "$out/server.pem" ] || ! openssl x509 -in "$out/server.pem" -noout -checkend 3600 >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Bench root" \
        -keyout "$out/root.key" -out "$out/root.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=Bench server" \
        -keyout "$out/server.key" -out "$out/server.csr" 2>/dev/null
    openssl x509 -req -in "$out/server.csr" -CA "$out/root.pem" -CAkey "$out/root.key" -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$out/server.pem" 2>/dev/null
fi

# The runner only starts programs and reads what they print: no optimised build of the whole library for it.
exec cargo bench --locked --profile dev --bench compare -- "$out" "$build/libiot_sdk.so" "$@"
