//! Podman, Skopeo, Buildah and CRI-O, which share containers/image: `policy.json` says which images are accepted,
//! `registries.conf` how registries are reached, and `certs.d` by which authorities.

mod doctor;
mod engine_conf;
mod export;
mod gate;
mod import;
mod registries_conf;
mod signature_policy;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;
pub(crate) use registries_conf::matches_prefix;

/// The file that says which images are accepted.
const POLICY_JSON: &str = "/etc/containers/policy.json";

/// The settings of registries.
const REGISTRIES_CONF: &str = "/etc/containers/registries.conf";

/// The folder of additions to them. The last one that names a registry counts.
const REGISTRIES_FOLDER: &str = "/etc/containers/registries.conf.d";

/// The addition that is pullgate's, by its name behind all others.
const OWN_REGISTRIES: &str = "/etc/containers/registries.conf.d/zz-pullgate.conf";

/// The folders of registries, in the order in which they are looked for.
const CERTS_FOLDERS: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/// The addition to `containers.conf` that is pullgate's, by its name behind all others.
const GATE_CONF: &str = "/etc/containers/containers.conf.d/zz-pullgate-gate.conf";

/// The service of CRI-O.
const CRIO_SERVICE: &str = "crio.service";
