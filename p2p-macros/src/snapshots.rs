//! What the annotations become, as text that is looked at when it changes.
//!
//! Each `snapshots/<case>.rs` is what an author writes, and `<case>.expanded.rs` what it becomes. The example of
//! ARCHITECTURE.md is one more. `SNAPSHOTS=overwrite cargo test -p p2p-macros` writes them anew; read the difference.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item};

/// What the compiler makes of a file, as far as these annotations go.
fn expand(source: &str) -> String {
    let mut code = TokenStream::new();
    for item in syn::parse_file(source).unwrap().items {
        code.extend(expand_item(item));
    }
    prettyplease::unparse(&syn::parse2(code).unwrap())
}

fn expand_item(mut item: Item) -> TokenStream {
    let Some(attributes) = attributes(&mut item) else { return item.into_token_stream() };
    if let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident("protocol")) {
        let annotation = attributes.remove(at);
        let arguments = annotation.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        return crate::protocol::annotate(arguments, item.into_token_stream());
    }
    if let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident("rpc")) {
        let annotation = attributes.remove(at);
        let arguments = annotation.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        return crate::rpc::annotate(arguments, item.into_token_stream());
    }
    if let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident("service")) {
        let annotation = attributes.remove(at);
        let arguments = annotation.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        return crate::service::annotate(arguments, item.into_token_stream());
    }
    let derives = |name: &str| {
        attributes.iter().filter(|attribute| attribute.path().is_ident("derive")).any(|attribute| {
            let mut found = false;
            let read = attribute.parse_nested_meta(|one| {
                found |= one.path.is_ident(name);
                Ok(())
            });
            read.is_ok() && found
        })
    };
    let (message, schema) = (derives("Message"), derives("Schema"));
    let mut code = item.to_token_stream();
    if message {
        code.extend(crate::message::derive(item.to_token_stream()));
    }
    if schema {
        code.extend(crate::schema::derive(item.to_token_stream()));
    }
    code
}

fn attributes(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    match item {
        Item::Enum(item) => Some(&mut item.attrs),
        Item::Fn(item) => Some(&mut item.attrs),
        Item::Impl(item) => Some(&mut item.attrs),
        Item::Struct(item) => Some(&mut item.attrs),
        _ => None,
    }
}

fn overwrite() -> bool {
    std::env::var("SNAPSHOTS").is_ok_and(|what| what == "overwrite")
}

/// Compares what is in the file at `path` with what should be, or writes it.
fn hold(path: &Path, is: &str, should: &str) {
    if is != should && overwrite() {
        fs::write(path, should).unwrap();
        return;
    }
    let difference = is.lines().zip(should.lines()).position(|(is, should)| is != should);
    let line = difference.unwrap_or_else(|| is.lines().count().min(should.lines().count())) + 1;
    assert!(
        is == should,
        "{} is not what the annotations become, from line {line} on:\n{should}\n\
         if that is meant: SNAPSHOTS=overwrite cargo test -p p2p-macros",
        path.display()
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}

#[test]
fn annotations_become_what_they_became() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files.filter(|path| !path.to_string_lossy().ends_with(".expanded.rs")).collect();
    cases.sort();
    assert!(cases.len() >= 10, "{cases:?}");
    for case in cases {
        let expanded = expand(&fs::read_to_string(&case).unwrap());
        let path = case.with_extension("expanded.rs");
        hold(&path, &fs::read_to_string(&path).unwrap_or_default(), &expanded);
    }
}

#[test]
fn every_expansion_has_its_source() {
    for path in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if let Some(case) = path.to_string_lossy().strip_suffix(".expanded.rs") {
            assert!(Path::new(&format!("{case}.rs")).exists(), "nothing becomes {}", path.display());
        }
    }
}

#[test]
fn the_example_in_the_architecture_is_what_it_becomes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let section = text.find("## What an annotation becomes").expect("the section");
    // Two blocks: what is written, and what it becomes.
    let block = |from: usize| {
        let start = from + text[from..].find("```rust\n").expect("a block of Rust") + "```rust\n".len();
        let end = start + text[start..].find("```\n").expect("its end");
        start..end
    };
    let written = block(section);
    let becomes = block(written.end);
    let should = format!("{}{}{}", &text[..becomes.start], expand(&text[written]), &text[becomes.end..]);
    hold(&path, &text, &should);
}
