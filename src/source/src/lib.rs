//! Policy files: JSON or TOML, with what flags add to them, as one JSON text for the one decoder; and the way back from
//! findings about that text to the lines that were written, shown with carets.

mod error;
pub mod file_stamp;
pub mod findings;
mod input;
mod json_splice;
mod lines;
mod policy_source;
pub mod redact;
mod source_map;
mod toml_to_json;

pub use error::{InputError, reason};
pub use input::{Source, StdinLines, is_stdin, name_of, read_bytes};
pub use policy_source::{Document, Flags, Located, Place, is_toml};
