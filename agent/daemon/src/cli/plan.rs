//! Stand-in.
use crate::config::{Lang, Loaded};
pub fn refuses(_: &Loaded) -> Vec<String> {
    Vec::new()
}
pub fn to_json(_: &Loaded) -> serde_json::Value {
    serde_json::Value::Null
}
pub fn render(_: &Loaded, _: Lang) -> String {
    String::new()
}
