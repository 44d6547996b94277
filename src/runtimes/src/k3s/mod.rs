//! K3s and RKE2: `registries.yaml`, from which they write the settings of their containerd. They have no whitelist:
//! pullgate decides, as image verifier of containerd or as webhook.

mod doctor;
mod export;
mod gate_doctor;
mod import;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;

/// The settings of registries.
const REGISTRIES_YAML: &str = "/etc/rancher/k3s/registries.yaml";

/// The folder of authorities.
const CERTS_FOLDER: &str = "/etc/rancher/k3s/certs.d";

/// The settings of K3s, and the folder of additions to them.
const CONFIG_YAML: &str = "/etc/rancher/k3s/config.yaml";
const CONFIG_FOLDER: &str = "/etc/rancher/k3s/config.yaml.d";

/// The addition that is pullgate's.
const GATE_YAML: &str = "/etc/rancher/k3s/config.yaml.d/pullgate-gate.yaml";

/// The setting by which a registry itself is not asked after its endpoints.
const FALLBACK_SETTING: &str = "disable-default-registry-endpoint";

/// The name that stands for every registry.
const EVERY_REGISTRY: &str = "*";

/// The services of K3s and RKE2, the first one where none is known.
const SERVICES: [&str; 4] = ["k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service"];

/// The prefix of variables that K3s passes on to its containerd alone.
const VARIABLE_PREFIX: &str = "CONTAINERD_";
