//! The uplinks: `mqtt` carries bytes to a broker and back-reports confirmations, `wire` writes the contract's messages.

pub mod mqtt;
pub mod wire;
