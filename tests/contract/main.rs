//! The contract: bytes, registers, topics, messages and texts that somebody else relies on.
#![cfg(test)]

mod config;
mod journal;
mod node;
mod observe;
mod wire;
