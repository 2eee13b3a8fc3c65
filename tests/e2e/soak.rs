//! The real agent under load with a platform that comes and goes, for a minute or for as long as it is told
//! (`HAZARD_SOAK_MINUTES`): memory, threads, files and disk stay within their bounds, and every reading arrives.

use std::path::Path;
use std::time::{Duration, Instant};

use hazard_tests::power::{asked, seed};
use hazard_tests::rng::Rng;
use rustix::process::Signal;

use crate::agent::Agent;
use crate::broker::Mosquitto;
use crate::platform::Platform;
use crate::ticker::Tickers;

const MINUTES: u64 = 1;
const DEVICES: usize = 8;
/// Anonymous memory at most, and between the first and the last third. With the 16 MiB of a release program it makes the 64 MiB
/// that are promised.
const ANONYMOUS_KIB_MAX: u64 = 48 << 10;
const GROWTH_KIB_MAX: u64 = 8 << 10;
const QUOTA_MB: u64 = 16;
/// A segment that is being written and one that is about to go.
const BEYOND_QUOTA_MB: u64 = 8;
/// Files of connections that are being made anew, and of segments that are read.
const FILES_SPREAD: usize = 16;
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One look at the running agent.
#[derive(Clone, Copy, Debug)]
struct Look {
    anonymous_kib: u64,
    threads: u64,
    files: usize,
    disk_bytes: u64,
}

#[test]
fn under_load_with_a_platform_that_comes_and_goes_everything_stays_within_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "") else {
        return;
    };
    let platform = Platform::subscribe(broker.port, None);
    let tickers = Tickers::start(DEVICES);
    let more = format!(
        "[retention]\nquota_mb = {QUOTA_MB}\n[limits]\nrecent_readings_max = 5000\n[[uplinks]]\nid = \"district\"\n\
         kind = \"mqtt\"\nhost = \"127.0.0.1\"\nport = {}\nretry_max_s = 1\nconnect_timeout_s = 2\n\
         stall_timeout_s = 5",
        broker.port
    );
    let state = dir.path().join("state");
    let agent = Agent::start(&tickers.site(&dir.path().join("site.toml"), &state, &more));
    agent.wait("an open journal", |status| status["journal"]["state"] == "open");
    let end = Instant::now() + Duration::from_secs(60 * asked("HAZARD_SOAK_MINUTES", MINUTES));
    let looks = soak((&agent, &state), &broker, end);
    broker.signal(Signal::CONT);
    let last = agent.wait("an empty backlog", |status| {
        status["uplinks"][0]["up"] == true && status["ledger"]["even"] == true && status["drained"] == true
    });
    assert!(last["ledger"]["stored"]["readings"].as_u64() > Some(10_000), "no load: {}", last["ledger"]);
    judge(&looks);
    assert_eq!(agent.terminate(), Some(0));
    platform.is_content();
}

/// Looks at the agent while the platform hangs and comes back at moments that the seed decides.
fn soak((agent, state): (&Agent, &Path), broker: &Mosquitto, end: Instant) -> Vec<Look> {
    let (mut rng, mut looks) = (Rng::new(seed()), Vec::new());
    while Instant::now() < end {
        broker.signal(if rng.chance(300) { Signal::STOP } else { Signal::CONT });
        for _ in 0..rng.between(1, 20) {
            std::thread::park_timeout(LOOK_EVERY);
            let status = agent.status();
            assert_eq!(status["ledger"]["even"], true, "{status}");
            assert_eq!(status["ledger"]["store_lost"]["records"], 0);
            looks.push(Look {
                anonymous_kib: agent.anonymous_kib(),
                threads: agent.threads(),
                files: agent.open_files(),
                disk_bytes: disk_bytes(state),
            });
        }
    }
    looks
}

/// What the folder takes; a file that has just gone takes nothing.
fn disk_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(seen) if seen.is_dir() => disk_bytes(&entry.path()),
        seen => seen.map_or(0, |seen| seen.len()),
    });
    bytes.sum()
}

fn judge(looks: &[Look]) {
    let third = looks.len() / 3;
    let (first, last) = (&looks[..third], &looks[looks.len() - third..]);
    let peak = |looks: &[Look]| looks.iter().map(|look| look.anonymous_kib).max().unwrap();
    println!("{} looks; {:?} ... {:?}", looks.len(), looks[0], looks[looks.len() - 1]);
    println!(
        "anonymous memory at most {} KiB, in thirds {} and {} KiB",
        peak(looks),
        peak(first),
        peak(last)
    );
    assert!(peak(looks) <= ANONYMOUS_KIB_MAX, "{} KiB", peak(looks));
    assert!(peak(last) <= peak(first) + GROWTH_KIB_MAX, "from {} to {} KiB", peak(first), peak(last));
    let files = |looks: &[Look]| looks.iter().map(|look| look.files).max().unwrap();
    assert!(files(last) <= files(first) + FILES_SPREAD, "from {} to {} files", files(first), files(last));
    let threads = |looks: &[Look]| looks.iter().map(|look| look.threads).max().unwrap();
    assert!(threads(last) <= threads(first), "from {} to {} threads", threads(first), threads(last));
    let disk = looks.iter().map(|look| look.disk_bytes).max().unwrap();
    assert!(disk <= (QUOTA_MB + BEYOND_QUOTA_MB) << 20, "{disk} bytes of {QUOTA_MB} MB");
}
