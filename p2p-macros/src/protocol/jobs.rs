//! The code around what takes no message: jobs, jobs at an interval, and what runs at the end.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use super::handler::{called, extract};
use super::model::{Interval, Model, Repeated};
use super::parse::{Phase, Scope};
use crate::method::Method;
use crate::spans::{ends, local};

/// Starts the jobs; in the handshake, awaits them.
pub(super) fn jobs(model: &Model) -> TokenStream {
    if model.jobs.is_empty() {
        return TokenStream::new();
    }
    let start = match model.arguments.phase {
        Phase::Handshake => quote!(__jobs.add),
        Phase::Main => quote!(__context.jobs().spawn),
    };
    let jobs = model.jobs.iter().map(|job| started(job, &start, &once(model, job)));
    match model.arguments.phase {
        Phase::Handshake => quote! {
            let mut __jobs = __p2p::Together::new();
            #(#jobs)*
            __jobs.all().await?;
        },
        Phase::Main => quote!(#(#jobs)*),
    }
}

/// Starts the jobs at an interval.
pub(super) fn repeated(model: &Model) -> TokenStream {
    let jobs = model.repeated.iter().map(|repeated| {
        let (interval, run) = (interval(model, repeated), run(model, &repeated.job));
        let future = quote! {
            async move {
                let mut __ticks = __p2p::Ticks::new(__shared.node(), #interval);
                loop {
                    __ticks.next().await;
                    #run?;
                }
            }
        };
        started(&repeated.job, &quote!(__context.jobs().repeat), &future)
    });
    quote!(#(#jobs)*)
}

/// How long it is between two runs.
fn interval(model: &Model, repeated: &Repeated) -> TokenStream {
    match &repeated.interval {
        Interval::Text(text) => {
            let (first, last) = ends(text);
            let call = quote_spanned!(first=> __p2p::interval);
            let argument = quote_spanned!(last=> (#text));
            quote! {{
                const __INTERVAL: __p2p::Duration = #call #argument;
                __INTERVAL
            }}
        }
        Interval::Computed(..) => {
            let job = &repeated.job;
            let (takes, names) = extract(model, job, &source(model));
            let (this, compute) = (local("__this", &job.ident, job.span()), job.interval());
            let name = job.ident.unraw().to_string();
            quote! {{
                let (#this, __context) = (&*__this, &*__shared);
                #takes
                match __p2p::computed_interval(#name, #this.#compute(#(#names),*)) {
                    ::core::option::Option::Some(interval) => interval,
                    ::core::option::Option::None => return ::core::result::Result::Ok(()),
                }
            }}
        }
    }
}

/// Methods that compute an interval: as the author's method, so that the expression sees its arguments.
pub(super) fn intervals(model: &Model) -> TokenStream {
    let own = &model.own;
    let methods = model.repeated.iter().filter_map(|Repeated { job, interval }| {
        let Interval::Computed(signature, duration) = interval else { return None };
        let ((first, _), cfgs) = (ends(duration), &job.cfgs);
        let mut signature = (**signature).clone();
        signature.asyncness = None;
        signature.ident = job.interval();
        let ty = quote_spanned!(first=> __p2p::Duration);
        signature.output = syn::parse_quote!(-> #ty);
        Some(quote!(#(#cfgs)* #signature { #duration }))
    });
    let methods: Vec<_> = methods.collect();
    if methods.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(unused, clippy::pedantic)]
        impl #own {
            #(#methods)*
        }
    }
}

/// Keeps what runs at the end.
pub(super) fn stops(model: &Model) -> TokenStream {
    let stops = model.stops.iter().map(|stop| started(stop, &quote!(__context.jobs().at_stop), &once(model, stop)));
    quote!(#(#stops)*)
}

/// Hands a future that owns the protocol and its context to `start`.
fn started(job: &Method, start: &TokenStream, future: &TokenStream) -> TokenStream {
    let cfgs = &job.cfgs;
    quote! {
        #(#cfgs)*
        {
            let (__this, __shared) = (::core::clone::Clone::clone(&self), ::core::clone::Clone::clone(&__context));
            #start(#future);
        }
    }
}

fn once(model: &Model, job: &Method) -> TokenStream {
    let run = run(model, job);
    quote!(async move { #run })
}

/// One run, to a result.
fn run(model: &Model, job: &Method) -> TokenStream {
    let (takes, _) = extract(model, job, &source(model));
    let (first, last) = ends(&job.returns);
    let [this, outcome] = ["__this", "__outcome"].map(|name| local(name, &job.ident, first));
    let called = called(model, job, &local("__this", &job.ident, job.span()));
    let into = quote_spanned!(first=> __p2p::job_outcome);
    let argument = quote_spanned!(last=> (#outcome));
    quote! {{
        let (#this, __context) = (&*__this, &*__shared);
        #takes
        let #outcome = #called;
        #into #argument
    }}
}

/// What arguments are taken from.
fn source(model: &Model) -> TokenStream {
    match model.arguments.scope {
        Scope::Channel => quote!(__context),
        Scope::Node => quote!(__context.node()),
    }
}
