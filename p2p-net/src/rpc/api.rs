//! What an API is to the server: a description, and a method by which it is called.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use super::error::RpcError;
use super::wire::Params;

/// What a method answers.
pub type Answer = Result<Value, RpcError>;

/// The values of a subscription, until the first error or the end.
pub type Rows = BoxStream<'static, Answer>;

/// A namespace of methods and subscriptions; [`#[rpc]`](macro@crate::rpc) writes this impl.
pub trait Api: Send + Sync + 'static {
    /// What there is in it.
    fn description(&self) -> &'static ApiDescription;

    /// Calls the method of this name, without its namespace.
    ///
    /// # Errors
    ///
    /// What the caller is told: [`code::INVALID_PARAMS`](super::code::INVALID_PARAMS) for arguments that do not fit,
    /// [`code::METHOD_NOT_FOUND`](super::code::METHOD_NOT_FOUND) for a name that is not in the description, and the method's own.
    ///
    /// # Panics
    ///
    /// When the method does; the server answers [`code::INTERNAL`](super::code::INTERNAL) and goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropped after [`RpcLimits::request_timeout`](super::RpcLimits::request_timeout), and when the caller's connection or the
    /// server ends: at whatever `await` the method is.
    fn call<'a>(&'a self, method: &'a str, params: Params) -> BoxFuture<'a, Answer>;

    /// Begins the subscription of this name; the rows end it with their end, or with their first error.
    ///
    /// # Errors
    ///
    /// As those of [`call`](Self::call): what the caller is told instead of an id.
    ///
    /// # Panics
    ///
    /// As [`call`](Self::call); rows that panic end the subscription, and the subscriber is told.
    ///
    /// # Cancel safety
    ///
    /// As that of [`call`](Self::call). The rows are dropped when nobody wants any more, or the connection ends.
    fn subscribe<'a>(self: Arc<Self>, name: &'a str, params: Params) -> BoxFuture<'a, Result<Rows, RpcError>>;
}

/// What there is in an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiDescription {
    /// What its methods' names begin with.
    pub namespace: &'static str,
    /// Which version of it, for `rpc_modules`.
    pub version: &'static str,
    /// What its author says about it.
    pub docs: &'static str,
    /// Where it is written, as `file:line`.
    pub at: &'static str,
    /// Its methods, in the order they are written.
    pub methods: &'static [MethodDescription],
    /// Its subscriptions, in the order they are written.
    pub subscriptions: &'static [MethodDescription],
}

/// A method or a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodDescription {
    /// Its name on the wire, without the namespace.
    pub name: &'static str,
    /// What its author says about it.
    pub docs: &'static str,
    /// What it takes, in order.
    pub params: &'static [ParamDescription],
    /// What it answers, or what each notification carries: a type of Rust, as written.
    pub result: &'static str,
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamDescription {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type of Rust, as written.
    pub ty: &'static str,
    /// Whether a call without it is an error; an `Option` is not.
    pub required: bool,
}

impl ApiDescription {
    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&'static MethodDescription> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// The subscription of this name.
    pub fn subscription(&self, name: &str) -> Option<&'static MethodDescription> {
        self.subscriptions.iter().find(|subscription| subscription.name == name)
    }
}
