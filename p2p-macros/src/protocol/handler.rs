//! The code around a method: what it takes from the context, where its result goes.
//!
//! The constant that describes a handler and the loop that runs it call the same functions with the same types on the
//! same tokens: the compiler shows two equal errors once.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::model::{Construct, Method, Model};
use super::parse::Phase;
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

/// `extractor::<Type>()`, underlined as the type.
pub(super) fn extractor(ty: &Type) -> TokenStream {
    called_with(&quote!(extractor), ty)
}

/// `arg::<Type>()`, underlined as the type.
fn argument(ty: &Type) -> TokenStream {
    called_with(&quote!(arg), ty)
}

fn called_with(function: &TokenStream, ty: &Type) -> TokenStream {
    let (first, last) = ends(ty);
    let open = quote_spanned!(first=> __p2p::#function::<);
    let close = quote_spanned!(last=> >());
    quote!(#open #ty #close)
}

/// `on((arg::<Type>(), ..))`.
fn on(handler: &Method) -> TokenStream {
    let arguments = handler.takes.iter().map(argument);
    let span = handler.span();
    let tuple = quote!((#(#arguments,)*));
    quote_spanned!(span=> __p2p::on(#tuple))
}

/// Statements that take a method's arguments from the context, and the names they then have.
pub(super) fn extract(method: &Method) -> (TokenStream, Vec<Ident>) {
    let names = names(method);
    let extractors = method.takes.iter().map(extractor);
    (quote!(#(let #names = #extractors.take(__context)?;)*), names)
}

fn names(method: &Method) -> Vec<Ident> {
    (0..method.takes.len()).map(|at| local(&format!("__a{at}"), &method.ident, method.span())).collect()
}

/// Awaits a call; what is not `Send` is reported on the method's name, and nowhere else.
pub(super) fn sent(method: &Method, call: &TokenStream) -> TokenStream {
    let span = method.span();
    quote_spanned!(span=> __p2p::send(#call).await)
}

/// Awaits a call of a method on `this`, or of the function that is the protocol.
fn called(model: &Model, method: &Method, this: &Ident) -> TokenStream {
    let (ident, names, span) = (&method.ident, names(method), method.span());
    let call = match model.construct {
        Construct::Function => quote_spanned!(span=> #ident(#(#names),*)),
        Construct::Init(..) | Construct::Default => quote_spanned!(span=> #this.#ident(#(#names),*)),
    };
    sent(method, &call)
}

/// The message loop.
pub(super) fn serve(model: &Model) -> TokenStream {
    let arms = model.handlers.iter().map(|handler| arm(model, handler));
    quote! {
        if let ::core::option::Option::Some(mut __inbox) = __context.take_inbox() {
            let (__this, __shared) = (::core::clone::Clone::clone(&self), ::core::clone::Clone::clone(&__context));
            __context.jobs().serve(async move {
                let (__this, __context) = (&*__this, &*__shared);
                while let ::core::result::Result::Ok(__delivery) = __inbox.next().await {
                    match __delivery.id {
                        #(#arms)*
                        _ => {}
                    }
                }
                ::core::result::Result::Ok(())
            });
        }
    }
}

fn arm(model: &Model, handler: &Method) -> TokenStream {
    let (cfgs, constant, on) = (&handler.cfgs, handler.constant(), on(handler));
    let (first, _) = ends(&handler.returns);
    let [this, call, to, context, outcome] =
        ["__this", "__on", "__to", "__context", "__outcome"].map(|name| local(name, &handler.ident, first));
    let (names, called) = (names(handler), called(model, handler, &local("__this", &handler.ident, handler.span())));
    // One place for the call and its await: the compiler shows two equal errors once.
    let finish = quote_spanned!(first=> #call.finish(#outcome, #context, #to).await?);
    quote! {
        #(#cfgs)*
        __id if __id == #constant.message.id => {
            let (#this, #context, #call) = (__this, __context, #on);
            let (#to, (#(#names,)*)) = #call.take(#context, __delivery)?;
            let #outcome = #called;
            #finish;
        }
    }
}

/// Starts the jobs; in the handshake, awaits them.
pub(super) fn jobs(model: &Model) -> TokenStream {
    if model.jobs.is_empty() {
        return TokenStream::new();
    }
    let jobs = model.jobs.iter().map(|job| {
        let (cfgs, future) = (&job.cfgs, job_future(model, job));
        let start = match model.arguments.phase {
            Phase::Handshake => quote!(__jobs.add),
            Phase::Main => quote!(__context.jobs().spawn),
        };
        quote! {
            #(#cfgs)*
            {
                let (__this, __shared) = (::core::clone::Clone::clone(&self), ::core::clone::Clone::clone(&__context));
                #start(#future);
            }
        }
    });
    match model.arguments.phase {
        Phase::Handshake => quote! {
            let mut __jobs = __p2p::Together::new();
            #(#jobs)*
            __jobs.all().await?;
        },
        Phase::Main => quote!(#(#jobs)*),
    }
}

fn job_future(model: &Model, job: &Method) -> TokenStream {
    let (takes, _) = extract(job);
    let (first, last) = ends(&job.returns);
    let [this, outcome] = ["__this", "__outcome"].map(|name| local(name, &job.ident, first));
    let called = called(model, job, &local("__this", &job.ident, job.span()));
    let into = quote_spanned!(first=> __p2p::job_outcome);
    let argument = quote_spanned!(last=> (#outcome));
    quote! {
        async move {
            let (#this, __context) = (&*__this, &*__shared);
            #takes
            let #outcome = #called;
            #into #argument
        }
    }
}
