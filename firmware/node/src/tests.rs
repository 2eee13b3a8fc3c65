//! The node as its gateway and its operator see it: through registers, buttons and outputs.

use core::time::Duration;
use std::vec::Vec;

use hazard_field::map::{Quantity, UNLOCK_KEY, coil, discrete, holding, input};
use hazard_field::{Mono, Status};

use crate::hal::AnalogReading;
use crate::rtu::PDU_MAX;
use crate::{
    Bits, Button, ChannelSettings, Exception, Filter, Led, Node, NodeSettings, Outputs, Registers, Words,
    answer,
};

const CLEAN: AnalogReading = AnalogReading::Raw(4_000);
const LEVEL_1: AnalogReading = AnalogReading::Raw(8_000);
const LEVEL_2: AnalogReading = AnalogReading::Raw(12_000);

fn channel(warm_up_ms: u64) -> Option<ChannelSettings> {
    let preset = ChannelSettings::preset(Quantity::Combustible)?;
    Some(ChannelSettings { filter: Filter::Off, warm_up: Duration::from_millis(warm_up_ms), ..preset })
}

fn node(warm_up_ms: u64) -> Node<2> {
    let settings = NodeSettings::new(0x0001_0002, [channel(warm_up_ms), None]);
    Node::try_new(NodeSettings { gateway_timeout_s: 10, ..settings }).expect("settings")
}

fn unlocked(warm_up_ms: u64) -> Node<2> {
    let mut node = node(warm_up_ms);
    assert_eq!(node.write_words(holding::UNLOCK, &[UNLOCK_KEY]), Ok(()));
    node
}

fn step(node: &mut Node<2>, ms: u64, reading: AnalogReading) -> Outputs {
    node.step(Mono::from_millis(ms), [reading, CLEAN])
}

fn words<const LEN: usize>(node: &Node<2>, table: Words, address: u16) -> [u16; LEN] {
    let mut out = [0; LEN];
    node.read_words(table, address, &mut out).expect("registers of the map");
    out
}

fn f32_of([high, low]: [u16; 2]) -> f32 {
    f32::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn f32_words(value: f32) -> [u16; 2] {
    [(value.to_bits() >> 16) as u16, value.to_bits() as u16]
}

fn value(node: &Node<2>) -> f32 {
    f32_of(words(node, Words::Input, input::channel(0)))
}

#[test]
fn the_two_levels_drive_relays_horn_and_lamp() {
    let mut node = node(0);
    for (reading, level_1, level_2, led) in [
        (CLEAN, false, false, Led::Normal),
        (LEVEL_1, true, false, Led::Level1),
        (LEVEL_2, true, true, Led::Level2),
    ] {
        let outputs = step(&mut node, 0, reading);
        assert_eq!((outputs.relays.level_1, outputs.relays.level_2), (level_1, level_2));
        assert_eq!((outputs.horn, outputs.led), (level_1, led));
    }
}

#[test]
fn an_alarm_latches_until_it_is_acknowledged_gone_and_reset() {
    let mut node = node(0);
    step(&mut node, 0, LEVEL_1);
    assert!(step(&mut node, 1, CLEAN).relays.level_1, "returned by itself");
    node.press(Button::Reset);
    assert!(node.outputs().relays.level_1, "reset without acknowledgement");
    node.press(Button::Acknowledge);
    assert!(node.outputs().relays.level_1 && !node.outputs().horn);
    node.press(Button::Reset);
    assert!(!node.outputs().relays.level_1);
}

#[test]
fn a_silenced_horn_sounds_again_with_the_next_alarm() {
    let mut node = node(0);
    node.press(Button::Silence);
    assert!(step(&mut node, 0, LEVEL_1).horn, "silenced before the alarm");
    node.press(Button::Silence);
    assert!(!step(&mut node, 1, LEVEL_1).horn);
    assert!(node.status().has_any(Status::HORN_SILENCED) && node.outputs().relays.level_1);
    assert!(step(&mut node, 2, LEVEL_2).horn);
}

#[test]
fn a_lost_sensor_is_not_a_number_and_keeps_its_alarm() {
    let mut node = node(0);
    step(&mut node, 0, LEVEL_1);
    let outputs = step(&mut node, 1, AnalogReading::Fault);
    assert!(outputs.relays.level_1 && outputs.relays.fault);
    assert!(value(&node).is_nan());
    assert!(node.status().has_any(Status::SENSOR_LOST));
}

#[test]
fn a_value_that_was_not_measured_is_not_a_number() {
    let mut node = node(50);
    assert!(value(&node).is_nan());
    assert!(!step(&mut node, 1_000, LEVEL_2).relays.level_2, "alarm during the warm-up");
    assert!(value(&node).is_nan() && node.status().has_any(Status::WARM_UP));
    assert!(step(&mut node, 1_050, LEVEL_2).relays.level_2);
    assert_eq!(value(&node).to_bits(), 50.0_f32.to_bits());
    assert!(f32_of(words(&node, Words::Input, input::channel(1))).is_nan());
}

#[test]
fn a_clock_that_steps_back_ends_no_delay_and_starts_none_over() {
    let mut node = node(50);
    step(&mut node, 1_000, LEVEL_1);
    step(&mut node, 1_049, LEVEL_1);
    assert!(!step(&mut node, 3, LEVEL_1).relays.level_1);
    assert_eq!(node.now, Mono::from_millis(1_049));
    assert!(step(&mut node, 1_050, LEVEL_1).relays.level_1);
}

#[test]
fn an_on_delay_that_ran_when_the_inhibition_began_is_void() {
    let mut node = unlocked(0);
    assert_eq!(node.write_words(holding::ON_DELAY, &[30, 50]), Ok(()));
    step(&mut node, 0, LEVEL_1);
    assert_eq!(node.write_coils(coil::channel(0), &[true]), Ok(()));
    step(&mut node, 100, CLEAN);
    assert_eq!(node.write_coils(coil::channel(0), &[false]), Ok(()));
    assert!(!step(&mut node, 200, CLEAN).relays.level_1);
}

#[test]
fn without_a_gateway_the_bit_is_set_and_the_alarm_still_sounds() {
    let mut node = node(0);
    step(&mut node, 5_000, CLEAN);
    step(&mut node, 15_000, CLEAN);
    assert!(!node.status().has_any(Status::GATEWAY_LOST));
    let outputs = step(&mut node, 15_001, LEVEL_1);
    assert!(node.status().has_any(Status::GATEWAY_LOST));
    assert!(outputs.horn && outputs.relays.level_1);
    answer(&mut node, &[4, 0, 0, 0, 1], &mut [0; PDU_MAX]);
    assert!(!node.status().has_any(Status::GATEWAY_LOST));
}

#[test]
fn an_inhibition_brings_nothing_takes_nothing_and_ends_after_an_hour() {
    let mut node = unlocked(0);
    step(&mut node, 0, LEVEL_1);
    assert_eq!(node.write_coils(coil::channel(0), &[true]), Ok(()));
    let outputs = step(&mut node, 3_599_999, LEVEL_2);
    assert!(outputs.relays.level_1 && !outputs.relays.level_2);
    assert!(node.status().has_any(Status::INHIBIT));
    assert!(step(&mut node, 3_600_000, LEVEL_2).relays.level_2);
    assert!(!node.status().has_any(Status::INHIBIT));
}

#[test]
fn ending_another_work_leaves_the_inhibition_alone() {
    let mut node = unlocked(0);
    assert_eq!(node.write_coils(coil::channel(0), &[true, false]), Ok(()));
    assert!(node.status().has_any(Status::INHIBIT));
    assert_eq!(node.write_coils(coil::channel(0), &[false]), Ok(()));
    assert!(!node.status().has_any(Status::INHIBIT));
}

#[test]
fn a_command_for_a_channel_that_is_not_fitted_acts_on_none() {
    let mut node = unlocked(0);
    step(&mut node, 0, LEVEL_1);
    for address in [coil::channel(1), coil::channel(3) + 1, coil::END, u16::MAX] {
        assert_eq!(node.write_coils(address, &[true]), Err(Exception::IllegalAddress));
    }
    let all = [true; coil::END as usize];
    assert_eq!(node.write_coils(0, &all), Err(Exception::IllegalAddress));
    assert!(node.status().has_any(Status::UNACKED), "acknowledged by a refused command");
}

#[test]
fn a_written_set_point_is_the_one_that_trips() {
    let mut node = unlocked(0);
    assert_eq!(node.write_words(holding::channel(0), &f32_words(10.0)), Ok(()));
    assert_eq!(f32_of(words(&node, Words::Holding, 0)).to_bits(), 10.0_f32.to_bits());
    assert!(step(&mut node, 0, AnalogReading::Raw(5_600)).relays.level_1);
    assert_eq!(node.write_words(holding::GATEWAY_TIMEOUT, &[0]), Ok(()));
    step(&mut node, u64::MAX, CLEAN);
    assert!(!node.status().has_any(Status::GATEWAY_LOST));
}

#[test]
fn a_refused_setting_changes_nothing() {
    let mut node = unlocked(0);
    let before = words::<{ holding::END as usize }>(&node, Words::Holding, 0);
    let swapped = [f32_words(50.0), f32_words(25.0)].concat();
    let (address, value) = (Exception::IllegalAddress, Exception::IllegalValue);
    for (at, written, refused) in [
        (0, &swapped[..], value),
        (0, &f32_words(f32::NAN), value),
        (holding::DEADBAND, &f32_words(-1.0), value),
        (0, &[0][..], address),
        (1, &[0, 0], address),
        (1, &[0], address),
        (holding::channel(1), &f32_words(1.0), address),
        (holding::ON_DELAY, &[9, 9, 0, 0], address),
        (holding::GATEWAY_TIMEOUT, &[1, 2], address),
        (u16::MAX, &[1], address),
    ] {
        assert_eq!(node.write_words(at, written), Err(refused), "{written:?} at {at}");
        assert_eq!(words(&node, Words::Holding, 0), before, "{written:?} at {at}");
    }
}

#[test]
fn the_identity_counts_and_bits_stand_where_the_map_says() {
    let mut node = node(0);
    step(&mut node, 1_000, CLEAN);
    step(&mut node, 66_000, LEVEL_1);
    let head = words::<9>(&node, Words::Input, 0);
    let status = (Status::ALARM_L1 | Status::UNACKED | Status::GATEWAY_LOST).bits();
    assert_eq!(head, [2, 0x0002, 1, 2, 2, status, 2, 0, 65]);
    let channel = words::<4>(&node, Words::Input, input::channel(0) + input::CHANNEL_STATUS);
    assert_eq!(channel, [(Status::ALARM_L1 | Status::UNACKED).bits(), 1, 1, 8_000]);
    let mut bits = [false; discrete::END as usize];
    assert_eq!(node.read_bits(Bits::Discrete, 0, &mut bits), Ok(()));
    let set: Vec<usize> = (0..bits.len()).filter(|&at| bits[at]).collect();
    assert_eq!(set, [0, usize::from(discrete::HORN), usize::from(discrete::GATEWAY_LOST)]);
}

#[test]
fn a_table_ends_where_the_map_ends() {
    let node = node(0);
    for (table, end) in [(Words::Input, input::END), (Words::Holding, holding::END)] {
        assert_eq!(node.read_words(table, end - 1, &mut [0]), Ok(()));
        assert_eq!(node.read_words(table, end, &mut [0]), Err(Exception::IllegalAddress));
    }
    for (table, end) in [(Bits::Coils, coil::END), (Bits::Discrete, discrete::END)] {
        assert_eq!(node.read_bits(table, end - 1, &mut [false]), Ok(()));
        assert_eq!(node.read_bits(table, end, &mut [false]), Err(Exception::IllegalAddress));
    }
}

#[test]
fn settings_that_do_not_fit_are_refused_by_channel() {
    let mut bad = channel(0).expect("a channel");
    bad.limits.setpoint_l2 = 101.0;
    let channels = [channel(0), Some(bad)];
    let settings = NodeSettings::new(0, channels);
    assert_eq!(Node::try_new(settings).err(), Some(crate::Refused { channel: 1 }));
}
