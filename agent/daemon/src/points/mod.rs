//! Point tables (点表): the points of a site as rows of a spreadsheet. Read from what Excel and its relatives save, compared
//! with the site file, written back into it with everything else left as it stands. What a value means is decided by the
//! configuration, never here.

mod cell;
mod column;
mod diff;
mod edit;
mod file;
mod kind;
mod read;
mod table;
mod write;

pub use cell::{Cell, Note, Said, Sheet};
pub use column::Columns;
pub use diff::Difference;
pub use edit::{Places, SiteText};
pub use file::{Kept, Over, Replaced, create, replace};
pub use read::{Form, read};
pub use table::{Row, Table};
pub use write::{Messages, marked, template, written};
