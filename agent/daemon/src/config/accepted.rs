//! Warnings that a site accepts: as written, and as they are shown.

use schemars::JsonSchema;
use serde::Deserialize;

/// 已确认的警告：知道，有理由不改。 A warning that is known and stays as it is.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptedFile {
    /// 警告的名称，照 hazard check 显示的书写，例如 "gas_not_latched"。 Its name as hazard check shows it, such as "gas_not_latched".
    #[schemars(length(min = 1, max = 64))]
    pub(crate) warning: String,
    /// 是谁的警告，照 hazard check 显示的书写，例如 "GT-101:high_high"。 What it is of, as hazard check shows it, such as "GT-101:high_high".
    #[schemars(length(min = 1, max = 256))]
    pub(crate) of: String,
    /// 理由，会显示在 hazard plan 里。 The reason; hazard plan shows it.
    #[schemars(length(min = 1, max = 256))]
    pub(crate) reason: String,
}

/// A warning that the site file accepts with a reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Its name.
    pub warning: String,
    /// What it is of.
    pub of: String,
    /// Why it stays.
    pub reason: String,
    /// What it says, Chinese and English.
    pub message: [String; 2],
}
