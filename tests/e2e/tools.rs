//! Finding tools, free ports, and waiting for conditions.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(crate) use hazard_tests::tools::{FAKETIME, skip, tool};
use rustix::process::{Pid, Signal, kill_process};

/// Long: a machine that builds and tests much else at the same time is slow, and a hang is told all the same.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Python with pymodbus.
pub(crate) fn python() -> Option<PathBuf> {
    let python = tool("python3")?;
    let ready = Command::new(&python).args(["-c", "import pymodbus.simulator, serial"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        skip("python3 has no pymodbus and pyserial (pip install 'pymodbus[serial]')");
        return None;
    }
    Some(python)
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends a program of ours a signal.
pub(crate) fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until `found` finds something; fails with `what` when it does not.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(thing) = found() {
            return thing;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
