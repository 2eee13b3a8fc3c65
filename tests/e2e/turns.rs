//! How many instructions the longest turn of the firmware's loop takes, counted by the emulator one by one: a time in emulation would be
//! the host's.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::thread::JoinHandle;

use hazard_field::map::{UNLOCK_KEY, discrete, holding};

use crate::emulator::{Emulator, Line};
use crate::master::Master;
use crate::tools::{free_port, wait_for};

/// The core's instruction that ends a turn: sleep until an interrupt is pending.
const WFI: [u8; 2] = [0x30, 0xBF];
/// A millisecond of the chip at a cycle each, two at most with its waits: the receiver's sixteen bytes last 2.8 ms at 57,600 baud.
const INSTRUCTIONS_MAX: u64 = 50_000;

/// Turns and the instructions of the longest.
#[derive(Default)]
struct Turns {
    count: u64,
    longest: u64,
}

/// Reads the trace, a line an instruction, until the emulator closes it.
fn count(trace: File, wfi: u32) -> Turns {
    let (mut turns, mut instructions, mut began) = (Turns::default(), 0, false);
    for line in BufReader::new(trace).split(b'\n').map_while(Result::ok) {
        // Trace 0: 0x7f… [00000000/000000000000a1b2/…]
        let text = String::from_utf8_lossy(&line);
        let Some(pc) = text.split('/').nth(1).and_then(|pc| u32::from_str_radix(pc, 16).ok()) else {
            continue;
        };
        instructions += 1;
        if pc == wfi {
            // The first turn was seen in part.
            if began {
                turns.count += 1;
                turns.longest = turns.longest.max(instructions);
            }
            (instructions, began) = (0, true);
        }
    }
    turns
}

fn wfi(image: &hazard_image::Elf) -> u32 {
    let main = image.symbols.iter().find(|symbol| symbol.name.contains("__cortex_m_rt_main")).unwrap();
    let (start, text) = (main.address & !1, image.section(".text").unwrap());
    let from = (start - text.address) as usize;
    let code = &image.contents(text)[from..from + main.size as usize];
    let at = code.chunks(2).position(|half| half == WFI).expect("the loop sleeps");
    start + 2 * at as u32
}

#[test]
fn the_longest_turn_of_the_loop_is_short_enough_for_the_receiver() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    assert!(Command::new("mkfifo").arg(&trace).status().unwrap().success());
    let Some(image) = crate::emulator::image() else { return };
    let wfi = wfi(&hazard_image::Elf::parse(std::fs::read(image).unwrap()).unwrap());
    let reader: JoinHandle<Turns> = std::thread::spawn({
        let trace = trace.clone();
        move || count(File::open(trace).unwrap(), wfi)
    });
    let port = free_port();
    let options = ["-singlestep", "-D", trace.to_str().unwrap()];
    let Some(mut emulator) = Emulator::start_traced(dir.path(), &Line::Tcp(port), &options) else { return };
    let mut master = Master::connect(port);
    emulator.log("exec,nochain");
    // What a turn can be busy with: the longest answers, gas in two levels, a refusal, settings and their storing.
    assert_eq!(master.inputs(0, 125).len(), 125);
    emulator.feed(0, 13_600);
    emulator.wait_for_pins("level 2", |pins| pins.coils == [false, false, true]);
    assert_eq!(master.holding(holding::setup(0), 100).len(), 100);
    assert!(master.set(holding::channel(0), &[0x4120, 0]).is_err(), "locked");
    master.set(holding::UNLOCK, &[UNLOCK_KEY]).unwrap();
    master.set(holding::channel(0), &[0x4120, 0]).unwrap();
    wait_for("the settings in flash", || (!master.bit(discrete::UNSAVED)).then_some(()));
    emulator.log("none");
    drop(emulator);
    let Turns { count, longest } = reader.join().unwrap();
    println!("loop: the longest of {count} turns took {longest} instructions");
    assert!(count > 100 && longest < INSTRUCTIONS_MAX, "{longest} of {INSTRUCTIONS_MAX} in {count} turns");
}
