//! A distinct request of a record, and its recorded outcome.

use pullgate::{OwnedRequest, ReferenceKind};

use crate::line::DecisionLine;
use crate::transport::Transport;

/// Returns the request of a record; `None` if its DNS answers are none.
pub fn recorded_request(line: &DecisionLine<'_>) -> Option<OwnedRequest> {
    let dns_answers = match &*line.dns_answers {
        "" => Vec::new(),
        answers => serde_json::from_str(answers).ok()?,
    };
    Some(OwnedRequest {
        reference: line.reference.clone().into_owned(),
        kind: line.kind,
        project: line.project.as_deref().map(str::to_owned),
        dns_answers,
    })
}

/// The recorded outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOutcome {
    pub is_allowed: bool,
    pub reason: String,
    pub entry: Option<String>,
    /// The way to the registry; absent in a denial, and in records of older versions.
    pub transport: Option<Transport>,
}

impl RecordedOutcome {
    /// Returns the outcome of a record.
    pub fn from_line(line: &DecisionLine<'_>) -> Self {
        Self {
            is_allowed: line.is_allowed,
            reason: line.reason.clone().into_owned(),
            entry: line.entry.as_deref().map(str::to_owned),
            transport: Transport::parse(&line.attempts, &line.authorities, line.authority_count),
        }
    }
}

/// The bytes by which requests and outcomes are told apart: each field with its length before it.
#[derive(Default)]
pub struct CaseKey {
    bytes: Vec<u8>,
    request_length: usize,
}

impl CaseKey {
    /// Sets the key to that of a record.
    pub fn set(&mut self, line: &DecisionLine<'_>) {
        self.bytes.clear();
        let kind = match line.kind {
            ReferenceKind::Image => 0,
            ReferenceKind::Registry => 1,
        };
        self.bytes.push(kind);
        self.push(Some(&line.reference));
        self.push(line.project.as_deref());
        self.push(Some(&line.dns_answers));
        self.request_length = self.bytes.len();
        self.bytes.push(line.is_allowed.into());
        self.push(Some(&line.reason));
        self.push(line.entry.as_deref());
        self.push(Some(&line.attempts));
        self.push(Some(&line.authorities));
        self.bytes.extend(line.authority_count.unwrap_or(0).to_le_bytes());
    }

    fn push(&mut self, field: Option<&str>) {
        // No line, and so no field, is as long as the length of an absent one.
        let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX - 1));
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(field.unwrap_or_default().as_bytes());
    }

    /// Returns the key of the request with its outcome.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the length of the part of the request.
    pub fn request_length(&self) -> usize {
        self.request_length
    }
}
