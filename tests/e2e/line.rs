//! Commissioning on a serial pair, against pymodbus units and with mbpoll as somebody else's master.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::agent::{binary, hazard};
use crate::device::SerialPair;
use crate::tools::{python, send, tool};

/// A serial pair with units at its far end.
struct Line {
    _dir: tempfile::TempDir,
    units: Child,
    said: BufReader<ChildStdout>,
    _pair: SerialPair,
    port: String,
    dir: PathBuf,
}

impl Line {
    fn with_units(units: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let python = python()?;
        let pair = SerialPair::new(dir.path())?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/units.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(&pair.ends[1])
            .arg("9600")
            .args(units)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let port = pair.ends[0].to_str().unwrap().to_owned();
        let mut line = Self { dir: dir.path().to_owned(), _dir: dir, units: child, said, _pair: pair, port };
        line.wait_until_said("ready");
        Some(line)
    }

    /// Reads what the units say up to this.
    fn wait_until_said(&mut self, what: &str) {
        let mut said = String::new();
        while said.trim() != what {
            said.clear();
            assert!(self.said.read_line(&mut said).unwrap() > 0, "the units ended before {what}");
        }
    }

    /// Runs a command on the line, with no site file unless one is written beside it.
    fn run(&self, words: &[&str]) -> Output {
        let site = self.site();
        let (verb, rest) = words.split_first().unwrap();
        let mut line = vec![*verb, "--lang", "en", "-c", site.to_str().unwrap(), "--port", &self.port];
        line.extend(rest);
        hazard(&line)
    }

    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn site(&self) -> PathBuf {
        self.dir.join("site.toml")
    }

    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.join("audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Writes on site, with its record beside the line.
    fn write(&self, words: &[&str]) -> Output {
        let audit = self.dir.join("audit.jsonl");
        self.run(&[&["write", "--audit", audit.to_str().unwrap()], words].concat())
    }

    fn register(&self, unit: &str, reference: &str) -> Value {
        self.json(&["probe", "-a", unit, "-r", reference])["units"][0]["rows"][0]["u16"].clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.units.kill());
        drop(self.units.wait());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_scan_finds_the_units_that_are_there_and_no_other() {
    let Some(line) = Line::with_units(&["1", "3", "17"]) else {
        return;
    };
    let report = line.json(&["scan", "-a", "1-20", "--listen-s", "1"]);
    let units: Vec<_> = report["units"].as_array().unwrap().iter().map(|unit| &unit["unit"]).collect();
    assert_eq!(units, [1, 3, 17], "{report:#}");
    let first = &report["units"][0];
    assert_eq!((&first["settings"], &first["baud"]), (&"9600 8N1".into(), &9600.into()));
    assert_eq!((&first["device"], &first["table"]), (&"Acme GT-1 2.0".into(), &"holding".into()));
    assert_eq!(first["counts"]["garbled"], 0);
    assert!(first["latency_ms"]["median"].as_f64().unwrap() >= first["latency_ms"]["min"].as_f64().unwrap());
    assert_eq!(report["tried"].as_array().unwrap().len(), 1, "it stops at the setting that answers");
    assert_eq!(report["heard"]["another_master"], false);
}

#[test]
fn a_scan_that_finds_nobody_says_what_to_look_at() {
    let Some(line) = Line::with_units(&["9"]) else {
        return;
    };
    let scan = ["scan", "-a", "1-3", "--listen-s", "0", "--baud", "9600,19200", "-P", "N"];
    let output = line.run(&scan);
    assert_eq!(output.status.code(), Some(69));
    let (said, talk) = (text(&output.stdout), text(&output.stderr));
    assert!(said.contains("no unit was found") && said.contains("A and B swapped"), "{said}");
    assert!(talk.contains("3 units × 2 settings") && talk.contains("at most"), "{talk}");
    let report = line.json(&scan);
    assert_eq!(report["tried"][1]["causes"], serde_json::json!(["dead"]), "{report:#}");
    assert_eq!(report["tried"][1]["counts"]["silent"], 3);
}

#[test]
fn another_master_is_heard_before_anything_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(mbpoll), Some(pair)) = (tool("mbpoll"), SerialPair::new(dir.path())) else {
        return;
    };
    let master = Command::new(mbpoll)
        .args([
            "-m", "rtu", "-a", "5", "-r", "1", "-c", "2", "-b", "9600", "-P", "none", "-l", "100", "-o",
            "0.1",
        ])
        .arg(&pair.ends[1])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let master = Ended(master);
    let port = pair.ends[0].to_str().unwrap();
    let scan = [
        "scan",
        "--lang",
        "en",
        "-c",
        "/nonexistent",
        "-a",
        "1",
        "--baud",
        "9600",
        "-P",
        "N",
        "--port",
        port,
    ];
    let output = hazard(&scan);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(text(&output.stderr).contains("another master"), "{output:?}");
    assert!(text(&output.stdout).is_empty(), "nothing was asked: {output:?}");
    let report = hazard(&[&scan[..], &["--json", "--although-another-master"]].concat());
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["heard"]["another_master"], true, "{report:#}");
    assert_eq!(report["tried"][0]["counts"]["asked"], 1, "it went on because it was told to");
    drop(master);
}

#[test]
fn an_interrupted_scan_tells_what_it_found() {
    let Some(mut line) = Line::with_units(&["2"]) else {
        return;
    };
    let mut scan = Command::new(binary())
        .args([
            "scan",
            "--lang",
            "en",
            "-c",
            "/nonexistent",
            "--listen-s",
            "0",
            "--turnaround-ms",
            "500",
            "--port",
        ])
        .arg(&line.port)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = String::new();
    let mut stderr = BufReader::new(scan.stderr.take().unwrap());
    stderr.read_line(&mut talk).unwrap();
    assert!(talk.contains("Ctrl-C"), "{talk}");
    // By then unit 2 was found.
    line.wait_until_said("asked 3");
    send(&scan, Signal::INT);
    let output = scan.wait_with_output().unwrap();
    let said = text(&output.stdout);
    assert!(said.contains("interrupted") && said.contains("Acme"), "{said}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_probe_shows_words_in_every_reading_and_both_addresses() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let output = line.run(&["probe", "-a", "3", "-r", "40011", "-n", "2"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let row = said.lines().find(|line| line.trim_start().starts_with("40011")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..4], ["40011", "10", "41CC", "16844"], "{said}");
    assert!(cells.contains(&"25.5") && cells.contains(&"1103888384"), "{said}");
    assert!(said.contains("references 40011–40012 (PDU addresses 10–11, function 03)"), "{said}");
    for (reference, rest) in [("10", &["--pdu"][..]), ("11", &["-t", "4:float"]), ("400011", &[])] {
        let report = line.json(&[&["probe", "-a", "3", "-r", reference, "-n", "2"], rest].concat());
        let row = &report["units"][0]["rows"][0];
        assert_eq!((&row["reference"], &row["address"]), (&"40011".into(), &10.into()));
        assert_eq!(row["pair"]["f32_abcd"], "25.5");
    }
}

#[test]
fn a_probe_of_a_unit_that_is_silent_shows_no_values_and_says_why() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let silent = line.run(&["probe", "-a", "4", "-r", "40001", "--turnaround-ms", "50"]);
    assert_eq!(silent.status.code(), Some(69));
    assert!(text(&silent.stdout).contains("no answer"), "{silent:?}");
    assert!(
        text(&silent.stderr).contains("the line is silent") && text(&silent.stderr).contains("asked 3"),
        "{silent:?}"
    );
    let among_others = line.run(&["probe", "-a", "3,4", "-r", "40001", "--turnaround-ms", "50"]);
    assert!(
        text(&among_others.stderr).is_empty() || !text(&among_others.stderr).contains("the line is silent")
    );
    let refused = line.run(&["probe", "-a", "3", "-r", "40901"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(text(&refused.stdout).contains("exception 02"), "{refused:?}");
    for usage in
        [&["probe", "-r", "20001"][..], &["probe", "-n", "126"], &["probe", "-r", "30001", "-t", "4"]]
    {
        assert_eq!(line.run(usage).status.code(), Some(64), "{usage:?}");
    }
}

#[test]
fn a_watch_marks_what_changed_and_shows_no_value_that_is_not_fresh() {
    let Some(mut line) = Line::with_units(&["3"]) else {
        return;
    };
    let output =
        line.run(&["watch", "-a", "3", "-r", "40060", "-n", "2", "--times", "3", "-l", "50", "--json"]);
    let rounds: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rounds.len(), output.status.code()), (3, Some(0)), "{output:?}");
    let changed: Vec<_> = rounds.iter().map(|round| round["units"][0]["changed"].clone()).collect();
    assert_eq!(changed, [serde_json::json!([]), serde_json::json!([60]), serde_json::json!([60])]);
    assert!(rounds[2]["units"][0]["age_ms"].as_u64().unwrap() < 1000);

    let watch = Command::new(binary())
        .args(["watch", "--lang", "en", "-c", "/nonexistent", "-a", "3", "-l", "50", "--turnaround-ms", "50"])
        .args(["--json", "--port", &line.port])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut watch = Ended(watch);
    let mut rounds = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut round =
        || serde_json::from_str::<Value>(&rounds.next().unwrap().unwrap()).unwrap()["units"][0].clone();
    assert_eq!(round()["rows"][0]["u16"], 300);
    line.units.kill().unwrap();
    let silent = std::iter::repeat_with(round).take(100).find(|unit| !unit["fault"].is_null()).unwrap();
    assert_eq!(silent["rows"], Value::Null, "{silent}");
    assert!(silent["fault"].as_str().unwrap().contains("no answer"), "{silent}");
}

#[test]
fn a_write_is_read_before_verified_after_and_on_record() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let refused = line.write(&["-a", "3", "-r", "40021", "25"]);
    assert_eq!(refused.status.code(), Some(77));
    assert!(text(&refused.stderr).contains("--i-am-on-site"), "{refused:?}");
    assert_eq!((line.register("3", "40021"), line.audit().len()), (320.into(), 0));

    let on_site = ["-a", "3", "-r", "40021", "--i-am-on-site", "--note", "address"];
    let done = line.write(&[&on_site[..], &["25"]].concat());
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let said = text(&done.stdout);
    assert!(
        said.contains("was [320] → wrote [25] (function 06) → reads [25]") && said.contains("verified"),
        "{said}"
    );
    let many = line.write(&[&on_site[..], &["0x001A", "-2"]].concat());
    assert!(text(&many.stdout).contains("(function 16) → reads [26,65534]"), "{many:?}");
    let coil = line.write(&["-a", "3", "-r", "5", "-t", "coil", "on", "--i-am-on-site"]);
    assert!(text(&coil.stdout).contains("was [0] → wrote [1] (function 05) → reads [1]"), "{coil:?}");

    let record = line.audit();
    assert_eq!(record.len(), 6, "an intent and an outcome each: {record:?}");
    let events: Vec<_> = record.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["intend", "done"].repeat(3));
    let first = &record[1];
    assert_eq!(
        (&first["old"], &first["new"], &first["verified"]),
        (&[320].into(), &[25].into(), &true.into())
    );
    assert_eq!(
        (&first["reference"], &first["address"], &first["note"]),
        (&"40021".into(), &20.into(), &"address".into())
    );
    assert!(first["uid"].is_number() && first["at"].is_string());
}

#[test]
fn a_write_that_the_device_does_not_keep_is_said_to_be_unverified() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let output = line.write(&["-a", "3", "-r", "40051", "9", "--i-am-on-site"]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(text(&output.stdout).contains("not verified"), "{output:?}");
    assert_eq!(line.audit()[1]["verified"], false);
    let nobody = line.write(&["-a", "4", "-r", "40051", "9", "--i-am-on-site", "--turnaround-ms", "50"]);
    assert_eq!(nobody.status.code(), Some(69));
    assert!(text(&nobody.stderr).contains("nothing was written"), "{nobody:?}");
    assert_eq!(line.audit().len(), 2, "nothing was intended");
    let unwritable =
        line.run(&["write", "--audit", "/proc/audit", "-a", "3", "-r", "40021", "1", "--i-am-on-site"]);
    assert_eq!(unwritable.status.code(), Some(73), "{unwritable:?}");
    assert_eq!(line.register("3", "40021"), 320, "no record, no write");
}

#[test]
fn a_device_of_a_sis_is_never_written_to() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let site = |sis: &str| {
        let text = include_str!("site.template.toml")
            .replace("STATE", &line.dir.join("state").display().to_string())
            .replace("LISTEN", "0")
            .replace("BUS", &format!("kind = \"rtu\"\npath = \"{}\"\nbaud = 9600", line.port))
            .replace("UPLINK", "host = \"127.0.0.1\"\nport = 1");
        // The template's horn hangs on the device; a SIS device has no output.
        let (head, tail) = text.split_once("[[outputs]]").unwrap();
        let tail = &tail[tail.find("[[uplinks]]").unwrap()..];
        let unit = format!("unit = 3\n{sis}");
        std::fs::write(line.site(), format!("{head}{tail}").replace("unit = 1\n", &unit)).unwrap();
    };
    let write = ["-a", "3", "-r", "40021", "25", "--i-am-on-site"];
    site("sis = true\n");
    let by_port = line.write(&write);
    assert_eq!(by_port.status.code(), Some(77), "{by_port:?}");
    assert!(text(&by_port.stderr).contains("sis = true"), "{by_port:?}");
    let site_file = line.site();
    let by_bus =
        hazard(&[&["write", "-c", site_file.to_str().unwrap(), "--bus", "bus"], &write[..]].concat());
    assert_eq!(by_bus.status.code(), Some(77), "{by_bus:?}");
    assert_eq!(line.register("3", "40021"), 320);
    std::fs::write(line.site(), "[enterprise]\nbroken").unwrap();
    assert_eq!(line.write(&write).status.code(), Some(78), "nobody can say whether it is of a SIS");
    site("");
    assert_eq!(line.write(&write).status.code(), Some(0));
    assert_eq!(line.register("3", "40021"), 25);
}

#[test]
fn a_line_that_cannot_be_opened_is_told_in_words() {
    let Some(line) = Line::with_units(&["3"]) else {
        return;
    };
    let watch = Command::new(binary())
        .args(["watch", "-c", "/nonexistent", "-a", "3", "--json", "--port", &line.port])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut watch = Ended(watch);
    let mut first = String::new();
    BufReader::new(watch.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let busy = line.run(&["probe", "-a", "3"]);
    assert_eq!(busy.status.code(), Some(75), "{busy:?}");
    let said = text(&busy.stderr);
    assert!(
        said.contains("in use by ") && said.contains("hazard (") && said.contains("systemctl stop hazard"),
        "{said}"
    );
    let missing = hazard(&["probe", "--lang", "zh", "-c", "/nonexistent", "--port", "/dev/ttyNONE"]);
    assert_eq!(missing.status.code(), Some(66));
    assert!(text(&missing.stderr).contains("没有这个串口"), "{missing:?}");
    let refused = hazard(&["probe", "--lang", "en", "-c", "/nonexistent", "--tcp", "127.0.0.1:1"]);
    assert_eq!(refused.status.code(), Some(69));
    assert!(text(&refused.stderr).contains("nothing serves this port"), "{refused:?}");
    let none = hazard(&["probe", "--lang", "en", "-c", "/nonexistent"]);
    assert_eq!(none.status.code(), Some(64));
    assert!(text(&none.stderr).contains("--port /dev/ttyUSB0"), "{none:?}");
    assert!(!Path::new("/nonexistent").exists());
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
