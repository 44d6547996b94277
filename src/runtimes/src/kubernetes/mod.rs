//! Kubernetes: a `ValidatingAdmissionPolicy` in CEL with its binding, which decides about images without pullgate.

mod cel;
mod doctor;
mod export;
mod import;
#[cfg(test)]
mod tests;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;

/// The file of both objects.
const POLICY_YAML: &str = "/pullgate-admission-policy.yaml";

/// The annotation with the policy in canonical form, by which it can be imported.
const POLICY_ANNOTATION: &str = "pullgate.github.io/policy";

/// The name of both objects.
const POLICY_NAME: &str = "pullgate-images";

/// The label with the name of a namespace.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";
