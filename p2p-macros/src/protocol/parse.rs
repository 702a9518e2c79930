//! Reads the arguments of `#[protocol(..)]`, and the marks on methods.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Lit, LitInt, LitStr, Meta, Path, Type};

use crate::keys::{Keys, core_path, default_core, wire_name};
use crate::method::own_name;
use crate::mistakes::Mistakes;
use crate::sessions;

/// When a protocol runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Handshake,
    Main,
}

/// How many instances of a protocol there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Channel,
    Node,
}

/// Whose channels a protocol runs on.
pub(super) struct Sessions {
    /// As written, for its place.
    pub(super) written: Expr,
    /// As a constant.
    pub(super) constant: TokenStream,
}

/// What `#[protocol(..)]` says.
pub(super) struct Arguments {
    pub(super) sessions: Option<Sessions>,
    pub(super) name: Option<LitStr>,
    pub(super) version: u16,
    pub(super) phase: Phase,
    pub(super) scope: Scope,
    pub(super) config: Option<Type>,
    pub(super) core: Path,
}

impl Arguments {
    /// Reads the tokens in the brackets.
    pub(super) fn read(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut read = Self {
            sessions: None,
            name: None,
            version: 1,
            phase: Phase::Main,
            scope: Scope::Channel,
            config: None,
            core: default_core(),
        };
        let mut keys = Keys::new(&["sessions", "name", "version", "phase", "scope", "config", "crate"]);
        let mut node_scope = None;
        let parser = |input: ParseStream| {
            keys.read(input, mistakes, |key, input| {
                match key {
                    "sessions" => {
                        let written: Expr = input.parse()?;
                        let constant = sessions::rewrite(&written)?;
                        read.sessions = Some(Sessions { written, constant });
                    }
                    "name" => read.name = Some(wire_name(input)?),
                    "version" => read.version = version(input)?,
                    "phase" => read.phase = phase(input)?,
                    "scope" => {
                        let place = input.span();
                        read.scope = scope(input)?;
                        node_scope = (read.scope == Scope::Node).then_some(place);
                    }
                    "config" => read.config = Some(input.parse()?),
                    _ => read.core = core_path(input)?,
                }
                Ok(())
            });
            Ok(())
        };
        // The parser never fails and leaves nothing.
        let _: syn::Result<()> = parser.parse2(tokens);
        if let (Some(place), Phase::Handshake) = (node_scope, read.phase) {
            let text = "a handshake is made with one peer: its protocols have `scope = channel`";
            mistakes.add_error(syn::Error::new(place, text));
        }
        read
    }
}

fn version(input: ParseStream) -> syn::Result<u16> {
    let text = "a version is a number from 1 to 65535";
    let number: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), text))?;
    match number.base10_parse() {
        Ok(version @ 1..) => Ok(version),
        _ => Err(syn::Error::new(number.span(), text)),
    }
}

fn phase(input: ParseStream) -> syn::Result<Phase> {
    let text = "a phase is `handshake` or `main`";
    let phase = input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), text))?;
    match phase.to_string().as_str() {
        "handshake" => Ok(Phase::Handshake),
        "main" => Ok(Phase::Main),
        _ => Err(syn::Error::new(phase.span(), text)),
    }
}

fn scope(input: ParseStream) -> syn::Result<Scope> {
    let text = "a scope is `channel` or `node`";
    let scope = input.call(Ident::parse_any).map_err(|error| syn::Error::new(error.span(), text))?;
    match scope.to_string().as_str() {
        "channel" => Ok(Scope::Channel),
        "node" => Ok(Scope::Node),
        _ => Err(syn::Error::new(scope.span(), text)),
    }
}

/// What a method is to its protocol.
pub(super) enum Mark {
    On,
    Job,
    /// A job at an interval.
    Every(Expr),
    Stop,
}

impl Mark {
    /// As the author writes it.
    pub(super) fn written(&self) -> &'static str {
        match self {
            Self::On => "#[on]",
            Self::Job => "#[job]",
            Self::Every(_) => "#[every]",
            Self::Stop => "#[stop]",
        }
    }
}

/// Attributes that nobody else has and that an author might expect here.
const EXPECTED: &[&str] =
    &["start", "init", "handle", "handler", "message", "receive", "request", "task", "interval", "end", "stream"];

/// Takes the marks off a method's attributes.
pub(super) fn take_mark(attributes: &mut Vec<Attribute>, core: &Path, mistakes: &mut Mistakes) -> Option<Mark> {
    let mut found = None;
    attributes.retain(|attribute| {
        let Some(name) = own_name(attribute.path(), core) else { return true };
        let mark = match name.as_str() {
            "on" => Mark::On,
            "job" => Mark::Job,
            "stop" => Mark::Stop,
            "every" => match interval(attribute) {
                Ok(interval) => Mark::Every(interval),
                Err(error) => {
                    mistakes.add_error(error);
                    return false;
                }
            },
            _ if !EXPECTED.contains(&name.as_str()) => return true,
            _ => {
                let text = format!(
                    "there is no `#[{name}]` for the methods of a protocol, there are: `#[on]`, `#[job]`, `#[every]`, `#[stop]`"
                );
                mistakes.add(attribute, text);
                return false;
            }
        };
        if !matches!((&mark, &attribute.meta), (Mark::Every(_), _) | (_, Meta::Path(_))) {
            mistakes.add(attribute, format!("`{}` takes no arguments", mark.written()));
        }
        match found {
            None => found = Some(mark),
            Some(_) => mistakes.add(attribute, "a method is one thing to its protocol: it takes one mark"),
        }
        false
    });
    found
}

/// The text in `#[every("30s")]`, or what computes a duration; whether it is an interval, the compiler finds out.
fn interval(attribute: &Attribute) -> syn::Result<Expr> {
    let text = "`#[every]` has an interval with a unit, `#[every(\"30s\")]`, or a duration, `#[every(self.interval)]`";
    let Meta::List(list) = &attribute.meta else { return Err(syn::Error::new_spanned(attribute, text)) };
    match list.parse_args::<Expr>() {
        Ok(Expr::Lit(literal)) if !matches!(literal.lit, Lit::Str(_)) => Err(syn::Error::new_spanned(literal, text)),
        Ok(interval) => Ok(interval),
        Err(_) => Err(syn::Error::new_spanned(attribute, text)),
    }
}
