use alloc::format;
use alloc::vec;

use super::*;
use crate::alarm::{AlarmKind, Priority};
use crate::annunciate::{OutputSpec, Panel, Wiring};
use crate::id::{DeviceCommandId, Ticket};
use crate::link::{LinkFault, ReadRequest, Table};
use crate::point::{PointSpec, Shape};
use crate::poll::{Ask, Health, Poller};
use crate::site::{BusKind, SiteTables};
use crate::{Polarity, Side, Threshold, Value, fixture};

/// Each seed is a site of its own; a failure prints it.
const SEEDS: u64 = 400;
const HORIZON: Duration = Duration::from_secs(90);

#[test]
fn no_read_is_settled_later_than_predicted() {
    for seed in 0..SEEDS {
        let run = Run::new(seed, None);
        run.check(|parts| parts.until_settled());
    }
}

#[test]
fn no_coil_follows_the_panel_later_than_predicted() {
    for seed in 0..SEEDS {
        let run = Run::new(seed, None);
        let parts = run.predicted.points.iter().filter_map(|delay| delay.parts).map(|parts| parts.output);
        let (Some(bound), worst) = (parts.max(), run.worst_output) else { continue };
        assert!(worst <= bound, "seed {seed}: {worst:?} of {bound:?}");
    }
}

#[test]
fn one_failed_request_costs_no_more_than_predicted() {
    for seed in 0..SEEDS {
        let nth = 1 + Seed(seed).below(60);
        let run = Run::new(seed, Some(nth));
        run.check(|parts| parts.until_settled().saturating_add(parts.failed));
    }
}

#[test]
fn the_line_is_busy_for_no_more_than_the_predicted_share() {
    for seed in 0..SEEDS {
        let run = Run::new(seed, None);
        let bus = &run.predicted.buses[0];
        // The image of the alarms changes every REFRESH, which adds at most as many writes again.
        let ppm = u128::from(bus.load.reads_ppm + 2 * bus.load.writes_ppm);
        let share = Duration::from_micros(u64::try_from(HORIZON.as_micros() * ppm / 1_000_000).unwrap());
        assert!(run.busy <= share + 3 * bus.cycle, "seed {seed}: {:?} of {share:?}", run.busy);
    }
}

#[test]
fn a_quiet_panel_is_written_as_often_as_predicted() {
    let mut tables = fixture::tables(1);
    tables.outputs = vec![coil(0, Role::Horn(Priority::Low)), coil(4, Role::Heartbeat)];
    let site = Site::try_new(tables).unwrap();
    let predicted = predict(&site);
    let mut sim = Sim::new(&site, &predicted.buses[0], Seed(1));
    sim.quiet = true;
    sim.run(None);
    let seconds = u32::try_from(HORIZON.as_secs()).unwrap();
    for (write, written) in predicted.buses[0].writes.iter().zip(&sim.written) {
        let expected = Duration::from_secs(u64::from(seconds)).as_micros() / write.every.as_micros();
        let count = u128::from(*written);
        assert!(count.abs_diff(expected) <= 2, "{expected} predicted, {count} written");
    }
}

#[test]
fn a_register_read_on_a_9600_baud_line_costs_its_characters_two_silences_and_the_turnaround() {
    let mut tables = line(9_600);
    tables.points = vec![point(0, Shape::U64)];
    let site = Site::try_new(tables).unwrap();
    let bus = &predict(&site).buses[0];
    // 8 + 5 + 2 × 4 = 21 characters of 10 bits: 21.875 ms; 2 × 3.646 ms; 5 ms.
    assert_eq!(bus.reads[0].cost.as_micros(), 21_875 + 2 * 3_646 + 5_000);
}

#[test]
fn a_gap_that_contains_the_silence_is_not_counted_twice() {
    let cost = |gap_ms, pause_ms| {
        let mut tables = line(9_600);
        tables.buses[0].gap = Duration::from_millis(gap_ms);
        tables.devices[0].pause = Duration::from_millis(pause_ms);
        tables.points = vec![point(0, Shape::U16)];
        let bus = predict(&Site::try_new(tables).unwrap()).buses.remove(0);
        (bus.reads[0].cost.as_micros(), bus.failure.as_micros())
    };
    let (read, failure) = cost(0, 0);
    assert_eq!(cost(3, 3), (read, failure));
    assert_eq!(cost(10, 0), (read - 3_646 + 10_000, failure - 3_646 + 10_000));
    assert_eq!(cost(4, 10), cost(10, 0), "a device's pause counts where it is longer");
    assert_eq!(cost(10, 4), cost(10, 0));
}

#[test]
fn above_19200_baud_the_silence_is_fixed() {
    let mut tables = line(115_200);
    tables.points = vec![point(0, Shape::U16)];
    let site = Site::try_new(tables).unwrap();
    // 15 characters of 10 bits: 1.303 ms.
    assert_eq!(predict(&site).buses[0].reads[0].cost.as_micros(), 1_303 + 2 * 1_750 + 5_000);
}

#[test]
fn a_full_bus_fits_once_its_periods_are_stretched_as_told() {
    let mut tables = line(9_600);
    for address in 0..40 {
        tables.points.push(point(address * 100, Shape::U64));
    }
    let site = Site::try_new(tables.clone()).unwrap();
    let Verdict::Stretch { permille } = predict(&site).buses[0].verdict else {
        panic!("40 reads a second fit")
    };
    let stretched = |permille: u64| {
        let mut tables = tables.clone();
        for point in &mut tables.points {
            point.period = Duration::from_micros(permille * 1_000);
        }
        predict(&Site::try_new(tables).unwrap()).buses[0].verdict
    };
    assert_eq!(stretched(permille), Verdict::Fits);
    assert_ne!(stretched(permille - 2), Verdict::Fits);
}

#[test]
fn a_line_that_coil_writes_fill_has_no_bound_and_no_period_that_fits() {
    let mut tables = line(1);
    tables.points = vec![point(0, Shape::U16)];
    tables.alarms = vec![alarm(PointId(0))];
    tables.outputs = vec![coil(0, Role::Heartbeat)];
    let prediction = predict(&Site::try_new(tables).unwrap());
    assert_eq!(prediction.buses[0].verdict, Verdict::Full);
    assert_eq!(prediction.points[0].parts, None);
}

#[test]
fn a_gpio_horn_waits_for_no_coil_and_the_on_delay_counts() {
    let mut tables = fixture::tables(1);
    tables.points = vec![point(0, Shape::U16)];
    tables.alarms = vec![alarm(PointId(0))];
    tables.alarms[0].threshold.on_delay = Duration::from_secs(7);
    let horn = Role::Horn(Priority::Low);
    tables.outputs = vec![OutputSpec { wiring: Wiring::Gpio, ..coil(0, horn.clone()) }];
    let parts = |tables: SiteTables| predict(&Site::try_new(tables).unwrap()).points[0].parts.unwrap();
    let gpio = parts(tables.clone());
    assert_eq!((gpio.output, gpio.on_delay), (Duration::ZERO, Duration::from_secs(7)));
    // Nothing else is polled: the read blocks itself once, and its time-out, retry and second wait are the failure.
    let cost = Duration::from_millis(15);
    assert_eq!((gpio.period, gpio.blocking, gpio.own), (Duration::from_secs(1), cost, cost));
    assert_eq!(gpio.failed, Duration::from_millis(200 + 30 + 1_000) + cost);
    tables.outputs = vec![coil(0, horn)];
    // What is in flight, then the write itself.
    assert_eq!(parts(tables).output, 2 * cost);
}

#[test]
fn a_poll_that_may_wait_a_whole_period_is_told() {
    let mut tables = line(1_200);
    tables.points = vec![point(0, Shape::U16), point(400, Shape::Text(100))];
    tables.alarms = vec![alarm(PointId(0)), alarm(PointId(1))];
    tables.points[0].period = Duration::from_millis(500);
    tables.points[1].period = Duration::from_secs(60);
    let prediction = predict(&Site::try_new(tables).unwrap());
    assert_eq!(prediction.buses[0].verdict, Verdict::Fits);
    let may_skip: Vec<_> = prediction.points.iter().map(|delay| delay.parts.unwrap().may_skip()).collect();
    assert_eq!(may_skip, [true, false]);
    let [wait, period] = [Duration::from_millis(500); 2];
    let parts = DelayParts {
        period,
        blocking: wait / 2,
        earlier: wait / 4,
        writes: wait / 4,
        ..DelayParts::default()
    };
    assert!(parts.may_skip(), "sent at the next grid time, it stands for both");
    assert!(!DelayParts { period: period + Duration::from_micros(1), ..parts }.may_skip());
}

#[test]
fn only_safety_points_with_an_alarm_on_their_value_are_predicted() {
    let mut tables = fixture::tables(1);
    for address in 0..3 {
        tables.points.push(point(address, Shape::U16));
    }
    tables.points[1].safety = false;
    tables.alarms = vec![alarm(PointId(0)), alarm(PointId(1)), alarm(PointId(2))];
    tables.alarms[2].kind = AlarmKind::Lost;
    tables.alarms[2].signal = Signal::Lost;
    let predicted = predict(&Site::try_new(tables).unwrap());
    let points: Vec<_> = predicted.points.iter().map(|delay| delay.point).collect();
    assert_eq!(points, [PointId(0)]);
}

#[test]
fn absurd_numbers_do_not_panic() {
    let mut tables = line(0);
    tables.buses[0].gap = Duration::MAX;
    tables.devices[0].timeout = Duration::MAX;
    tables.devices[0].turnaround = Duration::MAX;
    tables.points = vec![PointSpec { period: Duration::MAX, ..point(0, Shape::U16) }, point(1, Shape::U16)];
    tables.alarms = vec![alarm(PointId(0)), alarm(PointId(1))];
    tables.outputs = vec![coil(0, Role::Heartbeat)];
    assert_eq!(predict(&Site::try_new(tables).unwrap()).points.len(), 2);
}

/// A random site, its prediction, and what a simulation of its bus saw.
struct Run {
    seed: u64,
    site: Site,
    predicted: Prediction,
    /// Per read: the longest time from one sampling to the end of the next.
    worst: Vec<Duration>,
    /// The longest time from a change of the image to the end of the write that carries it.
    worst_output: Duration,
    busy: Duration,
}

impl Run {
    fn new(seed: u64, failing: Option<u64>) -> Self {
        let mut random = Seed(seed);
        let site = random_site(&mut random);
        let predicted = predict(&site);
        let mut sim = Sim::new(&site, &predicted.buses[0], random);
        sim.run(failing);
        let (worst, worst_output, busy) = (sim.worst, sim.worst_output, sim.busy);
        Self { seed, site, predicted, worst, worst_output, busy }
    }

    fn check(&self, bound: impl Fn(&DelayParts) -> Duration) {
        for delay in &self.predicted.points {
            let reads = self.predicted.buses[0].reads.iter();
            let index = reads.into_iter().position(|read| read.block.points.contains(&delay.point)).unwrap();
            let Some(parts) = &delay.parts else { continue };
            let (bound, worst) = (bound(parts), self.worst[index]);
            let (seed, tag) = (self.seed, &self.site.points[delay.point.index()].tag);
            assert!(worst <= bound, "seed {seed}: {tag} took {worst:?} of {bound:?}, {parts:?}");
        }
    }
}

/// One bus under the real poller; every request takes at most its predicted line time.
struct Sim<'a> {
    site: &'a Site,
    bus: &'a BusPrediction,
    random: Seed,
    quiet: bool,
    panel: Panel,
    sampled: Vec<Option<Mono>>,
    worst: Vec<Duration>,
    written: Vec<u64>,
    changed_at: Vec<Option<Mono>>,
    worst_output: Duration,
    busy: Duration,
}

impl<'a> Sim<'a> {
    fn new(site: &'a Site, bus: &'a BusPrediction, random: Seed) -> Self {
        Self {
            site,
            bus,
            random,
            quiet: false,
            panel: Panel { energised: vec![false; site.outputs.len()] },
            sampled: vec![None; bus.reads.len()],
            worst: vec![Duration::ZERO; bus.reads.len()],
            written: vec![0; bus.writes.len()],
            changed_at: vec![None; bus.writes.len()],
            worst_output: Duration::ZERO,
            busy: Duration::ZERO,
        }
    }

    fn run(&mut self, failing: Option<u64>) {
        let blocks = self.bus.reads.iter().map(|read| read.block.clone()).collect();
        let mut health: Vec<Health> = self.site.devices.iter().map(|_| Health::default()).collect();
        let mut poller = Poller::new(self.site, self.bus.bus, blocks, Mono::ZERO);
        let (mut now, mut beat_at, mut change_at) = (Mono::ZERO, Mono::ZERO, Mono::ZERO);
        let mut flight: Option<(Mono, Mono, bool)> = None;
        let mut is_write = false;
        let mut ticket = 0;
        while now < Mono::ZERO + HORIZON {
            if let Some((sent, _, fails)) = flight.take_if(|(_, end, _)| *end <= now) {
                let result = if fails { Err(LinkFault::Silent) } else { Ok(()) };
                let settled = poller.settle(now, (Ticket(ticket), result), self.site, &mut health).unwrap();
                self.busy += now.since(sent);
                match settled.block {
                    _ if fails => {}
                    Some(index) => self.settled(index, sent, now),
                    None if is_write => {
                        let outputs: Vec<_> = settled.outputs.iter().map(|(output, _)| *output).collect();
                        self.switched(&outputs, sent, now);
                    }
                    None => {}
                }
            }
            if beat_at <= now {
                beat_at = now + TICK;
                self.toggle(|role| *role == Role::Heartbeat);
            }
            if change_at <= now {
                change_at = now + REFRESH + Duration::from_micros(self.random.below(3_000_000));
                if !self.quiet {
                    self.toggle(|role| *role != Role::Heartbeat);
                    let writes = self.bus.writes.iter().zip(&mut self.changed_at);
                    writes
                        .filter(|(write, _)| write.follows_alarms)
                        .for_each(|(_, at)| *at = at.or(Some(now)));
                }
            }
            poller.follow(&self.panel, now);
            self.command(&mut poller, now);
            if let Some(ask) = poller.next(now, Ticket(ticket + 1), self.site, &health) {
                ticket += 1;
                let fails = failing == Some(ticket);
                is_write = matches!(ask, Ask::Write(..));
                flight = Some((now, now + self.duration(&ask, fails), fails));
            }
            let next = flight.map(|(_, end, _)| end).or_else(|| poller.poll_timeout(now, self.site, &health));
            let next = next.map_or(beat_at, |next| next.min(beat_at)).min(change_at);
            now = next.max(now + Duration::from_micros(1));
        }
    }

    /// The value may have changed just after the last sampling, and no answer before this one shows it.
    fn settled(&mut self, index: usize, sampled: Mono, now: Mono) {
        if let Some(before) = self.sampled[index].replace(sampled) {
            self.worst[index] = self.worst[index].max(now.since(before));
        }
    }

    /// A write that was in flight when the image changed does not count.
    fn switched(&mut self, outputs: &[OutputId], sent: Mono, now: Mono) {
        let Some(index) = self.bus.writes.iter().position(|write| write.outputs == outputs) else { return };
        if let Some(changed) = self.changed_at[index].take_if(|changed| *changed <= sent) {
            self.worst_output = self.worst_output.max(now.since(changed));
        }
    }

    fn duration(&mut self, ask: &Ask, fails: bool) -> Duration {
        let cost = match ask {
            Ask::Read(_, request) => self.read_cost(request),
            Ask::Write(device, request) => {
                let place = |output: &OutputId| {
                    self.site.outputs[output.index()].wiring
                        == Wiring::Coil { device: *device, address: request.start }
                };
                let index = self.bus.writes.iter().position(|write| place(&write.outputs[0])).unwrap();
                self.written[index] += 1;
                self.bus.writes[index].cost
            }
            Ask::Set(..) => self.bus.command.unwrap(),
        };
        let (Ask::Read(device, _) | Ask::Write(device, _) | Ask::Set(device, _)) = ask;
        if fails {
            let device = &self.site.devices[device.index()];
            return device.timeout + device.pause + RECOVERY;
        }
        let slow = self.random.below(2) == 0;
        if slow { cost } else { cost / 100 * u32::try_from(50 + self.random.below(50)).unwrap() }
    }

    /// There is always a command under way; what it reads back is never what it wrote.
    fn command(&mut self, poller: &mut Poller, now: Mono) {
        while poller.take_ended_command().is_some() {}
        for (id, spec) in (0..).map(DeviceCommandId).zip(&self.site.commands) {
            if poller.pending_commands().all(|sent| sent.command != id) {
                let setting = spec.setting(Value::ONE, 1).unwrap();
                poller.push_command(now, (fixture::sent(id), setting), spec);
            }
        }
    }

    /// A read, or a group of coils that is read back.
    fn read_cost(&self, request: &ReadRequest) -> Duration {
        if request.start >= fixture::COMMANDS_FROM {
            return self.bus.command.unwrap();
        }
        if request.table == Table::Coil {
            return self.bus.writes.iter().map(|write| write.proof).max().unwrap();
        }
        self.bus.reads.iter().find(|read| read.block.request == *request).unwrap().cost
    }

    fn toggle(&mut self, which: impl Fn(&Role) -> bool) {
        for (output, level) in self.site.outputs.iter().zip(&mut self.panel.energised) {
            *level ^= which(&output.role);
        }
    }
}

/// SplitMix64.
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % end
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

fn random_site(random: &mut Seed) -> Site {
    let mut tables = fixture::tables(u16::try_from(1 + random.below(8)).unwrap());
    let baud = random.of(&[1_200, 9_600, 19_200, 115_200]);
    let kinds = [
        BusKind::Tcp,
        BusKind::Rtu { baud, character_bits: 11 },
        BusKind::RtuOverTcp { baud, character_bits: 10 },
    ];
    tables.buses[0].kind = random.of(&kinds);
    tables.buses[0].gap = Duration::from_millis(random.below(30));
    for device in &mut tables.devices {
        device.turnaround = Duration::from_millis(1 + random.below(120));
        device.timeout = Duration::from_millis(200 + random.below(800));
        device.late_window = Duration::from_millis(random.below(1_500));
        device.gap_max = 8;
        device.pause = Duration::from_millis(random.below(40));
    }
    for index in 0..=random.below(25) {
        let shape = random.of(&[Shape::Bit, Shape::U16, Shape::F64, Shape::Text(60)]);
        let device = u16::try_from(random.below(tables.devices.len() as u64)).unwrap();
        let mut point = point(u16::try_from(random.below(400)).unwrap(), shape);
        point.tag = format!("P{index}").into();
        point.device = DeviceId(device);
        point.period = Duration::from_millis(random.of(&[100, 250, 500, 1_000, 1_700, 5_000]));
        point.safety = random.below(2) == 0;
        tables.alarms.push(alarm(PointId(u32::try_from(index).unwrap())));
        tables.points.push(point);
    }
    for address in 0..random.below(6) {
        let horn = Role::Horn(Priority::Low);
        let output = coil(u16::try_from(2 * address).unwrap(), horn);
        tables.outputs.push(output);
    }
    for address in 0..random.below(2) {
        tables.outputs.push(coil(u16::try_from(random.of(&[1, 30]) + address).unwrap(), Role::Heartbeat));
    }
    for place in 0..random.of(&[0, 0, 1, 3]) {
        let device = DeviceId(u16::try_from(random.below(tables.devices.len() as u64)).unwrap());
        let shape = random.of(&[Shape::U16, Shape::F64]);
        tables.commands.push(fixture::command(device, fixture::COMMANDS_FROM + 8 * place, shape));
    }
    Site::try_new(tables).unwrap()
}

fn line(baud: u32) -> SiteTables {
    let mut tables = fixture::tables(1);
    tables.buses[0].kind = BusKind::Rtu { baud, character_bits: 10 };
    tables
}

fn point(address: u16, shape: Shape) -> PointSpec {
    let mut point = fixture::point("P", 0);
    point.source.address = address;
    point.source.shape = shape;
    if shape == Shape::Bit {
        point.source.table = Table::Discrete;
    }
    point
}

fn alarm(point: PointId) -> AlarmSpec {
    let threshold = Threshold { setpoint: Value::ONE, ..Threshold::switch(Side::High) };
    AlarmSpec { priority: Priority::High, ..AlarmSpec::new(point, AlarmKind::High, threshold) }
}

fn coil(address: u16, role: Role) -> OutputSpec {
    OutputSpec {
        name: format!("K{address}").into(),
        role,
        wiring: Wiring::Coil { device: DeviceId(0), address },
        polarity: Polarity::DeEnergiseToAlarm,
    }
}
