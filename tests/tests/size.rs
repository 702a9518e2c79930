//! Annotations are the point: what a plugin costs its author is counted here, in lines of the source files that are neither
//! blank nor a comment. A limit is what was reached, so that nothing grows unnoticed.

/// The lines of a file, or of what is between its anchors of that name.
fn lines(path: &str, anchor: Option<&str>) -> usize {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let part = anchor.map_or(text.as_str(), |anchor| {
        let (_, rest) = text.split_once(&format!("// ANCHOR: {anchor}\n")).unwrap();
        rest.split_once(&format!("// ANCHOR_END: {anchor}\n")).unwrap().0
    });
    part.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn the_heartbeat_is_a_page() {
    // Two imports, two messages, and a protocol of one field and two methods.
    let lines = lines("protocols/src/ping.rs", None);
    assert!(lines <= 25, "ping takes {lines} lines");
}

#[test]
fn the_chat_is_ten_lines() {
    let lines = lines("examples/examples/dchat/protocol.rs", Some("protocol"));
    assert!(lines <= 10, "the chat's message and protocol take {lines} lines");
}

#[test]
fn the_book_compares_with_what_is_counted_here() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/book/src/comparison.md");
    let page = std::fs::read_to_string(page).unwrap();
    let row = page.lines().find_map(|line| line.strip_prefix("| p2p-net | ")).unwrap();
    let said: Vec<usize> = row.trim_end_matches(" |").split(" | ").map(|cell| cell.parse().unwrap()).collect();
    let chat = |file: &str| lines(&format!("examples/examples/dchat/{file}.rs"), None);
    let counted = [
        lines("protocols/src/ping.rs", None),
        lines("examples/examples/dchat/protocol.rs", Some("protocol")),
        ["args", "main", "people", "program", "protocol"].map(chat).iter().sum(),
    ];
    assert_eq!(said, counted, "heartbeat, chat and the whole program, on the page and in the sources");
}
