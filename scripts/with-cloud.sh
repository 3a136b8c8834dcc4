#!/usr/bin/env bash
# Runs a command beside a stand-in cloud of its own:
#
#   with-cloud.sh IOTX_CLOUD_BINARY COMMAND [ARGUMENT...]
#
# Its exit code is the command's. When the command fails, the cloud's log follows on standard error.
set -euo pipefail
# shellcheck source=scripts/cloud.sh
. "$(dirname "${BASH_SOURCE[0]}")/cloud.sh"

if [ $# -lt 2 ]; then
    echo "usage: $0 IOTX_CLOUD_BINARY COMMAND [ARGUMENT...]" >&2
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
if [ "$status" -ne 0 ]; then
    echo "The cloud's log:" >&2
    cat "$cloud_dir/log" >&2
fi
exit "$status"
