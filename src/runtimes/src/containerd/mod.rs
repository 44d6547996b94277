//! containerd: `hosts.toml`, the settings of the CRI, and the link by which it finds pullgate as image verifier.

mod doctor;
mod export;
mod gate_doctor;
mod import;
mod settings;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;
pub(crate) use import::{import_registry_config, is_unverified};

/// The settings of containerd.
const CONFIG_TOML: &str = "/etc/containerd/config.toml";

/// The folders of registries.
const CERTS_FOLDER: &str = "/etc/containerd/certs.d";

/// The folder of image verifiers, by default.
const VERIFIER_FOLDER: &str = "/opt/containerd/image-verifier/bin";

/// The name of pullgate in that folder.
const VERIFIER_NAME: &str = "pullgate-image-verifier";

/// The program that the link leads to.
const PROGRAM: &str = "/usr/bin/pullgate";

/// The settings of pullgate's image verifier.
const VERIFIER_SETTINGS: &str = "/etc/pullgate/image-verifier.toml";

/// The policy file of a host.
const POLICY_FILE: &str = "/etc/pullgate/policy.toml";

/// The service of containerd.
const SERVICE: &str = "containerd.service";
