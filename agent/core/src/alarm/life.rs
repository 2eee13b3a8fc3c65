//! One alarm's life: samples raise and return it, people acknowledge, handle, shelve and reset it. Bad samples do neither.

use core::time::Duration;

use super::machine::{AlarmInput, Withheld, step};
use super::signal::{Memory, Seen};
use super::spec::{AlarmSpec, Signal};
use crate::outbox::record::{AlarmState, Refusal};
use crate::reading::{Doubt, Sample};
use crate::{ClockTrust, Mono, Phase, Utc};

/// An alarm at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alarm {
    phase: Phase,
    /// One of the six of the process; what puts it aside covers it.
    beneath: AlarmState,
    silenced: bool,
    handled: bool,
    memory: Memory,
    raised_at: Option<Mono>,
    onset: Option<(Utc, ClockTrust)>,
    shelved_until: Option<Mono>,
    out_of_service: bool,
    suppressed: bool,
    checked: bool,
    /// Its condition stood while it was out of service, and no good value in service has shown its end.
    unended: bool,
    recheck_at: Option<Mono>,
}

/// What of an alarm outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// Where it stands.
    pub state: AlarmState,
    /// Where it stands beneath what puts it aside: what was latched before is latched after.
    pub beneath: AlarmState,
    /// Its condition stood while it was out of service, and nobody has seen it end.
    pub unended: bool,
    /// Somebody said what was done about it.
    pub handled: bool,
    /// How long it stays shelved.
    pub shelved_for: Option<Duration>,
    /// When it was raised, and how far the clock that said so could be believed.
    pub since: Option<(Utc, ClockTrust)>,
}

/// 延时中: what runs in an alarm beside its state. Its moments are those of one clock: another engine of the same process takes it
/// up, a start does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Underway {
    phase: Phase,
    memory: Memory,
    recheck_at: Option<Mono>,
}

impl Alarm {
    /// An alarm as an earlier run left it. One that stood still stands until a good value says otherwise, and what nobody
    /// acknowledged sounds again: whoever silenced it may have gone home.
    #[must_use]
    pub fn restored(now: Mono, kept: Kept) -> Self {
        // Bypass and suppression are put on again by whoever keeps them.
        let beneath = match kept.state {
            AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService => kept.beneath,
            state => state,
        };
        let phase = match beneath {
            AlarmState::Unacked | AlarmState::Acked => Phase::Tripped,
            AlarmState::Normal
            | AlarmState::RtnUnacked
            | AlarmState::LatchedUnacked
            | AlarmState::LatchedAcked
            | AlarmState::Shelved
            | AlarmState::Suppressed
            | AlarmState::OutOfService => Phase::Clear,
        };
        let shelved_until = kept.shelved_for.filter(|left| !left.is_zero()).map(|left| now + left);
        let is_open = beneath != AlarmState::Normal || shelved_until.is_some();
        Self {
            phase,
            beneath,
            handled: kept.handled,
            raised_at: is_open.then_some(now),
            // A clock that nobody had set says 1970: the restart is nearer to the truth.
            onset: kept.since.filter(|(_, trust)| is_open && *trust != ClockTrust::Unset),
            shelved_until,
            unended: kept.unended,
            ..Self::default()
        }
    }

    /// Takes up what an earlier run left after this run has begun: what is announced by now stays as it is, and a delay that
    /// runs goes on.
    pub(crate) fn rejoin(&mut self, now: Mono, kept: Kept) {
        if self.is_active() {
            return;
        }
        let left = Self::restored(now, kept);
        let phase = if left.stands() { left.phase } else { self.phase };
        *self = Self { phase, memory: self.memory, ..left };
    }

    /// What outlives a restart; `None` for an alarm of which nobody needs to know.
    #[must_use]
    pub fn kept(&self, now: Mono) -> Option<Kept> {
        (self.state() != AlarmState::Normal || self.unended).then(|| Kept {
            state: self.state(),
            beneath: self.beneath,
            unended: self.unended,
            handled: self.handled,
            shelved_for: self.shelved_until.map(|until| until.since(now)),
            since: self.onset,
        })
    }

    /// What runs in it; `None` where nothing does.
    #[must_use]
    pub fn underway(&self) -> Option<Underway> {
        let underway = Underway { phase: self.phase, memory: self.memory, recheck_at: self.recheck_at };
        let idle = self.phase.poll_timeout().is_none()
            && self.recheck_at.is_none()
            && self.memory == Memory::default();
        (!idle).then_some(underway)
    }

    /// Goes on with what ran in it. A delay that no longer fits where it stands begins anew.
    pub(crate) fn go_on(&mut self, underway: Underway) {
        if self.stands() == underway.phase.is_tripped() && !self.is_withheld() {
            (self.phase, self.memory) = (underway.phase, underway.memory);
            self.recheck_at = underway.recheck_at;
        }
    }

    /// Where it stands, as people see it.
    #[must_use]
    pub fn state(&self) -> AlarmState {
        self.strongest().map_or(self.beneath, Withheld::state)
    }

    /// Whether its condition stood while it was out of service, and no good value in service has shown its end.
    #[must_use]
    pub const fn is_unended(&self) -> bool {
        self.unended
    }

    /// Whether something of it is open, be it covered or not: it stands, is latched, or nobody has acknowledged it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stands() || self.beneath != AlarmState::Normal
    }

    /// Whether its condition stands, announced or not.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.phase.is_tripped()
    }

    /// When it became what it is.
    #[must_use]
    pub const fn raised_at(&self) -> Option<Mono> {
        self.raised_at
    }

    /// When it was raised, where an earlier run saw that.
    #[must_use]
    pub const fn onset(&self) -> Option<(Utc, ClockTrust)> {
        self.onset
    }

    /// Whether somebody said what was done about it.
    #[must_use]
    pub const fn is_handled(&self) -> bool {
        self.handled
    }

    /// Whether it is put aside.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.strongest().is_some()
    }

    /// Whether it is announced on the panel.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.beneath, AlarmState::Normal) && !self.is_withheld()
    }

    /// Whether nobody has acknowledged it.
    #[must_use]
    pub fn is_unacked(&self) -> bool {
        self.state().is_unacked()
    }

    /// Whether the horn must sound for it.
    #[must_use]
    pub fn sounds(&self) -> bool {
        self.is_unacked() && !self.silenced
    }

    /// When it stops being shelved.
    #[must_use]
    pub const fn shelved_until(&self) -> Option<Mono> {
        self.shelved_until
    }

    /// When [`Self::timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        [self.phase.poll_timeout(), self.shelved_until, self.recheck_at].into_iter().flatten().min()
    }

    /// Takes a sample of its point; returns the state before if it changed.
    pub(crate) fn sample(&mut self, now: Mono, seen: Seen<'_>, spec: &AlarmSpec) -> Option<AlarmState> {
        let phase = self.memory.step(now, self.phase, (seen, spec));
        let from = self.enter(now, phase, spec.latch);
        self.unended &= self.out_of_service || self.stands() || !is_quiet(Some(seen.sample), spec);
        from
    }

    /// Takes what the proof of a trip says; returns the state before if it changed.
    pub(crate) fn prove(&mut self, now: Mono, is_discrepant: bool, spec: &AlarmSpec) -> Option<AlarmState> {
        let phase = if is_discrepant { Phase::Tripped } else { Phase::Clear };
        let from = self.enter(now, phase, spec.latch);
        self.unended &= self.out_of_service || is_discrepant;
        from
    }

    /// Lets delays end; returns the state before if it changed.
    pub(crate) fn timeout(
        &mut self,
        now: Mono,
        sample: Option<&Sample>,
        spec: &AlarmSpec,
    ) -> Option<AlarmState> {
        if self.shelved_until.is_some_and(|until| now >= until) {
            return self.unshelve(now, spec);
        }
        let from = self.enter(now, self.phase.on_timeout(now), spec.latch);
        if from.is_some() || self.recheck_at.is_none_or(|at| now < at) {
            return from;
        }
        self.recheck_at = None;
        if self.stands() || is_quiet(sample, spec) {
            return None;
        }
        // The reset was given too early: the value cannot be believed, or has not come back all the way.
        self.enter(now, Phase::Tripped, spec.latch)
    }

    /// Acknowledges it; returns the state before if it changed.
    pub(crate) fn acknowledge(&mut self, spec: &AlarmSpec) -> Option<AlarmState> {
        if self.is_withheld() { None } else { self.apply(AlarmInput::Acknowledged, spec.latch) }
    }

    /// Resets it if its permissive holds: the condition is gone, somebody acknowledged, and a good value says so.
    ///
    /// It is looked at once more after `hold`, as a gas alarm controller does after 20 s (GB 16808-2008 §5.3.3.7).
    ///
    /// # Errors
    /// Why it is not reset. `Ok(None)` where there is nothing to reset.
    pub(crate) fn reset(
        &mut self,
        now: Mono,
        (sample, hold): (Option<&Sample>, Duration),
        spec: &AlarmSpec,
    ) -> Result<Option<AlarmState>, Refusal> {
        match self.state() {
            AlarmState::Unacked | AlarmState::Acked if spec.latch => Err(Refusal::Stands),
            AlarmState::LatchedUnacked => Err(Refusal::Unacknowledged),
            AlarmState::LatchedAcked if !is_believed(sample, spec) => Err(Refusal::NoGoodValue),
            AlarmState::LatchedAcked => {
                self.recheck_at = Some(now + hold);
                Ok(self.apply(AlarmInput::Reset, spec.latch))
            }
            AlarmState::Normal
            | AlarmState::Unacked
            | AlarmState::Acked
            | AlarmState::RtnUnacked
            | AlarmState::Shelved
            | AlarmState::Suppressed
            | AlarmState::OutOfService => Ok(None),
        }
    }

    /// Quiets the horn for it until it is raised again; whether that changed anything.
    pub(crate) fn silence(&mut self) -> bool {
        let sounded = self.sounds();
        self.silenced |= sounded;
        sounded
    }

    /// Somebody says what was done about it.
    ///
    /// # Errors
    /// [`Refusal::NothingToHandle`] when there is no alarm.
    pub(crate) fn handle(&mut self) -> Result<(), Refusal> {
        if !self.is_active() {
            return Err(Refusal::NothingToHandle);
        }
        self.handled = true;
        Ok(())
    }

    /// Puts it aside for a time; returns the state before.
    ///
    /// # Errors
    /// When it must never be put aside, or not for so long.
    pub(crate) fn shelve(
        &mut self,
        now: Mono,
        lasts: Duration,
        spec: &AlarmSpec,
    ) -> Result<Option<AlarmState>, Refusal> {
        if spec.shelve_max.is_zero() {
            return Err(Refusal::NeverShelved);
        }
        if lasts.is_zero() || lasts > spec.shelve_max {
            return Err(Refusal::TooLong { max: spec.shelve_max });
        }
        Ok(self.put_aside(|alarm| alarm.shelved_until = Some(now + lasts)))
    }

    /// Ends the shelving; returns the state before if it changed.
    pub(crate) fn unshelve(&mut self, now: Mono, spec: &AlarmSpec) -> Option<AlarmState> {
        self.take_back((now, spec), |alarm| alarm.shelved_until = None)
    }

    /// Takes it out of service or back; returns the state before if it changed.
    pub(crate) fn set_out_of_service(
        &mut self,
        now: Mono,
        out: bool,
        spec: &AlarmSpec,
    ) -> Option<AlarmState> {
        if !out {
            return self.take_back((now, spec), |alarm| alarm.out_of_service = false);
        }
        self.unended |= self.stands();
        self.put_aside(|alarm| alarm.out_of_service = true)
    }

    /// Suppresses it by the plant's logic or lets it speak again; returns the state before if it changed.
    pub(crate) fn set_suppressed(
        &mut self,
        now: Mono,
        suppressed: bool,
        spec: &AlarmSpec,
    ) -> Option<AlarmState> {
        if suppressed {
            self.put_aside(|alarm| alarm.suppressed = true)
        } else {
            self.take_back((now, spec), |alarm| alarm.suppressed = false)
        }
    }

    /// Holds it while its device checks itself, or lets it speak again; returns the state before if it changed.
    ///
    /// One that is announced is not held. One that is held compares nothing: after test gas the next value decides.
    pub(crate) fn set_checked(&mut self, now: Mono, checked: bool, spec: &AlarmSpec) -> Option<AlarmState> {
        if self.checked == checked || (checked && self.is_active()) {
            return None;
        }
        (self.phase, self.memory) = (Phase::Clear, Memory::default());
        if checked {
            self.put_aside(|alarm| alarm.checked = true)
        } else {
            self.take_back((now, spec), |alarm| alarm.checked = false)
        }
    }

    /// Whether it is held because its device checks itself.
    #[must_use]
    pub const fn is_checked(&self) -> bool {
        self.checked
    }

    fn strongest(&self) -> Option<Withheld> {
        let out = self.out_of_service.then_some(Withheld::OutOfService);
        let suppressed = (self.suppressed || self.checked).then_some(Withheld::Suppressed);
        out.or(suppressed).or_else(|| self.shelved_until.map(|_| Withheld::Shelved))
    }

    fn put_aside(&mut self, cover: impl FnOnce(&mut Self)) -> Option<AlarmState> {
        self.recheck_at = None;
        self.seen_change(cover)
    }

    /// Takes one cover off. When it was the last, what nobody has acknowledged is heard again.
    fn take_back(
        &mut self,
        (now, spec): (Mono, &AlarmSpec),
        uncover: impl FnOnce(&mut Self),
    ) -> Option<AlarmState> {
        let was_withheld = self.is_withheld();
        self.seen_change(|alarm| {
            uncover(alarm);
            if !was_withheld || alarm.is_withheld() {
                return;
            }
            let stands = alarm.stands();
            alarm.beneath = step(alarm.beneath, AlarmInput::Released { stands }, spec.latch);
            alarm.silenced = false;
            if stands {
                alarm.announce(now);
            }
        })
    }

    /// Lets something change it; returns the state before if people see another one.
    fn seen_change(&mut self, change: impl FnOnce(&mut Self)) -> Option<AlarmState> {
        let before = self.state();
        change(self);
        (before != self.state()).then_some(before)
    }

    fn enter(&mut self, now: Mono, phase: Phase, latch: bool) -> Option<AlarmState> {
        let was = self.stands();
        self.phase = phase;
        self.unended |= self.out_of_service && self.stands();
        if self.is_withheld() {
            return None;
        }
        match (was, phase.is_tripped()) {
            (false, true) => {
                let from = self.apply(AlarmInput::Raised, latch);
                self.announce(now);
                from
            }
            (true, false) => self.apply(AlarmInput::Returned, latch),
            (false, false) | (true, true) => None,
        }
    }

    const fn announce(&mut self, now: Mono) {
        self.silenced = false;
        self.handled = false;
        self.recheck_at = None;
        self.onset = None;
        self.raised_at = Some(now);
    }

    fn apply(&mut self, input: AlarmInput, latch: bool) -> Option<AlarmState> {
        self.seen_change(|alarm| alarm.beneath = step(alarm.beneath, input, latch))
    }
}

/// Whether the sample is good enough to release what it raised.
fn is_believed(sample: Option<&Sample>, spec: &AlarmSpec) -> bool {
    let needs_no_sample = spec.signal.sees_bad() || matches!(spec.signal, Signal::Unproven { .. });
    // Its own latch doubts the value until it is reset.
    let is_held = spec.signal == Signal::OverRange
        && sample.is_some_and(|sample| matches!(sample, Sample::Suspect(_, Doubt::OverRangeHeld)));
    needs_no_sample || is_held || sample.is_some_and(Sample::is_good)
}

/// Whether the value has come back all the way; the other signals say so by their phase.
fn is_quiet(sample: Option<&Sample>, spec: &AlarmSpec) -> bool {
    let back = match spec.signal {
        Signal::Value => sample.and_then(Sample::number).is_none_or(|value| spec.threshold.left_by(value)),
        Signal::Lost
        | Signal::Rate { .. }
        | Signal::Deviation { .. }
        | Signal::Discrepancy { .. }
        | Signal::Frozen
        | Signal::OverRange
        | Signal::Unproven { .. } => true,
    };
    back && is_believed(sample, spec)
}
