//! A configuration on trial against power cuts: whatever was on disk by then, a start finds one whole configuration, and never
//! the new one without somebody's confirmation.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::fs;
use std::path::PathBuf;

use hazard_agent::trial::{Carrier, Change, Files, Folder, Marker, Moment, Op, Row, carry_out, is_pending};
use tempfile::TempDir;

const BEFORE: &str = "setpoint = 25\n";
const AFTER: &str = "setpoint = 50\n";
/// Templates of both: what is changed, what comes, what goes, and what stays.
const TEMPLATES: [(&str, Option<&str>, Option<&str>); 4] = [
    ("changed", Some("scale = 1\n"), Some("scale = 10\n")),
    ("comes", None, Some("offset = 1\n")),
    ("goes", Some("offset = 2\n"), None),
    ("stays", Some("offset = 3\n"), Some("offset = 3\n")),
];
const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_power_cut_anywhere_while_a_trial_begins_ends_with_the_configuration_before() {
    let steps = Site::new().begin().len();
    for cut in 0..=steps {
        let site = Site::new();
        carry_out(&torn(site.begin(), cut)).unwrap();
        site.start();
        assert_eq!(site.files(), before(), "cut after {cut} of {steps}");
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
        assert_eq!(site.files(), before(), "cut after {cut} of {steps}");
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
        assert_eq!(site.files(), if confirmed { after() } else { before() }, "cut after {cut} of {steps}");
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
    assert_eq!(site.files(), after());
    // From here on it runs: another power cut gives the one before back.
    site.start();
    assert_eq!(site.files(), before());
}

#[test]
fn a_file_that_somebody_edited_during_a_trial_is_left_alone() {
    let site = Site::on_trial();
    fs::write(&site.file, "setpoint = 30\n").unwrap();
    site.start();
    assert_eq!(site.files(), Files { site: "setpoint = 30\n".into(), ..after() });
    assert!(!is_pending(site.dir.path()));
}

#[test]
fn a_template_that_somebody_edited_during_a_trial_is_left_alone() {
    let site = Site::on_trial();
    fs::write(site.template("changed"), "scale = 5\n").unwrap();
    let edited = site.files();
    site.start();
    assert_eq!(site.files(), edited);
    assert!(!is_pending(site.dir.path()));
}

#[test]
fn a_power_cut_anywhere_while_files_are_put_for_good_leaves_one_whole_configuration() {
    let steps = Site::new().put().len();
    for cut in 0..=steps {
        let site = Site::new();
        carry_out(&torn(site.put(), cut)).unwrap();
        site.start();
        let stays = cut == steps;
        assert_eq!(site.files(), if stays { after() } else { before() }, "cut after {cut} of {steps}");
        assert!(!is_pending(site.dir.path()));
    }
}

#[test]
fn a_history_that_kept_the_site_file_alone_is_read() {
    let site = Site::new();
    fs::write(site.dir.path().join("config/aaaa.toml"), BEFORE).unwrap();
    let kept = Files { site: BEFORE.into(), ..Files::default() };
    assert_eq!(site.folder.files("blake3:aaaa"), Some(kept));
}

#[test]
fn a_template_has_a_name_and_no_way_to_another_folder() {
    let site = Site::new();
    let elsewhere = site.dir.path().join("elsewhere.toml");
    for name in ["../elsewhere", "/elsewhere", ""] {
        let files = Files { templates: [(name.to_owned(), Some("x".to_owned()))].into(), ..after() };
        let row = row(Change::Applied).about(&marker(), Change::Applied);
        carry_out(&site.folder.begin(&marker(), (&before(), &files), row)).unwrap();
        assert!(!elsewhere.exists(), "{name}");
    }
}

#[test]
fn configurations_that_no_row_names_are_removed_and_hashes_lead_nowhere_else() {
    let site = Site::on_trial();
    carry_out(&site.folder.keep("blake3:0dd", &before())).unwrap();
    site.folder.tidy();
    assert_eq!(site.folder.files("blake3:0dd"), None);
    assert_eq!(site.folder.files("blake3:aaaa"), Some(before()));
    assert_eq!(site.folder.find("bb").as_deref(), Some("blake3:bbbb"));
    for nothing in ["", "c", "../site", "blake3:"] {
        assert_eq!(site.folder.find(nothing), None, "{nothing}");
    }
    assert_eq!(site.folder.files("blake3:../../site"), None);
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
        fs::create_dir(dir.path().join("devices")).unwrap();
        for (name, text, _) in TEMPLATES {
            if let Some(text) = text {
                fs::write(dir.path().join(format!("devices/{name}.toml")), text).unwrap();
            }
        }
        let folder = Folder::open(dir.path(), &file).unwrap();
        Self { dir, file, folder }
    }

    fn on_trial() -> Self {
        let site = Self::new();
        carry_out(&site.begin()).unwrap();
        assert_eq!(site.files(), after());
        site
    }

    fn begin(&self) -> Vec<Op> {
        let marker = marker();
        let row = row(Change::Applied).about(&marker, Change::Applied);
        self.folder.begin(&marker, (&before(), &after()), row)
    }

    fn put(&self) -> Vec<Op> {
        let marker = marker();
        let row = row(Change::Offline).about(&marker, Change::Offline);
        self.folder.put(&marker, (&before(), &after()), row)
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

    fn template(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("devices/{name}.toml"))
    }

    /// What is on disk.
    fn files(&self) -> Files {
        let template =
            |(name, ..): (&str, _, _)| (name.to_owned(), fs::read_to_string(self.template(name)).ok());
        let site = fs::read_to_string(&self.file).unwrap();
        Files { site, templates: TEMPLATES.map(template).into() }
    }
}

fn before() -> Files {
    let template = |(name, text, _): (&str, Option<&str>, _)| (name.to_owned(), text.map(str::to_owned));
    Files { site: BEFORE.into(), templates: TEMPLATES.map(template).into() }
}

fn after() -> Files {
    let template = |(name, _, text): (&str, _, Option<&str>)| (name.to_owned(), text.map(str::to_owned));
    Files { site: AFTER.into(), templates: TEMPLATES.map(template).into() }
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
