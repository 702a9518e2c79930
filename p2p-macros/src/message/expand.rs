//! Turns a message into its impls and the checks of its limits.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use super::model::Model;
use crate::schema::{self, Target};
use crate::spans::ends;

/// `Schema`, `Message`, `Request` and `Argument`.
pub(super) fn expand(target: &Target, model: &Model) -> TokenStream {
    let (ident, name) = (&model.ident, &model.name);
    let schema = schema::expand(target, &model.schema);
    let max_bytes = model.max_bytes.as_ref().map_or_else(|| quote!(__p2p::ONE_FRAME), ToTokens::to_token_stream);
    let window = model.window.as_ref().map(|window| quote!(const WINDOW: u32 = #window;));
    let answer = answer(model.reply.as_ref());
    let request = model.reply.as_ref().map(|reply| {
        quote! {
            #[automatically_derived]
            impl __p2p::Request for #ident {
                type Reply = #reply;
            }
        }
    });
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
            type Answer = #answer;
        }
        #request
        #argument
        #check_max_bytes
        #check_window
        #check_bounded
    }
}

/// Impls that keep the rest of the program compiling after a mistake.
pub(super) fn stub(target: &Target, reply: Option<&Type>) -> TokenStream {
    let ident = &target.ident;
    let (parameters, arguments, _) = target.generics.split_for_impl();
    let (schema, argument, answer) = (schema::stub(target), argument(target), answer(reply));
    let mut generics = target.generics.clone();
    let bounds = generics.make_where_clause();
    if !target.generics.params.is_empty() {
        bounds.predicates.push(syn::parse_quote!(Self: __p2p::Sendable));
    }
    let request = reply.map(|reply| {
        quote! {
            #[automatically_derived]
            impl #parameters __p2p::Request for #ident #arguments #bounds {
                type Reply = #reply;
            }
        }
    });
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

fn answer(reply: Option<&Type>) -> TokenStream {
    reply.map_or_else(|| quote!(__p2p::One<()>), |reply| quote!(__p2p::One<#reply>))
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
