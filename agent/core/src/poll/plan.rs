//! From points to reads: neighbouring points of one device, table and period share a request, and requests are spread
//! over their period so that no instant carries more than it must.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::id::{BusId, DeviceId, PointId};
use crate::link::{ReadRequest, Table};
use crate::site::Site;

/// One read that the poller repeats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The device it asks.
    pub device: DeviceId,
    /// What it asks.
    pub request: ReadRequest,
    /// How often.
    pub period: Duration,
    /// When within the period.
    pub phase: Duration,
    /// A safety point is among its points, or what a device says of one.
    pub safety: bool,
    /// The points it serves, by address.
    pub points: Vec<PointId>,
}

impl Block {
    /// Whether what a device says of its sensors is among its points.
    pub(super) fn tells(&self, site: &Site) -> bool {
        site.statuses.iter().any(|status| self.points.contains(&status.source))
    }
}

/// Whether a read that has the point is a safety read: a safety value without its device's status is only suspect.
pub(super) fn is_for_safety(site: &Site, id: PointId) -> bool {
    let is_safety = |id: &PointId| site.points[id.index()].safety;
    let mut statuses = site.statuses.iter().filter(|status| status.source == id);
    is_safety(&id) || statuses.any(|status| status.of.iter().any(is_safety))
}

/// The reads of each bus, in bus order; those first that say how sensors are, so that at a start a value is known by its status.
#[must_use]
pub fn plan(site: &Site) -> Vec<Vec<Block>> {
    let mut sources: Vec<PointId> = site.statuses.iter().map(|status| status.source).collect();
    sources.sort_unstable();
    let mut groups: BTreeMap<(DeviceId, Table, Duration), Vec<PointId>> = BTreeMap::new();
    for (id, point) in (0..).map(PointId).zip(&site.points) {
        groups.entry((point.device, point.source.table, point.period)).or_default().push(id);
    }
    let mut buses: Vec<Vec<Block>> = site.buses.iter().map(|_| Vec::new()).collect();
    for ((device, table, period), mut points) in groups {
        points.sort_by_key(|id| site.points[id.index()].source.span());
        let blocks = join(site, device, table, &points);
        let bus = &mut buses[site.devices[device.index()].bus.index()];
        bus.extend(blocks.into_iter().map(|block| Block { period, ..block }));
    }
    let count = buses.len();
    for (bus, blocks) in (0..).map(BusId).zip(&mut buses) {
        let tells = |block: &Block| block.points.iter().any(|point| sources.binary_search(point).is_ok());
        for block in blocks.iter_mut().filter(|block| tells(block)) {
            block.safety |= block.points.iter().any(|point| is_for_safety(site, *point));
        }
        blocks.sort_by_key(|block| !tells(block));
        stagger(blocks, bus, count);
    }
    buses
}

/// Joins points, sorted by address, as long as the gap and the device's limit allow.
fn join(site: &Site, device: DeviceId, table: Table, points: &[PointId]) -> Vec<Block> {
    let spec = &site.devices[device.index()];
    let count_max = if table.is_bits() { spec.bits_max } else { spec.registers_max };
    let count_max = u32::from(count_max.min(table.count_max()));
    let mut blocks: Vec<Block> = Vec::new();
    for &id in points {
        let point = &site.points[id.index()];
        let (first, last) = point.source.span();
        if let Some(block) = blocks.last_mut() {
            let start = block.request.start;
            let end = u32::from(start) + u32::from(block.request.count);
            let joined = end.max(u32::from(last) + 1) - u32::from(start);
            let is_near = if spec.single {
                joined == u32::from(block.request.count)
            } else {
                u32::from(first) <= end + u32::from(spec.gap_max) && joined <= count_max
            };
            if is_near {
                block.request.count = u16::try_from(joined).unwrap_or(u16::MAX);
                block.safety |= point.safety;
                block.points.push(id);
                continue;
            }
        }
        blocks.push(Block {
            device,
            request: ReadRequest { unit: spec.unit, table, start: first, count: last - first + 1 },
            period: point.period,
            phase: Duration::ZERO,
            safety: point.safety,
            points: alloc::vec![id],
        });
    }
    blocks
}

/// Buses start in so many groups, one after the other within a period. Each group is one wake-up for all its buses: with a wake-up
/// for each bus of a hundred, waking cost six times what the polls did (docs/bench.md). More groups make smaller bursts.
const GROUPS: u32 = 2;

/// Spreads blocks of one period evenly over it, for they share the line, and shifts each group of buses against the others.
fn stagger(blocks: &mut [Block], bus: BusId, buses: usize) {
    let mut members: BTreeMap<Duration, u32> = BTreeMap::new();
    for block in blocks.iter() {
        *members.entry(block.period).or_default() += 1;
    }
    let mut placed: BTreeMap<Duration, u32> = BTreeMap::new();
    for block in blocks.iter_mut() {
        let rank = placed.entry(block.period).or_default();
        let slot = block.period / members.get(&block.period).copied().unwrap_or(1).max(1);
        let groups = u32::try_from(buses).unwrap_or(GROUPS).clamp(1, GROUPS);
        let shift = slot * (u32::from(bus.0) % groups) / groups;
        block.phase = slot * *rank + shift;
        *rank += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;
    use crate::point::Shape;

    proptest! {
        #[test]
        fn every_point_is_read_exactly_once_within_the_limits(
            points in proptest::collection::vec((0u16..400, 0usize..4, 0u16..3, 1u64..3), 1..60),
            registers_max in 8u16..=125, gap_max in 0u16..20,
        ) {
            let mut tables = fixture::tables(3);
            for device in &mut tables.devices {
                device.registers_max = registers_max;
                device.gap_max = gap_max;
            }
            for (address, shape, device, seconds) in points {
                let mut point = fixture::point("P", device);
                point.source.address = address;
                point.source.shape = [Shape::U16, Shape::F32, Shape::F64, Shape::Text(8)][shape];
                point.period = Duration::from_secs(seconds);
                tables.points.push(point);
            }
            let site = Site::try_new(tables).unwrap();
            let blocks: Vec<Block> = plan(&site).into_iter().flatten().collect();
            let mut seen = alloc::vec![0; site.points.len()];
            for block in &blocks {
                prop_assert!(block.request.count >= 1 && block.request.count <= registers_max);
                prop_assert!(block.phase < block.period);
                for id in &block.points {
                    let point = &site.points[id.index()];
                    let (first, last) = point.source.span();
                    seen[id.index()] += 1;
                    prop_assert_eq!((point.period, point.device), (block.period, block.device));
                    prop_assert!(first >= block.request.start);
                    prop_assert!(u32::from(last) < u32::from(block.request.start) + u32::from(block.request.count));
                }
            }
            prop_assert!(seen.iter().all(|count| *count == 1));
        }
    }

    #[test]
    fn a_gap_wider_than_allowed_is_not_read() {
        let mut tables = fixture::tables(1);
        tables.devices[0].gap_max = 4;
        for address in [0, 5, 11] {
            let mut point = fixture::point("P", 0);
            point.source.address = address;
            tables.points.push(point);
        }
        let site = Site::try_new(tables).unwrap();
        let spans: Vec<_> = plan(&site)
            .into_iter()
            .flatten()
            .map(|block| (block.request.start, block.request.count))
            .collect();
        assert_eq!(spans, [(0, 6), (11, 1)]);
    }

    #[test]
    fn a_device_of_single_fields_is_asked_for_one_at_a_time() {
        let mut tables = fixture::tables(1);
        tables.devices[0].single = true;
        for (address, shape) in
            [(0, Shape::U16), (1, Shape::RegisterBit(0)), (1, Shape::RegisterBit(5)), (2, Shape::F32)]
        {
            let mut point = fixture::point("P", 0);
            (point.source.address, point.source.shape) = (address, shape);
            tables.points.push(point);
        }
        let site = Site::try_new(tables).unwrap();
        let blocks: Vec<_> = plan(&site).into_iter().flatten().collect();
        let spans: Vec<_> = blocks.iter().map(|block| (block.request.start, block.request.count)).collect();
        assert_eq!(spans, [(0, 1), (1, 1), (2, 2)]);
        assert_eq!(blocks[1].points.len(), 2, "the bits of one register are one field");
    }

    #[test]
    fn requests_of_one_period_are_spread_over_it() {
        let mut tables = fixture::tables(1);
        for address in [0, 1000, 2000, 3000] {
            let mut point = fixture::point("P", 0);
            point.source.address = address;
            tables.points.push(point);
        }
        let site = Site::try_new(tables).unwrap();
        let phases: Vec<_> = plan(&site).into_iter().flatten().map(|block| block.phase.as_millis()).collect();
        assert_eq!(phases, [0, 250, 500, 750]);
    }

    #[test]
    fn many_buses_share_few_wake_ups() {
        for (buses, wake_ups) in [(1, 1), (2, 2), (100, 2)] {
            let mut tables = fixture::tables(buses);
            let bus = tables.buses[0].clone();
            tables.buses.resize(usize::from(buses), bus);
            for device in 0..buses {
                tables.devices[usize::from(device)].bus = BusId(device);
                tables.points.push(fixture::point(&alloc::format!("P-{device}"), device));
            }
            let site = Site::try_new(tables).unwrap();
            let mut members = BTreeMap::new();
            for block in plan(&site).into_iter().flatten() {
                *members.entry(block.phase).or_insert(0) += 1;
            }
            let equal = members.values().all(|count| *count == buses / wake_ups);
            assert!(members.len() == usize::from(wake_ups) && equal, "{buses} buses: {members:?}");
        }
    }
}
