//! What came in, byte for byte: kept only for those who look at the line itself, never for values.

use std::sync::{Arc, Mutex, PoisonError};

/// More than any exchange brings; a line that babbles must not fill the memory.
const BYTES_MAX: usize = 64 * 1024;

/// The bytes that a link heard, echoes and noise included; clones share them.
#[derive(Clone, Default, Debug)]
pub struct Tape(Arc<Mutex<Vec<u8>>>);

impl Tape {
    /// The bytes since this was last asked, the first 64 KiB of them.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn hear(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = BYTES_MAX - heard.len();
        heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
