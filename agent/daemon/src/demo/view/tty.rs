//! The terminal's mode: keys one by one without echo, and given back whatever happens.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// The message of the first panic while the terminal was taken: printed at once, it would vanish with the screen.
static PANIC: Mutex<Option<String>> = Mutex::new(None);
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal in raw mode, until it is dropped.
pub(super) struct RawMode(());

impl RawMode {
    pub(super) fn enter() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "standard output is no terminal"));
        }
        HOOK.call_once(keep_panics);
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::SeqCst);
        // Nobody is left to tell when the terminal is gone.
        let _gone = disable_raw_mode();
        if let Some(message) = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _gone = writeln!(io::stderr(), "{message}");
        }
    }
}

fn keep_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if TAKEN.load(Ordering::SeqCst) {
            let mut kept = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert_with(|| panicked.to_string());
        } else {
            before(panicked);
        }
    }));
}
