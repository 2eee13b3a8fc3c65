//! Every template against the documented register map of its device, served by pymodbus, which this project did not write:
//! each point's value, and that `hazard match` knows the device for what it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own files and shapes")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hazard_agent::cli::match_template::{self, Limits};
use hazard_agent::config::{self, Lang, Loaded, Style};
use hazard_agent::modbus::{Link, LinkStats, Timing};
use hazard_core::decode::decode;
use hazard_core::link::LinkFault;
use hazard_core::poll::plan;
use hazard_core::reading::{NoData, Quantity, Sample};
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/golden/devices");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What the manual says of a device: registers as they are on the wire, and what the points then read.
struct Fixture {
    template: String,
    unit: u8,
    points: BTreeMap<String, Value>,
}

#[tokio::test]
async fn every_template_reads_the_documented_map_of_its_device() {
    let Some(plant) = Plant::start() else { return };
    let loaded = plant.site();
    let mut link = Link::new(loaded.buses[0].clone(), Arc::new(LinkStats::default()));
    let mut read: BTreeMap<String, Result<Sample, LinkFault>> = BTreeMap::new();
    for block in plan(&loaded.site).into_iter().flatten() {
        let answer = link.read(&block.request, timing()).await;
        for id in &block.points {
            let point = &loaded.site.points[id.index()];
            let sample = answer.clone().map(|words| decode(point, &words, block.request.start));
            read.insert(point.tag.to_string(), sample);
        }
    }
    for fixture in &plant.fixtures {
        for (name, expected) in &fixture.points {
            let tag = format!("{}.{name}", fixture.template);
            let sample = read.remove(&tag).unwrap_or_else(|| panic!("the template has no point {tag}"));
            assert!(agrees(&sample, expected), "{tag}: read {sample:?}, the manual says {expected}");
        }
    }
    assert!(read.is_empty(), "points without a documented value: {:?}", read.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn every_device_is_known_by_its_own_signature_and_by_no_other() {
    let Some(plant) = Plant::start() else { return };
    let loaded = plant.site();
    let models = config::models(&plant.dir.path().join("site.toml")).unwrap_or_else(|_| panic!("templates"));
    for fixture in &plant.fixtures {
        let limits = Limits { timeout: Duration::from_secs(5), within: Duration::from_secs(60) };
        let answers = match_template::read(loaded.buses[0].clone(), &models, fixture.unit, limits).await;
        let ranked = config::rank(&models, fixture.unit, &answers);
        let told = match_template::render(&ranked, 2, Lang::En);
        assert_eq!(ranked[0].model.template, fixture.template, "{told}");
        assert_eq!(ranked[0].score, ranked[0].full, "all of its own rows are met: {told}");
        assert!(ranked[1].score < ranked[0].score, "{told}");
        let json = match_template::to_json(&ranked, fixture.unit);
        assert_eq!(json["models"][0]["template"], Value::from(fixture.template.clone()));
    }
}

#[tokio::test]
async fn the_evidence_names_register_value_and_expectation_in_both_languages() {
    let Some(plant) = Plant::start() else { return };
    let loaded = plant.site();
    let models = config::models(&plant.dir.path().join("site.toml")).unwrap_or_else(|_| panic!("templates"));
    let fixture =
        plant.fixtures.iter().find(|fixture| fixture.template == "honeywell-sensepoint-xcl").unwrap();
    let limits = Limits { timeout: Duration::from_secs(5), within: Duration::from_secs(60) };
    let answers = match_template::read(loaded.buses[0].clone(), &models, fixture.unit, limits).await;
    let ranked = config::rank(&models, fixture.unit, &answers);
    let [zh, en] = [Lang::Zh, Lang::En].map(|lang| match_template::render(&ranked, 2, lang));
    assert!(zh.contains("+ 40101 (holding 100)  系统号的高字节固定为 0x26: 读到 38, 应为 38  [10]"), "{zh}");
    assert!(
        en.contains("+ 40101 (holding 100)  the high byte of the system id is always 0x26: read 38"),
        "{en}"
    );
    assert!(en.contains("exception 02: no such address"), "{en}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("site.toml"), site(1, &[])).unwrap();
    let path = dir.path().join("site.toml");
    let mut bus = config::load(&path).unwrap_or_else(|_| panic!("the site")).buses.remove(0);
    bus.connect_timeout = Duration::from_millis(200);
    let models = config::models(&path).unwrap_or_else(|_| panic!("templates"));
    let limits = Limits { timeout: Duration::from_millis(100), within: Duration::from_secs(5) };
    let answers = match_template::read(bus, &models, 1, limits).await;
    assert_eq!(answers.into_values().collect::<Vec<_>>(), [Err(LinkFault::Gone)]);
}

#[test]
fn every_template_has_a_fixture_a_signature_and_a_line_in_both_documents() {
    let models = config::models(Path::new(ROOT).join("config/site.toml").as_path())
        .unwrap_or_else(|_| panic!("templates"));
    let shipped = fs::read_dir(Path::new(ROOT).join("config/devices")).unwrap().count();
    assert_eq!(models.len(), shipped, "a template on disk is not embedded");
    let fixtures = fixtures();
    assert_eq!(fixtures.len(), models.len(), "one fixture for each template");
    for (path, name) in [("docs/devices.md", 1), ("docs/devices.zh-CN.md", 0)] {
        let text = fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        for model in &models {
            let row = format!(
                "| [{0}](../config/devices/{0}.toml) | {1} | {2} |",
                model.template, model.names[name], model.points
            );
            assert!(text.contains(&row), "{path} lacks the line\n{row}");
        }
        let rows = text.lines().filter(|line| line.contains("](../config/devices/")).count();
        assert_eq!(rows, models.len(), "{path} names a template that is not there");
    }
    for model in &models {
        assert!(fixtures.iter().any(|fixture| fixture.template == model.template), "{}", model.template);
        assert!(!model.marks.is_empty(), "{} has no signature", model.template);
        assert!(!model.source.is_empty() && !model.vendor.is_empty(), "{}", model.template);
    }
}

fn agrees(sample: &Result<Sample, LinkFault>, expected: &Value) -> bool {
    match (sample, expected) {
        (Ok(Sample::Good(Quantity::Number(value))), Value::Number(number)) => {
            let number = number.as_f64().unwrap();
            (value.get() - number).abs() <= 1e-9 * number.abs().max(1.0)
        }
        (Ok(Sample::Good(Quantity::Text(text))), Value::String(expected)) => **text == **expected,
        (Ok(Sample::Bad(NoData::Sentinel | NoData::NotANumber)), Value::Null) => true,
        _ => false,
    }
}

/// The documented devices, all behind one address.
struct Plant {
    server: Child,
    port: u16,
    fixtures: Vec<Fixture>,
    dir: tempfile::TempDir,
}

impl Plant {
    /// `None`, with a word why, where pymodbus may be absent and is.
    fn start() -> Option<Self> {
        let python = python()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/contract/devices.py");
        let mut server = Command::new(python)
            .arg(script)
            .arg(port.to_string())
            .args(fixture_paths())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "the pymodbus server does not start");
        Some(Self { server, port, fixtures: fixtures(), dir: tempfile::tempdir().unwrap() })
    }

    /// A site with every template as a device; the embedded templates, for there is no folder beside it.
    fn site(&self) -> Loaded {
        let path = self.dir.path().join("site.toml");
        fs::write(&path, site(self.port, &self.fixtures)).unwrap();
        config::load(&path).unwrap_or_else(|report| panic!("{}", report.render(Lang::En, Style::Plain)))
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn site(port: u16, fixtures: &[Fixture]) -> String {
    let mut text = format!(
        "[enterprise]\ndistrict = \"510107\"\nid = \"E0001\"\nname = \"示例企业\"\n[gateway]\nid = \"GW-01\"\n\
         [[buses]]\nid = \"net\"\nkind = \"tcp\"\nhost = \"127.0.0.1\"\nport = {port}\nallow_overload = true\n"
    );
    for Fixture { template, unit, .. } in fixtures {
        text.push_str(&format!(
            "[[devices]]\nid = \"{template}\"\nbus = \"net\"\nunit = {unit}\ntemplate = \"{template}\"\n"
        ));
    }
    text
}

const fn timing() -> Timing {
    Timing { timeout: Duration::from_secs(5), late_window: Duration::ZERO }
}

fn fixture_paths() -> Vec<PathBuf> {
    let folder = fs::read_dir(FIXTURES).unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn fixtures() -> Vec<Fixture> {
    let read = |path: PathBuf| {
        let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let points = written["points"].as_object().unwrap().clone();
        Fixture {
            template: path.file_stem().unwrap().to_string_lossy().into_owned(),
            unit: u8::try_from(written["unit"].as_u64().unwrap()).unwrap(),
            points: points.into_iter().collect(),
        }
    };
    fixture_paths().into_iter().map(read).collect()
}

/// Python with pymodbus.
fn python() -> Option<&'static str> {
    let ready = Command::new("python3").args(["-c", "import pymodbus.simulator"]).output();
    if ready.is_ok_and(|output| output.status.success()) {
        return Some("python3");
    }
    let why = "python3 has no pymodbus (pip install 'pymodbus[serial]')";
    hazard_tests::tools::skip(why);
    None
}
