//! Words that must not be in shipped code, or anywhere.

use crate::tree::{Exception, Finding, Source, judge, sources};

const EVERYWHERE: [&str; 3] = ["#[ignore", "todo!", "dbg!"];

const SHIPPED: [&str; 6] =
    [".unwrap()", ".expect(", "panic!", "unimplemented!", "unreachable!", "std::process::exit"];

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    let found = search(&sources(&["agent", "firmware", "tests"]), &EVERYWHERE, |_, _| true);
    judge("no #[ignore], todo! or dbg!", found, &[]);
}

#[test]
fn shipped_code_does_not_unwrap_or_panic() {
    const ALLOWED: &[Exception] =
        &[("agent/daemon/src/tls.rs", "panic!", "in a const: it stops the build, never the agent")];
    let found = search(&sources(&["agent", "firmware"]), &SHIPPED, Source::is_shipped);
    judge("no unwrap, expect or panic outside tests", found, ALLOWED);
}

#[test]
fn nothing_sleeps_a_thread_to_wait_for_another() {
    const ALLOWED: &[Exception] = &[(
        "agent/daemon/src/journal/segment.rs",
        "thread::sleep",
        "sled's file lock can only be asked again, on the journal's own thread",
    )];
    let found = search(&sources(&["agent", "firmware"]), &["thread::sleep"], Source::is_shipped);
    judge("shipped code waits for a condition with a limit", found, ALLOWED);
}

fn search(sources: &[Source], banned: &[&str], counts: impl Fn(&Source, usize) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        for (number, text) in (1..).zip(source.scanned.code.lines()) {
            let named = banned.iter().filter(|word| counts(source, number) && holds(text, word));
            found.extend(named.map(|word| Finding::new(&source.path, number, *word)));
        }
    }
    found
}

/// Whether the text is there and not the end of a longer word.
fn holds(text: &str, word: &str) -> bool {
    let starts_word = word.starts_with(char::is_alphabetic);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !starts_word || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}
