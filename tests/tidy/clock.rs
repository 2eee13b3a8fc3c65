//! Only `clock.rs` reads a clock.

use crate::tree::{Exception, Finding, judge, sources};

/// Everything that reads a clock, by the last two words of its path or its method.
const READS: [&str; 10] = [
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "UnixTime::now",
    "Utc::now",
    "Local::now",
    "DefaultTimeProvider",
    ".elapsed(",
    "clock_gettime",
];

/// The one table of exceptions. `Instant` is tokio's everywhere (the next test), so virtual time holds for all of them.
const ALLOWED: &[Exception] = &[
    (
        "agent/daemon/src/modbus/",
        "Instant::now",
        "silence between frames and the end of one request: part of the protocol",
    ),
    ("agent/daemon/src/uplink/mqtt/", "Instant::now", "deadlines of one connection: connect, stall, leave"),
    (
        "agent/daemon/src/uplink/mqtt/",
        ".elapsed(",
        "how long a connection took and held, for the log and the next pause",
    ),
    (
        "agent/daemon/src/tls.rs",
        "DefaultTimeProvider",
        "certificates are dated by the wall clock; floored at the build",
    ),
    ("agent/daemon/src/webhook/", "Instant::now", "deadlines of one order: connect, answer, give up"),
    (
        "agent/daemon/src/journal/worker.rs",
        "Instant::now",
        "when a group is committed: a delay of the thread's own, in no record",
    ),
];

#[test]
fn only_clock_rs_reads_a_clock() {
    let mut found = Vec::new();
    for source in sources(&["agent", "firmware"]) {
        // The demonstration plays other machines, which have clocks of their own; the packaged build is without it.
        if source.path == "agent/daemon/src/clock.rs" || source.path.starts_with("agent/daemon/src/demo/") {
            continue;
        }
        for (line, text) in source.shipped_lines().filter(|(_, text)| !text.trim_start().starts_with("use "))
        {
            let read = READS.iter().filter(|read| text.contains(*read));
            found.extend(read.map(|read| Finding::new(&source.path, line, *read)));
        }
    }
    judge("only clock.rs reads a clock; deadlines of an adapter's own are listed in ALLOWED", found, ALLOWED);
}

#[test]
fn an_instant_outside_clock_rs_is_tokios() {
    let mut found = Vec::new();
    for source in sources(&["agent", "firmware"]) {
        if source.path == "agent/daemon/src/clock.rs" {
            continue;
        }
        let code = &source.scanned.code;
        for (at, _) in code.match_indices("std::time::") {
            let path = &code[at..at + code[at..].find([';', ')', '}']).unwrap_or(0)];
            if path.contains("Instant") || path.contains("SystemTime") || path.contains('*') {
                found.push(Finding::new(&source.path, crate::scan::line_of(code, at), path));
            }
        }
    }
    judge("std's Instant and SystemTime are named in clock.rs only", found, &[]);
}
