//! The live demonstration: a view of the agent's own status, and keys that make things go wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::commanding;
use super::plant::{DETECTOR_COUNT, DEVICE_COUNT, Fault};
use super::site::SILENCE;
use super::view::{self, Key, Screen, View};
use super::{Cut, Stage, screen};
use crate::config::Lang;
use crate::control::Deed;
use crate::observe::{CommandRow, LastCommand};
use crate::run::{Act, Request};

const REDRAW: Duration = Duration::from_millis(250);
const LOG_MAX: usize = 50;
const JUMP: Duration = Duration::from_secs(3600);

pub(super) async fn run(stage: Stage, lang: Lang) -> u8 {
    let opened = View::open(lang).and_then(|view| Ok((view, view::keys()?)));
    let (mut view, mut keys) = match opened {
        Ok(opened) => opened,
        Err(fault) => {
            stage.end().await;
            eprintln!("{fault}");
            return crate::cli::OS_REFUSES;
        }
    };
    let mut game = Game::default();
    game.say(view::label(lang, "按 1 泄漏，按 q 退出", "press 1 for a leak, q to quit"));
    let other = view::label(lang, "h 或另一终端：", "h, or in another terminal:");
    game.say(format!("{other} hazard command send {SILENCE} --actor me -c {}", stage.file.display()));
    let mut redraw = tokio::time::interval(REDRAW);
    loop {
        tokio::select! {
            key = next(&mut keys) => match key {
                Some(Key::Quit) | None => break,
                Some(key) => game.press(key, &stage, lang).await,
            },
            _ = redraw.tick() => {
                let Some(status) = stage.status().await else {
                    break;
                };
                game.tell_commands(&status.commands, lang);
                let screen = Screen {
                    log: game.log.iter().cloned().collect(),
                    switched_on: game.switched_on.clone(),
                    ..screen::of(&status, &stage.plant, lang)
                };
                if view.draw(&screen).is_err() {
                    break;
                }
            }
        }
    }
    drop(view);
    stage.end().await;
    crate::cli::OK
}

async fn next(keys: &mut mpsc::Receiver<Key>) -> Option<Key> {
    keys.recv().await
}

/// What the visitor has done so far.
#[derive(Default)]
struct Game {
    switched_on: Vec<Key>,
    log: VecDeque<String>,
    leaks: usize,
    dead: usize,
    /// The last outcome of each command that was shown, by its number.
    told: BTreeMap<String, u64>,
}

impl Game {
    fn say(&mut self, line: String) {
        self.log.push_back(line);
        if self.log.len() > LOG_MAX {
            self.log.pop_front();
        }
    }

    /// What became of commands, this view's and other terminals'; each once.
    fn tell_commands(&mut self, rows: &[CommandRow], lang: Lang) {
        let over = |row: &CommandRow| row.last.clone().filter(LastCommand::is_over);
        for (row, last) in rows.iter().filter_map(|row| Some((row, over(row)?))) {
            if self.told.insert(row.command.clone(), last.nth) != Some(last.nth) {
                self.say(format!("{}: {}", row.command, last.text(lang)));
            }
        }
    }

    async fn press(&mut self, key: Key, stage: &Stage, lang: Lang) {
        self.say(key.name(lang));
        let controls = stage.plant.controls();
        match key {
            Key::Leak => {
                controls.begin(Fault::Leak(self.leaks % DETECTOR_COUNT));
                self.leaks += 1;
            }
            Key::DeadDevice => {
                if self.toggle(key) {
                    controls.begin(Fault::Dead(self.dead % (DEVICE_COUNT - 1)));
                } else {
                    controls.end(Fault::Dead(self.dead % (DEVICE_COUNT - 1)));
                    self.dead += 1;
                }
            }
            Key::LineNoise => {
                if self.toggle(key) {
                    controls.begin(Fault::Noise);
                } else {
                    controls.end(Fault::Noise);
                }
            }
            Key::CutUplink => {
                let cut = if self.toggle(key) { Cut::Away } else { Cut::Back };
                stage.cut_uplink(cut);
            }
            Key::JumpClock => stage.clock.jump(JUMP),
            Key::Acknowledge => {
                let (reply, status) = oneshot::channel();
                // An agent that has ended is noticed at the next redraw.
                drop(stage.requests.send(Request::Status(reply)).await);
                let seen = status.await.ok().map(|status| status.view.clone());
                act(stage, Deed::Acknowledge { alarm: None, seen }).await;
            }
            Key::Silence => act(stage, Deed::Silence { alarm: None }).await,
            Key::Reset => act(stage, Deed::Reset { alarm: None }).await,
            Key::NodeHorn => {
                if let Some(refused) = commanding::send(stage, SILENCE, "").await {
                    self.say(format!("{SILENCE}: ✘ {}", crate::cli::why(&refused, lang)));
                }
            }
            Key::Quit => {}
        }
    }

    /// Whether the fault is on from here.
    fn toggle(&mut self, key: Key) -> bool {
        let before = self.switched_on.len();
        self.switched_on.retain(|known| *known != key);
        let on = self.switched_on.len() == before;
        if on {
            self.switched_on.push(key);
        }
        on
    }
}

async fn act(stage: &Stage, deed: Deed) {
    let (reply, _changed) = oneshot::channel();
    let act = Act { actor: "demo".to_owned(), deed, note: String::new() };
    // An agent that has ended is noticed at the next redraw.
    drop(stage.requests.send(Request::Act(act, reply)).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(change: &str, nth: u64) -> CommandRow {
        let last = serde_json::json!({
            "at": "2026-05-29T04:27:01.000Z", "nth": nth, "change": change, "value": 1.0, "before": 0.0,
            "read_back": 1.0, "fault": null, "actor": "demo", "approver": "", "note": "",
        });
        let row = serde_json::json!({
            "command": SILENCE, "zh": "", "en": "", "device": "ND-1", "unit": "", "value": 1.0, "min": null,
            "max": null, "step": null, "risk": "routine", "reason": false, "second_person": false,
            "deadline_s": 10, "pending": null, "last": last,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn the_outcome_of_each_command_is_told_once_when_it_is_known() {
        let mut game = Game::default();
        for (change, nth, lines) in
            [("accepted", 1, 0), ("done", 1, 1), ("done", 1, 1), ("accepted", 2, 1), ("unverified", 2, 2)]
        {
            game.tell_commands(&[row(change, nth)], Lang::En);
            assert_eq!(game.log.len(), lines, "{change} {nth}: {:?}", game.log);
        }
        assert!(game.log[0].starts_with("ND-1/silence: ✔ written and read back as 1"), "{:?}", game.log);
        assert!(game.log[1].contains("discrepancy"), "{:?}", game.log);
    }
}
