//! Turns an API into its description, its `Api` impl and its client.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::model::{Method, Model, Param, written};
use crate::spans::{ends, local};

/// All that follows the author's item.
pub(super) fn expand(model: &Model) -> TokenStream {
    let constants = model.methods.iter().chain(&model.subscriptions).map(constant);
    let (api, client) = (api(model), client(model));
    let structure = client_type(model);
    let code = in_scope(model, &quote!(#(#constants)* #api #client));
    quote!(#structure #code)
}

/// What keeps the rest of the program compiling after a mistake.
pub(super) fn stub(model: &Model) -> TokenStream {
    let own = &model.own;
    let structure = client_type(model);
    let description = quote!(__p2p::rpc::ApiDescription {
        namespace: "",
        version: "",
        docs: "",
        at: "",
        methods: &[],
        subscriptions: &[],
    });
    let (client, never) = (&model.client, quote!(::std::unreachable!("an API with a mistake is never called")));
    let code = in_scope(
        model,
        &quote! {
            #[automatically_derived]
            impl __p2p::rpc::Api for #own {
                fn description(&self) -> &'static __p2p::rpc::ApiDescription {
                    &#description
                }
                fn call<'a>(&'a self, _: &'a str, _: __p2p::rpc::Params) -> __p2p::BoxFuture<'a, __p2p::rpc::Answer> {
                    #never
                }
                fn subscribe<'a>(
                    self: ::std::sync::Arc<Self>,
                    _: &'a str,
                    _: __p2p::rpc::Params,
                ) -> __p2p::BoxFuture<'a, ::core::result::Result<__p2p::rpc::Rows, __p2p::rpc::RpcError>> {
                    #never
                }
            }
            impl ::core::convert::From<__p2p::rpc::Client> for #client {
                fn from(client: __p2p::rpc::Client) -> Self {
                    Self(client)
                }
            }
        },
    );
    quote!(#structure #code)
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

/// `const __RPC_SAY: MethodDescription = ..;`
fn constant(method: &Method) -> TokenStream {
    let (cfgs, constant, name, docs) = (&method.cfgs, method.constant(), &method.name, &method.docs);
    let (params, result) = (method.params.iter().map(described), method.result());
    quote! {
        #(#cfgs)*
        const #constant: __p2p::rpc::MethodDescription = __p2p::rpc::MethodDescription {
            name: #name,
            docs: #docs,
            params: &[#(#params),*],
            result: #result,
        };
    }
}

fn described(param: &Param) -> TokenStream {
    let (name, ty, required) = (&param.name, written(&param.ty), param.required);
    quote!(__p2p::rpc::ParamDescription { name: #name, ty: #ty, required: #required })
}

fn api(model: &Model) -> TokenStream {
    let (own, docs) = (&model.own, &model.docs);
    let (namespace, version) = (&model.arguments.namespace, &model.arguments.version);
    let listed = |methods: &[Method]| {
        let constants = methods.iter().map(|method| {
            let (cfgs, constant) = (&method.cfgs, method.constant());
            quote!(#(#cfgs)* #constant)
        });
        quote!(&[#(#constants),*])
    };
    let (methods, subscriptions) = (listed(&model.methods), listed(&model.subscriptions));
    let calls = model.methods.iter().map(|method| arm(method, &call(method)));
    let begins = model.subscriptions.iter().map(|method| arm(method, &begin(method)));
    let unknown = quote!(_ => ::core::result::Result::Err(__p2p::rpc::RpcError::method_not_found(__name)));
    quote! {
        #[automatically_derived]
        impl __p2p::rpc::Api for #own {
            fn description(&self) -> &'static __p2p::rpc::ApiDescription {
                const DESCRIPTION: __p2p::rpc::ApiDescription = __p2p::rpc::ApiDescription {
                    namespace: #namespace,
                    version: #version,
                    docs: #docs,
                    at: ::core::concat!(::core::file!(), ":", ::core::line!()),
                    methods: #methods,
                    subscriptions: #subscriptions,
                };
                &DESCRIPTION
            }

            fn call<'a>(
                &'a self,
                __name: &'a str,
                __params: __p2p::rpc::Params,
            ) -> __p2p::BoxFuture<'a, __p2p::rpc::Answer> {
                ::std::boxed::Box::pin(async move {
                    match __name {
                        #(#calls)*
                        #unknown
                    }
                })
            }

            fn subscribe<'a>(
                self: ::std::sync::Arc<Self>,
                __name: &'a str,
                __params: __p2p::rpc::Params,
            ) -> __p2p::BoxFuture<'a, ::core::result::Result<__p2p::rpc::Rows, __p2p::rpc::RpcError>> {
                ::std::boxed::Box::pin(async move {
                    match __name {
                        #(#begins)*
                        #unknown
                    }
                })
            }
        }
    }
}

/// What runs for one name; an arm that is not there under its conditions leaves the name unknown.
fn arm(method: &Method, body: &TokenStream) -> TokenStream {
    let (cfgs, name) = (&method.cfgs, &method.name);
    quote!(#(#cfgs)* #name => { #body })
}

/// Calls a method and turns what it returns into an answer.
fn call(method: &Method) -> TokenStream {
    let (this, takes, called, returned) = (this(method), takes(method), called(method), returned(method));
    let function = if method.returns.can_fail { quote!(answer_result) } else { quote!(answer) };
    let span = method.returns.span;
    let answer = quote_spanned!(span=> __p2p::rpc::#function(#returned));
    quote! {
        let #this = self;
        #takes
        let #returned = #called;
        #answer
    }
}

/// Begins a subscription; its future owns the API, which the stream borrows from.
fn begin(method: &Method) -> TokenStream {
    let (this, takes, called, returned) = (this(method), takes(method), called(method), returned(method));
    let function = if method.returns.can_fail { quote!(forward_result) } else { quote!(forward) };
    let (span, sink) = (method.returns.span, quote!(__sink));
    let forward = quote_spanned!(span=> __p2p::rpc::Sink::#function(#sink, #returned).await);
    quote! {
        __p2p::rpc::rows(move |__sink| async move {
            let #this = &*self;
            #takes
            let #returned = #called;
            #forward
        })
        .await
    }
}

/// The API, underlined as the method.
fn this(method: &Method) -> Ident {
    local("__this", &method.ident, method.ident.span())
}

/// What the method returned, underlined as its type.
fn returned(method: &Method) -> Ident {
    local("__returned", &method.ident, method.returns.span)
}

/// Statements that take the arguments, each error on its type.
fn takes(method: &Method) -> TokenStream {
    let constant = method.constant();
    let names = names(method);
    if names.is_empty() {
        return quote!(__params.arguments(&#constant)?;);
    }
    let takes = method.params.iter().map(|param| {
        let (first, last) = ends(&param.ty);
        let (ty, arguments) = (&param.ty, quote!(&mut __arguments));
        let open = quote_spanned!(first=> __p2p::rpc::argument::<);
        let close = quote_spanned!(last=> >);
        quote!(#open #ty #close(#arguments)?)
    });
    quote! {
        let mut __arguments = __params.arguments(&#constant)?;
        #(let #names = #takes;)*
    }
}

fn names(method: &Method) -> Vec<Ident> {
    (0..method.params.len()).map(|at| local(&format!("__a{at}"), &method.ident, method.ident.span())).collect()
}

/// Calls the method; what is not `Send` is reported on its name.
fn called(method: &Method) -> TokenStream {
    let (this, ident, names, span) = (this(method), &method.ident, names(method), method.ident.span());
    let call = quote_spanned!(span=> #this.#ident(#(#names),*));
    if method.is_async { quote_spanned!(span=> __p2p::send(#call).await) } else { call }
}

fn client_type(model: &Model) -> TokenStream {
    let (client, core, cfgs) = (&model.client, &model.arguments.core, &model.cfgs);
    let doc = format!(
        "A typed client of the API `{}`, made from any client: `{client}::from(client)`.",
        model.arguments.namespace
    );
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(dead_code, unreachable_pub)]
        #[derive(Debug, Clone)]
        pub struct #client(#core::__private::rpc::Client);
    }
}

fn client(model: &Model) -> TokenStream {
    let client = &model.client;
    let methods = model.methods.iter().map(|method| client_method(model, method));
    let subscriptions = model.subscriptions.iter().map(|method| client_method(model, method));
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<__p2p::rpc::Client> for #client {
            fn from(client: __p2p::rpc::Client) -> Self {
                Self(client)
            }
        }
        #[allow(dead_code, unreachable_pub, private_interfaces, private_bounds, clippy::too_many_arguments)]
        impl #client {
            #(#methods)*
            #(#subscriptions)*
        }
    }
}

/// A method of the client. Its bounds are those of a generic one, so that a type that lacks what only the client needs
/// leaves the API whole and this method uncalled.
fn client_method(model: &Model, method: &Method) -> TokenStream {
    let (ident, cfgs, name, ty) = (&method.ident, &method.cfgs, &method.name, &method.returns.ty);
    let namespace = &model.arguments.namespace;
    let full = format!("{namespace}_{name}");
    let (idents, types): (Vec<_>, Vec<_>) = method.params.iter().map(|param| (&param.ident, &param.ty)).unzip();
    let arguments = quote!(::std::vec![#(__p2p::rpc::encode(#full, &#idents)?),*]);
    let (doc, returns, body) = if method.returns.streams {
        let doc = format!("Begins the subscription `{name}` of `{namespace}`.");
        let body = quote!(self.0.subscribe(#namespace, #name, #arguments).await);
        (doc, quote!(__p2p::rpc::Subscription<#ty>), body)
    } else {
        let body = quote!(self.0.call(#full, __p2p::rpc::Params::Positional(#arguments)).await);
        (format!("Calls `{full}`."), quote!(#ty), body)
    };
    let error = "What the method or the server answers, or that no answer comes.";
    let cancel = "When dropped, the server may have run it or not.";
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = "# Errors"]
        #[doc = ""]
        #[doc = #error]
        #[doc = ""]
        #[doc = "# Cancel safety"]
        #[doc = ""]
        #[doc = #cancel]
        pub async fn #ident(&self #(, #idents: #types)*) -> ::core::result::Result<#returns, __p2p::rpc::CallError>
        where
            #(for<'__a> &'__a #types: __p2p::rpc::Serialize,)*
            for<'__de> #ty: __p2p::rpc::Deserialize<'__de>,
        {
            #body
        }
    }
}
