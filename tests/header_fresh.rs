//! The committed headers with declarations of exported functions are what cbindgen makes of `src/capi`
//! today.
//!
//! The headers are committed so that building firmware takes no generator, and generated so that they
//! cannot drift from the exported functions. After a change in `src/capi`, bless the new headers:
//! `IOTX_BLESS=1 cargo test --test header_fresh`, and review their diff.

use std::env;
use std::fs;
use std::path::Path;

/// A generated header: its path, its configuration, and the source it begins with.
struct Header {
    path: &'static str,
    config: &'static str,
    source: &'static str,
}

const HEADERS: [Header; 3] = [
    // `mod.rs` and the modules it declares, in their order, but for those marked `cbindgen:ignore`,
    // which belong to other headers.
    Header {
        path: "include/iotx_coap.h",
        config: "cbindgen.toml",
        source: "src/capi/mod.rs",
    },
    Header {
        path: "include/iotx_coap_ext.h",
        config: "cbindgen-ext.toml",
        source: "src/capi/ext/mod.rs",
    },
    Header {
        path: "include/exports/iot_export_ota.h",
        config: "cbindgen-ota.toml",
        source: "src/capi/ota/mod.rs",
    },
];
const BLESS: &str = "IOTX_BLESS";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn generate(header: &Header) -> String {
    let config = cbindgen::Config::from_file(root().join(header.config)).expect("configuration");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root().join(header.source))
        .generate()
        .expect("src/capi parses");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("sources are UTF-8");
    with_tags(&without_safety_sections(&text))
}

/// Enums that have a tag in the SDK, with it. cbindgen gives a tag to all types or to none.
const TAGS: [(&str, &str); 1] = [("IOT_LogLevel", "_IOT_LogLevel")];

/// Adds the [`TAGS`].
fn with_tags(header: &str) -> String {
    const ENUM: &str = "typedef enum {";
    let mut header = header.to_owned();
    for (name, tag) in TAGS {
        let Some(end) = header.find(&format!("}} {name};")) else {
            continue;
        };
        let start = header[..end].rfind(ENUM).expect("an enum without a tag");
        header.replace_range(start..start + ENUM.len(), &format!("typedef enum {tag} {{"));
    }
    header
}

/// Drops the "# Safety" sections of the doc comments. They tell a Rust caller what to prove; for a
/// C caller the plain description above them says the same.
fn without_safety_sections(header: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut skipping = false;
    for line in header.lines() {
        let text = line.trim_start();
        if text == "* # Safety" {
            skipping = true;
        } else if skipping && (text == "*/" || text.starts_with("* # ")) {
            skipping = false;
            if text == "*/" && kept.last().is_some_and(|last| last.trim() == "*") {
                kept.pop(); // the blank line above the section
            }
        }
        if !skipping {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

/// The first line in which two texts differ, with both versions.
fn first_difference(committed: &str, fresh: &str) -> String {
    let lines = committed.lines().count().max(fresh.lines().count());
    for number in 0..lines {
        let old = committed.lines().nth(number).unwrap_or("(end)");
        let new = fresh.lines().nth(number).unwrap_or("(end)");
        if old != new {
            return format!(
                "line {}\n  committed: {old}\n  generated: {new}",
                number + 1
            );
        }
    }
    "line ends only".to_owned()
}

#[test]
fn committed_headers_are_what_the_sources_generate() {
    let bless = env::var_os(BLESS).is_some_and(|value| value == "1");
    for header in &HEADERS {
        let fresh = generate(header);
        let path = root().join(header.path);
        if bless {
            fs::write(&path, &fresh).expect("the header can be written");
            continue;
        }
        let committed = fs::read_to_string(&path).expect("the header is committed");
        assert!(
            committed == fresh,
            "{} differs from src/capi, first in {}\nRewrite it with `{BLESS}=1 cargo test --test \
             header_fresh` and review the diff.",
            header.path,
            first_difference(&committed, &fresh),
        );
    }
}

#[test]
fn headers_speak_c_only() {
    for header in &HEADERS {
        let text = generate(header);
        for leftover in ["# Safety", "_int;", "_int ", "_SIZE]", "Option<", "[`"] {
            assert!(
                !text.contains(leftover),
                "{leftover:?} is in {}",
                header.path
            );
        }
    }
}

#[test]
fn safety_sections_are_dropped_wherever_they_stand() {
    let last = "/**\n * Text.\n *\n * # Safety\n *\n * Proof.\n */\nint f(void);\n";
    assert_eq!(
        without_safety_sections(last),
        "/**\n * Text.\n */\nint f(void);\n"
    );

    let middle = "/**\n * Text.\n *\n * # Safety\n * Proof.\n *\n * # Units\n * ms\n */\n";
    assert_eq!(
        without_safety_sections(middle),
        "/**\n * Text.\n *\n * # Units\n * ms\n */\n"
    );
}

#[test]
fn a_tag_goes_to_its_enum_only() {
    let header = "typedef enum {\n    A,\n} A_t;\ntypedef enum {\n    B,\n} IOT_LogLevel;\n";
    assert_eq!(
        with_tags(header),
        "typedef enum {\n    A,\n} A_t;\ntypedef enum _IOT_LogLevel {\n    B,\n} IOT_LogLevel;\n"
    );
}

#[test]
fn first_difference_names_the_line() {
    assert_eq!(
        first_difference("a\nb\n", "a\nc\n"),
        "line 2\n  committed: b\n  generated: c"
    );
    assert_eq!(
        first_difference("a\n", "a\nb\n"),
        "line 2\n  committed: (end)\n  generated: b"
    );
}
