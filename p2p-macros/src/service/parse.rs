//! Reads the arguments of `#[service(..)]`, and the marks on methods.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Path, Token, Type, bracketed};

use crate::keys::{Keys, core_path, default_core, wire_name};
use crate::method::own_name;
use crate::mistakes::Mistakes;

/// What `#[service(..)]` says.
pub(super) struct Arguments {
    pub(super) protocols: Vec<Type>,
    pub(super) name: Option<LitStr>,
    pub(super) core: Path,
}

impl Arguments {
    /// Reads the tokens in the brackets.
    pub(super) fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut read = Self { protocols: Vec::new(), name: None, core: default_core() };
        let mut keys = Keys::new(&["protocols", "name", "crate"]);
        let parser = |input: ParseStream| {
            keys.read(input, mistakes, |key, input| {
                match key {
                    "protocols" => read.protocols = types(input)?,
                    "name" => read.name = Some(wire_name(input)?),
                    _ => read.core = core_path(input)?,
                }
                Ok(())
            });
            Ok(())
        };
        // The parser never fails and leaves nothing.
        let _: syn::Result<()> = parser.parse2(tokens);
        read
    }
}

fn types(input: ParseStream) -> syn::Result<Vec<Type>> {
    if !input.peek(syn::token::Bracket) {
        return Err(input.error("protocols are a list of types: `protocols = [Chat, Ping]`"));
    }
    let list;
    bracketed!(list in input);
    Ok(Punctuated::<Type, Token![,]>::parse_terminated(&list)?.into_iter().collect())
}

/// What a method is to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Api,
    Start,
    Stop,
}

impl Mark {
    /// As the author writes it.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Api => "#[api]",
            Self::Start => "#[start]",
            Self::Stop => "#[stop]",
        }
    }
}

/// Attributes that an author might expect here.
const EXPECTED: &[&str] = &["on", "job", "every", "init", "apis", "protocol", "state", "run", "end", "method"];

/// Takes the marks off a method's attributes.
pub(super) fn take_mark(attributes: &mut Vec<Attribute>, core: &Path, mistakes: &mut Mistakes) -> Option<Mark> {
    let mut found = None;
    attributes.retain(|attribute| {
        let Some(name) = own_name(attribute.path(), core) else { return true };
        let mark = match name.as_str() {
            "api" => Mark::Api,
            "start" => Mark::Start,
            "stop" => Mark::Stop,
            _ if !EXPECTED.contains(&name.as_str()) => return true,
            _ => {
                let text = format!(
                    "there is no `#[{name}]` for the methods of a service, there are: `#[api]`, `#[start]`, `#[stop]`; \
                     messages and jobs belong to a protocol"
                );
                mistakes.add(attribute, text);
                return false;
            }
        };
        if !matches!(attribute.meta, Meta::Path(_)) {
            mistakes.add(attribute, format!("`{}` takes no arguments", mark.written()));
        }
        match found {
            None => found = Some(mark),
            Some(_) => mistakes.add(attribute, "a method is one thing to its service: it takes one mark"),
        }
        false
    });
    found
}
