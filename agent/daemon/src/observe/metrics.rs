//! The status document as OpenMetrics text 1.0, for Prometheus: base units, counters in `_total`, and series only for
//! what the configuration names.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::commands::{COMMANDS_MAX, counted};
use super::latency::{Histogram, Latencies};
use super::sensors::CATEGORIES;
use super::status::Status;
use super::upkeep::UpkeepRow;
use super::uplinks::Heard;

/// Points that get series of their own; a site with more is asked over the platform, not over metrics.
pub const POINTS_MAX: usize = 500;

const STATES: [&str; 5] = ["unacked", "acked", "rtn_unacked", "latched_unacked", "latched_acked"];
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// All metrics of `status`, ended by `# EOF`.
#[must_use]
pub fn encode(status: &Arc<Status>, latency: &Latencies) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { status: Arc::clone(status), latency: *latency }));
    let mut page = String::new();
    let written = text::encode(&mut page, &registry);
    debug_assert!(written.is_ok(), "a string in memory takes every character");
    page
}

#[derive(Debug)]
struct Scrape {
    status: Arc<Status>,
    latency: Latencies,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.agent(&mut page)?;
        self.buses(&mut page)?;
        self.points(&mut page)?;
        self.alarms(&mut page)?;
        self.conditions(&mut page)?;
        self.interlocks(&mut page)?;
        self.figures(&mut page)?;
        self.calls(&mut page)?;
        self.commands(&mut page)?;
        self.carried(&mut page)?;
        self.uplinks(&mut page)?;
        page.histogram("hazard_turn_duration", "One turn of the run loop.", &self.latency.turn)?;
        let panel = "From a reply to the panel driven because of it.";
        page.histogram("hazard_read_to_panel", panel, &self.latency.read_to_panel)?;
        let publish = "From a reply to its live message handed to an uplink.";
        page.histogram("hazard_read_to_publish", publish, &self.latency.read_to_publish)?;
        let alarm = "How long a change at a safety point may have been unseen, by each of its reads.";
        page.histogram("hazard_alarm_delay", alarm, &self.latency.alarm_delay)?;
        let output = "From the panel's change to the coil that has followed.";
        page.histogram("hazard_output_delay", output, &self.latency.output_delay)
    }
}

impl Scrape {
    fn agent(&self, page: &mut Page<'_>) -> fmt::Result {
        let (site, agent) = (&self.status.site, &self.status.agent);
        let labels = [
            ("version", &*agent.version),
            ("config", &*agent.config),
            ("gateway", &*site.gateway),
            ("enterprise", &*site.enterprise),
            ("district", &*site.district),
        ];
        page.open("hazard_build", "The running agent and its configuration.", None, MetricType::Info)?
            .encode_info(&labels)?;
        #[allow(clippy::cast_precision_loss, reason = "285 million years fit exactly")]
        let uptime = agent.uptime_s as f64;
        page.gauges(("hazard_uptime", "Time since the start.", Some(Unit::Seconds)), [([], uptime)])?;
        let trusted = flag(self.status.clock.trust == "synced");
        page.gauges(("hazard_clock_trusted", "A time source confirms the wall clock.", None), [([], trusted)])
    }

    fn buses(&self, page: &mut Page<'_>) -> fmt::Result {
        let buses = &self.status.buses;
        let polls = buses.iter().flat_map(|bus| {
            [("read", bus.read), ("failed", bus.failed), ("skipped", bus.skipped)]
                .map(|(outcome, count)| ([("bus", &*bus.bus), ("outcome", outcome)], count))
        });
        page.counters(("hazard_bus_polls", "Polls that came due, by what became of them.", None), polls)?;
        let polls = self.status.devices.iter().flat_map(|device| {
            let polls = device.polls;
            [("read", polls.read), ("failed", polls.failed), ("skipped", polls.skipped)]
                .map(|(result, count)| ([("device", &*device.device), ("result", result)], count))
        });
        let help =
            "Scheduled polls, by what became of them; those that a dead device's back-off left out included.";
        page.counters(("hazard_polls", help, None), polls)?;
        #[allow(clippy::cast_precision_loss, reason = "at most one for each block")]
        let open = self.status.devices.iter().map(|row| ([("device", &*row.device)], row.polls.open as f64));
        page.gauges(("hazard_polls_open", "Polls being asked, or due and not asked yet.", None), open)?;
        let scheduled =
            self.status.devices.iter().map(|row| ([("device", &*row.device)], row.polls.scheduled));
        page.counters(("hazard_polls_scheduled", "Polls that came due, and repetitions.", None), scheduled)?;
        let strays = buses.iter().map(|bus| ([("bus", &*bus.bus)], bus.strays));
        page.counters(("hazard_bus_strays", "Answers that no request waited for.", None), strays)?;
        let requests = buses.iter().flat_map(|bus| {
            let link = bus.link;
            [
                ("replied", link.replies),
                ("silent", link.silent),
                ("garbled", link.garbled),
                ("refused", link.refused),
                ("gone", link.gone),
            ]
            .map(|(outcome, count)| ([("bus", &*bus.bus), ("outcome", outcome)], count))
        });
        page.counters(("hazard_link_requests", "Requests on the line, by how they ended.", None), requests)?;
        let devices =
            self.status.devices.iter().map(|device| ([("device", &*device.device)], flag(device.online)));
        page.gauges(("hazard_device_up", "The device answers.", None), devices)?;
        self.diagnoses(page)
    }

    fn diagnoses(&self, page: &mut Page<'_>) -> fmt::Result {
        let devices = self.status.devices.iter().flat_map(|device| {
            device.diagnosis.iter().map(|cause| ([("device", &*device.device), ("cause", &**cause)], 1.0))
        });
        let help =
            "What is probably wrong with a device, by its last requests; without series where all is well.";
        page.gauges(("hazard_device_diagnosis", help, None), devices)?;
        let buses = self.status.buses.iter().flat_map(|bus| {
            bus.diagnosis.iter().map(|cause| ([("bus", &*bus.bus), ("cause", &**cause)], 1.0))
        });
        let help = "What is probably wrong with a line itself; without series where all is well.";
        page.gauges(("hazard_bus_diagnosis", help, None), buses)?;
        let answers = self.status.devices.iter().flat_map(|device| {
            [("average", device.answer_ms), ("longest", device.answer_longest_ms)]
                .into_iter()
                .filter_map(|(of, ms)| Some(([("device", &*device.device), ("of", of)], ms? / 1000.0)))
        });
        let help =
            "How long a device's last answers took, from the request's first byte to the answer's last.";
        page.gauges(("hazard_device_answer", help, Some(Unit::Seconds)), answers)?;
        let apart = self.status.devices.iter().map(|row| ([("device", &*row.device)], flag(row.apart)));
        page.gauges(("hazard_device_reads_apart", "The device refused joined reads.", None), apart)
    }

    fn points(&self, page: &mut Page<'_>) -> fmt::Result {
        let points = &self.status.points;
        let omitted = points.len() > POINTS_MAX;
        let help = "The site has more than 500 points: they have no series of their own.";
        page.gauges(("hazard_points_omitted", help, None), [([], flag(omitted))])?;
        let good = points.iter().filter(|point| point.quality == "good").count();
        let help = "Points with a believed value.";
        page.gauges(("hazard_points_good", help, None), [([], number(good))])?;
        page.gauges(("hazard_points_configured", "Points.", None), [([], number(points.len()))])?;
        let categories = CATEGORIES.map(|category| {
            let count = points.iter().filter(|point| point.category == category).count();
            ([("category", category)], number(count))
        });
        let help = "Points by the NAMUR NE 107 category of their sensors.";
        page.gauges(("hazard_points_by_category", help, None), categories)?;
        if omitted {
            return Ok(());
        }
        #[allow(clippy::cast_precision_loss, reason = "ages are far below 2^53 milliseconds")]
        let ages = points.iter().map(|point| ([("point", &*point.point)], point.age_ms as f64 / 1e3));
        page.gauges(("hazard_point_age", "Time since the point's last sample.", Some(Unit::Seconds)), ages)?;
        let good = points.iter().map(|point| ([("point", &*point.point)], flag(point.quality == "good")));
        page.gauges(("hazard_point_good", "The point's value is believed.", None), good)
    }

    /// Every state and priority has a series, at zero too: a rule on a series that comes and goes fires late.
    fn alarms(&self, page: &mut Page<'_>) -> fmt::Result {
        let counts = STATES.iter().flat_map(|state| {
            PRIORITIES.map(|priority| {
                let alarms = self.status.alarms.iter().filter(|alarm| alarm.state == *state);
                let count = alarms.filter(|alarm| known(&alarm.priority) == priority).count();
                ([("state", *state), ("priority", priority)], number(count))
            })
        });
        page.gauges(("hazard_alarms", "Alarms that are not normal.", None), counts)
    }

    fn conditions(&self, page: &mut Page<'_>) -> fmt::Result {
        let status = &*self.status;
        let mut known: Vec<(&str, &str)> =
            ["journal_down", "journal_behind", "journal_full", "clock_untrusted"]
                .map(|word| (word, ""))
                .into();
        for word in ["uplink_down", "receipts_missing"] {
            known.extend(status.uplinks.iter().map(|uplink| (word, &*uplink.uplink)));
        }
        known.extend(status.outputs.iter().map(|output| ("output_fault", &*output.output)));
        known.extend(status.key_periods.iter().map(|period| ("key_period", &**period)));
        for word in ["bus_down", "bus_overrun", "delay_exceeded"] {
            known.extend(status.buses.iter().map(|bus| (word, &*bus.bus)));
        }
        // What a site lacks, it lacks from the start of the run to its end: no series of these comes or goes.
        known.extend(status.hazards().filter_map(|hazard| Some((&*hazard.condition, hazard.of.as_deref()?))));
        let stands = |word: &str, of: &str| {
            let mut standing = status.conditions.iter();
            standing.any(|standing| {
                standing.condition == word && standing.of.as_deref().unwrap_or_default() == of
            })
        };
        let rows =
            known.iter().map(|(word, of)| ([("condition", *word), ("of", *of)], flag(stands(word, of))));
        page.gauges(("hazard_condition", "A condition of the agent itself stands.", None), rows)?;
        let outputs =
            status.outputs.iter().map(|output| ([("output", &*output.output)], flag(output.energised)));
        page.gauges(("hazard_output_energised", "The output's relay is energised.", None), outputs)
    }

    fn interlocks(&self, page: &mut Page<'_>) -> fmt::Result {
        let locks = &self.status.interlocks;
        let ready = locks.trips.iter().map(|row| ([("trip", &*row.trip)], flag(row.state == "ready")));
        page.gauges(("hazard_trip_ready", "The trip drives nothing.", None), ready)?;
        let contradicts = |proof: &str| matches!(proof, "not_shown" | "left");
        let unproven = locks.trips.iter().map(|row| ([("trip", &*row.trip)], flag(contradicts(&row.proof))));
        let help = "The trip's safe position was not shown in time, or left.";
        page.gauges(("hazard_trip_unproven", help, None), unproven)?;
        let granted =
            locks.permits.iter().map(|row| ([("permit", &*row.permit)], flag(row.state == "granted")));
        page.gauges(("hazard_permit_granted", "The line may run.", None), granted)?;
        let degraded = locks.votes.iter().map(|row| ([("vote", &*row.vote)], flag(row.is_degraded())));
        page.gauges(("hazard_vote_degraded", "Fewer channels decide than configured.", None), degraded)
    }

    /// No series of what a site does not have.
    fn figures(&self, page: &mut Page<'_>) -> fmt::Result {
        let figures = &self.status.figures;
        for (name, help, row) in [
            (
                "hazard_interlocks_in_service_ratio",
                "Interlock points and trips in service.",
                figures.interlocks,
            ),
            ("hazard_points_healthy_ratio", "Points that are good and not bypassed.", figures.points),
        ] {
            let over =
                [("now", row.permille), ("day", row.day_permille), ("last_day", row.last_day_permille)];
            let rows = over
                .into_iter()
                .filter_map(|(over, permille)| Some(([("over", over)], f64::from(permille?) / 1e3)));
            page.gauges((name, help, None), rows)?;
        }
        let upkeep = &self.status.upkeep;
        let due = |row: &UpkeepRow| matches!(&*row.state, "overdue" | "never_done");
        let rows = upkeep.iter().map(|row| ([("upkeep", &*row.upkeep)], flag(due(row))));
        page.gauges(("hazard_upkeep_due", "The calibration or proof test is overdue.", None), rows)?;
        let rows = upkeep.iter().map(|row| ([("upkeep", &*row.upkeep)], flag(row.failing)));
        page.gauges(("hazard_upkeep_failing", "The last test was not passed.", None), rows)
    }

    fn calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let calls = &self.status.calls;
        if calls.roles == 0 {
            return Ok(());
        }
        let open = PRIORITIES.map(|priority| {
            let open = calls.open.iter().filter(|call| known(&call.priority) == priority).count();
            ([("priority", priority)], number(open))
        });
        page.gauges(("hazard_calls_open", "Calls that nobody has answered.", None), open)?;
        let orders = [
            ("delivered", calls.delivered),
            ("unreachable", calls.unreachable),
            ("refused", calls.refused),
            ("crowded", calls.crowded),
            ("unreported", calls.unreported),
        ];
        let orders = orders.map(|(outcome, count)| ([("outcome", outcome)], count));
        page.counters(
            ("hazard_call_orders", "Orders to call somebody, by what became of them.", None),
            orders,
        )?;
        let ends = [([("end", "answered")], calls.answered), ([("end", "exhausted")], calls.exhausted)];
        page.counters(("hazard_calls", "Calls answered, and calls for which nobody was left.", None), ends)
    }

    /// No series of commands where the site names none.
    fn commands(&self, page: &mut Page<'_>) -> fmt::Result {
        let commands = &self.status.commands;
        if commands.is_empty() {
            return Ok(());
        }
        let summed = flag(commands.len() > COMMANDS_MAX);
        let help = "The site has more than 200 commands: they are summed by device.";
        page.gauges(("hazard_device_commands_summed", help, None), [([], summed)])?;
        let counted = counted(commands);
        let outcomes = counted.iter().flat_map(|([device, command], counts)| {
            counts.outcomes().map(|(outcome, count)| ([*device, *command, ("outcome", outcome)], count))
        });
        let help = "Named commands to devices, by what became of them.";
        page.counters(("hazard_device_commands", help, None), outcomes)?;
        let accepted = counted.iter().map(|(labels, counts)| (*labels, counts.accepted));
        let help = "Named commands that were let wait for their turn on the line.";
        page.counters(("hazard_device_commands_accepted", help, None), accepted)?;
        #[allow(clippy::cast_precision_loss, reason = "a bus lets eight wait")]
        let open = counted.iter().map(|(labels, counts)| (*labels, counts.open as f64));
        page.gauges(("hazard_device_commands_open", "Named commands without an outcome yet.", None), open)
    }

    fn carried(&self, page: &mut Page<'_>) -> fmt::Result {
        let (journal, ledger) = (&self.status.journal, &self.status.ledger);
        let open = flag(journal.state == "open");
        page.gauges(("hazard_journal_open", "The journal takes records.", None), [([], open)])?;
        #[allow(clippy::cast_precision_loss, reason = "disks are far below 2^53 bytes")]
        let bytes = journal.bytes.map(|bytes| ([], bytes as f64));
        page.gauges(("hazard_journal", "The journal's size on disk.", Some(Unit::Bytes)), bytes)?;
        let kept = journal.unconfirmed_bytes.map(|bytes| ([], bytes as f64));
        let help = "What some platform has not confirmed.";
        page.gauges(("hazard_journal_unconfirmed", help, Some(Unit::Bytes)), kept)?;
        let stages = [
            ([("stage", "offered")], ledger.offered.readings),
            ([("stage", "stored")], ledger.stored.readings),
            ([("stage", "store_lost")], ledger.store_lost.readings),
            ([("stage", "purged")], ledger.purged.readings),
        ];
        page.counters(("hazard_ledger", "Readings of this run, by stage.", readings()), stages)?;
        let stages = [
            ([("stage", "offered")], ledger.offered.records),
            ([("stage", "stored")], ledger.stored.records),
            ([("stage", "store_lost")], ledger.store_lost.records),
            ([("stage", "purged")], ledger.purged.records),
        ];
        page.counters(("hazard_records", "Records of this run, by stage.", None), stages)?;
        page.gauges(("hazard_ledger_even", "The sums add up.", None), [([], flag(ledger.even))])
    }

    fn uplinks(&self, page: &mut Page<'_>) -> fmt::Result {
        let uplinks = &self.status.uplinks;
        let up = uplinks.iter().map(|uplink| ([("uplink", &*uplink.uplink)], flag(uplink.up)));
        page.gauges(("hazard_uplink_up", "The uplink is connected.", None), up)?;
        let outcomes = uplinks.iter().flat_map(|uplink| {
            [
                ("confirmed", uplink.confirmed.readings),
                ("lost", uplink.lost.readings),
                ("back_filled", uplink.back_filled.readings),
            ]
            .map(|(outcome, count)| ([("uplink", &*uplink.uplink), ("outcome", outcome)], count))
        });
        page.counters(
            ("hazard_uplink", "Readings, by what became of them at the platform.", readings()),
            outcomes,
        )?;
        #[allow(clippy::cast_precision_loss, reason = "memory bounds what can be pending")]
        let pending =
            uplinks.iter().map(|uplink| ([("uplink", &*uplink.uplink)], uplink.pending.readings as f64));
        page.gauges(("hazard_uplink_pending", "Readings neither confirmed nor lost.", readings()), pending)?;
        let sent = uplinks.iter().map(|uplink| ([("uplink", &*uplink.uplink)], uplink.sent.readings as f64));
        page.gauges(
            ("hazard_uplink_sent", "Readings that wait for the platform's receipt.", readings()),
            sent,
        )?;
        let heard = uplinks.iter().flat_map(|uplink| {
            let Heard { receipts, requests, rejected } = uplink.heard;
            [("receipt", receipts), ("request", requests), ("rejected", rejected)]
                .map(|(kind, count)| ([("uplink", &*uplink.uplink), ("kind", kind)], count))
        });
        page.counters(("hazard_uplink_heard", "What the platform said, by what it was.", None), heard)?;
        let replays = uplinks.iter().map(|uplink| {
            let waiting = uplink.replay.as_ref().map_or(0, |replay| replay.waiting + 1);
            ([("uplink", &*uplink.uplink)], number(waiting))
        });
        page.gauges(("hazard_uplink_replays", "Replays under way or waiting.", None), replays)?;
        let limits = uplinks
            .iter()
            .filter_map(|uplink| uplink.rate.map(|rate| ([("uplink", &*uplink.uplink)], f64::from(rate))));
        let limit = "The platform's limit for back-fill in readings per second; 0 is a pause.";
        page.gauges(("hazard_uplink_rate_limit", limit, None), limits)
    }
}

/// The text being written, one family after another.
struct Page<'a>(DescriptorEncoder<'a>);

/// A family's name without its unit, its help and its unit.
type About<'a> = (&'a str, &'a str, Option<Unit>);
/// One series: its labels and its value.
type Row<'a, const N: usize, T> = ([(&'a str, &'a str); N], T);

impl Page<'_> {
    fn open<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn gauges<'a, const N: usize>(
        &mut self,
        (name, help, unit): About<'_>,
        rows: impl IntoIterator<Item = Row<'a, N, f64>>,
    ) -> fmt::Result {
        let mut family = self.open(name, help, unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in rows {
            if N == 0 {
                family.encode_gauge(&value)?;
            } else {
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    fn counters<'a, const N: usize>(
        &mut self,
        (name, help, unit): About<'_>,
        rows: impl IntoIterator<Item = Row<'a, N, u64>>,
    ) -> fmt::Result {
        let none: Option<&Exemplar<NoLabelSet, f64>> = None;
        let mut family = self.open(name, help, unit.as_ref(), MetricType::Counter)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_counter(&value, none)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let buckets: Vec<_> = histogram.buckets().collect();
        let unit = Unit::Seconds;
        self.open(name, help, Some(&unit), MetricType::Histogram)?.encode_histogram::<NoLabelSet>(
            histogram.sum_seconds(),
            histogram.count(),
            &buckets,
            None,
        )
    }
}

/// Readings are counted, not measured; the name says so all the same.
fn readings() -> Option<Unit> {
    Some(Unit::Other("readings".to_owned()))
}

/// A priority that is not known is not known to be harmless.
fn known(priority: &str) -> &str {
    if PRIORITIES.contains(&priority) { priority } else { "critical" }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[allow(clippy::cast_precision_loss, reason = "counts of configured things")]
fn number(count: usize) -> f64 {
    count as f64
}
