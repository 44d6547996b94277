//! K3s and RKE2: `registries.yaml`, from which they write the settings of their containerd. They have no whitelist:
//! pullgate decides, as image verifier of containerd or as webhook.

mod doctor;
mod export;
mod import;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;

/// The settings of registries.
const REGISTRIES_YAML: &str = "/etc/rancher/k3s/registries.yaml";

/// The folder of authorities.
const CERTS_FOLDER: &str = "/etc/rancher/k3s/certs.d";
