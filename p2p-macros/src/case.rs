//! The name on the wire of a type or function that gives none: its own, in snake case or, for JSON, in camel case.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// `ChatRoom`, `HTTPRequest` and `r#Type` become `chat_room`, `http_request` and `type`; digits stay where they are.
pub(crate) fn snake_case(name: &Ident) -> String {
    let name = name.unraw().to_string();
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|&before| {
                let acronym_ends = before.is_uppercase() && after.is_some_and(|after| after.is_lowercase());
                before != '_' && (!before.is_uppercase() || acronym_ends)
            });
        if starts_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `send_message` becomes `sendMessage`, as in JSON; underscores at the start are no part of the name.
pub(crate) fn camel_case(name: &Ident) -> String {
    let name = name.unraw().to_string();
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_').filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !camel.is_empty() => camel.extend(first.to_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.extend(letters);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_camel_case() {
        let cases = [
            ("send_message", "sendMessage"),
            ("hello", "hello"),
            ("_unused", "unused"),
            ("get_addr_v2", "getAddrV2"),
            ("a__b_", "aB"),
            ("sendMessage", "sendMessage"),
            ("r#type", "type"),
        ];
        for (name, camel) in cases {
            assert_eq!(camel_case(&syn::parse_str(name).unwrap()), camel);
        }
    }

    #[test]
    fn names_become_snake_case() {
        let cases = [
            ("Say", "say"),
            ("ChatRoom", "chat_room"),
            ("HTTPRequest", "http_request"),
            ("GetAddrV2", "get_addr_v2"),
            ("V2Ping", "v2_ping"),
            ("Sha256Sum", "sha256_sum"),
            ("ID", "id"),
            ("A", "a"),
            ("AB", "ab"),
            ("ABc", "a_bc"),
            ("shout", "shout"),
            ("shout_it", "shout_it"),
            ("Odd_Name", "odd_name"),
            ("_Hidden", "_hidden"),
            ("Grüße", "grüße"),
            ("ÜberMut", "über_mut"),
        ];
        for (name, snake) in cases {
            assert_eq!(snake_case(&syn::parse_str(name).unwrap()), snake);
        }
        assert_eq!(snake_case(&syn::parse_str("r#Type").unwrap()), "type");
        assert_eq!(snake_case(&syn::parse_str("r#match").unwrap()), "match");
    }
}
