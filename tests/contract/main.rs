//! The contract tests.
#[cfg(test)]
mod node;
