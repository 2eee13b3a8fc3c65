//! The platform's side of the contract: takes a message as a broker delivers it and says what is wrong with it.

use std::path::{Path, PathBuf};

use jsonschema::Registry;
use serde_json::Value;

/// The streams of the contract, version 1.
pub const STREAMS: [&str; 5] = ["state", "birth", "alarm", "live", "backfill"];

/// Checks messages against the schemas in docs/platform/schema.
pub struct Validator {
    streams: Vec<(&'static str, jsonschema::Validator)>,
}

impl Validator {
    /// Reads the schemas of this source tree.
    ///
    /// # Errors
    /// A schema that cannot be read or that is no schema.
    pub fn load() -> Result<Self, String> {
        let registry =
            Registry::new().add("https://hazard-agent.invalid/onemap/v1/common.json", schema("common")?);
        let registry = registry.and_then(|registry| registry.prepare()).map_err(|error| error.to_string())?;
        let mut streams = Vec::new();
        for stream in STREAMS {
            let build = jsonschema::options().with_registry(&registry).offline().build(&schema(stream)?);
            streams.push((stream, build.map_err(|error| format!("schema {stream}: {error}"))?));
        }
        Ok(Self { streams })
    }

    /// Checks one message: its topic, its shape, that it comes from the gateway that the topic names, and that its
    /// records ascend.
    ///
    /// # Errors
    /// All that is wrong with it, in words.
    pub fn check(&self, topic: &str, payload: &[u8]) -> Result<(), String> {
        let levels: Vec<&str> = topic.split('/').collect();
        let ["onemap", "v1", _district, _enterprise, gateway, stream] = levels[..] else {
            return Err(format!("{topic} is no topic of the contract"));
        };
        let Some((_, schema)) = self.streams.iter().find(|(known, _)| *known == stream) else {
            return Err(format!("{stream} is no stream of the contract"));
        };
        let message =
            serde_json::from_slice(payload).map_err(|error| format!("{topic}: not JSON: {error}"))?;
        let mut faults: Vec<String> =
            schema.iter_errors(&message).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if message["gateway"] != gateway {
            faults.push(format!("the message comes from {}, the topic says {gateway}", message["gateway"]));
        }
        if !ascend(&message) {
            faults.push("the records do not ascend".into());
        }
        if faults.is_empty() { Ok(()) } else { Err(format!("{topic}: {}\n{message}", faults.join("\n"))) }
    }
}

/// The folder of the contract's documents.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/platform")
}

fn schema(name: &str) -> Result<Value, String> {
    let path = folder().join("schema").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn ascend(message: &Value) -> bool {
    let records = message["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let seqs: Vec<_> = records.iter().map(|record| record["seq"].as_u64()).collect();
    seqs.windows(2).all(|pair| pair[0] < pair[1])
}
