//! Signatures of templates: where each row is read is lowered like a point; what it expects is checked here.

use std::time::Duration;

use hazard_core::Value;
use hazard_core::id::DeviceId;
use hazard_core::point::{PointSpec, Report, Shape, Source};

use super::tag::{Draft, Place};
use crate::config::catalogue::Code;
use crate::config::device::TemplateHead;
use crate::config::error::{Fault, args};
use crate::config::point::{PointFile, RegisterFile, TableKey, TypeKey};
use crate::config::signature::{Expect, Mark, MarkFile};
use crate::config::tree::Node;

/// A row of a signature, or everything that is wrong with it.
pub(super) fn mark(head: &TemplateHead, node: Node<'_>, file: MarkFile) -> Result<Mark, Vec<Fault>> {
    let kind = file.register.kind.or_else(|| usual_type(&file.register));
    let register = RegisterFile { kind, ..file.register.clone() };
    let point = PointFile { register, ..PointFile::default() };
    let mut draft = Draft {
        tag: "signature".to_owned(),
        file: point,
        place: Place::of_template(node),
        template_base: head.address_base,
        default_order: head.order,
        profile: None,
        faults: Vec::new(),
    };
    let source = draft.source();
    let expect = expectation(&mut draft, &file, source.map(|source| source.shape));
    match (source, expect) {
        (Some(source), Some(expect)) if draft.faults.is_empty() => Ok(Mark {
            spec: spec(source),
            expect,
            weight: file.weight.unwrap_or(1),
            words: [file.zh, file.en],
        }),
        _ => Err(draft.faults),
    }
}

/// What a row without a type reads: a register, or where every address is a bit, that bit.
fn usual_type(register: &RegisterFile) -> Option<TypeKey> {
    let bits = matches!(register.table, Some(TableKey::Coil | TableKey::Discrete))
        || register.reference.as_ref().is_some_and(|reference| reference.starts_with(['0', '1']));
    (!bits).then_some(TypeKey::U16)
}

fn expectation(draft: &mut Draft<'_>, file: &MarkFile, shape: Option<Shape>) -> Option<Expect> {
    let mut told = [
        ("equals", file.equals.map(|number| Expect::OneOf(vec![number]))),
        ("one_of", file.one_of.clone().map(Expect::OneOf)),
        ("range", file.range.map(|[low, high]| Expect::Within(low, high))),
        ("text", file.text.clone().map(Expect::Text)),
        ("own_unit", file.own_unit.filter(|own| *own).map(|_| Expect::OwnUnit)),
    ]
    .into_iter()
    .filter_map(|(key, expect)| Some((key, expect?)));
    let Some((key, expect)) = told.next() else { return Some(Expect::Readable) };
    if let Some((second, _)) = told.next() {
        let fault = Fault::new(Code::TwoExpectations, draft.place.at(second), args![key, second]);
        draft.faults.push(fault.against(draft.place.at(key)));
        return None;
    }
    if let Expect::Within(low, high) = expect
        && low >= high
    {
        draft.fault(Code::RangeReversed, key, args![low, high]);
        return None;
    }
    let is_text = matches!(shape?, Shape::Text(_));
    if is_text != matches!(expect, Expect::Text(_)) {
        let kind = if is_text { "text" } else { "number / bit" };
        draft.fault(Code::ExpectationAgainstType, key, args![key, kind]);
        return None;
    }
    Some(expect)
}

/// A point that nobody polls: its source, and nothing that changes what is read.
fn spec(source: Source) -> PointSpec {
    PointSpec {
        tag: "signature".into(),
        device: DeviceId(0),
        source,
        scale: 1.0,
        offset: 0.0,
        range: None,
        sentinels: Vec::new(),
        period: Duration::from_secs(1),
        stale_after: Duration::from_secs(3),
        report: Report { deadband: Value::ZERO, heartbeat: Duration::from_secs(60) },
        safety: false,
        interlock: false,
        button: None,
    }
}
