//! The ledgers in the status document: what became of this run's polls and records, and whether the sums are even.

use hazard_core::outbox::Ledger;
use hazard_core::poll::PollCount;
use serde::{Deserialize, Serialize};

use super::render::said;
use super::status::Sum;
use super::texts::pick;
use crate::config::Lang;

/// What became of polls: scheduled = read + failed + skipped + open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PollRow {
    /// Polls that came due, and repetitions.
    pub scheduled: u64,
    /// Of those, asked again after a failure without being due.
    pub repeated: u64,
    /// Answered with values.
    pub read: u64,
    /// Asked and not answered with values.
    pub failed: u64,
    /// Passed without a request.
    pub skipped: u64,
    /// Being asked, or due and not asked yet.
    pub open: u64,
}

/// The sums over this run's polls and records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Polls of all devices.
    #[serde(default)]
    pub polls: PollRow,
    /// Given a number.
    pub offered: Sum,
    /// Made durable on disk.
    pub stored: Sum,
    /// Of those stored: taken by retention since.
    #[serde(default)]
    pub purged: Sum,
    /// On their way to the disk.
    pub waiting: Sum,
    /// Stated as lost to the journal.
    pub store_lost: Sum,
    /// All sums add up: polls, records, and records at each platform.
    pub even: bool,
}

impl From<PollCount> for PollRow {
    fn from(count: PollCount) -> Self {
        let PollCount { scheduled, read, failed, skipped, open, repeated } = count;
        Self { scheduled, repeated, read, failed, skipped, open }
    }
}

impl LedgerRow {
    pub(super) fn new(ledger: &Ledger, polls: impl Iterator<Item = PollCount>) -> Self {
        let (mut sum, mut even) = (PollCount::default(), ledger.is_even());
        for count in polls {
            even &= count.is_even();
            sum += count;
        }
        Self {
            polls: sum.into(),
            offered: ledger.offered.into(),
            stored: ledger.stored.into(),
            purged: ledger.purged.into(),
            waiting: ledger.waiting.into(),
            store_lost: ledger.store_lost.into(),
            even,
        }
    }

    /// Rows of the screen.
    pub(super) fn cells(&self, lang: Lang) -> Vec<Vec<String>> {
        let PollRow { scheduled, read, failed, skipped, open, repeated: _ } = self.polls;
        let even = if self.even {
            pick(lang, "○ 账目平", "○ the sums are even")
        } else {
            pick(lang, "■ 账目不平：请报告此问题", "■ the sums do not add up: please report this")
        };
        let polls = said(
            lang,
            &format!("轮询 {scheduled} = 读到 {read} + 失败 {failed} + 跳过 {skipped} + 在途 {open}"),
            &format!("polls {scheduled} = read {read} + failed {failed} + skipped {skipped} + open {open}"),
        );
        let (offered, stored) = (self.offered.records, self.stored.records);
        let (lost, waiting, purged) = (self.store_lost.records, self.waiting.records, self.purged.records);
        let records = said(
            lang,
            &format!("记录 {offered} = 已存 {stored} + 未存下 {lost} + 待存 {waiting}（已清 {purged}）"),
            &format!(
                "records {offered} = stored {stored} + lost {lost} + waiting {waiting} (purged {purged})"
            ),
        );
        [even.to_owned(), format!("  {polls}"), format!("  {records}")].map(|cell| vec![cell]).into()
    }
}
