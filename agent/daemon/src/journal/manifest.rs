//! 存证清单 as a text: one statement a line, so that people and any tool can read it.

use hazard_core::id::Epoch;
use hazard_core::outbox::record::Manifest;
use hazard_core::outbox::{Count, Lane};
use hazard_core::{ClockTrust, Utc};
use jiff::tz::{Offset, TimeZone};

use super::chain::{Link, Mark};
use super::key::{Key, Public, from_hex, to_hex};

const FIRST_LINE: &str = "hazard-manifest 1";

/// Beijing time: the gateways are where this is law.
const ZONE: TimeZone = TimeZone::fixed(Offset::constant(8));

/// How far a lane of an epoch had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The epoch.
    pub epoch: Epoch,
    /// Its ordinal in the folder.
    pub ordinal: u64,
    /// The lane.
    pub lane: Lane,
    /// The last number; 0 when there was none.
    pub through: u64,
    /// The chain behind that record.
    pub mark: Mark,
}

/// What a manifest states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The gateway's code.
    pub gateway: String,
    /// The enterprise's code.
    pub enterprise: String,
    /// When the last record was written that it covers.
    pub made: Utc,
    /// How far that clock could be believed.
    pub trust: ClockTrust,
    /// BLAKE3 of the text of the manifest before, in hexadecimal digits; `None` in the first one.
    pub previous: Option<String>,
    /// Hash of the configuration.
    pub config: String,
    /// The heads.
    pub heads: Vec<Head>,
}

impl Statement {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let trust = crate::words::clock(self.trust);
        let mut text = format!(
            "{FIRST_LINE}\ngateway {}\nenterprise {}\nmade {} {trust}\nprevious {}\nconfig {}\n",
            self.gateway,
            self.enterprise,
            time(self.made),
            self.previous.as_deref().unwrap_or("-"),
            self.config
        );
        for head in &self.heads {
            text.push_str(&line(head));
        }
        text
    }

    /// The statement of a text that [`Self::text`] can have written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        let (gateway, enterprise, made) = (field("gateway")?, field("enterprise")?, field("made")?);
        let (previous, config) = (field("previous")?, field("config")?);
        let (made, trust) = made.split_once(' ')?;
        let made = made.parse::<jiff::Timestamp>().ok()?;
        let trust = [ClockTrust::Unset, ClockTrust::Free, ClockTrust::Synced]
            .into_iter()
            .find(|one| crate::words::clock(*one) == trust)?;
        let heads: Option<Vec<Head>> = lines.map(head).collect();
        Some(Self {
            gateway,
            enterprise,
            made: Utc::from_unix_ms(made.as_millisecond()),
            trust,
            previous: Some(previous).filter(|hash| hash != "-"),
            config,
            heads: heads?,
        })
    }

    /// The manifest, signed where there is a key.
    #[must_use]
    pub fn signed(&self, key: Option<&Key>) -> Manifest {
        let text = self.text();
        let signature = key.map(|key| to_hex(&key.sign(text.as_bytes()))).unwrap_or_default();
        Manifest { text, signature, key: key.map(|key| key.public().hex()).unwrap_or_default() }
    }
}

/// Whether a manifest's signature is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// By this key.
    Good(Public),
    /// The gateway had no key.
    Absent,
    /// It is not of this text.
    Bad,
}

/// Looks at a manifest's signature.
#[must_use]
pub fn signature(manifest: &Manifest) -> Signature {
    if manifest.signature.is_empty() && manifest.key.is_empty() {
        return Signature::Absent;
    }
    let (key, signature) = (Public::parse(&manifest.key), from_hex(&manifest.signature));
    match key.zip(signature) {
        Some((key, signature)) if key.verifies(manifest.text.as_bytes(), &signature) => Signature::Good(key),
        Some(_) | None => Signature::Bad,
    }
}

/// What a manifest's text is called in the next one.
#[must_use]
pub fn name(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// A time as manifests and exports write it.
#[must_use]
pub fn time(utc: Utc) -> String {
    let at = jiff::Timestamp::from_millisecond(utc.unix_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(ZONE).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// The day of a time, as people on the site count.
#[must_use]
pub const fn day(utc: Utc) -> i64 {
    utc.unix_ms().saturating_add(8 * 3_600_000).div_euclid(86_400_000)
}

/// A head as manifests and exports write it, with its end of line.
#[must_use]
pub fn line(head: &Head) -> String {
    let Head { epoch, ordinal, lane, through, mark } = head;
    let Mark { link, written: Count { records, readings } } = mark;
    let (epoch, lane) = (epoch.0, crate::words::lane(*lane));
    format!(
        "epoch {epoch:016x} ordinal {ordinal} {lane} through {through} records {records} readings {readings} link {link}\n"
    )
}

/// The head of a line without its end.
#[must_use]
pub fn head(line: &str) -> Option<Head> {
    let words: Vec<&str> = line.split(' ').collect();
    let [
        "epoch",
        epoch,
        "ordinal",
        ordinal,
        lane,
        "through",
        through,
        "records",
        records,
        "readings",
        readings,
        "link",
        link,
    ] = words[..]
    else {
        return None;
    };
    let lane = [Lane::Event, Lane::Reading].into_iter().find(|one| crate::words::lane(*one) == lane)?;
    let written = Count { records: records.parse().ok()?, readings: readings.parse().ok()? };
    Some(Head {
        epoch: Epoch(u64::from_str_radix(epoch, 16).ok()?),
        ordinal: ordinal.parse().ok()?,
        lane,
        through: through.parse().ok()?,
        mark: Mark { link: Link(from_hex(link)?.try_into().ok()?), written },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_back_from_its_text() {
        let head = |lane, through| {
            let mark = Mark::origin(Epoch(0xaa), lane);
            Head { epoch: Epoch(0xaa), ordinal: 3, lane, through, mark }
        };
        let statement = Statement {
            gateway: "GW-1".into(),
            enterprise: "ENT-1".into(),
            made: Utc::from_unix_ms(1_770_000_000_123),
            trust: ClockTrust::Synced,
            previous: None,
            config: "blake3:1".into(),
            heads: vec![head(Lane::Event, 120), head(Lane::Reading, 0)],
        };
        let text = statement.text();
        assert!(text.contains("\nmade 2026-02-02T10:40:00.123+08:00 synced\nprevious -\n"), "{text}");
        assert_eq!(Statement::parse(&text), Some(statement));
        assert_eq!(Statement::parse(&text.replace("manifest 1", "manifest 2")), None);
        assert_eq!(Statement::parse(&text.replace(" records ", " record ")), None);
    }

    #[test]
    fn a_day_begins_at_midnight_on_the_site() {
        let at =
            |text: &str| day(Utc::from_unix_ms(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()));
        assert_eq!(at("2026-02-02T00:00:00+08:00"), at("2026-02-02T23:59:59+08:00"));
        assert_eq!(at("2026-02-02T00:00:00+08:00"), at("2026-02-01T23:59:59+08:00") + 1);
    }
}
