//! What there is to call: `rpc_modules`, and `rpc.discover`, an OpenRPC document: <https://spec.open-rpc.org>.

use serde_json::{Map, Value, json};

use super::api::{Answer, ApiDescription, MethodDescription};
use super::apis::{Apis, OWN_NAMESPACE};
use super::schema::schema;

/// The version of the namespace `rpc`, as geth reports it.
const OWN_VERSION: &str = "1.0";

/// The version of OpenRPC that the document is written in.
const OPENRPC: &str = "1.3.2";

/// The answer of a method that the server answers itself, if `method` is one.
pub(crate) fn own_method(apis: &Apis, method: &str) -> Option<Answer> {
    match method {
        "rpc_modules" => Some(Ok(modules(apis))),
        "rpc.discover" => Some(Ok(document(apis))),
        _ => None,
    }
}

/// Namespaces and their versions, geth's `rpc_modules`.
fn modules(apis: &Apis) -> Value {
    let own = (OWN_NAMESPACE.to_owned(), Value::from(OWN_VERSION));
    let all = apis.descriptions().map(|api| (api.namespace.to_owned(), Value::from(api.version)));
    Value::Object(all.chain([own]).collect::<Map<_, _>>())
}

fn document(apis: &Apis) -> Value {
    let mut methods = vec![
        json!({
            "name": "rpc_modules",
            "summary": "The namespaces there are, and their versions.",
            "params": [],
            "result": { "name": "modules", "schema": { "type": "object", "additionalProperties": { "type": "string" } } },
        }),
        json!({
            "name": "rpc.discover",
            "summary": "This document.",
            "params": [],
            "result": { "name": "document", "schema": { "type": "object" } },
        }),
    ];
    for api in apis.descriptions() {
        methods.extend(api.methods.iter().map(|about| method(api, about)));
        if !api.subscriptions.is_empty() {
            methods.push(subscribe(api));
            methods.push(unsubscribe(api));
        }
    }
    let namespaces: Vec<_> = apis.namespaces();
    json!({
        "openrpc": OPENRPC,
        "info": {
            "title": format!("JSON-RPC of a p2p-net node: {}", namespaces.join(", ")),
            "version": env!("CARGO_PKG_VERSION"),
        },
        "methods": methods,
    })
}

fn method(api: &ApiDescription, about: &MethodDescription) -> Value {
    let mut value = json!({
        "name": format!("{}_{}", api.namespace, about.name),
        "params": params(about),
        "paramStructure": "either",
        "result": { "name": "result", "schema": schema(about.result) },
    });
    describe(&mut value, about.docs);
    value
}

fn params(about: &MethodDescription) -> Vec<Value> {
    let params = about.params.iter();
    params.map(|param| json!({ "name": param.name, "required": param.required, "schema": schema(param.ty) })).collect()
}

/// The first line is a summary, the whole a description.
fn describe(value: &mut Value, docs: &str) {
    if let Some(first) = docs.lines().next() {
        value["summary"] = first.into();
        value["description"] = docs.into();
    }
}

/// One method for all subscriptions of a namespace; what each takes and brings stands beside it, for OpenRPC knows none.
fn subscribe(api: &ApiDescription) -> Value {
    let names: Vec<_> = api.subscriptions.iter().map(|about| about.name).collect();
    let each = api.subscriptions.iter().map(|about| {
        let mut value = json!({ "name": about.name, "params": params(about), "result": schema(about.result) });
        describe(&mut value, about.docs);
        value
    });
    json!({
        "name": format!("{}_subscribe", api.namespace),
        "summary": "Begins a subscription; its own arguments follow its name.",
        "params": [{ "name": "subscription", "required": true, "schema": { "type": "string", "enum": names } }],
        "paramStructure": "by-position",
        "result": { "name": "id", "schema": { "type": "string" } },
        "x-notification": format!("{}_subscription", api.namespace),
        "x-subscriptions": each.collect::<Vec<_>>(),
    })
}

fn unsubscribe(api: &ApiDescription) -> Value {
    json!({
        "name": format!("{}_unsubscribe", api.namespace),
        "summary": "Ends a subscription: whether there was one.",
        "params": [{ "name": "id", "required": true, "schema": { "type": "string" } }],
        "paramStructure": "by-position",
        "result": { "name": "ended", "schema": { "type": "boolean" } },
    })
}
