//! `policy.json` as containers/image reads it: requirements of scopes.

use crate::config_value::{ConfigMember, ConfigSyntaxError, ConfigValue, read_json};
use crate::scopes::parents_of;

/// The requirement that accepts every image.
const ACCEPT: &str = "insecureAcceptAnything";

/// The requirement that accepts none.
const REJECT: &str = "reject";

/// A parsed file.
#[derive(Debug)]
pub(super) struct SignaturePolicy {
    pub document: ConfigValue,
}

/// The effect of requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    Accept,
    Reject,
    /// Signatures are required.
    Signed,
}

impl SignaturePolicy {
    pub fn parse(text: &str) -> Result<Self, ConfigSyntaxError> {
        let document = read_json(text)?;
        match document.get("default") {
            Some(_) => Ok(Self { document }),
            None => Err(ConfigSyntaxError { line: 1, message: "there is no `default`".to_owned() }),
        }
    }

    /// Returns the scopes of registries.
    pub fn docker_scopes(&self) -> &[ConfigMember] {
        self.document.at(&["transports", "docker"]).map(ConfigValue::members).unwrap_or_default()
    }

    /// Returns the requirements of images without a scope of their own.
    pub fn default_of(&self, transport: &str) -> &ConfigValue {
        let of_transport = self.document.at(&["transports", transport, ""]);
        of_transport.or_else(|| self.document.get("default")).unwrap_or(&self.document)
    }

    /// Returns the requirements that decide about the images of a scope.
    pub fn requirements_of(&self, scope: &str) -> &ConfigValue {
        let scopes = self.docker_scopes();
        let parents = parents_of(scope);
        let decisive = parents.iter().find_map(|parent| scopes.iter().rev().find(|member| member.name == *parent));
        decisive.map_or_else(|| self.default_of("docker"), |member| &member.value)
    }
}

/// Returns the effect of a list of requirements, all of which must hold.
pub(super) fn effect(requirements: &ConfigValue) -> Requirement {
    let kinds =
        requirements.elements().iter().map(|each| each.get("type").and_then(ConfigValue::as_str).unwrap_or(REJECT));
    let mut effect = if requirements.elements().is_empty() { Requirement::Reject } else { Requirement::Accept };
    for kind in kinds {
        effect = match (kind, effect) {
            (REJECT, _) | (_, Requirement::Reject) => Requirement::Reject,
            (ACCEPT, other) => other,
            _ => Requirement::Signed,
        };
    }
    effect
}

/// Returns the requirement that accepts every image.
pub(super) fn accept() -> ConfigValue {
    ConfigValue::list([ConfigValue::map([("type", ConfigValue::string(ACCEPT))])])
}

/// Returns the requirement that accepts no image.
pub(super) fn reject() -> ConfigValue {
    ConfigValue::list([ConfigValue::map([("type", ConfigValue::string(REJECT))])])
}
