//! The unit for systemd: it loads, it is shut in, and it says what the agent does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/deploy/hazard.service");
/// Tenths of the exposure level that `systemd-analyze security` gives; 15 when this was written.
const EXPOSURE_MAX: &str = "20";

#[test]
fn systemd_finds_the_unit_well_shut_in() {
    let Some(output) =
        analyze(&["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX], UNIT)
    else {
        return;
    };
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn systemd_can_load_the_unit() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("hazard.service");
    // The agent is not installed where tests run; any program that is there will do.
    let text = std::fs::read_to_string(UNIT).unwrap();
    assert!(text.contains("ExecStart=/usr/bin/hazard run -c /etc/hazard/site.toml"));
    std::fs::write(&copy, text.replace("/usr/bin/hazard", "/bin/true")).unwrap();
    let Some(output) = analyze(&["verify", "--man=no"], copy.to_str().unwrap()) else {
        return;
    };
    // What systemd does not understand it names and then ignores: that must fail too.
    let complaint = String::from_utf8_lossy(&output.stderr).contains("hazard.service");
    assert!(output.status.success() && !complaint, "{}", said(&output));
}

#[test]
fn a_fault_that_no_restart_mends_is_not_restarted_and_a_faulty_site_file_is() {
    let text = std::fs::read_to_string(UNIT).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in
        ["Type=notify", "WatchdogSec=10", "Restart=always", "RestartPreventExitStatus=64", "User=hazard"]
    {
        assert!(lines.contains(&line), "{line}");
    }
}

/// Runs systemd-analyze; `None`, with a word why, when it may be absent and is.
fn analyze(args: &[&str], unit: &str) -> Option<Output> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let found: Option<PathBuf> =
        std::env::split_paths(&places).map(|place| place.join("systemd-analyze")).find(|file| file.is_file());
    let Some(tool) = found else {
        return skip("systemd-analyze is not installed");
    };
    let output = Command::new(&tool).args(args).arg(Path::new(unit)).output().unwrap();
    if said(&output).contains("unrecognized option") {
        return skip("systemd-analyze is older than version 250");
    }
    Some(output)
}

fn skip(why: &str) -> Option<Output> {
    hazard_tests::tools::skip(why);
    None
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
