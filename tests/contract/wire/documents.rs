//! The documents say what the messages are.

use std::collections::BTreeSet;
use std::fs;

use hazard_tests::contract::folder;
use serde_json::Value;

use super::golden::{kept, line, messages};
use super::validator;

const LANGUAGES: [&str; 2] = ["contract.zh-CN.md", "contract.md"];

#[test]
fn every_example_is_a_golden_message_and_every_golden_message_an_example() {
    let validator = validator();
    let mut known = BTreeSet::new();
    for (name, message) in messages() {
        let path = folder().join("examples").join(format!("{name}.json"));
        let example = kept(&path, &message);
        assert_eq!(example, line(&message), "{}", path.display());
        validator.check(&message.topic, example.as_bytes()).unwrap();
        known.insert(path);
    }
    for entry in fs::read_dir(folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "{} is no golden message", path.display());
    }
}

#[test]
fn every_message_shown_in_a_document_is_an_example() {
    let examples: Vec<Value> =
        messages().iter().map(|(_, message)| serde_json::from_slice(&message.payload).unwrap()).collect();
    let shown = LANGUAGES.map(|document| {
        let text = fs::read_to_string(folder().join(document)).unwrap();
        let blocks: Vec<Value> = blocks(&text).map(|block| serde_json::from_str(block).unwrap()).collect();
        for block in &blocks {
            assert!(examples.contains(block), "{document} shows what no example is: {block}");
        }
        blocks
    });
    assert!(shown[0].len() >= 6, "the document shows its messages");
    assert_eq!(shown[0], shown[1], "both languages show the same");
}

#[test]
fn every_word_of_the_schemas_is_explained_in_both_languages() {
    let mut words = BTreeSet::new();
    for entry in fs::read_dir(folder().join("schema")).unwrap() {
        let schema = serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        collect(&schema, &mut words);
    }
    assert!(words.contains("rtn_unacked") && words.contains("lost_epoch"), "the words are found");
    for document in LANGUAGES {
        let text = fs::read_to_string(folder().join(document)).unwrap();
        let missing: Vec<_> = words.iter().filter(|word| !text.contains(&format!("`{word}`"))).collect();
        assert!(missing.is_empty(), "{document} does not explain {missing:?}");
    }
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default())
}

/// The names of properties and the words of enumerations.
fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                words.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(values)) = fields.get("enum") {
                words.extend(values.iter().filter_map(|value| value.as_str().map(Into::into)));
            }
            fields.values().for_each(|field| collect(field, words));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
