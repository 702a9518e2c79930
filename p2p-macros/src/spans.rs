//! Where generated code claims to be, so that the compiler's errors point at the author's tokens.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;

/// The places of the first and of the last token of `tokens`: code that begins at the one and ends at the other is
/// underlined as a whole, and as the author's own.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    (first, last)
}

/// A local variable of the code around the item `around`, underlined as `span`.
///
/// All of them are looked up where that item's name comes from: tokens that a `macro_rules!` passed on have a hygiene of
/// their own, and a variable is known only to tokens with the hygiene of its definition.
pub(crate) fn local(name: &str, around: &Ident, span: Span) -> Ident {
    Ident::new(name, around.span().located_at(span))
}

/// The text of `tokens` without the compiler's choice of white space, which differs from version to version.
pub(crate) fn text(tokens: TokenStream) -> String {
    let mut parts = Vec::new();
    collect(tokens, &mut parts);
    parts.join(" ")
}

fn collect(tokens: TokenStream, parts: &mut Vec<String>) {
    use proc_macro2::{Delimiter, TokenTree};
    for token in tokens {
        let TokenTree::Group(group) = token else {
            parts.push(token.to_string());
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        parts.push(open.to_owned());
        collect(group.stream(), parts);
        parts.push(close.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_does_not_depend_on_white_space() {
        let text_of = |source: &str| text(source.parse().unwrap());
        assert_eq!(text_of("with=\"a  b\""), text_of("with  =  \"a  b\""));
        assert_eq!(text_of("rename(serialize=\"x\")"), "rename ( serialize = \"x\" )");
    }
}
