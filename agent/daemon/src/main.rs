//! `hazard`, the edge agent.
fn main() {}
