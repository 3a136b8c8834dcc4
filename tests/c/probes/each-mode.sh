#!/usr/bin/env bash
# Runs a program once per set of options, all of them even when one fails:
#
#   each-mode.sh PROGRAM "OPTIONS" ["OPTIONS"...]
set -euo pipefail

program=$1
shift
failed=0
for options; do
    read -r -a words <<<"$options"
    printf '== %s %s\n' "${program##*/}" "$options"
    if ! "$program" "${words[@]}"; then
        printf 'failed: %s %s\n' "${program##*/}" "$options" >&2
        failed=1
    fi
done
exit "$failed"
