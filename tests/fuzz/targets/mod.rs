//! What is fuzzed: functions from any bytes to nothing, which panic when the code under test is wrong. cargo-fuzz runs them, and
//! so does a plain test, over the corpus.
#![allow(dead_code, reason = "each run takes one target of all")]

mod configuration;
mod dice;
mod line;
mod sample;

pub(crate) use configuration::{downlink, records, site, template};
pub(crate) use line::{diagnosis, frames, reply};
pub(crate) use sample::decode;

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: [Target; 8] = [
    ("frames", frames),
    ("reply", reply),
    ("decode", decode),
    ("diagnosis", diagnosis),
    ("template", template),
    ("site", site),
    ("downlink", downlink),
    ("records", records),
];
