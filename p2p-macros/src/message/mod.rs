//! `#[derive(Message)]`: the name, the limits, the answer and the shape of a type that travels.
//!
//! The shape is the business of [`schema`](crate::schema). Limits are checked by the compiler, since they may be any
//! constant expression.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::mistakes::Mistakes;
use crate::schema::{Target, in_scope};
use model::Model;

/// Expands `#[derive(Message)]`.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut mistakes = Mistakes::default();
    let attributes = parse::container(&input.attrs, &mut mistakes);
    let target = Target::new(&input, attributes.core());
    let answer = attributes.answer.clone();
    match Model::new(&input, attributes, &mut mistakes) {
        Some(model) if mistakes.is_empty() => in_scope(&target, &expand::expand(&target, &model)),
        _ => {
            let mut code = mistakes.to_code();
            code.extend(in_scope(&target, &expand::stub(&target, answer.as_ref())));
            code
        }
    }
}

#[cfg(test)]
mod tests;
