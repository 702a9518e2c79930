//! Every name of the prelude has an example in its documentation.

use std::fs;

/// The source files of a crate.
fn sources(krate: &str) -> Vec<String> {
    super::sources(&format!("{krate}/src")).into_iter().map(|(_, text)| text).collect()
}

/// The names after each `start`, one or several in braces.
fn names(prelude: &str, start: &str) -> Vec<String> {
    let lists = prelude.split(start).skip(1).map(|rest| rest.split(';').next().unwrap().trim_matches(['{', '}']));
    lists.flat_map(|list| list.split(',')).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether the item that `begins` a line in one of `texts` has an example in the comment above it.
fn has_example(texts: &[String], begins: impl Fn(&str) -> bool) -> bool {
    texts.iter().any(|text| {
        let lines: Vec<_> = text.lines().collect();
        let at = lines.iter().position(|line| begins(line));
        // Attributes of several lines stand between the comment and its item.
        let before = at.map(|at| lines[..at].iter().rev().take_while(|line| !line.is_empty() && **line != "}"));
        before.is_some_and(|mut before| before.any(|line| line.trim_start().starts_with("/// ```")))
    })
}

#[test]
fn every_name_of_the_prelude_has_an_example() {
    let (core, macros) = (sources("p2p-net"), sources("p2p-macros"));
    let prelude = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../p2p-net/src/prelude.rs")).unwrap();
    let items = names(&prelude, "pub use crate::");
    assert!(items.len() > 12, "{items:?}");
    for name in items {
        let begins = |line: &str| {
            // Indented where a macro writes it.
            let line = line.trim_start();
            let rest =
                ["struct", "trait", "type"].iter().find_map(|kind| line.strip_prefix(&format!("pub {kind} {name}")));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        };
        assert!(has_example(&core, begins), "{name} has no example");
    }
    for name in names(&prelude, "pub use p2p_macros::")
        .into_iter()
        .chain(["derive_message", "derive_schema"].map(str::to_owned))
    {
        assert!(has_example(&macros, |line| line.starts_with(&format!("pub fn {name}("))), "{name} has no example");
    }
}
