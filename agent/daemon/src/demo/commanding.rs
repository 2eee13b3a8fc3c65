//! Named commands in the headless demonstration: once the leak's alarms stand, the horn of the node that smells it is silenced from the
//! gateway, and a reset of that node is asked for without the second person whom it takes.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Stage;
use super::site::{RESET, SILENCE};
use crate::control::{Deed, Refused};
use crate::observe::{LastCommand, Status};
use crate::run::{Act, Request};

/// The node's horn sounds for its second level too, which must not come between a silence and its read-back.
const STANDS: (&str, &str) = ("GT-101", "high_high");
const HORN: usize = 0;

/// What was sent, and what came of it.
#[derive(Default)]
pub(super) struct Commanding {
    sent: bool,
    sounded: bool,
    refused: Vec<Refused>,
    done: Option<LastCommand>,
    quiet: bool,
    reset_accepted: u64,
}

impl Commanding {
    /// Sends once, and looks at what came of it.
    pub(super) async fn look(&mut self, stage: &Stage, status: &Status) {
        let horn = stage.plant.horns()[HORN];
        let stands =
            status.alarms.iter().any(|alarm| alarm.point == STANDS.0 && alarm.kind == STANDS.1 && horn);
        if !self.sent && stands {
            (self.sent, self.sounded) = (true, horn);
            self.refused.extend(send(stage, SILENCE, "现场有人").await);
            self.refused.extend(send(stage, RESET, "现场有人").await);
        }
        let row = |name: &str| status.commands.iter().find(|row| row.command == name);
        let over = row(SILENCE).and_then(|row| row.last.clone()).filter(LastCommand::is_over);
        if self.done.is_none() && over.is_some() {
            (self.done, self.quiet) = (over, !horn);
        }
        self.reset_accepted = row(RESET).map_or(0, |row| row.counts.accepted);
    }

    /// What was promised of them, with what was seen.
    pub(super) fn judge(&self, arrived: &[&Value]) -> Vec<Value> {
        let confirmed =
            self.done.as_ref().is_some_and(|last| &*last.change == "done" && last.read_back == Some(1.0));
        let said = self.done.as_ref().map_or_else(|| "no outcome".to_owned(), |last| last.change.to_string());
        let horn = format!("{said}, horn {} then {}", sound(self.sounded), sound(!self.quiet));
        let why: Vec<&str> = self.refused.iter().map(|refused| &*refused.why).collect();
        let alone = why == ["no_approver"] && self.reset_accepted == 0;
        let told = ["accepted", "done"].map(|change| {
            arrived.iter().any(|record| record["command"] == SILENCE && record["change"] == change)
        });
        let records = format!("{} command records arrived", arrived.len());
        let check =
            |text: &str, held: bool, seen: String| json!({ "text": text, "held": held, "seen": seen });
        vec![
            check(
                "a command silences the node's horn and is read back",
                confirmed && self.sounded && self.quiet,
                horn,
            ),
            check(
                "a reset without a second person is refused",
                alone,
                format!("refused: {}", why.join(", ")),
            ),
            check("the district hears of the command", told == [true; 2], records),
        ]
    }
}

const fn sound(sounds: bool) -> &'static str {
    if sounds { "on" } else { "off" }
}

/// Asks the agent to have a command written; why it was not accepted.
pub(super) async fn send(stage: &Stage, command: &str, note: &str) -> Option<Refused> {
    let (reply, answer) = oneshot::channel();
    let deed = Deed::Send { command: command.to_owned(), approver: None, value: None };
    let act = Act { actor: "demo".to_owned(), deed, note: note.to_owned() };
    // An agent that has ended is noticed at the next look.
    stage.requests.send(Request::Act(act, reply)).await.ok()?;
    answer.await.ok()?.ok()?.refused.pop()
}
