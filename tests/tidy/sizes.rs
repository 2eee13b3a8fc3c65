//! Sizes: what cannot be read in one sitting is not reviewed.

use crate::scan::{Function, words};
use crate::tree::{Exception, Finding, judge, sources};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;
const PARAMETERS_AIM: usize = 4;
const PARAMETERS_MAX: usize = 5;

const ALL: [&str; 3] = ["agent", "firmware", "tests"];

#[test]
fn no_file_is_longer_than_500_lines() {
    let long = |s: &crate::tree::Source| s.scanned.code.lines().count() > FILE_LINES_MAX;
    let found = sources(&ALL).iter().filter(|s| long(s)).map(|s| Finding::new(&s.path, 0, "file")).collect();
    judge("files of at most 500 lines", found, &[]);
}

#[test]
fn no_function_is_longer_than_60_lines() {
    const ALLOWED: &[Exception] = &[];
    let mut found = Vec::new();
    for source in sources(&ALL) {
        let long = source.scanned.functions().into_iter().filter(|f| f.lines > FUNCTION_LINES_MAX);
        found.extend(long.map(|f| Finding::new(&source.path, f.line, f.name)));
    }
    judge("functions of at most 60 lines", found, ALLOWED);
}

#[test]
fn a_function_takes_at_most_4_parameters() {
    /// Five at most, even here.
    const ALLOWED: &[Exception] = &[
        (
            "agent/core/src/poll/poller.rs",
            "charge",
            "private, one caller: the time, whose it is and what it bought",
        ),
        (
            "agent/daemon/src/uplink/mqtt/mod.rs",
            "spawn",
            "the composer's one call: whose, how, the will, and a channel each way",
        ),
    ];
    let mut found = Vec::new();
    for source in sources(&ALL) {
        // What proptest draws (`x in 0..9`) is not passed by position: nobody can swap two of them.
        let is_drawn = |f: &Function| f.parameters.iter().any(|p| words(p).any(|(_, word)| word == "in"));
        for function in source.scanned.functions().into_iter().filter(|f| !is_drawn(f)) {
            let count = function.parameters.len();
            assert!(count <= PARAMETERS_MAX, "{}:{}: {count} parameters", source.path, function.line);
            if count > PARAMETERS_AIM {
                found.push(Finding::new(&source.path, function.line, function.name));
            }
        }
    }
    judge("functions of at most 4 parameters besides self", found, ALLOWED);
}
