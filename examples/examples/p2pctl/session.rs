//! One connection to a node: calls, subscriptions, and what is said when they fail.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;

use async_signal::Signal;
use futures::future::{Either, select};
use futures::{Stream, StreamExt};
use p2p_examples::interrupts;
use p2p_net::rpc::{CallError, Client, Params, SubscriptionError, code};
use serde_json::Value;
use smol::Executor;

use crate::args::Args;
use crate::table;

/// A name this much alike (Jaro-Winkler) is taken for a slip of the pen.
const ALIKE: f64 = 0.8;

pub struct Session {
    client: Client,
    json: bool,
    has_token: bool,
    interrupts: Pin<Box<dyn Stream<Item = Signal> + Send>>,
}

/// Why there is nothing to show; the text is for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("cannot connect: no node listens at {address} ({problem})")]
    Connect { address: String, problem: String },
    #[error("{error}{hint}")]
    Call { error: CallError, hint: String },
    #[error("{0}")]
    Subscription(#[from] SubscriptionError),
    #[error("a subscription is begun by its name: `{0} NAME ..`")]
    NoName(String),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// Whether nothing can be asked any more.
    pub fn is_final(&self) -> bool {
        let lost = |error: &CallError| matches!(error, CallError::Disconnected(_) | CallError::Connect { .. });
        matches!(self, Self::Connect { .. } | Self::Print(_)) || matches!(self, Self::Call { error, .. } if lost(error))
    }
}

impl Session {
    pub async fn connect(ex: &Arc<Executor<'static>>, args: &Args) -> Result<Self, Failure> {
        let client = Client::connect_with_token(ex, &args.server.url(), args.token.as_deref()).await;
        let client = client.map_err(|error| match error {
            CallError::Connect { problem, .. } => Failure::Connect { address: args.server.shown(), problem },
            error => Failure::Call { error, hint: String::new() },
        })?;
        Ok(Self { client, json: args.json, has_token: args.token.is_some(), interrupts: Box::pin(interrupts()?) })
    }

    /// Calls a method and prints what it answers; a subscription is printed until it ends, or until Ctrl-C.
    pub async fn run(&mut self, method: &str, mut arguments: Vec<Value>) -> Result<(), Failure> {
        if let Some(namespace) = method.strip_suffix("_subscribe") {
            if !matches!(arguments.first(), Some(Value::String(_))) {
                return Err(Failure::NoName(method.to_owned()));
            }
            let name = arguments.remove(0);
            return self.follow(namespace, name.as_str().unwrap_or_default(), arguments).await;
        }
        let call = self.client.call(method, Params::Positional(arguments));
        let answer: Result<Value, _> = match select(Box::pin(call), self.interrupts.next()).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => return Err(Failure::Interrupted),
        };
        match answer {
            Ok(value) => self.print(&table::of(method, &value), &value),
            Err(error) => Err(self.explained(error, method).await),
        }
    }

    async fn follow(&mut self, namespace: &str, name: &str, arguments: Vec<Value>) -> Result<(), Failure> {
        let begun = self.client.subscribe::<Value>(namespace, name, arguments).await;
        let mut values = match begun {
            Ok(values) => values,
            Err(error) => return Err(self.explained(error, &format!("{namespace}_subscribe")).await),
        };
        loop {
            match select(values.next(), self.interrupts.next()).await {
                Either::Left((Some(Ok(value)), _)) => self.print(&value.to_string(), &value)?,
                Either::Left((Some(Err(error @ SubscriptionError::Lost(_))), _)) => eprintln!("{error}"),
                Either::Left((Some(Err(error)), _)) => return Err(error.into()),
                Either::Left((None, _)) | Either::Right(_) => return Ok(()),
            }
        }
    }

    fn print(&self, text: &str, value: &Value) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{value}")?;
        } else if !text.is_empty() {
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(out.flush()?)
    }

    /// The names of all methods that this connection may call, as the node says.
    pub async fn names(&self) -> Vec<String> {
        let document: Value = self.client.call("rpc.discover", ()).await.unwrap_or_default();
        let methods = document["methods"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<_> = methods.iter().filter_map(|method| Some(method["name"].as_str()?.to_owned())).collect();
        names.extend(["rpc_modules", "rpc.discover"].map(str::to_owned));
        names.sort();
        names.dedup();
        names
    }

    async fn explained(&self, error: CallError, method: &str) -> Failure {
        let hint = match &error {
            CallError::Rpc(error) if error.code == code::METHOD_NOT_FOUND => {
                nearest(method, &self.names().await).map(|near| format!(": did you mean `{near}`?"))
            }
            CallError::Rpc(error) if error.code == code::NOT_ALLOWED && !self.has_token => {
                Some(": give it with `--token`".to_owned())
            }
            _ => None,
        };
        Failure::Call { error, hint: hint.unwrap_or_default() }
    }
}

/// The one of `known` that looks most like `name`, if any looks like it at all.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    let scored = known.iter().map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known));
    let alike = scored.filter(|(score, known)| *score >= ALIKE && *known != name);
    alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, known)| known.clone())
}
