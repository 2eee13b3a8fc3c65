//! The Modbus adapter.
