//! A policy for tests, which never changes.

use crate::policy::{PolicyError, PolicySource, PolicyText};

/// The document.
pub struct Fixed(pub &'static str);

impl PolicySource for Fixed {
    fn read(&self) -> Result<PolicyText, PolicyError> {
        Ok(PolicyText { json: self.0.to_owned(), show: Box::new(|findings| format!("{findings:?}")) })
    }

    fn stamp(&self) -> Option<String> {
        None
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("it never changes".to_owned())
    }
}
