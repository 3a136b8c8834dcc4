#!/usr/bin/env bash
# A platform port that is an archive itself. With libiot_sdk.a it would be ignored without a word: the weak defaults
# satisfy every reference, and a linker takes from an archive only what is still missing. Two ways lead to it:
#
#   -liot_sdk_core -lmyport                                              for a port that is complete
#   -Wl,--whole-archive -lmyport -Wl,--no-whole-archive -liot_sdk        for one that leaves something to the defaults
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
cd "$examples"
read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"
quietly "$cc" -O2 -Wall -Wextra -Werror -c "${cflags[@]}" coap-example.c app_entry.c
program=(coap-example.o app_entry.o)

# archive NAME FLAG...: the port in libNAME.a
archive() {
    local name=$1
    shift
    quietly "$cc" -std=c99 -O2 -Wall -Wextra -Werror "$@" -c -o "$name.o" "${cflags[@]}" \
        "$source_dir/tests/packaging/port/port.c"
    quietly ar rcs "lib$name.a" "$name.o"
}
archive myport
archive oldport -DPORT_OF_2_1

# delivered_through PORT|DEFAULTS PROGRAM: a report over plain UDP, through sockets of the one or the other.
delivered_through() {
    local expected=$1 through=DEFAULTS
    shift
    beside_cloud udp "$@" -u COAP_URL
    if grep -q "the port's socket" "$work/output"; then
        grep -q "the port has closed" "$work/output" || fail "the port's socket was left open"
        through=PORT
    fi
    [ "$through" = "$expected" ] || fail "$* went through $through, not $expected"
}

read -r -a core <<<"$(pkg-config --libs iot_sdk_core)"
read -r -a full <<<"$(pkg-config --libs --static iot_sdk)"
full=("-Wl,-Bstatic" "${full[@]:0:2}" "-Wl,-Bdynamic" "${full[@]:2}") # ours static, the system's shared

quietly "$cc" -o core "${program[@]}" "${core[@]}" -L. -lmyport
delivered_through PORT "$PWD/core"
# What is missing has a name.
must_fail 'undefined reference to `HAL_UDP_create' "$cc" -o none "${program[@]}" "${core[@]}"
must_fail 'undefined reference to `HAL_UDP_close_without_connect' \
    "$cc" -o none "${program[@]}" "${core[@]}" -L. -loldport

for port in myport oldport; do
    quietly "$cc" -o "whole-$port" "${program[@]}" -L. -Wl,--whole-archive -l$port -Wl,--no-whole-archive "${full[@]}"
    delivered_through PORT "$PWD/whole-$port"
    # A port given as an object needs nothing of this.
    quietly "$cc" -o "object-$port" "${program[@]}" "$port.o" "${full[@]}"
    delivered_through PORT "$PWD/object-$port"
done

# The trap, so that this file says the truth.
quietly "$cc" -o trap "${program[@]}" "${full[@]}" -L. -lmyport
delivered_through DEFAULTS "$PWD/trap"
