//! The real binary with a site of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::tools::{free_port, wait_for};

/// The binary, built once.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = Command::new(env!("CARGO")).args(["build", "-q", "-p", "hazard-agent"]).status().unwrap();
        assert!(built.success(), "the agent does not build");
        let own = std::env::current_exe().unwrap();
        own.parent().and_then(Path::parent).unwrap().join("hazard")
    })
}

/// A site file's parts that tests vary.
pub(crate) struct SiteParts<'a> {
    pub(crate) bus: &'a str,
    pub(crate) uplink: &'a str,
}

/// One device with ten counters, a gas point with alarms, and a horn on coil 3 of the same device.
pub(crate) fn site(dir: &Path, parts: &SiteParts<'_>) -> PathBuf {
    let SiteParts { bus, uplink } = parts;
    let state = dir.join("state");
    let listen = free_port();
    let text = format!(
        r#"
[enterprise]
district = "511303"
id = "ENT-1"
name = "测试企业"

[gateway]
id = "GW-1"
state_dir = "{}"
listen = "127.0.0.1:{listen}"

[[buses]]
id = "bus"
{bus}

[[devices]]
id = "dev"
bus = "bus"
unit = 1
poll_ms = 200
timeout_ms = 300

[[points]]
tag = "CNT-1"
device = "dev"
table = "holding"
address = 0
type = "u16"
safety = false

[[points]]
tag = "GT-101"
device = "dev"
table = "holding"
address = 1
type = "u16"
unit = "%LEL"
scale = 0.1
range = [0, 100]
alarms = [{{ kind = "high", setpoint = 25, latch = true }}, {{ kind = "high_high", setpoint = 50, priority = "critical" }}]

[[outputs]]
id = "horn"
role = "horn"
min_priority = "medium"
coil = {{ device = "dev", address = 3 }}
polarity = "de_energise_to_alarm"

[[uplinks]]
id = "district"
kind = "mqtt"
retry_max_s = 1
{uplink}
"#,
        state.display()
    );
    let file = dir.join("site.toml");
    std::fs::write(&file, text).unwrap();
    file
}

pub(crate) struct Agent {
    child: Child,
    pub(crate) site: PathBuf,
}

impl Agent {
    pub(crate) fn start(site: &Path) -> Self {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(site.with_extension("log")).unwrap();
        let child = Command::new(binary())
            .args(["run", "--log", "text", "-c"])
            .arg(site)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, site: site.to_owned() }
    }

    /// The agent's own account of itself, once it gives one.
    pub(crate) fn status(&self) -> Value {
        wait_for("the agent's status", || {
            let output = hazard(&["status", "--json", "-c", self.site.to_str().unwrap()]);
            output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
        })
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        wait_for("the agent's end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            println!("{}", std::fs::read_to_string(self.site.with_extension("log")).unwrap_or_default());
        }
    }
}

/// Runs the command line to its end.
pub(crate) fn hazard(args: &[&str]) -> Output {
    Command::new(binary()).args(args).env_remove("LANG").env("NO_COLOR", "1").output().unwrap()
}
