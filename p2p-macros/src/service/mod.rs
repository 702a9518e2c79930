//! `#[service]` on an inherent impl: a value with protocols, APIs and a life becomes a part of a node.
//!
//! The item stays as it is but for the marks on its methods; the impl of `Service` follows in a block of its own.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;

use crate::annotated;
use crate::mistakes::Mistakes;
use model::Model;
use parse::Arguments;

/// Expands `#[service(arguments)]` on `item`.
pub(crate) fn annotate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let arguments = Arguments::read(arguments, &mut mistakes);
    let wrong = "`#[service]` goes on an inherent impl, `impl Chat { .. }`";
    let mut item = match annotated::on_impl(item, wrong, &mut mistakes) {
        Ok(item) => item,
        Err(code) => return code,
    };
    let model = Model::of(arguments, &mut item, &mut mistakes);
    annotated::expanded(item, model.as_ref(), &mistakes, expand::expand, expand::stub)
}

#[cfg(test)]
mod tests;
