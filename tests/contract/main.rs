//! The contract: bytes, registers, topics, messages and texts that somebody else relies on.
#![cfg(test)]

mod config;
mod node;
mod wire;
