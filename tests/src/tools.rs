//! Tools that tests need and we did not write: which package brings each, and what a test does that lacks one. It is skipped,
//! and says so on the terminal, past the capture of the test's own output; with `HAZARD_REQUIRE_TOOLS=1` it fails.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where a tool comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Package {
    /// Debian's.
    Apt(&'static str),
    /// Python's.
    Pip(&'static str),
}

/// How to see that a tool is there.
#[derive(Clone, Copy, Debug)]
enum Probe {
    Program,
    File(&'static str),
    Module(&'static str),
}

/// Every tool: its name, what shows that it is there, and its package. `.ci/run` and both READMEs install the same ones.
const TOOLS: [(&str, Probe, Package); 16] = [
    ("mosquitto", Probe::Program, Package::Apt("mosquitto")),
    ("socat", Probe::Program, Package::Apt("socat")),
    ("libfaketime", Probe::File(FAKETIME), Package::Apt("faketime")),
    ("systemd-analyze", Probe::Program, Package::Apt("systemd")),
    ("strace", Probe::Program, Package::Apt("strace")),
    ("mkfs.ext4", Probe::Program, Package::Apt("e2fsprogs")),
    ("losetup", Probe::Program, Package::Apt("mount")),
    ("mbpoll", Probe::Program, Package::Apt("mbpoll")),
    ("gcc", Probe::Program, Package::Apt("gcc")),
    ("openssl", Probe::Program, Package::Apt("openssl")),
    ("qemu-system-arm", Probe::Program, Package::Apt("qemu-system-arm")),
    ("libmodbus", Probe::File("/usr/include/modbus/modbus.h"), Package::Apt("libmodbus-dev")),
    ("python3", Probe::Program, Package::Apt("python3-pip")),
    (
        "pymodbus",
        Probe::Module("import pymodbus.simulator, serial"),
        Package::Pip("pymodbus[serial]==3.16.1"),
    ),
    ("pyarrow", Probe::Module("import pyarrow.parquet"), Package::Pip("pyarrow")),
    ("openpyxl", Probe::Module("import openpyxl"), Package::Pip("openpyxl")),
];

/// The library that gives a program another clock.
pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// The packages of all tools.
#[must_use]
pub fn packages() -> Vec<Package> {
    TOOLS.iter().map(|(_, _, from)| *from).collect()
}

/// The tools that are not there, each with the command that brings it.
#[must_use]
pub fn absent() -> Vec<String> {
    let gone = TOOLS.iter().filter(|(name, probe, _)| !is_there(name, *probe));
    gone.map(|(name, _, from)| format!("{name} ({})", command(*from))).collect()
}

/// A program's path; `None`, after saying so, when it may be absent and is.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = program(name);
    if found.is_none() {
        let known = TOOLS.iter().find(|(known, _, _)| *known == name);
        let how = known.map_or_else(String::new, |(_, _, from)| format!(" ({})", command(*from)));
        skip(&format!("{name} is not installed{how}"));
    }
    found
}

/// Says on the terminal that the running test does nothing, and why; fails it where tools are required.
pub fn skip(why: &str) {
    static SO_FAR: AtomicU32 = AtomicU32::new(0);
    assert!(std::env::var_os("HAZARD_REQUIRE_TOOLS").is_none(), "{why}");
    let count = SO_FAR.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    say(&format!("skipped ({count} of this target so far): {test}: {why}"));
}

/// Writes past the capture of tests' output, which takes what the printing macros write and no more.
pub fn say(line: &str) {
    // Where nobody listens there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn is_there(name: &str, probe: Probe) -> bool {
    match probe {
        Probe::Program => program(name).is_some(),
        Probe::File(path) => Path::new(path).exists(),
        Probe::Module(import) => {
            Command::new("python3").args(["-c", import]).output().is_ok_and(|output| output.status.success())
        }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

fn command(from: Package) -> String {
    match from {
        Package::Apt(package) => format!("apt install {package}"),
        Package::Pip(package) => format!("pip install '{package}'"),
    }
}
