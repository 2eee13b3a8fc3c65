//! A configuration on trial against power cuts: whatever was on disk by then, a start finds one whole configuration, and never
//! the new one without somebody's confirmation.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::fs;
use std::path::PathBuf;

use hazard_agent::trial::{Carrier, Change, Folder, Marker, Moment, Op, Row, carry_out, is_pending};
use tempfile::TempDir;

const BEFORE: &str = "setpoint = 25\n";
const AFTER: &str = "setpoint = 50\n";
const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_power_cut_anywhere_while_a_trial_begins_ends_with_the_configuration_before() {
    let steps = Site::new().begin().len();
    for cut in 0..=steps {
        let site = Site::new();
        carry_out(&torn(site.begin(), cut)).unwrap();
        site.start();
        assert_eq!(site.text(), BEFORE, "cut after {cut} of {steps}");
        assert!(!is_pending(site.dir.path()), "cut after {cut} of {steps}");
        let rows = site.folder.history().rows;
        let ends = rows.iter().filter(|row| row.change == Change::Interrupted).count();
        assert!(rows.len() <= 2 && ends <= 1, "cut after {cut}: {rows:?}");
    }
}

#[test]
fn a_power_cut_anywhere_while_it_comes_back_ends_with_the_configuration_before_and_is_said_once() {
    let site = Site::on_trial();
    let steps = site.end(Change::Expired).len();
    for cut in 0..=steps {
        let site = Site::on_trial();
        carry_out(&torn(site.end(Change::Expired), cut)).unwrap();
        site.start();
        assert_eq!(site.text(), BEFORE, "cut after {cut} of {steps}");
        assert!(!is_pending(site.dir.path()));
        let changes: Vec<Change> = site.folder.history().rows.iter().map(|row| row.change).collect();
        assert_eq!(changes.len(), 2, "cut after {cut}: {changes:?}");
    }
}

#[test]
fn a_confirmation_that_was_cut_off_is_whole_or_was_never_given() {
    let steps = Site::on_trial().end(Change::Confirmed).len();
    for cut in 0..=steps {
        let site = Site::on_trial();
        carry_out(&torn(site.end(Change::Confirmed), cut)).unwrap();
        site.start();
        let confirmed = cut > 0;
        assert_eq!(site.text(), if confirmed { AFTER } else { BEFORE }, "cut after {cut} of {steps}");
        assert!(!is_pending(site.dir.path()));
    }
}

#[test]
fn a_trial_that_was_left_in_order_goes_on_with_the_rest_of_its_time() {
    let site = Site::on_trial();
    let paused = site.folder.marker().unwrap().paused();
    carry_out(&site.folder.mark(&paused)).unwrap();
    let (ops, left) = site.folder.take_up(moment(HOUR_MS / 4), row(Change::Interrupted));
    carry_out(&ops).unwrap();
    assert_eq!(left.map(|left| left.as_millis()), Some(2_700_000));
    assert_eq!(site.text(), AFTER);
    // From here on it runs: another power cut gives the one before back.
    site.start();
    assert_eq!(site.text(), BEFORE);
}

#[test]
fn a_file_that_somebody_edited_during_a_trial_is_left_alone() {
    let site = Site::on_trial();
    fs::write(&site.file, "setpoint = 30\n").unwrap();
    site.start();
    assert_eq!(site.text(), "setpoint = 30\n");
    assert!(!is_pending(site.dir.path()));
}

#[test]
fn configurations_that_no_row_names_are_removed_and_hashes_lead_nowhere_else() {
    let site = Site::on_trial();
    carry_out(&site.folder.keep("blake3:0dd", "old")).unwrap();
    site.folder.tidy();
    assert_eq!(site.folder.text("blake3:0dd"), None);
    assert_eq!(site.folder.text("blake3:aaaa").as_deref(), Some(BEFORE));
    assert_eq!(site.folder.find("bb").as_deref(), Some("blake3:bbbb"));
    for nothing in ["", "c", "../site", "blake3:"] {
        assert_eq!(site.folder.find(nothing), None, "{nothing}");
    }
    assert_eq!(site.folder.text("blake3:../../site"), None);
}

/// The first `cut` operations, and of the next one as much as a power cut leaves: half a file beside the real one.
fn torn(mut ops: Vec<Op>, cut: usize) -> Vec<Op> {
    let next = ops.get(cut).cloned();
    ops.truncate(cut);
    if let Some(Op::Write(path, bytes)) = next {
        let half = bytes[..bytes.len() / 2].to_vec();
        ops.push(Op::Write(path, half));
    }
    ops
}

struct Site {
    dir: TempDir,
    file: PathBuf,
    folder: Folder,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("site.toml");
        fs::write(&file, BEFORE).unwrap();
        let folder = Folder::open(dir.path(), &file).unwrap();
        Self { dir, file, folder }
    }

    fn on_trial() -> Self {
        let site = Self::new();
        carry_out(&site.begin()).unwrap();
        assert_eq!(site.text(), AFTER);
        site
    }

    fn begin(&self) -> Vec<Op> {
        let marker = marker();
        let row = row(Change::Applied).about(&marker, Change::Applied);
        self.folder.begin(&marker, (BEFORE, AFTER), row)
    }

    fn end(&self, change: Change) -> Vec<Op> {
        self.folder.end(&marker(), row(change).about(&marker(), change))
    }

    /// What `hazard run` does before it reads the configuration.
    fn start(&self) {
        if is_pending(self.dir.path()) {
            let (ops, _) = self.folder.take_up(moment(1_000), row(Change::Interrupted));
            carry_out(&ops).unwrap();
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }
}

fn marker() -> Marker {
    Marker {
        from: "blake3:aaaa".into(),
        to: "blake3:bbbb".into(),
        actor: "李四".into(),
        approver: "王五".into(),
        left_ms: HOUR_MS,
        at: moment(0),
        sync_file: "/nowhere".into(),
        carrier: Carrier::Running,
        pauses: 0,
        counts: Default::default(),
    }
}

fn moment(boot_ms: u64) -> Moment {
    Moment { boot_id: "boot".into(), boot_ms, utc_ms: 0, synced: false }
}

fn row(change: Change) -> Row {
    Row {
        at_ms: 0,
        clock: "free".into(),
        change,
        actor: String::new(),
        approver: String::new(),
        note: String::new(),
        from: String::new(),
        to: String::new(),
        within_s: None,
        counts: Default::default(),
        told: Vec::new(),
        recorded: false,
    }
}
