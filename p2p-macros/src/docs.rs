//! Doc comments as constant data: what an author wrote about an item, for the manifest.

use syn::{Attribute, Expr, Lit, Meta};

/// The text of an item's `///` lines, without the space after the slashes. What a macro would first have to make,
/// `#[doc = include_str!(..)]`, is left out.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines: Vec<_> = attributes.iter().filter_map(line).collect();
    lines.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    if !pair.path.is_ident("doc") {
        return None;
    }
    let text = literal(&pair.value)?;
    // A block comment has several lines, each with its own margin.
    let lines: Vec<_> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    Some(lines.join("\n"))
}

/// Also behind the invisible brackets of what a `macro_rules!` passed on.
fn literal(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs_of(item: &str) -> String {
        docs(&syn::parse_str::<syn::DeriveInput>(item).unwrap().attrs)
    }

    #[test]
    fn lines_are_joined_without_their_margin() {
        assert_eq!(
            docs_of("/// One.\n///\n///   two\n#[derive(Debug)]\n/// Three.\nstruct A;"),
            "One.\n\n  two\nThree."
        );
        assert_eq!(docs_of("/** One.\n two */ struct A;"), "One.\ntwo");
        assert_eq!(docs_of("#[doc(hidden)] #[doc = include_str!(\"x\")] #[allow(dead_code)] struct A;"), "");
    }
}
