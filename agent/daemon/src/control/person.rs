//! What a name is worth: whoever may open the socket says who he is, so two names must at least be two to a reader. Every name
//! that a person gives passes here, once, before anything is done.

use hazard_core::person::{is_named, is_same};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::{Answer, Ask, Configure, Deed, Refused};

/// Why a name is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misnamed {
    /// The name as it came, with what is invisible written out.
    pub name: String,
    /// One of `no_actor`, `hidden_character` and `look_alike`.
    pub why: &'static str,
    /// The number of the hidden character.
    pub code: Option<u32>,
}

/// The question with names in one form; an answer where a name is not one.
pub(super) fn named(ask: Ask) -> Result<Ask, Answer> {
    Ok(match ask {
        Ask::Status => Ask::Status,
        Ask::Act { actor, deed, note } => {
            let refused = |Misnamed { name, why, code }: Misnamed| {
                let max = code.map(u64::from);
                let refused = vec![Refused { subject: name, why: why.to_owned(), max }];
                Answer::Done { changed: 0, alarms: Vec::new(), refused, test: None }
            };
            let (actor, deed) = of_deed(&actor, deed).map_err(refused)?;
            Ask::Act { actor, deed, note }
        }
        Ask::Configure(configure) => {
            let refused = |misnamed: Misnamed| Answer::NotConfigured {
                why: misnamed.why.to_owned(),
                detail: misnamed.detail(),
            };
            Ask::Configure(of_configure(configure).map_err(refused)?)
        }
    })
}

/// Who acts and who approves, in one form; an approver that is blank is none.
///
/// # Errors
/// When the actor has no name, a name has what nobody sees, or the approver's only looks like another one.
pub fn pair(actor: &str, approver: Option<&str>) -> Result<(String, Option<String>), Misnamed> {
    let actor = name(actor)?;
    if !is_named(&actor) {
        return Err(Misnamed { name: shown(&actor), why: "no_actor", code: None });
    }
    let approver = approver.map(name).transpose()?.filter(|approver| is_named(approver));
    match approver {
        // Names that are the same are one person's, who may approve where nobody else is needed.
        Some(approver) if !is_same(&actor, &approver) && is_look_alike(&actor, &approver) => {
            Err(Misnamed { name: shown(&approver), why: "look_alike", code: None })
        }
        approver => Ok((actor, approver)),
    }
}

impl Misnamed {
    /// The name, and the hidden character where there is one.
    #[must_use]
    pub fn detail(&self) -> String {
        let code = self.code.map_or_else(String::new, |code| format!(" U+{code:04X}"));
        format!("{}{code}", self.name)
    }
}

fn of_deed(actor: &str, mut deed: Deed) -> Result<(String, Deed), Misnamed> {
    let actor = match &mut deed {
        Deed::Bypass { approver, .. } => {
            let (actor, named) = pair(actor, Some(approver))?;
            *approver = named.unwrap_or_default();
            actor
        }
        Deed::Send { approver, .. } | Deed::BeginTest { approver, .. } => {
            let (actor, named) = pair(actor, approver.as_deref())?;
            *approver = named;
            actor
        }
        Deed::Silence { .. }
        | Deed::Acknowledge { .. }
        | Deed::Reset { .. }
        | Deed::Handle { .. }
        | Deed::Shelve { .. }
        | Deed::Unshelve { .. }
        | Deed::Rearm { .. }
        | Deed::Answer { .. }
        | Deed::ResetTrip { .. }
        | Deed::ResetRetentive
        | Deed::GasOn { .. }
        | Deed::GasOff { .. }
        | Deed::FinishTest { .. }
        | Deed::AbortTest { .. } => pair(actor, None)?.0,
    };
    Ok((actor, deed))
}

fn of_configure(mut configure: Configure) -> Result<Configure, Misnamed> {
    match &mut configure {
        Configure::Apply { actor, approver, .. } | Configure::Rollback { actor, approver, .. } => {
            (*actor, *approver) = pair(actor, approver.as_deref())?;
        }
        Configure::Confirm { actor, .. } => *actor = pair(actor, None)?.0,
    }
    Ok(configure)
}

/// A name in the form in which names are kept: compatible characters are one (NFKC), spaces single and none at the ends.
fn name(raw: &str) -> Result<String, Misnamed> {
    if let Some(hidden) = raw.chars().find(|c| is_hidden(*c)) {
        return Err(Misnamed { name: shown(raw), why: "hidden_character", code: Some(hidden.into()) });
    }
    let spaced: String = raw.nfkc().collect();
    Ok(spaced.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether nobody sees the character, or nobody knows what is seen.
fn is_hidden(c: char) -> bool {
    // Letters and marks by their category that have no shape: fillers, joiners and selectors of variants, and blank Braille.
    let shapeless = matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}');
    shapeless
        || matches!(
            get_general_category(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        )
}

/// Whether two names are confused by whoever reads them, in either case of their letters (UTS #39, clause 4).
fn is_look_alike(one: &str, other: &str) -> bool {
    let bones = |text: &str| skeleton(text).collect::<String>();
    let lower = |text: &str| bones(&text.to_lowercase());
    bones(one) == bones(other) || lower(one) == lower(other) || lower(&bones(one)) == lower(&bones(other))
}

fn shown(name: &str) -> String {
    let written = |c: char| if is_hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    name.chars().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No second person beside Zhang, each with the reason.
    const NOBODY: [(&str, &str); 12] = [
        ("", "no_approver"),
        (" \u{3000}\u{a0}", "no_approver"),
        ("Zhang", "second_person"),
        ("zhang", "second_person"),
        ("Ｚhang", "second_person"),
        ("  Zhang ", "second_person"),
        ("Zhang\u{200b}", "hidden_character"),
        ("\u{200b}", "hidden_character"),
        ("Zh\u{202e}ang", "hidden_character"),
        ("\u{3164}", "hidden_character"),
        ("Zhаng", "look_alike"),
        ("ΖHANG", "look_alike"),
    ];

    /// Every question that takes an approver, with this one.
    fn approved_by(approver: &str) -> Vec<Ask> {
        let some = Some(approver.to_owned());
        let (actor, note) = ("Zhang".to_owned(), String::new());
        let act = |deed| Ask::Act { actor: actor.clone(), deed, note: note.clone() };
        let configure = |actor: &String, note: &String| Configure::Apply {
            actor: actor.clone(),
            approver: some.clone(),
            note: note.clone(),
            text: String::new(),
            templates: std::collections::BTreeMap::new(),
            within_s: 1,
        };
        let roll_back = Configure::Rollback {
            actor: actor.clone(),
            approver: some.clone(),
            note: note.clone(),
            to: None,
            within_s: 1,
        };
        let duty = super::super::DutyWord::ProofTest;
        vec![
            act(Deed::Bypass {
                point: "P".to_owned(),
                approver: approver.to_owned(),
                lasts_s: 1,
                whole_vote: false,
            }),
            act(Deed::Send { command: "C".to_owned(), value: None, approver: some.clone() }),
            act(Deed::BeginTest { point: "P".to_owned(), duty, approver: some.clone(), applied: None }),
            Ask::Configure(configure(&actor, &note)),
            Ask::Configure(roll_back),
        ]
    }

    fn people(ask: &Ask) -> (String, String) {
        let json = serde_json::to_value(ask).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let approver = [&json["approver"], &json["deed"]["approver"]].map(text).concat();
        (text(&json["actor"]), approver)
    }

    fn why(answer: &Answer) -> &str {
        match answer {
            Answer::Done { changed: 0, refused, .. } => &refused[0].why,
            Answer::NotConfigured { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nobody_is_a_second_person_by_another_spelling_wherever_one_approves() {
        for (approver, right) in NOBODY {
            for ask in approved_by(approver) {
                let found = match named(ask.clone()) {
                    Err(answer) => why(&answer).to_owned(),
                    Ok(ask) => {
                        let (actor, approver) = people(&ask);
                        match hazard_core::person::second(&actor, &approver) {
                            Err(refusal) => crate::words::refusal(refusal).to_owned(),
                            Ok(()) => "accepted".to_owned(),
                        }
                    }
                };
                assert_eq!(found, right, "{approver:?} {ask:?}");
            }
        }
    }

    #[test]
    fn two_names_pass_and_are_kept_in_one_form() {
        for (approver, kept) in
            [("Li Si", "Li Si"), (" Ｌi \u{3000} Si ", "Li Si"), ("张三", "张三"), ("李-2", "李-2")]
        {
            for ask in approved_by(approver) {
                assert_eq!(people(&named(ask).unwrap()), ("Zhang".to_owned(), kept.to_owned()));
            }
        }
    }

    #[test]
    fn whoever_acts_has_a_name_that_is_seen() {
        for (actor, right) in
            [("", "no_actor"), (" ", "no_actor"), ("...", "no_actor"), ("\u{200b}", "hidden_character")]
        {
            let acts = [
                Ask::Act {
                    actor: actor.to_owned(),
                    deed: Deed::Silence { alarm: None },
                    note: String::new(),
                },
                Ask::Configure(Configure::Confirm { actor: actor.to_owned(), note: String::new() }),
            ];
            for ask in acts {
                assert_eq!(why(&named(ask).unwrap_err()), right, "{actor:?}");
            }
        }
    }
}
