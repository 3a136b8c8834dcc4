#!/usr/bin/env bash
# Thousands of reports through a network that loses 30 % of all datagrams in each direction, authentications and
# handshakes included:
#
#   soak.sh IOTX_SWARM_BINARY [LOG_DIRECTORY]
#
# With RFC 7252's parameters in real time, plain, symmetric and DTLS; with those for NB-IoT faster than in life, or a
# report would take up to two hours. All at once, five to ten minutes altogether. Exits with 0 only if every report ended in
# exactly one way, none was acknowledged that did not arrive, and enough arrived and were acknowledged.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: $0 IOTX_SWARM_BINARY [LOG_DIRECTORY]" >&2
    exit 2
fi
swarm=$1
if [ $# -eq 2 ]; then
    logs=$2
    mkdir -p "$logs"
else
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
fi

names=()
pids=()
soak() { # NAME ARGUMENT...: begins one run
    local name=$1
    shift
    names+=("$name: iotx-swarm --devices 1000 --reports 5 --impair loss=30% $*")
    "$swarm" --devices 1000 --reports 5 --impair loss=30% "$@" >"$logs/$name.log" 2>"$logs/$name.progress" &
    pids+=($!)
}
trap 'kill "${pids[@]}" 2>/dev/null; exit 143' TERM
trap 'kill "${pids[@]}" 2>/dev/null; exit 130' INT

# Five transmissions: 1 - 0.3^5 = 99.8 % can arrive, 1 - 0.51^5 = 96.5 % can be known to have arrived. Of 5,000 reports, the
# bounds are six standard deviations away from what is expected, so the seeds do not matter.
rfc=(--preset rfc --require-arrived 99 --require-acknowledged 95)
soak rfc-plain --transport udp --seed 1 "${rfc[@]}"
soak rfc-symmetric --transport psk --seed 2 "${rfc[@]}"
soak rfc-dtls --transport dtls --seed 3 "${rfc[@]}"
# Nine transmissions: 1 - 0.51^9 = 99.77 % can be known to have arrived; the bound is four standard deviations away where the
# computer keeps up. Over DTLS it is more, since a report that is begun anew in another session has all nine again. ACK_TIMEOUT
# is a fortieth and a twentieth of the preset's 10 s; the devices' timers of DTLS handshakes are as much faster.
nb=(--preset nb-iot --require-arrived 99.5 --require-acknowledged 99.5)
soak nb-iot-plain --transport udp --seed 4 --ack-timeout 250ms "${nb[@]}"
soak nb-iot-dtls --transport dtls --seed 5 --ack-timeout 500ms "${nb[@]}"

failed=0
for i in "${!pids[@]}"; do
    status=0
    wait "${pids[$i]}" || status=$?
    name=${names[$i]%%:*}
    printf '\n== %s\n' "${names[$i]}"
    cat "$logs/$name.log"
    if [ "$status" -ne 0 ]; then
        echo "FAILED with exit code $status"
        tail -n 5 "$logs/$name.progress"
        failed=1
    fi
done
exit "$failed"
