//! The line time of one request.

use core::time::Duration;

use super::super::plan::Block;
use super::sum;
use crate::device_command::DeviceCommandSpec;
use crate::site::{BusKind, BusSpec, DeviceSpec};

/// Both ways through a local network with its switches and a device's or serial server's network stack.
const NETWORK: Duration = Duration::from_millis(10);

pub(super) fn read_cost(bus: &BusSpec, device: &DeviceSpec, block: &Block) -> Duration {
    let count = usize::from(block.request.count);
    let words = if block.request.table.is_bits() { count.div_ceil(8) } else { 2 * count };
    line_time(bus, device, 8 + 5 + words)
}

/// The longest request of a named command: its write, or reading it back.
pub(super) fn command_cost(bus: &BusSpec, device: &DeviceSpec, spec: &DeviceCommandSpec) -> Duration {
    let count = usize::from(spec.target.count());
    let bytes = if spec.target.table().is_bits() { count.div_ceil(8) } else { 2 * count };
    // Function code 15 or 16 and its echo, or a read and its reply (Modbus Application Protocol V1.1b3, §6.1–6.12), with unit
    // and CRC; 5 and 6 are shorter.
    line_time(bus, device, (9 + bytes + 8).max(8 + 5 + bytes))
}

/// Silence, request, silence, the device's turnaround, reply. Characters take time on serial lines only.
pub(super) fn line_time(bus: &BusSpec, device: &DeviceSpec, characters: usize) -> Duration {
    let network = match bus.kind {
        BusKind::Rtu { .. } => Duration::ZERO,
        BusKind::Tcp | BusKind::RtuOverTcp { .. } => NETWORK,
    };
    let sent = match bus.kind {
        BusKind::Tcp => Duration::ZERO,
        BusKind::Rtu { baud, character_bits } | BusKind::RtuOverTcp { baud, character_bits } => {
            let bits = characters as u64 * u64::from(character_bits);
            Duration::from_micros((bits * 1_000_000).div_ceil(u64::from(baud.max(1))))
        }
    };
    sum([silence(bus, device), sent, frame_silence(bus.kind), device.turnaround, network])
}

/// What the adapter keeps before each request: the bus's gap, which from a configuration includes the frame's silence, or the
/// device's pause.
pub(super) fn silence(bus: &BusSpec, device: &DeviceSpec) -> Duration {
    bus.gap.max(device.pause).max(frame_silence(bus.kind))
}

/// 3.5 characters, 1.75 ms above 19200 Bd (MODBUS over Serial Line V1.02, §2.5.1.1).
fn frame_silence(kind: BusKind) -> Duration {
    match kind {
        BusKind::Tcp => Duration::ZERO,
        BusKind::Rtu { baud, .. } | BusKind::RtuOverTcp { baud, .. } if baud > 19_200 => {
            Duration::from_micros(1_750)
        }
        BusKind::Rtu { baud, character_bits } | BusKind::RtuOverTcp { baud, character_bits } => {
            Duration::from_micros((u64::from(character_bits) * 3_500_000).div_ceil(u64::from(baud.max(1))))
        }
    }
}
