//! The APIs of a server: one of each namespace, in the order of their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::api::{Api, ApiDescription};

/// The namespace the server answers itself.
pub(crate) const OWN_NAMESPACE: &str = "rpc";

/// What stands for every namespace in an allow-list.
pub(crate) const EVERY: &str = "*";

/// A set of APIs; clones share them.
///
/// ```
/// use p2p_net::prelude::*;
/// use p2p_net::rpc::Apis;
///
/// struct Foo;
/// #[rpc(namespace = "foo")]
/// impl Foo {
///     async fn ping(&self) {}
/// }
///
/// let apis = Apis::new().with(Foo)?;
/// assert_eq!(apis.namespaces(), ["foo"]);
/// assert!(apis.clone().with(Foo).unwrap_err().to_string().starts_with("two APIs have the namespace `foo`"));
/// # Ok::<_, p2p_net::rpc::ApisError>(())
/// ```
#[derive(Clone, Default)]
pub struct Apis(BTreeMap<&'static str, Arc<dyn Api>>);

/// APIs that cannot be offered together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApisError {
    /// Two of them have one name.
    #[error("two APIs have the namespace `{namespace}`, that of {first} and that of {second}: rename one of them")]
    Duplicate {
        /// The name.
        namespace: &'static str,
        /// Where the one is written.
        first: &'static str,
        /// Where the other is.
        second: &'static str,
    },
    /// It has a name that no API can have.
    #[error("the API of {at} has the namespace `{namespace}`: {remedy}")]
    Namespace {
        /// The name.
        namespace: &'static str,
        /// Where it is written.
        at: &'static str,
        /// What would be right.
        remedy: &'static str,
    },
    /// A transport is to offer what does not exist.
    #[error("there is no API `{namespace}` to offer: there are {known}")]
    Unknown {
        /// The name in the allow-list.
        namespace: String,
        /// Those that exist.
        known: String,
    },
}

impl Apis {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more.
    ///
    /// # Errors
    ///
    /// When its namespace is taken already, or is none: letters and digits, and not `rpc`.
    pub fn with(self, api: impl Api) -> Result<Self, ApisError> {
        self.with_shared(Arc::new(api))
    }

    /// With one more, that others hold too.
    ///
    /// # Errors
    ///
    /// As those of [`with`](Self::with).
    pub fn with_shared(mut self, api: Arc<dyn Api>) -> Result<Self, ApisError> {
        let &ApiDescription { namespace, at, .. } = api.description();
        if namespace == OWN_NAMESPACE {
            return Err(ApisError::Namespace { namespace, at, remedy: "that one the server answers itself" });
        }
        if namespace.is_empty() || !namespace.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ApisError::Namespace { namespace, at, remedy: "use letters and digits" });
        }
        if let Some(first) = self.0.get(namespace) {
            return Err(ApisError::Duplicate { namespace, first: first.description().at, second: at });
        }
        self.0.insert(namespace, api);
        Ok(self)
    }

    /// All of both.
    ///
    /// # Errors
    ///
    /// When the two have a namespace in common.
    pub fn and(self, others: Self) -> Result<Self, ApisError> {
        others.0.into_values().try_fold(self, Self::with_shared)
    }

    /// Those of an allow-list; `*` stands for all.
    ///
    /// # Errors
    ///
    /// When one of the names is none of them.
    pub fn only<S: AsRef<str>>(&self, names: &[S]) -> Result<Self, ApisError> {
        let mut some = Self::new();
        for name in names.iter().map(AsRef::as_ref) {
            match self.0.get_key_value(name) {
                _ if name == EVERY => return Ok(self.clone()),
                _ if name == OWN_NAMESPACE => {}
                Some((namespace, api)) => drop(some.0.insert(namespace, api.clone())),
                None => {
                    let known = if self.0.is_empty() { "none".to_owned() } else { self.namespaces().join(", ") };
                    return Err(ApisError::Unknown { namespace: name.to_owned(), known });
                }
            }
        }
        Ok(some)
    }

    /// The names, in order.
    pub fn namespaces(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    /// What each is, in the order of their names.
    pub fn descriptions(&self) -> impl Iterator<Item = &'static ApiDescription> {
        self.0.values().map(|api| api.description())
    }

    pub(crate) fn find(&self, namespace: &str) -> Option<&Arc<dyn Api>> {
        self.0.get(namespace)
    }
}

impl fmt::Debug for Apis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
