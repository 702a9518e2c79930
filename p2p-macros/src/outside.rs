//! `#[on]`, `#[job]` and their like where no annotation of the impl has consumed them: an error that says where they belong.

use proc_macro2::{Span, TokenStream};

/// The error, and the item as it was.
pub(crate) fn explain(name: &str, places: &str, item: TokenStream) -> TokenStream {
    let text = format!("`#[{name}]` marks a method of an impl under {places}, and there is none here");
    let mut code = syn::Error::new(Span::call_site(), text).into_compile_error();
    code.extend(item);
    code
}
