//! Replay of audit records by another policy (rule A4).
//!
//! [`RecordReader`] reads the lines of audit records and counts each distinct request with its recorded outcome.
//! [`RecordedRequests::replay`] decides each distinct request once by a [`PolicyDecider`], and groups what differs.
//!
//! Records are input: a line that is none is counted and never skipped in silence, and no line is held in memory beyond
//! its distinct request. Requests are decided with the DNS answers on record and no others.

#![forbid(unsafe_code)]

mod asker;
mod input;
mod line;
mod members;
mod reader;
mod replay;
mod report;
mod request;
mod tally;
#[cfg(test)]
mod tests;
mod transport;

pub use input::ReadError;
pub use reader::RecordReader;
pub use replay::PolicyDecider;
pub use report::{
    ChangedRegistry, ExampleRequest, Outcome, OverrideCount, ReplayChange, ReplayReport, ReplayVerdict, SkipReason,
    SkippedLines,
};
pub use tally::RecordedRequests;
pub use transport::Transport;
