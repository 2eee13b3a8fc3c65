//! The figures with their targets, as JSON for machines and as a table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::subject::Who;
use crate::targets::{Target, target};

/// One measured number; `None` where nothing was there to be measured.
pub(crate) type Figure = (&'static str, Option<f64>);

/// What one program did in one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: char,
    pub(crate) who: Who,
    pub(crate) figures: Vec<Figure>,
}

impl Outcome {
    fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
    }
}

/// A figure of the agent beside its target.
struct Verdict {
    scenario: char,
    figure: String,
    value: Option<f64>,
    target: Target,
}

/// Everything that was measured in one run.
#[derive(Default, Debug)]
pub(crate) struct Report {
    pub(crate) machine: Map<String, Value>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether every target of what was measured is met.
    pub(crate) fn is_met(&self) -> bool {
        self.verdicts().iter().all(|verdict| verdict.target.is_met(verdict.value))
    }

    pub(crate) fn json(&self) -> Value {
        let mut scenarios: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for outcome in &self.outcomes {
            let figures: Map<String, Value> =
                outcome.figures.iter().map(|(name, value)| ((*name).to_owned(), rounded(*value))).collect();
            let programs = scenarios.entry(outcome.scenario.to_string()).or_default();
            programs.insert(outcome.who.name().to_owned(), figures.into());
        }
        for (letter, ratios) in self.ratios() {
            let ratios: Map<String, Value> =
                ratios.into_iter().map(|(name, value)| (name.to_owned(), rounded(Some(value)))).collect();
            scenarios.entry(letter.to_string()).or_default().insert("ratio".to_owned(), ratios.into());
        }
        let targets: Vec<Value> = self.verdicts().iter().map(Verdict::json).collect();
        json!({ "machine": self.machine, "scenarios": scenarios, "targets": targets, "all_met": self.is_met() })
    }

    /// A line per figure: agent, bare loop, their ratio, the target and whether it is met.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.machine {
            let _ = writeln!(out, "{name}: {}", value.as_str().map_or(value.to_string(), str::to_owned));
        }
        let (verdicts, ratios) = (self.verdicts(), self.ratios());
        for letter in self.letters() {
            let _ = writeln!(
                out,
                "\n{letter}  {:<28}{:>12}{:>12}{:>9}  target",
                "figure", "agent", "bare", "ratio"
            );
            for name in self.names(letter) {
                let value = |who| self.outcome(letter, who).and_then(|outcome| outcome.value(name));
                let ratio = ratios.iter().filter(|(known, _)| *known == letter).flat_map(|(_, all)| all);
                let ratio = ratio.clone().find(|(known, _)| *known == name).map(|(_, ratio)| *ratio);
                let [agent, bare, ratio] = [value(Who::Agent), value(Who::Bare), ratio].map(shown);
                let _ = write!(out, "   {name:<28}{agent:>12}{bare:>12}{ratio:>9}  ");
                let ratio_name = format!("ratio.{name}");
                let judged = verdicts.iter().filter(|verdict| verdict.scenario == letter);
                let words = judged
                    .filter(|verdict| verdict.figure == name || verdict.figure == ratio_name)
                    .map(Verdict::words);
                let _ = writeln!(out, "{}", words.collect::<Vec<_>>().join("; "));
            }
        }
        out
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let agents = self.outcomes.iter().filter(|outcome| outcome.who == Who::Agent);
        let own = agents.flat_map(|outcome| {
            outcome.figures.iter().map(|(name, value)| (outcome.scenario, (*name).to_owned(), *value))
        });
        let compared = self.ratios().into_iter().flat_map(|(letter, ratios)| {
            ratios.into_iter().map(move |(name, ratio)| (letter, format!("ratio.{name}"), Some(ratio)))
        });
        own.chain(compared)
            .filter_map(|(scenario, figure, value)| {
                let target = target(scenario, &figure)?;
                Some(Verdict { scenario, figure, value, target })
            })
            .collect()
    }

    /// Agent : bare loop, of every figure that both have.
    fn ratios(&self) -> Vec<(char, Vec<(&'static str, f64)>)> {
        let of = |letter| {
            let (agent, bare) = (self.outcome(letter, Who::Agent)?, self.outcome(letter, Who::Bare)?);
            let ratio = |(name, value): &Figure| {
                let bare = bare.value(name).filter(|bare| *bare > 0.0)?;
                Some((*name, (*value)? / bare))
            };
            Some((letter, agent.figures.iter().filter_map(ratio).collect()))
        };
        self.letters().into_iter().filter_map(of).collect()
    }

    fn outcome(&self, letter: char, who: Who) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.scenario == letter && outcome.who == who)
    }

    fn letters(&self) -> Vec<char> {
        let mut letters: Vec<char> = self.outcomes.iter().map(|outcome| outcome.scenario).collect();
        letters.dedup();
        letters
    }

    fn names(&self, letter: char) -> Vec<&'static str> {
        let mut names = Vec::new();
        for outcome in self.outcomes.iter().filter(|outcome| outcome.scenario == letter) {
            for (name, _) in &outcome.figures {
                if !names.contains(name) {
                    names.push(*name);
                }
            }
        }
        names
    }
}

impl Verdict {
    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario.to_string(),
            "figure": self.figure,
            "value": rounded(self.value),
            "target": self.target.to_string(),
            "met": self.target.is_met(self.value),
        })
    }

    fn words(&self) -> String {
        let about = if self.figure.starts_with("ratio.") { "ratio " } else { "" };
        let met = if self.target.is_met(self.value) { "met" } else { "NOT MET" };
        format!("{about}{} {met}", self.target)
    }
}

fn rounded(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| ((value * 10_000.0).round() / 10_000.0).into())
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(agent: f64) -> Report {
        let outcome = |who, value| Outcome {
            scenario: 'A',
            who,
            figures: vec![("polls_percent", Some(value)), ("rss_mb", None)],
        };
        Report { machine: Map::new(), outcomes: vec![outcome(Who::Agent, agent), outcome(Who::Bare, 50.0)] }
    }

    #[test]
    fn a_figure_is_judged_by_its_target_and_compared_with_the_bare_loop() {
        let json = report(100.0).json();
        assert_eq!(json["scenarios"]["A"]["ratio"]["polls_percent"], 2.0);
        assert_eq!(json["scenarios"]["A"]["bare"]["polls_percent"], 50.0);
        let polls = json["targets"].as_array().unwrap().iter().find(|t| t["figure"] == "polls_percent");
        assert_eq!(polls.unwrap()["met"], true);
        assert!(report(100.0).table().contains("met"));
        assert!(report(90.0).table().contains("NOT MET"));
    }

    #[test]
    fn a_figure_that_could_not_be_measured_meets_no_target() {
        let json = report(100.0).json();
        let rss = json["targets"].as_array().unwrap().iter().find(|t| t["figure"] == "rss_mb").cloned();
        assert_eq!(rss.unwrap()["met"], false);
        assert_eq!(json["all_met"], false);
        assert!(!report(100.0).is_met());
    }
}
