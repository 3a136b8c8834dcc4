//! What the shipped libraries show to a linker: exactly the symbols of `abi/symbols.txt`.
//!
//! Looks at the libraries that the CMake build made, so it runs after it: `make test` sees to that and sets
//! `IOT_SDK_LIB_DIR`. Without the variable they are expected in `build/`.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version node of every exported symbol; changes together with the SONAME.
const VERSION_NODE: &str = "IOT_SDK_0";
const SONAME: &str = "libiot_sdk.so.0";

/// Upper bounds of a release build, in bytes.
const ARCHIVE_LIMIT: u64 = 2_000_000;
const SHARED_LIMIT: u64 = 1_000_000;

/// Libraries that the shared one may ask for. Newer systems have libm, libdl and libpthread inside libc.
const NEEDED: [&str; 7] = [
    "libssl",
    "libcrypto",
    "libc",
    "libgcc_s",
    "libm",
    "libdl",
    "libpthread",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn library(name: &str) -> PathBuf {
    let dir =
        std::env::var_os("IOT_SDK_LIB_DIR").map_or_else(|| root().join("build"), PathBuf::from);
    let path = dir.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make test`, which builds it first",
        path.display()
    );
    path
}

/// Name and kind of each line of `abi/symbols.txt`, in the order of the file.
fn list() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("abi/symbols.txt")).expect("read symbol list");
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [name, kind, _since] = columns[..] else {
            panic!("not three columns: {line:?}")
        };
        rows.push((name.to_owned(), kind.to_owned()));
    }
    rows
}

fn listed_names() -> BTreeSet<String> {
    list().into_iter().map(|(name, _)| name).collect()
}

fn run(program: &str, args: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(args)
        .arg(file)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{program} (binutils): {error}"));
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("symbol names are ASCII")
}

/// Symbols as `nm --format=posix` prints them: name (with version, if any) and the letter of its type.
fn symbols(args: &[&str], file: &Path) -> BTreeMap<String, char> {
    let args = [&["--format=posix", "--with-symbol-versions"], args].concat();
    let mut found = BTreeMap::new();
    // An archive's members are announced by lines that end in a colon.
    for line in run("nm", &args, file)
        .lines()
        .filter(|line| !line.ends_with(':'))
    {
        if let [name, letter, ..] = line.split_whitespace().collect::<Vec<_>>()[..] {
            found.insert(name.to_owned(), letter.chars().next().expect("letter"));
        }
    }
    found
}

fn archive_exports() -> BTreeMap<String, char> {
    symbols(
        &["--defined-only", "--extern-only"],
        &library("libiot_sdk.a"),
    )
}

fn shared_exports() -> BTreeMap<String, char> {
    let mut exports = symbols(&["--defined-only", "--dynamic"], &library("libiot_sdk.so"));
    // The version node is itself an absolute symbol.
    exports.retain(|_, letter| *letter != 'A');
    exports
}

fn assert_weak_exactly_where_listed(exports: &BTreeMap<String, char>) {
    for (name, kind) in list() {
        let letter = exports
            .iter()
            .find(|(found, _)| found.split('@').next() == Some(&name));
        let expected = if kind == "hal-weak" { 'W' } else { 'T' };
        assert_eq!(
            letter.map(|(_, letter)| *letter),
            Some(expected),
            "{name} is {kind}"
        );
    }
}

#[test]
fn symbol_list_is_sorted_and_its_kinds_follow_the_names() {
    let rows = list();
    assert!(
        rows.is_sorted_by(|a, b| a.0 < b.0),
        "sort abi/symbols.txt by name, in C locale"
    );
    for (name, kind) in rows {
        let prefix = match kind.as_str() {
            "iot" => "IOT_",
            "iotx" | "ext" => "iotx_",
            "hal-weak" => "HAL_",
            _ => panic!("{name}: unknown kind {kind}"),
        };
        assert!(name.starts_with(prefix), "{name} cannot be of kind {kind}");
    }
}

#[test]
fn archive_exports_the_list_and_nothing_else() {
    let exported: BTreeSet<String> = archive_exports().into_keys().collect();
    assert_eq!(exported, listed_names());
}

#[test]
fn shared_library_exports_the_list_and_nothing_else() {
    let exported: BTreeSet<String> = shared_exports().into_keys().collect();
    let listed = listed_names()
        .iter()
        .map(|name| format!("{name}@@{VERSION_NODE}"))
        .collect();
    assert_eq!(exported, listed);
}

#[test]
fn exactly_the_platform_defaults_are_weak() {
    assert_weak_exactly_where_listed(&archive_exports());
    assert_weak_exactly_where_listed(&shared_exports());
}

/// What compat/ promises: the linker can take each from its archive without a duplicate, and the
/// companions lean on the extension interface only, which the shared library exports too.
#[test]
fn companions_of_old_releases_define_init_and_nothing_else() {
    for name in ["libiot_sdk_compat200.a", "libiot_sdk_compat301.a"] {
        let companion = library(name);
        let defined = symbols(&["--defined-only", "--extern-only"], &companion);
        assert_eq!(
            defined,
            BTreeMap::from([("IOT_CoAP_Init".to_owned(), 'T')]),
            "{name}"
        );
        for (needed, _) in symbols(&["--undefined-only"], &companion) {
            let known = needed.starts_with("mem") // and memory functions of the C library
                || ["iotx_coap_init_with", "iotx_coap_settings_init"].contains(&needed.as_str())
                // what hardening flags of a distribution call for
                || needed.starts_with("__")
                || needed == "_GLOBAL_OFFSET_TABLE_";
            assert!(known, "{name} needs {needed}");
        }
    }
}

#[test]
fn nothing_of_rust_is_left_to_be_resolved_by_the_firmware() {
    for (name, _) in symbols(&["--undefined-only"], &library("libiot_sdk.a")) {
        let mangled = [
            "_R",
            "_ZN",
            "__rust",
            "rust_",
            "__rg_",
            "__rdl_",
            "hal_default_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix));
        assert!(!mangled, "{name} is undefined");
    }
}

#[test]
fn shared_library_has_its_soname_and_asks_for_system_libraries_only() {
    let dynamic = run(
        "readelf",
        &["--dynamic", "--wide"],
        &library("libiot_sdk.so"),
    );
    let bracketed = |tag: &str| -> Vec<&str> {
        dynamic
            .lines()
            .filter(|line| line.contains(tag))
            .filter_map(|line| line.split_once('[')?.1.split_once(']'))
            .map(|(value, _)| value)
            .collect()
    };
    assert_eq!(bracketed("(SONAME)"), [SONAME]);
    for needed in bracketed("(NEEDED)") {
        let stem = needed.split(".so").next().unwrap_or_default();
        let known = NEEDED.contains(&stem) || stem.starts_with("ld-linux");
        assert!(known, "asks for {needed}");
    }
}

#[test]
fn shared_library_is_hardened_and_interposable() {
    let library = library("libiot_sdk.so");
    let dynamic = run("readelf", &["--dynamic", "--wide"], &library);
    assert!(dynamic.contains("BIND_NOW"), "not linked with -z now");
    assert!(!dynamic.contains("TEXTREL"), "has text relocations");
    assert!(
        !dynamic.contains("SYMBOLIC"),
        "-Bsymbolic hides a firmware's own HAL_* from it"
    );
    let segments = run("readelf", &["--segments", "--wide"], &library);
    assert!(segments.contains("GNU_RELRO"), "not linked with -z relro");
    let stack = segments
        .lines()
        .find(|line| line.contains("GNU_STACK"))
        .expect("GNU_STACK");
    assert!(!stack.contains("RWE"), "executable stack");
}

#[test]
fn libraries_stay_small() {
    let archive = library("libiot_sdk.a");
    // A debug build is here to be debugged: twenty times the size is what its information takes.
    let debug = run("readelf", &["--sections", "--wide"], &archive).contains(".debug_info");
    let factor = if debug { 20 } else { 1 };
    let size = |path: &Path| std::fs::metadata(path).expect("size of a library").len();
    for (path, limit) in [
        (archive, ARCHIVE_LIMIT),
        (library("libiot_sdk.so"), SHARED_LIMIT),
    ] {
        let size = size(&path);
        assert!(size <= limit * factor, "{}: {size} bytes", path.display());
    }
}
