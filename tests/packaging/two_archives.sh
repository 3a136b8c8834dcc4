#!/usr/bin/env bash
# One program with three Rust archives in it: ours, a second copy of ours under other names, and somebody else's as rustc
# makes it, with all of its own standard library in sight. Each works, and unwinds its own panics.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
cd "$examples"
here=$source_dir/tests/packaging/two_archives
read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"

awk '!/^#/ && NF { print $1, "second_" $1 }' "$source_dir/abi/symbols.txt" >renamed
objcopy --redefine-syms=renamed "$libdir/libiot_sdk.a" libsecond.a
awk '{ print "#define", $1, $2 }' renamed >renamed.h
quietly "$cc" -O2 -Wall -c -o first.o "${cflags[@]}" coap-example.c
quietly "$cc" -O2 -Wall -c -o second.o -include "$PWD/renamed.h" -Dlinkkit_main=second_linkkit_main "${cflags[@]}" \
    coap-example.c
quietly "$cc" -O2 -Wall -Wextra -Werror -c -o main.o "${cflags[@]}" "$here/main.c"

# As cargo calls it: plainly, and with the link-time optimisation that we use ourselves.
for options in "" "-C lto=fat -C codegen-units=1"; do
    read -r -a words <<<"$options"
    quietly rustc --edition 2024 --crate-type staticlib -O "${words[@]}" -o libother.a "$here/other.rs"
    for order in "libsecond.a libother.a" "libother.a libsecond.a"; do
        read -r -a archives <<<"$order"
        quietly "$cc" -o together main.o first.o second.o "$libdir/libiot_sdk.a" "${archives[@]}" \
            -lssl -lcrypto -lpthread -ldl -lm
        deliver "$PWD/together"
        grep -q '^results 0 42 0$' "$work/output" || fail "$(cat "$work/output")"
        [ "$(grep -c '^answer 2.05' "$work/output")" -eq 2 ] || fail "not two reports: $(cat "$work/output")"
    done
done
