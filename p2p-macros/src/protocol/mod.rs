//! `#[protocol]` on an inherent impl or on an `async fn`.
//!
//! The item stays as it is but for the marks on its methods; what makes it a protocol follows in a block of its own.
//! Which argument is a message and which an extractor is decided by their types, so that aliases and paths work; the
//! compiler knows types, and this module does not.

mod expand;
mod handler;
mod jobs;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Item, ItemFn};

use crate::annotated;
use crate::mistakes::Mistakes;
use model::Model;
use parse::Arguments;

/// Expands `#[protocol(arguments)]` on `item`.
pub(crate) fn annotate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let arguments = Arguments::read(arguments, &mut mistakes);
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(mut item)) => {
            let model = Model::of_impl(arguments, &mut item, &mut mistakes);
            annotated::expanded(item, model.as_ref(), &mistakes, expand::expand, expand::stub)
        }
        Ok(Item::Fn(item)) => on_function(arguments, &item, mistakes),
        Ok(other) => {
            let wrong = "`#[protocol]` goes on an inherent impl, `impl Chat { .. }`, or on an `async fn`";
            annotated::misplaced(&other, wrong, &mut mistakes)
        }
        Err(error) => {
            mistakes.add_error(error);
            annotated::beside(&mistakes, item)
        }
    }
}

fn on_function(arguments: Arguments, item: &ItemFn, mut mistakes: Mistakes) -> TokenStream {
    let model = Model::of_function(arguments, item, &mut mistakes);
    let mut code = expand::type_of_function(item);
    if mistakes.is_empty() {
        code.extend(item.to_token_stream());
        code.extend(expand::expand(&model));
    } else {
        code.extend(quote::quote!(#[allow(dead_code)] #item));
        code.extend(mistakes.to_code());
        code.extend(expand::stub(&model));
    }
    code
}

#[cfg(test)]
mod tests;
