//! The node's firmware in the emulator, asked by masters that this project did not write, and looked at from outside: relays,
//! horn, lamp, contact, watchdog, power, and a program that has run away. Then the whole story with the real agent.
//!
//! What emulation cannot show is in `docs/firmware/boards.md`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use hazard_field::Status;
use hazard_field::map::{UNLOCK_KEY, VERSION, coil, discrete, holding, input};
use serde_json::Value;

use crate::emulator::{CLEAN_AIR, Emulator, Key, Line, Pins, QUIET};
use crate::master::Master;
use crate::tools::{free_port, python, tool, wait_for};

/// 40 and 60 %LEL.
const LEVEL_1: u32 = 10_400;
const LEVEL_2: u32 = 13_600;

const ALL_DOWN: Pins = Pins { coils: [false; 3], horn_quiet: false };

/// What the board's factory settings say.
const BAUD: &str = "1200";

/// A node in clean air and a master on its line.
fn node(dir: &std::path::Path) -> Option<(Emulator, Master)> {
    let port = free_port();
    let emulator = Emulator::start(dir, &Line::Tcp(port))?;
    Some((emulator, Master::connect(port)))
}

#[test]
fn pymodbus_and_mbpoll_poll_the_node_on_its_terminal_without_a_bad_reply() {
    let dir = tempfile::tempdir().unwrap();
    let (Some(python), Some(mbpoll)) = (python(), tool("mbpoll")) else { return };
    let Some(mut emulator) = Emulator::start(dir.path(), &Line::Terminal) else { return };
    let terminal = emulator.terminal();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/poll.py");
    let polled = Command::new(python).args([script, &terminal, BAUD, "300"]).output().unwrap();
    let said: Value = serde_json::from_slice(&polled.stdout).unwrap_or_else(|_| panic!("{polled:?}"));
    println!("pymodbus: {said}");
    assert_eq!((&said["polls"], &said["bad"]), (&300.into(), &serde_json::json!([])));
    assert_eq!(said["identity"], "hazard-node", "{said}");
    let refused = said["refused"].as_object().unwrap();
    assert!(refused.values().all(|code| code == 2), "{said}");

    let ask = |words: &[&str]| {
        let fixed = ["-m", "rtu", "-a", "1", "-b", BAUD, "-P", "none", "-0", "-1", "-q", "-o", "5"];
        let output = Command::new(&mbpoll).args(fixed).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let version = ask(&["-r", "0", "-c", "1", "-t", "3", &terminal]);
    assert!(version.contains(&format!("[0]: \t{VERSION}")), "{version}");
    ask(&["-r", &coil::ACKNOWLEDGE.to_string(), "-t", "0", &terminal, "1"]);
}

#[test]
fn gas_moves_relays_horn_and_lamp_and_a_person_at_the_node_quiets_them() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, mut master)) = node(dir.path()) else { return };
    emulator.feed(0, LEVEL_1);
    emulator.wait_for_pins("level 1", |pins| pins.coils == [false, true, true] && !pins.horn_quiet);
    emulator.feed(0, LEVEL_2);
    emulator.wait_for_pins("level 2", |pins| pins.coils == [false, false, true] && !pins.horn_quiet);
    wait_for("the red lamp's flash", || (emulator.lamp() == [false, false, true]).then_some(()));
    // The pass in which the gas rose saw some of both.
    wait_for("60 %LEL", || ((master.value(0) - 60.0).abs() < 0.1).then_some(()));
    emulator.hold(Key::Silence, true);
    emulator.wait_for_pins("the silenced horn", |pins| pins.coils == [false, false, true] && pins.horn_quiet);
    emulator.hold(Key::Silence, false);
    emulator.hold(Key::Acknowledge, true);
    wait_for("the acknowledgement", || (!master.status().has_any(Status::UNACKED)).then_some(()));
    emulator.hold(Key::Acknowledge, false);
    emulator.feed(0, CLEAN_AIR[0]);
    wait_for("clean air", || (master.value(0).abs() < 0.1).then_some(()));
    assert_eq!(emulator.pins().coils, [false, false, true], "an alarm ends by itself");
    emulator.hold(Key::Reset, true);
    emulator.wait_for_pins("the node after its reset", |pins| pins == QUIET);
}

#[test]
fn the_contact_of_an_interlock_is_an_alarm_of_its_own_channel() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, mut master)) = node(dir.path()) else { return };
    assert!(!master.bit(discrete::channel(3)));
    emulator.close_contact(true);
    wait_for("the contact's alarm", || master.bit(discrete::channel(3)).then_some(()));
    assert!(!emulator.pins().horn_quiet);
    assert!(!master.bit(discrete::channel(0)), "the gas channel has no part in it");
}

#[test]
fn a_broken_loop_drops_the_fault_relay_and_is_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, mut master)) = node(dir.path()) else { return };
    emulator.feed(1, 0);
    emulator.wait_for_pins("the fault relay", |pins| !pins.coils[2]);
    wait_for("no number", || master.value(1).is_nan().then_some(()));
    assert!(master.bit(discrete::channel(1) + discrete::FAULT));
    assert!(master.value(0).abs() < 0.1, "the other loop measures on");
}

#[test]
fn a_program_that_sleeps_for_ever_is_reset_by_the_watchdog_and_alarms_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, mut master)) = node(dir.path()) else { return };
    assert_eq!((emulator.boots(), master.input(input::RESET_CAUSE)), (1, 1), "power came");
    emulator.feed(0, LEVEL_2);
    emulator.wait_for_pins("level 2", |pins| pins.coils == [false, false, true]);
    emulator.hang();
    emulator.hear("WATCHDOG");
    emulator.hear("RESET");
    wait_for("the second start", || (emulator.boots() == 2).then_some(()));
    emulator.wait_for_pins("level 2 after the reset", |pins| {
        pins.coils == [false, false, true] && !pins.horn_quiet
    });
    assert_eq!(master.input(input::RESET_CAUSE), 2, "the watchdog was the cause");
}

#[test]
fn a_program_that_runs_into_nowhere_sounds_at_once_and_is_reset() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, _master)) = node(dir.path()) else { return };
    // Where peripherals are, nothing may be executed.
    emulator.jump(0x4000_C000);
    emulator.wait_for_pins("every relay down", |pins| pins == ALL_DOWN);
    assert_eq!(emulator.boots(), 1, "the alarm does not wait for the reset");
    emulator.hear("WATCHDOG");
    emulator.wait_for_pins("the quiet node after its reset", |pins| pins == QUIET);
    assert_eq!(emulator.boots(), 2);
}

#[test]
fn settings_written_by_a_master_are_there_after_a_loss_of_power() {
    let dir = tempfile::tempdir().unwrap();
    let Some((emulator, mut master)) = node(dir.path()) else { return };
    let ten = [0x4120, 0x0000];
    assert!(master.set(holding::channel(0), &ten).is_err(), "settings are locked");
    master.set(holding::UNLOCK, &[UNLOCK_KEY]).unwrap();
    master.set(holding::channel(0), &ten).unwrap();
    wait_for("the settings in flash", || (!master.bit(discrete::UNSAVED)).then_some(()));
    let pages = emulator.cut_power();
    let port = free_port();
    let Some(mut emulator) = Emulator::start_with(dir.path(), &Line::Tcp(port), &pages) else { return };
    let mut master = Master::connect(port);
    assert_eq!(master.holding(holding::channel(0), 2), ten);
    assert_eq!(emulator.boots(), 1, "power came");
    // 12 %LEL: an alarm by the written set-point alone.
    emulator.feed(0, 5_920);
    emulator.wait_for_pins("level 1", |pins| pins.coils == [false, true, true]);
}

#[test]
fn every_self_test_of_the_board_runs_and_passes_and_a_converter_that_drifts_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut emulator, mut master)) = node(dir.path()) else { return };
    // Memory, program, stack, reference.
    wait_for("the self-tests", || (master.input(input::SELF_TEST_DONE) & 0b1111 == 0b1111).then_some(()));
    assert_eq!(master.input(input::SELF_TEST_FAILED), 0);
    let crc = master.inputs(input::IMAGE_CRC, 2);
    let sealed = emulator.image_crc();
    assert_eq!(u32::from(crc[0]) << 16 | u32::from(crc[1]), sealed, "the header's checksum");
    emulator.feed(4, 13_000);
    emulator.wait_for_pins("the fault relay", |pins| !pins.coils[2]);
    assert_eq!(master.input(input::SELF_TEST_FAILED), 0b1000);
}

#[test]
fn the_stack_stays_within_what_the_instructions_say_and_every_frame_of_noise_goes_unanswered() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let Some(mut emulator) = Emulator::start(dir.path(), &Line::Tcp(port)) else { return };
    let frames = noise(port);
    let mut master = Master::connect(port);
    assert!(master.inputs(0, 125).len() == 125, "it answers after the noise");
    master.set(holding::UNLOCK, &[UNLOCK_KEY]).unwrap();
    master.set(holding::channel(0), &[0x41A0, 0x0000]).unwrap();
    wait_for("the settings in flash", || (!master.bit(discrete::UNSAVED)).then_some(()));
    let budget = hazard_image::Budget::of(&emulator.image).unwrap();
    let (used, bound) = (emulator.stack_used(), budget.stack.bytes);
    println!("stack: {used} bytes used, {bound} by the instructions; {frames} frames of noise");
    assert!(used > 1_000 && used <= bound, "{used} of {bound}");
    assert_eq!(emulator.boots(), 1);
}

/// Frames that are none, one after the other, each followed by silence; how many.
fn noise(port: u16) -> usize {
    let mut stream = wait_for("the node's line", || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut random = hazard_tests::rng::Rng::new(20_261_128);
    for _ in 0..200 {
        let len = random.between(1, 300) as usize;
        let frame: Vec<u8> = (0..len).map(|_| random.between(0, 255) as u8).collect();
        stream.write_all(&frame).unwrap();
        let mut reply = [0; 8];
        let answered = stream.read(&mut reply);
        assert!(answered.is_err(), "{frame:?} was answered: {reply:?}");
    }
    200
}
