//! What the shipped libraries show to a linker: exactly the symbols of `abi/symbols.txt`.
//!
//! Looks at the libraries that the CMake build made, so it runs after it: `make test` sees to that and sets
//! `IOT_SDK_LIB_DIR`. Without the variable they are expected in `build/`.
//!
//! The table in `docs/abi.md` comes from the same list. After a change to the list, bless the new table:
//! `IOTX_BLESS=1 cargo test --test abi`, and review its diff.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version node of every exported symbol; changes together with the SONAME, and both with the major version.
const VERSION_NODE: &str = "IOT_SDK_0";
const SONAME: &str = "libiot_sdk.so.0";

const ARCHIVE: &str = "libiot_sdk.a";
/// The same without default HAL.
const CORE_ARCHIVE: &str = "libiot_sdk_core.a";
const SHARED: &str = "libiot_sdk.so";

/// Upper bounds of a release build, in bytes.
const ARCHIVE_LIMIT: u64 = 1_340_000;
const SHARED_LIMIT: u64 = 772_000;
/// What the CoAP example may grow by when it is linked with the archive, and OpenSSL as a shared library.
const STATIC_LINK_LIMIT: u64 = 484_000;

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

/// A line of `abi/symbols.txt`.
struct Symbol {
    name: String,
    kind: String,
    since: String,
}

impl Symbol {
    fn is_hal(&self) -> bool {
        self.kind == "hal-weak"
    }
}

/// The lines of `abi/symbols.txt`, in the order of the file.
fn list() -> Vec<Symbol> {
    let text = std::fs::read_to_string(root().join("abi/symbols.txt")).expect("read symbol list");
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [name, kind, since] = columns[..] else {
            panic!("not three columns: {line:?}")
        };
        rows.push(Symbol {
            name: name.to_owned(),
            kind: kind.to_owned(),
            since: since.to_owned(),
        });
    }
    rows
}

fn listed_names() -> BTreeSet<String> {
    list().into_iter().map(|symbol| symbol.name).collect()
}

/// The listed names with a default that a firmware may replace, and the others.
fn hal_and_api() -> (BTreeSet<String>, BTreeSet<String>) {
    let (hal, api): (Vec<_>, Vec<_>) = list().into_iter().partition(Symbol::is_hal);
    let names = |symbols: Vec<Symbol>| symbols.into_iter().map(|symbol| symbol.name).collect();
    (names(hal), names(api))
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

fn archive_exports(name: &str) -> BTreeMap<String, char> {
    symbols(&["--defined-only", "--extern-only"], &library(name))
}

/// What no member of the archive defines.
fn archive_imports(name: &str) -> BTreeSet<String> {
    let defined = archive_exports(name);
    symbols(&["--undefined-only"], &library(name))
        .into_keys()
        .filter(|symbol| !defined.contains_key(symbol))
        .collect()
}

fn shared_exports() -> BTreeMap<String, char> {
    let mut exports = symbols(&["--defined-only", "--dynamic"], &library(SHARED));
    // The version node is itself an absolute symbol.
    exports.retain(|_, letter| *letter != 'A');
    exports
}

fn assert_weak_exactly_where_listed(exports: &BTreeMap<String, char>) {
    for symbol in list() {
        let letter = exports
            .iter()
            .find(|(found, _)| found.split('@').next() == Some(&symbol.name));
        let expected = if symbol.is_hal() { 'W' } else { 'T' };
        assert_eq!(
            letter.map(|(_, letter)| *letter),
            Some(expected),
            "{} is {}",
            symbol.name,
            symbol.kind
        );
    }
}

#[test]
fn symbol_list_is_sorted_and_its_kinds_follow_the_names() {
    let rows = list();
    assert!(
        rows.is_sorted_by(|a, b| a.name < b.name),
        "sort abi/symbols.txt by name, in C locale"
    );
    for Symbol { name, kind, .. } in rows {
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
    let exported: BTreeSet<String> = archive_exports(ARCHIVE).into_keys().collect();
    assert_eq!(exported, listed_names());
}

#[test]
fn core_archive_exports_the_list_but_for_the_platform_which_it_asks_for() {
    let (hal, api) = hal_and_api();
    let exports = archive_exports(CORE_ARCHIVE);
    assert!(exports.values().all(|letter| *letter == 'T'), "{exports:?}");
    assert_eq!(exports.into_keys().collect::<BTreeSet<_>>(), api);

    let asked: BTreeSet<String> = archive_imports(CORE_ARCHIVE)
        .into_iter()
        .filter(|name| name.starts_with("HAL_") || name.starts_with("__wrap_"))
        .collect();
    assert!(
        asked.is_subset(&hal),
        "{:?}",
        asked.difference(&hal).collect::<Vec<_>>()
    );
    assert!(asked.contains("HAL_UDP_create") && asked.contains("HAL_DTLSSession_create"));
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
    assert_weak_exactly_where_listed(&archive_exports(ARCHIVE));
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
    for archive in [ARCHIVE, CORE_ARCHIVE] {
        for name in archive_imports(archive) {
            let of_rust = [
                "_R", "_ZN", "__rust", "rust_", "__rg_", "__rdl_", "iotx_", "IOT_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix));
            // entry.c, a member of its own, calls into the other one.
            let within = archive_exports(archive).contains_key(&name);
            assert!(!of_rust || within, "{archive}: {name} is undefined");
        }
    }
}

#[test]
fn archives_are_one_plain_object_and_the_entry_each() {
    for archive in [ARCHIVE, CORE_ARCHIVE] {
        let path = library(archive);
        // All of it in one, and IOT_CoAP_Init, which a companion of an old release may define instead.
        let members = run("ar", &["t"], &path);
        assert_eq!(members.lines().count(), 2, "{archive}: {members}");
        assert!(members.contains("entry.c"), "{archive}: {members}");

        let sections = run("readelf", &["--sections", "--wide"], &path);
        // A group is kept once per program by its name, here or in another Rust library's object: code of one
        // compiler version would run in the other.
        assert!(!sections.contains(" GROUP "), "{archive} has groups");
        assert!(!sections.contains(".llvmbc"), "{archive} has bitcode");
        // What scripts/section-groups.awk puts together is not for merging: strings of several alignments would lose theirs.
        let merged = sections
            .lines()
            .find(|line| line.contains(".iot_sdk.") && line.contains(" AMS "));
        assert_eq!(merged, None, "{archive}");
        // Without it the whole program gets an executable stack.
        assert!(sections.contains(".note.GNU-stack"), "{archive}");
    }
}

/// Start and end of the code that each entry of the unwinder's table is about.
fn unwinder_entries(file: &Path) -> Vec<(u64, u64)> {
    // "00000018 0000000000000014 0000001c FDE cie=00000000 pc=0000000000012f40..0000000000012f66"
    run("readelf", &["--debug-dump=frames", "--wide"], file)
        .lines()
        .filter_map(|line| {
            line.split_once(" FDE ")?
                .1
                .split_once("pc=")?
                .1
                .split_once("..")
        })
        .map(|(start, end)| {
            let number = |text| u64::from_str_radix(text, 16).expect("address");
            (number(start), number(end))
        })
        .collect()
}

/// What the C compiler adds to every shared library; seen where symbols are not stripped. Nothing unwinds through it.
const OF_THE_C_RUNTIME: [&str; 6] = [
    "_init",
    "_fini",
    "frame_dummy",
    "register_tm_clones",
    "deregister_tm_clones",
    "__do_global_dtors_aux",
];

/// Value of each function's symbol, by name.
fn functions(file: &Path) -> Vec<(String, u64)> {
    // "   17: 0000000000012f40   123 FUNC    GLOBAL DEFAULT   12 IOT_CoAP_Init@@IOT_SDK_0"
    run("readelf", &["--symbols", "--wide"], file)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.len() >= 8 && columns[3] == "FUNC" && columns[6] != "UND")
        .map(|columns| {
            let address = u64::from_str_radix(columns[1], 16).expect("address");
            (columns[7].to_owned(), address)
        })
        .collect()
}

#[test]
fn panics_can_be_unwound_in_what_is_shipped() {
    // A panic that meets a function without an entry ends the program instead of reaching the C boundary.
    let shared = library(SHARED);
    let entries = unwinder_entries(&shared);
    for (name, address) in functions(&shared) {
        if OF_THE_C_RUNTIME.contains(&name.as_str()) {
            continue;
        }
        let covered = entries
            .iter()
            .any(|&(start, end)| (start..end).contains(&address));
        assert!(covered, "{name} has no entry in .eh_frame");
    }

    for archive in [ARCHIVE, CORE_ARCHIVE] {
        let path = library(archive);
        let (entries, functions) = (unwinder_entries(&path).len(), functions(&path).len());
        assert!(
            entries * 10 >= functions * 9,
            "{archive}: {entries} entries for {functions} functions"
        );
        let sections = run("readelf", &["--sections", "--wide"], &path);
        assert!(sections.contains(".gcc_except_table"), "{archive}");
    }
}

#[test]
fn version_node_and_soname_are_those_of_the_major_version() {
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    assert_eq!(VERSION_NODE, format!("IOT_SDK_{major}"));
    assert_eq!(SONAME, format!("libiot_sdk.so.{major}"));

    // "0x001c: Rev: 1  Flags: none  Index: 2  Cnt: 1  Name: IOT_SDK_0"; the needed versions have no "Cnt".
    let versions = run("readelf", &["--version-info", "--wide"], &library(SHARED));
    let defined: Vec<&str> = versions
        .lines()
        .filter(|line| line.contains("Rev: ") && line.contains("Cnt: "))
        .filter_map(|line| line.split_once("Name: "))
        .map(|(_, name)| name.trim())
        .collect();
    assert_eq!(defined, [SONAME, VERSION_NODE]);
}

#[test]
fn shared_library_has_its_soname_and_asks_for_system_libraries_only() {
    let dynamic = run("readelf", &["--dynamic", "--wide"], &library(SHARED));
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
    let library = library(SHARED);
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

/// Whether these libraries are here to be debugged.
fn debug_build() -> bool {
    run("readelf", &["--sections", "--wide"], &library(ARCHIVE)).contains(".debug_info")
}

/// The builder's directories, in the messages of panics, are nobody's business, and no two builds would be equal.
#[test]
fn what_is_shipped_does_not_tell_where_it_was_built() {
    if debug_build() {
        return; // a debugger needs the paths
    }
    let cargo_home = std::env::var("CARGO_HOME").or_else(|_| {
        let home = std::env::var("HOME")?;
        Ok::<_, std::env::VarError>(format!("{home}/.cargo"))
    });
    let secret = [
        env!("CARGO_MANIFEST_DIR").to_owned(),
        cargo_home.expect("CARGO_HOME or HOME"),
    ];
    for name in [ARCHIVE, CORE_ARCHIVE, SHARED] {
        let bytes = std::fs::read(library(name)).expect("read a library");
        let contains = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(contains("/cargo/registry/"), "{name}: panics say nothing");
        for path in &secret {
            assert!(!contains(path), "{name} tells of {path}");
        }
    }
}

#[test]
fn libraries_stay_small() {
    let archive = library(ARCHIVE);
    // Twenty times the size is what debug information takes.
    let factor = if debug_build() { 20 } else { 1 };
    let size = |path: &Path| std::fs::metadata(path).expect("size of a library").len();
    for (path, limit) in [
        (archive, ARCHIVE_LIMIT),
        (library(CORE_ARCHIVE), ARCHIVE_LIMIT),
        (library(SHARED), SHARED_LIMIT),
    ] {
        let size = size(&path);
        assert!(size <= limit * factor, "{}: {size} bytes", path.display());
    }
}

#[test]
fn stack_printer_is_not_shipped() {
    if debug_build() {
        return; // where frames have names, they are worth printing
    }
    for archive in [ARCHIVE, CORE_ARCHIVE] {
        let readers: Vec<_> = functions(&library(archive))
            .into_iter()
            .filter(|(name, _)| name.starts_with("gimli.") || name.starts_with("addr2line."))
            .collect();
        assert!(readers.is_empty(), "{archive}: {readers:x?}");
    }
}

#[test]
fn plain_coap_firmware_takes_only_what_it_reaches() {
    if debug_build() {
        return; // has no size worth limiting
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let size_of = |name: &str, arguments: &[&str]| {
        let program = dir.join(name);
        let output = Command::new("cc")
            .current_dir(root())
            .args(["-O2", "-s", "-Iinclude", "-Iinclude/exports"])
            .args(["-Iinclude/imports", "-Wl,--gc-sections", "-o"])
            .arg(&program)
            .args(arguments)
            .output()
            .expect("cc");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
        std::fs::metadata(program).expect("a program").len()
    };
    let nothing = dir.join("nothing.c");
    std::fs::write(&nothing, "int main(void) { return 0; }\n").expect("write a program");
    let nothing = size_of("nothing", &[nothing.to_str().expect("a path")]);
    let archive = library(ARCHIVE);
    let example = size_of(
        "example",
        &[
            "c_examples/coap-example.c",
            "c_examples/app_entry.c",
            archive.to_str().expect("a path"),
            "-lssl",
            "-lcrypto",
            "-lpthread",
            "-ldl",
        ],
    );
    let growth = example - nothing;
    assert!(growth <= STATIC_LINK_LIMIT, "{growth} bytes");
}

/// The table of `docs/abi.md`: the list, and which of the platform's functions `libiot_sdk_core.a` asks for.
fn table() -> String {
    let asked = archive_imports(CORE_ARCHIVE);
    let mut table = String::from("| symbol | kind | since SDK | |\n|---|---|---|---|\n");
    for Symbol { name, kind, since } in list() {
        let note = if asked.contains(&name) { "core" } else { "" };
        let since = if since == "-" { "–" } else { &since };
        writeln!(table, "| `{name}` | {kind} | {since} | {note} |").expect("write to a string");
    }
    table
}

#[test]
fn table_in_the_documentation_is_the_list() {
    const BEGIN: &str = "<!-- made by tests/abi.rs -->\n";
    let path = root().join("docs/abi.md");
    let text = std::fs::read_to_string(&path).expect("read docs/abi.md");
    let (head, committed) = text.split_once(BEGIN).expect("a place for the table");
    let table = table();
    if std::env::var_os("IOTX_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{table}")).expect("write docs/abi.md");
        return;
    }
    assert_eq!(committed, table, "IOTX_BLESS=1 cargo test --test abi");
}
