//! vSphere Integrated Containers: the options of `vic-machine create`, and the description of a virtual container host
//! in its REST API. Both have the same lists.

mod export;
mod import;
mod lists;

pub use export::{export_options, export_rest};
pub use import::{import_options, import_rest};

/// The file of the options.
const OPTIONS_FILE: &str = "/vic-machine-options.txt";

/// The file of the description.
const VCH_JSON: &str = "/vch.json";

/// The options of the lists, and their short names.
const WHITELIST_OPTIONS: [&str; 2] = ["--whitelist-registry", "--wr"];
const INSECURE_OPTIONS: [&str; 2] = ["--insecure-registry", "--dir"];
const AUTHORITY_OPTIONS: [&str; 2] = ["--registry-ca", "--rc"];
