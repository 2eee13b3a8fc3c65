//! Pins, lamps, horn, buttons, watchdog and self-tests.

use crate::bench::{Bench, Out, TornFlash, Wires, adu, request};
use hazard_field::map::{discrete, input};
use hazard_field::{Mono, Status};
use hazard_node::hal::{AnalogReading, Check, ResetCause};
use hazard_node::log::What;
use hazard_node::selftest::Tested;

fn bench() -> Bench {
    Bench::start(TornFlash::new(1))
}

fn relays(bench: &Bench) -> [bool; 4] {
    [Out::Level1, Out::Level2, Out::Fault, Out::Horn].map(|out| bench.wires.level(out))
}

fn status(bench: &mut Bench) -> Status {
    Status::from_bits(bench.read(4, input::STATUS, 1)[0])
}

#[test]
fn coils_are_energised_only_after_a_completed_pass_and_fall_with_the_alarm() {
    let mut bench = bench();
    bench.run(15);
    assert_eq!(relays(&bench), [false; 4], "15 of 16 conversions: nothing is measured");
    bench.run(5);
    assert_eq!(relays(&bench), [true; 4]);
    bench.apply(0, 8_000);
    bench.run(210);
    assert_eq!(relays(&bench), [false, true, true, false], "level 1 and horn");
    bench.apply(0, 12_000);
    bench.run(210);
    assert_eq!(relays(&bench), [false, false, true, false]);
    bench.wires.with(|wiring| wiring.inputs[0] = AnalogReading::Fault);
    bench.run(210);
    assert_eq!(relays(&bench), [false; 4]);
}

#[test]
fn the_buttons_silence_acknowledge_and_reset() {
    let mut bench = bench();
    bench.apply(0, 8_000);
    bench.run(300);
    let press = |bench: &mut Bench, place: usize| {
        bench.wires.with(|wiring| wiring.pressed[place] = true);
        bench.run(150);
        bench.wires.with(|wiring| wiring.pressed[place] = false);
        bench.run(150);
    };
    assert!(!bench.wires.level(Out::Horn));
    press(&mut bench, 2);
    assert!(bench.wires.level(Out::Horn) && !bench.wires.level(Out::Level1));
    bench.apply(0, 4_000);
    press(&mut bench, 1);
    assert!(!bench.wires.level(Out::Level1), "reset without acknowledgement");
    press(&mut bench, 0);
    press(&mut bench, 1);
    assert_eq!(relays(&bench), [true; 4]);
    let codes: Vec<u16> = (1..).map_while(|n| bench.device.node().event(n)).map(|event| event.code).collect();
    for (what, who) in [(What::Silenced, 1), (What::Acknowledged, 1), (What::Reset, 1)] {
        assert!(codes.contains(&(u16::from(what.code()) << 8 | who)), "{what:?} by a button: {codes:x?}");
    }
}

#[test]
fn the_lamp_is_green_in_peace_yellow_in_fault_and_flashes_red_twice_as_fast_at_level_2() {
    let flashes = |counts: AnalogReading, out: Out| {
        let mut bench = bench();
        settle(&mut bench);
        bench.wires.with(|wiring| wiring.inputs[0] = counts);
        bench.run(300);
        let levels: Vec<bool> = (0..2_000).map(|_| (bench.run(1), bench.wires.level(out)).1).collect();
        levels.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    assert_eq!(flashes(AnalogReading::Raw(4_000), Out::Green), 0);
    assert_eq!(flashes(AnalogReading::Fault, Out::Yellow), 4, "once a second");
    assert_eq!(flashes(AnalogReading::Raw(8_000), Out::Red), 4);
    assert_eq!(flashes(AnalogReading::Raw(12_000), Out::Red), 8);
}

/// Confirms the factory settings, so that nothing asks for maintenance.
fn settle(bench: &mut Bench) {
    bench.unlock();
    assert_eq!(bench.write(hazard_field::map::holding::GATEWAY_TIMEOUT, &[0]), Ok(()));
    bench.run(2_000);
    assert!(status(bench).category() == hazard_field::Category::Normal);
}

#[test]
fn the_watchdog_is_fed_by_completed_passes_only() {
    let mut bench = bench();
    bench.run(1_000);
    let fed = bench.wires.with(|wiring| wiring.feeds);
    assert!((9..=11).contains(&fed), "{fed} times in ten passes");
    // Time stands still: turns without a pass feed nothing.
    for _ in 0..1_000 {
        bench.device.turn();
    }
    assert_eq!(bench.wires.with(|wiring| wiring.feeds), fed);
}

#[test]
fn a_clock_that_steps_back_stops_neither_alarm_nor_watchdog_and_is_told() {
    let mut bench = bench();
    bench.wires.with(|wiring| wiring.now = Mono::from_millis(1_000_000));
    bench.run(300);
    bench.wires.with(|wiring| wiring.now = Mono::from_millis(5));
    bench.apply(0, 12_000);
    let fed = bench.wires.with(|wiring| wiring.feeds);
    bench.run(300);
    assert!(!bench.wires.level(Out::Level2));
    assert!(bench.wires.with(|wiring| wiring.feeds) >= fed + 2);
    assert!(bench.device.node().facts().tests.has_failed(Tested::Clock));
    assert!(status(&mut bench).has_any(Status::MAINTENANCE_REQUIRED));
}

#[test]
fn each_self_test_that_fails_is_told_by_its_bit_and_a_vital_one_drops_the_fault_relay() {
    type Break = (Tested, fn(&mut Bench));
    let breaks: [Break; 5] = [
        (Tested::Ram, |bench| bench.wires.with(|wiring| wiring.ram = Check::Failed)),
        (Tested::Stack, |bench| bench.wires.with(|wiring| wiring.stack = Check::Failed)),
        (Tested::Reference, |bench| {
            bench.wires.with(|wiring| wiring.reference = AnalogReading::Raw(1_020_001))
        }),
        (Tested::Relays, |bench| bench.wires.with(|wiring| wiring.coils = Some([true, false, true]))),
        (Tested::Program, |bench| bench.program.borrow_mut()[3_000] ^= 1),
    ];
    for (tested, spoil) in breaks {
        let mut bench = bench();
        bench.run(3_000);
        assert_eq!(bench.read(4, input::SELF_TEST_FAILED, 1), [0], "{tested:?}");
        let vital = Tested::ALL.iter().filter(|tested| **tested != Tested::Settings);
        let done = vital.fold(0, |bits, tested| bits | 1 << tested.bit());
        assert_eq!(bench.read(4, input::SELF_TEST_DONE, 1), [done]);
        assert!(bench.wires.level(Out::Fault));
        spoil(&mut bench);
        bench.run(3_000);
        assert_eq!(bench.read(4, input::SELF_TEST_FAILED, 1), [1 << tested.bit()], "{tested:?}");
        assert!(!bench.wires.level(Out::Fault), "{tested:?}");
        assert_eq!(bench.ask(&request(2, discrete::SELF_TEST_FAILED, 1)), [2, 1, 1]);
        let last = bench.device.node().next_event() - 1;
        let found = (1..=last).rev().filter_map(|n| bench.device.node().event(n));
        let code = u16::from(What::SelfTestFailed.code()) << 8 | u16::from(tested.bit());
        assert!(found.map(|event| event.code).any(|seen| seen == code), "{tested:?}");
    }
}

#[test]
fn a_slice_of_memory_that_failed_is_told_until_the_next_start_whatever_the_other_slices_say() {
    let mut bench = bench();
    settle(&mut bench);
    bench.wires.with(|wiring| wiring.ram = Check::Failed);
    bench.run(6);
    bench.wires.with(|wiring| wiring.ram = Check::Passed);
    bench.run(3_000);
    assert_eq!(bench.read(4, input::SELF_TEST_FAILED, 1), [1 << Tested::Ram.bit()]);
    assert!(!bench.wires.level(Out::Fault));
    let mut bench = Bench::start_on(Wires::new(), bench.flash.copy(1), ResetCause::Power);
    settle(&mut bench);
    assert_eq!(bench.read(4, input::SELF_TEST_FAILED, 1), [0]);
}

#[test]
fn a_stuck_button_asks_for_maintenance_and_acts_once() {
    let mut bench = bench();
    settle(&mut bench);
    bench.wires.with(|wiring| wiring.pressed[0] = true);
    bench.run(31_000);
    assert!(bench.device.node().facts().tests.has_failed(Tested::Buttons));
    assert!(status(&mut bench).has_any(Status::MAINTENANCE_REQUIRED) && bench.wires.level(Out::Fault));
}

#[test]
fn the_driver_is_on_exactly_while_the_answer_leaves_and_the_own_echo_is_no_request() {
    let mut bench = bench();
    bench.wires.with(|wiring| wiring.echoes = true);
    assert!(!bench.wires.level(Out::Driver));
    let answer = bench.ask(&request(4, 0, 4));
    assert_eq!(answer[..2], [4, 8]);
    assert!(!bench.wires.level(Out::Driver), "let go");
    bench.run(100);
    assert!(bench.received().is_empty(), "answered its echo");
    // A write's answer is a whole frame to this unit: executed again it would answer itself for ever.
    assert_eq!(bench.coil(0, true), Ok(()));
    bench.run(100);
    assert!(bench.received().is_empty(), "answered its echo");
}

#[test]
fn what_the_line_brings_is_counted() {
    let mut bench = bench();
    bench.read(4, 0, 1);
    let mut spoilt = adu(1, &request(4, 0, 1));
    spoilt[3] ^= 1;
    bench.send(&spoilt);
    bench.wires.with(|wiring| wiring.to_node.push_back(Err(embedded_hal_nb::serial::ErrorKind::Parity)));
    bench.run(8);
    bench.ask(&request(99, 0, 1));
    bench.send(&adu(2, &request(4, 0, 1)));
    let counts = bench.read(4, input::REQUESTS, 4);
    assert_eq!(counts, [2, 1, 1, 1], "requests, bad checksums, faults of the line, refusals");
}

#[test]
fn the_reset_cause_and_the_first_event_say_why_it_started() {
    let flash = TornFlash::new(1);
    let mut bench = Bench::start_on(Wires::new(), flash, ResetCause::Watchdog);
    assert_eq!(bench.read(4, input::RESET_CAUSE, 1), [ResetCause::Watchdog.code()]);
    let first = bench.device.node().event(1).expect("the first event");
    assert_eq!(first.code, u16::from(What::Started.code()) << 8 | ResetCause::Watchdog.code());
}

#[test]
fn the_image_is_told_once_it_was_seen_whole() {
    let mut bench = bench();
    bench.run(2_000);
    let version = bench.read(4, input::IMAGE_VERSION, 2);
    assert_eq!(version, [0x0001, 0x0203]);
}
