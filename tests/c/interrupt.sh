#!/usr/bin/env bash
# The example, reporting until it is interrupted (-l): after an interrupt it says good-bye to the cloud and exits with 0.
#
#   interrupt.sh COAP_EXAMPLE         beside a cloud, see scripts/with-cloud.sh
set -euo pipefail
# shellcheck source=scripts/cloud.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/cloud.sh" # the device

export IOTX_DEMO_PRODUCT_KEY=$cloud_product_key IOTX_DEMO_DEVICE_NAME=$cloud_device_name
export IOTX_DEMO_DEVICE_SECRET=$cloud_device_secret
exec {output}< <(exec "$1" -l -e online -s dtls 2>&1)
program=$!

await() { # TEXT: reads lines up to one that begins with it
    local line
    while read -r -t 60 -u "$output" line; do
        printf '%s\n' "$line"
        [[ $line != "$1"* ]] || return 0
    done
    echo "no line '$1'" >&2
    kill "$program" 2>/dev/null
    return 1
}
await "answer 2.05"
kill -INT "$program"
await "memory of the CoAP library"
wait "$program"
