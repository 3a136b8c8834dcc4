#!/usr/bin/env bash
# Runs a command beside a stand-in cloud of its own:
#
#   with-cloud.sh [--seen PATTERN | --unseen PATTERN]... IOTX_CLOUD_BINARY COMMAND [ARGUMENT...]
#
# Its exit code is the command's; or 1 if that is 0, and the cloud's log has no line that matches the extended regular
# expression after --seen, or one that matches the one after --unseen. Unless it is 0, the cloud's log follows on standard error.
set -euo pipefail
# shellcheck source=scripts/cloud.sh
. "$(dirname "${BASH_SOURCE[0]}")/cloud.sh"

seen=()
unseen=()
while [ $# -gt 2 ]; do
    case $1 in
    --seen) seen+=("$2") ;;
    --unseen) unseen+=("$2") ;;
    *) break ;;
    esac
    shift 2
done
if [ $# -lt 2 ]; then
    echo "usage: $0 [--seen PATTERN | --unseen PATTERN]... IOTX_CLOUD_BINARY COMMAND [ARGUMENT...]" >&2
    exit 2
fi
binary=$1
shift
trap cloud_remove EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
cloud_start "$binary"
status=0
"$@" || status=$?
cloud_stop
if [ "$status" -eq 0 ]; then
    for pattern in ${seen[@]+"${seen[@]}"}; do
        if ! grep -qE -e "$pattern" "$cloud_dir/log"; then
            echo "The cloud has not seen: $pattern" >&2
            status=1
        fi
    done
    for pattern in ${unseen[@]+"${unseen[@]}"}; do
        if grep -qE -e "$pattern" "$cloud_dir/log"; then
            echo "The cloud should not have seen: $pattern" >&2
            status=1
        fi
    done
fi
if [ "$status" -ne 0 ]; then
    echo "The cloud's log:" >&2
    cat "$cloud_dir/log" >&2
fi
exit "$status"
