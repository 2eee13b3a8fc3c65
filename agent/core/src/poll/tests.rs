//! The poller of one bus against scripted devices.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Ask, Health, PollCount, Poller, Reached, Turn, plan};
use crate::alarm::Priority;
use crate::annunciate::{OutputSpec, Panel, Role, Wiring};
use crate::fixture;
use crate::id::{BusId, DeviceId, Ticket};
use crate::link::{Exception, LinkFault, Table, Words};
use crate::site::{Site, SiteTables};
use crate::{Mono, Polarity};

const SILENT: Result<(), LinkFault> = Err(LinkFault::Silent);
const REFUSED: Result<(), LinkFault> = Err(LinkFault::Refused(Exception::IllegalAddress));

#[test]
fn every_dead_device_is_probed_in_its_turn() {
    let mut line = Line::new(points(5), Duration::from_millis(1));
    line.dead = vec![DeviceId(0), DeviceId(1), DeviceId(2), DeviceId(3)];
    line.run(Duration::from_secs(60));
    line.asked.clear();
    line.run(Duration::from_secs(600));
    for device in 0..4 {
        let probes = line.asked_of(device);
        assert!(probes.len() > 20, "device {device} was probed {} times", probes.len());
    }
}

#[test]
fn a_dead_relay_module_does_not_keep_dead_devices_from_being_found() {
    let mut tables = with_coils(points(3), 0);
    for device in &mut tables.devices {
        device.timeout = Duration::from_secs(1);
    }
    let mut line = Line::new(tables, Duration::from_millis(1));
    line.dead = vec![DeviceId(0), DeviceId(1)];
    line.run(Duration::from_secs(60));
    line.asked.clear();
    line.run(Duration::from_secs(600));
    assert!(line.asked_of(1).len() > 10, "probed {} times", line.asked_of(1).len());
    assert!(line.asked_of(0).len() > 10, "written {} times", line.asked_of(0).len());
}

#[test]
fn dead_devices_take_no_more_than_their_share_from_the_living() {
    let mut line = Line::new(points(6), Duration::from_millis(1));
    line.dead = (0..5).map(DeviceId).collect();
    line.run(Duration::from_secs(60));
    line.asked.clear();
    line.run(Duration::from_secs(600));
    let probes: usize = (0..5).map(|device| line.asked_of(device).len()).sum();
    let share = probes as f64 * 0.2 / 600.0;
    assert!(share <= 0.05, "probes took {share} of the time, 0.05 is theirs");
    assert_eq!(line.asked_of(5).len(), 600, "the living one is read each second");
}

#[test]
fn the_grid_does_not_drift() {
    let mut line = Line::new(points(3), Duration::from_millis(70));
    line.run(Duration::from_secs(600));
    for device in 0..3 {
        let asked = line.asked_of(device);
        assert_eq!(asked.len(), 600);
        let phase = |at: &Mono| at.as_micros() % 1_000_000;
        assert!(asked.iter().all(|at| phase(at) == phase(&asked[0])), "device {device} drifts");
    }
}

#[test]
fn a_write_goes_before_reads_that_are_due() {
    let mut line = Line::new(with_coils(points(3), 2), Duration::from_millis(1));
    line.now = Mono::from_millis(5000);
    assert!(matches!(line.send(), Some(Ask::Write(DeviceId(2), _))));
    line.settle(Ok(()));
    assert!(matches!(line.send(), Some(Ask::Read(..))));
    line.settle(Ok(()));
    line.poller.follow(&Panel { energised: vec![true] }, line.now);
    assert!(matches!(line.send(), Some(Ask::Write(..))), "a change is due at once");
}

#[test]
fn a_write_that_failed_is_tried_again_until_the_module_has_it() {
    let mut line = Line::new(with_coils(SiteTables { points: Vec::new(), ..points(1) }, 0), Duration::ZERO);
    for pause_ms in [200, 400, 800, 1600, 3200, 5000, 5000] {
        assert!(matches!(line.send(), Some(Ask::Write(..))));
        line.settle(REFUSED);
        assert_eq!(line.wake(), line.now + Duration::from_millis(pause_ms));
        assert_eq!(line.send(), None);
        line.now = line.wake();
    }
    assert!(line.send().is_some());
    line.settle(Ok(()));
    line.read_back(&[false]);
    assert_eq!(line.wake(), line.now + Duration::from_secs(5), "repeated for the module's watchdog");
}

/// A module with one coil and nothing else.
fn module() -> Line {
    Line::new(with_coils(SiteTables { points: Vec::new(), ..points(1) }, 0), Duration::ZERO)
}

#[test]
fn an_output_that_is_read_back_otherwise_is_written_again_and_is_at_fault_the_second_time() {
    let mut line = module();
    line.poller.follow(&Panel { energised: vec![true] }, line.now);
    line.written();
    assert_eq!(line.read_back(&[false]), Reached::Yes, "once may be a relay on its way");
    for pause_ms in [200, 400, 800, 1600, 3200, 5000, 5000] {
        assert_eq!(line.wake(), line.now + Duration::from_millis(pause_ms), "tried again, and with bounds");
        line.now = line.wake();
        line.written();
        assert_eq!(line.read_back(&[false]), Reached::No, "the echo says nothing else");
    }
    line.now = line.wake();
    assert_eq!(line.written(), Reached::No, "an echo ends no fault");
    assert_eq!(line.read_back(&[true]), Reached::Yes);
    // What was right is looked at again with each refresh: somebody may turn a relay by hand.
    for _ in 0..3 {
        line.now = line.now + Duration::from_secs(5);
        line.written();
        assert_eq!(line.read_back(&[true]), Reached::Yes);
    }
}

#[test]
fn an_image_that_changes_while_coils_are_read_back_is_written_at_once_and_contradicts_nothing() {
    let mut line = module();
    for level in [true, false, true, false] {
        line.written();
        assert!(matches!(line.send(), Some(Ask::Read(..))));
        line.poller.follow(&Panel { energised: vec![level] }, line.now);
        line.poller.check(Ticket(line.ticket), Words::Bits(vec![!level])).unwrap();
        assert_eq!(line.reached(), Reached::Yes);
        assert_eq!(line.wake(), line.now, "an alarm's write waits for no proof");
    }
}

#[test]
fn a_module_that_went_is_not_read_back_and_nothing_wakes_for_it() {
    let mut line = module();
    line.written();
    assert!(matches!(line.send(), Some(Ask::Read(..))));
    line.settle(SILENT);
    while !line.health[0].is_offline() {
        line.now = line.wake();
        line.send();
        line.settle(SILENT);
    }
    assert_eq!(line.send(), None);
    assert!(line.wake() > line.now);
}

#[test]
fn a_write_that_is_never_accepted_does_not_starve_the_reads() {
    let mut line = Line::new(with_coils(points(2), 1), Duration::from_millis(10));
    line.refused_writes = true;
    line.run(Duration::from_secs(100));
    assert!(line.count().read >= 199, "{:?}", line.count());
}

#[test]
fn a_failed_read_is_tried_again_within_a_second() {
    let mut tables = points(1);
    tables.points[0].period = Duration::from_secs(60);
    let mut line = Line::new(tables, Duration::ZERO);
    assert!(line.send().is_some());
    line.settle(SILENT);
    assert_eq!(line.wake(), line.now + Duration::from_secs(1));
}

#[test]
fn refused_registers_are_asked_ever_more_rarely_and_the_device_stays_online() {
    let mut tables = points(1);
    tables.points[0].safety = false;
    let mut line = Line::new(tables, Duration::ZERO);
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(line.send().is_some());
        line.settle(REFUSED);
        assert!(!line.health[0].is_offline());
        assert_eq!(line.wake(), line.now + Duration::from_secs(pause));
        line.now = line.wake();
    }
    assert!(line.send().is_some());
    line.settle(Ok(()));
    assert!(line.wake() <= line.now + Duration::from_secs(1), "an answer ends the pauses");
}

#[test]
fn a_device_that_refuses_an_address_between_its_points_is_asked_for_each_run_of_points_alone() {
    let mut tables = points(1);
    tables.devices[0].gap_max = 8;
    for address in [6, 7, 12] {
        let mut point = fixture::point("P", 0);
        point.source.address = address;
        tables.points.push(point);
    }
    let mut line = Line::new(tables, Duration::ZERO);
    assert_eq!(line.asks(), [(0, 13)]);
    line.settle(REFUSED);
    for run in [(0, 1), (6, 2), (12, 1)] {
        assert_eq!(line.asks(), [run], "at once");
        line.settle(Ok(()));
    }
    for second in 1..4 {
        line.now = Mono::from_millis(1_000 * second);
        for run in [(0, 1), (6, 2), (12, 1)] {
            assert_eq!(line.asks(), [run]);
            line.settle(Ok(()));
        }
        assert_eq!(line.asks(), []);
        let count = line.count();
        assert!(count.is_even(), "{count:?}");
        assert_eq!(count.scheduled - count.repeated, 1 + second, "one planned read a second: {count:?}");
    }
    // Another device of the line keeps its joined reads.
    let mut tables = points(2);
    for device in 0..2_u16 {
        tables.devices[usize::from(device)].gap_max = 8;
        let mut point = fixture::point("Q", device);
        point.source.address = 6;
        tables.points.push(point);
    }
    let mut line = Line::new(tables, Duration::ZERO);
    assert_eq!(line.asks(), [(0, 7)]);
    line.settle(REFUSED);
    let mut asked = Vec::new();
    for _ in 0..6 {
        let ask = line.asks();
        if ask.is_empty() || asked.len() == 3 {
            line.now = line.wake().max(line.now);
        } else {
            asked.extend(ask);
            line.settle(Ok(()));
        }
    }
    asked.sort_unstable();
    assert_eq!(asked, [(0, 1), (0, 7), (6, 1)]);
    // What is not about an address is no reason.
    let mut tables = points(1);
    tables.devices[0].gap_max = 8;
    tables.points.push(fixture::point("Q", 0));
    tables.points[1].source.address = 6;
    let mut line = Line::new(tables, Duration::ZERO);
    line.asks();
    line.settle(Err(LinkFault::Refused(Exception::Busy)));
    line.now = line.wake();
    assert_eq!(line.asks(), [(0, 7)]);
}

#[test]
fn a_ticket_that_is_not_in_flight_ends_nothing() {
    let mut line = Line::new(points(1), Duration::ZERO);
    line.send();
    let stranger = Ticket(line.ticket + 1);
    assert!(line.poller.settle(line.now, (stranger, Ok(())), &line.site, &mut line.health).is_none());
    assert!(line.poller.is_busy());
    line.settle(Ok(()));
    let late = Ticket(line.ticket);
    assert!(line.poller.settle(line.now, (late, Ok(())), &line.site, &mut line.health).is_none());
    assert_eq!((line.poller.strays, line.count().read), (2, 1));
}

#[test]
fn words_that_do_not_fit_the_read_or_its_kind_are_garbage() {
    let mut line = Line::new(with_coils(points(1), 0), Duration::ZERO);
    line.send();
    let words = || Words::Registers(vec![1]);
    let check = |line: &mut Line, words| line.poller.check(Ticket(line.ticket), words);
    assert_eq!(check(&mut line, words()), Err(LinkFault::Garbled), "no words answer a write");
    line.settle(Ok(()));
    line.send();
    assert_eq!(check(&mut line, words()), Err(LinkFault::Garbled), "nor what was read back");
    assert_eq!(check(&mut line, Words::Bits(vec![true; 2])), Err(LinkFault::Garbled));
    line.settle(Ok(()));
    line.send();
    assert_eq!(check(&mut line, words()), Ok(words()));
    assert_eq!(check(&mut line, Words::Registers(vec![1, 2])), Err(LinkFault::Garbled));
    assert_eq!(check(&mut line, Words::Bits(vec![true])), Err(LinkFault::Garbled));
}

/// Looked at at random times, between requests and during them.
#[test]
fn every_due_time_is_read_failed_skipped_or_open_at_every_moment() {
    for reply_ms in [1, 400] {
        let mut line = Line::new(points(4), Duration::from_millis(reply_ms));
        line.dead = vec![DeviceId(0)];
        let phases: Vec<Duration> = (0..4).map(|index| line.poller.block(index).unwrap().phase).collect();
        let mut at_ms = 0;
        for step in 1..400 {
            at_ms += step * 7919 % 3_301;
            line.run(Mono::from_millis(at_ms).since(line.now));
            if step % 3 == 0 {
                line.send();
            }
            let count = line.count();
            assert!(count.is_even(), "{count:?}");
            // A second's grid, counted without the poller.
            let due = |phase: &Duration| line.now.as_micros().checked_sub(phase.as_micros() as u64);
            let due: u64 = phases.iter().filter_map(due).map(|passed| passed / 1_000_000 + 1).sum();
            assert_eq!(count.scheduled - count.repeated, due, "at {:?}", line.now);
            if step % 3 == 0 && line.poller.is_busy() {
                line.settle(SILENT);
            }
        }
        let count = line.count();
        assert!(count.skipped > 300 && count.read > 300 && count.failed > 30, "{count:?}");
    }
}

#[test]
fn what_a_dead_device_and_a_bus_that_is_not_there_leave_out_is_skipped() {
    let mut line = Line::new(points(1), Duration::from_millis(1));
    line.dead = vec![DeviceId(0)];
    line.run(Duration::from_secs(600));
    let (count, asked) = (line.count(), line.asked_of(0).len() as u64);
    assert_eq!((count.read, count.failed), (0, asked), "a request without an answer failed");
    assert_eq!(
        count.skipped + count.failed + count.open,
        601 + count.repeated,
        "the first at zero, the last at 600 s"
    );
    assert!(count.skipped > 500, "its back-off left out {}", count.skipped);

    let mut line = Line::new(points(1), Duration::ZERO);
    line.send();
    assert_eq!((line.count().open, line.count().scheduled), (1, 1));
    line.settle(Err(LinkFault::Gone));
    let count = line.count();
    assert_eq!((count.skipped, count.failed, count.open), (1, 0, 0), "nothing was there to ask it");
}

#[test]
fn a_repetition_is_a_poll_of_its_own() {
    let mut tables = points(1);
    tables.points[0].period = Duration::from_secs(60);
    let mut line = Line::new(tables, Duration::ZERO);
    for result in [SILENT, Ok(())] {
        assert!(line.send().is_some());
        line.settle(result);
        line.now = line.wake();
    }
    let count = line.count();
    assert_eq!((count.scheduled, count.repeated, count.failed, count.read, count.open), (3, 1, 1, 1, 1));
}

#[test]
fn an_overloaded_bus_reads_all_safety_blocks_equally() {
    let mut line = Line::new(points(8), Duration::from_millis(300));
    line.run(Duration::from_secs(240));
    let reads: Vec<usize> = (0..8).map(|device| line.asked_of(device).len()).collect();
    assert!(reads.iter().all(|count| (95..=105).contains(count)), "{reads:?}");
}

mod first;
mod proofs;

struct Line {
    site: Site,
    poller: Poller,
    health: Vec<Health>,
    now: Mono,
    ticket: u64,
    reply_after: Duration,
    dead: Vec<DeviceId>,
    refused_writes: bool,
    asked: BTreeMap<u16, Vec<Mono>>,
}

impl Line {
    fn new(tables: SiteTables, reply_after: Duration) -> Self {
        let site = Site::try_new(tables).unwrap();
        let blocks = plan(&site).remove(0);
        let mut poller = Poller::new(&site, BusId(0), blocks, Mono::ZERO);
        poller.follow(&Panel { energised: vec![false; site.outputs.len()] }, Mono::ZERO);
        let health = site.devices.iter().map(|_| Health::default()).collect();
        Self {
            site,
            poller,
            health,
            now: Mono::ZERO,
            ticket: 0,
            reply_after,
            dead: Vec::new(),
            refused_writes: false,
            asked: BTreeMap::new(),
        }
    }

    fn send(&mut self) -> Option<Ask> {
        let ask = self.poller.next(self.now, Ticket(self.ticket + 1), &self.site, &self.health)?;
        self.ticket += 1;
        let (Ask::Read(device, _) | Ask::Write(device, _) | Ask::Set(device, _)) = &ask;
        self.asked.entry(device.0).or_default().push(self.now);
        Some(ask)
    }

    /// The next request is a write, and the module echoes it.
    fn written(&mut self) -> Reached {
        assert!(matches!(self.send(), Some(Ask::Write(..))));
        self.reached()
    }

    /// The next request reads the coils back, which are these.
    fn read_back(&mut self, levels: &[bool]) -> Reached {
        let Some(Ask::Read(_, request)) = self.send() else { panic!("nothing is read back") };
        assert_eq!((request.table, usize::from(request.count)), (Table::Coil, levels.len()));
        self.poller.check(Ticket(self.ticket), Words::Bits(levels.to_vec())).unwrap();
        self.reached()
    }

    fn reached(&mut self) -> Reached {
        let answer = (Ticket(self.ticket), Ok(()));
        self.poller.settle(self.now, answer, &self.site, &mut self.health).unwrap().outputs[0].1
    }

    /// What is read next, if anything is: first address and count.
    fn asks(&mut self) -> Vec<(u16, u16)> {
        match self.send() {
            Some(Ask::Read(_, request)) => vec![(request.start, request.count)],
            Some(Ask::Write(..) | Ask::Set(..)) | None => Vec::new(),
        }
    }

    fn settle(&mut self, result: Result<(), LinkFault>) -> Turn {
        let answer = (Ticket(self.ticket), result);
        self.poller.settle(self.now, answer, &self.site, &mut self.health).unwrap().turn
    }

    fn count(&self) -> PollCount {
        let mut sum = PollCount::default();
        self.poller.counts(self.now).for_each(|(_, count)| sum += count);
        sum
    }

    fn wake(&self) -> Mono {
        self.poller.poll_timeout(self.now, &self.site, &self.health).unwrap()
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.wake() < end {
            self.now = self.now.max(self.wake());
            let Some(ask) = self.send() else {
                assert!(self.wake() > self.now, "awake, and nothing to do");
                continue;
            };
            let (Ask::Read(device, _) | Ask::Write(device, _) | Ask::Set(device, _)) = &ask;
            let result = if self.dead.contains(device) { SILENT } else { Ok(()) };
            let timeout = self.site.devices[device.index()].timeout;
            self.now = self.now + if result.is_ok() { self.reply_after } else { timeout };
            let refused = self.refused_writes && matches!(ask, Ask::Write(..));
            self.settle(if refused { REFUSED } else { result });
        }
        self.now = self.now.max(end);
    }

    fn asked_of(&self, device: u16) -> &[Mono] {
        self.asked.get(&device).map_or(&[], Vec::as_slice)
    }
}

/// So many devices with one point each, read each second; a silent one costs 200 ms and then waits for its share for 3.8 s.
fn points(devices: u16) -> SiteTables {
    let mut tables = fixture::tables(devices);
    tables.points = (0..devices).map(|device| fixture::point("P", device)).collect();
    tables
}

fn with_coils(tables: SiteTables, device: u16) -> SiteTables {
    let horn = OutputSpec {
        name: "horn".into(),
        role: Role::Horn(Priority::Low),
        wiring: Wiring::Coil { device: DeviceId(device), address: 0 },
        polarity: Polarity::EnergiseToAlarm,
    };
    SiteTables { outputs: vec![horn], ..tables }
}
