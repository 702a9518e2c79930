//! Turns a message into its impls and the checks of its limits.

use super::model::Model;
use super::parse::Answer;
use crate::schema::{self, Target};
use crate::spans::ends;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

/// `Schema`, `Message`, `Request` and `Argument`.
pub(super) fn expand(target: &Target, model: &Model) -> TokenStream {
    let (ident, name) = (&model.ident, &model.name);
    let schema = schema::expand(target, &model.schema);
    let max_bytes = model.max_bytes.as_ref().map_or_else(|| quote!(__p2p::ONE_FRAME), ToTokens::to_token_stream);
    let window = model.window.as_ref().map(|window| quote!(const WINDOW: u32 = #window;));
    let rate =
        model.rate.as_ref().map(|rate| quote!(const RATE: ::core::option::Option<__p2p::Rate> = __p2p::rate(#rate);));
    let check_rate = model.rate.as_ref().map(|rate| {
        let (first, last) = ends(rate);
        let call = quote_spanned!(first=> __p2p::check_rate);
        let argument = quote_spanned!(last=> (#rate));
        quote!(const _: () = #call #argument;)
    });
    let priority = model.urgent.then(|| {
        quote!(
            const PRIORITY: __p2p::Priority = __p2p::Priority::High;
        )
    });
    let (request, answer) = (request(target, model.answer.as_ref()), answer(model.answer.as_ref()));
    let check_max_bytes = check(model.max_bytes.as_ref(), ident, &quote!(check_max_bytes));
    // A window that is too small for a large message is reported where the author wrote a number.
    let check_window = check(model.window.as_ref().or(model.max_bytes.as_ref()), ident, &quote!(check_window));
    let check_bounded = check(None, ident, &quote!(check_bounded));
    let argument = argument(target);
    quote! {
        #schema
        #[automatically_derived]
        impl __p2p::Message for #ident {
            const NAME: &'static str = #name;
            const MAX_BYTES: usize = #max_bytes;
            #window
            #rate
            #priority
            type Answer = #answer;
        }
        #request
        #argument
        #check_max_bytes
        #check_window
        #check_rate
        #check_bounded
    }
}

/// Impls that keep the rest of the program compiling after a mistake.
pub(super) fn stub(target: &Target, given: Option<&Answer>) -> TokenStream {
    let ident = &target.ident;
    let (parameters, arguments, _) = target.generics.split_for_impl();
    let (schema, argument, answer) = (schema::stub(target), argument(target), answer(given));
    let bounds = sendable(target);
    let request = request(target, given);
    quote! {
        #schema
        #[automatically_derived]
        impl #parameters __p2p::Message for #ident #arguments #bounds {
            const NAME: &'static str = "";
            const MAX_BYTES: usize = 1;
            type Answer = #answer;
        }
        #request
        #argument
    }
}

/// The bounds of a message, for one that has parameters by mistake.
fn sendable(target: &Target) -> Option<TokenStream> {
    (!target.generics.params.is_empty()).then(|| quote!(where Self: __p2p::Sendable))
}

fn answer(answer: Option<&Answer>) -> TokenStream {
    match answer {
        None => quote!(__p2p::One<()>),
        Some(Answer::Reply(reply)) => quote!(__p2p::One<#reply>),
        Some(Answer::Stream(row)) => quote!(__p2p::Many<#row>),
    }
}

/// What makes a message one that can be asked with.
fn request(target: &Target, answer: Option<&Answer>) -> Option<TokenStream> {
    let (ident, bounds, (parameters, arguments, _)) =
        (&target.ident, sendable(target), target.generics.split_for_impl());
    let (of, item) = match answer? {
        Answer::Reply(reply) => (quote!(Request), quote!(type Reply = #reply;)),
        Answer::Stream(row) => (quote!(StreamRequest), quote!(type Row = #row;)),
    };
    Some(quote! {
        #[automatically_derived]
        impl #parameters __p2p::#of for #ident #arguments #bounds {
            #item
        }
    })
}

/// A message by value is an argument of a handler.
fn argument(target: &Target) -> TokenStream {
    let ident = &target.ident;
    let mut generics = target.generics.clone();
    generics.params.insert(0, syn::parse_quote!('__context));
    let (parameters, ..) = generics.split_for_impl();
    let (_, arguments, _) = target.generics.split_for_impl();
    let bounds = (!target.generics.params.is_empty()).then(|| quote!(where Self: __p2p::Message));
    quote! {
        #[automatically_derived]
        impl #parameters __p2p::Argument<'__context> for #ident #arguments #bounds {
            type Role = __p2p::Received<Self>;
            const ROLE: Self::Role = __p2p::Received::NEW;
        }
    }
}

fn check(given: Option<&syn::Expr>, ident: &syn::Ident, check: &TokenStream) -> TokenStream {
    let (first, last) = given.map_or_else(|| ends(ident), ends);
    let call = quote_spanned!(first=> __p2p::#check::<#ident>);
    let arguments = quote_spanned!(last=> ());
    quote!(const _: () = #call #arguments;)
}
