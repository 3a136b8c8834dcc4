#!/usr/bin/env bash
# The link lines of the SDK's releases, unchanged and in any order, against the shared and against the static library.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
cd "$examples"
read -r -a cflags <<<"$(pkg-config --cflags iot_sdk)"
compat=$(pkg-config --variable=link_compat_dir iot_sdk)
quietly "$cc" -O2 -Wall -Werror -c "${cflags[@]}" coap-example.c app_entry.c
program=(coap-example.o app_entry.o)

# permutations ITEM...: each order of the items, one a line.
permutations() {
    local -a items=("$@") others
    local i rest
    if [ $# -eq 1 ]; then
        echo "$1"
        return
    fi
    for i in "${!items[@]}"; do
        others=("${items[@]}")
        unset "others[i]"
        while read -r rest; do
            echo "${items[i]} $rest"
        done < <(permutations "${others[@]}")
    done
}

# link_all SYSTEM_LIBRARY...: every line in every order, as programs in ${PWD}.
link_all() {
    local line count=0
    local -a words
    quietly "$cc" -o plain "${program[@]}" -L"$libdir" -liot_sdk "$@"
    while read -r line; do
        read -r -a words <<<"$line"
        quietly "$cc" -o "line-$count" "${program[@]}" -L"$compat" -L"$libdir" "${words[@]}" "$@"
        count=$((count + 1))
    done < <(
        permutations -liot_sdk -liot_hal -liot_tls
        permutations -liot_sdk -liot_platform -liot_tls
        permutations -liot_sdk -liot_platform -lmbedtls -lmbedx509 -lmbedcrypto
    )
    # The system libraries that went with them from 2.21 on.
    quietly "$cc" -o extra "${program[@]}" -L"$compat" -L"$libdir" -liot_sdk -liot_hal -liot_tls -lpthread -lrt "$@"
    echo "linked in $count orders"
}

# Nobody gets the placeholders unasked.
must_fail 'cannot find -liot_tls' "$cc" -o none "${program[@]}" -L"$libdir" -liot_sdk -liot_hal -liot_tls
for archive in "$compat"/*.a; do
    [ -z "$(ar t "$archive")" ] || fail "$archive is not an empty archive"
    [ ! -e "$libdir/${archive##*/}" ] || fail "${archive##*/} stands beside the library"
done

# docs/porting.md: both libraries installed, and the program is to have the static one inside, or a path to the shared one.
read -r -a system <<<"$(grep -m 1 -o 'libiot_sdk\.a -lssl[-a-z ]*' "$source_dir/docs/porting.md")"
quietly "$cc" -o by-file "${program[@]}" "$libdir/${system[0]}" "${system[@]:1}"
needs_shared by-file && fail "the archive's name leads to the shared library"
deliver "$PWD/by-file"
quietly "$cc" -o by-path "${program[@]}" -L"$libdir" -Wl,-rpath,"$libdir" -L"$compat" -liot_sdk -liot_hal -liot_tls
deliver "$PWD/by-path"

mkdir shared-lines
link_all
mv plain extra line-* shared-lines
for name in plain extra line-0 line-6 line-12 line-131; do # the first and the last of each line
    needs_shared "shared-lines/$name" || fail "$name is not linked with the shared library"
done
LD_LIBRARY_PATH=$libdir deliver "$PWD/shared-lines/plain"
LD_LIBRARY_PATH=$libdir deliver "$PWD/shared-lines/line-131"

rm "$libdir"/libiot_sdk.so*
must_fail 'undefined reference' "$cc" -o none "${program[@]}" -L"$libdir" -liot_sdk
read -r -a system <<<"$(pkg-config --libs-only-l --static iot_sdk | sed 's/-liot_sdk //')"
link_all "${system[@]}"
deliver "$PWD/plain"
deliver "$PWD/line-131"
