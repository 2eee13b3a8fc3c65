//! A configuration as facts: each with what it protects and in which direction. Comparing two lists of facts needs to know nothing
//! about points or votes.

use std::collections::HashMap;
use std::time::Duration;

use super::{Class, Difference};

/// A text in Chinese and English.
pub(super) type Words = (&'static str, &'static str);

/// What a fact does for protection.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Rule {
    /// The less, the more is protected: a delay, a high set-point.
    Less(f64),
    /// The more, the more is protected: a priority, a low set-point.
    More(f64),
    /// That it is there protects; another one changes protection.
    Protects,
    /// That it is there lessens protection; another one changes it.
    Lessens,
    /// It matters for protection, in neither direction clearly.
    Matters,
    /// What protects sees or moves by it: in any other way it may see less, and nobody can tell from the file that it does not.
    Sight,
    /// A point may read something else.
    Wiring,
    /// Uplinks, retention, the console.
    Service,
    /// Names and notes.
    Text,
}

impl Rule {
    pub(super) fn yes_protects(yes: bool) -> Self {
        Self::More(f64::from(u8::from(yes)))
    }

    pub(super) fn no_protects(yes: bool) -> Self {
        Self::Less(f64::from(u8::from(yes)))
    }

    fn when_added(self) -> Class {
        match self {
            Self::Less(_) | Self::More(_) | Self::Protects => Class::ProtectionRaised,
            Self::Lessens | Self::Sight => Class::ProtectionLowered,
            Self::Matters => Class::ProtectionChanged,
            Self::Wiring => Class::Wiring,
            Self::Service => Class::Service,
            Self::Text => Class::Text,
        }
    }

    fn when_gone(self) -> Class {
        match self {
            Self::Less(_) | Self::More(_) | Self::Protects | Self::Sight => Class::ProtectionLowered,
            Self::Lessens => Class::ProtectionRaised,
            Self::Matters => Class::ProtectionChanged,
            Self::Wiring => Class::Wiring,
            Self::Service => Class::Service,
            Self::Text => Class::Text,
        }
    }

    fn when_changed(self, after: Self) -> Class {
        match (self, after) {
            (Self::Less(before), Self::Less(after)) | (Self::More(after), Self::More(before)) => {
                if after > before { Class::ProtectionLowered } else { Class::ProtectionRaised }
            }
            (Self::Sight, _) | (_, Self::Sight) => Class::ProtectionLowered,
            (Self::Wiring, _) => Class::Wiring,
            (Self::Service, _) => Class::Service,
            (Self::Text, _) => Class::Text,
            // Two directions are not compared: a set-point whose side of the hazard changed.
            (Self::Less(_) | Self::More(_) | Self::Protects | Self::Lessens | Self::Matters, _) => {
                Class::ProtectionChanged
            }
        }
    }

    const fn number(self) -> Option<f64> {
        match self {
            Self::Less(number) | Self::More(number) => Some(number),
            Self::Protects
            | Self::Lessens
            | Self::Matters
            | Self::Sight
            | Self::Wiring
            | Self::Service
            | Self::Text => None,
        }
    }
}

/// One thing that is said about a subject.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fact {
    what: Words,
    /// Which one, where there are several of the kind.
    member: String,
    /// As a person would write it.
    shown: String,
    rule: Rule,
}

impl Fact {
    pub(super) fn new(what: Words, shown: impl ToString, rule: Rule) -> Self {
        Self { what, member: String::new(), shown: shown.to_string(), rule }
    }

    /// One of several.
    pub(super) fn member(what: Words, member: impl Into<String>, rule: Rule) -> Self {
        Self { what, member: member.into(), shown: String::new(), rule }
    }

    /// One of several that says something.
    pub(super) fn of(self, member: impl Into<String>) -> Self {
        Self { member: member.into(), ..self }
    }

    /// The same, read the other way.
    pub(super) fn with(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// A switch in the file.
    pub(super) fn yes_protects(what: Words, yes: bool) -> Self {
        Self::new(what, yes, Rule::yes_protects(yes))
    }

    pub(super) fn no_protects(what: Words, yes: bool) -> Self {
        Self::new(what, yes, Rule::no_protects(yes))
    }

    /// A time of which less protects.
    pub(super) fn sooner(what: Words, lasts: Duration) -> Self {
        Self::new(what, time(lasts), Rule::Less(lasts.as_secs_f64()))
    }

    /// A time of which more protects.
    pub(super) fn longer(what: Words, lasts: Duration) -> Self {
        Self::new(what, time(lasts), Rule::More(lasts.as_secs_f64()))
    }

    fn key(&self) -> (&'static str, &str) {
        (self.what.1, &self.member)
    }

    fn is_as(&self, after: &Self) -> bool {
        match (self.rule, after.rule) {
            (Rule::Less(before), Rule::Less(after)) | (Rule::More(before), Rule::More(after)) => {
                before.total_cmp(&after).is_eq()
            }
            (rule, other) => rule == other && self.shown == after.shown,
        }
    }

    fn changed(&self, after: &Self) -> Part {
        let verb = match (self.number(), after.number()) {
            (Some(before), Some(after)) if after > before => ("调高", "raised"),
            (Some(before), Some(after)) if after < before => ("调低", "lowered"),
            _ => ("改为", "changed"),
        };
        let class = self.rule.when_changed(after.rule);
        Part { class, verb, shown: format!(" {} → {}", self.shown, after.shown) }
    }

    /// What is compared, where a person sees a number.
    fn number(&self) -> Option<f64> {
        let seen = self.shown.split(' ').next().is_some_and(|first| first.parse::<f64>().is_ok());
        self.rule.number().filter(|_| seen)
    }

    fn alone(&self, class: Class, verb: Words) -> Part {
        let shown = if self.shown.is_empty() { String::new() } else { format!(" {}", self.shown) };
        Part { class, verb, shown }
    }
}

/// What changed about a fact.
struct Part {
    class: Class,
    verb: Words,
    shown: String,
}

/// Something that has a name and facts.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Subject {
    pub(super) kind: Words,
    pub(super) name: String,
    /// What it does to protection that it is there.
    pub(super) rule: Rule,
    pub(super) facts: Vec<Fact>,
}

impl Subject {
    fn key(&self) -> (&'static str, &str) {
        (self.kind.1, &self.name)
    }

    fn said(&self, class: Class, (zh, en): (&str, &str)) -> Difference {
        let (kind, name) = (self.kind, &self.name);
        let gap = if name.is_empty() { "" } else { " " };
        let (zh, en) = (format!("{}{gap}{name}：{zh}", kind.0), format!("{}{gap}{name}: {en}", kind.1));
        Difference { class, zh, en }
    }

    fn told(&self, fact: &Fact, part: &Part) -> Difference {
        let member = if fact.member.is_empty() { String::new() } else { format!(" {}", fact.member) };
        let zh = format!("{}{member} {}{}", fact.what.0, part.verb.0, part.shown);
        let en = format!("{}{member} {}{}", fact.what.1, part.verb.1, part.shown);
        self.said(part.class, (&zh, &en))
    }
}

/// What differs, in the order of the configuration before, then what came.
pub(super) fn differences(before: &[Subject], after: &[Subject]) -> Vec<Difference> {
    let mut found = Vec::new();
    let next: HashMap<_, _> = after.iter().map(|subject| (subject.key(), subject)).collect();
    let known: HashMap<_, _> = before.iter().map(|subject| (subject.key(), subject)).collect();
    for subject in before {
        match next.get(&subject.key()) {
            None => found.push(subject.said(subject.rule.when_gone(), ("取消", "removed"))),
            Some(after) => facts(subject, after, &mut found),
        }
    }
    for subject in after.iter().filter(|subject| !known.contains_key(&subject.key())) {
        found.push(subject.said(subject.rule.when_added(), ("新增", "added")));
    }
    found
}

fn facts(before: &Subject, after: &Subject, found: &mut Vec<Difference>) {
    let next = |fact: &Fact| after.facts.iter().find(|other| other.key() == fact.key());
    for fact in &before.facts {
        match next(fact) {
            Some(other) if fact.is_as(other) => {}
            Some(other) => found.push(before.told(fact, &fact.changed(other))),
            None => found.push(before.told(fact, &fact.alone(fact.rule.when_gone(), ("去掉", "taken out")))),
        }
    }
    for fact in &after.facts {
        if !before.facts.iter().any(|other| other.key() == fact.key()) {
            found.push(after.told(fact, &fact.alone(fact.rule.when_added(), ("加上", "added"))));
        }
    }
}

/// A time as a person would write it.
pub(super) fn time(lasts: Duration) -> String {
    let ms = lasts.as_millis();
    match ms {
        0 => "0 s".to_owned(),
        _ if ms.is_multiple_of(86_400_000) => format!("{} d", ms / 86_400_000),
        _ if ms.is_multiple_of(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use std::slice::from_ref;

    use super::*;

    const WHAT: Words = ("某值", "value");

    fn found(before: &[Fact], after: &[Fact]) -> Vec<(Class, String)> {
        let subject = |facts: &[Fact]| Subject {
            kind: ("点", "point"),
            name: "A".into(),
            rule: Rule::Protects,
            facts: facts.to_vec(),
        };
        let found = differences(&[subject(before)], &[subject(after)]);
        found.into_iter().map(|difference| (difference.class, difference.en)).collect()
    }

    #[test]
    fn each_rule_has_a_class_for_each_change() {
        use Class::{
            ProtectionChanged as Changed, ProtectionLowered as Lowered, ProtectionRaised as Raised, Service,
            Text, Wiring,
        };
        let fact = |shown: &str, rule| Fact::new(WHAT, shown, rule);
        let less = |number: f64| fact(&number.to_string(), Rule::Less(number));
        let more = |number: f64| fact(&number.to_string(), Rule::More(number));
        let cases = [
            (less(1.0), less(2.0), Lowered, Lowered),
            (less(2.0), less(1.0), Raised, Lowered),
            (more(1.0), more(2.0), Raised, Lowered),
            (more(2.0), more(1.0), Lowered, Lowered),
            (less(1.0), more(1.0), Changed, Lowered),
            (more(1.0), less(2.0), Changed, Lowered),
            (fact("a", Rule::Protects), fact("b", Rule::Protects), Changed, Lowered),
            (fact("a", Rule::Lessens), fact("b", Rule::Lessens), Changed, Raised),
            (fact("a", Rule::Matters), fact("b", Rule::Matters), Changed, Changed),
            (fact("a", Rule::Wiring), fact("b", Rule::Wiring), Wiring, Wiring),
            (fact("a", Rule::Service), fact("b", Rule::Service), Service, Service),
            (fact("a", Rule::Text), fact("b", Rule::Text), Text, Text),
        ];
        for (before, after, changed, gone) in cases {
            let said = found(from_ref(&before), from_ref(&after));
            assert_eq!(said.len(), 1, "{before:?} {after:?}");
            assert_eq!(said[0].0, changed, "{before:?} {after:?}");
            assert_eq!(found(from_ref(&before), &[])[0].0, gone, "{before:?} gone");
            let added = match gone {
                Lowered => Raised,
                Raised => Lowered,
                other => other,
            };
            assert_eq!(found(&[], from_ref(&before))[0].0, added, "{before:?} added");
            assert_eq!(found(from_ref(&before), from_ref(&before)), []);
        }
    }

    #[test]
    fn what_is_seen_by_it_is_seen_less_whichever_way_it_changes() {
        let fact = |shown: &str, rule| Fact::new(WHAT, shown, rule);
        let (sight, other) = (fact("0.1", Rule::Sight), fact("0.001", Rule::Sight));
        let wiring = fact("0.1", Rule::Wiring);
        let of = slice::from_ref::<Fact>;
        for (before, after) in [
            (of(&sight), of(&other)),
            (of(&other), of(&sight)),
            (of(&sight), &[]),
            (&[], of(&sight)),
            (of(&wiring), of(&sight)),
            (of(&sight), of(&wiring)),
        ] {
            assert_eq!(found(before, after)[0].0, Class::ProtectionLowered, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_change_says_its_direction_and_both_values() {
        let fact = |shown: &str, number| Fact::new(WHAT, shown, Rule::Less(number));
        let said = |before, after| found(&[before], &[after])[0].1.clone();
        assert_eq!(
            said(fact("25 %LEL", 25.0), fact("50 %LEL", 50.0)),
            "point A: value raised 25 %LEL → 50 %LEL"
        );
        assert_eq!(said(fact("5 s", 5.0), fact("0 s", 0.0)), "point A: value lowered 5 s → 0 s");
        let flag = |yes| Fact::yes_protects(WHAT, yes);
        assert_eq!(said(flag(true), flag(false)), "point A: value changed true → false");
        let one = Fact::member(WHAT, "X", Rule::Protects);
        assert_eq!(found(&[one], &[])[0].1, "point A: value X taken out");
    }

    #[test]
    fn times_are_written_in_the_unit_that_fits() {
        let shown = [0, 1_500, 2_000, 120_000, 7_200_000, 172_800_000].map(Duration::from_millis).map(time);
        assert_eq!(shown, ["0 s", "1500 ms", "2 s", "2 min", "2 h", "2 d"]);
    }
}
