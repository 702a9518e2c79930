//! A message; valid by construction but for the values of its limits, which only the compiler knows.

use proc_macro2::Ident;
use syn::{DeriveInput, Expr, LitStr};

use super::parse::{Answer, Attributes};
use crate::case::snake_case;
use crate::mistakes::Mistakes;
use crate::schema;

/// A message.
pub(super) struct Model {
    pub(super) schema: schema::Model,
    pub(super) ident: Ident,
    pub(super) name: String,
    pub(super) max_bytes: Option<Expr>,
    pub(super) window: Option<Expr>,
    pub(super) answer: Option<Answer>,
    pub(super) rate: Option<Expr>,
    pub(super) urgent: bool,
}

impl Model {
    /// Reads a type under `#[derive(Message)]`.
    pub(super) fn new(input: &DeriveInput, attributes: Attributes, mistakes: &mut Mistakes) -> Option<Self> {
        if !input.generics.params.is_empty() {
            let text = "a message has no generic parameters, since its name stands for one type; derive `Schema` for the \
                        generic part and make it a field";
            mistakes.add(&input.generics, text);
        }
        let Attributes { name, max_bytes, window, answer, rate, urgent, .. } = attributes;
        let name = name.as_ref().map_or_else(|| snake_case(&input.ident), LitStr::value);
        let schema = schema::Model::new(input, Some(&name), mistakes)?;
        Some(Self { schema, ident: input.ident.clone(), name, max_bytes, window, answer, rate, urgent })
    }
}
