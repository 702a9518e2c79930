//! The book shows code that compiles, and nothing else: every block of Rust is included from a program or a test, by an
//! anchor that exists, and every page that is named exists. What has no program of its own is a test here, a file a page.

mod broadcasting;
mod examples;
mod isolation;
mod messages;
mod protocols;
mod requests;
mod testing;

use std::fs;
use std::path::{Path, PathBuf};

use p2p_net::{ProtocolSet, Settings};
use p2p_protocols::address::ProtocolAddress;
use p2p_protocols::ping::ProtocolPing;
use p2p_protocols::version::ProtocolVersion;

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/src")
}

/// All pages, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let (mut folders, mut pages) = (vec![book()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    pages
}

/// What stands between `start` and the next `end`, wherever `start` does.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).map(move |rest| rest.split(end).next().unwrap())
}

/// The code of an include, `path:anchor`, of `page`.
fn included(page: &Path, include: &str) -> String {
    let place = format!("{}: {include}", page.display());
    let (file, anchor) = include.split_once(':').unwrap_or_else(|| panic!("{place}: no anchor"));
    let file = page.parent().unwrap().join(file);
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{place}: {error}"));
    let mut lines = text.lines().map(str::trim);
    assert!(lines.any(|line| line == format!("// ANCHOR: {anchor}")), "{place}: no such anchor");
    let end = format!("// ANCHOR_END: {anchor}");
    let code: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
    assert!(text.contains(&end), "{place}: the anchor does not end");
    code.join("\n")
}

#[test]
fn every_include_names_code_that_is_there() {
    let mut count = 0;
    for (page, text) in pages() {
        for include in between(&text, "{{#include ", "}}") {
            assert!(!included(&page, include).trim().is_empty(), "{}: {include} is empty", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "{count} includes");
}

/// All source files in `folder`, by their path from the root of the repository.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut folders, mut sources) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                let text = fs::read_to_string(root.join(&path)).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}

#[test]
fn every_anchor_is_on_a_page() {
    let shown: Vec<_> = pages().into_iter().map(|(_, text)| text).collect();
    // What `e6_protocol` is held against; the page shows it there.
    let known = ["examples/examples/echo.rs:plugin"];
    let mut count = 0;
    for (path, text) in ["examples/examples", "examples/greeter/src", "tests/tests/book"].into_iter().flat_map(sources)
    {
        // At the end of its line, unlike the words of this test.
        let anchors = text.lines().filter_map(|line| line.trim().strip_prefix("// ANCHOR: "));
        for place in anchors.map(|anchor| format!("{path}:{anchor}")).filter(|place| !known.contains(&place.as_str())) {
            assert!(shown.iter().any(|page| page.contains(&format!("../{place}}}}}"))), "{place} is on no page");
            count += 1;
        }
    }
    assert!(count > 100, "{count} anchors");
}

#[test]
fn every_block_of_rust_is_included() {
    for (page, text) in pages() {
        for block in between(&text, "```rust\n", "```") {
            let block = block.trim();
            let whole = block.starts_with("{{#include ") && block.ends_with("}}") && block.lines().count() == 1;
            assert!(whole, "{}: not included from a program: {block}", page.display());
        }
    }
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let summary = fs::read_to_string(book().join("SUMMARY.md")).unwrap();
    let mut linked: Vec<_> = between(&summary, "](", ")").map(|link| book().join(link)).collect();
    let mut found: Vec<_> =
        pages().into_iter().map(|(page, _)| page).filter(|page| !page.ends_with("SUMMARY.md")).collect();
    linked.sort();
    found.sort();
    assert_eq!(found, linked);
    for (page, text) in pages() {
        for link in between(&text, "](", ")").filter(|link| !link.contains("://")) {
            assert!(page.parent().unwrap().join(link).exists(), "{}: {link} is missing", page.display());
        }
    }
}

/// The first cells of the tables of `page`, and the second ones.
fn rows(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(book().join(page)).unwrap();
    let cells = |line: &str| {
        let mut cells = line.split(" | ").map(|cell| cell.trim_matches([' ', '|', '`']).to_owned());
        Some((cells.next()?, cells.next()?))
    };
    text.lines().filter(|line| line.starts_with("| ")).filter_map(cells).collect()
}

#[test]
fn the_errors_are_those_the_compiler_prints() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/fail");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let printed = files.filter(|path| path.extension().is_some_and(|end| end == "stderr"));
    let printed: String = printed.map(|path| fs::read_to_string(path).unwrap()).collect();
    let printed = printed.replace('`', "");
    let quoted: Vec<_> =
        rows("plugin/errors.md").into_iter().filter(|(text, _)| text != "it says" && text != "---").collect();
    assert!(quoted.len() > 25, "{} errors", quoted.len());
    for (text, _) in quoted {
        assert!(printed.contains(&text.replace('`', "")), "no test of the annotations prints: {text}");
    }
}

/// The scalars of a default, as TOML writes them.
fn defaults() -> Vec<(String, String)> {
    let toml = Settings::default().to_toml().unwrap();
    let lines = toml.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_setting_is_on_its_page_with_its_default() {
    let rows = rows("dchat/settings.md");
    let defaults = defaults();
    assert!(defaults.len() > 30, "{defaults:?}");
    for (key, value) in defaults {
        let row = rows.iter().find(|(name, _)| *name == key);
        let (_, shown) = row.unwrap_or_else(|| panic!("the setting {key} is not on the page"));
        assert!(*shown == value || key == "app_version", "{key} is {value}, not {shown}");
    }
    for key in ["data_dir", "random_seed"] {
        assert!(rows.iter().any(|(name, shown)| name == key && shown == "none"), "{key}");
    }
}

fn page(path: &str) -> String {
    fs::read_to_string(book().join(path)).unwrap()
}

#[test]
fn the_errors_of_settings_are_quoted_as_they_are() {
    let page = page("dchat/settings.md");
    for wrong in [
        "lsten = []",
        "outbound_slots = \"many\"",
        "[limits]\nheartbeat_interval = 5",
        "[limits]\noutbox_bytes = 5",
        "listen = [\"tcp://127.0.0.1:9000\"]",
        "seeds = [\"tls://127.0.0.1:0\"]",
    ] {
        let error = Settings::from_toml(wrong).and_then(|settings| settings.validate()).unwrap_err().to_string();
        assert!(page.contains(&error), "{error}");
    }
}

#[test]
fn the_table_of_protocols_is_the_one_that_is_printed() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let shown: Vec<_> = page("dchat/compose.md").lines().map(words).collect();
    let set = ProtocolSet::empty().with::<ProtocolVersion>().with::<ProtocolAddress>().with::<ProtocolPing>();
    for line in set.to_string().lines().map(words) {
        assert!(shown.contains(&line), "not on the page: {line:?}");
    }
    // Those that only the example has.
    let places = shown.iter().filter_map(|line| line.last()?.rsplit_once(':'));
    for (file, line) in places.filter_map(|(file, line)| Some((file, line.parse::<usize>().ok()?))) {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap();
        let text = source.lines().nth(line - 1).unwrap_or_default();
        assert!(text.starts_with("#[protocol"), "{file}:{line} is `{text}`");
    }
}
