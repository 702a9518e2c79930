//! What the tests of the annotations look at: the errors in the code, and its text.

use proc_macro2::TokenStream;
use syn::Item;

/// The texts of the errors in `code`, which must be a file.
pub(crate) fn errors_in(code: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(code).unwrap();
    let mut texts = Vec::new();
    for item in file.items {
        if let Item::Macro(item) = item
            && item.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error")
        {
            texts.push(item.mac.parse_body::<syn::LitStr>().unwrap().value());
        }
    }
    texts
}

/// The text of `code`, which must be a file, in one line.
pub(crate) fn text_of(code: &TokenStream) -> String {
    let _: syn::File = syn::parse2(code.clone()).unwrap();
    code.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn assert_parts(code: &str, parts: &[&str]) {
    for part in parts {
        assert!(code.contains(part), "{part}\n{code}");
    }
}
