//! The table of symbols and releases in `docs/compatibility.md` is what `abi/symbols.txt` and
//! `abi/releases.txt` say today.
//!
//! After a change in either, bless the new table: `IOTX_BLESS=1 cargo test --test compat_table`.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const RELEASES: [&str; 9] = [
    "2.00", "2.01", "2.03", "2.1", "2.21", "2.30", "3.01", "3.10", "3.2.0",
];
const BEGIN: &str = "<!-- from abi/ by tests/compat_table.rs: do not edit -->\n";
const END: &str = "<!-- end -->\n";
const BLESS: &str = "IOTX_BLESS";

/// For each release, whether it has the symbol.
type Presence = [bool; RELEASES.len()];

/// The parts of the table: kind in `abi/symbols.txt`, and title. The last is for functions that are
/// declared and not exported.
const PARTS: [(&str, &str); 5] = [
    ("iot", "The API"),
    ("iotx", "Outside the SDK's headers"),
    ("ext", "Additions (`iotx_coap_ext.h`)"),
    ("hal-weak", "Platform functions with a default"),
    (
        "declared",
        "Platform functions that are declared for ports only",
    ),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of a list in `abi/`, split into columns.
fn rows<const COLUMNS: usize>(text: &str) -> Vec<[String; COLUMNS]> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let columns: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            columns
                .try_into()
                .unwrap_or_else(|_| panic!("not {COLUMNS} columns: {line:?}"))
        })
        .collect()
}

fn release(name: &str) -> usize {
    RELEASES
        .iter()
        .position(|release| *release == name)
        .unwrap_or_else(|| panic!("no release {name:?}"))
}

/// Reads "2.01-3.01,3.2.0".
fn presence(releases: &str) -> Presence {
    let mut present = [false; RELEASES.len()];
    for range in releases.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (release(first), release(last));
        assert!(first <= last, "{range} runs backwards");
        present[first..=last].fill(true);
    }
    present
}

fn since(first: &str) -> Presence {
    match first {
        "-" => [false; RELEASES.len()],
        first => presence(&format!("{first}-3.2.0")),
    }
}

/// Kind and presence of every function that is exported or declared for ports.
fn functions(symbols: &str, releases: &str) -> BTreeMap<String, (String, Presence)> {
    let mut functions = BTreeMap::new();
    for [name, kind, first] in rows(symbols) {
        functions.insert(name, (kind, since(&first)));
    }
    for [name, list] in rows(releases) {
        let listed = presence(&list);
        match functions.get_mut(&name) {
            Some((_, present)) => {
                let first = |present: &Presence| present.iter().position(|present| *present);
                assert_eq!(
                    first(&listed),
                    first(present),
                    "{name} begins at different releases in abi/symbols.txt and abi/releases.txt"
                );
                *present = listed;
            }
            None => {
                functions.insert(name, ("declared".to_owned(), listed));
            }
        }
    }
    functions
}

fn table(functions: &BTreeMap<String, (String, Presence)>) -> String {
    let mut text = String::new();
    let mut written = 0;
    for (kind, title) in PARTS {
        let of_kind = functions.iter().filter(|(_, (of, _))| of == kind);
        if of_kind.clone().next().is_none() {
            continue;
        }
        let _ = writeln!(
            text,
            "\n### {title}\n\n| function | {} |",
            RELEASES.join(" | ")
        );
        let _ = writeln!(text, "|---|{}", ":-:|".repeat(RELEASES.len()));
        for (name, (_, present)) in of_kind {
            let cells = present.map(|present| if present { "●" } else { "" });
            let _ = writeln!(text, "| `{name}` | {} |", cells.join(" | "));
            written += 1;
        }
    }
    assert_eq!(written, functions.len(), "a kind without a part");
    text.push('\n');
    text
}

#[test]
fn the_documented_table_is_what_the_lists_say() {
    let name = "docs/compatibility.md";
    let functions = functions(&read("abi/symbols.txt"), &read("abi/releases.txt"));
    let fresh = table(&functions);
    let document = read(name);
    let (before, rest) = document.split_once(BEGIN).expect("the table's begin");
    let (committed, after) = rest.split_once(END).expect("the table's end");
    if env::var_os(BLESS).is_some_and(|value| value == "1") {
        let text = [before, BEGIN, &fresh, END, after].concat();
        fs::write(path(name), text).expect("the document can be written");
        return;
    }
    assert!(
        committed == fresh,
        "the table in {name} is stale; rewrite it with `{BLESS}=1 cargo test --test compat_table`"
    );
}

#[test]
fn only_functions_that_headers_declare_are_listed() {
    let prototypes = read("tests/c/headers/prototypes.c");
    for [name, _] in rows(&read("abi/releases.txt")) {
        assert!(
            prototypes.contains(&format!(" {name},")),
            "{name} is in abi/releases.txt, but not in prototypes.c"
        );
    }
}

#[test]
fn the_list_of_releases_is_sorted() {
    let list: Vec<[String; 2]> = rows(&read("abi/releases.txt"));
    assert!(list.is_sorted_by(|a, b| a[0] < b[0]));
}

#[test]
fn ranges_and_gaps_are_read() {
    let present = presence("2.01-2.1,3.2.0");
    let names: Vec<&str> = (0..RELEASES.len())
        .filter(|index| present[*index])
        .map(|index| RELEASES[index])
        .collect();
    assert_eq!(names, ["2.01", "2.03", "2.1", "3.2.0"]);
    assert_eq!(since("-"), [false; RELEASES.len()]);
    assert_eq!(since("2.00"), [true; RELEASES.len()]);
}

#[test]
#[should_panic(expected = "HAL_A begins at different releases")]
fn the_two_lists_must_agree_on_the_first_release() {
    functions("HAL_A hal-weak 2.01\n", "HAL_A 2.03-2.30\n");
}

#[test]
fn what_is_not_exported_is_declared_only() {
    let functions = functions("IOT_A iot 2.00\n", "HAL_B 2.21\n");
    let text = table(&functions);
    assert!(text.contains("### The API\n\n| function | 2.00 | 2.01 "));
    assert!(text.contains("| `IOT_A` | ● | ● | ● | ● | ● | ● | ● | ● | ● |\n"));
    assert!(
        text.contains("declared for ports only\n\n"),
        "a part of its own"
    );
    assert!(text.contains("| `HAL_B` |  |  |  |  | ● |  |  |  |  |\n"));
}
