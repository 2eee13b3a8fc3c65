//! What is wrong with the site file while the last good configuration runs.

use serde::{Deserialize, Serialize};

use super::texts::pick;
use crate::config::{Lang, Report};

/// Faults that are told; `hazard check` tells all.
const TOLD_MAX: usize = 3;

/// A site file that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SiteFile {
    /// The file.
    pub file: String,
    /// How many faults it has; none when it was corrected and is not in force yet.
    pub faults: usize,
    /// The first of them.
    pub first: Vec<SiteFault>,
}

/// One of its faults.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SiteFault {
    /// File, line and column, as an editor takes it.
    pub at: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl SiteFile {
    /// A file with the faults of a report.
    #[must_use]
    pub fn of_report(file: String, report: &Report) -> Self {
        let told = report.faults().iter().take(TOLD_MAX).map(|fault| {
            let (file, line, column) = report.place(fault);
            let at = format!("{}:{line}:{column}", file.display());
            SiteFault { at, zh: fault.message(Lang::Zh), en: fault.message(Lang::En) }
        });
        Self { first: told.collect(), faults: report.faults().len(), file }
    }

    /// A faultless file that cannot be run, and why.
    #[must_use]
    pub fn of_obstacles(file: String, (zh, en): (Vec<String>, Vec<String>)) -> Self {
        let faults = zh.len();
        let told = zh.into_iter().zip(en).map(|(zh, en)| SiteFault { at: file.clone(), zh, en });
        Self { first: told.take(TOLD_MAX).collect(), faults, file }
    }

    pub(super) fn lines(&self, lang: Lang) -> Vec<String> {
        let runs = pick(lang, "正按上一份有效配置运行", "the last good configuration runs");
        let file = &self.file;
        if self.faults == 0 {
            let what = pick(
                lang,
                "已改好，尚未生效：systemctl reload hazard",
                "is corrected and not in force: systemctl reload hazard",
            );
            return vec![format!("■ {file} {what}; {runs}")];
        }
        let what = match lang {
            Lang::Zh => format!("■ 配置文件 {file} 无效（{} 处错误），{runs}：", self.faults),
            Lang::En => format!("■ site file {file} cannot be used (faults: {}), {runs}:", self.faults),
        };
        let told = self.first.iter().map(|fault| match lang {
            Lang::Zh => format!("  {}: {}", fault.at, fault.zh),
            Lang::En => format!("  {}: {}", fault.at, fault.en),
        });
        std::iter::once(what).chain(told).collect()
    }
}
