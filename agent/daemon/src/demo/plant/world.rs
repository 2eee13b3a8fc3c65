//! The plant and its devices at one moment: the model behind, the registers in front.

use std::io;
use std::time::Duration;

use hazard_field::map::Quantity;
use hazard_field::{Mono, Unit, Value};
use hazard_node::hal::AnalogReading;
use hazard_node::rtu::PDU_MAX;
use hazard_node::{Button, Calibration, ChannelSettings, Filter, Node, NodeSettings, RawLimits, answer};

use super::controls::{Controls, Fault};
use super::dice::Dice;
use super::layout::{DETECTORS, DEVICES, Detector, Gas, Make, NODE_COUNT};
use super::model::Model;
use super::tables::{Relays, Table};

const CHANNELS: usize = 4;

/// After so much calm somebody on the spot acknowledges and resets the nodes.
const CALM: Duration = Duration::from_secs(20);

/// A node that is not asked for so long says that the gateway is lost.
const GATEWAY_TIMEOUT_S: u16 = 10;

/// Replies in a thousand that noise touches.
const NOISE_PERMILLE: u64 = 350;

/// What noise does to a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spoiling {
    /// Nothing.
    None,
    /// One bit flips, by its position modulo the frame's bits.
    Flip(usize),
    /// The end is missing; so many bytes are left, modulo the frame's length.
    Cut(usize),
    /// It comes late.
    Late(Duration),
    /// It does not come.
    Lost,
}

pub(super) struct World {
    pub(super) relays: Relays,
    model: Model,
    nodes: [Node<CHANNELS>; NODE_COUNT],
    noise: Dice,
    unsettled_at: Mono,
}

impl World {
    pub(super) fn new(seed: u64) -> io::Result<Self> {
        Ok(Self {
            relays: Relays::default(),
            model: Model::new(seed),
            nodes: [node(0)?, node(1)?, node(2)?],
            // Another sequence than the model's, so that polling does not change the plant.
            noise: Dice::new(!seed),
            unsettled_at: Mono::ZERO,
        })
    }

    /// One step of the plant; the nodes measure.
    pub(super) fn step(&mut self, now: Mono, controls: &Controls) {
        self.model.step(controls);
        for (n, node) in self.nodes.iter_mut().enumerate() {
            node.step(now, readings(&self.model, n));
        }
        self.relays.now = now;
        if controls.is_leaking() {
            self.unsettled_at = now;
        } else if now.since(self.unsettled_at) >= CALM {
            self.press(Button::Acknowledge);
            self.press(Button::Reset);
            self.unsettled_at = now;
        }
    }

    /// Whether each node's own horn sounds.
    pub(super) fn horns(&self) -> [bool; NODE_COUNT] {
        self.nodes.each_ref().map(|node| node.outputs().horn)
    }

    /// Presses a button on each node.
    pub(super) fn press(&mut self, button: Button) {
        self.nodes.iter_mut().for_each(|node| node.press(button));
    }

    /// Lets a device answer; returns the length of its answer, 0 for none.
    pub(super) fn answer(&mut self, device: usize, pdu: &[u8], out: &mut [u8; PDU_MAX]) -> usize {
        let Some(device) = DEVICES.get(device) else { return 0 };
        let mut table = match device.make {
            Make::Node(n) => return self.nodes.get_mut(n).map_or(0, |node| answer(node, pdu, out)),
            Make::Relays => return answer(&mut self.relays, pdu, out),
            Make::Midas(n) => Table::midas(&self.model, n),
            Make::Vortex(n) => Table::vortex(&self.model, n),
            Make::SixInOne(n) => Table::six_in_one(&self.model, n),
            Make::Collector(n) => Table::collector(&self.model, n),
            Make::Contacts => Table::contacts(&self.model),
        };
        answer(&mut table, pdu, out)
    }

    /// What the line does to the next reply.
    pub(super) fn spoiling(&mut self, controls: &Controls) -> Spoiling {
        if !controls.is_on(Fault::Noise) || self.noise.roll(1_000) >= NOISE_PERMILLE {
            return Spoiling::None;
        }
        let place = self.noise.roll(10_000) as usize;
        match self.noise.roll(8) {
            0..=3 => Spoiling::Flip(place),
            4 | 5 => Spoiling::Cut(place),
            6 => Spoiling::Late(Duration::from_millis(200 + self.noise.roll(1_300))),
            _ => Spoiling::Lost,
        }
    }
}

fn node(n: usize) -> io::Result<Node<CHANNELS>> {
    let mut channels = [None; CHANNELS];
    for (slot, (_, detector)) in channels.iter_mut().zip(fitted(n)) {
        *slot = Some(channel(&detector.gas).ok_or_else(|| io::Error::other(detector.tag))?);
    }
    let serial = u32::try_from(n + 1).unwrap_or(u32::MAX);
    let settings = NodeSettings::new(serial, channels);
    Node::try_new(NodeSettings { gateway_timeout_s: GATEWAY_TIMEOUT_S, ..settings })
        .map_err(|refused| io::Error::other(format!("node {n}: channel {}", refused.channel)))
}

/// The detectors of a node with their positions, in channel order.
fn fitted(n: usize) -> impl Iterator<Item = (usize, &'static Detector)> {
    let id = DEVICES.iter().find(|device| device.make == Make::Node(n)).map(|device| device.id);
    DETECTORS.iter().enumerate().filter(move |(_, detector)| Some(detector.device) == id)
}

fn channel(gas: &Gas) -> Option<ChannelSettings> {
    let [least, greatest] = gas.range;
    let [setpoint_l1, setpoint_l2] = gas.setpoints.map(|setpoint| setpoint as f32);
    let quantity = match gas.unit {
        Unit::PercentLel => Quantity::Combustible,
        Unit::PercentVolume => Quantity::Oxygen,
        _ => Quantity::Toxic,
    };
    Some(ChannelSettings {
        kind: gas.kind,
        unit: gas.unit,
        calibration: Calibration::try_new(
            (4_000, Value::try_new(least)?),
            (20_000, Value::try_new(greatest)?),
        )?,
        filter: Filter::MedianOf3,
        warm_up: Duration::ZERO,
        limits: RawLimits {
            setpoint_l1,
            setpoint_l2,
            deadband: ((greatest - least) / 100.0) as f32,
            on_delay_ms: 0,
            off_delay_ms: 0,
        },
        ..ChannelSettings::preset(quantity)?
    })
}

fn readings(model: &Model, n: usize) -> [AnalogReading; CHANNELS] {
    let mut readings = [AnalogReading::Fault; CHANNELS];
    for (reading, (position, detector)) in readings.iter_mut().zip(fitted(n)) {
        let [least, greatest] = detector.gas.range;
        let fraction = (model.gas(position) - least) / (greatest - least);
        *reading = AnalogReading::Raw((4_000.0 + 16_000.0 * fraction).round() as i32);
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(world: &mut World, device: usize) -> u16 {
        let mut out = [0; PDU_MAX];
        assert_eq!(world.answer(device, &[2, 0, 0, 0, 16], &mut out), 4);
        u16::from_le_bytes([out[2], out[3]])
    }

    fn run(world: &mut World, controls: &Controls, span_ms: std::ops::Range<u64>) {
        for now_ms in span_ms.step_by(50) {
            world.step(Mono::from_millis(now_ms), controls);
        }
    }

    #[test]
    fn a_nodes_alarm_bits_and_horn_follow_a_leak_until_somebody_resets_it() {
        const CHANNEL_2_BOTH_LEVELS_AND_HORN: u16 = 1 << 3 | 1 << 4 | 1 << 12;
        let (mut world, controls) = (World::new(5).unwrap(), Controls::default());
        run(&mut world, &controls, 0..5_000);
        assert_eq!(bits(&mut world, 0), 0);
        controls.begin(Fault::Leak(1));
        run(&mut world, &controls, 5_000..15_000);
        assert_eq!(bits(&mut world, 0), CHANNEL_2_BOTH_LEVELS_AND_HORN);
        assert_eq!(bits(&mut world, 1), 0, "node 2 has no leak");
        controls.end_all();
        run(&mut world, &controls, 15_000..33_000);
        assert_eq!(bits(&mut world, 0) & CHANNEL_2_BOTH_LEVELS_AND_HORN, CHANNEL_2_BOTH_LEVELS_AND_HORN);
        run(&mut world, &controls, 33_000..36_000);
        assert_eq!(bits(&mut world, 0), 0);
    }

    #[test]
    fn noise_touches_its_share_of_replies_and_the_seed_decides_which() {
        let spoilt = |seed| {
            let (mut world, controls) = (World::new(seed).unwrap(), Controls::default());
            assert!((0..100).all(|_| world.spoiling(&controls) == Spoiling::None));
            controls.begin(Fault::Noise);
            (0..1_000).map(|_| world.spoiling(&controls)).collect::<Vec<_>>()
        };
        let touched = spoilt(3).iter().filter(|spoiling| **spoiling != Spoiling::None).count();
        assert!((300..400).contains(&touched), "{touched}");
        assert_eq!(spoilt(3), spoilt(3));
        assert_ne!(spoilt(3), spoilt(4));
    }
}
