//! Faults of the mqtt adapter.
