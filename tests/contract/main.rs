//! The contract tests.

mod config;
