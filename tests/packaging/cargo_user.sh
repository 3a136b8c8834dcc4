#!/usr/bin/env bash
# A Rust program outside the tree that takes the crate in by `cargo add`.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cargo=(env --unset=CARGO_BUILD_TARGET --unset=RUSTFLAGS CARGO_NET_OFFLINE=true cargo)
quietly "${cargo[@]}" new --quiet --vcs none --name firmware "$work/firmware"
cd "$work/firmware"
# The versions this tree was tested with, and compiled already; and its profile, so that they need not be compiled again.
cp "$source_dir/Cargo.lock" .
export CARGO_PROFILE_DEV_DEBUG=line-tables-only

quietly "${cargo[@]}" add iotx-coap --path "$source_dir"
cp "$source_dir/samples/cargo/main.rs" src/main.rs
host=$(rustc --version --verbose | sed -n 's/^host: //p')
quietly "${cargo[@]}" build --target-dir "$build_dir/cargo" --target "$host" # named, because the cloud's build names it
cp "$build_dir/cargo/$host/debug/firmware" .

readelf --dynamic firmware | grep 'NEEDED.*\[libssl\.so' >/dev/null || fail "the system's OpenSSL is not the default"
beside_cloud dtls "$PWD/firmware" "$cloud_product_key" "$cloud_device_name"
beside_cloud udp "$PWD/firmware" "$cloud_product_key" "$cloud_device_name" COAP_URL

# Offered; and what it asks for stands in the lock file. (Building OpenSSL itself would take minutes.)
quietly "${cargo[@]}" add --dry-run iotx-coap --path "$source_dir" --features vendored-openssl
grep -q '^name = "openssl-src"$' "$source_dir/Cargo.lock" || fail "Cargo.lock does not know vendored-openssl"
must_fail 'unrecognized feature' "${cargo[@]}" add --dry-run iotx-coap --path "$source_dir" --features no-such-feature
