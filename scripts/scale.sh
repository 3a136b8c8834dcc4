#!/usr/bin/env bash
# What devices cost, for docs/scale.md: swarms of several sizes, one after the other, two reports from each device.
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
run() { # TRANSPORT INTERVAL DEVICES...
    local transport=$1 interval=$2 devices
    shift 2
    for devices; do
        echo "$transport: $devices devices" >&2
        "$swarm" --json --transport "$transport" --devices "$devices" --reports 2 --interval "$interval" >>"$runs"
    done
}
run udp 20s 1000 5000 10000 20000 35000 50000
run dtls 10s 250 500 1000 2000 3500 5000
