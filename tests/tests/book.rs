//! The book shows code that compiles, and nothing else: every block of Rust is included from a program or a test, by an
//! anchor that exists, and every page that is named exists.

use std::fs;
use std::path::{Path, PathBuf};

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
