#!/usr/bin/env bash
# One device reports to a cloud on this machine in each of the three ways, and the cloud's log shows what arrived.
#
#   demo.sh BUILD_DIR
#
# Exits with 0 only if every report was answered 2.05 and stands in the cloud's log.
set -euo pipefail
# shellcheck source=scripts/cloud.sh
. "$(dirname "${BASH_SOURCE[0]}")/cloud.sh"

if [ $# -ne 1 ]; then
    echo "usage: $0 BUILD_DIR" >&2
    exit 2
fi
example=$1/coap-example
trap cloud_remove EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

cloud_start "$1/iotx-cloud"
echo "A cloud is running; names of its hosts lead here: IOTX_CONNECT_TO=$IOTX_CONNECT_TO"
export IOTX_DEMO_PRODUCT_KEY=$cloud_product_key
export IOTX_DEMO_DEVICE_NAME=$cloud_device_name
export IOTX_DEMO_DEVICE_SECRET=$cloud_device_secret

failed=0
report() { # TITLE ARGUMENT...: one run of the example
    local title=$1
    shift
    printf '\n== %s: coap-example %s\n' "$title" "$*"
    if ! "$example" "$@"; then
        echo "coap-example failed" >&2
        failed=1
    fi
}
report "DTLS" -e online -s dtls
report "Symmetric encryption" -e online -s psk
report "No security" -e pre -s nosec

cloud_stop
printf '\n== What the cloud saw\n'
cat "$cloud_dir/log"
for transport in dtls sym udp; do
    if ! cloud_saw_report "$transport"; then
        echo "The cloud's log has no accepted report over $transport" >&2
        failed=1
    fi
done
if [ "$failed" -ne 0 ]; then
    exit 1
fi
printf '\nAll three reports arrived.\n'
