//! The uplinks: `mqtt` carries bytes to a broker and back-reports confirmations, `wire` writes the contract's messages,
//! `downlink` reads the platform's, and `topic` says where they go.

pub mod downlink;
pub mod mqtt;
pub mod topic;
pub mod wire;
