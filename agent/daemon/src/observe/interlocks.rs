//! Votes, trips and permits in the status document and on the operator's screen.

use std::time::Duration;

use hazard_core::interlock::{
    Cause, Hold, HoldStanding, PermitStanding, PermitState, ProofStanding, TripStanding,
};
use hazard_core::{Mono, Snapshot};
use serde::{Deserialize, Serialize};

use super::status::Word;
use super::texts::{self, pick};
use crate::config::Lang;
use crate::dictionary::Dictionary;
use crate::words;

/// All of them, each list in site order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Interlocks {
    /// 表决.
    pub votes: Vec<VoteRow>,
    /// 联锁.
    pub trips: Vec<TripRow>,
    /// 启动许可.
    pub permits: Vec<PermitRow>,
}

/// A vote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VoteRow {
    /// Its name.
    pub vote: String,
    /// `quiet`, `unread`, `blind` or `tripped`.
    pub outcome: Word,
    /// How many of `of` must stand.
    pub needed: u64,
    /// Channels that see.
    pub of: u64,
    /// Channels without a believable value.
    pub faulty: u64,
    /// Channels that are bypassed.
    pub bypassed: u64,
}

/// A trip.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TripRow {
    /// Its name.
    pub trip: String,
    /// `ready`, `tripped` or `held`.
    pub state: Word,
    /// `idle`, `awaited`, `proven`, `not_shown` or `left`.
    pub proof: Word,
    /// 首出: the alarm or the vote that came first.
    pub first_out: Option<String>,
    /// Seconds since it tripped, or since the restart.
    pub for_s: Option<u64>,
}

/// A start permit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PermitRow {
    /// Its name.
    pub permit: String,
    /// `fan_off`, `pre_run`, `withheld` or `granted`.
    pub state: Word,
    /// Seconds until the fan has run long enough.
    pub pre_run_s: Option<u64>,
    /// `line_runs`, `post_run` or `released`.
    pub hold: Word,
    /// Seconds until the fan may stop.
    pub post_run_s: Option<u64>,
}

impl VoteRow {
    /// Whether fewer channels decide than were configured.
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        self.faulty + self.bypassed > 0
    }
}

impl Interlocks {
    pub(super) fn new(snapshot: &Snapshot, dictionary: &Dictionary) -> Self {
        let (locks, now) = (&snapshot.interlocks, snapshot.stamp.mono);
        let count = |channels: usize| channels as u64;
        let votes = dictionary.votes.iter().zip(locks.verdicts()).map(|(name, verdict)| VoteRow {
            vote: name.clone(),
            outcome: words::outcome(verdict.outcome).into(),
            needed: count(verdict.needed),
            of: count(verdict.of),
            faulty: count(verdict.faulty),
            bypassed: count(verdict.bypassed),
        });
        let trips = dictionary.trips.iter().zip(locks.trips()).map(|(name, trip)| TripRow {
            trip: name.clone(),
            state: words::trip(TripStanding::from(trip.state())).into(),
            proof: words::proof(ProofStanding::from(trip.proof())).into(),
            first_out: trip.first().and_then(|first| first.cause).map(|cause| match cause {
                Cause::Alarm(alarm) => dictionary.alarm_name(alarm),
                Cause::Vote(vote) => dictionary.votes.get(vote.index()).cloned().unwrap_or_default(),
            }),
            for_s: trip.first().map(|first| now.since(first.at).as_secs()),
        });
        let permits = dictionary.permits.iter().zip(locks.permits()).map(|(name, permit)| PermitRow {
            permit: name.clone(),
            state: words::permit(PermitStanding::from(permit.state())).into(),
            pre_run_s: match permit.state() {
                PermitState::PreRun { until } => Some(left(now, until)),
                PermitState::FanOff | PermitState::Withheld | PermitState::Granted => None,
            },
            hold: words::hold(HoldStanding::from(permit.hold())).into(),
            post_run_s: match permit.hold() {
                Hold::PostRun { until } => Some(left(now, until)),
                Hold::LineRuns | Hold::Released => None,
            },
        });
        Self { votes: votes.collect(), trips: trips.collect(), permits: permits.collect() }
    }

    /// How many trips are not ready.
    #[must_use]
    pub fn tripped(&self) -> usize {
        self.trips.iter().filter(|trip| trip.state != "ready").count()
    }

    /// The rows of the screen: what is not as it is on a quiet day, or everything.
    pub(super) fn cells(&self, whole: bool, lang: Lang) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for trip in self.trips.iter().filter(|trip| whole || trip.state != "ready") {
            rows.push(trip.cells(lang));
        }
        for permit in self.permits.iter().filter(|permit| whole || permit.state != "granted") {
            rows.push(permit.cells(lang));
        }
        for vote in self.votes.iter().filter(|vote| whole || vote.is_degraded()) {
            rows.push(vote.cells(lang));
        }
        rows
    }
}

fn left(now: Mono, until: Mono) -> u64 {
    until.since(now).saturating_add(Duration::from_millis(999)).as_secs()
}

impl TripRow {
    fn cells(&self, lang: Lang) -> Vec<String> {
        let sign = if self.state == "ready" { '○' } else { '▲' };
        let first = self.first_out.as_ref();
        let first = first.map(|first| format!("{} {first}", pick(lang, "首出", "first out")));
        let proof = match &*self.proof {
            "idle" => String::new(),
            proof => texts::proof(proof, lang).to_owned(),
        };
        vec![
            format!("{sign} {}", pick(lang, "联锁", "trip")),
            self.trip.clone(),
            texts::trip(&self.state, lang).to_owned(),
            first.unwrap_or_default(),
            proof,
        ]
    }
}

impl PermitRow {
    fn cells(&self, lang: Lang) -> Vec<String> {
        let sign = if self.state == "granted" { '○' } else { '◆' };
        let seconds = |left: Option<u64>| left.map(|left| format!(" {left} s")).unwrap_or_default();
        vec![
            format!("{sign} {}", pick(lang, "许可", "permit")),
            self.permit.clone(),
            format!("{}{}", texts::permit(&self.state, lang), seconds(self.pre_run_s)),
            format!("{}{}", texts::hold(&self.hold, lang), seconds(self.post_run_s)),
        ]
    }
}

impl VoteRow {
    fn cells(&self, lang: Lang) -> Vec<String> {
        let sign = match (&*self.outcome, self.is_degraded()) {
            ("tripped", _) => '▲',
            (_, true) => '■',
            (_, false) => '○',
        };
        let gone = |zh, en, count| match count {
            0 => String::new(),
            _ => format!("{} {count}", pick(lang, zh, en)),
        };
        vec![
            format!("{sign} {}", pick(lang, "表决", "vote")),
            self.vote.clone(),
            texts::outcome(&self.outcome, lang).to_owned(),
            format!("{}oo{}", self.needed, self.of),
            format!("{} {}", gone("故障", "faulty", self.faulty), gone("旁路", "bypassed", self.bypassed))
                .trim()
                .to_owned(),
        ]
    }
}
