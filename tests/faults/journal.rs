//! Faults of the journal adapter: power cuts, kill -9, damaged and full disks, and what it promises without any.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod archive;
mod codec;
mod crash;
mod damage;
mod disk;
mod epochs;
mod evidence;
mod keep;
mod made;
#[allow(dead_code, reason = "shared with `power`, which uses the rest")]
mod recorder;
mod rig;
