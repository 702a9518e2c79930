//! From what is typed to what is called.

use serde_json::Value;

/// A typed argument: JSON, or else the text itself.
pub fn value(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| word.into())
}

/// A line in words: white space ends one, except in quotes, lists and maps.
pub fn split(line: &str) -> Vec<&str> {
    let (mut words, mut start) = (Vec::new(), None);
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, letter) in line.char_indices() {
        if letter.is_whitespace() && depth == 0 && !quoted {
            words.extend(start.take().and_then(|start| line.get(start..at)));
            continue;
        }
        start.get_or_insert(at);
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    words.extend(start.and_then(|start| line.get(start..)));
    words
}
