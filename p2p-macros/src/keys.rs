//! Lists of `key = value` in the brackets of an annotation, and what several annotations have in common in them.
//!
//! An unknown key, a key given twice or a value that does not parse is one mistake; the list is read to its end.

use proc_macro2::TokenTree;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, LitStr, Meta, Path, Token, parse_quote};

use crate::mistakes::Mistakes;

/// The keys of one annotation, and those seen so far.
pub(crate) struct Keys {
    known: &'static [&'static str],
    seen: Vec<String>,
}

impl Keys {
    /// An annotation that knows these keys.
    pub(crate) fn new(known: &'static [&'static str]) -> Self {
        Self { known, seen: Vec::new() }
    }

    /// Reads `attribute`, which is `#[name(key = value, ..)]`.
    pub(crate) fn read_attribute(
        &mut self,
        attribute: &Attribute,
        mistakes: &mut Mistakes,
        take: impl FnMut(&str, ParseStream) -> syn::Result<()>,
    ) {
        let Meta::List(list) = &attribute.meta else {
            return mistakes.add(attribute, format!("expected keys in brackets: {}", self.listed()));
        };
        let parser = |input: ParseStream| {
            self.read(input, mistakes, take);
            Ok(())
        };
        // The parser never fails and leaves nothing.
        let _: syn::Result<()> = parser.parse2(list.tokens.clone());
    }

    /// Reads `key = value, ..` to the end; `take` is given a known key and the value to parse.
    pub(crate) fn read(
        &mut self,
        input: ParseStream,
        mistakes: &mut Mistakes,
        mut take: impl FnMut(&str, ParseStream) -> syn::Result<()>,
    ) {
        while !input.is_empty() {
            if let Err(error) = self.read_one(input, &mut take) {
                mistakes.add_error(error);
                skip_value(input);
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                mistakes.add_error(input.error("expected `,`"));
                skip_value(input);
                // What follows the comma is the next key.
                let _: syn::Result<Token![,]> = input.parse();
            }
        }
    }

    fn read_one(
        &mut self,
        input: ParseStream,
        take: &mut impl FnMut(&str, ParseStream) -> syn::Result<()>,
    ) -> syn::Result<()> {
        let key = input.call(Ident::parse_any)?;
        let name = key.to_string();
        if !self.known.contains(&name.as_str()) {
            return Err(syn::Error::new(key.span(), format!("unknown key `{name}`, there are: {}", self.listed())));
        }
        if self.seen.contains(&name) {
            return Err(syn::Error::new(key.span(), format!("`{name}` is given twice")));
        }
        self.seen.push(name.clone());
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(key.span(), format!("`{name}` needs a value: `{name} = ..`")));
        }
        input.parse::<Token![=]>()?;
        take(&name, input)
    }

    fn listed(&self) -> String {
        self.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    }
}

fn skip_value(input: ParseStream) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Any token tree parses while the input is not empty.
        let _: syn::Result<TokenTree> = input.parse();
    }
}

/// Reads the value of `name = ".."`.
pub(crate) fn wire_name(input: ParseStream) -> syn::Result<LitStr> {
    let name: LitStr = input.parse()?;
    let text = name.value();
    if text.is_empty() || text.len() > 128 || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(syn::Error::new(name.span(), "a name on the wire has 1 to 128 bytes and no spaces"));
    }
    Ok(name)
}

/// Reads the value of `crate = path`.
pub(crate) fn core_path(input: ParseStream) -> syn::Result<Path> {
    if input.peek(LitStr) {
        return Err(input.error("`crate` is a path without quotes: `crate = ::p2p_net`"));
    }
    input.call(Path::parse_mod_style)
}

/// Where the core is, unless `crate = path` says otherwise.
pub(crate) fn default_core() -> Path {
    parse_quote!(::p2p_net)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let (mut taken, mut mistakes) = (Vec::new(), Mistakes::default());
        let parser = |input: ParseStream| {
            Keys::new(&["name", "crate"]).read(input, &mut mistakes, |key, input| {
                taken.push((key.to_owned(), wire_name(input)?.value()));
                Ok(())
            });
            Ok(())
        };
        parser.parse_str(text).unwrap();
        (taken, mistakes.texts())
    }

    #[test]
    fn keys_are_read_to_the_end() {
        let both = vec![("name".to_owned(), "a".to_owned()), ("crate".to_owned(), "b".to_owned())];
        assert_eq!(read("name = \"a\", crate = \"b\","), (both, vec![]));
        assert_eq!(read(""), (vec![], vec![]));
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_read() {
        let (taken, texts) = read("nam = 3, name = 4, name = \"b\", crate, , 7 = 7, crate = \"c\" \"d\"");
        assert_eq!(taken, []);
        assert_eq!(
            texts,
            [
                "unknown key `nam`, there are: `name`, `crate`",
                "expected string literal",
                "`name` is given twice",
                "`crate` needs a value: `crate = ..`",
                "expected ident",
                "expected ident",
                "`crate` is given twice",
            ]
        );
    }

    #[test]
    fn a_missing_comma_is_one_mistake() {
        let (taken, texts) = read("name = \"a\" crate = \"b\"");
        assert_eq!((taken.len(), texts), (1, vec!["expected `,`".to_owned()]));
    }

    #[test]
    fn a_name_on_the_wire_has_no_spaces() {
        for bad in ["name = \"\"", "name = \"a b\"", "name = \"a\\n\""] {
            assert_eq!(read(bad).1, ["a name on the wire has 1 to 128 bytes and no spaces"], "{bad}");
        }
        assert_eq!(read(&format!("name = {:?}", "x".repeat(129))).1.len(), 1);
    }
}
