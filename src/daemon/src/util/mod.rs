//! Shared utilities: file changes, strict JSON, sanitized text.

pub mod sanitize;
pub mod strict_json;
