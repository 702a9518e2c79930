//! What an annotation leaves of the item it stands on: the item and what was made of it, or the item and what is wrong.
//!
//! `#[protocol]`, `#[rpc]` and `#[service]` do their own work between these. Nothing here knows one of them.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Item, ItemImpl};

use crate::mistakes::Mistakes;
use crate::spans::ends;

/// The inherent impl that is annotated; for anything else the code to leave, in which `wrong` says where the annotation goes.
pub(crate) fn on_impl(item: TokenStream, wrong: &str, mistakes: &mut Mistakes) -> Result<ItemImpl, TokenStream> {
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(item)) => Ok(item),
        Ok(other) => Err(misplaced(&other, wrong, mistakes)),
        Err(error) => {
            mistakes.add_error(error);
            Err(beside(mistakes, item))
        }
    }
}

/// The code for an item on which the annotation does not go.
pub(crate) fn misplaced(item: &Item, wrong: &str, mistakes: &mut Mistakes) -> TokenStream {
    mistakes.add_error(syn::Error::new(ends(item).0, wrong));
    beside(mistakes, item.into_token_stream())
}

/// The code for an impl of which `model` was made: with what `expand` writes, or with the mistakes and a `stub` in its place.
pub(crate) fn expanded<M>(
    mut item: ItemImpl,
    model: Option<&M>,
    mistakes: &Mistakes,
    expand: impl FnOnce(&M) -> TokenStream,
    stub: impl FnOnce(&M) -> TokenStream,
) -> TokenStream {
    if let Some(model) = model.filter(|_| mistakes.is_empty()) {
        let mut code = item.to_token_stream();
        code.extend(expand(model));
        return code;
    }
    // Nobody calls the methods now; that is not another mistake.
    item.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
    let mut code = beside(mistakes, item.into_token_stream());
    code.extend(model.map(stub));
    code
}

/// The mistakes, and the item as it is.
pub(crate) fn beside(mistakes: &Mistakes, item: TokenStream) -> TokenStream {
    let mut code = mistakes.to_code();
    code.extend(item);
    code
}
