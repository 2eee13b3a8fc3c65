//! Faults of the modbus adapter.
