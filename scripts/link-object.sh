#!/usr/bin/env bash
# Turns cargo's raw static library into the one relocatable object that the shipped libraries are made of.
#
#   link-object.sh [--keep-debug] [--without-hal] RAW_ARCHIVE SYMBOL_LIST OUT_OBJECT
#
# The raw archive carries the whole Rust standard library, its bitcode and every one of its symbols as a global. Here it
# is linked into one object with only what the exports reach (`ld -r --gc-sections`), and every other symbol is made
# local, so that it can neither collide with the firmware's names nor with another Rust library in the same program.
# The default HAL_* stay weak and are still called through their symbols, OpenSSL and libc stay undefined. With
# --without-hal the defaults are left out, and the HAL_* stay undefined too: the object of libiot_sdk_core.a.
#
# Fails when the archive and the list disagree: a listed symbol that is not there, one of our names that is not
# listed, or a HAL_* that is not weak. Tools from the environment: LD (GNU ld), OBJCOPY, READELF, and PRUNE_RELOCS, which is
# prune-relocs.rs compiled; without it the object is larger.
set -euo pipefail

keep_debug=no
with_hal=yes
while [ $# -gt 3 ]; do
    case $1 in
    --keep-debug) keep_debug=yes ;;
    --without-hal) with_hal=no ;;
    *) break ;;
    esac
    shift
done
if [ $# -ne 3 ]; then
    echo "usage: $0 [--keep-debug] [--without-hal] RAW_ARCHIVE SYMBOL_LIST OUT_OBJECT" >&2
    exit 2
fi
raw=$1
list=$2
out=$3
ld=${LD:-ld}
objcopy=${OBJCOPY:-objcopy}
readelf=${READELF:-readelf}

export LC_ALL=C
work=$(mktemp -d "$out.XXXXXX") # beside the result, so that the last step is a rename
trap 'rm -rf "$work"' EXIT

# Prints "NAME BINDING SECTION-INDEX" for each symbol that is global, weak, or undefined. Not nm: where LLVM's linker
# plugin is installed, nm hands it the bitcode that the standard library carries, and an older LLVM aborts on that.
symbols() {
    "$readelf" --symbols --wide "$1" |
        awk 'NF >= 8 && ($5 == "GLOBAL" || $5 == "WEAK" || $7 == "UND") { print $NF, $5, $7 }'
}
defined() { symbols "$1" | awk '$3 != "UND" { print $1 }' | sort -u; }
defined_weak() { symbols "$1" | awk '$3 != "UND" && $2 == "WEAK" { print $1 }' | sort -u; }
undefined() { symbols "$1" | awk '$3 == "UND" { print $1 }' | sort -u; }

awk '!/^#/ && NF { print $1 }' "$list" | sort >"$work/listed"
awk '!/^#/ && $2 == "hal-weak" { print $1 }' "$list" | sort >"$work/hal"
if [ "$with_hal" = yes ]; then
    cp "$work/listed" "$work/names"
    cp "$work/hal" "$work/weak"
    : >"$work/wrap"
    : >"$work/unwrap"
else
    # References to HAL_x become references to __wrap_HAL_x, for which the archive has no member, and then HAL_x again.
    # (Taking the members out would need `ar`, and which hands members to plugins as nm does, see above.)
    comm -23 "$work/listed" "$work/hal" >"$work/names"
    : >"$work/weak"
    sed 's/^/--wrap=/' "$work/hal" >"$work/wrap"
    sed 's/.*/--redefine-sym=__wrap_&=&/' "$work/hal" >"$work/unwrap"
fi
sed 's/^/--undefined=/' "$work/names" >"$work/roots"

# Groups (COMDAT) are resolved here and now: a group whose signature became local would be dropped, and its users with
# it, as soon as a second Rust library in the program had a group of the same name.
"$ld" -r --gc-sections --force-group-allocation -o "$work/linked.o" "@$work/roots" "@$work/wrap" "$raw"

# The linker drops unreached code but not the names that only this code used: hundreds of OpenSSL and libc functions,
# for which a static link of the firmware would pull in code. `--strip-unneeded` tells which ones are dead; the names of
# live local functions stay, for the firmware's debugger and profiler.
"$objcopy" --strip-unneeded "$work/linked.o" "$work/bare.o"
undefined "$work/bare.o" >"$work/live"
undefined "$work/linked.o" | comm -23 - "$work/live" >"$work/dead"

# Of the local names, those that only the compiler made (.L…) tell nobody anything.
strip=(--remove-section=.llvmbc --remove-section=.llvmcmd --strip-symbols="$work/dead" --discard-locals)
if [ "$keep_debug" = no ]; then
    strip+=(--strip-debug --remove-section=.comment)
fi

# Rust and -ffunction-sections make a section of each function and constant, and a section's name, header, symbol and list
# of relocations cost more than most functions. Those that a linker can only keep or drop together become one, so
# that the firmware's --gc-sections drops what it dropped before.
"$readelf" --section-headers --wide "$work/linked.o" >"$work/sections"
"$readelf" --symbols --wide "$work/linked.o" >"$work/symbols"
"$readelf" --relocs --wide "$work/linked.o" >"$work/relocs"
awk -f "${BASH_SOURCE[0]%/*}/section-groups.awk" \
    "$work/names" "$work/hal" "$work/sections" "$work/symbols" "$work/relocs" >"$work/groups"
"$objcopy" "${strip[@]}" "@$work/groups" "$work/linked.o" "$work/parts.o"
"$ld" -r -o "$work/grouped.o" "$work/parts.o"
if [ -n "${PRUNE_RELOCS-}" ]; then
    "$PRUNE_RELOCS" "$work/grouped.o"
fi
# What is left of local names is a tenth of the object, and tells a firmware's debugger little without debug information.
# (tests/c/valgrind.supp names the one that is kept.)
final=(--keep-global-symbols="$work/names")
if [ "$keep_debug" = no ]; then
    final+=(--strip-unneeded --wildcard "--keep-symbol=*hashbrown*reserve_rehash*")
fi
"$objcopy" "@$work/unwrap" "${final[@]}" "$work/grouped.o" "$work/trimmed.o"

complain() { # FILE MESSAGE: fails if FILE names any symbol
    if [ -s "$1" ]; then
        echo "$0: $2:" >&2
        sed 's/^/    /' "$1" >&2
        return 1
    fi
}
defined "$work/trimmed.o" | comm -23 "$work/names" - >"$work/missing"
# The Rust side of the default HAL, called by the C shim inside the same object, becomes local.
defined "$raw" | grep -E '^(IOT_|iotx_|HAL_)' | grep -v '^iotx_hal_default_' | comm -13 "$work/listed" - >"$work/unlisted"
defined_weak "$work/trimmed.o" | comm -3 "$work/weak" - | tr -d '\t' >"$work/wrong"
undefined "$work/trimmed.o" | awk '/^(__wrap_)?HAL_/' | comm -13 "$work/hal" - >"$work/stray"
bad=0
complain "$work/missing" "listed in $list, but not defined in $raw" || bad=1
complain "$work/unlisted" "exported by $raw, but not listed in $list" || bad=1
complain "$work/wrong" "weak here and not listed as hal-weak, or the other way round" || bad=1
complain "$work/stray" "called through the HAL, but without a default" || bad=1
[ "$bad" -eq 0 ] || exit 1

mv "$work/trimmed.o" "$out"
