//! Why a point has no value, as written. Variants keep their order for ever: postcard writes positions.

use hazard_core::reading;
use serde::{Deserialize, Serialize};

use super::mirror::Fault;

#[derive(Serialize, Deserialize)]
pub(super) enum NoData {
    NeverRead,
    Stale,
    Link(Fault),
    NotANumber,
    Sentinel,
    NotBcd,
    BadScaling,
    NotText,
    CurrentLow,
    CurrentHigh,
    SensorFailure,
    CheckOverdue,
}

impl From<reading::NoData> for NoData {
    fn from(reason: reading::NoData) -> Self {
        match reason {
            reading::NoData::NeverRead => Self::NeverRead,
            reading::NoData::Stale => Self::Stale,
            reading::NoData::Link(fault) => Self::Link(fault.into()),
            reading::NoData::NotANumber => Self::NotANumber,
            reading::NoData::Sentinel => Self::Sentinel,
            reading::NoData::NotBcd => Self::NotBcd,
            reading::NoData::BadScaling => Self::BadScaling,
            reading::NoData::NotText => Self::NotText,
            reading::NoData::CurrentLow => Self::CurrentLow,
            reading::NoData::CurrentHigh => Self::CurrentHigh,
            reading::NoData::SensorFailure => Self::SensorFailure,
            reading::NoData::CheckOverdue => Self::CheckOverdue,
        }
    }
}

impl From<NoData> for reading::NoData {
    fn from(reason: NoData) -> Self {
        match reason {
            NoData::NeverRead => Self::NeverRead,
            NoData::Stale => Self::Stale,
            NoData::Link(fault) => Self::Link(fault.into()),
            NoData::NotANumber => Self::NotANumber,
            NoData::Sentinel => Self::Sentinel,
            NoData::NotBcd => Self::NotBcd,
            NoData::BadScaling => Self::BadScaling,
            NoData::NotText => Self::NotText,
            NoData::CurrentLow => Self::CurrentLow,
            NoData::CurrentHigh => Self::CurrentHigh,
            NoData::SensorFailure => Self::SensorFailure,
            NoData::CheckOverdue => Self::CheckOverdue,
        }
    }
}
