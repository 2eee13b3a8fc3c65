//! One word for each variant of the core, the same on the wire, in `hazard status` and in metrics. A word, once published,
//! never changes its meaning.

use hazard_core::alarm::{Priority, Withheld};
use hazard_core::call::{Change, DeliveryFault, How, Withdrawal};
use hazard_core::device_command::{CommandChange, Risk};
use hazard_core::interlock::{Discrepancy, HoldStanding, PermitStanding, ProofStanding, TripStanding};
use hazard_core::link::{Exception, LinkFault};
use hazard_core::outbox::Lane;
use hazard_core::outbox::record::{AlarmState, BypassChange, Cause, Condition, ConfigChange, Refusal, Verb};
use hazard_core::reading::{Doubt, NoData};
use hazard_core::sensor::Trouble;
use hazard_core::upkeep::{Due, Duty, Failure, Mark};
use hazard_core::vote::Outcome;
use hazard_core::{Category, ClockTrust};

pub(crate) const fn clock(trust: ClockTrust) -> &'static str {
    match trust {
        ClockTrust::Unset => "unset",
        ClockTrust::Free => "free",
        ClockTrust::Synced => "synced",
    }
}

pub(crate) const fn doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::OverRange => "over_range",
        Doubt::UnderRange => "under_range",
        Doubt::AfterFault => "after_fault",
        Doubt::Rounded => "rounded",
        Doubt::Bypassed => "bypassed",
        Doubt::FunctionCheck => "function_check",
        Doubt::OverRangeHeld => "over_range_held",
    }
}

pub(crate) const fn no_data(reason: NoData) -> &'static str {
    match reason {
        NoData::NeverRead => "never_read",
        NoData::Stale => "stale",
        NoData::Link(fault) => link_fault(fault),
        NoData::NotANumber => "not_a_number",
        NoData::Sentinel => "sentinel",
        NoData::NotBcd => "not_bcd",
        NoData::BadScaling => "bad_scaling",
        NoData::NotText => "not_text",
        NoData::CurrentLow => "current_low",
        NoData::CurrentHigh => "current_high",
        NoData::SensorFailure => "sensor_failure",
        NoData::CheckOverdue => "check_overdue",
    }
}

/// The categories of NAMUR NE 107.
pub(crate) const fn category(category: Category) -> &'static str {
    match category {
        Category::Normal => "normal",
        Category::MaintenanceRequired => "maintenance_required",
        Category::OutOfSpecification => "out_of_specification",
        Category::FunctionCheck => "function_check",
        Category::Failure => "failure",
    }
}

pub(crate) const fn trouble(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::WarmUp => "warm_up",
        Trouble::Calibration => "calibration",
        Trouble::Inhibit => "inhibit",
        Trouble::Test => "test",
        Trouble::Fault => "fault",
        Trouble::SensorLost => "sensor_lost",
        Trouble::OverRange => "over_range",
        Trouble::UnderRange => "under_range",
        Trouble::Conditions => "conditions",
        Trouble::Maintenance => "maintenance",
        Trouble::EndOfLife => "end_of_life",
        Trouble::CalibrationDue => "calibration_due",
        Trouble::CurrentLow => "current_low",
        Trouble::CurrentHigh => "current_high",
        Trouble::ZeroDrift => "zero_drift",
        Trouble::BelowZero => "below_zero",
        Trouble::StatusLost => "status_lost",
    }
}

pub(crate) const fn link_fault(fault: LinkFault) -> &'static str {
    match fault {
        LinkFault::Silent => "silent",
        LinkFault::Garbled => "garbled",
        LinkFault::Refused(_) => "refused",
        LinkFault::Gone => "gone",
    }
}

pub(crate) const fn exception(exception: Exception) -> &'static str {
    match exception {
        Exception::IllegalFunction => "illegal_function",
        Exception::IllegalAddress => "illegal_address",
        Exception::IllegalValue => "illegal_value",
        Exception::DeviceFailure => "device_failure",
        Exception::Acknowledge => "acknowledge",
        Exception::Busy => "busy",
        Exception::GatewayPath => "gateway_path",
        Exception::GatewayTarget => "gateway_target",
        Exception::Other(_) => "other",
    }
}

pub(crate) const fn alarm_state(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Normal => "normal",
        AlarmState::Unacked => "unacked",
        AlarmState::Acked => "acked",
        AlarmState::RtnUnacked => "rtn_unacked",
        AlarmState::LatchedUnacked => "latched_unacked",
        AlarmState::LatchedAcked => "latched_acked",
        AlarmState::Shelved => "shelved",
        AlarmState::Suppressed => "suppressed",
        AlarmState::OutOfService => "out_of_service",
    }
}

pub(crate) const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Silence => "silence",
        Verb::Acknowledge => "acknowledge",
        Verb::Reset => "reset",
        Verb::ResetRetentive => "reset_retentive",
    }
}

pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Hazard => "hazard",
        Cause::Upset => "upset",
        Cause::Maintenance => "maintenance",
        Cause::Equipment => "equipment",
        Cause::FalseAlarm => "false_alarm",
        Cause::Test => "test",
    }
}

pub(crate) const fn bypass(change: BypassChange) -> &'static str {
    match change {
        BypassChange::Begun { .. } => "begun",
        BypassChange::Ended => "ended",
        BypassChange::Expired => "expired",
        BypassChange::Rearmed => "rearmed",
    }
}

pub(crate) const fn config(change: &ConfigChange) -> &'static str {
    match change {
        ConfigChange::Applied { .. } => "applied",
        ConfigChange::Confirmed => "confirmed",
        ConfigChange::RolledBack => "rolled_back",
        ConfigChange::Expired => "expired",
        ConfigChange::Interrupted => "interrupted",
        ConfigChange::Unplanned => "unplanned",
        ConfigChange::Withdrawn { .. } => "withdrawn",
    }
}

pub(crate) const fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Stands => "stands",
        Refusal::Unacknowledged => "unacknowledged",
        Refusal::NoGoodValue => "no_good_value",
        Refusal::NeverShelved => "never_shelved",
        Refusal::TooLong { .. } => "too_long",
        Refusal::TooMany { .. } => "too_many",
        Refusal::NothingToHandle => "nothing_to_handle",
        Refusal::NoApprover => "no_approver",
        Refusal::NoReason => "no_reason",
        Refusal::SecondPerson => "second_person",
        Refusal::BypassedAlready => "bypassed_already",
        Refusal::NotBypassed => "not_bypassed",
        Refusal::Unknown => "unknown",
        Refusal::Bypassed => "bypassed",
        Refusal::Unproven => "unproven",
        Refusal::KeyPeriod => "key_period",
        Refusal::NeedsBypass => "needs_bypass",
        Refusal::NeedsArmed => "needs_armed",
        Refusal::NoActor => "no_actor",
        Refusal::NothingApplied => "nothing_applied",
        Refusal::RunsAlready => "runs_already",
        Refusal::NotRunning => "not_running",
        Refusal::MarkedAlready => "marked_already",
        Refusal::NotApplied => "not_applied",
        Refusal::NoValue => "no_value",
        Refusal::ValueFixed => "value_fixed",
        Refusal::OutOfBounds => "out_of_bounds",
        Refusal::BetweenSteps => "between_steps",
        Refusal::PendingAlready => "pending_already",
        Refusal::TooSoon { .. } => "too_soon",
        Refusal::DeviceOffline => "device_offline",
        Refusal::OnTrial => "on_trial",
        Refusal::WholeVote => "whole_vote",
    }
}

pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Quiet => "quiet",
        Outcome::Unread => "unread",
        Outcome::Blind => "blind",
        Outcome::Tripped => "tripped",
    }
}

pub(crate) const fn trip(standing: TripStanding) -> &'static str {
    match standing {
        TripStanding::Ready => "ready",
        TripStanding::Tripped => "tripped",
        TripStanding::Held => "held",
    }
}

pub(crate) const fn proof(standing: ProofStanding) -> &'static str {
    match standing {
        ProofStanding::Idle => "idle",
        ProofStanding::Awaited => "awaited",
        ProofStanding::Proven => "proven",
        ProofStanding::NotShown => "not_shown",
        ProofStanding::Left => "left",
    }
}

pub(crate) const fn permit(standing: PermitStanding) -> &'static str {
    match standing {
        PermitStanding::FanOff => "fan_off",
        PermitStanding::PreRun => "pre_run",
        PermitStanding::Withheld => "withheld",
        PermitStanding::Granted => "granted",
    }
}

pub(crate) const fn hold(standing: HoldStanding) -> &'static str {
    match standing {
        HoldStanding::LineRuns => "line_runs",
        HoldStanding::PostRun => "post_run",
        HoldStanding::Released => "released",
    }
}

pub(crate) const fn duty(duty: Duty) -> &'static str {
    match duty {
        Duty::Calibration => "calibration",
        Duty::ProofTest => "proof_test",
    }
}

pub(crate) const fn due(due: Due) -> &'static str {
    match due {
        Due::Fine => "fine",
        Due::DueSoon => "due_soon",
        Due::Overdue => "overdue",
        Due::NeverDone => "never_done",
        Due::Unjudged => "unjudged",
    }
}

pub(crate) const fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Applied => "gas_on",
        Mark::Removed => "gas_off",
    }
}

pub(crate) const fn discrepancy(how: Discrepancy) -> &'static str {
    match how {
        Discrepancy::NotShown => "not_shown",
        Discrepancy::Left => "left",
    }
}

pub(crate) const fn failure(failure: Failure) -> &'static str {
    match failure {
        Failure::NoGoodValue => "no_good_value",
        Failure::NoResponse => "no_response",
        Failure::TooSlow { .. } => "too_slow",
        Failure::NotRecovered { .. } => "not_recovered",
        Failure::Deviation => "deviation",
        Failure::AlarmDidNotTrip(_) => "alarm_did_not_trip",
        Failure::TripDidNotMove(_) => "trip_did_not_move",
        Failure::NotProven(_) => "not_proven",
        Failure::Aborted => "aborted",
        Failure::Restarted => "restarted",
        Failure::TimedOut => "timed_out",
    }
}

pub(crate) const fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Event => "event",
        Lane::Reading => "reading",
    }
}

pub(crate) const fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::JournalDown => "journal_down",
        Condition::JournalBehind => "journal_behind",
        Condition::UplinkDown(_) => "uplink_down",
        Condition::OutputFault(_) => "output_fault",
        Condition::BusDown(_) => "bus_down",
        Condition::BusOverrun(_) => "bus_overrun",
        Condition::DelayExceeded(_) => "delay_exceeded",
        Condition::KeyPeriod(_) => "key_period",
        Condition::ClockUntrusted => "clock_untrusted",
        Condition::AlarmFlood => "alarm_flood",
        Condition::AlarmChatter(_) => "alarm_chatter",
        Condition::RetentiveDown => "retentive_down",
        Condition::SafeguardAbsent(_) => "safeguard_absent",
        Condition::UpkeepDue(_) => "upkeep_due",
        Condition::UpkeepFailing(_) => "upkeep_failing",
        Condition::CallFailed(_) => "call_failed",
        Condition::JournalFull => "journal_full",
        Condition::ReceiptsMissing(_) => "receipts_missing",
        Condition::SensorFailure(_) => "sensor_failure",
        Condition::SensorCheck(_) => "sensor_check",
        Condition::SensorCheckOverdue(_) => "sensor_check_overdue",
        Condition::SensorOutOfSpecification(_) => "sensor_out_of_specification",
        Condition::SensorMaintenance(_) => "sensor_maintenance",
        Condition::RetentiveLost => "retentive_lost",
        Condition::SiteFileInvalid => "site_file_invalid",
        Condition::OutputUnverified(_) => "output_unverified",
        Condition::ButtonStuck(_) => "button_stuck",
        Condition::ButtonFlapping(_) => "button_flapping",
        Condition::SensorIntermittent(_) => "sensor_intermittent",
        Condition::DeviceIntermittent(_) => "device_intermittent",
    }
}

pub(crate) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Medium => "medium",
        Priority::High => "high",
        Priority::Critical => "critical",
    }
}

/// The colour of the district's scale.
pub(crate) const fn colour(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "blue",
        Priority::Medium => "yellow",
        Priority::High => "orange",
        Priority::Critical => "red",
    }
}

pub(crate) const fn call(change: &Change) -> &'static str {
    match change {
        Change::Opened { .. } => "opened",
        Change::Ordered(_) => "ordered",
        Change::Delivered { .. } => "delivered",
        Change::Failed { .. } => "failed",
        Change::Answered { .. } => "answered",
        Change::Withdrawn { .. } => "withdrawn",
        Change::Exhausted { .. } => "exhausted",
    }
}

pub(crate) const fn delivery(fault: DeliveryFault) -> &'static str {
    match fault {
        DeliveryFault::Unreachable => "unreachable",
        DeliveryFault::Refused => "refused",
        DeliveryFault::Crowded => "crowded",
        DeliveryFault::Unreported => "unreported",
    }
}

pub(crate) const fn how(how: &How) -> &'static str {
    match how {
        How::Acknowledged => "acknowledged",
        How::Said { .. } => "said",
    }
}

pub(crate) const fn withdrawal(why: Withdrawal) -> &'static str {
    match why {
        Withdrawal::Withheld(Withheld::Shelved) => "shelved",
        Withdrawal::Withheld(Withheld::Suppressed) => "suppressed",
        Withdrawal::Withheld(Withheld::OutOfService) => "out_of_service",
        Withdrawal::Gone => "gone",
    }
}

/// A command that was not sent in time.
pub(crate) const EXPIRED: &str = "expired";

pub(crate) const fn device_command(change: CommandChange) -> &'static str {
    match change {
        CommandChange::Accepted { .. } => "accepted",
        CommandChange::Done { .. } => "done",
        CommandChange::Unverified { .. } => "unverified",
        CommandChange::Failed { .. } => "failed",
        CommandChange::Lost => "lost",
    }
}

pub(crate) const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Routine => "routine",
        Risk::Calibration => "calibration",
        Risk::Protection => "protection",
    }
}
