//! A policy as the settings of container runtimes, their settings as a policy, and where the two disagree.
//!
//! pullgate says whether a registry may be used; a runtime is told by its own settings how the registry is reached.
//! Each target has a folder with the same three parts: `export`, `import` and `doctor`. No export allows more than the
//! policy unless that is asked for, and none verifies less.

#![forbid(unsafe_code)]

mod blocked;
mod command_line;
mod config_value;
mod containerd;
mod containers;
mod decisions;
mod detect;
mod docker;
mod docker_desktop;
mod docker_hub;
mod doctor;
mod entry_cover;
mod export;
mod file_doctor;
mod gate;
mod gate_proof;
mod host_files;
mod hosts_toml;
mod import;
mod json_edit;
mod k3s;
mod kubernetes;
mod manifests;
mod openshift;
mod plain_list;
mod policy_view;
mod registries;
mod registry_name;
mod reports;
mod scopes;
mod source_files;
mod systemd_unit;
mod target;
mod text;
mod toml_edits;
mod vic;
mod yaml;

#[cfg(test)]
mod tests;

pub use config_value::ConfigSyntaxError;
pub use decisions::{PolicyContext, PolicyDecisions, RegistryAccess};
pub use detect::{SourceDetectionError, detect_source, detect_sources};
pub use doctor::{Disagreement, DisagreementEffect, DoctorRequest};
pub use export::{Export, ExportError, ExportRequest, ExportedEntry, ExportedList, Fidelity};
pub use gate::{GateAddress, GateAddressError};
pub use gate_proof::gate_proof_images;
pub use host_files::{ConfigFile, FileContent, HostFileError, HostFiles};
pub use import::{Import, ImportFinding, ImportSeverity, ImportedAuthority, ImportedEntry, Origin, SourceFile};
pub use policy_view::{EntryHosts, PolicyAuthority, PolicyEntry, PolicyView, PolicyViewError};
pub use reports::{ExportReport, ImportReport};
pub use source_files::read_source_files;
pub use target::{ImportSource, Target};
