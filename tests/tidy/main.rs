//! The rules of ARCHITECTURE.md, each held by one test over the repository's own files.
//!
//! A rule that something must break has a table of exceptions beside it, each with its reason; an exception that nothing
//! needs fails the test like a broken rule does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clock;
mod crates;
mod documents;
mod layers;
mod safety;
mod scan;
mod sizes;
mod tools;
mod tree;
mod words;
