//! The methods of an impl under `#[protocol]` or `#[service]`: how they are read, and how generated code calls them.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Path, ReceiverKind, ReturnType, Signature, Type};

use crate::mistakes::Mistakes;
use crate::spans::{ends, local};
use crate::types::portable;

/// The most arguments a method may have; the core has an impl for each number up to it.
pub(crate) const MOST_ARGUMENTS: usize = 6;

/// A method, or a function, that generated code calls.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    /// The types of its arguments.
    pub(crate) takes: Vec<Type>,
    /// What errors about its result point at: the type, or the name.
    pub(crate) returns: TokenStream,
    /// It returns an `impl Trait`, as a handler that answers with a stream does.
    pub(crate) streams: bool,
}

/// Reads a method; `what` is how errors call it, `own` the type that `Self` stands for.
pub(crate) fn read(
    signature: &Signature,
    cfgs: Vec<Attribute>,
    own: Option<&Type>,
    what: &str,
    mistakes: &mut Mistakes,
) -> Method {
    let parameters = &signature.generics.params;
    if parameters.iter().any(|parameter| !matches!(parameter, syn::GenericParam::Lifetime(_))) {
        let text = format!("{what} has no generic parameters, since its arguments' types tell what to pass");
        mistakes.add(parameters, text);
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        mistakes.add(token, format!("{what} is called by generated code, which cannot be `unsafe`"));
    }
    let mut takes = Vec::new();
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else { continue };
        for cfg in conditions(&argument.attrs) {
            mistakes.add(&cfg, "an argument has no conditions; put `#[cfg]` on the method");
        }
        takes.push(portable(argument, own, mistakes));
        if takes.len() == MOST_ARGUMENTS + 1 {
            mistakes.add(argument, format!("{what} has at most {MOST_ARGUMENTS} arguments"));
        }
    }
    let (returns, streams) = match &signature.output {
        ReturnType::Type(_, ty) => (ty.to_token_stream(), is_opaque(ty)),
        ReturnType::Default => (signature.ident.to_token_stream(), false),
    };
    Method { ident: signature.ident.clone(), cfgs, takes, returns, streams }
}

fn is_opaque(ty: &Type) -> bool {
    match ty {
        Type::ImplTrait(_) => true,
        Type::Paren(paren) => is_opaque(&paren.elem),
        // Types that a `macro_rules!` passed on.
        Type::Group(group) => is_opaque(&group.elem),
        _ => false,
    }
}

/// An error, unless it is async.
pub(crate) fn check_async(signature: &Signature, what: &str, mistakes: &mut Mistakes) {
    if signature.asyncness.is_none() {
        mistakes.add(&signature.fn_token, format!("{what} is async: `async fn {}`", signature.ident.unraw()));
    }
}

/// An error, unless it takes `&self`; `shared` says why.
pub(crate) fn check_receiver(signature: &Signature, mark: &str, shared: &str, mistakes: &mut Mistakes) {
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) => match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => {}
            ReceiverKind::Reference(_, _, Some(_)) => {
                let text = format!("`{mark}` takes `&self`: {shared}; keep what changes in a `Mutex` or an atomic");
                mistakes.add(receiver, text);
            }
            _ => mistakes.add(receiver, format!("`{mark}` takes `&self`: {shared}")),
        },
        _ => mistakes.add_error(syn::Error::new(signature.ident.span(), format!("`{mark}` takes `&self`"))),
    }
}

/// The `#[cfg(..)]` among attributes.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

impl Method {
    /// Where it is.
    pub(crate) fn span(&self) -> proc_macro2::Span {
        self.ident.span()
    }
}

/// `on` of `#[on]`, `#[p2p_net::on]` and `#[::the::core::on]`.
pub(crate) fn own_name(path: &Path, core: &Path) -> Option<String> {
    if let Some(name) = path.get_ident() {
        return Some(name.to_string());
    }
    let (last, parents) = path.segments.iter().next_back().map(|last| (last, path.segments.len() - 1))?;
    let parents: Vec<_> = path.segments.iter().take(parents).map(|segment| &segment.ident).collect();
    let ours = parents.iter().copied().eq(core.segments.iter().map(|segment| &segment.ident))
        || matches!(parents.as_slice(), [name] if *name == "p2p_net");
    ours.then(|| last.ident.to_string())
}

/// `function::<Type>()`, underlined as the type.
pub(crate) fn called_with(function: &TokenStream, ty: &Type) -> TokenStream {
    let (first, last) = ends(ty);
    let open = quote_spanned!(first=> __p2p::#function::<);
    let close = quote_spanned!(last=> >());
    quote!(#open #ty #close)
}

/// The names of its arguments.
pub(crate) fn names(method: &Method) -> Vec<Ident> {
    (0..method.takes.len()).map(|at| local(&format!("__a{at}"), &method.ident, method.span())).collect()
}

/// Awaits a call; what is not `Send` is reported on the method's name, and nowhere else.
pub(crate) fn sent(method: &Method, call: &TokenStream) -> TokenStream {
    let span = method.span();
    quote_spanned!(span=> __p2p::send(#call).await)
}
