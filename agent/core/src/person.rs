//! Two persons are two: names are compared by what a reader makes of them. What is blank or invisible names nobody.

use alloc::string::String;

use crate::outbox::record::Refusal;

/// Whether a name has a letter or a digit: spaces and invisible characters name nobody.
#[must_use]
pub fn is_named(name: &str) -> bool {
    name.chars().any(char::is_alphanumeric)
}

/// Whether two names are the same person's: case, spaces, punctuation and invisible characters make no second person. Names that
/// only look alike are compared at the edge, which has the tables for it.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

/// Checks that another person approves.
///
/// # Errors
/// When either has no name, or both are one.
pub fn second(actor: &str, approver: &str) -> Result<(), Refusal> {
    if !is_named(actor) {
        return Err(Refusal::NoActor);
    }
    if !is_named(approver) {
        return Err(Refusal::NoApprover);
    }
    if is_same(actor, approver) { Err(Refusal::SecondPerson) } else { Ok(()) }
}

fn key(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_person_is_another_reader_s_name() {
        let cases = [
            ("Zhang", "Li", Ok(())),
            ("张三", "李四", Ok(())),
            ("Zhang", "Zhang", Err(Refusal::SecondPerson)),
            ("Zhang", "zhang", Err(Refusal::SecondPerson)),
            ("Zhang San", " zhang  san ", Err(Refusal::SecondPerson)),
            ("Zhang", "Zhang\u{200b}", Err(Refusal::SecondPerson)),
            ("Zhang", "Zhang.", Err(Refusal::SecondPerson)),
            ("Zhang", "", Err(Refusal::NoApprover)),
            ("Zhang", " \u{3000}", Err(Refusal::NoApprover)),
            ("Zhang", "\u{200b}", Err(Refusal::NoApprover)),
            ("Zhang", "--", Err(Refusal::NoApprover)),
            ("\u{200b}", "Zhang", Err(Refusal::NoActor)),
            ("", "Zhang", Err(Refusal::NoActor)),
        ];
        for (actor, approver, right) in cases {
            assert_eq!(second(actor, approver), right, "{actor:?} {approver:?}");
        }
    }
}
