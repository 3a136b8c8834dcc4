#!/usr/bin/env bash
# Checks that this machine has what a make target needs, and installs what is missing where it may.
#
#   bootstrap.sh build    libraries, examples, demo
#   bootstrap.sh lint     and the linters
#   bootstrap.sh test     and everything the tests use
#   bootstrap.sh bench    what `build` needs, and everything the benchmarks use
#
# Quiet and quick when nothing is missing. Otherwise installs Debian packages if it runs as root or with a
# password-less sudo; if it may not, or if Rust is missing or too old, prints the commands to run and exits 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

level=${1:-test}
case $level in
build | lint | test | bench) ;;
*)
    echo "usage: $0 [build|lint|test|bench]" >&2
    exit 2
    ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }

can_compile() { # FLAGS...: does the C compiler turn a hosted program into an object with these flags?
    echo '#include <stdint.h>
#include <stdio.h>
int main(void) { return 0; }' | cc "$@" -c -x c -o /dev/null - 2>/dev/null
}

# It does not start without the loader's symbols, which Debian keeps in a package of their own.
have_valgrind() { valgrind --quiet true >/dev/null 2>&1; }

missing_packages() {
    can_compile || echo gcc libc6-dev
    have make || echo make
    have cmake || echo cmake
    have pkg-config || echo pkg-config
    # Without pkg-config there is no telling; asking for an installed package does no harm.
    pkg-config --exists 'openssl >= 1.1.1' 2>/dev/null || echo libssl-dev
    [ "$level" != build ] || return 0
    if [ "$level" = bench ]; then
        have openssl || echo openssl
        have taskset || echo util-linux
        have strace || echo strace
        have_valgrind || echo valgrind libc6-dbg
        pkg-config --exists libcoap-3-openssl 2>/dev/null || echo libcoap3-dev
        return 0
    fi
    have shellcheck || echo shellcheck
    [ "$level" != lint ] || return 0
    have g++ || echo g++
    have clang || echo clang
    have_valgrind || echo valgrind libc6-dbg
    # /usr/sbin, where ip lies, need not be on the PATH of users.
    PATH=$PATH:/usr/sbin:/sbin have ip || echo iproute2 # networks for the test of roaming devices
    have unshare || echo util-linux
    if have dpkg; then # the Debian packages are built, and tried
        have dpkg-shlibdeps || echo dpkg-dev
        have file || echo file
    fi
    if [ "$(uname -m)" = x86_64 ]; then # the headers are also compiled for a 32-bit target
        can_compile -m32 || echo gcc-multilib
    fi
}

install_packages() { # PACKAGES...
    local -a as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    if ! have apt-get; then
        echo "Missing, by the names of their Debian packages: $*" >&2
        return 1
    fi
    if [ ${#as_root[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; then
        echo "Missing packages. Please run:" >&2
        echo "    sudo apt-get update && sudo apt-get install -y $*" >&2
        return 1
    fi
    echo "Installing $*"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

check_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if ! have cargo || ! have rustc; then
        echo "Rust $wanted or newer is needed, and distributions' packages are often older. Please run:" >&2
        echo "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2
        return 1
    fi
    found=$(rustc --version | awk '{ print $2 }')
    if [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "Rust $wanted or newer is needed; this is $found. Please run:" >&2
        echo "    rustup update stable" >&2
        return 1
    fi
    if [ "$level" = lint ] && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
        echo "rustfmt and clippy are needed. Please run:" >&2
        echo "    rustup component add rustfmt clippy" >&2
        return 1
    fi
}

status=0
read -r -a packages <<<"$(missing_packages | tr '\n' ' ')"
if [ ${#packages[@]} -gt 0 ]; then
    install_packages "${packages[@]}" || status=1
fi
check_rust || status=1
exit "$status"
