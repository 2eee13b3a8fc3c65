//! Faults at the real boundary: real adapters against late devices, killed processes, broken stores and broken brokers.

mod journal;
mod modbus;
mod mqtt;
mod retentive;
mod webhook;
