//! What somebody was shown, as a word that he brings back: the epoch and the revision of a status. Nobody but the agent reads it.

use hazard_core::Snapshot;
use hazard_core::id::Epoch;

/// The word of this moment.
pub(crate) fn of(snapshot: &Snapshot) -> String {
    format!("{}-{}", snapshot.epoch, snapshot.revision)
}

/// The revision in a word of this epoch.
pub(crate) fn revision(word: &str, epoch: Epoch) -> Option<u64> {
    word.strip_prefix(&epoch.to_string())?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_in_its_own_epoch_only() {
        let word = format!("{}-17", Epoch(42));
        assert_eq!(revision(&word, Epoch(42)), Some(17));
        assert_eq!(revision(&word, Epoch(43)), None);
        for other in ["", "17", "-17", "x-17", &format!("{}-", Epoch(42)), &format!("{}17", Epoch(42))] {
            assert_eq!(revision(other, Epoch(42)), None, "{other}");
        }
    }
}
