//! What `hazard doctor` says of a gateway that a test made: word for word, in both languages.

use std::fs;
use std::path::Path;

use crate::agent::hazard;
use crate::tools::free_port;

/// A root with one adapter, a flat RTC and a synchronised clock, and a site on it; where its site file is.
fn gateway(root: &Path) -> std::path::PathBuf {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    fs::create_dir_all(root.join("sys/class/tty/ttyUSB0/device")).unwrap();
    fs::create_dir_all(root.join("sys/class/tty/tty0")).unwrap();
    write("dev/ttyUSB0", "");
    fs::create_dir_all(root.join("dev/serial/by-id")).unwrap();
    std::os::unix::fs::symlink("../../ttyUSB0", root.join("dev/serial/by-id/usb-FTDI_A1-if00")).unwrap();
    write("sys/class/rtc/rtc0/since_epoch", "12\n");
    write("run/synchronized", "");
    write("proc/mounts", "/dev/mmcblk0p2 / ext4 rw,relatime 0 0\n");
    certificate(root, "ca", (2020, 2099));
    certificate(root, "gw", (2020, 2021));
    fs::create_dir_all(root.join("state")).unwrap();
    let text = include_str!("site.template.toml")
        .replace("STATE", &root.join("state").display().to_string())
        .replace("LISTEN", "0")
        .replace("BUS", "kind = \"rtu\"\npath = \"/dev/ttyUSB0\"\nbaud = 9600")
        .replace("UPLINK", "host = \"127.0.0.1\"\nport = PORT\ntls = { ca = \"ca.pem\", cert = \"gw.pem\", key = \"gw.key\" }")
        .replace("PORT", &free_port().to_string());
    let sync = format!("clock_sync_file = \"{}\"\n[[buses]]", root.join("run/synchronized").display());
    let site = root.join("site.toml");
    fs::write(&site, text.replace("[[buses]]", &sync)).unwrap();
    site
}

fn certificate(root: &Path, name: &str, (from, until): (i32, i32)) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    fs::write(root.join(name).with_extension("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(root.join(name).with_extension("key"), key.serialize_pem()).unwrap();
}

/// What it says, without what differs from machine to machine.
fn said(root: &Path, site: &Path, lang: &str) -> (Option<i32>, String) {
    let (root, site) = (root.to_str().unwrap(), site.to_str().unwrap());
    let output = hazard(&["doctor", "--root", root, "-c", site, "--lang", lang]);
    let text = String::from_utf8(output.stdout).unwrap().replace(root, "ROOT");
    let lines = text.lines().map(|line| {
        let is_counted = line.contains("MiB") || line.contains("127.0.0.1:");
        let digits = |c: char| if c.is_ascii_digit() && is_counted { 'N' } else { c };
        let mut line: String = line.chars().map(digits).collect();
        while line.contains("NN") {
            line = line.replace("NN", "N");
        }
        line + "\n"
    });
    (output.status.code(), lines.collect())
}

#[test]
fn doctor_says_word_for_word_what_is_wrong_and_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let site = gateway(root.path());
    let before: Vec<_> = fs::read_dir(root.path().join("state")).unwrap().collect();
    for lang in ["zh", "en"] {
        let golden = format!("{}/e2e/doctor.{lang}.txt", env!("CARGO_MANIFEST_DIR"));
        let golden = fs::read_to_string(golden).unwrap();
        let (code, text) = said(root.path(), &site, lang);
        assert_eq!(text, golden, "{lang}:\n{text}");
        assert_eq!(code, Some(65));
    }
    let after: Vec<_> = fs::read_dir(root.path().join("state")).unwrap().collect();
    assert_eq!((before.len(), after.len()), (0, 0), "it changes nothing");
}

#[test]
fn doctor_sees_each_thing_get_well() {
    let root = tempfile::tempdir().unwrap();
    let site = gateway(root.path());
    let state = |check: &str| {
        let output = hazard(&[
            "doctor",
            "--json",
            "--root",
            root.path().to_str().unwrap(),
            "-c",
            site.to_str().unwrap(),
        ]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        let of_check = findings.into_iter().filter(|finding| finding["check"] == check);
        of_check.map(|finding| finding["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(state("certificate"), ["ok", "fault"]);
    certificate(root.path(), "gw", (2020, 2099));
    assert_eq!(state("certificate"), ["ok", "ok"]);
    fs::copy(root.path().join("ca.key"), root.path().join("gw.key")).unwrap();
    assert_eq!(state("certificate"), ["fault", "ok", "ok"], "the key is another certificate's");
    assert_eq!(state("disk")[0], "ok");
    fs::write(root.path().join("proc/mounts"), "/dev/mmcblk0p2 / ext4 ro,relatime 0 0\n").unwrap();
    assert_eq!(state("disk")[0], "fault");
    assert_eq!(state("ntp"), ["ok"]);
    fs::remove_file(root.path().join("run/synchronized")).unwrap();
    assert_eq!(state("ntp"), ["warning"]);
    fs::remove_file(root.path().join("dev/ttyUSB0")).unwrap();
    assert_eq!((state("ports"), state("bus")), (vec!["fault".to_owned()], vec!["fault".to_owned()]));
}
