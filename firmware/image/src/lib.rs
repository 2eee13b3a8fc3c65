//! What a linked firmware image holds, read from the file itself: the boards have no operating system that would tell.

pub mod budget;
pub mod elf;
pub mod header;
pub mod stack;
pub mod thumb;

#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use elf::Elf;
