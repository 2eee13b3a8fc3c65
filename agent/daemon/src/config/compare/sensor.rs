//! What is said of sensors: loop currents, drift, and what the statuses of devices mean.

use hazard_core::sensor::{Current, Drift, Negative, SensorSpec, StatusSpec, Test};
use hazard_core::{Category, Value};

use super::fact::{Fact, Rule, Subject, time};
use super::plant::Plant;
use crate::words;

pub(super) fn subjects(plant: &Plant<'_>) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = plant.site.sensors.iter().map(|spec| sensor(plant, spec)).collect();
    subjects.extend(plant.site.statuses.iter().map(|spec| status(plant, spec)));
    subjects
}

fn sensor(plant: &Plant<'_>, spec: &SensorSpec) -> Subject {
    let SensorSpec { point, current, drift } = spec;
    let mut facts = Vec::new();
    if let Some(Current { zero, full, hold }) = current {
        let ends = format!("{} – {}", plant.value(*point, *zero), plant.value(*point, *full));
        facts.push(Fact::member(("按 NE 43 判断断线和短路", "NE 43 limits"), "4–20 mA", Rule::Protects));
        facts.push(Fact::new(("4–20 mA", "4–20 mA"), ends, Rule::Sight));
        facts.push(Fact::sooner(("失效电流保持", "failure must last"), *hold));
    }
    if let Some(Drift { zero, band, limit, over, negative }) = drift {
        let value = |value: Value| plant.value(*point, value);
        facts.push(Fact::new(("零点", "zero"), value(*zero), Rule::Matters));
        facts.push(Fact::new(("安静带", "quiet within"), value(*band), Rule::Matters));
        facts.push(Fact::new(("漂移限", "drift limit"), value(*limit), Rule::Less(limit.get())));
        facts.push(Fact::sooner(("取平均", "mean over"), *over));
        if let Some(Negative { below, after }) = negative {
            facts.push(Fact::new(("负值限", "below zero by"), value(*below), Rule::Less(below.get())));
            facts.push(Fact::sooner(("负值持续", "below zero for"), *after));
        }
    }
    Subject { kind: ("传感器", "sensor"), name: plant.point(*point), rule: Rule::Protects, facts }
}

fn status(plant: &Plant<'_>, spec: &StatusSpec) -> Subject {
    let StatusSpec { source, test, of, trouble, category, limit } = spec;
    // A function check holds alarms; whatever else is told tells more.
    let rule = if *category == Category::FunctionCheck { Rule::Lessens } else { Rule::Protects };
    let of = of.iter().map(|point| plant.point(*point));
    let mut facts: Vec<Fact> = of.map(|tag| Fact::member(("说的是", "speaks of"), tag, rule)).collect();
    let name = words::category(*category);
    facts.push(Fact::new(("NE 107 分类", "NE 107 category"), name, Rule::Matters));
    if *category == Category::FunctionCheck {
        facts.push(Fact::new(("最长", "at most"), time(*limit), Rule::Less(limit.as_secs_f64())));
    }
    let name = format!("{} {} {}", plant.point(*source), test_words(test), words::trouble(*trouble));
    Subject { kind: ("状态", "status"), name, rule, facts }
}

fn test_words(test: &Test) -> String {
    let list =
        |values: &[Value]| values.iter().map(|value| value.get().to_string()).collect::<Vec<_>>().join(",");
    match test {
        Test::Bit(bit) => format!("bit {bit}"),
        Test::OneOf(values) => format!("= {}", list(values)),
        Test::NoneOf(values) => format!("≠ {}", list(values)),
        Test::Range(from, to) => format!("{}…{}", from.get(), to.get()),
    }
}
