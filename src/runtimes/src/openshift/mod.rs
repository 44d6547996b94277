//! OpenShift: the object `Image` of its configuration, with a ConfigMap of authorities.

mod export;
mod import;

use crate::doctor::{Disagreement, DoctorRequest};
use crate::file_doctor::{self, FileTerms};
use crate::host_files::HostFileError;
use crate::target::Target;

pub use export::export;
pub use import::import;

/// Compares a policy with the object `Image`, as `oc get image.config cluster -o yaml` prints it, and its ConfigMap.
pub fn diagnose(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let terms = FileTerms { target: Target::Openshift, program: "OpenShift", whitelist: "`allowedRegistries`" };
    file_doctor::diagnose(request, &terms)
}

/// The file of both objects.
const IMAGE_YAML: &str = "/openshift-image.yaml";

/// The API group of the configuration.
const API_VERSION: &str = "config.openshift.io/v1";

/// The name of the ConfigMap.
const AUTHORITIES_NAME: &str = "pullgate-registry-authorities";

/// The namespace in which OpenShift looks for it.
const AUTHORITIES_NAMESPACE: &str = "openshift-config";

/// Registries that a cluster pulls its own images from.
const CLUSTER_REGISTRIES: [&str; 3] =
    ["quay.io", "registry.redhat.io", "image-registry.openshift-image-registry.svc:5000"];

/// Returns the key of a registry in the ConfigMap, in which `..` stands for the colon before the port.
fn authority_key(registry: &str) -> String {
    registry.replace(':', "..")
}
