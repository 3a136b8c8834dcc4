#!/usr/bin/env bash
# A cloud, to be started by scripts/with-cloud.sh in place of the binary ${OTA_CLOUD}, that offers the first device a
# firmware, version 1.1, over HTTPS: the file ${OTA_IMAGE}.
set -euo pipefail
exec "$OTA_CLOUD" "$@" --https-port 0 --offer "a1B2c3D4e5F,dev01,1.1,$OTA_IMAGE"
