//! What tells one device model from another: rows of expectations on raw registers, and how well answers bear them out.
//! It ranks what was read; it reads nothing itself.

use std::collections::BTreeMap;

use hazard_core::decode::decode;
use hazard_core::link::{Exception, LinkFault, ReadRequest, Table, Words};
use hazard_core::point::PointSpec;
use hazard_core::reading::{Quantity, Sample};
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::Lang;
use super::point::RegisterFile;

/// 特征的一行：读到什么才是这个型号；不写期望时只要求读得出。
/// A row of the signature: what a read must show; without an expectation it must only be readable.
#[derive(Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct MarkFile {
    #[serde(flatten)]
    pub(crate) register: RegisterFile,
    /// 应等于。 Must equal this.
    pub(crate) equals: Option<f64>,
    /// 应为其中之一。 Must be one of these.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) one_of: Option<Vec<f64>>,
    /// 应在 [最小, 最大] 之内。 Must be within [least, greatest].
    pub(crate) range: Option<[f64; 2]>,
    /// 应含有这段文本。 Must contain this text.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) text: Option<String>,
    /// 应等于被问的站号。 Must equal the unit address that is asked.
    pub(crate) own_unit: Option<bool>,
    /// 分量：命中加分，不符减分，默认 1。 What a hit adds and a miss takes, 1 unless told.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) weight: Option<u8>,
    /// 说明（中文）。 What it is, in Chinese.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) zh: String,
    /// 说明（英文）。 What it is, in English.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) en: String,
}

/// A device model as its template describes it.
#[derive(Clone, Debug)]
pub struct Model {
    /// The template's name.
    pub template: String,
    /// Who makes it.
    pub vendor: String,
    /// What its maker calls it.
    pub model: String,
    /// Its name in Chinese and in English.
    pub names: [String; 2],
    /// Where its registers were read.
    pub source: String,
    /// How many points it has.
    pub points: usize,
    /// Its signature.
    pub marks: Vec<Mark>,
}

/// A row of a signature.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Where it is read, as a point that nobody polls.
    pub(super) spec: PointSpec,
    /// What must be read.
    pub expect: Expect,
    /// What a hit adds and a miss takes.
    pub weight: u8,
    /// What it is, in Chinese and in English.
    pub words: [String; 2],
}

/// What a row expects.
#[derive(Clone, PartialEq, Debug)]
pub enum Expect {
    /// Anything that can be read.
    Readable,
    /// One of these numbers.
    OneOf(Vec<f64>),
    /// A number from the first to the second.
    Within(f64, f64),
    /// A text that contains this.
    Text(String),
    /// The unit address that was asked.
    OwnUnit,
}

impl Mark {
    /// The read that shows it.
    #[must_use]
    pub fn request(&self, unit: u8) -> ReadRequest {
        let (first, last) = self.spec.source.span();
        ReadRequest { unit, table: self.spec.source.table, start: first, count: last - first + 1 }
    }

    /// The reference of its first register as manuals write it, such as `40001`.
    #[must_use]
    pub fn reference(&self) -> String {
        let digit = match self.spec.source.table {
            Table::Coil => 0,
            Table::Discrete => 1,
            Table::Input => 3,
            Table::Holding => 4,
        };
        let number = u32::from(self.spec.source.address) + 1;
        if number > 9_999 { format!("{digit}{number:05}") } else { format!("{digit}{number:04}") }
    }

    fn judge(&self, unit: u8, answer: Option<&Answer>) -> (Seen, Standing) {
        let words = match answer {
            None => return (Seen::Nothing, Standing::NotHeard),
            Some(Err(LinkFault::Refused(exception))) if is_verdict(*exception) => {
                return (Seen::Refusal(*exception), Standing::Refused);
            }
            Some(Err(LinkFault::Refused(exception))) => {
                return (Seen::Refusal(*exception), Standing::NotHeard);
            }
            Some(Err(LinkFault::Silent | LinkFault::Garbled | LinkFault::Gone)) => {
                return (Seen::Nothing, Standing::NotHeard);
            }
            Some(Ok(words)) => words,
        };
        let sample = decode(&self.spec, words, self.spec.source.span().0);
        let seen = Seen::from(sample);
        let fits = self.expect.fits(unit, &seen);
        (seen, if fits { Standing::Hit } else { Standing::Miss })
    }
}

impl Expect {
    fn fits(&self, unit: u8, seen: &Seen) -> bool {
        match (self, seen) {
            (_, Seen::Nothing | Seen::Refusal(_) | Seen::Nonsense) => false,
            (Self::Readable, Seen::Number(_)) => true,
            (Self::Readable, Seen::Text(text)) => !text.is_empty(),
            (Self::OneOf(all), Seen::Number(number)) => all.contains(number),
            (Self::Within(low, high), Seen::Number(number)) => (*low..=*high).contains(number),
            (Self::OwnUnit, Seen::Number(number)) => (*number - f64::from(unit)).abs() < f64::EPSILON,
            (Self::Text(part), Seen::Text(text)) => text.contains(part.as_str()),
            (Self::Text(_), Seen::Number(_))
            | (Self::OneOf(_) | Self::Within(..) | Self::OwnUnit, Seen::Text(_)) => false,
        }
    }

    /// What it expects, in words.
    #[must_use]
    pub fn told(&self, lang: Lang) -> String {
        let zh = lang == Lang::Zh;
        match self {
            Self::Readable => if zh { "读得出" } else { "readable" }.to_owned(),
            Self::OneOf(all) => all.iter().map(f64::to_string).collect::<Vec<_>>().join(" / "),
            Self::Within(low, high) => format!("{low} … {high}"),
            Self::Text(text) => format!("\"{text}\""),
            Self::OwnUnit => if zh { "站号" } else { "the unit address" }.to_owned(),
        }
    }
}

/// Whether a refusal says that the device has no such register; a busy device and a gateway's own words say nothing of it.
const fn is_verdict(exception: Exception) -> bool {
    matches!(exception, Exception::IllegalFunction | Exception::IllegalAddress | Exception::IllegalValue)
}

/// Whether the device itself answered, with values or with a refusal of its own.
#[must_use]
pub const fn is_heard(answer: &Answer) -> bool {
    !matches!(
        answer,
        Err(LinkFault::Silent
            | LinkFault::Garbled
            | LinkFault::Gone
            | LinkFault::Refused(Exception::GatewayPath | Exception::GatewayTarget))
    )
}

/// What came of a read.
pub type Answer = Result<Words, LinkFault>;

/// What was read, by the read.
pub type Answers = BTreeMap<(Table, u16, u16), Answer>;

/// What a row was read as.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Registers that are no number or text of this type.
    Nonsense,
    /// The device refused.
    Refusal(Exception),
    /// No answer, or it was not asked.
    Nothing,
}

impl From<Sample> for Seen {
    fn from(sample: Sample) -> Self {
        match sample {
            Sample::Good(quantity) | Sample::Suspect(quantity, _) => match quantity {
                Quantity::Number(value) => Self::Number(value.get()),
                Quantity::Text(text) => Self::Text(text.to_string()),
            },
            Sample::Bad(_) => Self::Nonsense,
        }
    }
}

/// Where a row stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// As expected: its weight speaks for the model.
    Hit,
    /// Something else: its weight speaks against it.
    Miss,
    /// The device has no such register: its weight speaks against the model.
    Refused,
    /// Nothing is known, which speaks for nothing.
    NotHeard,
}

/// A row of a signature with what was read.
#[derive(Clone, Debug)]
pub struct Evidence<'m> {
    /// The row.
    pub mark: &'m Mark,
    /// What was read.
    pub seen: Seen,
    /// Where it stands.
    pub standing: Standing,
}

/// How well a model fits.
#[derive(Clone, Debug)]
pub struct Candidate<'m> {
    /// The model.
    pub model: &'m Model,
    /// The weights of its hits less those of its misses and refusals.
    pub score: i32,
    /// All its weights: the best score it could have.
    pub full: i32,
    /// Row by row.
    pub evidence: Vec<Evidence<'m>>,
}

/// The reads that show all signatures, each once, those of weighty rows first.
#[must_use]
pub fn reads(models: &[Model], unit: u8) -> Vec<ReadRequest> {
    let mut weights: BTreeMap<(Table, u16, u16), u8> = BTreeMap::new();
    for mark in models.iter().flat_map(|model| &model.marks) {
        let weight = weights.entry(key(&mark.request(unit))).or_default();
        *weight = (*weight).max(mark.weight);
    }
    let mut sorted: Vec<_> = weights.into_iter().collect();
    sorted.sort_by_key(|(key, weight)| (std::cmp::Reverse(*weight), *key));
    sorted.into_iter().map(|((table, start, count), _)| ReadRequest { unit, table, start, count }).collect()
}

/// A read's place among [`Answers`].
#[must_use]
pub const fn key(request: &ReadRequest) -> (Table, u16, u16) {
    (request.table, request.start, request.count)
}

/// The models, best first.
#[must_use]
pub fn rank<'m>(models: &'m [Model], unit: u8, answers: &Answers) -> Vec<Candidate<'m>> {
    let mut ranked: Vec<_> = models.iter().map(|model| candidate(model, unit, answers)).collect();
    // Of two with the same score the one that left less open goes first.
    ranked.sort_by(|a, b| {
        (b.score, a.full).cmp(&(a.score, b.full)).then_with(|| a.model.template.cmp(&b.model.template))
    });
    ranked
}

fn candidate<'m>(model: &'m Model, unit: u8, answers: &Answers) -> Candidate<'m> {
    let mut found = Candidate { model, score: 0, full: 0, evidence: Vec::new() };
    for mark in &model.marks {
        let (seen, standing) = mark.judge(unit, answers.get(&key(&mark.request(unit))));
        let weight = i32::from(mark.weight);
        found.full += weight;
        found.score += match standing {
            Standing::Hit => weight,
            Standing::Miss | Standing::Refused => -weight,
            Standing::NotHeard => 0,
        };
        found.evidence.push(Evidence { mark, seen, standing });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::models;

    const UNIT: u8 = 3;

    fn known(name: &str) -> Vec<Model> {
        let all = models(std::path::Path::new("/nowhere/site.toml")).unwrap_or_else(|_| panic!("embedded"));
        let mut found: Vec<_> = all.into_iter().filter(|model| model.template == name).collect();
        assert_eq!(found.len(), 1);
        found.truncate(1);
        found
    }

    fn answered(registers: &[(u16, Answer)]) -> Answers {
        let place = |(start, answer): &(u16, Answer)| {
            let count = answer.as_ref().map_or(1, |words| match words {
                Words::Registers(registers) => registers.len(),
                Words::Bits(bits) => bits.len(),
            });
            ((Table::Holding, *start, u16::try_from(count).unwrap()), answer.clone())
        };
        registers.iter().map(place).collect()
    }

    fn one(word: u16) -> Answer {
        Ok(Words::Registers(vec![word]))
    }

    #[test]
    fn a_hit_speaks_for_a_model_and_a_miss_or_a_refusal_against_it() {
        let models = known("honeywell-sensepoint-xcl");
        let score = |answer| {
            let answers = answered(&[(100, answer)]);
            let found = rank(&models, UNIT, &answers).remove(0);
            let identity: Vec<_> = found
                .evidence
                .iter()
                .filter(|row| row.mark.request(UNIT).start == 100)
                .map(|row| row.standing)
                .collect();
            (found.score.signum(), identity)
        };
        assert_eq!(score(one(0x2603)), (1, vec![Standing::Hit; 2]));
        assert_eq!(score(one(0x1107)), (-1, vec![Standing::Miss; 2]));
        let refused = Err(LinkFault::Refused(Exception::IllegalAddress));
        assert_eq!(score(refused), (-1, vec![Standing::Refused; 2]));
        for nobody in [LinkFault::Silent, LinkFault::Refused(Exception::GatewayTarget)] {
            assert_eq!(score(Err(nobody)), (0, vec![Standing::NotHeard; 2]));
            assert!(!is_heard(&Err(nobody)));
        }
        assert!(is_heard(&Err(LinkFault::Refused(Exception::Busy))));
    }

    #[test]
    fn a_register_that_repeats_the_unit_address_is_compared_with_the_one_asked() {
        let models = known("honeywell-sensepoint-xcl");
        let standing = |word| {
            let found = rank(&models, UNIT, &answered(&[(100, one(word))])).remove(0);
            let mut own = found.evidence.iter().filter(|row| row.mark.expect == Expect::OwnUnit);
            own.next().map(|row| row.standing)
        };
        assert_eq!(standing(0x2603), Some(Standing::Hit));
        assert_eq!(standing(0x2604), Some(Standing::Miss));
    }

    #[test]
    fn each_register_is_read_once_and_the_weightiest_first() {
        let models =
            models(std::path::Path::new("/nowhere/site.toml")).unwrap_or_else(|_| panic!("embedded"));
        let reads = reads(&models, UNIT);
        let mut keys: Vec<_> = reads.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), reads.len());
        let weight = |read: &ReadRequest| {
            let marks = models.iter().flat_map(|model| &model.marks);
            marks.filter(|mark| mark.request(UNIT) == *read).map(|mark| mark.weight).max()
        };
        assert!(reads.iter().map(weight).is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn references_are_written_as_manuals_write_them() {
        let reference = |name: &str| known(name)[0].marks[0].reference();
        assert_eq!(reference("honeywell-sensepoint-xcl"), "40101");
    }
}
