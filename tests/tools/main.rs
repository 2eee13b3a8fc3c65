//! What a run of all tests left out: the last target, so that it is the last thing that a plain `cargo test --workspace` says.
#![cfg(test)]

use hazard_tests::tools;

#[test]
fn what_is_absent_here_is_said_at_the_end() {
    let absent = tools::absent();
    if absent.is_empty() {
        return;
    }
    assert!(std::env::var_os("HAZARD_REQUIRE_TOOLS").is_none(), "required and absent: {}", absent.join(", "));
    tools::say(&format!("{} tools are absent, and tests were skipped for the lack of them:", absent.len()));
    for tool in absent {
        tools::say(&format!("  {tool}"));
    }
}
