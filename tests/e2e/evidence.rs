//! 存证: a journal of the real agent is verified, exported, audited, checked with openssl and sha256sum alone; altered, and
//! what was altered is named. Bad input is refused in words and overwrites nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::broker::Mosquitto;
use crate::device::Device;
use crate::platform::Platform;
use crate::tools::{skip, tool};

/// A run that measured, alarmed and was told to stop; its site file and what the platform saw.
fn ran(dir: &Path) -> Option<(PathBuf, String)> {
    let (mut device, broker) = (Device::tcp()?, Mosquitto::start(dir, "")?);
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}\nversion = \"3.1.1\"", broker.port);
    let platform = Platform::subscribe(broker.port, None);
    let agent = Agent::start(&site(dir, &SiteParts { bus: &bus, uplink: &uplink }));
    device.set(0, &[1, 600]);
    platform.wait("an alarm", |seen| seen.has("alarm", &[("alarm", "GT-101/high")]).then_some(()));
    let manifest = platform.wait("a manifest", |seen| {
        let manifest = seen.records.values().find(|record| record["kind"] == "manifest")?;
        Some(manifest["text"].as_str().unwrap().to_owned())
    });
    for value in 2..12 {
        device.set(0, &[value]);
        let read = f64::from(value);
        platform.wait("a reading", |seen| seen.values("CNT-1").contains(&read).then_some(()));
    }
    let config = agent.site.clone();
    let running = run(&config, "verify", &["--json"]);
    assert_eq!(running.0, Some(0), "a running agent's journal: {}", running.1);
    assert_eq!(agent.terminate(), Some(0));
    platform.is_content();
    Some((config, manifest))
}

/// `hazard journal VERB` on a site; exit code, stdout, stderr.
fn run(config: &Path, verb: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let mut args = vec!["--lang", "en", "-c", config.to_str().unwrap(), "journal", verb];
    args.extend(more);
    let output = hazard(&args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn verify_export(export: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let mut args = vec!["--lang", "en", "journal", "verify", "--json", "--export", export.to_str().unwrap()];
    args.extend(more);
    let output = hazard(&args);
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
}

fn sh(dir: &Path, script: &str) -> String {
    let output = Command::new("sh").current_dir(dir).args(["-ec", script]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{script}: {said}");
    said
}

fn copied(from: &Path, to: &Path) -> PathBuf {
    sh(Path::new("/"), &format!("cp -a '{}' '{}'", from.display(), to.display()));
    to.to_owned()
}

/// Names and bytes of all files below.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.path().is_file() {
            found.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_journal_is_verified_audited_and_exported_for_tools_that_are_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let Some((config, manifest)) = ran(dir.path()) else { return };
    let state = dir.path().join("state");
    let before = files(&state);
    let (code, said, _) = run(&config, "verify", &["--json"]);
    let verdict: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &verdict["whole"], &verdict["findings"]),
        (Some(0), &true.into(), &Value::Array(vec![]))
    );
    assert_eq!(verdict["manifests"][0]["signature"], "good");
    assert_eq!((&verdict["key_from"], &verdict["key"]), (&"beside".into(), &verdict["manifests"][0]["key"]));
    let (code, said, _) = run(&config, "audit", &["--json"]);
    let audit: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &audit["even"]), (Some(0), &true.into()), "{said}");
    let epoch = &audit["epochs"][0];
    assert_eq!(epoch["last"], epoch["stored"], "no number is missing: {said}");
    assert_eq!(epoch["uplinks"][0]["uplink"], "district");
    assert!(epoch["uplinks"][0]["confirmed"].as_u64().unwrap() > 0, "{said}");

    let out = dir.path().join("五月");
    let exported =
        |format: &str, out: &Path| run(&config, "export", &["--format", format, "-o", out.to_str().unwrap()]);
    let (code, _, said) = exported("csv", &out);
    assert_eq!((code, &*said), (Some(0), ""));
    let whole = files(&out);
    let (code, _, said) = exported("csv", &out);
    assert_eq!(code, Some(73), "{said}");
    assert!(said.contains("is there already") && files(&out) == whole, "{said}");
    assert_eq!(files(&state), before, "nothing was written into the state folder");
    let (code, verdict, _) = verify_export(&out, &[]);
    assert_eq!((code, &verdict["whole"]), (Some(0), &true.into()), "{verdict:#}");
    let csv = std::fs::read_to_string(out.join("readings.csv")).unwrap();
    assert!(
        csv.starts_with("\u{feff}time,clock,epoch,epoch_no,seq,tag,") && csv.contains(",GT-101,"),
        "{csv}"
    );
    assert!(
        std::fs::read_to_string(out.join("events.csv"))
            .unwrap()
            .contains(",alarm,GT-101/high,normal,unacked,")
    );

    with_openssl(&out, &state, &manifest, &config);
    let parquet = dir.path().join("parquet");
    assert_eq!(exported("parquet", &parquet).0, Some(0));
    assert_eq!(verify_export(&parquet, &[]).0, Some(0));
    with_pyarrow(&parquet, csv.lines().count() - 1);
}

/// The signature and the sums with nothing of ours; and what the platform was sent.
fn with_openssl(out: &Path, state: &Path, manifest: &str, config: &Path) {
    if tool("openssl").is_none() {
        return;
    }
    let key = state.join("evidence.pub");
    let check = format!(
        "openssl pkeyutl -verify -pubin -inkey '{}' -rawin -in manifest.txt -sigfile manifest.sig",
        key.display()
    );
    assert!(sh(out, &check).contains("Signature Verified Successfully"));
    let sums = sh(out, "grep -E '^[0-9a-f]{64}  ' manifest.txt | sha256sum -c");
    assert!(
        ["events.csv: OK", "readings.csv: OK", "raw.hzb: OK", "manifest.json: OK"]
            .iter()
            .all(|one| sums.contains(one))
    );
    let document: Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let kept = &document["manifests"][0];
    assert_eq!(kept["text"], manifest, "the platform was sent what the journal holds");
    let signature = kept["signature"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..64).map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).unwrap()).collect();
    std::fs::write(state.join("m.txt"), manifest).unwrap();
    std::fs::write(state.join("m.sig"), bytes).unwrap();
    let check = "openssl pkeyutl -verify -pubin -inkey evidence.pub -rawin -in m.txt -sigfile m.sig";
    assert!(sh(state, check).contains("Signature Verified Successfully"));
    let (code, said, _) = run(config, "key", &[]);
    let pem = std::fs::read_to_string(key).unwrap();
    assert!(
        code == Some(0) && said.starts_with(&pem) && said.contains(kept["key"].as_str().unwrap()),
        "{said}"
    );
}

fn with_pyarrow(out: &Path, rows: usize) {
    let Some(python) = tool("python3") else { return };
    let ready = Command::new(&python).args(["-c", "import pyarrow.parquet"]).output().unwrap();
    if !ready.status.success() {
        return skip("python3 has no pyarrow (pip install pyarrow)");
    }
    let script = "import pyarrow.parquet as p; t = p.read_table('readings.parquet'); \
        e = p.read_table('events.parquet'); print(t.num_rows, t.schema.field('time').type, \
        max(v for v in t['value'].to_pylist() if v is not None), 'GT-101/high' in e['tag'].to_pylist())";
    let said = sh(out, &format!("python3 -c \"{script}\""));
    assert_eq!(said.trim(), format!("{rows} timestamp[ms, tz=UTC] 60.0 True"));
}

#[test]
fn what_was_altered_is_named_and_bad_input_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let Some((config, _)) = ran(dir.path()) else { return };
    let state = dir.path().join("state");
    altered_block(dir.path(), &state, &config);
    let out = dir.path().join("out");
    assert_eq!(run(&config, "export", &["-o", out.to_str().unwrap()]).0, Some(0));
    broken_exports(dir.path(), &out);
    wrong_keys(dir.path(), &out);
    wrong_folders(dir.path(), &state, &config);
}

fn wrong_keys(dir: &Path, out: &Path) {
    let other = dir.join("other.pub");
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    std::fs::write(&other, pem).unwrap();
    let (code, verdict, _) = verify_export(out, &["--key", other.to_str().unwrap()]);
    let what = verdict["findings"].to_string();
    assert!(code == Some(65) && what.contains("manifest_foreign"), "{verdict:#}");
    assert!(verdict["files"].to_string().contains("another key"), "{verdict:#}");
    std::fs::write(&other, "no key").unwrap();
    let (code, _, said) = verify_export(out, &["--key", other.to_str().unwrap()]);
    assert!(code == Some(64) && said.contains("is not an ed25519 key"), "{said}");
}

fn wrong_folders(dir: &Path, state: &Path, config: &Path) {
    let empty = dir.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let newer = copied(state, &dir.join("newer"));
    let header = newer.join("journal/epoch-0000000001");
    let mut bytes = std::fs::read(&header).unwrap();
    bytes[3] = b'2';
    std::fs::write(&header, bytes).unwrap();
    for verb in ["verify", "audit", "export"] {
        for (folder, words) in
            [(&empty, "is not a journal"), (&newer, "newer version"), (&dir.join("none"), "is not there")]
        {
            let out = dir.join("never");
            let mut more = vec!["--dir", folder.to_str().unwrap()];
            if verb == "export" {
                more.extend(["-o", out.to_str().unwrap()]);
            }
            let before = files(dir);
            let (code, _, said) = run(config, verb, &more);
            assert!(code == Some(66) && said.contains(words), "{verb} {}: {said}", folder.display());
            assert!(files(dir) == before && !out.exists());
        }
    }
    let (code, _, said) = verify_export(&empty, &[]);
    assert!(code == Some(66) && said.contains("is not an exported folder"), "{said}");
}

fn altered_block(dir: &Path, state: &Path, config: &Path) {
    // One block of readings, in all copies of it that the store keeps.
    let altered = copied(state, &dir.join("altered"));
    let db = altered.join("journal/seg-0000000001/db");
    let mut bytes = std::fs::read(&db).unwrap();
    let places: Vec<usize> = (0..bytes.len() - 100)
        .filter(|at| bytes[*at..].starts_with(b"HZB2") && bytes[at + 13] == 1)
        .collect();
    let first = bytes[places[0] + 22..places[0] + 30].to_vec();
    let seq = u64::from_le_bytes(first.clone().try_into().unwrap());
    for at in places.into_iter().filter(|at| bytes[at + 22..at + 30] == first[..]).collect::<Vec<_>>() {
        bytes[at + 95] ^= 1;
    }
    std::fs::write(&db, bytes).unwrap();
    let (code, said, _) = run(config, "verify", &["--json", "--dir", altered.to_str().unwrap()]);
    let verdict: Value = serde_json::from_str(&said).unwrap();
    let named = verdict["findings"].as_array().unwrap().iter().any(|one| {
        one["segment"] == "seg-0000000001"
            && one["lane"] == "reading"
            && one["first"].as_u64().unwrap() <= seq
            && seq <= one["last"].as_u64().unwrap()
            && one["fault"] == true
    });
    assert!(code == Some(65) && named, "number {seq}: {said}");
    assert_eq!(run(config, "audit", &["--dir", altered.to_str().unwrap()]).0, Some(65));
}

fn broken_exports(dir: &Path, out: &Path) {
    let broken = |name: &str, what: &dyn Fn(&mut Vec<u8>)| {
        let copy = copied(out, &dir.join(format!("broken-{name}-{}", std::process::id())));
        let path = copy.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        what(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let verdict = verify_export(&copy, &[]);
        std::fs::remove_dir_all(copy).unwrap();
        verdict
    };
    let middle = |bytes: &mut Vec<u8>| {
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
    };
    for name in ["readings.csv", "raw.hzb", "manifest.json"] {
        let (code, verdict, said) = broken(name, &middle);
        assert!(
            code == Some(65) && verdict["files"][0].as_str().unwrap().starts_with(name),
            "{name}: {verdict:#}{said}"
        );
    }
    let (code, verdict, _) = broken("manifest.sig", &middle);
    assert!(
        code == Some(65) && verdict["files"].to_string().contains("signature is not valid"),
        "{verdict:#}"
    );
    let newer = |bytes: &mut Vec<u8>| bytes[14] = b'2';
    let (code, _, said) = broken("manifest.txt", &newer);
    assert!(code == Some(66) && said.contains("newer version"), "{said}");
}
