//! The code around a method: what it takes from the context, where its result goes.
//!
//! The constant that describes a handler and the loop that runs it call the same functions with the same types on the
//! same tokens: the compiler shows two equal errors once.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use super::model::{Construct, Model};
use super::parse::Scope;
use crate::method::{Method, called_with, names, sent};
use crate::spans::{ends, local};

/// A constant for each handler, and the check that no two take one message.
pub(super) fn constants(model: &Model) -> TokenStream {
    let mut earlier: Vec<TokenStream> = Vec::new();
    let mut code = TokenStream::new();
    for handler in &model.handlers {
        let (cfgs, constant, on) = (&handler.cfgs, handler.constant(), on(handler));
        let arguments = handler.takes.iter().map(argument);
        let span = handler.span();
        let handles = quote_spanned!(span=> .handles(&[#(#arguments.requires()),*]));
        code.extend(quote!(#(#cfgs)* const #constant: __p2p::Handles = #on #handles;));
        if !earlier.is_empty() {
            let check = quote_spanned!(span=> __p2p::check_new(&[#(#earlier),*], &#constant));
            code.extend(quote!(#(#cfgs)* const _: () = #check;));
        }
        earlier.push(quote!(#(#cfgs)* #constant));
    }
    code
}

/// `extractor::<Type>()`, underlined as the type; where there is only the node, `node_extractor::<Type>()`.
pub(super) fn extractor(model: &Model, ty: &Type) -> TokenStream {
    match model.arguments.scope {
        Scope::Channel => called_with(&quote!(extractor), ty),
        Scope::Node => called_with(&quote!(node_extractor), ty),
    }
}

/// `arg::<Type>()`, underlined as the type.
fn argument(ty: &Type) -> TokenStream {
    called_with(&quote!(arg), ty)
}

/// `on((arg::<Type>(), ..))`.
fn on(handler: &Method) -> TokenStream {
    let arguments = handler.takes.iter().map(argument);
    let span = handler.span();
    let tuple = quote!((#(#arguments,)*));
    quote_spanned!(span=> __p2p::on(#tuple))
}

/// Statements that take the arguments of a method without a message from `source`, and the names they then have.
pub(super) fn extract(model: &Model, method: &Method, source: &TokenStream) -> (TokenStream, Vec<Ident>) {
    let names = names(method);
    let extractors = method.takes.iter().map(|ty| extractor(model, ty));
    (quote!(#(let #names = #extractors.take(#source)?;)*), names)
}

/// Awaits a call of a method on `this`, or of the function that is the protocol.
pub(super) fn called(model: &Model, method: &Method, this: &Ident) -> TokenStream {
    let (ident, names, span) = (&method.ident, names(method), method.span());
    let call = match model.construct {
        Construct::Function => quote_spanned!(span=> #ident(#(#names),*)),
        Construct::Init(..) | Construct::Default | Construct::Config => {
            quote_spanned!(span=> #this.#ident(#(#names),*))
        }
    };
    sent(method, &call)
}

/// The message loop.
pub(super) fn serve(model: &Model) -> TokenStream {
    let arms = model.handlers.iter().map(|handler| arm(model, handler));
    let kept = model.handlers.iter().filter(|handler| !handler.streams).map(|handler| {
        let (cfgs, kept, on) = (&handler.cfgs, kept(handler), on(handler));
        quote!(#(#cfgs)* let mut #kept = #on.kept();)
    });
    quote! {
        if let ::core::option::Option::Some(mut __inbox) = __context.take_inbox() {
            let (__own, __shared) = (::core::clone::Clone::clone(&self), ::core::clone::Clone::clone(&__context));
            __context.jobs().serve(async move {
                let (__this, __context) = (&*__own, &*__shared);
                #(#kept)*
                while __inbox.fill().await.is_ok() {
                    while let ::core::option::Option::Some(__delivery) = __inbox.take() {
                        let __id = __delivery.id;
                        match __id {
                            #(#arms)*
                            _ => {}
                        }
                    }
                }
                ::core::result::Result::Ok(())
            });
        }
    }
}

/// What a handler keeps from one message to the next, by name.
fn kept(handler: &Method) -> Ident {
    local(&format!("__kept_{}", handler.ident.unraw()), &handler.ident, handler.span())
}

fn arm(model: &Model, handler: &Method) -> TokenStream {
    let (cfgs, constant, on) = (&handler.cfgs, handler.constant(), on(handler));
    let (first, _) = ends(&handler.returns);
    let [this, to, context, outcome, done] =
        ["__this", "__to", "__context", "__outcome", "__on"].map(|name| local(name, &handler.ident, first));
    let kept = kept(handler);
    let (names, called) = (names(handler), called(model, handler, &local("__this", &handler.ident, handler.span())));
    // One place for the call and its await: the compiler shows two equal errors once.
    let finish = if handler.streams {
        quote_spanned!(first=> #done.finish_rows(#outcome, #context, #to).await)
    } else {
        quote_spanned!(first=> #done.finish(#outcome, #context, #to).await)
    };
    let body = if handler.streams {
        // A task of its own, which owns what the stream borrows from.
        quote! {
            if let ::core::option::Option::Some((__asked, __owned)) = __context.channel().asked(__delivery).await? {
                let (__own, __shared) = (::core::clone::Clone::clone(&__own), ::core::clone::Clone::clone(&__shared));
                __context.jobs().answer(__asked, async move {
                    let (#this, #context) = (&*__own, &*__shared);
                    let (#to, (#(#names,)*)) = #on.take(#context, &mut #on.kept(), __owned.borrow())?;
                    let (#outcome, #done) = (#called, #on);
                    #finish
                });
            }
        }
    } else {
        quote! {
            let (#this, #context) = (__this, __context);
            let (#to, (#(#names,)*)) = #on.take(#context, &mut #kept, __delivery)?;
            let (#outcome, #done) = (#called, #on);
            #finish?;
        }
    };
    quote! {
        #(#cfgs)*
        _ if __id == #constant.message.id => { #body }
    }
}
