//! The sensor/alarm node.
#![no_std]
