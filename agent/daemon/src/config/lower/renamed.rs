//! 改名: which points, alarms, votes and trips had another name before. An old name must be nobody's and say one thing only, or
//! what stood under it would stand twice.

use std::collections::HashMap;

use super::{Lowering, Section};
use crate::config::catalogue::Code;
use crate::config::error::{Fault, Spot, args};
use crate::config::names::{Found, Names};
use crate::config::tree::Node;

const KEY: &str = "renamed_from";

/// Old names of one kind of thing.
#[derive(Default)]
struct Old {
    first: HashMap<String, Spot>,
    /// Old and present name.
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Old {
    /// Notes that the thing called `present` says what it was called before.
    fn take(&mut self, node: Node<'_>, present: &str, known: &Names) {
        let Some(old) = node.text(KEY) else { return };
        let (spot, words) = (node.at(KEY), args![old, present]);
        // A name may change its case; things are told apart without it.
        let is_itself = old != present && old.to_lowercase() == present.to_lowercase();
        if !is_itself && !matches!(known.find(old), Found::Unknown(_)) {
            self.faults.push(Fault::new(Code::RenamedFromKnown, spot, words));
            return;
        }
        if let Some(first) = self.first.get(&old.to_lowercase()) {
            self.faults.push(Fault::new(Code::RenamedFromTwice, spot, words).against(*first));
            return;
        }
        self.first.insert(old.to_lowercase(), spot);
        self.pairs.push((old.to_lowercase(), present.to_owned()));
    }
}

impl<'a> Lowering<'a> {
    /// Lowers old names, when all present ones are known.
    pub(super) fn renamed(&mut self, site: Section<'a, '_>) {
        let rows = |key: &str| site.node.get(key).map(Node::members).unwrap_or_default();
        let (mut points, mut alarms) = (Old::default(), Old::default());
        for node in rows("points") {
            let Some(tag) = node.text("tag") else { continue };
            points.take(node, tag, &self.tags);
            for alarm in node.get("alarms").map(Node::members).unwrap_or_default() {
                let kind = alarm.text("kind").unwrap_or_default();
                alarms.take(alarm, &format!("{tag}:{kind}"), &self.alarm_names);
            }
        }
        let (mut votes, mut trips) = (Old::default(), Old::default());
        for (key, old, known) in [("votes", &mut votes, &self.votes), ("trips", &mut trips, &self.trips)] {
            for node in rows(key) {
                old.take(node, node.text("id").unwrap_or_default(), known);
            }
        }
        // On disk and on the wire an alarm is GT-101/high.
        let slashed =
            |name: String| name.rsplit_once(':').map(|(tag, kind)| format!("{tag}/{kind}")).unwrap_or(name);
        let pairs = std::mem::take(&mut alarms.pairs).into_iter();
        self.renamed.alarms = pairs.map(|(old, name)| (slashed(old), slashed(name))).collect();
        for old in [&mut points, &mut alarms, &mut votes, &mut trips] {
            self.faults.append(&mut old.faults);
        }
        self.renamed.points = points.pairs.into_iter().collect();
        self.renamed.votes = votes.pairs.into_iter().collect();
        self.renamed.trips = trips.pairs.into_iter().collect();
    }
}
