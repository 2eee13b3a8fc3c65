//! The sensor node among the simulated devices: the firmware's own logic behind the simulated line, fed in microampere.

use std::time::Duration;

use hazard_core::link::{ReadRequest, Table};
use hazard_core::{Mono, Value};
use hazard_field::map::Quantity;
use hazard_node::hal::AnalogReading;
use hazard_node::{Calibration, ChannelSettings, Filter, Node, NodeSettings, answer};

/// Channels of the node, one point each.
pub(super) const CHANNELS: usize = 4;

/// The node's greatest value; 4 mA is zero and 20 mA is this.
const SPAN: i32 = 160;

/// A node of four channels without filter, so that a value shows at once.
#[derive(Debug)]
pub(super) struct SimNode(Node<CHANNELS>);

impl SimNode {
    pub(super) fn new() -> Self {
        let range = ((4_000, Value::ZERO), (20_000, Value::from_i32(SPAN)));
        let channel = ChannelSettings {
            calibration: Calibration::try_new(range.0, range.1).unwrap(),
            filter: Filter::Off,
            warm_up: Duration::ZERO,
            ..ChannelSettings::preset(Quantity::Combustible).unwrap()
        };
        let settings = NodeSettings::new(1, [Some(channel); CHANNELS]);
        Self(Node::try_new(settings).unwrap())
    }

    /// The node measures; `None` is a broken sensor.
    pub(super) fn measure(&mut self, now: Mono, values: [Option<i32>; CHANNELS]) {
        let current = |value: Option<i32>| {
            value.map_or(AnalogReading::Fault, |value| AnalogReading::Raw(4_000 + value * 16_000 / SPAN))
        };
        self.0.step(now, values.map(current));
    }

    /// What the node's Modbus slave answers to a read; no registers where it refuses.
    pub(super) fn read(&mut self, request: &ReadRequest) -> Vec<u16> {
        let function = if request.table == Table::Input { 4 } else { 3 };
        let [start, count] = [request.start.to_be_bytes(), request.count.to_be_bytes()];
        let pdu = [function, start[0], start[1], count[0], count[1]];
        let mut out = [0; 253];
        let len = answer(&mut self.0, &pdu, &mut out);
        assert_eq!(out[0], function, "the node refuses a read that its map allows");
        out[2..len].chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }
}
