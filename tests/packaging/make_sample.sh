#!/usr/bin/env bash
# samples/make, copied out of the tree, against an installed library.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

install_and_move
copy_examples
unset PKG_CONFIG_PATH
cp -r "$source_dir/samples/make" "$work/firmware"
cd "$work/firmware"

quietly make IOT_SDK="$prefix" EXAMPLES="$examples"
needs_shared firmware || fail "LINK=shared is not the default"
LD_LIBRARY_PATH=$libdir deliver "$PWD/firmware"

quietly make clean
quietly make IOT_SDK="$prefix" EXAMPLES="$examples" LINK=static
needs_shared firmware && fail "LINK=static has linked the shared library"
deliver "$PWD/firmware"
