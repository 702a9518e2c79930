//! Turns a protocol into its descriptor, its constructor and its `ProtocolBase` impl.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ItemFn;

use super::model::{Construct, Model};
use super::parse::{Phase, Scope};
use super::{handler, jobs};
use crate::method::{Method, sent};
use crate::spans::{ends, local};

/// All that follows the author's item.
pub(super) fn expand(model: &Model) -> TokenStream {
    let own = &model.own;
    let constants = handler::constants(model);
    let (sessions, descriptor) = (sessions(model), descriptor(model));
    let (construct, base, config) = (construct(model), base(model), config(model));
    let intervals = jobs::intervals(model);
    in_scope(
        model,
        &quote! {
            #constants
            #sessions
            #[automatically_derived]
            impl __p2p::Protocol for #own {
                const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &#descriptor;
            }
            __p2p::inventory::submit! { __p2p::Linked(<#own as __p2p::Protocol>::DESCRIPTOR) }
            #config
            #intervals
            #construct
            #base
        },
    )
}

/// What keeps the rest of the program compiling after a mistake.
pub(super) fn stub(model: &Model) -> TokenStream {
    let (own, config) = (&model.own, config(model));
    in_scope(
        model,
        &quote! {
            #[automatically_derived]
            impl __p2p::Protocol for #own {
                const DESCRIPTOR: &'static __p2p::ProtocolDescriptor = &__p2p::STUB;
            }
            #config
        },
    )
}

/// The type that stands for a function in a set of protocols; braces leave the function its name.
pub(super) fn type_of_function(item: &ItemFn) -> TokenStream {
    let (visibility, ident) = (&item.vis, &item.sig.ident);
    let cfgs = item.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let doc = format!("The protocol of the function [`{ident}()`].");
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}
    }
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

fn sessions(model: &Model) -> TokenStream {
    let Some(sessions) = &model.arguments.sessions else {
        return quote!(
            const __SESSIONS: __p2p::SessionFlags = __p2p::SessionFlags::ALL;
        );
    };
    let constant = &sessions.constant;
    let (first, last) = ends(&sessions.written);
    let check = quote_spanned!(first=> __p2p::check_sessions);
    let arguments = quote_spanned!(last=> (__SESSIONS));
    quote! {
        const __SESSIONS: __p2p::SessionFlags = {
            #[allow(unused_imports)]
            use __p2p::flags::*;
            #constant
        };
        const _: () = #check #arguments;
    }
}

fn descriptor(model: &Model) -> TokenStream {
    let (name, docs, version) = (&model.name, &model.docs, model.arguments.version);
    let phase = match model.arguments.phase {
        Phase::Handshake => quote!(__p2p::Phase::Handshake),
        Phase::Main => quote!(__p2p::Phase::Main),
    };
    let scope = match model.arguments.scope {
        Scope::Channel => quote!(Channel),
        Scope::Node => quote!(Node),
    };
    let handlers = model.handlers.iter().map(|handler| {
        let (cfgs, constant) = (&handler.cfgs, handler.constant());
        quote!(#(#cfgs)* #constant)
    });
    let init = match &model.construct {
        Construct::Init(init, _) => Some(init),
        Construct::Default | Construct::Config | Construct::Function => None,
    };
    let config = matches!(model.construct, Construct::Config).then(|| {
        let config = handler::extractor(model, &own_config(model));
        quote!(#config.requires())
    });
    let requires = init.into_iter().chain(model.tasks()).flat_map(|method| {
        let cfgs = &method.cfgs;
        method.takes.iter().map(move |ty| {
            let extractor = handler::extractor(model, ty);
            quote!(#(#cfgs)* #extractor.requires())
        })
    });
    let requires = requires.chain(config);
    quote! {
        __p2p::ProtocolDescriptor {
            name: #name,
            version: #version,
            sessions: __SESSIONS,
            phase: #phase,
            handlers: &[#(#handlers),*],
            requires: &[#(#requires),*],
            construct: __p2p::Construct::#scope(__construct),
            at: ::core::concat!(::core::file!(), ":", ::core::line!()),
            module: ::core::module_path!(),
            docs: #docs,
        }
    }
}

fn construct(model: &Model) -> TokenStream {
    let own = &model.own;
    let instance = match &model.construct {
        Construct::Function => quote!(#own {}),
        Construct::Default => {
            let (first, last) = ends(own);
            let open = quote_spanned!(first=> __p2p::by_default::<);
            let close = quote_spanned!(last=> >());
            quote!(#open #own #close)
        }
        Construct::Config => {
            let config = handler::extractor(model, &own_config(model));
            quote!(::core::clone::Clone::clone(&*#config.take(__context)?))
        }
        Construct::Init(init, is_async) => by_init(model, init, *is_async),
    };
    let context = match model.arguments.scope {
        Scope::Channel => quote!(Context),
        Scope::Node => quote!(P2pPtr),
    };
    quote! {
        fn __construct(
            __context: &__p2p::#context,
        ) -> __p2p::BoxFuture<'_, __p2p::Result<::std::sync::Arc<dyn __p2p::ProtocolBase>>> {
            ::std::boxed::Box::pin(async move {
                let __instance: #own = #instance;
                ::core::result::Result::Ok(::std::sync::Arc::new(__instance) as ::std::sync::Arc<dyn __p2p::ProtocolBase>)
            })
        }
    }
}

/// The extractor of a config of the protocol's own type.
fn own_config(model: &Model) -> syn::Type {
    let own = &model.own;
    syn::parse_quote!(__p2p::Config<#own>)
}

fn by_init(model: &Model, init: &Method, is_async: bool) -> TokenStream {
    let (own, ident) = (&model.own, &init.ident);
    let (takes, values) = handler::extract(model, init, &quote!(__context));
    let span = init.span();
    let call = quote_spanned!(span=> <#own>::#ident(#(#values),*));
    let made = if is_async { sent(init, &call) } else { call };
    let (first, last) = ends(&init.returns);
    let into = quote_spanned!(first=> __p2p::instance::<#own, _>);
    let value = local("__made", &init.ident, first);
    let argument = quote_spanned!(last=> (#value)?);
    quote! {{
        #takes
        let #value = #made;
        #into #argument
    }}
}

fn base(model: &Model) -> TokenStream {
    let (own, name) = (&model.own, &model.name);
    let serve = (!model.handlers.is_empty()).then(|| handler::serve(model));
    let (stops, repeated, jobs) = (jobs::stops(model), jobs::repeated(model), jobs::jobs(model));
    let span = model.own_span();
    let base = quote_spanned!(span=> __p2p::ProtocolBase);
    let (on_channel, on_node) = match model.arguments.scope {
        Scope::Channel => (quote!(#stops #serve #repeated #jobs), None),
        Scope::Node => (quote!(#serve), Some(quote!(#stops #repeated #jobs))),
    };
    let on_channel = start(&quote!(start), &quote!(Context), &on_channel);
    let on_node = on_node.map(|code| start(&quote!(start_on_node), &quote!(NodeContext), &code));
    quote! {
        #[automatically_derived]
        impl #base for #own {
            fn name(&self) -> &'static str {
                #name
            }

            #on_channel
            #on_node
        }
    }
}

/// A method that starts what `code` starts.
fn start(name: &TokenStream, context: &TokenStream, code: &TokenStream) -> TokenStream {
    quote! {
        fn #name(
            self: ::std::sync::Arc<Self>,
            __context: __p2p::#context,
        ) -> __p2p::BoxFuture<'static, __p2p::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let __context = ::std::sync::Arc::new(__context);
                #code
                ::core::result::Result::Ok(())
            })
        }
    }
}

/// What the protocol is configured with.
fn config(model: &Model) -> Option<TokenStream> {
    let (own, config) = (&model.own, model.arguments.config.as_ref()?);
    Some(quote! {
        #[automatically_derived]
        impl __p2p::Configure for #own {
            type Config = #config;
        }
    })
}
