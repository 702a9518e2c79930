//! Reads the attributes that bear on a type's encoding: ours and serde's.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Path, Token};

use crate::keys::{Keys, core_path, default_core};
use crate::mistakes::Mistakes;
use crate::spans::text;

/// What the attributes of a field say.
#[derive(Default)]
pub(super) struct FieldAttributes {
    /// `#[message(opaque = "..")]`.
    pub(super) opaque: Option<LitStr>,
    /// `#[serde(with = "serde_bytes")]`.
    pub(super) bytes: bool,
    /// Serde's attributes that bear on the encoding.
    pub(super) serde: Serde,
}

/// What serde's attributes say of an encoding.
#[derive(Default)]
pub(super) struct Serde {
    /// Those that may change it, as text.
    pub(super) text: String,
    /// Whether one of them has another type or other code decode than what is seen.
    pub(super) replaced: bool,
    /// Whether it is that of the only field.
    pub(super) transparent: bool,
}

/// Reads `#[message(crate = path)]` of a type that is no message.
pub(super) fn container(attributes: &[Attribute], mistakes: &mut Mistakes) -> Path {
    let (mut core, mut keys) = (None, Keys::new(&["crate"]));
    for attribute in ours(attributes) {
        keys.read_attribute(attribute, mistakes, |_, input| {
            core = Some(core_path(input)?);
            Ok(())
        });
    }
    core.unwrap_or_else(default_core)
}

/// Reads a field's attributes.
pub(super) fn field(attributes: &[Attribute], mistakes: &mut Mistakes) -> FieldAttributes {
    let (mut read, mut keys) = (FieldAttributes::default(), Keys::new(&["opaque"]));
    for attribute in ours(attributes) {
        keys.read_attribute(attribute, mistakes, |_, input| {
            let name: LitStr = input.parse()?;
            if name.value().is_empty() {
                return Err(syn::Error::new(name.span(), "an opaque type has a name and a version: \"uuid-1\""));
            }
            read.opaque = Some(name);
            Ok(())
        });
    }
    read.serde = serde(attributes, mistakes, |meta| {
        let bytes = is_serde_bytes(meta);
        read.bytes |= bytes;
        !bytes
    });
    read
}

/// Reads serde's attributes of a type or a variant.
pub(super) fn serde_of(attributes: &[Attribute], mistakes: &mut Mistakes) -> Serde {
    serde(attributes, mistakes, |_| true)
}

/// The attributes that are ours.
pub(super) fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("message"))
}

fn serde(attributes: &[Attribute], mistakes: &mut Mistakes, mut counts: impl FnMut(&Meta) -> bool) -> Serde {
    let mut said = Serde::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What does not parse is serde's to report.
        let Ok(metas) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { continue };
        for meta in metas {
            if let Some(why) = refusal(meta.path()) {
                let key = text(meta.path().to_token_stream());
                mistakes.add(&meta, format!("`#[serde({key})]` is not possible in a message: {why}"));
            } else if !is_irrelevant(meta.path()) && counts(&meta) {
                said.text.push_str(&format!(" #[serde({})]", text(meta_tokens(&meta))));
                said.replaced |= replaces(meta.path());
                said.transparent |= meta.path().is_ident("transparent");
            }
        }
    }
    said
}

fn meta_tokens(meta: &Meta) -> TokenStream {
    meta.to_token_stream()
}

/// Why a message cannot have this; the encoding does not describe itself, so both ends must know it beforehand.
fn refusal(key: &Path) -> Option<&'static str> {
    const UNKNOWN_LENGTH: &str = "the receiver cannot know whether the field is there; use an `Option`";
    const UNDESCRIBED: &str = "the encoding carries no names to tell what follows";
    let key = key.get_ident()?.to_string();
    match key.as_str() {
        "flatten" => Some("the encoding carries no field names; make it a field of its own"),
        "skip_serializing_if" => Some(UNKNOWN_LENGTH),
        "skip" | "skip_serializing" | "skip_deserializing" => {
            Some("every field travels; keep what does not outside of the message")
        }
        "untagged" | "tag" | "content" | "other" => Some(UNDESCRIBED),
        _ => None,
    }
}

/// Whether this says nothing about the encoding.
fn is_irrelevant(key: &Path) -> bool {
    ["crate", "bound", "borrow", "expecting", "deny_unknown_fields"].iter().any(|known| key.is_ident(known))
}

/// Whether what is decoded is then of another type than the one that is seen, or decoded by other code than its own.
fn replaces(key: &Path) -> bool {
    ["with", "deserialize_with", "from", "try_from", "remote"].iter().any(|known| key.is_ident(known))
}

fn is_serde_bytes(meta: &Meta) -> bool {
    let Meta::NameValue(pair) = meta else { return false };
    let text = text(pair.value.to_token_stream());
    pair.path.is_ident("with") && (text == "\"serde_bytes\"" || text == "\"::serde_bytes\"")
}
