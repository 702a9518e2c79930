//! What a method takes, out of what a call brings.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::{MethodDescription, ParamDescription};
use super::error::{RpcError, shortened};
use super::wire::Params;

/// A parameter this much alike (Jaro-Winkler) is taken for a slip of the pen.
const ALIKE: f64 = 0.8;

/// The arguments of one call, in the order of the method's parameters.
#[derive(Debug)]
pub struct Arguments {
    method: &'static MethodDescription,
    values: std::vec::IntoIter<Option<Value>>,
    taken: usize,
}

impl Params {
    /// Puts what was given in the order of the method's parameters.
    ///
    /// # Errors
    ///
    /// When there are more than it takes, or one that it does not know.
    pub fn arguments(self, method: &'static MethodDescription) -> Result<Arguments, RpcError> {
        let known = method.params;
        let values: Vec<Option<Value>> = match self {
            Self::None => known.iter().map(|_| None).collect(),
            Self::Positional(values) => {
                if values.len() > known.len() {
                    let (given, most) = (values.len(), known.len());
                    return Err(RpcError::invalid_params(format_args!(
                        "`{}` takes {most} arguments at most, not {given}",
                        method.name
                    )));
                }
                let mut values = values.into_iter();
                known.iter().map(|_| values.next()).collect()
            }
            Self::Named(mut values) => {
                let in_order = known.iter().map(|param| values.remove(param.name)).collect();
                if let Some(name) = values.keys().next() {
                    return Err(unknown(method, name));
                }
                in_order
            }
        };
        Ok(Arguments { method, values: values.into_iter(), taken: 0 })
    }
}

impl Arguments {
    /// The next one.
    ///
    /// # Errors
    ///
    /// When it is missing and required, or is of another type.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, RpcError> {
        let param = self.method.params.get(self.taken);
        let (name, required) = param.map_or(("", true), |param| (param.name, param.required));
        self.taken += 1;
        let at = self.taken;
        let value = match self.values.next().flatten() {
            Some(value) => value,
            None if !required => Value::Null,
            None => return Err(RpcError::invalid_params(format_args!("missing argument {at}, `{name}`"))),
        };
        T::deserialize(value)
            .map_err(|error| RpcError::invalid_params(format_args!("argument {at}, `{name}`: {error}")))
    }
}

/// The next argument; for the code of `#[rpc]`.
///
/// # Errors
///
/// As those of [`Arguments::take`].
pub fn argument<T: DeserializeOwned>(arguments: &mut Arguments) -> Result<T, RpcError> {
    arguments.take()
}

fn unknown(method: &MethodDescription, name: &str) -> RpcError {
    let scored =
        method.params.iter().map(|ParamDescription { name: known, .. }| (strsim::jaro_winkler(name, known), *known));
    let best = scored.filter(|(score, _)| *score >= ALIKE).max_by(|(a, _), (b, _)| a.total_cmp(b));
    let names: Vec<_> = method.params.iter().map(|param| format!("`{}`", param.name)).collect();
    let remedy = match best {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it takes none".to_owned(),
        None => format!("it takes {}", names.join(", ")),
    };
    RpcError::invalid_params(format_args!("`{}` has no parameter `{}`: {remedy}", method.name, shortened(name)))
}
