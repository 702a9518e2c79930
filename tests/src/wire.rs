//! The vectors of `docs/wire.md`, as they are written there.

use std::collections::BTreeMap;

/// The document.
pub const DOCUMENT: &str = include_str!("../../docs/wire.md");

/// Bytes from hexadecimal, with or without spaces.
///
/// # Panics
///
/// When the text is something else.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter(|char| *char != ' ').filter_map(|char| char.to_digit(16)).collect();
    assert_eq!(digits.len(), text.chars().filter(|char| *char != ' ').count(), "`{text}` is not hexadecimal");
    assert!(digits.len().is_multiple_of(2), "half a byte in `{text}`");
    digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

/// Bytes as the document writes them.
pub fn show(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The blocks of one form, each with the number of its first line.
fn blocks(form: &str) -> Vec<(usize, Vec<&'static str>)> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for (line, text) in (1..).zip(DOCUMENT.lines()) {
        match (&mut open, text) {
            (None, text) if text.strip_prefix("```") == Some(form) => open = Some((line + 1, Vec::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, lines)), text) => lines.push(text),
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

/// A `vector` block.
#[derive(Debug, Clone)]
pub struct Vector {
    /// Where it is in the document.
    pub line: usize,
    fields: BTreeMap<&'static str, &'static str>,
}

impl Vector {
    /// The text of a key.
    ///
    /// # Panics
    ///
    /// When the block has no such line.
    pub fn text(&self, key: &str) -> &'static str {
        self.fields.get(key).unwrap_or_else(|| panic!("line {}: no `{key}`", self.line))
    }

    /// The bytes of a key.
    pub fn bytes(&self, key: &str) -> Vec<u8> {
        hex(self.text(key))
    }

    /// 32 bytes, such as a key is made of.
    ///
    /// # Panics
    ///
    /// When there are more or fewer.
    pub fn seed(&self, key: &str) -> [u8; 32] {
        self.bytes(key).try_into().unwrap_or_else(|_| panic!("line {}: `{key}` is not 32 bytes", self.line))
    }

    /// The number of a key.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn number(&self, key: &str) -> usize {
        self.text(key).parse().unwrap_or_else(|_| panic!("line {}: `{key}` is no number", self.line))
    }
}

/// Every `vector` block.
///
/// # Panics
///
/// When a line of one is not `key: value`.
pub fn vectors() -> Vec<Vector> {
    let parse = |(line, lines): (usize, Vec<&'static str>)| {
        let field = |text: &'static str| text.split_once(':').map(|(key, value)| (key, value.trim()));
        let fields = lines.into_iter().map(|text| field(text).unwrap_or_else(|| panic!("line {line}: `{text}`")));
        Vector { line, fields: fields.collect() }
    };
    blocks("vector").into_iter().map(parse).collect()
}

/// The `vector` blocks about one thing.
///
/// # Panics
///
/// When there is none.
pub fn vectors_of(what: &str) -> Vec<Vector> {
    let found: Vec<_> = vectors().into_iter().filter(|vector| vector.text("what") == what).collect();
    assert!(!found.is_empty(), "the document has no vector of {what}");
    found
}

/// Every `exchange` block.
pub fn exchanges() -> Vec<(usize, Vec<&'static str>)> {
    blocks("exchange")
}
