//! The distinct requests of records with their outcomes, counted.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use pullgate::OwnedRequest;

use crate::asker::{AskerList, NameTable};
use crate::input::{LineChunk, Place};
use crate::line::{DecisionLine, RecordLine};
use crate::report::SkipReason;
use crate::request::{CaseKey, RecordedOutcome, recorded_request};

/// A distinct request with one of its outcomes.
pub struct RecordedCase {
    pub request: OwnedRequest,
    pub outcome: RecordedOutcome,
    /// The length of the request's part of the key.
    pub request_length: usize,
    /// The place of the first record.
    pub place: Place,
    pub counts: CaseCounts,
}

impl RecordedCase {
    /// Creates a case without records; `None` if the request of the line cannot be read.
    fn from_line(line: &DecisionLine<'_>, request_length: usize, place: Place) -> Option<Self> {
        let counts = CaseCounts {
            records: 0,
            not_enforced: 0,
            not_admitting: 0,
            first: line.time,
            last: line.time,
            askers: AskerList::default(),
        };
        let outcome = RecordedOutcome::from_line(line);
        Some(Self { request: recorded_request(line)?, outcome, request_length, place, counts })
    }
}

/// The records of a case.
#[derive(Clone)]
pub struct CaseCounts {
    pub records: u64,
    /// Denials without effect.
    pub not_enforced: u64,
    /// Questions that admit nothing.
    pub not_admitting: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub askers: AskerList,
}

impl CaseCounts {
    /// Adds other records.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.not_enforced += other.not_enforced;
        self.not_admitting += other.not_admitting;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.askers.merge(&other.askers);
    }
}

/// Lines that are no records.
#[derive(Clone, Copy)]
pub struct SkippedCount {
    pub lines: u64,
    pub first: Place,
}

/// The distinct requests of records, each with its recorded outcomes and their counts.
#[derive(Default)]
pub struct RecordedRequests {
    pub(crate) cases: HashMap<Box<[u8]>, RecordedCase>,
    /// The number of records that settings decided, by their code.
    pub(crate) overrides: BTreeMap<String, u64>,
    pub(crate) skipped: BTreeMap<SkipReason, SkippedCount>,
    pub(crate) records: u64,
    pub(crate) omitted: u64,
    pub(crate) excluded: u64,
    /// The names of the inputs, by the number in a place.
    pub(crate) inputs: Vec<String>,
}

impl RecordedRequests {
    /// Returns the number of records that a policy decided.
    pub fn record_count(&self) -> u64 {
        self.records
    }

    pub(crate) fn skip(&mut self, reason: SkipReason, first: Place) {
        self.merge_skipped(reason, SkippedCount { lines: 1, first });
    }

    fn merge_skipped(&mut self, reason: SkipReason, count: SkippedCount) {
        let known = self.skipped.entry(reason).or_insert(SkippedCount { lines: 0, ..count });
        *known = SkippedCount { lines: known.lines + count.lines, first: known.first.min(count.first) };
    }

    /// Adds the records of others, of the same inputs.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        for (key, case) in other.cases {
            match self.cases.get_mut(&key) {
                Some(known) => {
                    known.place = known.place.min(case.place);
                    known.counts.merge(&case.counts);
                }
                None => {
                    self.cases.insert(key, case);
                }
            }
        }
        for (reason, count) in other.overrides {
            *self.overrides.entry(reason).or_default() += count;
        }
        other.skipped.into_iter().for_each(|(reason, count)| self.merge_skipped(reason, count));
        self.records += other.records;
        self.omitted += other.omitted;
        self.excluded += other.excluded;
        self
    }
}

/// A counter of the records of lines.
pub struct RecordCounter {
    pub requests: RecordedRequests,
    names: NameTable,
    key: CaseKey,
    admissions_only: bool,
}

impl RecordCounter {
    /// Creates a counter, perhaps of the records of admission only.
    pub fn new(admissions_only: bool) -> Self {
        Self {
            requests: RecordedRequests::default(),
            names: NameTable::default(),
            key: CaseKey::default(),
            admissions_only,
        }
    }

    /// Counts the records of whole lines.
    pub fn count_lines(&mut self, chunk: &LineChunk) {
        let mut place = chunk.place;
        for line in chunk.bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            if !is_blank && self.count_line(line, place).is_none() {
                // Only the last line of an input has no line end.
                let is_cut_off = !line.ends_with(b"\n");
                self.requests.skip(if is_cut_off { SkipReason::CutOff } else { SkipReason::NoRecord }, place);
            }
            place.line += 1;
        }
    }

    /// Counts one record; `None` if the line is none.
    fn count_line(&mut self, line: &[u8], place: Place) -> Option<()> {
        let line = match RecordLine::parse(line)? {
            RecordLine::Decision(line) => line,
            RecordLine::Transfer => return Some(()),
        };
        let requests = &mut self.requests;
        requests.omitted += line.omitted;
        if self.admissions_only && !line.admits {
            requests.excluded += 1;
            return Some(());
        }
        if !line.is_by_policy {
            match requests.overrides.get_mut(&*line.reason) {
                Some(count) => *count += 1,
                None => {
                    requests.overrides.insert(line.reason.into_owned(), 1);
                }
            }
            return Some(());
        }
        self.key.set(&line);
        let case = match requests.cases.get_mut(self.key.as_bytes()) {
            Some(case) => case,
            None => {
                let case = RecordedCase::from_line(&line, self.key.request_length(), place)?;
                requests.cases.entry(self.key.as_bytes().into()).or_insert(case)
            }
        };
        let counts = &mut case.counts;
        counts.records += 1;
        counts.not_enforced += u64::from(!line.is_enforced);
        counts.not_admitting += u64::from(!line.admits);
        counts.first = counts.first.min(line.time);
        counts.last = counts.last.max(line.time);
        counts.askers.add(&line.asker, place, &mut self.names);
        requests.records += 1;
        Some(())
    }
}
