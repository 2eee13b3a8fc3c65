//! What another configuration changes, in words: each difference of two valid configurations with what it does to protection. It
//! looks at what the files mean, never at how they are written, and every field of every table has its class here.

mod command;
mod fact;
mod locks;
mod plant;
mod sensor;
mod service;

use super::Loaded;
use fact::Subject;

/// What a difference does, the gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// 降低保护: something is noticed later, less, or by fewer; a second person has to approve it.
    ProtectionLowered,
    /// 改变保护: neither clearly better nor worse.
    ProtectionChanged,
    /// 接线/地址: a point may read something else than before.
    Wiring,
    /// 提高保护.
    ProtectionRaised,
    /// 服务: uplinks, retention, the console.
    Service,
    /// 文字: names and notes.
    Text,
}

impl Class {
    /// All classes, the gravest first.
    pub const ALL: [Self; 6] = [
        Self::ProtectionLowered,
        Self::ProtectionChanged,
        Self::Wiring,
        Self::ProtectionRaised,
        Self::Service,
        Self::Text,
    ];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProtectionLowered => "protection_lowered",
            Self::ProtectionChanged => "protection_changed",
            Self::Wiring => "wiring",
            Self::ProtectionRaised => "protection_raised",
            Self::Service => "service",
            Self::Text => "text",
        }
    }

    /// For people, Chinese and English.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::ProtectionLowered => ("降低保护", "lowers protection"),
            Self::ProtectionChanged => ("改变保护", "changes protection"),
            Self::Wiring => ("接线/地址", "wiring"),
            Self::ProtectionRaised => ("提高保护", "raises protection"),
            Self::Service => ("服务", "service"),
            Self::Text => ("文字", "text"),
        }
    }
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// What it does.
    pub class: Class,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// All that another configuration changes, the gravest first.
#[must_use]
pub fn differences(before: &Loaded, after: &Loaded) -> Vec<Difference> {
    let mut found = fact::differences(&subjects(before), &subjects(after));
    if found.is_empty() && before.hash != after.hash {
        found.push(Difference {
            class: Class::Text,
            zh: "只有写法、注释或区域名称不同".to_owned(),
            en: "only layout, comments or names of zones differ".to_owned(),
        });
    }
    found.sort_by_key(|difference| difference.class);
    found
}

/// How many differences are of a class.
#[must_use]
pub fn count(differences: &[Difference], class: Class) -> u32 {
    let of_class = differences.iter().filter(|difference| difference.class == class);
    u32::try_from(of_class.count()).unwrap_or(u32::MAX)
}

fn subjects(of: &Loaded) -> Vec<Subject> {
    // A field that is not named here does not compile: whoever adds one says what changing it means.
    let Loaded {
        site,
        dictionary,
        identity,
        buses,
        journal,
        uplinks,
        webhooks,
        role_webhooks,
        gpio,
        listen,
        state_dir,
        clock_sync_file,
        hash: _,
        fingerprint: _,
        attachments: _,
        files: _,
        templates: _,
        renamed: _,
        warnings: _,
        accepted: _,
    } = of;
    let names = plant::Plant { site, names: dictionary };
    let mut subjects = plant::subjects(&names, buses);
    subjects.extend(sensor::subjects(&names));
    subjects.extend(locks::subjects(&names, gpio));
    subjects.extend(command::subjects(&names));
    subjects.push(service::gateway((identity, journal), (listen, state_dir, clock_sync_file)));
    subjects.extend(service::uplinks(uplinks, site));
    subjects.extend(service::webhooks(webhooks));
    subjects.extend(service::calls(site, (webhooks, role_webhooks)));
    subjects
}
