//! Shared utilities: file changes, strict and bounded JSON, sanitized text.

pub mod bounded_list;
pub mod reloading_file;
pub mod sanitize;
pub mod strict_json;
