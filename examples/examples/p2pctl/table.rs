//! JSON for people: rows under a head, or names beside values.

use serde_json::{Map, Value};

/// The longest cell before it is cut, in characters: a node's URL fits.
const WIDEST: usize = 100;

/// What a peer is shown by: a head, and where the cell is found.
const PEER: [(&str, &[&str]); 5] = [
    ("id", &["id"]),
    ("name", &["name"]),
    ("address", &["network", "remoteAddress"]),
    ("inbound", &["network", "inbound"]),
    ("caps", &["caps"]),
];

/// What `method` answered, as text.
pub fn of(method: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(rows) if method == "admin_peers" => peers(rows),
        Value::Array(rows) if rows.iter().any(Value::is_object) => objects(rows),
        Value::Array(rows) => rows.iter().map(|row| cell(row) + "\n").collect(),
        Value::Object(fields) => names_and_values(fields),
        one => cell(one),
    }
}

fn peers(rows: &[Value]) -> String {
    let found = |row: &Value, path: &[&str]| path.iter().fold(row.clone(), |value, key| value[key].clone());
    let cells = rows.iter().map(|row| PEER.map(|(_, path)| cell(&found(row, path))).to_vec());
    let table = aligned(&[PEER.map(|(head, _)| head.to_owned()).to_vec()].into_iter().chain(cells).collect::<Vec<_>>());
    format!("{table}{} peers", rows.len())
}

/// A column for every key that has a plain value somewhere.
fn objects(rows: &[Value]) -> String {
    let mut heads: Vec<&String> = Vec::new();
    for (key, value) in rows.iter().filter_map(Value::as_object).flatten() {
        if !value.is_object() && !heads.contains(&key) {
            heads.push(key);
        }
    }
    let cells = rows.iter().map(|row| heads.iter().map(|head| cell(&row[head.as_str()])).collect());
    aligned(&[heads.iter().map(|head| (*head).clone()).collect()].into_iter().chain(cells).collect::<Vec<_>>())
}

fn names_and_values(fields: &Map<String, Value>) -> String {
    let mut rows = Vec::new();
    flatten("", fields, &mut rows);
    aligned(&rows)
}

/// `ports: { listener: 1 }` becomes `ports.listener`.
fn flatten(prefix: &str, fields: &Map<String, Value>, rows: &mut Vec<Vec<String>>) {
    for (key, value) in fields {
        let name = format!("{prefix}{key}");
        match value {
            Value::Object(inner) if !inner.is_empty() => flatten(&format!("{name}."), inner, rows),
            value => rows.push(vec![name, cell(value)]),
        }
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    // What a peer calls itself must not drive the terminal.
    let shown = text.chars().map(|letter| if letter.is_control() { '?' } else { letter });
    if text.chars().count() <= WIDEST { shown.collect() } else { shown.take(WIDEST - 1).chain(['…']).collect() }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
