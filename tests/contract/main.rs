//! The contract tests.

mod wire;
