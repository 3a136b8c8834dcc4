#!/usr/bin/env bash
# The list of system libraries that a static link needs is sufficient, and each is needed: without it the link fails, or
# this system's C library has made an empty stub of it (glibc since 2.34: libpthread, libdl), while older ones have not.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
cd "$examples"
read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"
quietly "$cc" -O2 -Wall -Werror -c "${cflags[@]}" coap-example.c app_entry.c
program=(coap-example.o app_entry.o)
quietly "$cc" -std=c99 -O2 -c -o port.o "${cflags[@]}" "$source_dir/tests/packaging/port/port.c"

# is_stub LIBRARY: an archive of that name exists and defines nothing.
is_stub() {
    local archive
    archive=$("$cc" -print-file-name="lib${1#-l}.a")
    [ -f "$archive" ] && [ -z "$(nm --defined-only "$archive" 2>/dev/null)" ]
}

# check ARCHIVE OBJECT... -- LIBRARY...: links the objects with the archive and exactly these libraries, and with all but one.
check() {
    local archive=$1 omitted
    local -a objects=() listed rest
    shift
    while [ "$1" != -- ]; do
        objects+=("$1")
        shift
    done
    shift
    listed=("$@")
    quietly "$cc" -o all "${objects[@]}" "$archive" "${listed[@]}"
    for omitted in "${listed[@]}"; do
        rest=()
        for library in "${listed[@]}"; do
            [ "$library" = "$omitted" ] || rest+=("$library")
        done
        if "$cc" -o less "${objects[@]}" "$archive" "${rest[@]}" 2>"$work/output"; then
            is_stub "$omitted" || fail "${archive##*/} links without $omitted: take it off the list"
            echo "${archive##*/}: $omitted is an empty stub here"
        else
            grep -qE 'undefined reference|DSO missing' "$work/output" || fail "$(cat "$work/output")"
            echo "${archive##*/}: needs $omitted"
        fi
    done
}

# The libraries that the pkg-config file and the one of OpenSSL name, each once.
listed() { # MODULE
    pkg-config --libs-only-l --static "$1" | tr ' ' '\n' | grep -vx -e '' -e "-l$1" | awk '!seen[$0]++'
}
mapfile -t libraries < <(listed iot_sdk)
check "$libdir/libiot_sdk.a" "${program[@]}" -- "${libraries[@]}"
mapfile -t libraries < <(listed iot_sdk_core)
check "$libdir/libiot_sdk_core.a" "${program[@]}" port.o -- "${libraries[@]}"

# The documentation and the samples name the same.
line=$(listed iot_sdk | sort | xargs)
for file in docs/packaging.md samples/make/Makefile; do
    documented=$(grep -m 1 -o -- '-lssl[-a-z ]*' "$source_dir/$file" | xargs -n 1 | grep '^-l' | sort | xargs)
    [ "$documented" = "$line" ] || fail "$file names '$documented', the pkg-config file '$line'"
done
