//! `#[rpc]` on an inherent impl: its methods become an API that other processes call.
//!
//! The item stays as it is but for the marks on its methods; the impl of `Api` follows in a block of its own, and beside it
//! the typed client.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;

use crate::annotated;
use crate::mistakes::Mistakes;
use model::Model;
use parse::Arguments;

/// Expands `#[rpc(arguments)]` on `item`.
pub(crate) fn annotate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let wrong = "`#[rpc]` goes on an inherent impl, `impl Chat { .. }`, and on the methods in it";
    let mut item = match annotated::on_impl(item, wrong, &mut mistakes) {
        Ok(item) => item,
        // What is on a method alone has no arguments to be read.
        Err(code) => return code,
    };
    let arguments = Arguments::read(arguments, &mut mistakes);
    let model = Model::of(arguments, &mut item, &mut mistakes);
    annotated::expanded(item, model.as_ref(), &mistakes, expand::expand, expand::stub)
}

#[cfg(test)]
mod tests;
