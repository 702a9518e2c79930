//! JSON-RPC 2.0 itself: bytes to calls, answers to bytes. Pure; the source is <https://www.jsonrpc.org/specification>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use super::error::{RpcError, code};

/// What names a call until it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// None: that of an answer to what could not be read.
    Null,
}

impl Id {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }
}

/// The arguments of a call: in order, or by name.
///
/// ```
/// use p2p_net::rpc::Params;
///
/// assert_eq!(Params::from(serde_json::json!(["a", 1])), Params::Positional(vec!["a".into(), 1.into()]));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Params {
    /// None.
    #[default]
    None,
    /// In the order of the method's parameters.
    Positional(Vec<Value>),
    /// By the names of the method's parameters.
    Named(Map<String, Value>),
}

/// A list is in order, a map by name, nothing is none; a single value is a list of one.
impl From<Value> for Params {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Array(values) => Self::Positional(values),
            Value::Object(values) => Self::Named(values),
            one => Self::Positional(vec![one]),
        }
    }
}

impl From<()> for Params {
    fn from((): ()) -> Self {
        Self::None
    }
}

impl Params {
    fn into_value(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Positional(values) => Some(Value::Array(values)),
            Self::Named(values) => Some(Value::Object(values)),
        }
    }
}

/// A call of a method. Without an id it is a notification, which nobody answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: Option<Id>,
    pub(crate) method: String,
    pub(crate) params: Params,
}

/// JSON that is no request, and the id it is answered under.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Invalid {
    pub(crate) id: Id,
    pub(crate) error: RpcError,
}

/// One element of what came.
pub(crate) type Item = Result<Call, Invalid>;

/// What came in one message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    One(Item),
    Batch(Vec<Item>),
}

/// What is accepted of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Lists and maps within each other.
    pub(crate) depth: usize,
    /// Calls in a batch.
    pub(crate) batch: usize,
}

/// Reads one message.
pub(crate) fn read(bytes: &[u8], bounds: Bounds) -> Result<Incoming, RpcError> {
    match value(bytes, bounds.depth)? {
        Value::Array(items) if items.is_empty() => Err(RpcError::invalid_request("a batch has at least one call")),
        Value::Array(items) if items.len() > bounds.batch => {
            let problem = format!("a batch of {} calls, at most {} are taken", items.len(), bounds.batch);
            Err(RpcError::limit_exceeded("batch", bounds.batch, problem))
        }
        Value::Array(items) => Ok(Incoming::Batch(items.into_iter().map(call).collect())),
        one => Ok(Incoming::One(call(one))),
    }
}

/// Reads any JSON, with its depth bounded.
pub(crate) fn value(bytes: &[u8], most_deep: usize) -> Result<Value, RpcError> {
    std::str::from_utf8(bytes).map_err(|error| {
        RpcError::parse(format_args!("the byte at {} is not UTF-8, which JSON is written in", error.valid_up_to()))
    })?;
    if depth(bytes) > most_deep {
        let problem = format!("lists and maps are more than {most_deep} deep");
        return Err(RpcError::limit_exceeded("depth", most_deep, problem));
    }
    serde_json::from_slice(bytes).map_err(|error| match is_http(bytes) {
        true => RpcError::parse("this is HTTP, which is not spoken here: use the port of `http`"),
        false => RpcError::parse(error),
    })
}

/// Whether these bytes begin with the first line of a request of HTTP.
fn is_http(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.split(|byte| *byte == b' ').nth(2).is_some_and(|version| version.starts_with(b"HTTP/"))
}

/// How deep lists and maps are within each other, at the most.
pub(crate) fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => now += 1,
            b']' | b'}' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

fn call(value: Value) -> Item {
    let Value::Object(mut fields) = value else {
        return Err(Invalid { id: Id::Null, error: RpcError::invalid_request("a call is a map") });
    };
    let given = fields.remove("id");
    let id = given.as_ref().map(Id::of);
    let invalid = |problem: &str| {
        let id = id.clone().flatten().unwrap_or(Id::Null);
        Err(Invalid { id, error: RpcError::invalid_request(problem) })
    };
    if id == Some(None) {
        return invalid("`id` is a number or a text");
    }
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("`jsonrpc` is \"2.0\"");
    }
    let Some(Value::String(method)) = fields.remove("method") else { return invalid("`method` is a text") };
    let params = match fields.remove("params") {
        None => Params::None,
        Some(Value::Array(values)) => Params::Positional(values),
        Some(Value::Object(values)) => Params::Named(values),
        Some(_) => return invalid("`params` is a list or a map"),
    };
    Ok(Call { id: id.flatten(), method, params })
}

/// A call in bytes.
pub(crate) fn request(call: Call) -> Value {
    let mut fields = Map::new();
    fields.insert("jsonrpc".to_owned(), "2.0".into());
    if let Some(id) = call.id {
        fields.insert("id".to_owned(), json!(id));
    }
    fields.insert("method".to_owned(), call.method.into());
    if let Some(params) = call.params.into_value() {
        fields.insert("params".to_owned(), params);
    }
    Value::Object(fields)
}

/// What answers a call, in bytes; an answer over `most` bytes is an error instead.
pub(crate) fn response(id: &Id, outcome: &Result<Value, RpcError>, most: usize) -> Vec<u8> {
    let bytes = match outcome {
        Ok(result) => to_bytes(&json!({ "jsonrpc": "2.0", "id": id, "result": result })),
        Err(error) => to_bytes(&json!({ "jsonrpc": "2.0", "id": id, "error": error })),
    };
    if bytes.len() <= most {
        return bytes;
    }
    let problem = format!("the answer has {} bytes, at most {most} are sent", bytes.len());
    to_bytes(&json!({ "jsonrpc": "2.0", "id": id, "error": RpcError::new(code::ANSWER_TOO_LARGE, problem) }))
}

/// A value in bytes; every value has a form in JSON.
pub(crate) fn to_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
