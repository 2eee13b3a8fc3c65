//! 旁路: points that a person has taken out of service for a limited time. Every bypass ends by itself, and their number is
//! bounded.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::Mono;
use crate::id::PointId;
use crate::outbox::record::Refusal;
use crate::person;
use crate::point::PointSpec;
use crate::site::Practice;

/// A bypass that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bypass {
    /// The point.
    pub point: PointId,
    /// Who put it on.
    pub actor: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Mono,
}

/// The bypasses of a site.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bypasses {
    standing: Vec<Bypass>,
}

impl Bypasses {
    pub(crate) fn standing(&self) -> &[Bypass] {
        &self.standing
    }

    pub(crate) fn has(&self, point: PointId) -> bool {
        self.standing.iter().any(|bypass| bypass.point == point)
    }

    /// Puts a bypass on.
    ///
    /// # Errors
    /// When it has no reason or approver, lasts too long, is one too many, or one person alone wants it where two are needed.
    pub(crate) fn begin(
        &mut self,
        now: Mono,
        bypass: Bypass,
        (spec, practice): (&PointSpec, &Practice),
    ) -> Result<(), Refusal> {
        let lasts = bypass.until.since(now);
        if bypass.reason.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        if !person::is_named(&bypass.approver) {
            return Err(Refusal::NoApprover);
        }
        if spec.interlock || (spec.safety && practice.bypass_second_person) {
            person::second(&bypass.actor, &bypass.approver)?;
        }
        if lasts.is_zero() || lasts > practice.bypass_max {
            return Err(Refusal::TooLong { max: practice.bypass_max });
        }
        if self.has(bypass.point) {
            return Err(Refusal::BypassedAlready);
        }
        if self.standing.len() >= usize::from(practice.bypasses_max) {
            return Err(Refusal::TooMany { max: practice.bypasses_max });
        }
        self.standing.push(bypass);
        Ok(())
    }

    /// Puts a bypass on again that stood before a restart.
    pub(crate) fn resume(&mut self, bypass: Bypass, practice: &Practice) -> Result<(), Refusal> {
        if self.has(bypass.point) || self.standing.len() >= usize::from(practice.bypasses_max) {
            return Err(Refusal::TooMany { max: practice.bypasses_max });
        }
        self.standing.push(bypass);
        Ok(())
    }

    /// Ends the bypass of a point.
    pub(crate) fn end(&mut self, point: PointId) -> Option<Bypass> {
        let index = self.standing.iter().position(|bypass| bypass.point == point)?;
        Some(self.standing.remove(index))
    }

    /// A bypass whose time is over; it has ended.
    pub(crate) fn expire(&mut self, now: Mono) -> Option<Bypass> {
        let index = self.standing.iter().position(|bypass| bypass.until <= now)?;
        Some(self.standing.remove(index))
    }

    /// When the next bypass ends by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.standing.iter().map(|bypass| bypass.until).min()
    }
}

/// How long a bypass has left after a restart: `None` when nobody can tell how long the gateway was away.
#[must_use]
pub fn left_after(left: Duration, away: Option<Duration>) -> Option<Duration> {
    away.and_then(|away| left.checked_sub(away)).filter(|left| !left.is_zero())
}
