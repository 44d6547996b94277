//! The result of an export: files, and how exactly they say what the policy says.

use std::fmt;

use pullgate_source::io_error_reason;
use serde::Serialize;
use thiserror::Error;

use crate::config_value::ConfigSyntaxError;
use crate::decisions::PolicyContext;
use crate::gate::GateAddress;
use crate::host_files::{ConfigFile, HostFileError, HostFiles};

/// A policy to be exported, and the files that are there.
pub struct ExportRequest<'a> {
    /// The policy.
    pub policy: PolicyContext<'a>,
    /// The files of the host; members of them that are not pullgate's stay.
    pub files: &'a HostFiles,
    /// True if an entry may be written that covers more than the policy's.
    pub allows_wider: bool,
    /// The gate through which the target is to reach registries.
    pub gate: Option<&'a GateAddress>,
}

/// The settings of a target for a policy.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// The files.
    pub files: Vec<ConfigFile>,
    /// Each entry of the policy, with what became of it.
    pub entries: Vec<ExportedEntry>,
    /// Statements about the target as a whole.
    pub notes: Vec<String>,
    /// A command line that says the same as the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_line: Option<String>,
}

/// An entry of the policy in a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedEntry {
    /// The list.
    pub list: ExportedList,
    /// The entry in canonical form; of an authority its index.
    pub entry: String,
    /// The relation of the target to the policy.
    pub fidelity: Fidelity,
    /// The reason that it is not equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The list of an exported entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportedList {
    /// The whitelist.
    Whitelist,
    /// The insecure list.
    Insecure,
    /// The blocked list.
    Blocked,
    /// The certificate authorities.
    CertificateAuthorities,
}

/// The relation of what a target does to what the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fidelity {
    /// The same.
    Equal,
    /// The target allows less, or verifies more.
    Narrower,
    /// The target allows more.
    Wider,
    /// The target has no word for it, and pullgate decides about each image of the target.
    ByPullgate,
}

/// An export that cannot be made.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file of the host does not parse, so that nothing can be added to it.
    #[error("`{path}` does not parse, so that nothing can be added to it: {error}")]
    Syntax {
        /// The path.
        path: String,
        /// The error.
        error: ConfigSyntaxError,
    },
    /// A file of the host has settings that rule the export out.
    #[error("`{path}`, line {line}: {reason}")]
    Conflict {
        /// The path.
        path: String,
        /// The line.
        line: usize,
        /// The reason, with the remedy after a colon.
        reason: String,
    },
    /// The target would allow more than the policy.
    #[error("{0}")]
    Wider(String),
    /// The target has no settings that lead through the gate.
    #[error("`{0}` has no settings that lead through the gate: export to what runs on the hosts for it")]
    NoGate(&'static str),
    /// A file of the host cannot be read.
    #[error(transparent)]
    File(#[from] HostFileError),
}

impl Export {
    /// Returns the relation of the whole: wider if one entry is, or else narrower if one is.
    pub fn fidelity(&self) -> Fidelity {
        let order = [Fidelity::Wider, Fidelity::Narrower, Fidelity::ByPullgate];
        let has = |fidelity: &Fidelity| self.entries.iter().any(|entry| entry.fidelity == *fidelity);
        order.into_iter().find(has).unwrap_or(Fidelity::Equal)
    }
}

impl ExportedEntry {
    /// Creates an exported entry.
    pub fn new(list: ExportedList, entry: &str, fidelity: Fidelity, reason: Option<String>) -> Self {
        Self { list, entry: entry.to_owned(), fidelity, reason }
    }
}

impl ExportedList {
    /// Returns the member of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whitelist => "whitelist",
            Self::Insecure => "insecure",
            Self::Blocked => "blocked",
            Self::CertificateAuthorities => "certificate_authorities",
        }
    }
}

impl Fidelity {
    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::ByPullgate => "by-pullgate",
        }
    }
}

impl fmt::Display for Fidelity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl HostFileError {
    /// Returns the reason, human-readable.
    pub fn reason(&self) -> String {
        io_error_reason(&self.error)
    }
}
