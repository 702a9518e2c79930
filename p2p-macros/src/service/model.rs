//! A service; valid by construction but for what only types tell.

use quote::ToTokens;
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, LitStr, ReturnType, Type};

use super::parse::{Arguments, Mark, take_mark};
use crate::case::snake_case;
use crate::docs::docs;
use crate::method::{Method, check_async, check_receiver, conditions, read};
use crate::mistakes::Mistakes;

/// Why its methods borrow it.
const SHARED: &str = "a service is shared by the node and its protocols";

/// A service.
pub(super) struct Model {
    pub(super) arguments: Arguments,
    /// The type that is the service.
    pub(super) own: Type,
    /// The item's conditions.
    pub(super) cfgs: Vec<Attribute>,
    /// Its name in errors and logs.
    pub(super) name: String,
    /// What its author says about it.
    pub(super) docs: String,
    pub(super) apis: Vec<Method>,
    pub(super) start: Option<Method>,
    pub(super) stop: Option<Method>,
}

impl Model {
    /// Reads an impl and takes the marks off its methods. `None`: there is no type that could be a service.
    pub(super) fn of(arguments: Arguments, item: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Self> {
        let mut model = Self {
            own: (*item.self_ty).clone(),
            cfgs: conditions(&item.attrs),
            name: String::new(),
            docs: docs(&item.attrs),
            apis: Vec::new(),
            start: None,
            stop: None,
            arguments,
        };
        for item in &mut item.items {
            if let ImplItem::Fn(method) = item {
                model.add(method, mistakes);
            }
        }
        if let Some((of, _)) = &item.trait_ {
            mistakes.add(of, "`#[service]` goes on an inherent impl, `impl Chat { .. }`, not on the impl of a trait");
            return None;
        }
        if !item.generics.params.is_empty() {
            mistakes.add(&item.generics, "a service has no generic parameters, since a node has one of each type");
            return None;
        }
        let Type::Path(path) = &*item.self_ty else {
            mistakes.add(&item.self_ty, "a service is a type of your own");
            return None;
        };
        let own = path.path.segments.last().map(|last| snake_case(&last.ident)).unwrap_or_default();
        model.name = model.arguments.name.as_ref().map_or(own, LitStr::value);
        no_twins(&model.arguments.protocols, mistakes);
        let idle = model.arguments.protocols.is_empty() && model.apis.is_empty();
        if idle && model.start.is_none() && model.stop.is_none() && mistakes.is_empty() {
            let text = "this service does nothing: name its protocols, `protocols = [..]`, or mark a method with `#[api]`, \
                        `#[start]` or `#[stop]`";
            mistakes.add(&item.self_ty, text);
        }
        Some(model)
    }

    fn add(&mut self, method: &mut ImplItemFn, mistakes: &mut Mistakes) {
        let Some(mark) = take_mark(&mut method.attrs, &self.arguments.core, mistakes) else { return };
        let (signature, cfgs) = (&method.sig, conditions(&method.attrs));
        check_receiver(signature, mark.written(), SHARED, mistakes);
        let what = match mark {
            Mark::Api => "an `#[api]` method",
            Mark::Start => "a `#[start]`",
            Mark::Stop => "a `#[stop]`",
        };
        let read = read(signature, cfgs, Some(&self.own), what, mistakes);
        let place = match mark {
            Mark::Api => {
                if let Some(token) = &signature.asyncness {
                    mistakes
                        .add(token, "an `#[api]` method makes an API and waits for nothing: begin work in `#[start]`");
                }
                if matches!(signature.output, ReturnType::Default) {
                    mistakes.add(
                        &signature.ident,
                        "an `#[api]` method returns an API: a type with `#[rpc(..)]` on its impl",
                    );
                }
                return self.apis.push(read);
            }
            Mark::Start => &mut self.start,
            Mark::Stop => &mut self.stop,
        };
        check_async(signature, what, mistakes);
        if let Some(first) = place {
            let (mark, first) = (mark.written(), &first.ident);
            mistakes.add(&signature.ident, format!("a service has one `{mark}`, and `{first}` is it"));
        } else {
            *place = Some(read);
        }
    }

    /// Its methods that generated code calls.
    pub(super) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.apis.iter().chain(&self.start).chain(&self.stop)
    }
}

fn no_twins(protocols: &[Type], mistakes: &mut Mistakes) {
    let written = |ty: &Type| crate::spans::text(ty.to_token_stream());
    for (at, protocol) in protocols.iter().enumerate() {
        if protocols.iter().take(at).any(|other| written(other) == written(protocol)) {
            mistakes.add(protocol, format!("`{}` is named twice", written(protocol)));
        }
    }
}
