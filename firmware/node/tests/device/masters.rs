//! The slave asked over a pty by masters that this project did not write: mbpoll, pymodbus and libmodbus.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hazard_field::Mono;
use hazard_field::map::UNLOCK_KEY;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustix::time::{ClockId, clock_gettime};

use crate::bench::{Bench, TornFlash};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/device");

/// The firmware behind a pty, in real time, with 20 %LEL on its first channel.
struct Line {
    path: String,
    ends: Arc<AtomicBool>,
    served: Option<JoinHandle<()>>,
}

impl Line {
    fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let mut modes = tcgetattr(&master).unwrap();
        modes.make_raw();
        tcsetattr(&master, OptionalActions::Now, &modes).unwrap();
        rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NONBLOCK).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        // Held open: a pty whose other end nobody has open cannot be read.
        let held = File::options().read(true).write(true).open(&path).unwrap();
        let served = Some(std::thread::spawn(move || serve(master, &told, held)));
        Self { path, ends, served }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(served) = self.served.take() {
            assert!(served.join().is_ok(), "the firmware panicked");
        }
    }
}

fn serve(master: OwnedFd, ends: &AtomicBool, _held: File) {
    let mut line = File::from(master);
    let mut bench = Bench::start(TornFlash::new(1));
    bench.apply(0, 7_200);
    let mut buffer = [0; 512];
    while !ends.load(Ordering::Relaxed) {
        let read = line.read(&mut buffer).unwrap_or(0);
        let read_at = clock_gettime(ClockId::Monotonic);
        let now =
            Mono::from_micros(u64::try_from(read_at.tv_sec * 1_000_000 + read_at.tv_nsec / 1_000).unwrap());
        bench.wires.with(|wiring| {
            wiring.now = now;
            wiring.to_node.extend(buffer[..read].iter().map(|byte| Ok(*byte)));
        });
        bench.device.turn();
        line.write_all(&bench.received()).unwrap();
        if read == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Whether a tool is there; where it may be absent and is, says so.
fn has(tool: &str, probe: &[&str]) -> bool {
    let [program, arguments @ ..] = probe else { return false };
    let is_there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("HAZARD_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
        // Past the capture of the test's output, which takes what the printing macros write: a skip is for everybody to see.
        let _ = writeln!(std::io::stderr().lock(), "skipped: {tool} is not installed");
    }
    is_there
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{told}");
    println!("{told}");
    told
}

#[test]
fn pymodbus_is_answered_as_the_map_says() {
    if has("pymodbus", &["python3", "-c", "import pymodbus, serial"]) {
        let line = Line::open();
        run(Command::new("python3").arg(format!("{FOLDER}/masters.py")).arg(&line.path));
    }
}

#[test]
fn libmodbus_is_answered_as_the_map_says() {
    let program = std::env::temp_dir().join(format!("hazard-masters-{}", std::process::id()));
    let source = format!("{FOLDER}/masters.c");
    let program_text = program.to_string_lossy().into_owned();
    let build = ["gcc", "-o", &program_text, &source, "-I/usr/include/modbus", "-lmodbus"];
    if has("gcc with libmodbus-dev", &build) {
        let line = Line::open();
        run(Command::new(&program).arg(&line.path));
        std::fs::remove_file(program).unwrap();
    }
}

#[test]
fn mbpoll_is_answered_as_the_map_says() {
    if !has("mbpoll", &["mbpoll", "-V"]) {
        return;
    }
    let line = Line::open();
    let poll = |arguments: &[&str], values: &[String]| {
        let usual = ["-m", "rtu", "-a", "1", "-b", "9600", "-P", "none", "-0", "-1", "-o", "3"];
        Command::new("mbpoll").args(usual).args(arguments).arg(&line.path).args(values).output().unwrap()
    };
    let told = |arguments: &[&str], values: &[String]| {
        let output = poll(arguments, values);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        told
    };
    let input = told(&["-t", "3", "-r", "0", "-c", "5"], &[]);
    assert!(input.contains("[0]: \t2") && input.contains("[4]: \t4"), "{input}");
    let value = told(&["-t", "3:float", "-B", "-r", "9", "-c", "1"], &[]);
    assert!(value.contains("[9]: \t20"), "{value}");
    told(&["-t", "1", "-r", "0", "-c", "19"], &[]);
    told(&["-t", "0", "-r", "0", "-c", "11"], &[]);
    assert!(!poll(&["-t", "4", "-r", "32"], &["44".to_owned()]).status.success(), "written without the key");
    told(&["-t", "4", "-r", "33"], &[UNLOCK_KEY.to_string()]);
    told(&["-t", "4", "-r", "32"], &["44".to_owned()]);
    let kept = told(&["-t", "4", "-r", "32", "-c", "1"], &[]);
    assert!(kept.contains("[32]: \t44"), "{kept}");
    told(&["-t", "0", "-r", "3"], &["1".to_owned()]);
    assert!(told(&["-t", "0", "-r", "3", "-c", "1"], &[]).contains("[3]: \t1"));
}
