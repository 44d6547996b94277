//! Small parts that every other folder may use: files, strict JSON, text for people and logs.

pub mod sanitize;
pub mod strict_json;
