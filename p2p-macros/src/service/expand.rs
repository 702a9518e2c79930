//! Turns a service into its descriptor and its `Service` impl.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::model::Model;
use crate::method::{Method, called_with, names, sent};
use crate::spans::{ends, local};

/// All that follows the author's item.
pub(super) fn expand(model: &Model) -> TokenStream {
    let (own, name, docs) = (&model.own, &model.name, &model.docs);
    let protocols = model.arguments.protocols.iter().map(|ty| {
        let (first, last) = ends(ty);
        let open = quote_spanned!(first=> __p2p::service::protocol::<);
        let close = quote_spanned!(last=> >());
        quote!(#open #ty #close)
    });
    let requires = model.methods().flat_map(|method| {
        let cfgs = &method.cfgs;
        method.takes.iter().map(move |ty| {
            let extractor = extractor(ty);
            quote!(#(#cfgs)* #extractor.requires())
        })
    });
    let claim = (!model.arguments.protocols.is_empty())
        .then(|| quote!(__p2p::inventory::submit! { __p2p::service::Claim(__PROTOCOLS) }));
    let (apis, start) = (apis(model), life(model.start.as_ref(), &quote!(start)));
    let stop = life(model.stop.as_ref(), &quote!(stop));
    in_scope(
        model,
        &quote! {
            const __PROTOCOLS: &[&__p2p::ProtocolDescriptor] = &[#(#protocols),*];
            #claim
            #[automatically_derived]
            impl __p2p::service::Service for #own {
                fn descriptor(&self) -> &'static __p2p::service::ServiceDescriptor {
                    const DESCRIPTOR: __p2p::service::ServiceDescriptor = __p2p::service::ServiceDescriptor {
                        name: #name,
                        protocols: __PROTOCOLS,
                        requires: &[#(#requires),*],
                        at: ::core::concat!(::core::file!(), ":", ::core::line!()),
                        docs: #docs,
                    };
                    &DESCRIPTOR
                }
                #apis
                #start
                #stop
            }
        },
    )
}

/// What keeps the rest of the program compiling after a mistake.
pub(super) fn stub(model: &Model) -> TokenStream {
    let own = &model.own;
    in_scope(
        model,
        &quote! {
            #[automatically_derived]
            impl __p2p::service::Service for #own {
                fn descriptor(&self) -> &'static __p2p::service::ServiceDescriptor {
                    ::std::unreachable!("a service with a mistake does not start")
                }
            }
        },
    )
}

fn in_scope(model: &Model, code: &TokenStream) -> TokenStream {
    let (core, cfgs) = (&model.arguments.core, &model.cfgs);
    quote! {
        #(#cfgs)*
        #[allow(unused_qualifications)]
        const _: () = {
            #[allow(unused_imports)]
            use #core::__private as __p2p;
            #code
        };
    }
}

/// `node_extractor::<Type>()`, underlined as the type.
fn extractor(ty: &syn::Type) -> TokenStream {
    called_with(&quote!(node_extractor), ty)
}

/// Statements that take the arguments of a method from the node.
fn takes(method: &Method) -> TokenStream {
    let (names, extractors) = (names(method), method.takes.iter().map(extractor));
    quote!(#(let #names = #extractors.take(__node)?;)*)
}

fn apis(model: &Model) -> Option<TokenStream> {
    if model.apis.is_empty() {
        return None;
    }
    let added = model.apis.iter().map(|method| {
        let (cfgs, ident, takes, names) = (&method.cfgs, &method.ident, takes(method), names(method));
        let (first, last) = ends(&method.returns);
        let made = local("__made", ident, first);
        let open = quote_spanned!(first=> __p2p::service::add);
        let arguments = quote_spanned!(last=> (__apis, #made));
        quote! {
            #(#cfgs)*
            let __apis = {
                #takes
                let #made = self.#ident(#(#names),*);
                #open #arguments?
            };
        }
    });
    Some(quote! {
        fn apis(&self, __node: &__p2p::P2pPtr) -> __p2p::Result<__p2p::rpc::Apis> {
            let __apis = __p2p::rpc::Apis::new();
            #(#added)*
            ::core::result::Result::Ok(__apis)
        }
    })
}

/// `start` or `stop`; a method that is not there under its conditions does nothing.
fn life(method: Option<&Method>, name: &TokenStream) -> Option<TokenStream> {
    let method = method?;
    let (cfgs, ident, takes, names) = (&method.cfgs, &method.ident, takes(method), names(method));
    let (this, span) = (local("__this", ident, method.span()), method.span());
    let called = sent(method, &quote_spanned!(span=> #this.#ident(#(#names),*)));
    let (first, last) = ends(&method.returns);
    let outcome = local("__outcome", ident, first);
    let into = quote_spanned!(first=> __p2p::job_outcome);
    let argument = quote_spanned!(last=> (#outcome));
    Some(quote! {
        #(#cfgs)*
        fn #name<'a>(&'a self, __node: &'a __p2p::P2pPtr) -> __p2p::BoxFuture<'a, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let #this = self;
                #takes
                let #outcome = #called;
                #into #argument
            })
        }
    })
}
