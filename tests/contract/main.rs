//! The contract tests.
mod node;
