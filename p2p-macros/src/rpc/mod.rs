//! `#[rpc]` on an inherent impl: its methods become an API that other processes call.
//!
//! The item stays as it is but for the marks on its methods; the impl of `Api` follows in a block of its own, and beside it
//! the typed client.

mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Item;

use crate::mistakes::Mistakes;
use model::Model;
use parse::Arguments;

/// Expands `#[rpc(arguments)]` on `item`.
pub(crate) fn annotate(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut item = match syn::parse2(item.clone()) {
        Ok(Item::Impl(item)) => item,
        Ok(other) => {
            let (first, _) = crate::spans::ends(&other);
            let text = "`#[rpc]` goes on an inherent impl, `impl Chat { .. }`, and on the methods in it";
            mistakes.add_error(syn::Error::new(first, text));
            return with_item(&mistakes, item);
        }
        Err(error) => {
            mistakes.add_error(error);
            return with_item(&mistakes, item);
        }
    };
    let arguments = Arguments::read(arguments, &mut mistakes);
    let model = Model::of(arguments, &mut item, &mut mistakes);
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

fn with_item(mistakes: &Mistakes, item: TokenStream) -> TokenStream {
    let mut code = mistakes.to_code();
    code.extend(item);
    code
}

#[cfg(test)]
mod tests;
