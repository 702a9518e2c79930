//! A type of Rust as a JSON Schema, as far as its name tells. Pure.

use serde_json::{Value, json};

/// The schema of what serde makes of the type written as `ty`; for a type that its name does not tell, its name alone.
pub(crate) fn schema(ty: &str) -> Value {
    let ty = ty.trim();
    if let Some(inner) = ty.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return list(inner.rsplit_once(';').map_or(inner, |(element, _)| element));
    }
    if let Some(inner) = ty.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return tuple(inner);
    }
    let (path, arguments) = match ty.split_once('<') {
        Some((path, rest)) => (path, split(rest.strip_suffix('>').unwrap_or(rest))),
        None => (ty, Vec::new()),
    };
    let name = path.rsplit("::").next().unwrap_or(path).trim();
    match (name, arguments.as_slice()) {
        ("bool", []) => json!({ "type": "boolean" }),
        ("String" | "str" | "PathBuf" | "char", []) => json!({ "type": "string" }),
        ("NodeId" | "NodeUrl", []) => json!({ "type": "string", "title": name }),
        ("u8" | "u16" | "u32" | "u64" | "u128" | "usize", []) => json!({ "type": "integer", "minimum": 0 }),
        ("i8" | "i16" | "i32" | "i64" | "i128" | "isize", []) => json!({ "type": "integer" }),
        ("f32" | "f64", []) => json!({ "type": "number" }),
        ("Value", []) => json!({}),
        ("Option", [inner]) => json!({ "anyOf": [schema(inner), { "type": "null" }] }),
        ("Vec" | "VecDeque", [inner]) => list(inner),
        ("BTreeSet" | "HashSet", [inner]) => json!({ "type": "array", "items": schema(inner), "uniqueItems": true }),
        ("BTreeMap" | "HashMap", [_, inner]) => json!({ "type": "object", "additionalProperties": schema(inner) }),
        ("Box" | "Arc" | "Rc", [inner]) => schema(inner),
        _ => json!({ "title": ty }),
    }
}

fn list(element: &str) -> Value {
    json!({ "type": "array", "items": schema(element) })
}

fn tuple(inner: &str) -> Value {
    let parts = split(inner);
    if parts.is_empty() {
        return json!({ "type": "null" });
    }
    let (many, parts) = (parts.len(), parts.into_iter().map(schema));
    json!({ "type": "array", "items": parts.collect::<Vec<_>>(), "minItems": many, "maxItems": many })
}

/// The types between commas that are in no brackets.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(list.get(from..at).unwrap_or_default().trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list.get(from..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_tells_is_told() {
        for (ty, expected) in [
            ("String", json!({ "type": "string" })),
            ("()", json!({ "type": "null" })),
            ("u16", json!({ "type": "integer", "minimum": 0 })),
            ("Option<bool>", json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] })),
            ("std::vec::Vec<[f64; 2]>", list_of(&list_of(&json!({ "type": "number" })))),
            (
                "BTreeMap<String, Vec<i8>>",
                json!({ "type": "object", "additionalProperties": list_of(&json!({ "type": "integer" })) }),
            ),
            (
                "(bool, Point)",
                json!({ "type": "array", "items": [{ "type": "boolean" }, { "title": "Point" }], "minItems": 2, "maxItems": 2 }),
            ),
            ("Point<u8>", json!({ "title": "Point<u8>" })),
        ] {
            assert_eq!(schema(ty), expected, "{ty}");
        }
    }

    fn list_of(items: &Value) -> Value {
        json!({ "type": "array", "items": items })
    }
}
