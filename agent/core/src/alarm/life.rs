//! One alarm's life: samples raise and return it, people acknowledge, handle, shelve and reset it. Bad samples do neither.

use core::time::Duration;

use super::machine::{AlarmInput, Withheld, step};
use super::signal::{Memory, Seen};
use super::spec::{AlarmSpec, Signal};
use crate::outbox::record::{AlarmState, Refusal};
use crate::reading::{Doubt, Sample};
use crate::{Mono, Phase};

/// An alarm at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alarm {
    phase: Phase,
    state: AlarmState,
    silenced: bool,
    handled: bool,
    memory: Memory,
    raised_at: Option<Mono>,
    shelved_until: Option<Mono>,
    out_of_service: bool,
    suppressed: bool,
    checked: bool,
    recheck_at: Option<Mono>,
}

/// What of an alarm outlives a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where it stands.
    pub state: AlarmState,
    /// Somebody said what was done about it.
    pub handled: bool,
    /// How long it stays shelved.
    pub shelved_for: Option<Duration>,
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
        let phase = match kept.state {
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
        // Bypass and suppression are put on again by whoever keeps them.
        let state = match kept.state {
            AlarmState::Shelved if shelved_until.is_some() => AlarmState::Shelved,
            AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService => AlarmState::Normal,
            state => state,
        };
        Self {
            phase,
            state,
            handled: kept.handled,
            raised_at: (state != AlarmState::Normal).then_some(now),
            shelved_until,
            ..Self::default()
        }
    }

    /// What outlives a restart; `None` for an alarm of which nobody needs to know.
    #[must_use]
    pub fn kept(&self, now: Mono) -> Option<Kept> {
        (self.state != AlarmState::Normal).then(|| Kept {
            state: self.state,
            handled: self.handled,
            shelved_for: self.shelved_until.map(|until| until.since(now)),
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

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> AlarmState {
        self.state
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

    /// Whether somebody said what was done about it.
    #[must_use]
    pub const fn is_handled(&self) -> bool {
        self.handled
    }

    /// Whether it is put aside.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        matches!(self.state, AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService)
    }

    /// Whether it is announced on the panel.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self.state, AlarmState::Normal) && !self.is_withheld()
    }

    /// Whether nobody has acknowledged it.
    #[must_use]
    pub const fn is_unacked(&self) -> bool {
        matches!(self.state, AlarmState::Unacked | AlarmState::RtnUnacked | AlarmState::LatchedUnacked)
    }

    /// Whether the horn must sound for it.
    #[must_use]
    pub const fn sounds(&self) -> bool {
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
        self.enter(now, phase, spec.latch)
    }

    /// Takes what the proof of a trip says; returns the state before if it changed.
    pub(crate) fn prove(&mut self, now: Mono, is_discrepant: bool, spec: &AlarmSpec) -> Option<AlarmState> {
        let phase = if is_discrepant { Phase::Tripped } else { Phase::Clear };
        self.enter(now, phase, spec.latch)
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
        self.apply(AlarmInput::Acknowledged, spec.latch)
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
        match self.state {
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
    pub(crate) const fn silence(&mut self) -> bool {
        let sounded = self.sounds();
        self.silenced |= sounded;
        sounded
    }

    /// Somebody says what was done about it.
    ///
    /// # Errors
    /// [`Refusal::NothingToHandle`] when there is no alarm.
    pub(crate) const fn handle(&mut self) -> Result<(), Refusal> {
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
        self.shelved_until = Some(now + lasts);
        Ok(self.withhold())
    }

    /// Ends the shelving; returns the state before if it changed.
    pub(crate) fn unshelve(&mut self, now: Mono, spec: &AlarmSpec) -> Option<AlarmState> {
        self.shelved_until = None;
        self.release(now, spec)
    }

    /// Takes it out of service or back; returns the state before if it changed.
    pub(crate) fn set_out_of_service(
        &mut self,
        now: Mono,
        out: bool,
        spec: &AlarmSpec,
    ) -> Option<AlarmState> {
        self.out_of_service = out;
        if out { self.withhold() } else { self.release(now, spec) }
    }

    /// Suppresses it by the plant's logic or lets it speak again; returns the state before if it changed.
    pub(crate) fn set_suppressed(
        &mut self,
        now: Mono,
        suppressed: bool,
        spec: &AlarmSpec,
    ) -> Option<AlarmState> {
        self.suppressed = suppressed;
        if suppressed { self.withhold() } else { self.release(now, spec) }
    }

    /// Holds it while its device checks itself, or lets it speak again; returns the state before if it changed.
    ///
    /// One that is announced is not held. One that is held compares nothing: after test gas the next value decides.
    pub(crate) fn set_checked(&mut self, now: Mono, checked: bool, spec: &AlarmSpec) -> Option<AlarmState> {
        if self.checked == checked || (checked && self.is_active()) {
            return None;
        }
        self.checked = checked;
        (self.phase, self.memory) = (Phase::Clear, Memory::default());
        if checked { self.withhold() } else { self.release(now, spec) }
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

    fn withhold(&mut self) -> Option<AlarmState> {
        let why = self.strongest()?;
        self.recheck_at = None;
        self.apply(AlarmInput::Withheld(why), false)
    }

    fn release(&mut self, now: Mono, spec: &AlarmSpec) -> Option<AlarmState> {
        if self.strongest().is_some() {
            return self.withhold();
        }
        let stands = self.stands();
        let from = self.apply(AlarmInput::Released { stands }, spec.latch);
        if from.is_some() && stands {
            self.announce(now);
        }
        from
    }

    fn enter(&mut self, now: Mono, phase: Phase, latch: bool) -> Option<AlarmState> {
        let was = self.stands();
        self.phase = phase;
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
        self.raised_at = Some(now);
    }

    fn apply(&mut self, input: AlarmInput, latch: bool) -> Option<AlarmState> {
        let before = self.state;
        self.state = step(before, input, latch);
        (before != self.state).then_some(before)
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
