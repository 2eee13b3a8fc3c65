//! zstd for blocks: its contexts are large, so a thread makes each once, and again only behind bytes that it refused.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses.
///
/// # Errors
/// Where zstd has no memory.
pub(super) fn compress(plain: &[u8], level: i32) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let mut compressor = match kept.take() {
            Some(compressor) => compressor,
            None => Compressor::new(level)?,
        };
        compressor.set_compression_level(level)?;
        let squeezed = compressor.compress(plain)?;
        *kept = Some(compressor);
        Ok(squeezed)
    })
}

/// Decompresses to at most `bytes_max`.
///
/// # Errors
/// Whatever the bytes are, when they are no frame of zstd or one with more in it.
pub(super) fn decompress(squeezed: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let mut decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        let plain = decompressor.decompress(squeezed, bytes_max)?;
        *kept = Some(decompressor);
        Ok(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_at_any_level_comes_back_also_after_something_that_was_not() {
        for level in [1, 6, 1] {
            let plain: Vec<u8> = (0..9_000_u32).map(|n| (n % 251) as u8).collect();
            let squeezed = compress(&plain, level).unwrap();
            assert_eq!(decompress(&squeezed, plain.len()).unwrap(), plain);
            assert!(decompress(&squeezed, plain.len() - 1).is_err(), "more than there is room for");
            assert!(decompress(&squeezed[..squeezed.len() - 1], plain.len()).is_err(), "cut off");
            assert!(decompress(b"HZB", 10).is_err());
        }
    }
}
