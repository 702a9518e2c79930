//! `#[derive(Schema)]`, and the shape of every message: fields and variants as constant data.
//!
//! `#[derive(Message)]` uses the same model and expansion. What serde would encode otherwise than the fields read is
//! refused or becomes part of the shape; the encoding of foreign types is never guessed.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::mistakes::Mistakes;

pub(crate) use expand::{expand, in_scope, stub};
pub(crate) use model::{Model, Target};

/// Expands `#[derive(Schema)]`.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut mistakes = Mistakes::default();
    let core = parse::container(&input.attrs, &mut mistakes);
    let target = Target::new(&input, core);
    match Model::new(&input, None, &mut mistakes) {
        Some(model) if mistakes.is_empty() => in_scope(&target, &expand(&target, &model)),
        _ => {
            let mut code = mistakes.to_code();
            code.extend(in_scope(&target, &stub(&target)));
            code
        }
    }
}
