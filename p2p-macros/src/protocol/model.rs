//! A protocol; valid by construction but for what only types tell.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, FnArg, ImplItem, ImplItemFn, ItemFn, ItemImpl, LitStr, ReturnType, Signature, Type};

use super::parse::{Arguments, Mark, Phase, take_mark};
use crate::case::snake_case;
use crate::docs::docs;
use crate::method::{Method, check_async, check_receiver, conditions, read};
use crate::mistakes::Mistakes;

/// Why its methods borrow it.
const SHARED: &str = "a protocol is shared by all that it runs";

/// A protocol.
pub(super) struct Model {
    pub(super) arguments: Arguments,
    /// The type that is the protocol.
    pub(super) own: Type,
    /// The item's conditions.
    pub(super) cfgs: Vec<Attribute>,
    /// Its name on the wire.
    pub(super) name: String,
    /// What its author says about it.
    pub(super) docs: String,
    pub(super) construct: Construct,
    pub(super) handlers: Vec<Method>,
    pub(super) jobs: Vec<Method>,
    pub(super) repeated: Vec<Repeated>,
    pub(super) stops: Vec<Method>,
}

/// A job at an interval.
pub(super) struct Repeated {
    pub(super) job: Method,
    pub(super) interval: Interval,
}

/// How often a job runs.
pub(super) enum Interval {
    /// A constant text.
    Text(Expr),
    /// A duration, computed when the protocol starts from what the method with this signature takes.
    Computed(Box<Signature>, Expr),
}

/// How an instance is made.
pub(super) enum Construct {
    /// By `init`; `true`: it is async.
    Init(Method, bool),
    /// By `Default`.
    Default,
    /// A copy of its config, which is of its own type.
    Config,
    /// It is a function: there is nothing to make.
    Function,
}

impl Model {
    /// Reads an impl and takes the marks off its methods. `None`: there is no type that could be a protocol.
    pub(super) fn of_impl(arguments: Arguments, item: &mut ItemImpl, mistakes: &mut Mistakes) -> Option<Self> {
        let mut model = Self {
            name: String::new(),
            docs: docs(&item.attrs),
            own: (*item.self_ty).clone(),
            cfgs: conditions(&item.attrs),
            construct: Construct::Default,
            handlers: Vec::new(),
            jobs: Vec::new(),
            repeated: Vec::new(),
            stops: Vec::new(),
            arguments,
        };
        for item in &mut item.items {
            if let ImplItem::Fn(method) = item {
                model.add(method, mistakes);
            }
        }
        if let Some((of, _)) = &item.trait_ {
            let text = "`#[protocol]` goes on an inherent impl, `impl Chat { .. }`, not on the impl of a trait";
            mistakes.add(of, text);
            return None;
        }
        if !item.generics.params.is_empty() {
            let text = "a protocol has no generic parameters, since its name stands for one type";
            mistakes.add(&item.generics, text);
            return None;
        }
        let Type::Path(path) = &*item.self_ty else {
            mistakes.add(&item.self_ty, "a protocol is a type of your own");
            return None;
        };
        let config = model.arguments.config.as_ref();
        if matches!(model.construct, Construct::Default) && config.is_some_and(|config| is_own(config, &model.own)) {
            model.construct = Construct::Config;
        }
        let own = path.path.segments.last().map(|last| snake_case(&last.ident)).unwrap_or_default();
        model.name = model.arguments.name.as_ref().map_or(own, LitStr::value);
        let idle = model.handlers.is_empty() && model.jobs.is_empty() && model.repeated.is_empty();
        if idle && model.stops.is_empty() && mistakes.is_empty() {
            let text = "this protocol does nothing: mark an async method with `#[on]`, `#[job]` or `#[every]`";
            mistakes.add(&item.self_ty, text);
        }
        Some(model)
    }

    /// Reads a function.
    pub(super) fn of_function(arguments: Arguments, item: &ItemFn, mistakes: &mut Mistakes) -> Self {
        let ident = &item.sig.ident;
        if let Some(FnArg::Receiver(receiver)) = item.sig.inputs.first() {
            mistakes.add(receiver, "a function under `#[protocol]` has no `self`; annotate the impl to use methods");
        }
        let handler = handler(&item.sig, Vec::new(), None, "a function under `#[protocol]`", mistakes);
        Self {
            name: arguments.name.as_ref().map_or_else(|| snake_case(ident), LitStr::value),
            docs: docs(&item.attrs),
            own: syn::parse_quote!(#ident),
            cfgs: conditions(&item.attrs),
            construct: Construct::Function,
            handlers: vec![handler],
            jobs: Vec::new(),
            repeated: Vec::new(),
            stops: Vec::new(),
            arguments,
        }
    }

    fn add(&mut self, method: &mut ImplItemFn, mistakes: &mut Mistakes) {
        let mark = take_mark(&mut method.attrs, &self.arguments.core, mistakes);
        let (signature, cfgs) = (&method.sig, conditions(&method.attrs));
        if signature.ident == "init" {
            return self.add_init(signature, cfgs, mark, mistakes);
        }
        let Some(mark) = mark else { return };
        check_receiver(signature, mark.written(), SHARED, mistakes);
        match mark {
            Mark::On => {
                self.handlers.push(handler(signature, cfgs, Some(&self.own), "an `#[on]` handler", mistakes));
            }
            Mark::Job => self.jobs.push(job(signature, cfgs, &self.own, "a `#[job]`", mistakes)),
            Mark::Stop => self.stops.push(job(signature, cfgs, &self.own, "a `#[stop]`", mistakes)),
            Mark::Every(interval) => {
                if self.arguments.phase == Phase::Handshake {
                    let text = "a handshake comes to its end, and what repeats does not: use `#[job]`";
                    mistakes.add(&signature.ident, text);
                }
                let job = job(signature, cfgs, &self.own, "an `#[every]` job", mistakes);
                let interval = if is_constant(&interval) {
                    Interval::Text(interval)
                } else {
                    let computed = Interval::Computed(Box::new(signature.clone()), interval);
                    // The body need not use what the interval does.
                    method.sig.inputs.iter_mut().for_each(allow_unused);
                    computed
                };
                self.repeated.push(Repeated { job, interval });
            }
        }
    }

    fn add_init(&mut self, signature: &Signature, cfgs: Vec<Attribute>, mark: Option<Mark>, mistakes: &mut Mistakes) {
        if let Some(mark) = mark {
            let text = format!("`init` makes the protocol, so it cannot be `{}` as well", mark.written());
            mistakes.add(&signature.ident, text);
        }
        if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
            mistakes.add(receiver, "`init` makes the protocol, so there is no `self` yet; it returns `Self`");
        }
        if matches!(signature.output, ReturnType::Default) {
            mistakes.add(&signature.ident, "`init` returns `Self` or `Result<Self>`");
        }
        if matches!(self.construct, Construct::Init(..)) {
            let text = "a protocol has one `init`; put `#[cfg]` inside of its body";
            return mistakes.add(&signature.ident, text);
        }
        let init = read(signature, cfgs, Some(&self.own), "`init`", mistakes);
        if let Some(cfg) = init.cfgs.first() {
            mistakes.add(cfg, "`init` is there under all conditions; put `#[cfg]` inside of its body");
        }
        self.construct = Construct::Init(init, signature.asyncness.is_some());
    }
}

/// Reads what takes no message.
fn job(signature: &Signature, cfgs: Vec<Attribute>, own: &Type, what: &str, mistakes: &mut Mistakes) -> Method {
    check_async(signature, what, mistakes);
    read(signature, cfgs, Some(own), what, mistakes)
}

/// Reads what takes a message.
fn handler(
    signature: &Signature,
    cfgs: Vec<Attribute>,
    own: Option<&Type>,
    what: &str,
    mistakes: &mut Mistakes,
) -> Method {
    check_async(signature, what, mistakes);
    if signature.inputs.iter().all(|input| matches!(input, FnArg::Receiver(_))) {
        let text = format!("{what} takes exactly one message, by value; this one takes none");
        mistakes.add(&signature.ident, text);
    }
    read(signature, cfgs, own, what, mistakes)
}

/// `Self`, or the protocol's own name.
fn is_own(ty: &Type, own: &Type) -> bool {
    let written = |ty: &Type| crate::spans::text(ty.to_token_stream());
    matches!(ty, Type::Path(path) if path.path.is_ident("Self")) || written(ty) == written(own)
}

fn allow_unused(input: &mut FnArg) {
    if let FnArg::Typed(argument) = input {
        argument.attrs.push(syn::parse_quote!(#[allow(unused_variables)]));
    }
}

/// A text, or the name of one.
fn is_constant(interval: &Expr) -> bool {
    match interval {
        Expr::Lit(_) | Expr::Path(_) | Expr::Macro(_) => true,
        Expr::Paren(paren) => is_constant(&paren.expr),
        // An expression that a `macro_rules!` passed on.
        Expr::Group(group) => is_constant(&group.expr),
        _ => false,
    }
}

impl Method {
    /// The constant that describes it.
    pub(super) fn constant(&self) -> Ident {
        let name = self.ident.unraw().to_string().to_uppercase();
        Ident::new(&format!("__ON_{name}"), self.ident.span())
    }

    /// The method that computes the interval it runs at.
    pub(super) fn interval(&self) -> Ident {
        Ident::new(&format!("__every_{}", self.ident.unraw()), self.ident.span())
    }
}

impl Model {
    /// All methods that take no message and run beside the handlers or after them.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &Method> {
        self.jobs.iter().chain(self.repeated.iter().map(|repeated| &repeated.job)).chain(&self.stops)
    }

    /// Where the type is.
    pub(super) fn own_span(&self) -> proc_macro2::Span {
        self.own.span()
    }
}
