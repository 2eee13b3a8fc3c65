//! 现场调试: `hazard scan`, `probe`, `watch` and `write`, on the line itself and without an agent. Only `write` changes
//! anything, and only where a person says that he stands beside it.

mod address;
mod asker;
mod audit;
pub(super) mod grid;
pub(super) mod open;
pub(super) mod ports;
mod probe;
mod report;
mod rows;
mod scan;
mod sweep;
mod words;
mod write;

use std::future::Future;
use std::path::Path;

use super::{OK, SOFTWARE};
use crate::config::Lang;
use crate::settings::{BusLink, Endpoint};

pub(super) use probe::{ProbeArgs, WatchArgs};
pub(super) use scan::ScanArgs;
pub(super) use write::WriteArgs;

/// Says of each bus whose port may come back under another name what to write instead.
pub(super) fn advise(buses: &[BusLink], lang: Lang) {
    for bus in buses {
        if let Endpoint::Rtu(serial) = &bus.endpoint
            && let Some(advice) = ports::advice(Path::new("/"), &serial.path, lang)
        {
            eprintln!("{}: {}: {advice}", bus.name, serial.path.display());
        }
    }
}

pub(super) fn scan(site: &Path, args: &ScanArgs, lang: Lang) -> u8 {
    on_the_line(scan::scan(site, args, lang))
}

pub(super) fn probe(site: &Path, args: &ProbeArgs, lang: Lang) -> u8 {
    on_the_line(probe::probe(site, args, lang))
}

pub(super) fn watch(site: &Path, args: &WatchArgs, lang: Lang) -> u8 {
    on_the_line(probe::watch(site, args, lang))
}

pub(super) fn write(site: &Path, args: &WriteArgs, lang: Lang) -> u8 {
    on_the_line(write::write(site, args, lang))
}

/// Runs one command; the port is closed when it ends.
fn on_the_line(command: impl Future<Output = Result<(), u8>>) -> u8 {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return SOFTWARE;
    };
    let code = runtime.block_on(command).err().unwrap_or(OK);
    // A driver that hangs in open(2) must not keep the terminal.
    runtime.shutdown_background();
    code
}
