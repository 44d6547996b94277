//! Shared utilities: file changes, strict JSON, sanitized text.

pub mod reloading_file;
pub mod sanitize;
pub mod strict_json;
