//! The adapters of one run and the channels to and from them. Orders are given without waiting; what an adapter cannot take is
//! kept within the engine's own bounds or told back to the engine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hazard_core::id::{BusId, DeviceId, Epoch, OutputId, Ticket, UplinkId};
use hazard_core::input::{JournalReport, UplinkReport};
use hazard_core::link::LinkFault;
use hazard_core::site::DeviceSpec;
use hazard_core::{Input, Mono, Output, Site};
use tokio::sync::mpsc;
use tracing::error;

use super::calls::Callers;
use super::district::District;
use crate::clock::{Clock, RunClock};
use crate::config::Loaded;
use crate::dictionary::Dictionary;
use crate::journal::{self, JournalHandle};
use crate::modbus::diagnosis::Medium;
use crate::modbus::{self, Job, LinkStats, UnitHealth};
use crate::observe::LineHealth;
use crate::panel::{self, OwnLine, PanelHandle};
use crate::uplink::mqtt;
use crate::webhook;

const INPUTS_MAX: usize = 4096;
const REPORTS_MAX: usize = 1024;
/// One request is in flight per bus; a place more lets the next one wait while the last reply is on its way.
const JOBS_MAX: usize = 2;
/// Orders that wait for a slow disk; the engine bounds the records in them.
const ORDERS_MAX: usize = 4096;
/// Waking the disk's thread for each reading costs more than the reading.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_MAX: usize = 64;
/// How long the end of a run waits for platforms to hear of it, and for the disk: after a reload nobody polls meanwhile.
const GOODBYE: Duration = Duration::from_secs(1);
const CLOSE: Duration = Duration::from_secs(3);

/// Where the adapters report.
pub(super) struct Inboxes {
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) journal: mpsc::UnboundedReceiver<journal::Report>,
    pub(super) uplinks: mpsc::Receiver<(UplinkId, mqtt::Report)>,
    pub(super) calls: mpsc::Receiver<webhook::Report>,
}

pub(super) struct Adapters {
    site: Arc<Site>,
    buses: Vec<mpsc::Sender<Job>>,
    stats: Vec<Arc<LinkStats>>,
    media: Vec<Medium>,
    journal: Option<JournalHandle>,
    waiting: VecDeque<journal::Order>,
    uplinks: Vec<mpsc::Sender<mqtt::Order>>,
    uplink_tasks: Vec<tokio::task::JoinHandle<()>>,
    stuck: Vec<bool>,
    flush_at: Option<Mono>,
    panel: Option<PanelHandle>,
    pub(super) callers: Callers,
    dictionary: Arc<Dictionary>,
}

impl Adapters {
    pub(super) fn start(
        loaded: &Loaded,
        epoch: Epoch,
        dictionary: &Arc<Dictionary>,
        (district, clock): (&District, &Clock),
    ) -> std::io::Result<(Self, Inboxes)> {
        let (input_sender, inputs) = mpsc::channel(INPUTS_MAX);
        let (report_sender, uplink_reports) = mpsc::channel(REPORTS_MAX);
        // Each order brings at most a few reports, and orders are bounded.
        let (journal_sender, journal_reports) = mpsc::unbounded_channel();
        let mut buses = Vec::new();
        let mut stats = Vec::new();
        for (bus, link) in (0..).map(BusId).zip(&loaded.buses) {
            let (jobs, receiver) = mpsc::channel(JOBS_MAX);
            let (_, counts) = modbus::spawn(bus, link.clone(), receiver, input_sender.clone());
            buses.push(jobs);
            stats.push(counts);
        }
        let mut uplinks = Vec::new();
        let mut uplink_tasks = Vec::new();
        for (uplink, settings) in (0..).map(UplinkId).zip(&loaded.uplinks) {
            let (orders, receiver) = mpsc::channel(usize::from(settings.window) + 64);
            let will = district.will();
            uplink_tasks.push(mqtt::spawn(uplink, settings.clone(), will, receiver, report_sender.clone()));
            uplinks.push(orders);
        }
        let header = journal::Header { epoch, dictionary: Arc::clone(dictionary) };
        let names = loaded.uplinks.iter().map(|uplink| uplink.name.clone()).collect();
        let failed = journal_sender.clone();
        let tell = move |report| drop(journal_sender.send(report));
        let mut settings = loaded.journal.clone();
        settings.commit_within = settings.commit_within.saturating_sub(GATHER);
        let journal = journal::spawn(settings, header, names, tell).inspect_err(|fault| {
            error!(%fault, "the journal's thread does not start");
            drop(failed.send(journal::Report::Core(JournalReport::Failed)));
        });
        let panel = own_lines(loaded).map(|lines| panel::spawn(lines, input_sender)).transpose()?;
        let (callers, calls) = Callers::start(loaded, epoch, clock);
        let adapters = Self {
            site: Arc::clone(&loaded.site),
            buses,
            stats,
            media: loaded.buses.iter().map(|bus| Medium::of(&bus.endpoint)).collect(),
            journal: journal.ok(),
            waiting: VecDeque::new(),
            stuck: vec![false; uplinks.len()],
            flush_at: None,
            uplinks,
            uplink_tasks,
            panel,
            callers,
            dictionary: Arc::clone(dictionary),
        };
        Ok((adapters, Inboxes { inputs, journal: journal_reports, uplinks: uplink_reports, calls }))
    }

    fn write(
        &mut self,
        (bus, ticket): (BusId, Ticket),
        device: DeviceId,
        request: modbus::Request,
    ) -> Option<Input> {
        let job = self.job(ticket, device, request);
        let refused = self.buses[bus.index()].try_send(job).is_err();
        refused.then_some(Input::Written { bus, ticket, result: Err(LinkFault::Gone) })
    }

    /// Gives an order; what cannot be ordered comes back as what the engine must know.
    pub(super) fn carry_out(
        &mut self,
        output: Output,
        district: &mut District,
        clock: &Clock,
    ) -> Option<Input> {
        match output {
            Output::Drive(panel) => {
                if let Some(handle) = &self.panel {
                    handle.drive(panel);
                }
                None
            }
            Output::Read { bus, ticket, device, request } => {
                let job = self.job(ticket, device, modbus::Request::Read(request));
                let refused = self.buses[bus.index()].try_send(job).is_err();
                refused.then_some(Input::Reply { bus, ticket, result: Err(LinkFault::Gone) })
            }
            Output::Write { bus, ticket, device, request } => {
                self.write((bus, ticket), device, modbus::Request::Write(request))
            }
            Output::Set { bus, ticket, device, request } => {
                self.write((bus, ticket), device, modbus::Request::Set(request))
            }
            // The composer names what it tells, which no adapter can.
            Output::Call(_) => None,
            Output::Publish(publish) => {
                let encoded = district.encode(&publish, clock.utc());
                let message =
                    mqtt::Message { id: publish.message, topic: encoded.topic, payload: encoded.payload };
                self.send(publish.uplink, mqtt::Order::Publish(message))
            }
            Output::Append { epoch, records, urgent } => {
                self.order(journal::Order::Append { epoch, records, urgent });
                None
            }
            Output::Fetch { uplink, epoch, lane, first, last, records_max } => {
                self.order(journal::Order::Fetch { uplink, epoch, lane, first, last, records_max });
                None
            }
            Output::Find { uplink, from, to } => {
                self.order(journal::Order::Find { uplink, from, to });
                None
            }
            Output::SaveCursor { uplink, epoch, acked } => {
                self.order(journal::Order::SaveCursor { uplink, epoch, acked });
                None
            }
            Output::Reopen => {
                let epoch = super::fresh_epoch();
                district.learn(epoch, None, Arc::clone(&self.dictionary));
                let header = journal::Header { epoch, dictionary: Arc::clone(&self.dictionary) };
                self.order(journal::Order::Reopen(header));
                None
            }
        }
    }

    /// When orders that may wait a moment must go.
    pub(super) const fn flush_at(&self) -> Option<Mono> {
        self.flush_at
    }

    /// Gives the journal its orders; those that are not urgent wait for company.
    pub(super) fn flush(&mut self, now: Mono) {
        if self.waiting.is_empty() {
            self.flush_at = None;
            return;
        }
        let at = *self.flush_at.get_or_insert(now + GATHER);
        let urgent =
            self.waiting.iter().any(|order| !matches!(order, journal::Order::Append { urgent: false, .. }));
        if now < at && !urgent && self.waiting.len() < GATHER_MAX {
            return;
        }
        self.flush_at = None;
        self.give();
        if !self.waiting.is_empty() {
            self.flush_at = Some(now + GATHER);
        }
    }

    fn give(&mut self) {
        let Some(journal) = &self.journal else {
            self.waiting.clear();
            return;
        };
        while let Some(order) = self.waiting.pop_front() {
            if let Err(journal::Full(order)) = journal.try_order(order) {
                self.waiting.push_front(order);
                return;
            }
        }
    }

    /// Keeps a state on every platform.
    pub(super) fn retain(&mut self, retained: &mqtt::Retained) {
        for orders in &self.uplinks {
            // A full queue belongs to a connection that is about to be rebuilt, and the next state says all of this one.
            drop(orders.try_send(mqtt::Order::Retain(retained.clone())));
        }
    }

    /// What each bus and each device did lately, in site order.
    pub(super) fn line_healths(&self) -> (Vec<LineHealth>, Vec<UnitHealth>) {
        let lines = self
            .stats
            .iter()
            .zip(&self.media)
            .map(|(stats, medium)| LineHealth { counts: stats.snapshot(), causes: stats.causes(*medium) });
        let unit = |device: &DeviceSpec| {
            let bus = device.bus.index();
            self.stats[bus].unit(device.unit, self.media[bus])
        };
        (lines.collect(), self.site.devices.iter().map(unit).collect())
    }

    pub(super) async fn shut_down(mut self) {
        self.give();
        drop(self.buses);
        for orders in &self.uplinks {
            drop(orders.try_send(mqtt::Order::Stop));
        }
        self.uplink_tasks.extend(self.callers.stop());
        let goodbyes = async {
            for task in &mut self.uplink_tasks {
                drop(task.await);
            }
        };
        if tokio::time::timeout(GOODBYE, goodbyes).await.is_err() {
            self.uplink_tasks.iter().for_each(tokio::task::JoinHandle::abort);
        }
        if let Some(journal) = self.journal {
            let closing = tokio::task::spawn_blocking(move || journal.close());
            if tokio::time::timeout(CLOSE, closing).await.is_err() {
                error!("the disk does not let the journal close; it goes on closing");
            }
        }
    }

    fn job(&self, ticket: Ticket, device: DeviceId, request: modbus::Request) -> Job {
        let spec = &self.site.devices[device.index()];
        Job { ticket, timeout: spec.timeout, late_window: spec.late_window, request }
    }

    /// Has the journal remember what is known of an epoch's clock.
    pub(super) fn remember(&mut self, (epoch, clock): (Epoch, RunClock)) {
        self.order(journal::Order::Clock { epoch, clock });
    }

    fn order(&mut self, order: journal::Order) {
        self.waiting.push_back(order);
        if self.waiting.len() > ORDERS_MAX {
            // Cursors can be lost: what they would have said is sent again under the same numbers.
            self.waiting.retain(|order| !matches!(order, journal::Order::SaveCursor { .. }));
        }
    }

    /// A platform whose queue is full has stopped working: what is in flight is taken back, and sent again when there is
    /// room.
    fn send(&mut self, uplink: UplinkId, order: mqtt::Order) -> Option<Input> {
        let refused = self.uplinks[uplink.index()].try_send(order).is_err();
        self.stuck[uplink.index()] |= refused;
        refused.then_some(Input::Uplink { uplink, report: UplinkReport::Down })
    }

    /// The uplink itself has said where it stands.
    pub(super) fn heard(&mut self, uplink: UplinkId) {
        self.stuck[uplink.index()] = false;
    }

    /// An uplink that was taken for dead and has room again.
    pub(super) fn take_unstuck(&mut self) -> Option<UplinkId> {
        let room = |(stuck, orders): (&bool, &mpsc::Sender<mqtt::Order>)| {
            *stuck && orders.capacity() >= orders.max_capacity() / 2
        };
        let index = self.stuck.iter().zip(&self.uplinks).position(room)?;
        self.stuck[index] = false;
        u8::try_from(index).ok().map(UplinkId)
    }
}

fn own_lines(loaded: &Loaded) -> Option<Vec<OwnLine>> {
    let outputs = loaded.gpio.iter().zip(&loaded.site.outputs);
    let lines: Vec<OwnLine> = (0..)
        .map(OutputId)
        .zip(outputs)
        .filter_map(|(output, (line, spec))| {
            Some(OwnLine { output, line: line.clone()?, polarity: spec.polarity })
        })
        .collect();
    (!lines.is_empty()).then_some(lines)
}
