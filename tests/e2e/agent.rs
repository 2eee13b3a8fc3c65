//! The real binary with a site of its own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::tools::{free_port, send, wait_for};

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
    let text = include_str!("site.template.toml")
        .replace("STATE", &state.display().to_string())
        .replace("LISTEN", &listen.to_string())
        .replace("BUS", bus)
        .replace("UPLINK", uplink);
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
        Self::start_in(site, &[])
    }

    /// Starts it with more in its environment.
    pub(crate) fn start_in(site: &Path, environment: &[(&str, &str)]) -> Self {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(site.with_extension("log")).unwrap();
        let child = Command::new(binary())
            .args(["run", "--log", "text", "-c"])
            .arg(site)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, site: site.to_owned() }
    }

    /// Starts one that must not stay; its exit code and what it said.
    pub(crate) fn refused(site: &Path, lang: &str) -> (Option<i32>, String) {
        let said = site.with_extension(lang);
        let child = Command::new(binary())
            .args(["run", "--log", "text", "--lang", lang, "-c"])
            .arg(site)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut second = Self { child, site: site.to_owned() };
        let ended = wait_for("the second agent's end", || second.child.try_wait().unwrap());
        (ended.code(), std::fs::read_to_string(said).unwrap())
    }

    /// The agent's own account of itself, once it gives one.
    pub(crate) fn status(&self) -> Value {
        wait_for("the agent's status", || self.try_status())
    }

    /// Its account, if it gives one at this moment.
    pub(crate) fn try_status(&self) -> Option<Value> {
        let output = hazard(&["status", "--json", "-c", self.site.to_str().unwrap()]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        send(&self.child, signal);
    }

    /// Waits until the agent's account of itself says so; that account.
    pub(crate) fn wait(&self, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || Some(self.status()).filter(|status| says(status)))
    }

    /// The metrics page, if it is served.
    pub(crate) fn metrics(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.listens()).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n").ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).ok()?;
        page.contains("# EOF").then_some(page)
    }

    /// Where the metrics are.
    pub(crate) fn listens(&self) -> String {
        let text = std::fs::read_to_string(&self.site).unwrap();
        let address = text.lines().find_map(|line| line.strip_prefix("listen = ")).unwrap();
        address.trim_matches('"').to_owned()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.site.with_extension("log")).unwrap_or_default()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many files and connections it has open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Its memory without the pages of the program itself, which in a debug build are several times those of a release.
    pub(crate) fn anonymous_kib(&self) -> u64 {
        self.kernel_says("RssAnon:")
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> u64 {
        self.kernel_says("Threads:")
    }

    fn kernel_says(&self, of: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
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
