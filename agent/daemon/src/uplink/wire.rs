//! The contract's messages.
