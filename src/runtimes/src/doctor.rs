//! The disagreements of a policy and the settings of a host.

use serde::Serialize;

use crate::decisions::PolicyContext;
use crate::gate::GateAddress;
use crate::host_files::HostFiles;
use crate::import::SourceFile;

/// A policy, and the host or the files that it is compared with.
#[derive(Clone, Copy)]
pub struct DoctorRequest<'a> {
    /// The policy.
    pub policy: PolicyContext<'a>,
    /// The files of the host.
    pub files: &'a HostFiles,
    /// The gate through which the host is to reach registries.
    pub gate: Option<&'a GateAddress>,
    /// The files of a target that has none on a host.
    pub sources: &'a [SourceFile],
}

/// The effect of a disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisagreementEffect {
    /// The host allows more or verifies less than the policy, and nothing says so.
    Silent,
    /// The host does not reach what the policy allows.
    Fails,
}

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The stable code.
    pub code: &'static str,
    /// The effect.
    pub effect: DisagreementEffect,
    /// The path on the host, or of the file that was given.
    pub file: String,
    /// The line, from 1; absent if the whole file is meant, or one that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The disagreement, human-readable.
    pub text: String,
    /// The remedy.
    pub mend: String,
}

/// The disagreements that were found.
#[derive(Debug, Default)]
pub struct Diagnosis {
    found: Vec<Disagreement>,
}

impl Diagnosis {
    /// Adds a disagreement that nothing says.
    pub fn silent(
        &mut self,
        code: &'static str,
        file: &str,
        line: usize,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(code, DisagreementEffect::Silent, file, line, text.into(), mend.into());
    }

    /// Adds a disagreement by which a registry is not reached.
    pub fn fails(
        &mut self,
        code: &'static str,
        file: &str,
        line: usize,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(code, DisagreementEffect::Fails, file, line, text.into(), mend.into());
    }

    fn add(
        &mut self,
        code: &'static str,
        effect: DisagreementEffect,
        file: &str,
        line: usize,
        text: String,
        mend: String,
    ) {
        let line = (line > 0).then_some(line);
        self.found.push(Disagreement { code, effect, file: file.to_owned(), line, text, mend });
    }

    /// Returns the disagreements, the silent ones first.
    pub fn into_disagreements(mut self) -> Vec<Disagreement> {
        self.found.sort_by_key(|each| each.effect);
        self.found.dedup();
        self.found
    }
}
