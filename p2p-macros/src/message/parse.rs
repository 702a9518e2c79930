//! Reads `#[message(..)]` of a message.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Lit, LitStr, Path, Type};

use crate::keys::{Keys, core_path, default_core, wire_name};
use crate::mistakes::Mistakes;

/// What answers a message.
#[derive(Clone)]
pub(super) enum Answer {
    /// One message.
    Reply(Type),
    /// Any number of one message.
    Stream(Type),
}

/// What a message's attributes say.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) name: Option<LitStr>,
    pub(super) max_bytes: Option<Expr>,
    pub(super) window: Option<Expr>,
    pub(super) answer: Option<Answer>,
    pub(super) rate: Option<Expr>,
    pub(super) urgent: bool,
    core: Option<Path>,
}

impl Attributes {
    /// Where the core is.
    pub(super) fn core(&self) -> Path {
        self.core.clone().unwrap_or_else(default_core)
    }
}

/// Reads the attributes of a type.
pub(super) fn container(attributes: &[Attribute], mistakes: &mut Mistakes) -> Attributes {
    let mut read = Attributes::default();
    let mut keys = Keys::new(&["name", "max_bytes", "window", "reply", "stream", "rate", "priority", "crate"]);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("message")) {
        keys.read_attribute(attribute, mistakes, |key, input| {
            match key {
                "name" => read.name = Some(wire_name(input)?),
                "max_bytes" => read.max_bytes = Some(input.parse()?),
                "window" => read.window = Some(input.parse()?),
                "reply" => answer(&mut read.answer, Answer::Reply(input.parse()?))?,
                "stream" => answer(&mut read.answer, Answer::Stream(input.parse()?))?,
                "rate" => read.rate = Some(rate(input)?),
                "priority" => read.urgent = priority(input)?,
                _ => read.core = Some(core_path(input)?),
            }
            Ok(())
        });
    }
    read
}

impl Answer {
    fn message(&self) -> &Type {
        match self {
            Self::Reply(of) | Self::Stream(of) => of,
        }
    }
}

fn answer(place: &mut Option<Answer>, given: Answer) -> syn::Result<()> {
    if place.is_some() {
        let text = "a message is answered by one `reply` or by a `stream` of rows, not by both";
        return Err(syn::Error::new_spanned(given.message(), text));
    }
    *place = Some(given);
    Ok(())
}

/// A text, or a constant that is one; whether it is a rate, the compiler finds out.
fn rate(input: ParseStream) -> syn::Result<Expr> {
    match input.parse()? {
        Expr::Lit(literal) if !matches!(literal.lit, Lit::Str(_)) => {
            let text = "a rate is a number and a time, as a text: `rate = \"100/10s\"`";
            Err(syn::Error::new_spanned(literal, text))
        }
        rate => Ok(rate),
    }
}

fn priority(input: ParseStream) -> syn::Result<bool> {
    let text = "a priority is `high` or `normal`";
    let priority = input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), text))?;
    match priority.to_string().as_str() {
        "high" => Ok(true),
        "normal" => Ok(false),
        _ => Err(syn::Error::new(priority.span(), text)),
    }
}
