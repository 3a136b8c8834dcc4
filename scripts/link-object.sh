#!/usr/bin/env bash
# Turns cargo's raw static library into the one relocatable object that both shipped libraries are made of.
#
#   link-object.sh [--keep-debug] RAW_ARCHIVE SYMBOL_LIST OUT_OBJECT
#
# The raw archive carries the whole Rust standard library, its bitcode and every one of its symbols as a global. Here it
# is linked into one object with only what the exports reach (`ld -r --gc-sections`), and every other symbol is made
# local, so that it can neither collide with the firmware's names nor with another Rust library in the same program.
# The default HAL_* stay weak and are still called through their symbols, OpenSSL and libc stay undefined.
#
# Fails when the archive and the list disagree: a listed symbol that is not there, one of our names that is not
# listed, or a HAL_* that is not weak. Tools from the environment: LD (GNU ld), OBJCOPY, READELF.
set -euo pipefail

keep_debug=no
if [ "${1-}" = --keep-debug ]; then
    keep_debug=yes
    shift
fi
if [ $# -ne 3 ]; then
    echo "usage: $0 [--keep-debug] RAW_ARCHIVE SYMBOL_LIST OUT_OBJECT" >&2
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

awk '!/^#/ && NF { print $1 }' "$list" | sort >"$work/names"
awk '!/^#/ && $2 == "hal-weak" { print $1 }' "$list" | sort >"$work/weak"
sed 's/^/--undefined=/' "$work/names" >"$work/roots"

# Groups (COMDAT) are resolved here and now: a group whose signature became local would be dropped, and its users with
# it, as soon as a second Rust library in the program had a group of the same name.
"$ld" -r --gc-sections --force-group-allocation -o "$work/linked.o" "@$work/roots" "$raw"

# The linker drops unreached code but not the names that only this code used: hundreds of OpenSSL and libc functions,
# for which a static link of the firmware would pull in code. `--strip-unneeded` tells which ones are dead; the names of
# live local functions stay, for the firmware's debugger and profiler.
"$objcopy" --strip-unneeded "$work/linked.o" "$work/bare.o"
undefined "$work/bare.o" >"$work/live"
undefined "$work/linked.o" | comm -23 - "$work/live" >"$work/dead"

strip=(--remove-section=.llvmbc --remove-section=.llvmcmd --strip-symbols="$work/dead")
if [ "$keep_debug" = no ]; then
    strip+=(--strip-debug --remove-section=.comment)
fi
"$objcopy" "${strip[@]}" --keep-global-symbols="$work/names" "$work/linked.o" "$work/trimmed.o"

complain() { # FILE MESSAGE: fails if FILE names any symbol
    if [ -s "$1" ]; then
        echo "$0: $2:" >&2
        sed 's/^/    /' "$1" >&2
        return 1
    fi
}
defined "$work/trimmed.o" | comm -23 "$work/names" - >"$work/missing"
# The Rust side of the default HAL, called by the C shim inside the same object, becomes local.
defined "$raw" | grep -E '^(IOT_|iotx_|HAL_)' | grep -v '^iotx_hal_default_' | comm -13 "$work/names" - >"$work/unlisted"
defined_weak "$work/trimmed.o" | comm -3 "$work/weak" - | tr -d '\t' >"$work/wrong"
bad=0
complain "$work/missing" "listed in $list, but not defined in $raw" || bad=1
complain "$work/unlisted" "exported by $raw, but not listed in $list" || bad=1
complain "$work/wrong" "weak here and not listed as hal-weak, or the other way round" || bad=1
[ "$bad" -eq 0 ] || exit 1

mv "$work/trimmed.o" "$out"
