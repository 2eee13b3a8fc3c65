//! 改名: what a thing was called before, where the file says so: what stood under the old name stands under this one.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Old names in lower case, as names are compared, and what each is called in this configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Renamed {
    /// Tags of points.
    pub points: BTreeMap<String, String>,
    /// Alarms that were renamed by themselves, as `GT-101/high`.
    pub alarms: BTreeMap<String, String>,
    /// Votes.
    pub votes: BTreeMap<String, String>,
    /// Trips.
    pub trips: BTreeMap<String, String>,
}

impl Renamed {
    /// What a point is called here.
    #[must_use]
    pub fn point<'a>(&'a self, tag: &'a str) -> &'a str {
        self.points.get(&tag.to_lowercase()).map_or(tag, String::as_str)
    }

    /// What an alarm is called here, by itself or because its point is.
    #[must_use]
    pub fn alarm<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        self.alarms.get(&name.to_lowercase()).map_or_else(|| self.of_point(name), |name| Cow::Borrowed(name))
    }

    /// What something that belongs to a point, `GT-101/calibration`, is called here.
    #[must_use]
    pub fn of_point<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        let renamed =
            name.rsplit_once('/').and_then(|(tag, what)| Some((self.points.get(&tag.to_lowercase())?, what)));
        renamed.map_or(Cow::Borrowed(name), |(tag, what)| Cow::Owned(format!("{tag}/{what}")))
    }

    /// What a vote is called here.
    #[must_use]
    pub fn vote<'a>(&'a self, name: &'a str) -> &'a str {
        self.votes.get(&name.to_lowercase()).map_or(name, String::as_str)
    }

    /// What a trip is called here.
    #[must_use]
    pub fn trip<'a>(&'a self, name: &'a str) -> &'a str {
        self.trips.get(&name.to_lowercase()).map_or(name, String::as_str)
    }
}
