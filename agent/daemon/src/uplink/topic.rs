//! Where the contract's messages go: `onemap/v1/{district}/{enterprise}/{gateway}/{stream}`. Written once per gateway,
//! never per message.

use std::sync::Arc;

use hazard_core::outbox::Lane;

use crate::settings::Identity;

/// One kind of traffic, the last level of a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stream {
    /// Whether the gateway is there, and what stands; retained, and the last will.
    State,
    /// What the names in the records mean; retained.
    Birth,
    /// Records of the event lane, live and back-filled.
    Alarm,
    /// Readings taken while connected.
    Live,
    /// Readings older than the connection.
    BackFill,
}

impl Stream {
    /// All streams.
    pub const ALL: [Self; 5] = [Self::State, Self::Birth, Self::Alarm, Self::Live, Self::BackFill];

    /// The stream of a message of records: events never queue behind back-filled readings.
    #[must_use]
    pub const fn of_records(lane: Lane, back_fill: bool) -> Self {
        match (lane, back_fill) {
            (Lane::Event, _) => Self::Alarm,
            (Lane::Reading, false) => Self::Live,
            (Lane::Reading, true) => Self::BackFill,
        }
    }

    /// The word in the topic.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Birth => "birth",
            Self::Alarm => "alarm",
            Self::Live => "live",
            Self::BackFill => "backfill",
        }
    }

    /// Whether the broker keeps the last message for whoever subscribes later.
    #[must_use]
    pub const fn is_retained(self) -> bool {
        matches!(self, Self::State | Self::Birth)
    }
}

/// Where a platform speaks to a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// 回执: what it has and what it misses.
    pub receipt: Arc<str>,
    /// What it wants again, and how fast.
    pub request: Arc<str>,
}

/// A gateway's topics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topics([Arc<str>; 5], Listen);

impl Topics {
    /// The topics of `identity`.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let root =
            [&identity.district, &identity.enterprise, &identity.gateway].map(|code| level(code)).join("/");
        let topic = |word: &str| -> Arc<str> { format!("onemap/v1/{root}/{word}").into() };
        let listen = Listen { receipt: topic("receipt"), request: topic("request") };
        Self(Stream::ALL.map(|stream| topic(stream.word())), listen)
    }

    /// Where the platform speaks to this gateway.
    #[must_use]
    pub fn listen(&self) -> Listen {
        self.1.clone()
    }

    /// The topic of `stream`.
    #[must_use]
    pub fn of(&self, stream: Stream) -> Arc<str> {
        let [state, birth, alarm, live, back_fill] = &self.0;
        Arc::clone(match stream {
            Stream::State => state,
            Stream::Birth => birth,
            Stream::Alarm => alarm,
            Stream::Live => live,
            Stream::BackFill => back_fill,
        })
    }
}

/// One level of a topic: a code with a slash or a wildcard would publish into somebody else's tree.
fn level(code: &str) -> String {
    if code.is_empty() {
        return "_".into();
    }
    let allowed = |letter: char| !matches!(letter, '/' | '+' | '#') && !letter.is_control();
    code.chars().map(|letter| if allowed(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(gateway: &str) -> Identity {
        Identity {
            district: "511302".into(),
            enterprise: "E0001".into(),
            enterprise_name: "示例".into(),
            gateway: gateway.into(),
        }
    }

    #[test]
    fn each_stream_has_its_topic() {
        let topics = Topics::new(&identity("GW-01"));
        let words = ["state", "birth", "alarm", "live", "backfill"];
        for (stream, word) in Stream::ALL.into_iter().zip(words) {
            assert_eq!(&*topics.of(stream), format!("onemap/v1/511302/E0001/GW-01/{word}"));
        }
        let Listen { receipt, request } = topics.listen();
        assert_eq!(&*receipt, "onemap/v1/511302/E0001/GW-01/receipt");
        assert_eq!(&*request, "onemap/v1/511302/E0001/GW-01/request");
    }

    #[test]
    fn a_code_never_leaves_its_level() {
        for (code, safe) in [("a/b", "a_b"), ("+", "_"), ("#", "_"), ("", "_"), ("a\0b", "a_b")] {
            let topic = Topics::new(&identity(code)).of(Stream::Live);
            assert_eq!(&*topic, format!("onemap/v1/511302/E0001/{safe}/live"));
        }
    }

    #[test]
    fn events_share_one_stream_and_readings_do_not() {
        assert_eq!(Stream::of_records(Lane::Event, false), Stream::Alarm);
        assert_eq!(Stream::of_records(Lane::Event, true), Stream::Alarm);
        assert_eq!(Stream::of_records(Lane::Reading, false), Stream::Live);
        assert_eq!(Stream::of_records(Lane::Reading, true), Stream::BackFill);
    }
}
