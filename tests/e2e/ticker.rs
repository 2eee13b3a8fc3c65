//! Devices whose registers rise by one with each answer, so that each reading is told from every other.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

use crate::tools::free_port;

/// Registers of a device that are points.
pub(crate) const POINTS: u16 = 20;
/// Then the count begins anew.
const COUNT: f64 = 1_000.0;

/// A site of tickers.
pub(crate) struct Tickers {
    ports: Vec<u16>,
}

impl Tickers {
    pub(crate) fn start(count: usize) -> Self {
        Self { ports: (0..count).map(|_| serve()).collect() }
    }

    /// Writes the site that polls all of them ten times a second; `more` are further tables and the uplink's lines last.
    pub(crate) fn site(&self, file: &Path, state: &Path, more: &str) -> PathBuf {
        let mut text = format!(
            "[enterprise]\ndistrict = \"511303\"\nid = \"ENT-1\"\nname = \"测试企业\"\n\
             [gateway]\nid = \"GW-1\"\nstate_dir = \"{}\"\nlisten = \"127.0.0.1:{}\"\n{more}\n",
            state.display(),
            free_port()
        );
        for (at, port) in self.ports.iter().enumerate() {
            write!(
                text,
                "[[buses]]\nid = \"bus-{at}\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\n\
                 [[devices]]\nid = \"dev-{at}\"\nbus = \"bus-{at}\"\nunit = 1\npoll_ms = 100\ntimeout_ms = 2000\n"
            )
            .unwrap();
            for address in 0..POINTS {
                write!(
                    text,
                    "[[points]]\ntag = \"{at}-{address}\"\ndevice = \"dev-{at}\"\ntable = \"holding\"\n\
                     address = {address}\ntype = \"u16\"\ndeadband = 0.0\nsafety = false\n"
                )
                .unwrap();
            }
        }
        std::fs::write(file, text).unwrap();
        file.to_owned()
    }
}

/// What is wrong with these readings of one epoch, in the order of their numbers: all registers of an answer say the same,
/// and each answer says one more than the one before.
pub(crate) fn fault<'a>(records: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut last = std::collections::BTreeMap::new();
    for record in records {
        for reading in record["readings"].as_array().into_iter().flatten() {
            let tag = reading["point"].as_str()?;
            let Some(value) = reading["value"].as_f64() else {
                // Without a value there was no answer, and what follows begins anew.
                last.remove(tag);
                continue;
            };
            let address: f64 = tag.split_once('-')?.1.parse().ok()?;
            let count = value - COUNT * address;
            if let Some(before) = last.insert(tag.to_owned(), count)
                && (before + 1.0) % COUNT != count
            {
                return Some(format!("{tag}: {count} after {before} in {record}"));
            }
        }
    }
    None
}

/// Opens a device that serves until the test program ends; its port.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicU16::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || answer(stream, &count));
        }
    });
    port
}

/// Answers reads of holding registers; register `n` says the count of answers and a thousand times `n`.
fn answer(mut stream: TcpStream, count: &AtomicU16) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 12];
    loop {
        stream.read_exact(&mut request)?;
        let start = u16::from_be_bytes([request[8], request[9]]);
        let registers = u16::from_be_bytes([request[10], request[11]]);
        let count = count.fetch_add(1, Ordering::Relaxed) % COUNT as u16;
        let bytes = u8::try_from(registers * 2).expect("a short read");
        let mut reply = request[..4].to_vec();
        reply.extend([0, bytes + 3, request[6], request[7], bytes]);
        for address in start..start + registers {
            reply.extend((COUNT as u16 * address + count).to_be_bytes());
        }
        stream.write_all(&reply)?;
    }
}
