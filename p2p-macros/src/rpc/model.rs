//! An API; valid by construction but for what only types tell.

use proc_macro2::{Ident, Span};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, Pat, PatType, PathArguments, ReceiverKind,
    ReturnType, Signature, Type, TypeParamBound,
};

use super::parse::{Arguments, Mark, take_mark};
use crate::case::camel_case;
use crate::docs::docs;
use crate::mistakes::Mistakes;

/// Names that every namespace has already.
const RESERVED: [&str; 3] = ["subscribe", "unsubscribe", "subscription"];

/// An API.
pub(super) struct Model {
    pub(super) arguments: Arguments,
    /// The type it is.
    pub(super) own: Type,
    /// The name of its typed client.
    pub(super) client: Ident,
    /// The item's conditions.
    pub(super) cfgs: Vec<Attribute>,
    /// What its author says about it.
    pub(super) docs: String,
    pub(super) methods: Vec<Method>,
    pub(super) subscriptions: Vec<Method>,
}

/// A method or a subscription.
pub(super) struct Method {
    pub(super) ident: Ident,
    pub(super) cfgs: Vec<Attribute>,
    /// Its name on the wire, without the namespace.
    pub(super) name: String,
    pub(super) docs: String,
    pub(super) params: Vec<Param>,
    pub(super) is_async: bool,
    pub(super) returns: Returns,
}

/// A parameter.
pub(super) struct Param {
    pub(super) ident: Ident,
    /// Its name on the wire.
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) required: bool,
}

/// What a method returns.
pub(super) struct Returns {
    /// What the caller gets: without the `Result`, the items of a stream.
    pub(super) ty: Type,
    /// It is a `Result`.
    pub(super) can_fail: bool,
    /// It is a stream.
    pub(super) streams: bool,
    /// Where it is written.
    pub(super) span: Span,
}

impl Model {
    /// Reads an impl and takes the marks off its methods. `None`: there is no type that could be an API.
    pub(super) fn of(arguments: Arguments, item: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Self> {
        let own = (*item.self_ty).clone();
        let mut methods = Vec::new();
        for item in &mut item.items {
            if let ImplItem::Fn(method) = item {
                methods.extend(read(method, &own, mistakes));
            }
        }
        if let Some((of, _)) = &item.trait_ {
            mistakes.add(of, "`#[rpc]` goes on an inherent impl, `impl Chat { .. }`, not on the impl of a trait");
            return None;
        }
        if !item.generics.params.is_empty() {
            mistakes.add(&item.generics, "an API has no generic parameters, since its namespace stands for one type");
            return None;
        }
        let Type::Path(path) = &own else {
            mistakes.add(&item.self_ty, "an API is a type of your own");
            return None;
        };
        if methods.is_empty() && mistakes.is_empty() {
            mistakes.add(&item.self_ty, "this API has no methods: add an `async fn` that takes `&self`");
        }
        let name = path.path.segments.last().map(|last| last.ident.clone())?;
        let client =
            arguments.client.clone().unwrap_or_else(|| format_ident!("{}Client", name.unraw(), span = name.span()));
        let (subscriptions, methods) = methods.into_iter().partition(|method| method.returns.streams);
        let model = Self {
            own,
            client,
            cfgs: conditions(&item.attrs),
            docs: docs(&item.attrs),
            methods,
            subscriptions,
            arguments,
        };
        no_twins(&model.methods, mistakes);
        no_twins(&model.subscriptions, mistakes);
        Some(model)
    }
}

fn no_twins(methods: &[Method], mistakes: &mut Mistakes) {
    for (at, method) in methods.iter().enumerate() {
        let twin = methods.iter().take(at).find(|other| other.name == method.name);
        // Under conditions only one of them may be there; if both are, the compiler knows.
        if let Some(twin) = twin.filter(|twin| twin.cfgs.is_empty() && method.cfgs.is_empty()) {
            let (name, first, second) = (&method.name, twin.ident.unraw(), method.ident.unraw());
            let text =
                format!("`{first}` and `{second}` are both `{name}` to callers: rename one, `#[rpc(name = \"..\")]`");
            mistakes.add(&method.ident, text);
        }
    }
}

/// Reads what takes `self`; everything else in the impl is the author's own business.
fn read(method: &mut ImplItemFn, own: &Type, mistakes: &mut Mistakes) -> Option<Method> {
    let Mark { name, skip } = take_mark(&mut method.attrs, mistakes);
    let signature = &method.sig;
    let Some(FnArg::Receiver(receiver)) = signature.inputs.first() else {
        if name.is_some() {
            mistakes.add(&signature.ident, "a method of an API takes `&self`");
        }
        return None;
    };
    if skip {
        return None;
    }
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => {}
        ReceiverKind::Reference(_, _, Some(_)) => {
            let text = "a method of an API takes `&self`, since many call it at once: keep what changes in a `Mutex` or an \
                        atomic, or leave it out, `#[rpc(skip)]`";
            mistakes.add(receiver, text);
        }
        _ => mistakes.add(
            receiver,
            "a method of an API takes `&self`, since many call it at once; or leave it out, `#[rpc(skip)]`",
        ),
    }
    let returns = returns(signature, own);
    if signature.asyncness.is_none() && !returns.streams {
        let ident = signature.ident.unraw();
        let text = format!("a method of an API is async, `async fn {ident}`; or leave it out, `#[rpc(skip)]`");
        mistakes.add(&signature.fn_token, text);
    }
    if signature.generics.params.iter().any(|parameter| !matches!(parameter, syn::GenericParam::Lifetime(_))) {
        let text = "a method of an API has no generic parameters: callers name no types";
        mistakes.add(&signature.generics.params, text);
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        mistakes.add(token, "a method of an API is called by generated code, which cannot be `unsafe`");
    }
    let (name, place) = name.unwrap_or_else(|| (camel_case(&signature.ident), signature.ident.span()));
    if RESERVED.contains(&name.as_str()) {
        let text = format!("every namespace has a `{name}` of its own: rename this one, `#[rpc(name = \"..\")]`");
        mistakes.add_error(syn::Error::new(place, text));
    }
    Some(Method {
        ident: signature.ident.clone(),
        cfgs: conditions(&method.attrs),
        name,
        docs: docs(&method.attrs),
        params: params(signature, own, mistakes),
        is_async: signature.asyncness.is_some(),
        returns,
    })
}

fn params(signature: &Signature, own: &Type, mistakes: &mut Mistakes) -> Vec<Param> {
    let mut params: Vec<Param> = Vec::new();
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else { continue };
        for cfg in conditions(&argument.attrs) {
            mistakes.add(&cfg, "an argument has no conditions; put `#[cfg]` on the method");
        }
        let Some(param) = param(argument, own, mistakes) else { continue };
        if params.iter().any(|other| other.name == param.name) {
            mistakes.add(&param.ident, format!("two arguments are `{}` to callers: rename one", param.name));
        }
        params.push(param);
    }
    params
}

fn param(argument: &PatType, own: &Type, mistakes: &mut Mistakes) -> Option<Param> {
    let ident = match &*argument.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => pattern.ident.clone(),
        pattern => {
            mistakes.add(pattern, "an argument has a name, by which callers may give it; take it apart in the body");
            return None;
        }
    };
    match &*argument.ty {
        Type::Reference(reference) => {
            let text = "an argument is owned, since it is made from what a caller sent: take `String`, `Vec<T>` or the type itself";
            mistakes.add(reference, text);
            return None;
        }
        Type::ImplTrait(opaque) => {
            mistakes.add(opaque, "an argument has a type of its own, since the type tells how to read it: name it");
            return None;
        }
        _ => {}
    }
    let ty = owned(&argument.ty, own);
    Some(Param { name: camel_case(&ident), required: last_segment(&ty, "Option").is_none(), ty, ident })
}

fn returns(signature: &Signature, own: &Type) -> Returns {
    let (ty, span) = match &signature.output {
        ReturnType::Default => (syn::parse_quote!(()), signature.ident.span()),
        ReturnType::Type(_, ty) => ((**ty).clone(), crate::spans::ends(ty).0),
    };
    let ok = last_segment(&ty, "Result").and_then(|arguments| arguments.into_iter().next());
    let can_fail = ok.is_some();
    let inner = ok.unwrap_or(ty);
    let item = item_of_stream(&inner);
    let streams = item.is_some();
    Returns { ty: owned(&item.unwrap_or(inner), own), can_fail, streams, span }
}

/// The types in the brackets of `name<..>`, when the type's path ends with it.
fn last_segment(ty: &Type, name: &str) -> Option<Vec<Type>> {
    let path = match ty {
        Type::Path(path) => &path.path,
        // Types that a `macro_rules!` passed on.
        Type::Group(group) => return last_segment(&group.elem, name),
        Type::Paren(paren) => return last_segment(&paren.elem, name),
        _ => return None,
    };
    let last = path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    Some(types.collect())
}

/// `T` of `impl Stream<Item = T>`.
fn item_of_stream(ty: &Type) -> Option<Type> {
    let opaque = match ty {
        Type::ImplTrait(opaque) => opaque,
        Type::Group(group) => return item_of_stream(&group.elem),
        Type::Paren(paren) => return item_of_stream(&paren.elem),
        _ => return None,
    };
    opaque.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Stream")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
            _ => None,
        })
    })
}

/// A type fit for the client and for constants, where there is no `Self`.
fn owned(ty: &Type, own: &Type) -> Type {
    struct Owned<'a>(&'a Type);
    impl VisitMut for Owned<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::Path(path) if path.path.is_ident("Self")) {
                *ty = self.0.clone();
            } else {
                visit_type_mut(self, ty);
            }
        }
    }
    let mut ty = ty.clone();
    Owned(own).visit_type_mut(&mut ty);
    ty
}

fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

impl Method {
    /// The constant that describes it.
    pub(super) fn constant(&self) -> Ident {
        let name = self.ident.unraw().to_string().to_uppercase();
        Ident::new(&format!("__RPC_{name}"), self.ident.span())
    }

    /// What it returns, as text.
    pub(super) fn result(&self) -> String {
        written(&self.returns.ty)
    }
}

/// A type as a reader would write it.
pub(super) fn written(ty: &Type) -> String {
    let text = crate::spans::text(ty.to_token_stream());
    let mut tight = String::with_capacity(text.len());
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        tight.push_str(word);
        let next = words.peek().copied().unwrap_or_default();
        let letters = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_') && !text.is_empty();
        if matches!(word, "," | ";" | "=") || next == "=" || (letters(word) && letters(next)) {
            tight.push(' ');
        }
    }
    tight.trim_end().to_owned()
}
