//! The contract: bytes, registers, topics, messages and texts that somebody else relies on.
#![cfg(test)]

mod calls;
mod cautions;
mod compare;
mod config;
mod deploy;
mod devices;
mod interlocks;
mod journal;
mod last_good;
mod loss;
mod node;
mod node_commands;
mod observe;
mod plan;
mod points;
mod profiles;
mod registers;
mod sensors;
mod standing;
mod trial;
mod upkeep;
mod watches;
mod webhook;
mod wire;
