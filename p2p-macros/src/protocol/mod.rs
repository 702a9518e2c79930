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
use syn::{Item, ItemFn, ItemImpl};

use crate::mistakes::Mistakes;
use model::Model;
use parse::Arguments;

/// Expands `#[protocol(arguments)]` on `item`.
pub(crate) fn annotate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let arguments = Arguments::read(arguments, &mut mistakes);
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(item)) => on_impl(arguments, item, mistakes),
        Ok(Item::Fn(item)) => on_function(arguments, &item, mistakes),
        Ok(other) => {
            let (first, _) = crate::spans::ends(&other);
            let text = "`#[protocol]` goes on an inherent impl, `impl Chat { .. }`, or on an `async fn`";
            mistakes.add_error(syn::Error::new(first, text));
            with_item(&mistakes, item)
        }
        Err(error) => {
            mistakes.add_error(error);
            with_item(&mistakes, item)
        }
    }
}

fn on_impl(arguments: Arguments, mut item: ItemImpl, mut mistakes: Mistakes) -> TokenStream {
    let model = Model::of_impl(arguments, &mut item, &mut mistakes);
    match model {
        Some(model) if mistakes.is_empty() => {
            let mut code = item.to_token_stream();
            code.extend(expand::expand(&model));
            code
        }
        model => {
            // Nobody calls the methods now; that is not another mistake.
            item.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
            let mut code = with_item(&mistakes, item.into_token_stream());
            code.extend(model.as_ref().map(expand::stub));
            code
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

fn with_item(mistakes: &Mistakes, item: TokenStream) -> TokenStream {
    let mut code = mistakes.to_code();
    code.extend(item);
    code
}

#[cfg(test)]
mod tests;
