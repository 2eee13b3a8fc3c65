//! 配置变更: that the site got another configuration, who wanted it, and whether it stayed. The engine decides nothing about it; it
//! writes down what it is told, so that journal and platform have it in order with everything else.

use alloc::string::String;
use core::time::Duration;

use super::record::{AlarmState, Body};
use crate::Mono;
use crate::engine::Engine;

/// What happened to the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigChange {
    /// Another one was put in force, on trial.
    Applied {
        /// Without a confirmation within this time the one before comes back.
        confirm_within: Duration,
    },
    /// Somebody confirmed it: it stays.
    Confirmed,
    /// Somebody took it back.
    RolledBack,
    /// Nobody confirmed it in time: the one before is back.
    Expired,
    /// The agent or its power ended during the trial: the one before is back.
    Interrupted,
    /// The files were edited by hand.
    Unplanned,
    /// 撤销: an alarm that was not normal has no place in the configuration after. It has not returned.
    Withdrawn {
        /// What people called it, `GT-101/high`: the configuration after has no number for it.
        alarm: String,
        /// Where it stood.
        state: AlarmState,
    },
}

/// A change of configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigEvent {
    /// What happened.
    pub change: ConfigChange,
    /// Who; empty where nobody said so.
    pub actor: String,
    /// Who approved it; empty where nobody did.
    pub approver: String,
    /// Why.
    pub note: String,
    /// Hash of the configuration before.
    pub from: String,
    /// Hash of the configuration after.
    pub to: String,
    /// How many differences there are.
    pub differences: u32,
    /// How many of them lower protection.
    pub lowered: u32,
}

impl Engine {
    /// Writes a change of configuration down.
    pub fn configured(&mut self, now: Mono, event: ConfigEvent) {
        self.reach(now);
        let stamp = self.stamp();
        self.outbox.offer(stamp, Body::Config(alloc::boxed::Box::new(event)));
        self.touched();
        self.finish_turn();
    }
}
