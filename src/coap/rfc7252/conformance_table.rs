//! `docs/coap-conformance.md` names a test for each rule; here the names are looked up, both ways.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The names of the test functions in a file or below a directory.
fn tests_in(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable directory") {
            tests_in(&entry.expect("a readable directory").path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let source = fs::read_to_string(path).expect("a readable source");
        let tests = source.split("#[test]").skip(1);
        let names = tests.filter_map(|test| test.split_once("fn ")?.1.split('(').next());
        found.extend(names.map(str::to_owned));
    }
}

fn tests_below(directories: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for directory in directories {
        tests_in(&Path::new(ROOT).join(directory), &mut found);
    }
    found
}

/// The names in backquotes that the table's rows hold behind their second bar.
fn tests_named() -> BTreeSet<String> {
    let path = Path::new(ROOT).join("docs/coap-conformance.md");
    let document = fs::read_to_string(path).expect("docs/coap-conformance.md");
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.splitn(4, '|').nth(3));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn every_test_that_the_table_names_exists() {
    let exist = tests_below(&["src", "tests", "cloud"]);
    let named = tests_named();
    assert!(named.len() > 50, "the table has been read");
    let missing: Vec<_> = named.difference(&exist).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn every_test_of_a_rule_stands_in_the_table() {
    let mut of_rules = tests_below(&["src/coap"]);
    of_rules.retain(|name| name.starts_with("section_") || name.starts_with("td_"));
    assert!(of_rules.len() > 50, "the sources have been read");
    let named = tests_named();
    let missing: Vec<_> = of_rules.difference(&named).collect();
    assert!(missing.is_empty(), "not in the table: {missing:#?}");
}
