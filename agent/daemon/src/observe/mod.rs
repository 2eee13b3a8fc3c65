//! What the daemon shows of itself: the status document, the operator's screen made from it, metrics, health and the
//! log. It reads what others give it and changes nothing.

mod calls;
pub(crate) mod causes;
mod commands;
pub mod http;
mod interlocks;
mod latency;
mod ledger;
mod lines;
pub mod log;
pub mod metrics;
mod render;
mod report;
mod sensors;
mod site_file;
pub mod status;
mod tell;
mod texts;
mod upkeep;
mod uplinks;
pub(crate) mod view;

pub use calls::{CallRow, Calls};
pub use causes::LineHealth;
pub use commands::{COMMANDS_MAX, CommandCounts, CommandRow, LastCommand};
pub use interlocks::{Interlocks, PermitRow, TripRow, VoteRow};
pub use latency::{BOUNDS_US, Histogram, Latencies};
pub use ledger::{LedgerRow, PollRow};
pub use lines::{BusRow, DeviceRow, LinkRow};
pub use report::render_test;
pub use sensors::SensorRow;
pub use site_file::{SiteFault, SiteFile};
pub use status::{
    AlarmRow, Facts, Status, render_alarms, render_calls, render_commands, render_interlocks, render_upkeep,
};
pub(crate) use texts::kind;
pub use upkeep::{FailureRow, FigureRow, Figures, TestReport, Took, Tripped, UpkeepRow};
pub use uplinks::{Heard, ReplayRow, UplinkRow};
