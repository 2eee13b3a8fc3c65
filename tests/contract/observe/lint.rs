//! A strict reader of OpenMetrics text 1.0 with this project's naming rules: what it accepts, Prometheus takes.

use std::collections::BTreeSet;

/// One line of values.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    unit: String,
    series: Vec<Series>,
}

const UNITS: [&str; 3] = ["seconds", "bytes", "readings"];
const NOT_BASE: [&str; 8] = ["ms", "us", "millis", "milliseconds", "minutes", "kb", "mb", "percent"];

/// All series of a page.
///
/// # Errors
/// What is wrong with it.
pub(super) fn page(text: &str) -> Result<Vec<Series>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("the page does not end with # EOF")?;
    if body.contains("# EOF") {
        return Err("something follows # EOF".into());
    }
    let (mut all, mut seen, mut family) = (Vec::new(), BTreeSet::new(), Family::default());
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            all.append(&mut close(std::mem::take(&mut family))?);
            let (name, help) = rest.split_once(' ').ok_or(format!("no help: {line}"))?;
            if help.is_empty() || !seen.insert(name.to_owned()) {
                return Err(format!("no help, or the family comes twice: {line}"));
            }
            family.name = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family.kind = about(&family, rest)?;
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            family.unit = about(&family, rest)?;
        } else {
            family.series.push(series(line).ok_or(format!("not a series: {line}"))?);
        }
    }
    all.append(&mut close(family)?);
    let mut keys = BTreeSet::new();
    match all.iter().find(|one| !keys.insert((one.name.clone(), one.labels.clone()))) {
        Some(twice) => Err(format!("twice: {twice:?}")),
        None => Ok(all),
    }
}

fn about(family: &Family, rest: &str) -> Result<String, String> {
    let (name, word) = rest.split_once(' ').ok_or(format!("no word: {rest}"))?;
    let early = family.series.is_empty() && name == family.name;
    early.then(|| word.to_owned()).ok_or(format!("out of its place: {rest}"))
}

fn close(family: Family) -> Result<Vec<Series>, String> {
    if family.name.is_empty() {
        return if family.series.is_empty() { Ok(Vec::new()) } else { Err("series without a family".into()) };
    }
    let Family { name, kind, unit, series } = family;
    let words: Vec<_> = name.split('_').collect();
    if words[0] != "hazard" || !words.iter().all(|word| is_word(word)) {
        return Err(format!("not a name: {name}"));
    }
    let last = *words.last().unwrap();
    if last == "total" || words.iter().any(|word| NOT_BASE.contains(word)) {
        return Err(format!("a suffix in the family's name, or not a base unit: {name}"));
    }
    if (UNITS.contains(&last) || !unit.is_empty()) && last != unit {
        return Err(format!("unit {unit:?} of {name}"));
    }
    let suffixes: &[&str] = match kind.as_str() {
        "gauge" => &[""],
        "counter" => &["_total"],
        "info" => &["_info"],
        "histogram" => &["_sum", "_count", "_bucket"],
        _ => return Err(format!("type {kind:?} of {name}")),
    };
    for one in &series {
        let suffix = one.name.strip_prefix(&name).ok_or(format!("{} among {name}", one.name))?;
        if !suffixes.contains(&suffix) || (kind != "gauge" && !(one.value >= 0.0)) {
            return Err(format!("{one:?} in a {kind}"));
        }
    }
    if kind == "histogram" {
        rising(&name, &series)?
    }
    Ok(series)
}

fn rising(name: &str, series: &[Series]) -> Result<(), String> {
    let buckets: Vec<_> = series.iter().filter(|one| one.name.ends_with("_bucket")).collect();
    let bound = |one: &&Series| match one.labels.as_slice() {
        [(le, bound)] if le == "le" => bound.replace("+Inf", "inf").parse::<f64>().ok(),
        _ => None,
    };
    let rises =
        buckets.windows(2).all(|pair| bound(&pair[0]) < bound(&pair[1]) && pair[0].value <= pair[1].value);
    let count = series.iter().find(|one| one.name.ends_with("_count")).map(|one| one.value);
    let last = buckets.last().filter(|one| bound(one) == Some(f64::INFINITY)).map(|one| one.value);
    (rises && last.is_some() && last == count).then_some(()).ok_or(format!("buckets of {name}"))
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn series(line: &str) -> Option<Series> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !key.split('_').all(is_word) || labels.iter().any(|(known, _)| known == key) {
                return None;
            }
            labels.push((key.to_owned(), value));
            match after.split_at_checked(1)? {
                (",", after) => rest = after,
                ("}", after) => {
                    rest = after;
                    break;
                }
                _ => return None,
            }
        }
    }
    let value = rest.strip_prefix(' ')?;
    let finite = value.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(Series { name: name.to_owned(), labels, value: finite })
}

/// The value up to its closing quote, and what follows; only the three escapes of the format exist.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match chars.next()?.1 {
                'n' => '\n',
                '\\' => '\\',
                '"' => '"',
                _ => return None,
            }),
            (_, c) => value.push(c),
        }
    }
}

#[test]
fn the_linter_takes_a_good_page_and_none_of_the_bad_ones() {
    let good = "# HELP hazard_a_seconds A.\n# TYPE hazard_a_seconds gauge\n# UNIT hazard_a_seconds seconds\nhazard_a_seconds{b=\"\\\"\\\\\\n值\"} 1.5\n# EOF\n";
    let series = page(good).unwrap();
    assert_eq!(series[0].labels, [("b".to_owned(), "\"\\\n值".to_owned())]);
    for (from, to) in [
        ("# EOF\n", ""),
        ("# EOF\n", "# EOF\n\n"),
        (" A.\n", " \n"),
        ("# HELP hazard_a_seconds A.\n", ""),
        ("gauge", "counter"),
        ("gauge", "gage"),
        ("# UNIT hazard_a_seconds seconds\n", ""),
        ("# UNIT hazard_a_seconds seconds", "# UNIT hazard_a_seconds bytes"),
        ("hazard_a_seconds", "hazard_A_seconds"),
        ("hazard_a_seconds", "hazard_a_ms"),
        ("hazard_a", "dust_a"),
        ("\\n", "\n"),
        ("\\n", "\\t"),
        ("\\\"", "\""),
        ("} 1.5", "} NaN"),
        ("} 1.5", "}1.5"),
        ("} 1.5\n", "} 1.5\n\n"),
        ("} 1.5\n", "} 1.5\nhazard_a_seconds{b=\"\\\"\\\\\\n值\"} 2\n"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from:?} is not in the page");
        assert!(page(&bad).is_err(), "{from:?} -> {to:?} was accepted");
    }
}
