//! The uplinks: `mqtt` carries bytes to a broker and back-reports confirmations, `wire` writes the contract's messages
//! and `topic` says where they go.

pub mod mqtt;
pub mod topic;
pub mod wire;
