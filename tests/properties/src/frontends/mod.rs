//! The parsers of the daemon, compiled from their files by themselves: the daemon brings wasmtime along, which fuzzing
//! would compile and instrument, too.

pub mod docker;
pub mod gate;
pub mod kubernetes;

// The crates that those files use, and that no file here names.
use {axum as _, base64 as _, form_urlencoded as _, percent_encoding as _, serde as _, thiserror as _};
