//! What is wrong with an annotation: every mistake is collected, so that one compile shows them all.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far, in the order they were found.
#[derive(Default)]
pub(crate) struct Mistakes(Option<syn::Error>);

impl Mistakes {
    /// Adds one, on all of the tokens `at`. The text is lower-case: what is wrong, then what would be right.
    pub(crate) fn add(&mut self, at: &impl ToTokens, text: impl Display) {
        self.add_error(syn::Error::new_spanned(at, text));
    }

    /// Adds one that was found by a parser.
    pub(crate) fn add_error(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The code that makes the compiler print them; nothing, if there are none.
    pub(crate) fn to_code(&self) -> TokenStream {
        self.0.as_ref().map(syn::Error::to_compile_error).unwrap_or_default()
    }

    /// Their texts.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.iter().flatten().map(|error| error.to_string()).collect()
    }
}
