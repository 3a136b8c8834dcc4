# shellcheck shell=bash
# Functions for scripts that need a stand-in cloud; to be sourced. Everything it makes lives in ${cloud_dir}.

cloud_pid=
cloud_dir=

# The devices it knows; the secrets are public test vectors.
cloud_product_key=a1B2c3D4e5F
cloud_device_name=dev01
cloud_device_secret=0123456789abcdef0123456789ABCDEF
cloud_second_device=$cloud_product_key,dev02,fedcba9876543210FEDCBA9876543210

# cloud_start BINARY: starts it on free ports of the loopback, waits until it serves, and points the library's default
# HAL at it (IOTX_CONNECT_TO, IOTX_EXTRA_CA). Offers the first device a firmware, version 1.1, whose image is the file
# that CLOUD_IMAGE names; only programs that report a version notice.
cloud_start() {
    local binary=$1 line address ready=no
    local udp='' dtls='' psk='' ca=''

    cloud_dir=$(mktemp -d "${TMPDIR:-/tmp}/iotx-cloud.XXXXXX")
    : >"$cloud_dir/log"
    export CLOUD_IMAGE=$cloud_dir/image
    head -c 100000 "$binary" >"$CLOUD_IMAGE"
    mkfifo "$cloud_dir/output"
    "$binary" --data-dir "$cloud_dir/data" --bind 127.0.0.1 \
        --udp-port 0 --dtls-port 0 --psk-port 0 \
        --device "$cloud_product_key,$cloud_device_name,$cloud_device_secret" \
        --device "$cloud_second_device" \
        --https-port 0 --offer "$cloud_product_key,$cloud_device_name,1.1,$CLOUD_IMAGE" \
        >"$cloud_dir/output" 2>&1 &
    cloud_pid=$!
    exec {cloud_output}<"$cloud_dir/output"

    while read -r -t 60 -u "$cloud_output" line; do
        printf '%s\n' "$line" >>"$cloud_dir/log"
        case $line in
        'CA certificate: '*) ca=${line#*: } ;;
        'ready '*) # ready udp=ADDRESS psk=ADDRESS dtls=ADDRESS
            for address in ${line#* }; do
                case $address in
                udp=*) udp=${address#*=} ;;
                psk=*) psk=${address#*=} ;;
                dtls=*) dtls=${address#*=} ;;
                esac
            done
            ready=yes
            break
            ;;
        esac
    done
    if [ "$ready" = no ]; then
        echo "The cloud did not start:" >&2
        cat "$cloud_dir/log" >&2
        return 1
    fi
    cat <&"$cloud_output" >>"$cloud_dir/log" & # to the end, which comes with the end of the cloud
    cloud_logger=$!

    export IOTX_CONNECT_TO="5684=$dtls,5683=$udp,5682=$psk"
    export IOTX_EXTRA_CA="$ca"
}

# cloud_saw_report TRANSPORT: does the log of the stopped cloud hold a report over it, answered 2.05?
cloud_saw_report() {
    grep -q " $1 .* POST /topic/$cloud_product_key/$cloud_device_name/[^ ]* ->.* 2\.05 " "$cloud_dir/log"
}

# Stops the cloud; after that its log is complete.
cloud_stop() {
    if [ -n "$cloud_pid" ]; then
        kill "$cloud_pid" 2>/dev/null || true
        wait "$cloud_pid" "${cloud_logger-}" 2>/dev/null || true
        cloud_pid=
    fi
}

# Stops the cloud and removes what it made: for a trap.
cloud_remove() {
    cloud_stop
    if [ -n "$cloud_dir" ]; then
        rm -rf "$cloud_dir"
        cloud_dir=
    fi
}
