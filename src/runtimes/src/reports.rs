//! The results of exports and imports as JSON: what the command line prints is what the API of the daemon answers.

use serde::Serialize;
use serde_json::Value;

use crate::export::{Export, Fidelity};
use crate::import::Import;
use crate::target::{ImportSource, Target};

/// An export with its target.
#[derive(Serialize)]
pub struct ExportReport<'a> {
    target: Target,
    fidelity: Fidelity,
    #[serde(flatten)]
    export: &'a Export,
}

/// An import with its source.
#[derive(Serialize)]
pub struct ImportReport<'a> {
    source: ImportSource,
    /// The policy in TOML, each entry with its origin as a comment.
    toml: String,
    policy: Value,
    #[serde(flatten)]
    import: &'a Import,
}

impl<'a> ExportReport<'a> {
    /// Creates the report of an export.
    pub fn new(target: Target, export: &'a Export) -> Self {
        Self { target, fidelity: export.fidelity(), export }
    }
}

impl<'a> ImportReport<'a> {
    /// Creates the report of an import from files of these names.
    pub fn new(source: ImportSource, import: &'a Import, names: &[String]) -> Self {
        Self { source, toml: import.to_toml(&source.heading(names)), policy: import.to_policy(), import }
    }
}

impl ImportSource {
    /// Returns the first line of an imported policy.
    pub fn heading(self, names: &[String]) -> String {
        format!("Imported by `pullgate import --from {}` from {}.", self.as_str(), names.join(", "))
    }
}
