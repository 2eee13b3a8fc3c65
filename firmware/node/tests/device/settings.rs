//! What a master may write, under lock and whole, and what stays after a start.

use crate::bench::{Bench, Out, TornFlash, float, of_float, request};
use hazard_field::map::{Quantity, UNLOCK_KEY, coil, discrete, holding, input};
use hazard_field::{Status, Unit};
use hazard_node::hal::AnalogReading;
use hazard_node::store::SettingsState;

const LOCKED: u8 = 4;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;
const BUSY: u8 = 6;

fn bench() -> Bench {
    Bench::start(TornFlash::new(1))
}

fn unlocked() -> Bench {
    let mut bench = bench();
    bench.run(300);
    bench.unlock();
    bench
}

#[test]
fn nothing_that_makes_the_node_quieter_is_written_without_the_key() {
    let mut bench = bench();
    bench.run(300);
    for (address, words) in [
        (holding::channel(0), float(20.0).to_vec()),
        (holding::GATEWAY_TIMEOUT, vec![9]),
        (holding::UNIT_ADDRESS, vec![9]),
        (holding::setup(0), vec![2]),
        (holding::setup(0) + holding::CALIBRATE, vec![3]),
    ] {
        assert_eq!(bench.write(address, &words), Err(LOCKED), "{address}");
    }
    for offset in [coil::INHIBIT, coil::CALIBRATION] {
        assert_eq!(bench.coil(coil::channel(0) + offset, true), Err(LOCKED));
        assert_eq!(bench.coil(coil::channel(0) + offset, false), Ok(()), "ending work needs no key");
    }
    for address in [coil::ACKNOWLEDGE, coil::RESET, coil::SILENCE] {
        assert_eq!(bench.coil(address, true), Ok(()));
    }
    bench.unlock();
    assert_eq!(bench.read(4, input::UNLOCKED, 1), [600]);
    assert_eq!(bench.ask(&request(2, discrete::UNLOCKED, 1)), [2, 1, 1]);
    assert_eq!(bench.write(holding::channel(0), &float(20.0)), Ok(()));
    bench.run(600_000);
    assert_eq!(bench.write(holding::channel(0), &float(21.0)), Err(LOCKED));
}

#[test]
fn the_key_is_a_write_of_its_own_and_three_wrong_ones_bar_it() {
    let mut bench = bench();
    bench.run(300);
    assert_eq!(bench.write(holding::UNLOCK, &[UNLOCK_KEY, 0, 0]), Err(ILLEGAL_ADDRESS));
    for _ in 0..3 {
        assert_eq!(bench.write(holding::UNLOCK, &[1]), Err(ILLEGAL_VALUE));
    }
    assert_eq!(bench.write(holding::UNLOCK, &[UNLOCK_KEY]), Err(BUSY));
    bench.run(60_000);
    assert_eq!(bench.write(holding::UNLOCK, &[UNLOCK_KEY]), Ok(()));
    assert_eq!(bench.read(3, holding::UNLOCK, 1), [0], "the key cannot be read");
}

#[test]
fn a_channel_is_fitted_by_its_quantity_and_what_is_written_with_it() {
    let mut bench = unlocked();
    for quantity in Quantity::ALL {
        assert_eq!(bench.write(holding::setup(1), &[quantity.code()]), Ok(()), "{quantity:?}");
        let fitted = quantity != Quantity::NotFitted;
        let shown = bench.read(4, input::channel(1) + input::CHANNEL_STATUS, 1)[0];
        assert_eq!(shown == Status::NOT_FITTED.bits(), !fitted, "{quantity:?}");
        assert_eq!(bench.read(4, input::detail(1) + input::QUANTITY, 1), [quantity.code()]);
    }
    let setup = [
        vec![Quantity::Oxygen.code(), 2, 0, Unit::PercentVolume.code()],
        float(0.0).to_vec(),
        float(30.0).to_vec(),
        vec![4, 8, 5, 1],
    ];
    // The preset's level 2 lies above level 1; falling levels need it below, so the setup alone does not go together.
    assert_eq!(bench.write(holding::setup(2), &setup.concat()), Err(ILLEGAL_VALUE));
    let two_sided = [vec![Quantity::Oxygen.code(), 3], setup.concat()[2..].to_vec()].concat();
    assert_eq!(bench.write(holding::setup(2), &two_sided), Ok(()));
    assert_eq!(of_float(&bench.read(3, holding::setup(2) + holding::RANGE_HIGH, 2)), 30.0);
    assert_eq!(of_float(&bench.read(3, holding::channel(2), 2)), 19.5);
    bench.run(6_000);
    bench.apply(2, 4_000 + 16_000 * 18 / 30);
    bench.run(1_000);
    assert!(!bench.wires.level(Out::Level1), "18 %VOL of oxygen");
    assert!(bench.wires.level(Out::Level2));
}

#[test]
fn set_points_beyond_what_the_law_leaves_are_refused() {
    let mut bench = unlocked();
    assert_eq!(bench.write(holding::channel(0), &float(25.1)), Err(ILLEGAL_VALUE));
    assert_eq!(bench.write(holding::channel(0) + 2, &float(50.1)), Err(ILLEGAL_VALUE));
    assert_eq!(bench.write(holding::setup(1), &[Quantity::Oxygen.code()]), Ok(()));
    assert_eq!(bench.write(holding::channel(1), &float(19.4)), Err(ILLEGAL_VALUE));
    assert_eq!(bench.write(holding::channel(1) + 2, &float(23.6)), Err(ILLEGAL_VALUE));
    assert_eq!(bench.write(holding::channel(1), &float(20.0)), Ok(()));
    assert_eq!(bench.write(holding::setup(2), &[Quantity::Toxic.code()]), Ok(()));
    assert_eq!(bench.write(holding::channel(2), &float(100.1)), Err(ILLEGAL_VALUE));
}

#[test]
fn a_setup_that_does_not_go_together_changes_nothing() {
    let mut bench = unlocked();
    let before = bench.read(3, holding::setup(0), 38);
    let at = |offset: u16| holding::setup(0) + offset;
    for (address, words) in [
        (at(holding::KIND), vec![2]),
        (at(holding::SIGNAL), vec![2]),
        (at(holding::SIGNAL), vec![9]),
        (at(holding::UNIT), vec![Unit::Celsius.code()]),
        (at(holding::UNIT), vec![99]),
        (at(holding::RANGE_HIGH), float(0.0).to_vec()),
        (at(holding::RANGE_HIGH), float(f32::NAN).to_vec()),
        (at(holding::RANGE_HIGH), float(40.0).to_vec()),
        (at(holding::FILTER), vec![9]),
        (at(holding::OVERSAMPLING), vec![0]),
        (at(holding::OVERSAMPLING), vec![65]),
        (at(holding::WARM_UP), vec![3601]),
        (at(holding::LATCH), vec![4]),
        (at(holding::SIGNAL_LOW), float(3_000.0).to_vec()),
        (at(holding::CALIBRATED_LOW), float(5_601.0).to_vec()),
        (at(holding::CALIBRATED_LOW), float(4_000.5).to_vec()),
        (at(holding::CURVE_COUNT), vec![8]),
        (at(holding::CURVE_COUNT), vec![1]),
        (at(holding::CURVE_COUNT), vec![2, 5_000, 4_000, 4_000, 5_000]),
        (holding::UNIT_ADDRESS, vec![0]),
        (holding::UNIT_ADDRESS, vec![248]),
        (holding::BAUD, vec![97]),
        (holding::GATEWAY_LOSS, vec![4]),
    ] {
        assert_eq!(bench.write(address, &words), Err(ILLEGAL_VALUE), "{words:?} at {address}");
        assert_eq!(bench.read(3, holding::setup(0), 38), before);
    }
    assert_eq!(bench.write(at(holding::RANGE_LOW), &[0]), Err(ILLEGAL_ADDRESS), "half a float");
    assert_eq!(bench.write(holding::END, &[0]), Err(ILLEGAL_ADDRESS));
}

#[test]
fn what_is_written_along_is_taken_and_a_calibration_step_is_not_written_along() {
    let mut bench = unlocked();
    let words = [0, 7, 9, 96, 2];
    assert_eq!(bench.write(holding::LOG_FROM, &words), Ok(()));
    assert_eq!(bench.read(3, holding::LOG_FROM, 5), words);
    let mut setup = bench.read(3, holding::setup(0), 38);
    setup[usize::from(holding::REFERENCE)..][..2].copy_from_slice(&float(12.5));
    assert_eq!(bench.write(holding::setup(0), &setup), Ok(()), "what was read can be written back");
    assert_eq!(bench.read(3, holding::setup(0), 38), setup);
    setup[usize::from(holding::CALIBRATE)] = 1;
    assert_eq!(bench.write(holding::setup(0), &setup), Err(ILLEGAL_ADDRESS));
}

#[test]
fn another_setup_waits_until_the_channels_alarm_is_over_and_set_points_do_not() {
    let mut bench = unlocked();
    bench.apply(0, 8_000);
    bench.run(300);
    assert_eq!(bench.write(holding::setup(0), &[0]), Err(BUSY));
    assert_eq!(bench.write(holding::setup(0) + holding::FILTER, &[1]), Err(BUSY));
    assert_eq!(bench.write(holding::channel(0), &float(24.0)), Ok(()));
    assert!(!bench.wires.level(Out::Level1), "a written set-point ended the alarm");
}

#[test]
fn a_linearisation_table_straightens_the_signal() {
    let mut bench = unlocked();
    let curve = [2, 5_000, 2_000, 8_000, 6_000];
    assert_eq!(bench.write(holding::setup(0) + holding::CURVE_COUNT, &curve), Ok(()));
    for (counts, expected) in
        [(4_000, 0.0), (8_000, 10.0), (12_000, 20.0), (16_800, 60.0), (18_400, 80.0), (20_000, 100.0)]
    {
        bench.apply(0, counts);
        bench.run(300);
        let value = of_float(&bench.read(4, input::channel(0), 2));
        assert!((value - expected).abs() < 1e-4, "{counts} µA: {value}, not {expected}");
    }
}

#[test]
fn settings_outlive_a_start_and_line_settings_begin_with_it() {
    let flash = TornFlash::new(1);
    let mut bench = Bench::start(flash.clone());
    assert_eq!(bench.read(4, input::SETTINGS_STATE, 1), [SettingsState::Factory.code()]);
    bench.unlock();
    assert_eq!(bench.write(holding::UNIT_ADDRESS, &[42, 1152]), Ok(()));
    assert_eq!(bench.write(holding::channel(0), &float(15.0)), Ok(()));
    assert_eq!(bench.read(4, input::SETTINGS_STATE, 1), [SettingsState::ToBeStored.code()]);
    assert_eq!(bench.ask(&request(2, discrete::UNSAVED, 1)), [2, 1, 1]);
    bench.run(3_000);
    assert_eq!(bench.read(4, input::SETTINGS_STATE, 3), [SettingsState::Stored.code(), 0, 1]);
    assert_eq!(bench.ask(&request(2, discrete::UNSAVED, 1)), [2, 1, 0]);
    let line = hazard_node::stored_line::<4>(&flash).expect("stored");
    assert_eq!((line.unit(), line.baud(), line.silence_us()), (42, 115_200, 1_750));
    let mut bench = Bench::start(flash.copy(1));
    assert_eq!(bench.read(3, holding::channel(0), 2), float(15.0));
    assert_eq!(bench.read(4, input::STARTS, 2), [0, 1]);
}

#[test]
fn a_lost_gateway_adds_what_it_was_told_to_and_takes_nothing() {
    for (code, out) in [
        (0, None),
        (1, Some(vec![Out::Fault])),
        (2, Some(vec![Out::Level1])),
        (3, Some(vec![Out::Level1, Out::Level2])),
    ] {
        let mut bench = unlocked();
        assert_eq!(bench.write(holding::GATEWAY_LOSS, &[code]), Ok(()));
        assert_eq!(bench.write(holding::GATEWAY_TIMEOUT, &[5]), Ok(()));
        bench.run(5_300);
        let dropped: Vec<Out> = [Out::Level1, Out::Level2, Out::Fault]
            .into_iter()
            .filter(|out| !bench.wires.level(*out))
            .collect();
        let mut expected = out.unwrap_or_default();
        expected.sort_by_key(|out| *out as usize);
        assert_eq!(dropped, expected, "loss action {code}");
        // An alarm on top is never weaker than without the loss.
        bench.apply(0, 12_000);
        bench.run(300);
        assert!(
            !bench.wires.level(Out::Level1)
                && !bench.wires.level(Out::Level2)
                && !bench.wires.level(Out::Horn)
        );
        bench.read(4, 0, 1);
        bench.run(300);
        assert!(bench.wires.level(Out::Fault), "the gateway is back");
    }
}

#[test]
fn the_event_log_is_read_through_its_window() {
    let mut bench = unlocked();
    for counts in [8_000, 4_000] {
        bench.apply(0, counts);
        bench.run(300);
    }
    bench.wires.with(|wiring| wiring.inputs[0] = AnalogReading::Fault);
    bench.run(300);
    let (mut from, mut codes) = (0_u32, Vec::new());
    loop {
        let words = [(from >> 16) as u16, from as u16];
        assert_eq!(bench.write(holding::LOG_FROM, &words), Ok(()));
        let rows = bench.read(4, input::event(0), 56);
        let rows: Vec<&[u16]> = rows.chunks(7).filter(|row| row[..2] != [0, 0]).collect();
        let Some(last) = rows.last() else { break };
        from = (u32::from(last[0]) << 16 | u32::from(last[1])) + 1;
        codes.extend(rows.iter().map(|row| row[4]));
    }
    let next = bench.read(4, input::LOG_NEXT, 2);
    assert_eq!(u32::from(next[0]) << 16 | u32::from(next[1]), from);
    // Started with power; maintenance (factory settings); unlocked; level 1 of channel 1 set, unacknowledged; lost.
    for code in [0x0301, 0x0109, 0x0700, 0x0110, 0x011E, 0x0114] {
        assert!(codes.contains(&code), "{code:04x} in {codes:04x?}");
    }
}

#[test]
fn the_device_identifies_itself_by_function_43() {
    let mut bench = bench();
    let answer = bench.ask(&[43, 14, 1, 0]);
    assert_eq!(answer[..7], [43, 14, 1, 0x82, 0, 0, 3]);
    assert_eq!(answer[7..21], *b"\x00\x0cHazard Agent");
    let model = bench.ask(&[43, 14, 4, 5]);
    assert_eq!(model[6..], *b"\x01\x05\x0bhazard-node");
    assert_eq!(bench.ask(&[43, 14, 4, 3]), [0xAB, 2], "no such object");
    assert_eq!(bench.ask(&[43, 14, 5, 0]), [0xAB, 3], "no such kind of access");
    assert_eq!(bench.ask(&[43, 13, 1, 0]), [0xAB, 1]);
    assert_eq!(bench.ask(&[43, 14, 2])[..2], [0xAB, 3]);
}
