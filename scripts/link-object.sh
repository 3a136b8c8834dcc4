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
# listed, or a HAL_* that is not weak. Tools from the environment: LD (GNU ld), OBJCOPY, READELF; SLIM_RELOCS, which is
# slim-relocs.rs compiled; and NO_BACKTRACE, which is no-backtrace.rs compiled to an object. Without the last two the
# object is larger.
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
here=$(dirname "${BASH_SOURCE[0]}")
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

# The default hook for panics can print the stack, for which the standard library has a reader of debug information of its own:
# a quarter of what has been linked here, to print frames for which a stripped library has no names. The function that
# it calls for it becomes one that prints nothing, and everything behind it is unreached. The message of a panic and
# its place stay.
if [ -n "${NO_BACKTRACE-}" ] && [ "$keep_debug" = no ]; then
    # "   17: 0000000000000000  1106 FUNC    LOCAL  DEFAULT  5 _RNvX…": <BacktraceLock::print::DisplayBacktrace as Display>::fmt
    printer=$("$readelf" --symbols --wide "$work/linked.o" | awk '
        $4 == "FUNC" && $8 ~ /^_R.*3std3sys9backtrace.*16DisplayBacktrace.*7Display3fmt$/ { print $8, $3 }')
    read -r name size <<<"$printer" || true
    "$objcopy" --output-target=binary --only-section='.text*' "$NO_BACKTRACE" "$work/nothing"
    if [ "$(wc -l <<<"$printer")" -eq 1 ] && [ "${size:-0}" -ge "$(stat --format=%s "$work/nothing")" ]; then
        truncate --size="$size" "$work/nothing" # its entry for the unwinder is about so many bytes
        "$objcopy" --remove-relocations=".text.$name" --update-section ".text.$name=$work/nothing" "$work/linked.o" "$work/quiet.o"
        "$ld" -r --gc-sections -o "$work/linked.o" "@$work/roots" "$work/quiet.o"
    else
        echo "$0: this standard library prints backtraces in another way; they stay in" >&2
    fi
fi

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
awk -f "$here/section-groups.awk" \
    "$work/names" "$work/hal" "$work/sections" "$work/symbols" "$work/relocs" >"$work/groups"
"$objcopy" "${strip[@]}" "@$work/groups" "$work/linked.o" "$work/parts.o"
"$ld" -r -o "$work/grouped.o" "$work/parts.o"

: >"$work/short"
if [ "$keep_debug" = no ]; then
    "$readelf" --symbols --wide "$work/grouped.o" | awk -f "$here/short-names.awk" >"$work/short"
fi
"$objcopy" "@$work/unwrap" "@$work/short" --keep-global-symbols="$work/names" "$work/grouped.o" "$work/trimmed.o"
if [ -n "${SLIM_RELOCS-}" ]; then
    "$SLIM_RELOCS" "$work/trimmed.o"
    "$objcopy" --discard-locals --wildcard --strip-unneeded-symbol='GCC_except_table*' "$work/trimmed.o"
fi

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
