//! The firmware in QEMU's LM3S6965 board, driven and read from outside: pins and memory by qtest, events by QMP, the core's
//! registers by the debugger's port. Nothing in the image knows that it is tested.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::tools::{PATIENCE, skip, tool, wait_for};

/// What the loops carry in clean air: 0 %LEL, 20.9 %vol, 500 Pa or 50 °C, and the converter's reference.
pub(crate) const CLEAN_AIR: [u32; 5] = [4_000, 17_376, 8_000, 8_000, 12_000];

const LOOPS: u32 = 0x2000_8000;
const PAGES: u32 = 0x2000_9000;
const PAGES_LEN: usize = 2048;
const PORT_F: u32 = 0x4002_53FC;
const PORT_G: u32 = 0x4002_63FC;

/// The ports' place among the chip's PL061, which QEMU makes in this order.
const PORT_E: usize = 4;

/// A node in the emulator.
pub(crate) struct Emulator {
    child: Child,
    test: Channel,
    control: Channel,
    debugger: PathBuf,
    ports: Vec<String>,
    /// The image's symbols.
    pub(crate) image: hazard_image::Elf,
}

/// How the node's line leaves the emulator.
pub(crate) enum Line {
    /// A pseudo-terminal of QEMU's own: [`Emulator::terminal`].
    Terminal,
    /// A TCP port that carries the RTU frames.
    Tcp(u16),
}

/// A button at the node, by its pin on port E.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Acknowledge = 0,
    Reset = 1,
    Silence = 2,
}

/// The relays and the horn as their pins stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pins {
    /// The coils of level 1, level 2 and fault are energised: no alarm.
    pub(crate) coils: [bool; 3],
    /// The horn is kept quiet by its pin.
    pub(crate) horn_quiet: bool,
}

/// No alarm, no fault.
pub(crate) const QUIET: Pins = Pins { coils: [true; 3], horn_quiet: true };

/// The image, built once; `None`, with a word why, where compiler or emulator are absent.
pub(crate) fn image() -> Option<&'static Path> {
    static IMAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match IMAGE.get_or_init(build) {
        Ok(image) => Some(image),
        Err(why) => {
            skip(why);
            None
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = Command::new(root.join("firmware/build")).args(["--here", "lm3s6965evb"]).output().unwrap();
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    match built.status.code() {
        Some(0) => {
            print!("{}", String::from_utf8_lossy(&built.stdout));
            let out = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
            Ok(out.join("boards/lm3s6965evb.elf"))
        }
        Some(69) => Err(said.trim().to_owned()),
        _ => panic!("the firmware does not build: {said}"),
    }
}

impl Emulator {
    /// A node in clean air whose power has just come, after its first measurement.
    pub(crate) fn start(dir: &Path, line: &Line) -> Option<Self> {
        Self::start_with(dir, line, &[0; PAGES_LEN])
    }

    /// A node whose instructions can be traced: more options for the emulator.
    pub(crate) fn start_traced(dir: &Path, line: &Line, options: &[&str]) -> Option<Self> {
        Self::launch(dir, line, &[0; PAGES_LEN], options)
    }

    /// A node whose flash still holds `pages`.
    pub(crate) fn start_with(dir: &Path, line: &Line, pages: &[u8]) -> Option<Self> {
        Self::launch(dir, line, pages, &[])
    }

    fn launch(dir: &Path, line: &Line, pages: &[u8], options: &[&str]) -> Option<Self> {
        let (qemu, image) = (tool("qemu-system-arm")?, image()?);
        let [test, control, debugger] = ["qtest", "qmp", "gdb"].map(|name| dir.join(name));
        // As a flashing tool would write it: gaps are erased, and the header's checksum covers them.
        let flash = image.with_extension("bin");
        let [test_at, control_at, debugger_at] =
            [&test, &control, &debugger].map(|path| format!("unix:{},server=on,wait=off", path.display()));
        for path in [&test, &control, &debugger] {
            drop(std::fs::remove_file(path));
        }
        let serial = match line {
            Line::Terminal => "pty".to_owned(),
            Line::Tcp(port) => format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on"),
        };
        let child = Command::new(qemu)
            .args(["-M", "lm3s6965evb", "-display", "none", "-monitor", "none", "-S", "-accel", "tcg"])
            .args(["-serial", &serial, "-qtest", &test_at, "-qmp", &control_at, "-gdb", &debugger_at])
            .args(options)
            .arg("-kernel")
            .arg(flash)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (test, mut control) = (Channel::open(&test), Channel::open(&control));
        control.hear(|word| word["QMP"].is_object());
        let image = hazard_image::Elf::parse(std::fs::read(image).unwrap()).unwrap();
        let mut emulator = Self { child, test, control, debugger, ports: Vec::new(), image };
        emulator.control("qmp_capabilities", &json!({}));
        emulator.ports = emulator.find_ports();
        for (at, microamperes) in CLEAN_AIR.into_iter().enumerate() {
            emulator.write(LOOPS + 4 * at as u32, microamperes);
        }
        let pages: String = pages.iter().map(|byte| format!("{byte:02x}")).collect();
        emulator.test(&format!("write {PAGES} {PAGES_LEN} 0x{pages}"));
        for key in [Key::Acknowledge, Key::Reset, Key::Silence] {
            emulator.hold(key, false);
        }
        emulator.control("cont", &json!({}));
        emulator.wait_for_pins("a quiet node", |pins| pins == QUIET);
        Some(emulator)
    }

    /// Sets what a loop carries.
    pub(crate) fn feed(&mut self, channel: u32, microamperes: u32) {
        self.write(LOOPS + 4 * channel, microamperes);
    }

    /// Presses a button or lets it go.
    pub(crate) fn hold(&mut self, key: Key, pressed: bool) {
        self.drive(key as u32, !pressed);
    }

    /// Closes or opens the contact.
    pub(crate) fn close_contact(&mut self, closed: bool) {
        self.drive(3, closed);
    }

    fn drive(&mut self, pin: u32, level: bool) {
        let port = self.ports[PORT_E].clone();
        self.test(&format!("set_irq_in {port} unnamed-gpio-in {pin} {}", u8::from(level)));
    }

    /// How the output pins stand.
    pub(crate) fn pins(&mut self) -> Pins {
        let levels = self.read(PORT_F);
        let level = |bit: u32| levels >> bit & 1 == 1;
        Pins { coils: [level(0), level(1), level(2)], horn_quiet: level(3) }
    }

    /// The lamp: green, yellow, red.
    pub(crate) fn lamp(&mut self) -> [bool; 3] {
        let levels = self.read(PORT_G);
        [0, 1, 2].map(|bit| levels >> bit & 1 == 1)
    }

    /// Waits until the pins stand like this.
    pub(crate) fn wait_for_pins(&mut self, what: &str, stand: impl Fn(Pins) -> bool) -> Pins {
        wait_for(what, || Some(self.pins()).filter(|pins| stand(*pins)))
    }

    /// How often the program has started since power came.
    pub(crate) fn boots(&mut self) -> u32 {
        let at = self.image.address("HAZARD_BOOTS").unwrap();
        self.read(at)
    }

    /// What the two pages of the settings hold.
    pub(crate) fn pages(&mut self) -> Vec<u8> {
        let said = self.test(&format!("read {PAGES} {PAGES_LEN}"));
        let digits = said.trim().strip_prefix("0x").unwrap().as_bytes();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The checksum in the header of the image that was built.
    pub(crate) fn image_crc(&self) -> u32 {
        let header = self.image.section(".header").unwrap();
        hazard_node::image::Header::parse(self.image.contents(header).first_chunk().unwrap()).unwrap().crc
    }

    /// The deepest that the stack has been, in bytes: below it the start's paint is whole, above four guard words.
    pub(crate) fn stack_used(&mut self) -> u32 {
        let (start, end) =
            ["_stack_start", "_stack_end"].map(|name| self.image.address(name).unwrap()).into();
        let mut low = end + 16;
        while low < start && self.read(low) == 0xCCCC_CCCC {
            low += 4;
        }
        start - low
    }

    /// Stops the timer that wakes the core: the program sleeps and never comes back, as with a broken clock tree.
    pub(crate) fn hang(&mut self) {
        self.write(0x4003_000C, 0);
    }

    /// Lets the core run on from an address, as after a flipped bit in the program counter.
    pub(crate) fn jump(&mut self, address: u32) {
        let mut debugger = Debugger::attach(&self.debugger);
        assert_eq!(debugger.ask(&format!("Pf={:08x}", address.swap_bytes())), "OK");
        debugger.detach();
    }

    /// Turns the emulator's log of instructions on and off.
    pub(crate) fn log(&mut self, what: &str) {
        self.control("human-monitor-command", &json!({ "command-line": format!("log {what}") }));
    }

    /// Waits for an event of the emulator.
    pub(crate) fn hear(&mut self, event: &str) {
        self.control.hear(|word| word["event"] == event);
    }

    /// Where the node's line is.
    pub(crate) fn terminal(&mut self) -> String {
        let ports = self.control("query-chardev", &json!({}));
        let found =
            ports.as_array().unwrap().iter().find_map(|port| port["filename"].as_str()?.strip_prefix("pty:"));
        found.unwrap().to_owned()
    }

    /// Takes the power away; what the flash held.
    pub(crate) fn cut_power(mut self) -> Vec<u8> {
        self.pages()
    }

    /// A word of memory or of a peripheral.
    pub(crate) fn read(&mut self, address: u32) -> u32 {
        let said = self.test(&format!("readl {address}"));
        u32::from_str_radix(said.trim().trim_start_matches("0x").trim_start_matches("00000000"), 16)
            .unwrap_or(0)
    }

    /// Writes a word of memory or of a peripheral.
    pub(crate) fn write(&mut self, address: u32, word: u32) {
        self.test(&format!("writel {address} {word}"));
    }

    fn test(&mut self, words: &str) -> String {
        self.test.say(words);
        loop {
            let line = self.test.line();
            if let Some(said) = line.strip_prefix("OK") {
                return said.to_owned();
            }
            assert!(line.starts_with("IRQ"), "{words}: {line}");
        }
    }

    fn control(&mut self, verb: &str, arguments: &Value) -> Value {
        self.control.say(&json!({ "execute": verb, "arguments": arguments }).to_string());
        let said = self.control.hear(|word| !word["return"].is_null() || !word["error"].is_null());
        assert!(said["error"].is_null(), "{verb}: {said}");
        said["return"].clone()
    }

    fn find_ports(&mut self) -> Vec<String> {
        let place = "/machine/unattached";
        let listed = self.control("qom-list", &json!({ "path": place }));
        let devices = listed.as_array().unwrap().iter();
        let mut ports: Vec<_> = devices
            .filter(|device| device["type"].as_str().is_some_and(|kind| kind.contains("pl061")))
            .map(|device| device["name"].as_str().unwrap())
            .map(|name| (name.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap(), name))
            .collect();
        ports.sort_unstable();
        ports.into_iter().map(|(_, name)| format!("{place}/{name}")).collect()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A socket on which lines are said and heard; what was heard too early is kept.
struct Channel {
    stream: BufReader<UnixStream>,
    kept: Vec<Value>,
}

impl Channel {
    fn open(path: &Path) -> Self {
        let stream = wait_for("the emulator's socket", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream), kept: Vec::new() }
    }

    fn say(&mut self, words: &str) {
        self.stream.get_mut().write_all(format!("{words}\n").as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let len = self.stream.read_line(&mut line).expect("the emulator answers in time");
        assert!(len > 0, "the emulator has ended");
        line.trim_end().to_owned()
    }

    /// The first word like this, among those kept and those to come.
    fn hear(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&is_it) {
            return self.kept.remove(at);
        }
        loop {
            let word: Value = serde_json::from_str(&self.line()).unwrap();
            if is_it(&word) {
                return word;
            }
            self.kept.push(word);
        }
    }
}

/// The remote protocol of gdb: the core stands still while it is attached.
struct Debugger(UnixStream);

impl Debugger {
    fn attach(path: &Path) -> Self {
        let stream = wait_for("the debugger's socket", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut debugger = Self(stream);
        // Registers can be written one by one only by who has asked for their description.
        debugger.ask("qXfer:features:read:target.xml:0,40");
        debugger
    }

    fn ask(&mut self, words: &str) -> String {
        let sum = words.bytes().fold(0_u8, u8::wrapping_add);
        self.0.write_all(format!("${words}#{sum:02x}").as_bytes()).unwrap();
        loop {
            let said = self.hear();
            // That the core has stopped is told unasked.
            if !said.starts_with('T') {
                return said;
            }
        }
    }

    fn hear(&mut self) -> String {
        let mut said = Vec::new();
        while said.len() < 4 || said[said.len() - 3] != b'#' {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("the debugger answers in time");
            // Acknowledgements come before an answer.
            if !said.is_empty() || byte == *b"$" {
                said.extend(byte);
            }
        }
        self.0.write_all(b"+").unwrap();
        String::from_utf8(said[1..said.len() - 3].to_vec()).unwrap()
    }

    fn detach(mut self) {
        self.ask("D");
    }
}
