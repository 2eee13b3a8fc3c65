//! A file system of its own on a loop device whose power can be cut: what was not synced by then is gone.
//!
//! The cut is `FS_IOC_SHUTDOWN` without a flush of the log; ext4 then writes nothing more, and mounting it again replays its
//! journal as after a real cut. Losing the disk's own cache is not part of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Cuts whenever it is told a folder. A program of its own, since an ioctl takes `unsafe` in Rust.
const SWITCH: &str = "
import fcntl, os, struct, sys
print('ready', flush=True)
for line in sys.stdin:
    folder = os.open(line.strip(), os.O_RDONLY)
    fcntl.ioctl(folder, 0x8004587d, struct.pack('I', 2))
    os.close(folder)
    print('cut', flush=True)
";

/// Whoever has just been killed may still be closing its files.
const UNMOUNT_WITHIN: Duration = Duration::from_secs(20);

/// A mounted ext4; unmounted at the end.
pub struct Disk {
    image: PathBuf,
    at: PathBuf,
    child: Child,
    switch: ChildStdin,
    answers: BufReader<ChildStdout>,
    _dir: TempDir,
}

impl Disk {
    /// Makes and mounts one of `megabytes` at `at`.
    ///
    /// # Errors
    /// Why there can be none here.
    pub fn mount(at: &Path, megabytes: u64) -> Result<Self, String> {
        let dir = TempDir::new().map_err(|error| error.to_string())?;
        let image = dir.path().join("image");
        let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(megabytes << 20).map_err(|error| error.to_string())?;
        let features = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        let mut mkfs = tool("mkfs.ext4");
        run(mkfs.args(["-q", "-F", "-b", "4096", "-E", features]).arg(&image))?;
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        run(&mut mounting(&image, at))?;
        let (child, switch, answers) = start_switch().inspect_err(|_| unmount(at))?;
        Ok(Self { image, at: at.to_owned(), child, switch, answers, _dir: dir })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Cuts the power: from here on nothing more reaches the disk.
    pub fn cut(&mut self) {
        writeln!(self.switch, "{}", self.at.display()).unwrap();
        self.switch.flush().unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "cut\n", "the switch is broken");
    }

    /// Mounts what the cut left; nobody may have files open on it any more.
    pub fn power_up(&mut self) {
        self.power_down();
        run(&mut mounting(&self.image, &self.at)).unwrap();
    }

    /// Unmounts it; its image is left to somebody else.
    pub fn power_down(&mut self) -> &Path {
        let end = Instant::now() + UNMOUNT_WITHIN;
        while is_mounted(&self.at)
            && let Err(why) = run(tool("umount").arg(&self.at))
        {
            assert!(Instant::now() < end, "{why}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        &self.image
    }

    /// Makes the file system stop taking anything, as it does when it finds itself damaged.
    pub fn turn_read_only(&mut self) {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let mut lines = mounts.lines().map(|line| line.split(' '));
        let at = self.at.to_str();
        let device = lines.find_map(|mut line| line.next().filter(|_| line.next() == at)).unwrap();
        let device = device.trim_start_matches("/dev/");
        std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a test").unwrap();
        assert!(std::fs::write(self.at.join("probe"), "").is_err(), "the disk still takes something");
    }

    /// Mounts the image in place of what is mounted, which stays for whoever has files open on it.
    pub fn mount_over(&mut self) {
        run(tool("umount").arg("-l").arg(&self.at)).unwrap();
        // By the same loop device it would be the same, broken file system.
        let device = run(tool("losetup").args(["--find", "--show"]).arg(&self.image)).unwrap();
        let mounted = run(tool("mount").arg(&device).arg(&self.at));
        // The device goes when it is unmounted.
        run(tool("losetup").args(["-d", &device])).unwrap();
        mounted.unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        unmount(&self.at);
    }
}

fn is_mounted(at: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1) == at.to_str())
}

fn unmount(at: &Path) {
    if run(tool("umount").arg(at)).is_err() {
        drop(run(tool("umount").arg("-l").arg(at)));
    }
}

fn start_switch() -> Result<(Child, ChildStdin, BufReader<ChildStdout>), String> {
    let mut python = tool("python3");
    python.args(["-u", "-c", SWITCH]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().map_err(|error| format!("python3: {error}"))?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (switch, out) = pipes.ok_or("python3 has no pipes")?;
    let mut answers = BufReader::new(out);
    let mut answer = String::new();
    match answers.read_line(&mut answer) {
        Ok(_) if answer == "ready\n" => Ok((child, switch, answers)),
        _ => {
            drop(child.kill());
            drop(child.wait());
            Err("python3 does not start".to_owned())
        }
    }
}

fn mounting(image: &Path, at: &Path) -> Command {
    let mut mount = tool("mount");
    mount.args(["-o", "loop,errors=remount-ro"]).args([image, at]);
    mount
}

fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// What it said.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().display().to_string();
    let done = command.output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        return Err(format!("{name}: {}", said.trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// How often the environment asks for something; `usual` unless it says.
#[must_use]
pub fn asked(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The seed of a run: `HAZARD_SEED` repeats one; printed.
#[must_use]
pub fn seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let random = || std::hash::RandomState::new().build_hasher().finish();
    let told = std::env::var("HAZARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = told.unwrap_or_else(random);
    println!("HAZARD_SEED={seed}");
    seed
}
