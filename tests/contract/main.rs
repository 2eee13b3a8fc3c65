//! The contract: bytes, registers, topics and messages that somebody else relies on.

#[cfg(test)]
mod node;
mod wire;
