//! Power goes in every flash operation, before, within and behind it: settings are the old ones or the new ones, never a mixture,
//! and never factory settings that nobody asked for.

use crate::bench::{Bench, Cut, TornFlash, WORDS, Wires, float};
use hazard_field::Crc32;
use hazard_field::map::{Quantity, holding, input};
use hazard_node::hal::{Page, ResetCause};
use hazard_node::store::SettingsState;
use hazard_node::{Flash, stored_line};

/// Torn operations with different bits.
const TEARS: u64 = 8;

fn holdings(bench: &mut Bench) -> Vec<u16> {
    let half = holding::END / 2;
    [bench.read(3, 0, half), bench.read(3, half, holding::END - half)].concat()
}

fn state(bench: &mut Bench) -> u16 {
    bench.read(4, input::SETTINGS_STATE, 1)[0]
}

fn sequence(bench: &mut Bench) -> u16 {
    bench.read(4, input::SETTINGS_SEQUENCE, 2)[1]
}

fn starts(bench: &mut Bench) -> u16 {
    bench.read(4, input::STARTS, 2)[1]
}

/// Writes settings that differ in many registers, with the first set-point as their name, and lets them be stored.
fn change(bench: &mut Bench, setpoint: f32) {
    bench.unlock();
    let limits = [float(setpoint), float(setpoint + 5.0), float(1.0)].concat();
    if bench.flash.is_dead() {
        return;
    }
    assert_eq!(bench.write(holding::channel(0), &limits), Ok(()));
    assert_eq!(bench.write(holding::GATEWAY_TIMEOUT, &[setpoint as u16 * 7]), Ok(()));
    let quantity = if (setpoint as u16).is_multiple_of(2) { Quantity::Oxygen } else { Quantity::Temperature };
    assert_eq!(bench.write(holding::setup(1), &[quantity.code()]), Ok(()));
    bench.run(12_000);
}

/// A flash in which both pages were used, and its settings.
fn lived() -> (TornFlash, Vec<u16>) {
    let flash = TornFlash::new(3);
    let mut bench = Bench::start(flash.clone());
    for setpoint in [11.0, 12.0, 13.0] {
        change(&mut bench, setpoint);
    }
    assert_eq!((state(&mut bench), sequence(&mut bench)), (SettingsState::Stored.code(), 3));
    let settings = holdings(&mut bench);
    (flash, settings)
}

#[test]
fn a_cut_in_any_operation_leaves_the_old_settings_or_the_new_ones() {
    let (before, old) = lived();
    let mut whole = Bench::start(before.copy(1));
    change(&mut whole, 20.0);
    let new = holdings(&mut whole);
    assert!(
        old.iter().zip(&new).filter(|(old, new)| old != new).count() > 10,
        "settings that differ in many registers"
    );
    let operations = whole.flash.operations();
    assert!(operations > 100, "{operations}");
    let (mut points, mut kept, mut taken) = (0, 0, 0);
    for operation in 0..operations {
        let torn = (0..TEARS).map(|seed| (Cut::Within, seed));
        for (cut, seed) in [(Cut::Before, 0), (Cut::Behind, 0)].into_iter().chain(torn) {
            let flash = before.copy(seed);
            flash.cut_in(operation, cut);
            let mut bench = Bench::start(flash.clone());
            if !flash.is_dead() {
                change(&mut bench, 20.0);
            }
            assert!(flash.is_dead(), "operation {operation} does not come");
            let mut bench = Bench::start(flash.copy(99));
            let (found, state) = (holdings(&mut bench), state(&mut bench));
            assert!(found == old || found == new, "operation {operation}, {cut:?}, seed {seed}: a mixture");
            let is_told =
                [SettingsState::Stored, SettingsState::OlderCopy].iter().any(|told| told.code() == state);
            assert!(is_told, "operation {operation}, {cut:?}: state {state}");
            assert!(
                found == old || state == SettingsState::Stored.code(),
                "new settings that doubt themselves"
            );
            points += 1;
            kept += usize::from(found == old);
            taken += usize::from(found == new);
        }
    }
    println!(
        "{operations} flash operations, {points} cuts: {kept} left the old settings, {taken} the new ones"
    );
    assert!(taken > 0 && kept > 0);
}

#[test]
fn a_cut_in_the_first_storing_leaves_factory_settings_that_say_so_or_the_new_ones() {
    let factory = holdings(&mut Bench::start(TornFlash::new(1)));
    let mut whole = Bench::start(TornFlash::new(1));
    change(&mut whole, 20.0);
    let new = holdings(&mut whole);
    for operation in 0..whole.flash.operations() {
        for (cut, seed) in [(Cut::Before, 0), (Cut::Within, 1), (Cut::Within, 2), (Cut::Behind, 0)] {
            let flash = TornFlash::new(seed);
            flash.cut_in(operation, cut);
            change(&mut Bench::start(flash.clone()), 20.0);
            let mut bench = Bench::start(flash.copy(99));
            let (found, state) = (holdings(&mut bench), state(&mut bench));
            if found == new {
                assert_eq!(state, SettingsState::Stored.code());
            } else {
                assert_eq!(found, factory, "operation {operation}, {cut:?}");
                let told = [SettingsState::Factory, SettingsState::BothDamaged].map(SettingsState::code);
                assert!(told.contains(&state), "factory settings in silence: {state}");
            }
        }
    }
}

#[test]
fn a_cut_at_a_start_loses_no_settings_and_repeats_no_number_of_an_event() {
    let (before, old) = lived();
    // More starts than a page has words: the copy is written anew in between.
    let mut flash = before;
    let mut last = 0;
    for start in 0..2 * WORDS {
        let cut = [Cut::Before, Cut::Within, Cut::Behind][start % 3];
        let torn = flash.copy(start as u64);
        if start % 2 == 0 {
            torn.cut_in((start / 2) % 3, cut);
        }
        let mut bench = Bench::start(torn.clone());
        if torn.is_dead() {
            flash = torn.copy(0);
            continue;
        }
        assert_eq!(holdings(&mut bench), old, "start {start}");
        let counted = starts(&mut bench);
        assert!(counted > last, "start {start}: {counted} after {last}");
        assert_eq!(bench.device.node().next_event() >> 16, u32::from(counted));
        last = counted;
        flash = torn.copy(0);
    }
    assert!(usize::from(last) > WORDS, "{last}");
}

#[test]
fn a_flipped_bit_in_the_newest_copy_is_found_and_the_older_one_says_what_it_is() {
    let (lived, _) = lived();
    for word in (0..112).step_by(3) {
        // The third storing lies in page A.
        let flash = lived.copy(0);
        flash.flip(Page::A, word, (word % 32) as u32);
        let mut bench = Bench::start(flash.clone());
        let setpoint = bench.read(3, holding::channel(0), 2);
        let in_record = word < 102;
        if in_record {
            assert_eq!(setpoint, float(12.0), "word {word}");
            assert_eq!(state(&mut bench), SettingsState::OlderCopy.code());
        }
        flash.flip(Page::B, 50, 1);
        let mut bench = Bench::start(flash.copy(0));
        if in_record {
            assert_eq!(state(&mut bench), SettingsState::BothDamaged.code());
            bench.run(300);
            assert!(!bench.wires.level(crate::bench::Out::Fault), "damaged settings without a fault");
        }
    }
}

#[test]
fn storing_that_fails_is_told_and_given_up_after_three_tries() {
    let (flash, old) = lived();
    let flash = flash.copy(1);
    let mut bench = Bench::start(flash.clone());
    flash.wear_out();
    change(&mut bench, 20.0);
    bench.run(60_000);
    assert_eq!(state(&mut bench), SettingsState::StoringFailed.code());
    assert_eq!(flash.erases().iter().sum::<usize>(), 3, "tries");
    let mut bench = Bench::start_on(Wires::new(), flash.copy(1), ResetCause::Power);
    assert_eq!(holdings(&mut bench), old);
}

#[test]
fn a_master_that_writes_without_end_wears_one_erase_in_ten_seconds() {
    let (flash, _) = lived();
    let flash = flash.copy(1);
    let mut bench = Bench::start(flash.clone());
    bench.unlock();
    for turn in 0..2_000_u16 {
        assert_eq!(bench.write(holding::GATEWAY_TIMEOUT, &[turn]), Ok(()));
        bench.run(40);
    }
    bench.run(30_000);
    let erases: usize = flash.erases().iter().sum();
    assert!((8..=13).contains(&erases), "{erases} in two minutes");
    let mut bench = Bench::start(flash.copy(1));
    assert_eq!(bench.read(3, holding::GATEWAY_TIMEOUT, 1), [1_999]);
}

#[test]
fn numbers_of_events_that_run_out_while_settings_are_stored_spoil_no_storing() {
    let (lived, _) = lived();
    let mut bench = Bench::start(lived.copy(1));
    let before = (starts(&mut bench), sequence(&mut bench));
    let left = |bench: &Bench| 0x1_0000 - (bench.device.node().next_event() & 0xFFFF);
    // Acknowledge, reset and silence: three events a request.
    let press = [15, 0, 0, 0, 3, 1, 0b111];
    while left(&bench) > 16 {
        assert_eq!(bench.ask(&press)[0], 15);
    }
    bench.unlock();
    assert_eq!(bench.write(holding::channel(0), &float(18.0)), Ok(()));
    let idle = bench.flash.operations();
    while bench.flash.operations() == idle {
        bench.run(1);
    }
    while bench.device.node().next_event() >> 16 == u32::from(before.0) {
        assert_eq!(bench.ask(&press)[0], 15);
    }
    assert_eq!(state(&mut bench), SettingsState::ToBeStored.code(), "it is still being written");
    bench.run(200);
    assert_eq!(state(&mut bench), SettingsState::Stored.code());
    assert_eq!((starts(&mut bench), sequence(&mut bench)), (before.0 + 1, before.1 + 1));
    let mut bench = Bench::start(bench.flash.copy(1));
    assert_eq!((starts(&mut bench), state(&mut bench)), (before.0 + 2, SettingsState::Stored.code()));
}

/// Puts a newer whole copy into page B: that of page A, with another set-point of channel 1 and another speed.
fn forge_newer(flash: &mut TornFlash, setpoint: f32, baud: u16) {
    const CRC_AT: usize = 4 + (holding::END as usize).div_ceil(2);
    let [unit_and_baud, setpoint_at] =
        [holding::UNIT_ADDRESS, holding::channel(0)].map(|at| 4 + usize::from(at) / 2);
    let mut words: Vec<u32> = (0..CRC_AT).map(|word| flash.read(Page::A, word).expect("a word")).collect();
    words[2] += 1;
    words[setpoint_at] = setpoint.to_bits();
    words[unit_and_baud] = words[unit_and_baud] & 0xFFFF_0000 | u32::from(baud);
    words.push(words[1..].iter().fold(Crc32::new(), |crc, word| crc.with(&word.to_le_bytes())).value());
    flash.erase(Page::B).expect("erased");
    for (at, word) in words.into_iter().enumerate() {
        flash.program(Page::B, at, word).expect("programmed");
    }
}

#[test]
fn the_port_gets_the_speed_of_the_settings_that_are_taken_and_not_that_of_a_newer_copy_that_means_nothing() {
    let mut flash = TornFlash::new(1);
    let mut bench = Bench::start(flash.clone());
    bench.unlock();
    assert_eq!(bench.write(holding::UNIT_ADDRESS, &[42, 1152]), Ok(()));
    bench.run(3_000);
    for (setpoint, taken, state) in
        [(24.0, 192, SettingsState::Stored), (26.0, 1152, SettingsState::OlderCopy)]
    {
        // Level 1 of a combustible gas lies at 25 %LEL at most.
        forge_newer(&mut flash, setpoint, 192);
        let line = stored_line::<4>(&flash).expect("settings");
        let mut bench = Bench::start(flash.copy(1));
        assert_eq!(bench.read(4, input::SETTINGS_STATE, 1), [state.code()]);
        assert_eq!(bench.read(3, holding::BAUD, 1), [taken], "{setpoint} %LEL");
        assert_eq!(line.baud(), u32::from(taken) * 100, "{setpoint} %LEL");
    }
    flash.erase(Page::A).expect("erased");
    assert_eq!(stored_line::<4>(&flash), None, "no settings that mean something: the factory's speed");
}
