//! A policy for tests, which never changes.

use crate::policy::{PolicyDocument, PolicyError, PolicyProvider};

/// The document.
pub struct StaticSource(pub &'static str);

impl PolicyProvider for StaticSource {
    fn read(&self) -> Result<PolicyDocument, PolicyError> {
        Ok(PolicyDocument { json: self.0.to_owned(), render_findings: Box::new(|findings| format!("{findings:?}")) })
    }

    fn file_stamp(&self) -> Option<String> {
        None
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("it never changes".to_owned())
    }
}
