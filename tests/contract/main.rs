//! The contract tests.

mod journal;
