//! `THIRD-PARTY.txt`: whose code is inside the libraries, and on what terms. Installed beside them, and part of the Debian
//! packages' copyright files.
//!
//! Made from what cargo knows of the crates. When the dependencies have changed: `IOTX_BLESS=1 cargo test --test third_party`.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Together they have every crate that a Linux system needs.
const PLATFORMS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
];

const HEAD: &str = "\
libiot_sdk contains the code of others. This list, and the licences in it that ask for it, go wherever the library goes.

## The Rust standard library

Copyright (c) The Rust Project Contributors. MIT or Apache-2.0, here under Apache-2.0. Parts of it come from elsewhere, on
terms like these; the file share/doc/rust/COPYRIGHT-library.html of the Rust toolchain has them all.

## OpenSSL

Only in a library that was built with IOTX_VENDORED_OPENSSL: Copyright (c) The OpenSSL Project Authors, Apache-2.0.

## Crates, under Apache-2.0

The licence's text is that of libiot_sdk itself: LICENSE.

";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// What cargo knows of this workspace, without asking the network.
fn metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--format-version=1"]);
    for platform in PLATFORMS {
        cargo.args(["--filter-platform", platform]);
    }
    let output = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run cargo");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Ids of the packages that are linked into the library.
fn linked(metadata: &Value, packages: &BTreeMap<&str, &Value>) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"], "nodes")
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();
    let at_run_time = |id: &&str| {
        list(packages[id], "targets")
            .iter()
            .all(|target| !list(target, "kind").iter().any(|kind| kind == "proc-macro"))
    };
    let root = packages
        .iter()
        .find(|(_, package)| text(package, "name") == "iotx-coap")
        .map(|(id, _)| *id)
        .expect("this package");
    let mut found = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        for dependency in list(nodes[id], "deps") {
            let normal = list(dependency, "dep_kinds")
                .iter()
                .any(|kind| kind["kind"].is_null());
            let id = text(dependency, "pkg");
            if normal && at_run_time(&id) && found.insert(id.to_owned()) {
                waiting.push(id);
            }
        }
    }
    found
}

/// The text of a crate's licence, from beside its manifest.
fn licence_text(package: &Value) -> String {
    let dir = Path::new(text(package, "manifest_path"))
        .parent()
        .expect("a directory");
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("read the crate's directory")
        .map(|entry| entry.expect("entry").file_name().into_string())
        .filter_map(Result::ok)
        .filter(|name| name.starts_with("LICEN") || name.starts_with("COPYING"))
        .collect();
    // Of several the one for MIT, which none of these crates is without.
    names.sort_by_key(|name| (!name.contains("MIT"), name.clone()));
    let name = names
        .first()
        .unwrap_or_else(|| panic!("{} has no licence file", text(package, "name")));
    fs::read_to_string(dir.join(name)).expect("read a licence")
}

fn notices() -> String {
    let metadata = metadata();
    let packages: BTreeMap<&str, &Value> = list(&metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), package))
        .collect();
    let mut crates: Vec<&Value> = linked(&metadata, &packages)
        .iter()
        .map(|id| packages[id.as_str()])
        .collect();
    crates.sort_by_key(|package| (text(package, "name"), text(package, "version")));

    let mut notices = HEAD.to_owned();
    let mut others = String::new();
    for package in crates {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let (licence, source) = (text(package, "license"), text(package, "repository"));
        assert!(!licence.is_empty(), "{name} names no licence");
        if !licence.contains("AND") && licence.split([' ', '/']).any(|one| one == "Apache-2.0") {
            writeln!(notices, "{name} {version}  {source}").expect("write to a string");
        } else {
            let text = licence_text(package);
            let text = text.trim();
            write!(
                others,
                "\n## {name} {version}, {licence}\n\n{source}\n\n{text}\n"
            )
            .expect("write to a string");
        }
    }
    notices + &others
}

#[test]
fn everybody_whose_code_is_in_the_library_is_named() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("THIRD-PARTY.txt");
    let notices = notices();
    // A look at what has been found: below, it is only compared with itself.
    for known in [
        "\ncoap-lite ",
        "\nopenssl ",
        "\n## minicbor ",
        "\n## bytes ",
    ] {
        assert!(notices.contains(known), "no {known:?} in:\n{notices}");
    }
    for not_linked in ["\nsyn ", "\ncc ", "\ncbindgen ", "windows-sys"] {
        assert!(
            !notices.contains(not_linked),
            "{not_linked:?} is not linked"
        );
    }
    if std::env::var_os("IOTX_BLESS").is_some() {
        fs::write(&path, notices).expect("write THIRD-PARTY.txt");
        return;
    }
    let committed = fs::read_to_string(&path).expect("read THIRD-PARTY.txt");
    assert_eq!(
        committed, notices,
        "IOTX_BLESS=1 cargo test --test third_party"
    );
}
