//! Manifests as text: what is written reads back the same, and every value of it counts.

use super::*;

#[test]
fn json_reads_back_the_same_and_is_laid_out_for_review() {
    let mut is = chat();
    is.messages[0].shape = &Shape::Documented("A line.", &SAY);
    is.messages[0].rate = Some(Rate::new(1, std::time::Duration::from_secs(1), 1));
    let manifest = is.manifest();
    let text = manifest.to_json().unwrap();
    assert_eq!(Manifest::from_json(&text).unwrap(), manifest);
    assert!(text.starts_with("{\n  \"format\": 1,\n  \"protocols\": [\n") && text.ends_with("}\n"), "{text}");
    assert!(text.contains("\"rate\": \"1 per 1s, burst 1\",\n          \"docs\": \"A line.\",\n"), "{text}");
}

#[test]
fn every_value_of_the_file_counts() {
    let text = chat().manifest().to_json().unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut places = Vec::new();
    leaves(&whole, "", &mut places);
    assert!(places.len() > 30, "{places:?}");
    for place in places {
        let mut edited = whole.clone();
        let value = edited.pointer_mut(&place).unwrap();
        *value = match value {
            serde_json::Value::String(_) => "other".into(),
            serde_json::Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            other => panic!("{other}"),
        };
        if let Ok(edited) = Manifest::from_json(&edited.to_string()) {
            assert!(!edited.changes_to(&chat().manifest()).is_empty(), "{place}");
        }
    }
}

/// The places of all values that hold no others.
fn leaves(value: &serde_json::Value, place: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(of) => {
            of.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{place}/{at}"), found));
        }
        serde_json::Value::Object(of) => {
            of.iter().for_each(|(key, value)| leaves(value, &format!("{place}/{key}"), found));
        }
        _ => found.push(place.to_owned()),
    }
}

#[test]
fn what_is_no_manifest_is_explained() {
    let text = chat().manifest().to_json().unwrap();
    let error = |text: &str| Manifest::from_json(text).unwrap_err().to_string();
    assert_eq!(error(&text.replace("\"format\": 1", "\"format\": 2")), "its format is 2, and this version reads 1");
    assert!(error("{}").starts_with("it is no manifest: missing field `format`"), "{}", error("{}"));
    assert!(error(&text.replace("window", "windows")).contains("unknown field `windows`"));
    assert!(error(&text.replace("\"inbound\"", "\"incoming\"")).contains("there is no session `incoming`"));
    let mut twice = chat().manifest();
    twice.protocols.extend(chat().manifest().protocols);
    assert_eq!(error(&twice.to_json().unwrap()), "it has two protocols chat/1: keep the one that was released");
}
