//! Faults of the journal adapter.
