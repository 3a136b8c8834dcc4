#!/usr/bin/env bash
# What devices cost, for docs/scale.md: swarms of several sizes, one after the other, one report from each device.
#
#   scale.sh IOTX_SWARM_BINARY RUNS_FILE
#
# RUNS_FILE gets one line of JSON a run; cloud/examples/plot_scale.rs draws it. A run in which a report had no end, or was
# acknowledged without having arrived, ends the script with an error.
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "usage: $0 IOTX_SWARM_BINARY RUNS_FILE" >&2
    exit 2
fi
swarm=$1
runs=$2
: >"$runs"
# A thousand reports per second, whatever the size: what is measured is what a device costs, not how much a cloud on the same
# computer can take.
run() { # TRANSPORT DEVICES...
    local transport=$1 devices
    shift
    for devices; do
        echo "$transport: $devices devices" >&2
        "$swarm" --json --transport "$transport" --devices "$devices" --reports 1 --interval "${devices}ms" >>"$runs"
    done
}
run udp 1000 5000 10000 20000 50000
run dtls 250 1000 2500 5000
