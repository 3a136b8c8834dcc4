# shellcheck shell=bash
# To be sourced by the tests of this directory, which are called as: TEST.sh BUILD_DIR
#
# Sets ${source_dir} and ${build_dir}, and makes ${work}, a directory outside of both that is removed in the end. What
# a test builds, it builds there, from what has been installed or packed, as a stranger would.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build_dir=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/iot_sdk.XXXXXX")
# shellcheck source=scripts/cloud.sh
. "$source_dir/scripts/cloud.sh"

cleanup() {
    cloud_remove
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# Only what a test says itself shall lead to the library.
unset PKG_CONFIG_PATH PKG_CONFIG_LIBDIR LD_LIBRARY_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CMAKE_PREFIX_PATH
unset iot_sdk_DIR iot_sdk_ROOT MAKEFLAGS MFLAGS MAKELEVEL
export LC_ALL=C
# shellcheck disable=SC2034 # the tests use it
cc=${CC:-cc}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# quietly COMMAND...: its output only if it fails.
quietly() {
    if ! "$@" >"$work/output" 2>&1; then
        cat "$work/output" >&2
        fail "$*"
    fi
}

# must_fail PATTERN COMMAND...: it fails, and says so in words that match the basic regular expression.
must_fail() {
    local pattern=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        fail "succeeded, but should not: $*"
    fi
    if ! grep -q -e "$pattern" "$work/output"; then
        cat "$work/output" >&2
        fail "failed without a word about '$pattern': $*"
    fi
}

# Installs into ${prefix}, and moves that elsewhere before anything is found in it: installed trees are relocatable.
install_and_move() {
    quietly cmake --install "$build_dir" --prefix "$work/first place"
    prefix=$work/prefix
    mv "$work/first place" "$prefix"
    libdir=$(dirname "$(find "$prefix" -name 'libiot_sdk.so')")
    export PKG_CONFIG_PATH=$libdir/pkgconfig
}

# Puts the example and its main function into ${examples}: the headers are not beside them.
copy_examples() {
    examples=$work/examples
    mkdir "$examples"
    cp "$source_dir/c_examples/coap-example.c" "$source_dir/c_examples/app_entry.c" "$examples"
}

# beside_cloud TRANSPORT COMMAND...: runs it with a cloud of its own and the demo device's identity in the environment; a
# report over TRANSPORT (dtls, sym, udp) must stand in the cloud's log. What the command prints is left in ${work}/output.
# The word COAP_URL among the arguments stands for the cloud's plain URL, for ports that do not know IOTX_CONNECT_TO.
beside_cloud() {
    local transport=$1 url
    shift
    cloud_start "$build_dir/iotx-cloud"
    url=${IOTX_CONNECT_TO#*5683=}
    url=coap://${url%%,*}
    if ! IOTX_DEMO_PRODUCT_KEY=$cloud_product_key IOTX_DEMO_DEVICE_NAME=$cloud_device_name \
        IOTX_DEMO_DEVICE_SECRET=$cloud_device_secret timeout 60 "${@/#COAP_URL/$url}" >"$work/output" 2>&1; then
        cat "$work/output" "$cloud_dir/log" >&2
        fail "no report from $*"
    fi
    cloud_stop
    if ! cloud_saw_report "$transport"; then
        cat "$cloud_dir/log" >&2
        fail "the cloud saw no report from $*"
    fi
    cloud_remove
    echo "delivered: ${1#"$work/"}"
}

# deliver PROGRAM: runs the coap-example, over DTLS.
deliver() {
    beside_cloud dtls "$@" -e online -s dtls
}

# needs_shared PROGRAM: does it ask for our shared library? (No `grep -q` behind a pipe in these files: it would
# end at once, and what feeds it would fail for that.)
needs_shared() {
    readelf --dynamic "$1" | grep 'NEEDED.*\[libiot_sdk\.so\.[0-9]*\]' >/dev/null
}
