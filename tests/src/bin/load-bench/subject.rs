//! What is measured: the agent or the bare loop, each a child of its own whose processor time and memory the kernel counts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Linux counts processor time for /proc in hundredths of a second on every architecture we run on.
const TICK_MS: u64 = 10;

/// Which program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Agent,
    Bare,
}

impl Who {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Bare => "bare",
        }
    }
}

/// What the kernel counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    /// User and system time of all threads since the start.
    pub(crate) cpu_ms: u64,
    /// Resident memory.
    pub(crate) rss_kb: u64,
    /// Its peak.
    pub(crate) peak_kb: u64,
}

/// A running child; dropping it kills it.
pub(crate) struct Subject {
    child: Child,
    log: PathBuf,
}

impl Subject {
    /// Starts a program with its output in a file.
    pub(crate) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.child.id()));
        let (stat, status) = (read("stat")?, read("status")?);
        let counted = || {
            let (rss_kb, peak_kb) = (kilobytes(&status, "VmRSS:")?, kilobytes(&status, "VmHWM:")?);
            Some(Usage { cpu_ms: cpu_ticks(&stat)? * TICK_MS, rss_kb, peak_kb })
        };
        counted().with_context(|| format!("the child has ended:\n{}", self.last_words()))
    }

    /// Fails when the child has ended by itself.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the child ended with {status}:\n{}", self.last_words()),
        }
    }

    /// Kills the child as a power cut would.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the child to end and waits for it; kills it when it does not.
    pub(crate) fn stop(mut self) -> anyhow::Result<Option<ExitStatus>> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let since = Instant::now();
        while since.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }

    /// The end of what the child wrote.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// utime + stime of /proc/PID/stat; the program's name before them may hold spaces and brackets.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "12 (a b) c) S 1 12 12 0 -1 4194304 900 0 1 0 37 5 0 0 20 0 9 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("12 (short) S 1"), None);
    }

    #[test]
    fn memory_is_found_by_its_name() {
        let status = "Name:\tx\nVmHWM:\t   14336 kB\nVmRSS:\t   9000 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(9_000));
        assert_eq!(kilobytes(status, "VmHWM:"), Some(14_336));
        assert_eq!(kilobytes("", "VmRSS:"), None);
    }

    #[test]
    fn a_child_is_counted_stopped_and_its_last_words_are_kept() {
        let dir = tempfile::TempDir::new().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo started; exec sleep 60"]);
        let mut child = Subject::start(command, &log).unwrap();
        let since = Instant::now();
        while child.last_words() != "started" {
            assert!(since.elapsed() < STOP_WITHIN, "the child says nothing");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.check().unwrap();
        assert!(child.usage().unwrap().peak_kb > 0);
        let status = child.stop().unwrap().expect("the child did not end");
        assert!(!status.success());
    }

    #[test]
    fn a_child_that_ends_by_itself_is_a_failure_with_its_last_words() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such option >&2; exit 2"]);
        let mut child = Subject::start(command, &dir.path().join("log")).unwrap();
        child.child.wait().unwrap();
        let failure = child.check().unwrap_err().to_string();
        assert!(failure.contains("no such option"), "{failure}");
    }
}
