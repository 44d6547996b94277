//! vSphere Integrated Containers: the options of `vic-machine create`, and the description of a virtual container host
//! in its REST API. Both have the same lists.

mod export;
mod import;
mod lists;

use crate::doctor::{Disagreement, DoctorRequest};
use crate::file_doctor::{self, FileTerms};
use crate::host_files::HostFileError;
use crate::target::Target;

pub use export::{export_options, export_rest};
pub use import::{import_options, import_rest};

/// Compares a policy with command lines of `vic-machine create`, and the files of authorities that they name.
pub fn diagnose_options(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let terms = FileTerms { target: Target::VicMachine, program: "VIC", whitelist: "`--whitelist-registry`" };
    file_doctor::diagnose(request, &terms)
}

/// Compares a policy with descriptions of virtual container hosts.
pub fn diagnose_rest(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let terms = FileTerms { target: Target::Vch, program: "VIC", whitelist: "`whitelist`" };
    file_doctor::diagnose(request, &terms)
}

/// The file of the options.
const OPTIONS_FILE: &str = "/vic-machine-options.txt";

/// The file of the description.
const VCH_JSON: &str = "/vch.json";

/// The options of the lists, and their short names.
const WHITELIST_OPTIONS: [&str; 2] = ["--whitelist-registry", "--wr"];
const INSECURE_OPTIONS: [&str; 2] = ["--insecure-registry", "--dir"];
const AUTHORITY_OPTIONS: [&str; 2] = ["--registry-ca", "--rc"];
