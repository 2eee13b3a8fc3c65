//! Another configuration is tried, and comes back by itself unless somebody confirms it.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::agent::{Agent, SiteParts, hazard, site};
use crate::device::Device;
use crate::tools::{free_port, wait_for};

const LOWER: (&str, &str) = ("latch = true", "latch = false");
const HIGHER: (&str, &str) = ("setpoint = 50", "setpoint = 45");

#[test]
fn a_configuration_that_nobody_confirms_comes_back_and_one_that_is_confirmed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let new = changed(&file, HIGHER);
    let agent = Agent::start(&file);
    let first = agent.status()["agent"]["config"].clone();

    let plan = run(&file, &["plan", &new, "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((&plan["from"], &plan["needs_second_person"]), (&first, &false.into()), "{plan}");
    assert_eq!(plan["counts"]["protection_raised"], 1, "{plan}");

    let applied = run(&file, &["apply", &new, "--by", "李四", "--confirm-within", "2s"]);
    assert!(applied.status.success(), "{}", said(&applied));
    agent.wait("the configuration on trial", |status| status["agent"]["config"] == plan["to"]);
    let twice = run(&file, &["apply", &new, "--by", "李四"]);
    assert!(!twice.status.success(), "{}", said(&twice));
    agent.wait("the configuration before", |status| status["agent"]["config"] == first);
    assert_eq!(changes(&file), ["applied", "expired"]);

    assert!(run(&file, &["apply", &new, "--by", "李四", "--confirm-within", "1h"]).status.success());
    agent.wait("the configuration on trial", |status| status["agent"]["config"] == plan["to"]);
    assert!(run(&file, &["confirm", "--by", "李四"]).status.success());
    assert_eq!(run(&file, &["confirm", "--by", "李四"]).status.code(), Some(77));
    assert_eq!(changes(&file), ["applied", "expired", "applied", "confirmed"]);
    agent.kill();
    let agent = Agent::start(&file);
    assert_eq!(agent.status()["agent"]["config"], plan["to"]);

    // The configuration before is there by its hash, and lowers protection again.
    let begin = &first.as_str().unwrap()["blake3:".len()..][..8];
    let shown = run(&file, &["show", begin]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("setpoint = 50"), "{}", said(&shown));
    let alone = run(&file, &["rollback", "--by", "李四"]);
    assert_eq!(alone.status.code(), Some(77), "{}", said(&alone));
    assert!(run(&file, &["rollback", "--by", "李四", "--approved-by", "王五"]).status.success());
    agent.wait("the configuration of the beginning", |status| status["agent"]["config"] == first);
    assert!(run(&file, &["confirm", "--by", "王五"]).status.success());

    // The journal has each of them, as the platform would.
    assert_eq!(agent.terminate(), Some(0));
    let out = dir.path().join("records");
    let exported = hazard(&["journal", "export", "-c", file.to_str().unwrap(), "-o", out.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", said(&exported));
    let files = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let records: String = files.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    for change in ["applied", "expired", "confirmed"] {
        let said = format!("\"change\":\"{change}\"");
        assert!(records.contains(&said.replace('"', "\"\"")), "{change}: {records}");
    }
}

#[test]
fn a_kill_during_a_trial_brings_the_configuration_before_back_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let new = changed(&file, HIGHER);
    let before = std::fs::read_to_string(&file).unwrap();
    let agent = Agent::start(&file);
    let first = agent.status()["agent"]["config"].clone();
    assert!(run(&file, &["apply", &new, "--by", "李四", "--confirm-within", "1h"]).status.success());
    agent.wait("the configuration on trial", |status| status["agent"]["config"] != first);
    // Left in order, the trial goes on.
    assert_eq!(agent.terminate(), Some(0));
    let agent = Agent::start(&file);
    assert_ne!(agent.status()["agent"]["config"], first);
    agent.kill();
    let agent = Agent::start(&file);
    assert_eq!(agent.status()["agent"]["config"], first);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(changes(&file), ["applied", "interrupted"]);
}

#[test]
fn a_template_comes_with_its_site_file_and_goes_back_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let text = std::fs::read_to_string(&file).unwrap();
    let point = "[[points]]\ntag = \"X-1\"\ndevice = \"dev\"\nfrom = \"raw\"\n";
    let text = text
        .replace("unit = 1\n", "unit = 1\ntemplate = \"probe\"\n")
        .replace("[[outputs]]", &format!("{point}[[outputs]]"));
    std::fs::write(&file, &text).unwrap();
    let template = templates(dir.path(), "scale = 1");
    // The same site file with another template beside it: the template alone changes what is measured.
    let new_dir = dir.path().join("new");
    std::fs::create_dir(&new_dir).unwrap();
    let new = new_dir.join("site.toml");
    std::fs::write(&new, &text).unwrap();
    let other = std::fs::read_to_string(templates(&new_dir, "scale = 10")).unwrap();
    let (new, old) = (new.to_str().unwrap(), std::fs::read_to_string(&template).unwrap());
    let there = || std::fs::read_to_string(&template).unwrap();

    let agent = Agent::start(&file);
    let first = agent.status()["agent"]["config"].clone();
    let plan = run(&file, &["plan", new, "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan["templates"], serde_json::json!(["probe"]), "{plan}");
    assert_eq!(plan["differences"].as_array().map(Vec::len), Some(1), "{plan}");
    let two = ["--by", "李四", "--approved-by", "王五"];
    let apply = |within| run(&file, &[&["apply", new, "--confirm-within", within], &two[..]].concat());

    let applied = apply("2s");
    assert!(applied.status.success(), "{}", said(&applied));
    agent.wait("the template on trial", |status| status["agent"]["config"] == plan["to"]);
    assert_eq!(there(), other);
    agent.wait("the template before", |status| status["agent"]["config"] == first);
    assert_eq!(there(), old);

    // A kill takes it back, too.
    assert!(apply("1h").status.success());
    agent.wait("the template on trial", |status| status["agent"]["config"] == plan["to"]);
    agent.kill();
    let agent = Agent::start(&file);
    assert_eq!((agent.status()["agent"]["config"].clone(), there()), (first.clone(), old.clone()));

    // Confirmed it stays, and the history has the one before.
    assert!(apply("1h").status.success());
    assert!(run(&file, &["confirm", "--by", "李四"]).status.success());
    assert_eq!(there(), other);
    assert!(run(&file, &[&["rollback"], &two[..]].concat()).status.success());
    agent.wait("the template of the beginning", |status| status["agent"]["config"] == first);
    assert_eq!(there(), old);
    let begin = &plan["to"].as_str().unwrap()["blake3:".len()..][..8];
    let shown = run(&file, &["show", begin]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("scale = 10"), "{}", said(&shown));
}

/// A template in the folder beside a site file.
fn templates(dir: &Path, scale: &str) -> PathBuf {
    let folder = dir.join("devices");
    std::fs::create_dir(&folder).unwrap();
    let head = "[device]\nvendor = \"v\"\nmodel = \"m\"\nzh = \"探头\"\nen = \"probe\"\nsource = \"test\"\n";
    let point = "[[points]]\nname = \"raw\"\ntable = \"holding\"\naddress = 0\ntype = \"u16\"\n";
    std::fs::write(folder.join("probe.toml"), format!("{head}{point}{scale}\n")).unwrap();
    folder.join("probe.toml")
}

#[test]
fn lowering_protection_takes_a_second_person_and_an_edit_by_hand_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let Some(device) = Device::tcp() else {
        return;
    };
    let file = local_site(dir.path(), &device);
    let new = changed(&file, LOWER);
    let agent = Agent::start(&file);
    let first = agent.status()["agent"]["config"].clone();
    for (people, zh, en) in [
        (&["--by", "李四"][..], "--approved-by", "--approved-by"),
        (&["--by", "李四", "--approved-by", " 李四 "], "须为另一人", "another person"),
        (&["--by", " ", "--approved-by", "王五"], "--by", "--by"),
    ] {
        for (lang, words) in [("zh", zh), ("en", en)] {
            let refused = run(&file, &[&["apply", &new, "--lang", lang], people].concat());
            assert_eq!(refused.status.code(), Some(77), "{people:?}: {}", said(&refused));
            assert!(said(&refused).contains(words), "{people:?}: {}", said(&refused));
        }
    }
    assert_eq!(agent.status()["agent"]["config"], first);
    assert_eq!(changes(&file), Vec::<String>::new());
    let two = ["apply", &new, "--by", "李四", "--approved-by", "王五", "--note", "年度整定"];
    assert!(run(&file, &two).status.success());
    agent.wait("the configuration on trial", |status| status["agent"]["config"] != first);
    assert!(run(&file, &["rollback", "--by", "李四"]).status.success());
    agent.wait("the configuration before", |status| status["agent"]["config"] == first);

    std::fs::copy(&new, &file).unwrap();
    let drifted = run(&file, &["apply", &new, "--by", "李四"]);
    assert_eq!(drifted.status.code(), Some(78), "{}", said(&drifted));
    agent.signal(rustix::process::Signal::HUP);
    agent.wait("the edited file", |status| status["agent"]["config"] != first);
    assert_eq!(changes(&file), ["applied", "rolled_back", "unplanned"]);
    assert!(agent.log().contains("protects less"), "{}", agent.log());
    let history = run(&file, &["history", "--lang", "zh"]);
    let shown = String::from_utf8_lossy(&history.stdout).into_owned();
    assert!(
        shown.contains("李四 / 王五") && shown.contains("降低保护") && shown.contains("手工修改"),
        "{shown}"
    );
}

#[test]
fn without_an_agent_only_offline_changes_the_file_and_the_next_start_tells_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let bus = "kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = 9".to_owned();
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let new = changed(&file, LOWER);
    let nobody = run(&file, &["apply", &new, "--by", "李四", "--approved-by", "王五"]);
    assert_eq!(nobody.status.code(), Some(69), "{}", said(&nobody));
    let alone = run(&file, &["apply", &new, "--by", "李四", "--offline"]);
    assert_eq!(alone.status.code(), Some(77), "{}", said(&alone));
    let done = run(&file, &["apply", &new, "--by", "李四", "--approved-by", "王五", "--offline"]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&new).unwrap());
    let agent = Agent::start(&file);
    agent.status();
    let running = run(
        &file,
        &["apply", &changed(&file, ("latch = false", "latch = true")), "--by", "李四", "--offline"],
    );
    assert_eq!(running.status.code(), Some(75), "{}", said(&running));
    wait_for("the recorded row", || (history(&file)["rows"][0]["recorded"] == true).then_some(()));
    assert_eq!(changes(&file), ["offline"]);
}

#[test]
fn offline_changes_nothing_while_nobody_can_read_which_trips_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let bus = "kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = 9".to_owned();
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    let file = site(dir.path(), &SiteParts { bus: &bus, uplink: &uplink });
    let (new, before) = (changed(&file, LOWER), std::fs::read(&file).unwrap());
    std::fs::create_dir_all(dir.path().join("state")).unwrap();
    for name in ["retentive.json", "retentive.copy.json"] {
        std::fs::write(dir.path().join("state").join(name), "{").unwrap();
    }
    let unknown = run(&file, &["apply", &new, "--by", "李四", "--approved-by", "王五", "--offline"]);
    assert_eq!(unknown.status.code(), Some(77), "{}", said(&unknown));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

fn run(file: &Path, args: &[&str]) -> Output {
    hazard(&[&["config"], args, &["-c", file.to_str().unwrap()]].concat())
}

fn history(file: &Path) -> Value {
    let output = run(file, &["history", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)))
}

fn changes(file: &Path) -> Vec<String> {
    let rows = history(file)["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["change"].as_str().unwrap().to_owned()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Another site file, beside the first under another name.
fn changed(file: &Path, (written, instead): (&str, &str)) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(written), "{text}");
    let new = file.with_file_name("new.toml");
    std::fs::write(&new, text.replace(written, instead)).unwrap();
    new.to_str().unwrap().to_owned()
}

/// A site whose platform is never there.
fn local_site(dir: &Path, device: &Device) -> PathBuf {
    let bus = format!("kind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port);
    let uplink = format!("host = \"127.0.0.1\"\nport = {}", free_port());
    site(dir, &SiteParts { bus: &bus, uplink: &uplink })
}
