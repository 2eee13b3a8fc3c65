//! A pymodbus device, over TCP or at the far end of a serial pair made by socat.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::tools::{free_port, python, tool, wait_for};

pub(crate) struct Device {
    child: Child,
    stdin: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) port: u16,
}

impl Device {
    pub(crate) fn tcp() -> Option<Self> {
        let port = free_port();
        Self::start(port, &["tcp", &port.to_string()])
    }

    pub(crate) fn serial(path: &Path) -> Option<Self> {
        Self::start(0, &["rtu", path.to_str().unwrap(), "19200"])
    }

    fn start(port: u16, args: &[&str]) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/device.py");
        let mut child = Command::new(python()?)
            .arg(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reader = BufReader::new(child.stdout.take().unwrap());
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        let device = Self { child, stdin, lines, port };
        wait_for("the pymodbus device", || device.saw("ready").then_some(()));
        Some(device)
    }

    /// Sets holding registers from `address`.
    pub(crate) fn set(&mut self, address: u16, values: &[u16]) {
        let values: Vec<String> = values.iter().map(u16::to_string).collect();
        writeln!(self.stdin, "hr {address} {}", values.join(" ")).unwrap();
        self.stdin.flush().unwrap();
    }

    /// What becomes of the next writes of registers; see device.py.
    pub(crate) fn whim(&mut self, words: &str) {
        writeln!(self.stdin, "whim {words}").unwrap();
        self.stdin.flush().unwrap();
    }

    /// How many writes of registers arrived at `address`.
    pub(crate) fn writes(&self, address: u16) -> usize {
        let mark = format!(" wrote {address} ");
        self.lines.lock().unwrap().iter().filter(|line| line.contains(&mark)).count()
    }

    pub(crate) fn saw(&self, part: &str) -> bool {
        self.lines.lock().unwrap().iter().any(|line| line.contains(part))
    }

    /// When the registers from 0 were read, in microseconds.
    pub(crate) fn asked(&self) -> Vec<u64> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter_map(|line| line.strip_suffix(" asked 0")?.parse().ok()).collect()
    }

    /// The last levels that were written from `address`.
    pub(crate) fn last_coils(&self, address: u16) -> Option<String> {
        let mark = format!("coils {address} ");
        let lines = self.lines.lock().unwrap();
        lines.iter().rev().find_map(|line| line.split_once(&mark).map(|(_, levels)| levels.to_owned()))
    }

    /// The level that was last written to one coil, alone or among others.
    pub(crate) fn last_level(&self, coil: usize) -> Option<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().rev().find_map(|line| {
            let (_, written) = line.split_once("coils ")?;
            let mut words = written.split(' ');
            let first: usize = words.next()?.parse().ok()?;
            words.nth(coil.checked_sub(first)?).map(str::to_owned)
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Two serial ports joined to each other.
pub(crate) struct SerialPair {
    child: Child,
    pub(crate) ends: [PathBuf; 2],
}

impl SerialPair {
    pub(crate) fn new(dir: &Path) -> Option<Self> {
        let ends = [dir.join("gateway"), dir.join("field")];
        let link = |end: &PathBuf| format!("pty,raw,echo=0,link={}", end.display());
        let child = Command::new(tool("socat")?).args([link(&ends[0]), link(&ends[1])]).spawn().unwrap();
        let pair = Self { child, ends };
        wait_for("the serial pair", || pair.ends.iter().all(|end| end.exists()).then_some(()));
        Some(pair)
    }
}

impl Drop for SerialPair {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
