#!/usr/bin/env bash
# A cloud, to be started by scripts/with-cloud.sh in place of the binary ${PROBE_CLOUD}, that offers the device a
# firmware: the file ${PROBE_IMAGE}.
set -euo pipefail
exec "$PROBE_CLOUD" "$@" --offer "a1B2c3D4e5F,dev01,iotx_ver_2.0.0,$PROBE_IMAGE"
