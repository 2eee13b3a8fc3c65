//! The last good configuration: whole or not at all, and independent of what lies beside the site file.
#![allow(clippy::unwrap_used, reason = "a test's own files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hazard_agent::config::{self, Kept, Loaded};
use hazard_agent::trial::{Files, LastGood};
use tempfile::TempDir;

const SITE: &str = r#"
[enterprise]
district = "511303"
id = "ENT-1"
name = "测试企业"
[gateway]
id = "GW-1"
[[buses]]
id = "bus"
kind = "tcp"
host = "127.0.0.1"
[[devices]]
id = "dev"
bus = "bus"
template = "probe"
[[points]]
tag = "X-1"
device = "dev"
from = "raw"
alarms = [{ kind = "high", setpoint = 20 }]
[[webhooks]]
id = "sms"
url = "http://[::1]:8088/call"
secret_file = "secret"
allow_plain_loopback = true
[call]
roles = [{ id = "值班员" }]
[[call.ladders]]
priority = "critical"
rungs = [{ after_min = 0, roles = ["值班员"] }]
"#;
const PROBE: &str = r#"
[device]
vendor = "v"
model = "m"
zh = "探头"
en = "probe"
source = "test"
[[points]]
name = "raw"
table = "holding"
address = 0
type = "u16"
"#;
const FOLDER: &str = "state/config";

#[test]
fn one_generation_may_be_damaged_and_what_is_damaged_is_never_read() {
    let site = Site::new();
    let good = |fingerprint: &str| LastGood {
        site: site.file(),
        fingerprint: fingerprint.into(),
        files: Files { site: "a".into(), ..Files::default() },
        attachments: Default::default(),
    };
    let read = |file: &Path| LastGood::read(&site.state(), file).map(|good| good.fingerprint);
    assert_eq!(read(&site.file()), None);
    good("first").keep(&site.state()).unwrap();
    good("second").keep(&site.state()).unwrap();
    assert_eq!(read(&site.file()).as_deref(), Some("second"));
    assert_eq!(read(&site.dir.path().join("other.toml")), None, "another site's configuration is not run");
    site.flip("last_good.json");
    assert_eq!(read(&site.file()).as_deref(), Some("first"));
    // Damage does not push out what is whole.
    good("third").keep(&site.state()).unwrap();
    site.flip("last_good.json");
    assert_eq!(read(&site.file()).as_deref(), Some("first"));
    site.flip("last_good.before.json");
    assert_eq!(read(&site.file()), None);
}

#[test]
fn it_is_read_without_the_site_file_its_templates_and_what_they_name() {
    let site = Site::new();
    let loaded = config::load(&site.file()).unwrap();
    site.keep(&loaded);
    for gone in ["site.toml", "devices/probe.toml", "secret"] {
        fs::remove_file(site.dir.path().join(gone)).unwrap();
        assert!(config::load(&site.file()).is_err(), "{gone}");
        assert_eq!(site.kept().map(|kept| kept.fingerprint).as_ref(), Some(&loaded.fingerprint), "{gone}");
    }
    // One that is there and cannot be used is no better.
    fs::write(site.dir.path().join("secret"), "short").unwrap();
    assert!(site.kept().is_some());
}

/// A pipe that nobody writes and a file without an end: neither keeps a start waiting, and the other generation is read.
#[test]
fn what_lies_in_its_place_and_is_no_file_is_passed_over() {
    let site = Site::new();
    let first = config::load(&site.file()).unwrap();
    site.keep(&first);
    fs::write(site.dir.path().join("secret"), "sixteen others!!").unwrap();
    site.keep(&config::load(&site.file()).unwrap());
    let latest = site.dir.path().join(FOLDER).join("last_good.json");
    for lay in [endless, pipe] {
        fs::remove_file(&latest).unwrap();
        lay(&latest);
        let read = LastGood::read(&site.state(), &site.file());
        assert_eq!(read.map(|kept| kept.fingerprint).as_ref(), Some(&first.fingerprint));
    }
}

#[test]
fn another_secret_is_another_configuration_and_the_same_bytes_are_the_same() {
    let site = Site::new();
    let fingerprint = || config::load(&site.file()).unwrap().fingerprint;
    let first = fingerprint();
    fs::write(site.file(), SITE).unwrap();
    assert_eq!(fingerprint(), first);
    fs::write(site.dir.path().join("secret"), "sixteen others!!").unwrap();
    assert_ne!(fingerprint(), first);
}

fn endless(path: &Path) {
    std::os::unix::fs::symlink("/dev/zero", path).unwrap();
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

struct Site {
    dir: TempDir,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("site.toml"), SITE).unwrap();
        fs::write(dir.path().join("secret"), "sixteen letters!").unwrap();
        fs::create_dir(dir.path().join("devices")).unwrap();
        fs::write(dir.path().join("devices/probe.toml"), PROBE).unwrap();
        Self { dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("site.toml")
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn keep(&self, loaded: &Loaded) {
        let files = Files { site: SITE.into(), templates: loaded.templates.clone() };
        let attachments = loaded.attachments.iter().map(|file| (file.path.clone(), file.hash.clone()));
        let attachments = attachments.collect();
        let fingerprint = loaded.fingerprint.clone();
        LastGood { site: self.file(), fingerprint, files, attachments }.keep(&self.state()).unwrap();
    }

    fn kept(&self) -> Option<Loaded> {
        let good = LastGood::read(&self.state(), &self.file())?;
        let attachments = good.copies(&self.state());
        let Files { site, templates } = good.files;
        config::load_kept(&self.file(), Kept { site, templates, attachments }).ok()
    }

    fn flip(&self, name: &str) {
        let path = self.dir.path().join(FOLDER).join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("\"site\":\"a\"", "\"site\":\"b\"")).unwrap();
    }
}
