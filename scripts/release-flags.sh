#!/usr/bin/env bash
# Runs cargo with the flags of rustc for what is shipped.
#
#   release-flags.sh SOURCE_DIR TARGET_DIR RUSTC CARGO ARGUMENT...
#
# Flags that the caller has for rustc stay: they are added to where cargo looks for them first. The exception: a
# configuration file with target.<…>.rustflags, in front of which cargo ignores what is given here.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 SOURCE_DIR TARGET_DIR RUSTC CARGO ARGUMENT..." >&2
    exit 2
fi
source_dir=$1
target_dir=$2
rustc=$3
shift 3

# The paths of this machine are not to be in what is built, where they would tell about the builder, and keep two builds from
# being equal. They come with the messages of panics, and with debug information. The last that matches counts.
flags=("--remap-path-prefix=$source_dir=/iotx-coap" "--remap-path-prefix=$target_dir=/build"
    "--remap-path-prefix=${CARGO_HOME:-${HOME-}/.cargo}=/cargo")
# With the standard library's sources at hand (component rust-src), rustc names them where they lie.
commit=$("$rustc" --version --verbose | sed -n 's/^commit-hash: //p')
flags+=("--remap-path-prefix=$("$rustc" --print sysroot)/lib/rustlib/src/rust=/rustc/$commit")
# SHA-256 as a loop instead of its 64 rounds one after the other: 8 KB less, for what a device computes when it authenticates.
flags+=(--cfg 'sha2_backend_soft="compact"')

separator=$'\x1f'
join() {
    local IFS=$separator
    echo "$*"
}
if [ -n "${CARGO_ENCODED_RUSTFLAGS-}" ]; then
    CARGO_ENCODED_RUSTFLAGS+=$separator$(join "${flags[@]}")
    export CARGO_ENCODED_RUSTFLAGS
elif [ -n "${RUSTFLAGS-}" ]; then
    read -r -a words <<<"${RUSTFLAGS//$'\n'/ }"
    CARGO_ENCODED_RUSTFLAGS=$(join "${words[@]}" "${flags[@]}")
    export CARGO_ENCODED_RUSTFLAGS
else
    list=
    for flag in "${flags[@]}"; do
        flag=${flag//\\/\\\\}
        list+="\"${flag//\"/\\\"}\", "
    done
    # The first word is cargo, the second its command; a --config before it is not what every release takes.
    set -- "$1" "$2" --config "build.rustflags=[$list]" "${@:3}"
fi
exec "$@"
