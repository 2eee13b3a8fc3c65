//! The journal's real thread in a process of its own, killed and cut off from its disk again and again: every record that it
//! called durable is there afterwards, as it was made.
//!
//! `HAZARD_POWER_CUTS` and `HAZARD_KILLS` say how often (the real agent takes a share, see `tests/e2e/power.rs`), `HAZARD_SEED`
//! repeats a run.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use hazard_agent::settings::Journal;
use hazard_core::id::Epoch;
use hazard_core::input::JournalReport;
use hazard_core::outbox::Lane;
use hazard_tests::power::{Disk, asked, seed};
use hazard_tests::rng::Rng;
use hazard_tests::tools::skip;

use super::made::made;
use super::rig::{Rig, settings};

const POWER_CUTS: u64 = 80;
const KILLS: u64 = 150;
/// Lives of one journal.
const LIVES_MAX: u64 = 8;
/// Reports that a life lasts, looks at the folder of one that hardly begins, and turns of the processor after that.
const REPORTS_MAX: u64 = 60;
const LOOKS_MAX: u64 = 500;
const SPINS_MAX: u64 = 300_000;
const DISK_MEGABYTES: u64 = 256;
/// Records that the writer has under way at most: those it may be ahead, and a batch.
const AHEAD_MAX: u64 = 2_000 + 600;
/// Half of the disks have a quota that the writer soon reaches.
const QUOTAS: [u64; 2] = [1 << 30, 4 << 20];

/// What the disks of a run have seen.
#[derive(Default, Debug)]
struct Sum {
    cycles: u64,
    before_it_opened: u64,
    durable: u64,
    beyond: u64,
    dropped: u64,
}

/// What the writer told before its end.
#[derive(Clone, Copy, Default, Debug)]
struct Told {
    ordinal: u64,
    durable: u64,
}

/// One journal through several lives.
struct Lives<'a> {
    folder: PathBuf,
    quota_bytes: u64,
    rng: &'a mut Rng,
    sum: &'a mut Sum,
    /// Epochs before, and how far each was durable.
    known: Vec<(Epoch, u64)>,
    ordinal: u64,
    ahead_max: u64,
}

#[test]
fn no_power_cut_takes_a_record_that_was_called_durable() {
    let cuts = asked("HAZARD_POWER_CUTS", POWER_CUTS);
    let (mut rng, mut sum, begin) = (Rng::new(seed()), Sum::default(), Instant::now());
    while sum.cycles < cuts {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = match Disk::mount(&dir.path().join("disk"), DISK_MEGABYTES) {
            Ok(disk) => disk,
            Err(why) => {
                return skip(&format!("no disk of our own can be mounted: {why}"));
            }
        };
        let mut lives = Lives::new(disk.path().join("journal"), &mut rng, &mut sum);
        for _ in 0..LIVES_MAX.min(cuts - lives.sum.cycles) {
            let writer = lives.begin();
            disk.cut();
            let told = writer.end();
            disk.power_up();
            lives.check(told);
        }
    }
    println!("power cuts: {sum:?} in {:?}", begin.elapsed());
}

#[test]
fn no_kill_takes_a_record_that_was_called_durable() {
    let kills = asked("HAZARD_KILLS", KILLS);
    let (mut rng, mut sum, begin) = (Rng::new(seed()), Sum::default(), Instant::now());
    while sum.cycles < kills {
        let dir = tempfile::tempdir().unwrap();
        let mut lives = Lives::new(dir.path().join("journal"), &mut rng, &mut sum);
        for _ in 0..LIVES_MAX.min(kills - lives.sum.cycles) {
            let writer = lives.begin();
            let told = writer.end();
            lives.check(told);
        }
    }
    println!("kills: {sum:?} in {:?}", begin.elapsed());
}

/// `HAZARD_POWER_GUEST` says how often; a cycle takes about fifteen seconds, so this is for the night.
#[test]
fn no_guest_that_is_killed_loses_a_record_that_was_called_durable() {
    let cycles = asked("HAZARD_POWER_GUEST", 0);
    if cycles == 0 {
        return println!("skipped: HAZARD_POWER_GUEST does not say how many guests to kill");
    }
    let (mut rng, mut sum, begin) = (Rng::new(seed()), Sum::default(), Instant::now());
    let guest = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/power/guest.sh");
    let made = Command::new(script).arg(env!("CARGO_BIN_EXE_journal-writer")).arg(&guest).status().unwrap();
    assert!(made.success(), "{script} makes no guest");
    while sum.cycles < cycles {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = Disk::mount(&dir.path().join("disk"), DISK_MEGABYTES).unwrap();
        let mut lives = Lives::new(disk.path().join("journal"), &mut rng, &mut sum);
        // What it says is on its way for a while.
        lives.ahead_max = u64::MAX;
        for _ in 0..LIVES_MAX.min(cycles - lives.sum.cycles) {
            let told = lives.begin_guest(&guest, disk.power_down()).end();
            disk.power_up();
            lives.check(told);
        }
    }
    println!("guests killed: {sum:?} in {:?}", begin.elapsed());
}

impl<'a> Lives<'a> {
    fn new(folder: PathBuf, rng: &'a mut Rng, sum: &'a mut Sum) -> Self {
        let quota_bytes = QUOTAS[(rng.bits() % 2) as usize];
        Self { folder, quota_bytes, rng, sum, known: Vec::new(), ordinal: 0, ahead_max: AHEAD_MAX }
    }

    /// Runs the writer to the moment of its end; what it says from then on counts as well.
    fn begin(&mut self) -> Writer {
        let epoch = 1 + self.known.len() as u64;
        let mut writer = Writer::spawn(&self.folder, epoch, (self.rng.bits(), self.quota_bytes));
        if self.rng.chance(250) {
            // It may not have come to its folder yet, may be opening it, or may write already.
            for _ in 0..self.rng.between(0, LOOKS_MAX) {
                drop(std::fs::read_dir(&self.folder).map(Iterator::count));
            }
        } else {
            self.hear_some(&mut writer);
        }
        writer
    }

    /// Boots a guest that runs the writer on the disk's image, to the moment of its end.
    fn begin_guest(&mut self, guest: &Path, image: &Path) -> Writer {
        let epoch = 1 + self.known.len() as u64;
        let mut writer = Writer::boot((guest, image), epoch, (self.rng.bits(), self.quota_bytes));
        self.hear_some(&mut writer);
        writer
    }

    fn hear_some(&mut self, writer: &mut Writer) {
        let mut left = self.rng.between(1, REPORTS_MAX);
        while left > 0 {
            match writer.hear() {
                Some(Heard::Success) => left -= 1,
                Some(Heard::Else) => {}
                Some(Heard::Failure) | None => panic!("the journal failed by itself"),
            }
        }
        // Anywhere within a commit.
        (0..self.rng.between(0, SPINS_MAX)).for_each(|_| std::hint::spin_loop());
    }

    /// Opens what the end left.
    fn check(&mut self, told: Told) {
        let epoch = Epoch(1 + self.known.len() as u64);
        let settings = Journal { quota_bytes: self.quota_bytes, ..settings(&self.folder) };
        let mut rig = Rig::start_with(settings, &["district"], 1_000 + epoch.0);
        let opened = rig.opened();
        assert!(opened.ordinal > told.ordinal.max(self.ordinal), "{} again: {told:?}", opened.ordinal);
        self.ordinal = opened.ordinal;
        let named = opened.previous.iter().find(|previous| previous.epoch == epoch);
        let through = named.map_or(0, |previous| previous.durable_through.0);
        let cycle = self.sum.cycles;
        assert!(through >= told.durable, "cycle {cycle}: {through} is left, {told:?}");
        assert!(
            through <= told.durable.saturating_add(self.ahead_max),
            "cycle {cycle}: {through} were never written, {told:?}"
        );
        self.known.push((epoch, through));
        // What was whole once is read again at the last life.
        let young = if self.known.len() as u64 == LIVES_MAX { self.known.len() } else { 2 };
        let young = self.known.iter().rev().take(young);
        let known = |epoch: Epoch| opened.past.iter().any(|past| past.epoch == epoch);
        let dropped: u64 = young.map(|(epoch, last)| missing(&mut rig, (*epoch, *last), known(*epoch))).sum();
        rig.fill(1..=20);
        let size = rig.status.unwrap();
        // Room is made while hot segments lie beside the archives that they are packed into, and they shrink to a fraction.
        assert!(
            dropped == 0 || size.bytes_on_disk >= self.quota_bytes / 4,
            "cycle {cycle}: {dropped} {size:?}"
        );
        assert_eq!(size.set_aside_bytes, 0, "cycle {cycle}: this is not damage");
        rig.close();
        self.sum.cycles += 1;
        self.sum.before_it_opened += u64::from(told.ordinal == 0);
        self.sum.durable += told.durable;
        self.sum.beyond += through - told.durable;
        self.sum.dropped += dropped;
    }
}

/// How many of the epoch's records are gone: where a platform lacks any of it, only those that retention says it took. All others
/// are there, as they were made.
fn missing(rig: &mut Rig, (epoch, last): (Epoch, u64), is_lacked: bool) -> u64 {
    let mut gone = 0;
    for lane in [Lane::Event, Lane::Reading] {
        let mut found = rig.fetch_lane((epoch, lane), 1, last).into_iter().peekable();
        for seq in (1..=last).filter(|seq| made(epoch, *seq).lane() == lane) {
            if let Some(record) = found.next_if(|record| record.seq.0 == seq) {
                assert_eq!(record, made(epoch, seq), "{epoch:?} {lane:?}");
            } else {
                assert!(!is_lacked || is_purged(rig, (epoch, lane), seq), "{epoch:?} {lane:?} {seq} is gone");
                gone += 1;
            }
        }
        assert_eq!(found.next(), None, "a record was made up");
    }
    gone
}

/// Whether it was said that retention took this number.
fn is_purged(rig: &Rig, of: (Epoch, Lane), seq: u64) -> bool {
    rig.gone.iter().any(|gone| match gone {
        JournalReport::Purged { epoch, lane, first, last, .. } => {
            (*epoch, *lane) == of && (first.0..=last.0).contains(&seq)
        }
        _ => false,
    })
}

#[derive(PartialEq, Eq, Debug)]
enum Heard {
    Success,
    Failure,
    /// A guest has more to say than its writer.
    Else,
}

/// The program that writes.
struct Writer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Told,
}

impl Writer {
    fn spawn(folder: &Path, epoch: u64, (seed, quota_bytes): (u64, u64)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_journal-writer"));
        command.arg(folder).args([epoch, seed, quota_bytes].map(|number| number.to_string()));
        Self::of(command)
    }

    /// In a guest; to kill that is to cut its power.
    fn boot((guest, image): (&Path, &Path), epoch: u64, (seed, quota_bytes): (u64, u64)) -> Self {
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args([
                "-accel",
                "tcg",
                "-m",
                "256",
                "-nographic",
                "-nodefaults",
                "-no-reboot",
                "-serial",
                "stdio",
            ])
            .arg("-kernel")
            .arg(guest.join("vmlinuz"))
            .arg("-initrd")
            .arg(guest.join("initrd"))
            .args(["-append", &format!("console=ttyS0 quiet writer={epoch},{seed},{quota_bytes}")])
            .args(["-drive", &format!("file={},if=virtio,format=raw,cache=none", image.display())]);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, told: Told::default() }
    }

    /// Kills it; all that it told.
    fn end(mut self) -> Told {
        self.child.kill().unwrap();
        while self.hear().is_some() {}
        self.told
    }

    /// Hears one report, if there is another.
    fn hear(&mut self) -> Option<Heard> {
        let line = self.lines.next()?.unwrap();
        let Some((what, Ok(number))) = line.trim_end().split_once(' ').map(|(a, b)| (a, b.parse())) else {
            return Some(Heard::Else);
        };
        match what {
            "opened" => self.told.ordinal = number,
            // The last line of a guest may have been cut short.
            "durable" => self.told.durable = self.told.durable.max(number),
            "failed" => return Some(Heard::Failure),
            _ => panic!("{line}"),
        }
        Some(Heard::Success)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
