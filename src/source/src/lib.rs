//! Policy files: JSON or TOML, with the entries of flags, as one JSON text for the one decoder. Findings about that
//! text are mapped back to the source and rendered with carets.

#![forbid(unsafe_code)]

mod error;
pub mod file_stamp;
pub mod findings;
mod input;
mod json_splice;
mod lines;
mod member_values;
mod policy_file;
mod policy_source;
pub mod redact;
mod source_map;
mod toml_to_json;

pub use error::{InputError, io_error_reason};
pub use input::{InputText, StdinLines, display_name, is_stdin, read_bytes};
pub use policy_file::{PolicyFile, PolicyFileError};
pub use policy_source::{FlagEntries, LocatedFinding, PolicySource, SourceSpan, is_toml};
